"""Alerts over a real run: told to a real receiver, shown by command, API and metrics; and what the
dashboard asks of those metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from alert_kit import SECRET
from cli_scene import call
from holdfast.clock import SYSTEM_CLOCK
from holdfast.message import Headers, Request
from holdfast.verify import standard_webhooks
from http_target import Target, a_target
from pages_kit import read
from process_kit import PATIENCE_SECONDS, Run, get, running, until

DEFINITION: Final = """
from holdfast import Alert, Permanent, SignedWebhook, Slack, providers

app = App(
    "shop",
    alerts=[Alert.dead(), Alert.provider()],
    notify=[SignedWebhook("{url}", "env:ALERTS_SECRET"), Slack("env:SLACK_URL", at_least="critical")],
)

@app.webhook("/users")
def users(event: Event[Any]) -> None:
    raise Permanent("no money for ada@example.com")

@app.webhook("/orders")
def orders(event: Event[Any]) -> None:
    return None

app.webhook("/shop", provider=providers.shopify("env:SHOP_SECRET"), verify_at="gateway")(orders)
"""


class Shop(NamedTuple):
    run: Run
    target: Target
    slack: Target

    def call(self, *words: str) -> Any:
        now_ms = SYSTEM_CLOCK.now_ms()
        return call(*words, "--store", f"sqlite:{self.run.store}", now_ms=now_ms)

    def metrics(self) -> str:
        return get(self.run.record["ops_url"] + "/metrics").text


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Three dead letters, one event worked, eight forgeries refused; and both targets told."""
    with pytest.MonkeyPatch.context() as patch, a_target() as target, a_target() as slack:
        patch.setenv("ALERTS_SECRET", SECRET)
        patch.setenv("SHOP_SECRET", "the shop's own")
        patch.setenv("SLACK_URL", f"{slack.root}/services/T0/B0/s3cret")
        folder = tmp_path_factory.mktemp("alerts")
        with running(folder, DEFINITION.replace("{url}", target.url), "--console-port", "0") as run:
            made = Shop(run, target, slack)
            for _ in range(3):
                run.keep("/users", json={"email": "ada@example.com"})
            run.ended(run.keep("/orders"))
            for _ in range(8):
                forged = run.post("/shop", headers={"x-shopify-hmac-sha256": "AAAA"})
                assert forged.status_code == 401
            until(lambda: target.received, "the webhook was told")
            until(lambda: slack.received, "Slack was told")
            yield made


def test_the_receiver_can_check_what_it_is_told(shop: Shop) -> None:
    """Signed now, with what fails and where to look, and nothing of the events."""
    got = shop.target.received[0]
    request = Request(got.method, "/in", "a=1", Headers.of(list(got.lines)), got.body)
    standard_webhooks("env:ALERTS_SECRET").check(request, [SECRET], SYSTEM_CLOCK.now_ms() / 1000)
    data = json.loads(got.body)["data"]

    assert data["app"] == "shop"
    assert data["console_url"] == shop.run.record["console_url"]
    told = {(one["rule"], one["webhook"]) for one in data["alerts"]}
    assert told & {("dead", "users"), ("provider", "shop")}
    every = b"".join(one.body for one in shop.target.received + shop.slack.received)
    assert b"ada@example.com" not in every
    assert b"no money" not in every


def test_slack_hears_what_is_critical_only(shop: Shop) -> None:
    """The sender that is about to give up, not the dead letters."""
    told = b"".join(one.body for one in shop.slack.received)

    assert b"Shopify stops sending after 8" in told
    assert b"dead letter" not in told


