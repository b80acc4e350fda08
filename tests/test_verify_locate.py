"""Finding a delivery id or an event type where a sender puts it."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.message import Headers
from holdfast.verify.locate import Locator, json_at, locate, locator_mistakes

HEADERS = Headers.of({"X-Id": "h1", "X-Empty": ""})
DOCUMENT = {
    "id": "j1",
    "number": 17,
    "zero": 0,
    "fraction": 1.5,
    "yes": True,
    "nothing": None,
    "empty": "",
    "a": {"b": [{"c": "deep"}, "x"], "0": "named"},
}


@pytest.mark.parametrize(
    ("locators", "expected"),
    [
        (("header:x-id", "json:id"), "h1"),
        (("header:X-None", "json:id"), "j1"),
        (("header:X-Empty", "json:empty", "json:id"), "j1"),
        (("json:number",), "17"),
        (("json:zero",), "0"),
        (("json:a.b.0.c",), "deep"),
        (("json:a.b.1",), "x"),
        (("json:a.0",), "named"),
        (("json:a.b.2",), None),
        (("json:a.b.-1",), None),
        (("json:a.b.x",), None),
        (("json:a.b." + "9" * 5000,), None),
        (("json:id.more",), None),
        (("json:a",), None),
        (("json:yes", "json:nothing", "json:fraction"), None),
        (("cookie:id",), None),
        ((), None),
    ],
)
def test_locators_are_tried_in_order(locators: tuple[str, ...], expected: str | None) -> None:
    """The first that leads to a text or a whole number wins; nothing is made up."""
    assert expected == locate(locators, HEADERS, lambda: DOCUMENT)


def test_the_body_is_parsed_only_if_needed_and_once() -> None:
    """A header that answers costs no parsing, and a body that is no JSON is asked once."""
    calls: list[None] = []

    def body() -> Any:
        calls.append(None)

    assert locate(("header:X-Id", "json:id"), HEADERS, body) == "h1"
    assert len(calls) == 0

    assert locate(("json:id", "json:type"), HEADERS, body) is None
    assert len(calls) == 1


def test_numbers_that_lost_digits_are_no_ids() -> None:
    """Two ids past 64 bits could be read as the same float, and the second event be lost."""
    assert locate(("json:id",), HEADERS, lambda: {"id": 1.2345678901234568e29}) is None


def test_locators_are_parsed_and_judged() -> None:
    """What is no locator is told with what there is."""
    assert str(Locator.parse("json:a.b")) == "json:a.b"
    assert locator_mistakes(("header:X", "json:a.b")) == []
    assert len(locator_mistakes(("X-Id", "header:", "query:id"))) == 3
    with pytest.raises(ValueError, match="header:"):
        Locator.parse("X-Id")


def test_json_at_walks_anything() -> None:
    """A path into what is no object or list leads nowhere."""
    assert json_at("text", "a") is None
    assert json_at([{"a": 1}], "0.a") == 1
