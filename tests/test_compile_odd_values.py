"""Whatever stands in a definition, checking it ends with mistakes and never with a crash."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

from holdfast.compile import check_app
from holdfast.definition import Answer, App, Pipe, Provider, Queue, RateLimit
from holdfast.verify import bearer


class Unhashable:
    """Equal to nothing, and of no use as a key."""

    __hash__ = None  # type: ignore[assignment]  # that is how Python spells it

    def __eq__(self, other: object) -> bool:
        return False


def odd_function(*, needed: int) -> None: ...


ODD: tuple[Any, ...] = (
    None, True, 0, -1, 10**400, 0.5, float("nan"), float("inf"), "", "x", "\0", "ä" * 200, "1" * 400 + "d",
    b"x", [], [None], [[]], ["x", 7], {}, {"a": object()}, {1: 2}, {"a": "b"}, (), set(), object(), Unhashable(),
    print, len, odd_function, lambda: None, int, type, App, App(), Queue, range(3), ..., inspect,
)  # fmt: skip

SETTINGS = [name for name in inspect.signature(App.webhook).parameters if name != "self"]
RECORDS: list[tuple[str, type[Any], dict[str, Any]]] = [
    ("queue", Queue, {}),
    ("pipe", Pipe, {}),
    ("answer", Answer, {}),
    ("rate_limit", RateLimit, {"per_second": 1}),
    ("provider", Provider, {"name": "x", "title": "X", "verification": bearer("env:X")}),
]


def check(**given: Any) -> None:
    """Check a webhook with these settings, with a handler and, apart, with a type to work."""
    app = App()
    for name in ("one", "two"):
        webhook: Any = app.webhook(**{"path": f"/{name}", **given})
        if name == "one":
            webhook(lambda event: event)
        else:
            webhook.on("x")(odd_function)

    assert all(str(mistake) for mistake in check_app(app))


@pytest.mark.parametrize("setting", SETTINGS)
def test_odd_settings_are_mistakes_at_most(setting: str) -> None:
    """No value of any kind in any setting raises while a definition is checked."""
    for value in ODD:
        check(**{setting: value})


@pytest.mark.parametrize(
    ("setting", "record", "given", "field"),
    [
        (setting, record, given, field.name)
        for setting, record, given in RECORDS
        for field in fields(record)
    ],
)
def test_odd_fields_are_mistakes_at_most(
    setting: str, record: type[Any], given: dict[str, Any], field: str
) -> None:
    """Nor does one in a record of settings."""
    for value in ODD:
        check(**{setting: record(**{**given, field: value})})


def test_odd_handlers_patterns_and_forwards_are_mistakes_at_most() -> None:
    """Nor does whatever is decorated, asked for or forwarded to."""
    for value in ODD:
        app = App()
        app.webhook("/handler").handler(value)
        app.webhook("/pattern", event_type="json:t").on(value)(odd_function)
        app.webhook("/typed", event_type="json:t").on("x")(value)
        app.webhook("/url").forward(value)
        app.webhook("/timeout").forward("http://h/", timeout=value, sign=value)
        app.webhook("/tasks", workflow={"StartAt": "A", "States": {}}, tasks=[value])
        if isinstance(value, str | int):
            tasks: Any = {value: value}
            app.webhook("/named", workflow={"StartAt": "A", "States": {}}, tasks=tasks)
        assert check_app(app)


def test_an_app_of_an_odd_name_is_a_mistake_at_most() -> None:
    """Nor does the name of the App."""
    for value in ODD:
        assert check_app(App(value))