def test_the_command_lists_rules_and_targets(shop: Shop) -> None:
    """With what stands, since when, and when somebody was told."""

    def settled() -> Any:
        found = shop.call("alerts", "-o", "json").json
        states = {(one["rule"], one["webhook"]): one for one in found["alerts"]}
        sent = [one["last_sent"] for one in found["targets"]]
        dead = states["dead", "users"]
        known = all(sent) and dead["last_sent"] and dead["detail"] == "3 dead letters"
        return (found, states) if known else None

    found, states = until(settled, "both targets were told, and all three letters are counted")
    assert found["watching"]
    assert states["dead", "users"]["state"] == "firing"
    assert states["dead", "orders"]["state"] == "ok"
    assert states["provider", "shop"]["severity"] == "critical"
    assert [one["kind"] for one in found["targets"]] == ["webhook", "slack"]

    shown = shop.call("alerts").out
    assert re.search(r"dead +users +firing +warning", shown)
    assert "Slack, by env:SLACK_URL" in shown
    assert "s3cret" not in shown


def test_the_api_says_the_same(shop: Shop) -> None:
    """What the console shows is what the command prints."""

    def same() -> bool:
        told = get(shop.run.record["console_url"] + "/api/v1/alerts").json()
        printed = shop.call("alerts", "-o", "json").json
        for one in (told, printed):
            one.pop("looked")
        return bool(told == printed)

    until(same, "both say the same")  # between the two somebody may have looked again


def test_the_first_screen_shows_what_stands(shop: Shop) -> None:
    """Beside what the guard warns of, which is not shown twice."""
    url = shop.run.record["console_url"]

    def shown() -> list[tuple[str, str, str]]:
        warnings = get(url + "/api/v1/overview").json()["warnings"]
        told = [(one["code"], one["webhook"], one["title"]) for one in warnings]
        return told if ("alert", "users", "alert dead: 3 dead letters") in told else []

    told = until(shown, "the console shows three dead letters")
    assert [code for code, webhook, _ in told if webhook == "shop"] == ["provider_refused"]
    page = read(get(url).text)
    assert page.has("users 3 dead letters · since")
    assert not page.has("alert dead: 3 dead letters")


def test_a_test_message_goes_to_every_target(shop: Shop) -> None:
    """And where one does not take it, that is said, and the exit code is 1."""
    done = shop.call("alerts", "test", "-o", "json")
    assert (done.code, [one["sent"] for one in done.json]) == (0, [True, True])
    assert "holdfast.alerts.test" in {json.loads(one.body)["type"] for one in shop.target.received}

    shop.slack.status, shop.slack.body = 403, b"action_prohibited"
    failed = shop.call("alerts", "test", "--target", "slack")
    shop.slack.status = 200
    assert failed.code == 1
    assert "not sent slack (Slack, by env:SLACK_URL): answered 403 action_prohibited" in failed.out
    assert shop.call("alerts", "test", "--target", "pager").code == 4


def test_the_api_sends_tests_too_and_the_book_knows(shop: Shop) -> None:
    """To those that are named; what nobody is called is not found."""
    api = shop.run.record["console_url"] + "/api/v1"
    with httpx.Client(headers={"X-Holdfast-CSRF": "1"}, timeout=PATIENCE_SECONDS) as client:
        answer = client.post(f"{api}/alerts/test", json={"targets": ["webhook"]})
        nobody = client.post(f"{api}/alerts/test", json={"targets": ["pager"]})
        acts = client.get(f"{api}/audit?action=alerts.test").json()["items"]

    (told,) = answer.json()
    assert (told["target"], told["sent"], told["error"]) == ("webhook", True, None)
    assert told["message"] in {one.headers["webhook-id"] for one in shop.target.received}
    assert nobody.status_code == 404
    assert acts[0]["target"] == "webhook"
    assert acts[0]["via"] == "console"
    assert acts[-1]["via"] == "command line"


def test_nothing_is_told_twice(shop: Shop) -> None:
    """One message began each alert, however often was looked since."""
    began = [
        (one["rule"], one["webhook"])
        for message in shop.target.received
        for one in json.loads(message.body)["data"]["alerts"]
        if one["turn"] == "began"
    ]

    assert sorted(began) == [("dead", "users"), ("provider", "shop")]


