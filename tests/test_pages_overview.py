"""The first screen, and the way to it: what needs a hand is said once, so that all of it is seen."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from alert_kit import NOW_MS, a_rule, a_shop
from console_scene import TOKEN, served
from holdfast.alerts import AlertSeverity
from holdfast.console.pages.overview import firing, warnings
from holdfast.console.routes.front import warning_fields
from holdfast.operate.alerts.fields import alerts_fields, warned
from holdfast.operate.alerts.notes import Notes
from holdfast.operate.alerts.standing import Key, Standing
from holdfast.operate.overview import Warned
from holdfast.runtime.console_options import ConsoleOptions
from pages_kit import read
from process_kit import get

BOTH = ("users", "orders")
SHOP = a_shop(
    (
        a_rule("dead", webhooks=BOTH, over=0),
        a_rule("provider", webhooks=BOTH, over=None),
        a_rule("depth", webhooks=BOTH),
    )
)


def standing(severity: AlertSeverity, detail: str) -> Standing:
    return Standing(NOW_MS, severity, 7, detail, told_ms=NOW_MS)


NOTES = Notes(
    standing={
        Key("dead", "users"): standing("warning", "7 dead letters"),
        Key("provider", "users"): standing("critical", "its answers are slow"),
        Key("depth", "orders"): standing("critical", "900 waiting"),
    }
)


def test_alerts_stand_together_the_critical_ones_first() -> None:
    """Those that do not hold are left out, and what the provider guard says in its own words."""
    found = firing(alerts_fields(SHOP, NOTES, watching=True)["alerts"])

    assert [(one["severity"], one["webhook"], one["detail"]) for one in found] == [
        ("critical", "orders", "900 waiting"),
        ("warning", "users", "7 dead letters"),
    ]


def test_an_alert_is_no_warning_as_well() -> None:
    """Everything else is one, in the order in which it came, but what is critical stands first."""
    given = [
        Warned("pipe_paused", "warning", "is paused", "users"),
        *warned(SHOP, NOTES),
        Warned("secret_missing", "critical", "a secret is missing", "users"),
        Warned("alerts_untold", "warning", "alerts do not reach slack"),
    ]

    found = warnings([warning_fields(one) for one in given])

    assert len(given) == 5
    assert [one["title"] for one in found] == [
        "a secret is missing",
        "is paused",
        "alerts do not reach slack",
    ]


def test_what_is_put_aside_is_not_among_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of dead letters is that of the groups below it; parked ones are told beside it."""
    with served(tmp_path, monkeypatch) as scene:
        ids = [scene.dead("plain", "ValueError", f"x {n}") for n in range(3)]
        scene.client.post("/dead/park", ids=ids[:1])
        address = f"http://127.0.0.1:{scene.port}/"

        page = read(get(address).text)
        assert page.has("Dead letters 2 in 1 group · 1 parked")

        scene.client.post("/dead/park", ids=ids[1:])
        page = read(get(address).text)
        assert page.has("Dead letters 0 3 parked")
        assert page.has("No dead letters beside the 3 that are parked")
        assert "/dead?webhook=plain" not in page.links()


def test_an_event_tells_that_its_webhook_is_paused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why it waits, and where that is ended; one that waits for its turn says nothing of the kind."""
    with served(tmp_path, monkeypatch) as scene:
        id = scene.kept("plain")
        address = f"http://127.0.0.1:{scene.port}/events/{id}"
        assert not read(get(address).text).has("is paused")

        scene.client.post("/webhooks/plain/pause")

        page = read(get(address).text)
        assert page.has("Waiting until its webhook is resumed: plain is paused")
        assert "/webhooks/plain" in page.links()


def test_a_refusal_claims_no_empty_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was refused by its headers had one, which nobody read: that is not a body of 0 bytes."""
    with served(tmp_path, monkeypatch) as scene:
        address = f"http://127.0.0.1:{scene.port}/refusals/"

        unread = read(get(address + scene.refused("unsupported_media_type", b"")).text)
        assert unread.has("No body was kept.")
        assert not unread.has("0 B")
        assert not unread.has("beginning of its body")

        begun = read(get(address + scene.refused()).text)
        assert begun.has("with the beginning of its body.")
        assert begun.has("10 B")


def test_who_follows_a_link_from_elsewhere_need_not_sign_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A strict cookie is not sent along from there: the page with the token asks once more, from
    here; and whoever has none is asked for it once."""
    options = ConsoleOptions(tokens=("ada=env:ADA_TOKEN",))
    with (
        served(tmp_path, monkeypatch, options) as scene,
        httpx.Client(base_url=f"http://127.0.0.1:{scene.port}") as http,
    ):

        def followed(site: str, next: str) -> httpx.Response:
            headers = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
            return http.get("/login", params={"next": next}, headers=headers)

        from_slack = followed("cross-site", "/dead?webhook=a b&x=;")
        again = "/login?next=%2Fdead%3Fwebhook%3Da+b%26x%3D%3B"
        assert from_slack.status_code == 200
        assert from_slack.headers["refresh"] == f"0; url={again}"
        assert followed("cross-site", "//evil.example.com").headers["refresh"] == (
            "0; url=/login?next=%2F"
        )
        assert "refresh" not in followed("same-origin", "/dead").headers
        assert "refresh" not in followed("none", "/dead").headers

        http.post("/login", data={"token": TOKEN})
        assert http.get(again).headers["location"] == "/dead?webhook=a%20b&x=;"
