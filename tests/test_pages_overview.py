"""The first screen: what needs a hand is said once, so that what came in, waits and failed is seen."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from alert_kit import NOW_MS, a_rule, a_shop
from console_scene import served
from holdfast.alerts import AlertSeverity
from holdfast.console.pages.overview import firing, warnings
from holdfast.console.routes.front import warning_fields
from holdfast.operate.alerts.fields import alerts_fields, warned
from holdfast.operate.alerts.notes import Notes
from holdfast.operate.alerts.standing import Key, Standing
from holdfast.operate.overview import Warned
from pages_kit import read

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

        page = read(httpx.get(address).text)
        assert page.has("Dead letters 2 in 1 group · 1 parked")

        scene.client.post("/dead/park", ids=ids[1:])
        page = read(httpx.get(address).text)
        assert page.has("Dead letters 0 3 parked")
        assert page.has("No dead letters beside the 3 that are parked")
        assert "/dead?webhook=plain" not in page.links()
