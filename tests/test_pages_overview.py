"""The first screen: what needs a hand is said shortly, so that what came in, waits and failed is seen."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from alert_kit import NOW_MS, a_rule, a_shop
from console_scene import served
from holdfast.alerts import AlertSeverity
from holdfast.console.pages.overview import banners
from holdfast.console.routes.front import warning_fields
from holdfast.operate.alerts.fields import warned
from holdfast.operate.alerts.notes import Notes
from holdfast.operate.alerts.standing import Key, Standing
from holdfast.operate.overview import Warned
from pages_kit import read


def standing(severity: AlertSeverity, detail: str) -> Standing:
    return Standing(NOW_MS, severity, 7, detail, told_ms=NOW_MS)


def test_a_rule_is_told_once_for_all_of_its_webhooks() -> None:
    """With what each of them has; where it is critical for some only, these stand by themselves."""
    both = ("users", "orders")
    shop = a_shop((a_rule("dead", webhooks=both, over=0), a_rule("depth", webhooks=both)))
    notes = Notes(
        standing={
            Key("dead", "users"): standing("warning", "7 dead letters"),
            Key("dead", "orders"): standing("warning", "9 dead letters"),
            Key("depth", "users"): standing("warning", "200 waiting"),
            Key("depth", "orders"): standing("critical", "900 waiting"),
        }
    )

    found = banners([warning_fields(one) for one in warned(shop, notes)])

    told = [
        (one.severity, one.rule, [(each["webhook"], each["facts"]["detail"]) for each in one.of])
        for one in found
    ]
    assert told == [
        ("critical", "depth", [("orders", "900 waiting")]),
        ("warning", "dead", [("users", "7 dead letters"), ("orders", "9 dead letters")]),
        ("warning", "depth", [("users", "200 waiting")]),
    ]
    assert [one.title for one in found][:2] == ["more than 100 waiting", "dead letters"]


def test_what_is_critical_stands_first() -> None:
    """Each as it is, with nothing left out, and otherwise in the order in which it came."""
    given = [
        Warned("pipe_paused", "warning", "is paused", "users", "3 wait", NOW_MS),
        Warned("provider_slow", "warning", "answers are slow", "orders"),
        Warned("secret_missing", "critical", "a secret is missing", "users"),
        Warned("pipe_paused", "warning", "is paused", "orders"),
    ]

    found = banners([warning_fields(one) for one in given])

    assert [(one.title, one.webhook) for one in found] == [
        ("a secret is missing", "users"),
        ("is paused", "users"),
        ("answers are slow", "orders"),
        ("is paused", "orders"),
    ]
    assert (found[1].detail, found[1].since) == ("3 wait", "2023-11-14T22:13:20.000Z")


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
