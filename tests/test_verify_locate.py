"""Finding a delivery id or an event type where a sender puts it."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from holdfast.message import Headers, Request
from holdfast.verify.locate import Locator, json_all, json_at
from holdfast.verify.naming import delivery_id, event_type, naming_mistakes, reading_of
from holdfast.verify.reading import Reading

DOCUMENT = {
    "id": "j1",
    "number": 17,
    "zero": 0,
    "fraction": 1.5,
    "yes": True,
    "nothing": None,
    "empty": "",
    "half": "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    "a": {"b": [{"c": "deep"}, "x"], "0": "named"},
    "events": [{"id": "e1", "type": "made"}, {"id": "e2", "type": "made"}],
    "mixed": [{"id": "e1", "type": "made"}, {"type": "lost"}],
    "none": [],
}
TOKEN = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", b'{"jti":"t1"}', b"sig")
)


def reading(body: bytes | None = None, content_type: str = "", query: str = "") -> Reading:
    headers = Headers.of(
        {"X-Id": "h1", "X-Empty": "", "X-Token": TOKEN, "Content-Type": content_type}
    )
    data = orjson.dumps(DOCUMENT) if body is None else body
    return Reading(Request("POST", "/in", query, headers, data))


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (("header:x-id", "json:id"), "h1"),
        (("header:X-None", "json:id"), "j1"),
        (("header:X-None,X-Id",), "h1"),
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
        (("json:id + json:number",), "j1.17"),
        (("json:id + json:yes",), "j1.true"),
        (("json:id + json:nothing", "header:X-Id"), "h1"),
        (("json:events.*.id",), "e1,e2"),
        (("json:mixed.*.id", "header:X-Id"), "h1"),
        (("json:none.*.id",), None),
        (("json:id.*.id",), None),
        (("jwt:X-Token.jti",), "t1"),
        (("jwt:X-Token.sub", "jwt:X-Id.jti", "jwt:X-None.jti"), None),
        (("json:id|sha256hex",), "3e1c0a7f"),
        (("json:id|pair:x",), None),
    ],
)
def test_places_are_tried_in_order(places: tuple[str, ...], expected: str | None) -> None:
    """The first that leads to a name wins; nothing is made up, and of two parts none may lack."""
    found = delivery_id(places, reading())

    if "|sha256hex" in "".join(places):
        assert found is not None
        assert len(found) == 64
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (("json:events.*.type",), "made"),
        (("json:mixed.*.type",), None),
        (("json:mixed.*.type", "json:id"), "j1"),
        (("json:id + json:number",), "j1.17"),
    ],
)
def test_a_batch_has_a_type_where_all_of_it_agrees(
    places: tuple[str, ...], expected: str | None
) -> None:
    """One type for all, or none: half of a batch must not be taken for the whole."""
    assert event_type(places, reading()) == expected


def test_a_batch_is_named_by_all_of_its_items() -> None:
    """So a batch that holds an old item and a new one is no duplicate; a long name becomes its hash."""
    places = ("json:*.id",)

    def named(*ids: str) -> str | None:
        return delivery_id(places, reading(orjson.dumps([{"id": id} for id in ids])))

    assert named("a") == "a"
    assert named("a", "b") == "a,b"
    many = named(*(f"event-{number}" for number in range(100)))
    assert many is not None
    assert many.startswith("sha256:")
    assert len(many) == 71
    assert many != named(*(f"event-{number}" for number in range(101)))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"a=1&payload=%7B%22type%22%3A%22block%22%7D&a=2"),
        ("", b"a=1&payload=%7B%22type%22%3A%22block%22%7D"),
        (
            "multipart/form-data; boundary=b",
            b"\r\n".join(
                (
                    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1',
                    b'--b\r\nContent-Disposition: form-data; name="payload"\r\n\r\n{"type":"block"}',
                    b"--b--",
                )
            ),
        ),
    ],
)
def test_a_form_is_read_too(content_type: str, body: bytes) -> None:
    """Its fields, and the JSON that one of them holds."""
    came = reading(body, content_type)

    assert delivery_id(("form:none", "form:a"), came) == "1"
    assert event_type(("form:payload#type",), came) == "block"
    assert event_type(("form:payload#type.more", "form:a#type"), came) is None


def test_a_query_is_read_too() -> None:
    """Of a repeated parameter the first."""
    assert delivery_id(("query:id",), reading(query="id=7&id=8")) == "7"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"--b", b"&".join([b"a=1"] * 1001), b"\xff=1", b"a=%ff"]
)
def test_what_is_no_document_names_nothing_that_breaks(body: bytes) -> None:
    """A name can always be stored: no half characters, and none at all where nothing is found."""
    for content_type in ("", "multipart/form-data", "multipart/form-data; boundary=b"):
        found = delivery_id(("json:id", "form:a", "form:\udcff"), reading(body, content_type))
        assert found is None or found.encode("utf-8")


def test_numbers_that_lost_digits_are_no_ids() -> None:
    """Two ids past 64 bits could be read as the same float, and the second event be lost."""
    assert delivery_id(("json:id",), reading(b'{"id":123456789012345678901234567890}')) is None


def test_the_body_is_parsed_only_if_needed() -> None:
    """A header that answers costs no parsing; JSON that was parsed before is taken as it is."""
    came = reading(b'{"id":"body"}')

    assert delivery_id(("header:X-Id", "json:id"), came) == "h1"
    came.document = {"id": "known"}
    assert delivery_id(("json:id",), came) == "known"
    assert delivery_id(("json:id",), reading_of(came.request, None)) == "body"


def test_locators_are_parsed_and_judged() -> None:
    """What is no locator is told with what there is."""
    assert str(Locator.parse("json:a.b?|compact")) == "json:a.b"
    assert naming_mistakes(("header:X", "json:a.b", "form:a#b", "query:id", "jwt:X.jti")) == []
    assert len(naming_mistakes(("X-Id", "header:", "sig:t", "json-text:a", "json:a|up"))) == 5
    for text in ("X-Id", "json:", "json:a..b", "json:a b", "header:X Y", "jwt:X", "form:#a", "?"):
        with pytest.raises(ValueError, match="header:"):
            Locator.parse(text)


def test_json_at_walks_anything() -> None:
    """A path into what is no object or list leads nowhere."""
    document: Any = [{"a": 1}, {"a": [2, 3]}]

    assert json_at("text", "a") is None
    assert json_at(document, "0.a") == 1
    assert list(json_all(document, "*.a")) == [1, [2, 3]]
    assert list(json_all([{"a": [1]}, {"a": [2, 3]}], "*.a.*")) == [1, 2, 3]
    assert list(json_all(document, "*")) == document
    assert list(json_all({"a": 1}, "*.a")) == [None]
