"""Webhooks, executions, runs and the audit as pages, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import httpx
import pytest

from console_scene import SECRET, Scene, scene
from holdfast.console.pages.audit import target_path
from holdfast.console.pages.figures import pace
from holdfast.queue.contract import QueueLimits
from pages_kit import attributes, http, read, shown, wrong_with
from process_kit import until

_ = scene, http


def happened(id: int, before: int, type: str, **details: Any) -> Mapping[str, Any]:
    """An event of a history, as the machine tells it."""
    at = f"2026-11-26T01:00:00.{id:03}+00:00"
    return {"id": id, "previousEventId": before, "timestamp": at, "type": type, "details": details}


HISTORY: Final = (
    happened(1, 0, "ExecutionStarted", input={}),
    happened(2, 1, "TaskStateEntered", name="Verify", input={"messageId": "m"}),
    happened(3, 2, "TaskStateExited", name="Verify", output={"id": "o-1"}),
    happened(4, 3, "TaskStateEntered", name="Charge", input={"id": "o-1"}),
    happened(5, 4, "LambdaFunctionScheduled", resource="${charge}"),
    happened(6, 5, "LambdaFunctionFailed", error="KeyError", cause="no order 1"),
    happened(9, 6, "ExecutionFailed", error="KeyError", cause="no order 1"),
)


def test_webhooks_are_listed_with_their_switch(scene: Scene, http: httpx.Client) -> None:
    """Each with what waits and what died, and what pauses or resumes it."""
    scene.kept()
    scene.client.post("/webhooks/plain/pause")

    page = shown(http, "/webhooks")

    assert [one for one in page.links() if re.fullmatch(r"/webhooks/\w+", one)] == [
        "/webhooks/orders", "/webhooks/partner", "/webhooks/plain",
    ]  # fmt: skip
    acts = attributes(page, "data-act")
    assert "POST /api/v1/webhooks/plain/resume" in acts
    assert "POST /api/v1/webhooks/orders/pause" in acts


def test_a_secret_that_is_missing_is_said(http: httpx.Client) -> None:
    """By its name, with what does not work without it; on the settings it is missing too."""
    page = shown(http, "/webhooks/partner")
    assert page.has(
        "The secret env:NOT_SET is not there. Without it nothing that comes in can be verified."
    )
    assert shown(http, "/webhooks/partner?view=settings").has("missing for verification")


def test_a_webhook_is_drawn_as_it_is_wired(scene: Scene, http: httpx.Client) -> None:
    """Five stations with their numbers, each leading to its list; the workflow state by state."""
    scene.dead("orders", "KeyError", "x", "Charge")
    scene.kept("orders")
    scene.client.post("/webhooks/orders/pause")

    page = shown(http, "/webhooks/orders")

    for told in ("POST /orders", "1 waiting", "paused", "5 states", "after 3 tries"):
        assert page.has(told)
    links = page.links()
    assert {"/events?webhook=orders", "/events?webhook=orders&state=waiting", "#workflow",
            "/dead?webhook=orders"} <= set(links)  # fmt: skip
    states = [one for one in attributes(page, "data-state") if one in ("Charge", "Ship", "Stop")]
    assert sorted(states) == ["Charge", "Ship", "Stop"]
    assert page.has("body.total > 100")
    assert page.has("tried again: Busy up to 3 times")


def test_settings_are_told_and_secrets_are_not(http: httpx.Client) -> None:
    """Every number of the definition, whether each secret is there, and nothing of any."""
    page = shown(http, "/webhooks/orders?view=settings")

    for told in ("env:ORDERS_SECRET", "there", "as the workflow's first state", "3 times", "7d"):
        assert page.has(told)
    assert page.has("a Python function, called with the whole event")
    assert SECRET not in http.get("/webhooks/orders?view=settings").text
    missing = shown(http, "/webhooks/partner")
    assert missing.has("The secret env:NOT_SET is not there.")


def test_a_sample_can_be_changed_and_sent(http: httpx.Client) -> None:
    """Made up from the schema, laid out; without a gateway the page says what to start."""
    page = shown(http, "/webhooks/orders?view=test")

    (form,) = [one for one in page.all("form") if "data-act" in one.attributes]
    assert form.attributes["data-act"] == "POST /api/v1/webhooks/orders/sample"
    assert form.attributes["data-then"] == "visit:/events/{id}"
    assert page.has('{ "id": "sample", "total": 1 }')
    assert page.has("Start one: holdfast run")
    send = next(one for one in page.all("button") if one.attributes.get("data-key") == "mod+Enter")
    assert "disabled" in send.attributes


def test_a_webhook_that_is_nowhere_is_none(http: httpx.Client) -> None:
    """Said as a page."""
    assert shown(http, "/webhooks/nothing", 404).has("no webhook nothing")


def test_a_webhook_of_earlier_has_a_page(scene: Scene, http: httpx.Client) -> None:
    """The store still knows it: what waits can be seen, and that nothing works it."""
    scene.engine.configure({"gone-by": QueueLimits()})
    scene.kept("gone-by")

    assert "/webhooks/gone-by" in shown(http, "/webhooks").links()
    page = shown(http, "/webhooks/gone-by")
    assert page.has("not defined")
    assert page.has("1 waiting")
    for view in ("settings", "test"):
        assert shown(http, f"/webhooks/gone-by?view={view}").has("Not defined here")


def test_an_execution_is_found_from_the_list(scene: Scene, http: httpx.Client) -> None:
    """By when it began: the list leads to the right one of several."""
    id = scene.dead("orders", "KeyError", "no order 1", "Charge", history=HISTORY)
    row = next(one for one in shown(http, "/executions").links() if f"/events/{id}/exec" in one)

    answer = http.get(row)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/events/{id}/executions/0")
    assert http.get(f"/events/{id}/executions?started=2020-01-01").status_code == 404
    assert shown(http, "/executions?status=SUCCEEDED").has("No execution matches")
    assert shown(http, "/executions?webhook=orders&status=FAILED").has("KeyError")


def test_an_execution_shows_its_path_and_a_state(scene: Scene, http: httpx.Client) -> None:
    """The state that failed first; any other by its link: input, output, error."""
    id = scene.dead("orders", "KeyError", "no order 1", "Charge", history=HISTORY)
    path = f"/events/{id}/executions/0"

    page = shown(http, path)

    classes = {
        one.attributes["data-state"]: (one.attributes["class"] or "").split()
        for one in page.elements
        if "data-state" in one.attributes and one.name == "g"
    }
    assert "came-succeeded" in classes["Verify"]
    assert {"came-failed", "selected"} <= set(classes["Charge"])
    assert "came-none" in classes["Ship"]
    assert page.has("no order 1")
    assert page.has("History, 7 events")
    verify = shown(http, next(one for one in page.links() if "state=Verify" in one))
    assert verify.has('"messageId": "m"')
    assert shown(http, f"{path}?state=Ship").has("It was not passed.")
    shown(http, f"/events/{id}/executions/7", 404)


def test_what_went_wrong_is_shown_first(scene: Scene, http: httpx.Client) -> None:
    """Where nobody noted the state: the one that did not come out, and not the last."""
    history = (
        happened(1, 0, "ExecutionStarted", input={}),
        happened(2, 1, "TaskStateEntered", name="Verify", input={}),
        happened(3, 2, "TaskStateEntered", name="Charge", input={}),
        happened(4, 3, "TaskStateExited", name="Charge", output={}),
        happened(5, 4, "ExecutionTimedOut"),
    )
    id = scene.dead("orders", "States.Timeout", "", "", history=history)

    page = shown(http, f"/events/{id}/executions/0")

    selected = [
        one.attributes["data-state"]
        for one in page.all("g")
        if "selected" in (one.attributes.get("class") or "").split()
    ]
    assert selected == ["Verify"]


def test_large_values_are_shown_as_far_as_they_fit(scene: Scene, http: httpx.Client) -> None:
    """A mebibyte that went through a state does not become a mebibyte of page."""
    large = {"rows": ["x" * 1_000] * 1_024}
    history = [*HISTORY[:1], happened(2, 1, "TaskStateEntered", name="Verify", input=large),
               *HISTORY[2:]]  # fmt: skip
    id = scene.dead("orders", "KeyError", "no", "Charge", history=tuple(history))

    answer = http.get(f"/events/{id}/executions/0?state=Verify")

    assert read(answer.text).has("the beginning of")
    assert len(answer.text) < 100_000


def test_an_execution_without_its_history_says_so(scene: Scene, http: httpx.Client) -> None:
    """What was not kept is not made up."""
    id = scene.dead("plain", "KeyError", "x", "Handle")

    page = shown(http, f"/events/{id}/executions/0")

    assert page.has("It was not passed.")
    assert not page.has("In order")


def test_a_run_tells_how_far_it_is(scene: Scene, http: httpx.Client) -> None:
    """Its letters by what became of them, who began it, and what can be done while it goes."""
    for n in range(3):
        scene.dead("plain", "ValueError", f"x {n}")
    (group,) = scene.client.get("/dead/groups")["items"]
    run = scene.client.post(
        "/dead/redrive", 202, group=group["id"], try_first=1, go_on=False
    )["id"]  # fmt: skip
    until(lambda: scene.client.get(f"/runs/{run}")["sent"] == 1, "one is sent")

    page = shown(http, f"/runs/{run}")

    assert page.has("3 letters")
    assert page.has("under way1")
    acts = attributes(page, "data-act")
    assert acts == [f"POST /api/v1/runs/{run}/cancel"]
    for path in ("/runs", "/dead", f"/dead/groups/{group['id']}"):
        assert shown(http, path).has("redrive of 3 letters")
    assert (
        "POST /api/v1/dead/redrive"
        not in attributes(shown(http, f"/dead/groups/{group['id']}"), "data-act")[:1]
    )
    scene.client.post(f"/runs/{run}/cancel")
    until(lambda: not scene.client.get(f"/runs/{run}")["active"], "it is over")
    over = shown(http, f"/runs/{run}")
    assert over.has("cancelled")
    assert over.has("under way when it ended1")
    assert attributes(shown(http, f"/runs/{run}"), "data-act") == []
    assert f"/runs/{run}" in shown(http, "/runs").links()
    shown(http, "/runs/0123456789abcdef0123456789abcdef", 404)


def test_a_run_that_tried_waits_to_be_told(scene: Scene, http: httpx.Client) -> None:
    """Once the first are done, the rest is one key away."""
    for n in range(3):
        scene.dead("plain", "ValueError", f"x {n}")
    (group,) = scene.client.get("/dead/groups")["items"]
    run = scene.client.post(
        "/dead/redrive", 202, group=group["id"], try_first=1, go_on=False
    )["id"]  # fmt: skip
    until(lambda: scene.client.get(f"/runs/{run}")["sent"] == 1, "one is sent")
    (lease,) = scene.engine.receive("plain", 10, 60)
    scene.engine.settle([lease.receipt])
    until(lambda: scene.client.get(f"/runs/{run}")["stage"] == "tried", "it waits")

    page = shown(http, f"/dead/groups/{group['id']}")

    assert page.has("Go on with 2")
    assert f"POST /api/v1/runs/{run}/go-on" in attributes(page, "data-act")


def test_the_audit_tells_who_did_what(scene: Scene, http: httpx.Client) -> None:
    """Newest first, with the way to what was acted upon; filters are in the address."""
    id = scene.dead("plain", "ValueError", "x")
    scene.client.post("/webhooks/plain/pause")
    scene.client.post("/dead/park", ids=[id])

    page = shown(http, "/audit")

    assert page.has("park put dead letters aside: 1 letter")
    assert page.has("pause stopped working a webhook's messages")
    assert f"/events/{id}" in page.links()
    assert not shown(http, "/audit?action=pause").has("put dead letters aside")
    assert shown(http, "/audit?action=purge").has("Nothing like that was done")


@pytest.mark.parametrize(
    ("action", "target", "path"),
    [
        ("redrive", "r" * 32, "/runs/" + "r" * 32),
        ("redrive.cancel", "r" * 32, "/runs/" + "r" * 32),
        ("park", "a" * 16, "/dead/groups/" + "a" * 16),
        ("purge", "e" * 32, "/events/" + "e" * 32),
        ("edit", "e" * 32, "/events/" + "e" * 32),
        ("pause", None, None),
        ("something new", "x", None),
    ],
)
def test_an_act_leads_to_its_target(action: str, target: str | None, path: str | None) -> None:
    """By what kind of thing it was."""
    assert target_path(action, target) == path


@pytest.mark.parametrize(
    ("per_second", "told"),
    [(0, "0/s"), (1.25, "1.2/s"), (0.5, "0.5/s"), (1_250, "1,250/s"), (0.05, "3/min"),
     (0.01, "36/h"), (0.0001, "less than 1/h")],
)  # fmt: skip
def test_a_pace_is_told_in_a_unit_of_its_own(per_second: float, told: str) -> None:
    """However slow, it is a number that people can read."""
    assert pace(per_second) == told


def test_every_live_part_can_be_fetched_alone(scene: Scene, http: httpx.Client) -> None:
    """What the scripts ask for is there, and says the same as in the whole page."""
    id = scene.dead("orders", "KeyError", "no order 1", "Charge", history=HISTORY)
    (group,) = scene.client.get("/dead/groups")["items"]
    other = scene.dead("plain", "ValueError", "x")
    run = scene.client.post("/dead/redrive", 202, ids=[other])["id"]
    paths = [
        "/dead", f"/dead/groups/{group['id']}", "/dead/letters", "/webhooks", "/webhooks/orders",
        "/executions", "/runs", f"/runs/{run}", "/audit",
    ]  # fmt: skip
    for path in paths:
        names = attributes(shown(http, path), "data-fragment")
        assert names, path
        for name in names:
            part = http.get(path, headers={"x-holdfast-fragment": name})
            assert part.status_code == 200, (path, name)
            assert "<html" not in part.text
            assert wrong_with(part.text) == []
    assert id in http.get(paths[1], headers={"x-holdfast-fragment": "letters"}).text