GRAFANA: Final = Path(__file__).parent.parent / "src/holdfast/grafana"
DASHBOARD: Final = json.loads((GRAFANA / "holdfast.json").read_text())
RULES: Final = (GRAFANA / "rules.yml").read_text()
_ADDED: Final = {"job", "instance"}
"""Labels that Prometheus adds when it scrapes."""
_METRIC: Final = re.compile(r"\b(holdfast_\w+)(?:\{([^}]*)\})?")
_GROUPED: Final = re.compile(r"\bby \(([^)]*)\)|\bon \(([^)]*)\)")
_TOLD: Final = re.compile(r"\{\{\s*\$?(?:labels\.)?(\w+)")


def queries() -> Iterator[tuple[str, str, str]]:
    """Where, the query, and how its series are called."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"], target["legendFormat"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"], ""
    for one in DASHBOARD["annotations"]["list"]:
        yield one["name"], one["expr"], ""
    for block in RULES.split("- alert: ")[1:]:
        name, _, rest = block.partition("\n")
        folded = re.search(r"expr: (>-\n(?: {10}.*\n)+|.*\n)", rest)
        assert folded is not None, name
        said = " ".join(_TOLD.findall(rest)).replace("value", "").split()
        yield (
            name,
            " ".join(folded[1].removeprefix(">-").split()),
            " ".join(f"{{{{{one}}}}}" for one in said),
        )


def test_every_query_asks_for_what_is_there(shop: Shop) -> None:
    """Each metric that dashboard and rules name is in a real answer, with each label they use."""
    known: dict[str, set[str]] = {}

    def complete() -> bool:
        for family in text_string_to_metric_families(shop.metrics()):
            for sample in family.samples:
                known.setdefault(sample.name, set()).update(sample.labels)
        return "holdfast_message_seconds_sum" in known and "holdfast_alerts" in known

    until(complete, "the children reported")
    found = list(queries())
    assert len(found) > 45
    for where, query, legend in found:
        named = _METRIC.findall(query)
        assert named, where
        labels: set[str] = set()
        for metric, selectors in named:
            assert metric in known, f"{where}: {metric}"
            asked = set(re.findall(r"(\w+)\s*(?:=~|!=|=)", selectors))
            assert asked <= known[metric] | _ADDED, f"{where}: {metric} has no {asked}"
            labels |= known[metric]
        grouped = {
            label.strip()
            for groups in _GROUPED.findall(query)
            for group in groups
            for label in group.split(",")
            if label.strip()
        }
        assert grouped <= labels, f"{where}: grouped by {grouped - labels}"
        assert set(_TOLD.findall(legend)) <= labels, f"{where}: {legend}"


def test_every_metric_of_a_webhook_is_on_the_dashboard(shop: Shop) -> None:
    """What is counted can be seen."""
    asked = " ".join(query for _, query, _ in queries())
    shown = {family.name for family in text_string_to_metric_families(shop.metrics())}

    assert [name for name in shown if name.startswith("holdfast_") and name not in asked] == []


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    """Ids that differ, places within the grid that do not overlap, sources that are variables."""
    panels = DASHBOARD["panels"]
    ids = [panel["id"] for panel in panels]
    taken: set[tuple[int, int]] = set()

    assert DASHBOARD["uid"] == "holdfast"
    assert DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD  # Grafana gives it
    assert len(set(ids)) == len(ids)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["type"] in {"stat", "timeseries", "table"}
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"] is not None
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
    used = set(re.findall(r"\$(\w+)", json.dumps(panels))) - {"__rate_interval"}
    assert used <= {one["name"] for one in DASHBOARD["templating"]["list"]} | {"datasource"}


def test_queries_are_balanced() -> None:
    """No parenthesis, brace or quote is left open."""
    for where, query, _ in queries():
        for one, other in ("()", "{}", "[]"):
            assert query.count(one) == query.count(other), where
        assert query.count('"') % 2 == 0, where


def test_the_command_prints_both_files() -> None:
    """Whoever installed the package has them."""
    assert json.loads(call("grafana").out) == DASHBOARD
    assert call("grafana", "--rules").out == RULES
    assert call("grafana", "-o", "json").json["file"] == "holdfast.json"
