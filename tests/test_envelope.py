"""The envelope: what goes in comes out, from our gateway and from API Gateway's template alike."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.envelope import decode, encode
from holdfast.errors import EnvelopeInvalid
from holdfast.message import Headers, Message, Request

NOW_MS = 1_700_000_000_000

any_text = st.text(st.characters(exclude_categories=()), max_size=30)
latin = st.text(st.characters(max_codepoint=255), max_size=30)
header_lines = st.lists(st.tuples(st.text("abc-", min_size=1, max_size=3), latin), max_size=8)
requests = st.builds(
    Request,
    method=st.sampled_from(("POST", "PUT", "GET")),
    path=any_text,
    query=any_text,
    headers=header_lines.map(lambda lines: Headers(tuple(lines))),
    body=st.binary(max_size=200) | st.just(b"{}"),
    remote=any_text,
    origin=any_text,
)
messages = st.builds(
    Message,
    id=st.text("0123456789abcdef", min_size=1, max_size=32),
    webhook=st.just("orders"),
    received_at_ms=st.integers(0, 2**48),
    request=requests,
    params=st.dictionaries(any_text, any_text, max_size=3),
    verdict=st.none() | st.sampled_from(("verified", "token_mismatch")),
    replay_of=st.none() | st.text("0123456789abcdef", min_size=1, max_size=32),
    first_received_at_ms=st.none() | st.integers(1, 2**48),
)


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def minimal(**changes: Any) -> str:
    """What API Gateway's mapping template writes, with some of it changed."""
    document = {
        "v": 1,
        "id": "8f1f4b1e-0d3c-4b1a-9c6b-2f7f5a1d9e10",
        "ts": NOW_MS,
        "ip": "192.0.2.7",
        "h": {"content-type": encoded(b"application/json"), "content-length": encoded(b"7")},
        "b": encoded(b'{"a":1}'),
    }
    return json.dumps(document | changes)


@given(messages)
def test_what_our_gateway_writes_is_read_whole(message: Message) -> None:
    """Every field, whatever text or bytes it holds, repeated headers in their order included."""
    assert decode(encode(message), "orders") == message


@given(messages)
def test_an_envelope_is_ascii(message: Message) -> None:
    """SQS refuses some characters, and counts bytes: of ASCII neither is a concern."""
    assert encode(message).isascii()


@given(messages)
def test_what_api_gateway_would_have_said_stands_in_ours(message: Message) -> None:
    """A reader of the short form finds id, time, the last value of each header, and the body."""
    told = json.loads(encode(message))
    headers = {name: base64.b64decode(value) for name, value in told["h"].items()}

    assert (told["v"], told["id"], told["ts"]) == (1, message.id, message.received_at_ms)
    assert base64.b64decode(told["b"]) == message.request.body
    assert headers == {
        name: value.encode("latin-1")
        for name, value in message.request.headers.last_values().items()
    }


def test_what_api_gateway_writes_is_read() -> None:
    """Without method and path, which its template does not tell: the caller may know them."""
    message = decode(minimal(), "users", method="PUT", path="/users")

    assert (message.id, message.webhook) == ("8f1f4b1e-0d3c-4b1a-9c6b-2f7f5a1d9e10", "users")
    assert message.received_at_ms == NOW_MS
    assert message.request == Request(
        "PUT",
        "/users",
        "",
        Headers((("content-type", "application/json"), ("content-length", "7"))),
        b'{"a":1}',
        "192.0.2.7",
    )


def test_fields_of_later_versions_are_passed_over() -> None:
    """A newer gateway may tell more."""
    assert decode(minimal(stage="live"), "users").id == decode(minimal(), "users").id


@pytest.mark.parametrize("headers", [{}, {"content-length": encoded(b"0")}])
def test_an_empty_body_is_empty_again(headers: dict[str, str]) -> None:
    """API Gateway turns nothing into `{}`, and a signature over nothing has to fit."""
    assert decode(minimal(h=headers, b=encoded(b"{}")), "users").request.body == b""


def test_an_empty_object_that_was_sent_stays_one() -> None:
    """With its length beside it; and in ours always, since ours says how long the body is."""
    two = {"content-length": encoded(b"2")}
    assert decode(minimal(h=two, b=encoded(b"{}")), "users").request.body == b"{}"

    request = Request("POST", "/users", "", Headers(), b"{}")
    assert decode(encode(Message("1", "users", NOW_MS, request)), "users").request.body == b"{}"


@pytest.mark.parametrize(
    "text",
    [
        minimal().replace('"ip":', '"id": "forged", "ip":'),
        minimal().replace('"content-length":', '"content-type": "Zm9yZ2Vk", "content-length":'),
        minimal(h={"x-signature": encoded(b"1"), "X-Signature": encoded(b"2")}),
    ],
    ids=["a field", "a header", "a header in another case"],
)
def test_nothing_may_stand_twice(text: str) -> None:
    """Two values under one name are two readings of one request, and one of them is a forgery."""
    with pytest.raises(EnvelopeInvalid, match="twice"):
        decode(text, "users")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("not JSON", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not an object"),
        ("{}", "version"),
        (minimal(v=2), "version"),
        (minimal(id=""), "id is empty"),
        (minimal(id=7), "id is not text"),
        (minimal(ts="now"), "ts is not a whole number"),
        (minimal(ts=True), "ts is not a whole number"),
        (minimal(h=[]), "h is not an object"),
        (minimal(h={"a": "%"}), "h holds what is not base64"),
        (minimal(h={"a": 1}), "h holds what is no text"),
        (minimal(b=None), "b holds what is no text"),
        (minimal(b="é"), "b holds what is not base64"),
        (minimal(n=3), "not as long"),
        (minimal(r={}), "r is not a list"),
        (minimal(r=[[9, "a", "YQ=="]]), "no header line"),
        (minimal(r=[["a", "YQ=="]]), "no header line"),
        (minimal(params={"id": 1}), "params"),
        (minimal(m=1), "m is not text"),
    ],
)
def test_what_is_no_envelope_is_refused_by_name(text: str, why: str) -> None:
    """Each says what is wrong, and nothing of what a sender wrote."""
    with pytest.raises(EnvelopeInvalid, match=why) as caught:
        decode(text, "users")
    assert caught.value.reason == "envelope_invalid"


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_rubbish_is_refused_and_nothing_else(rubbish: str | bytes) -> None:
    """Whatever lies in the queue, reading it ends in a message or in EnvelopeInvalid."""
    with pytest.raises(EnvelopeInvalid):
        decode(rubbish, "users")


def of_api_gateway(**changes: Any) -> str:
    """What the template of `holdfast.aws.mapping` writes beside the shortest form."""
    more = {
        "m": "POST",
        "q": "a=1",
        "p64": encoded("/t/é".encode()),
        "params64": {"t": encoded(b"x")},
    }
    return minimal(**{**more, **changes})


def test_path_and_parameters_may_come_in_base64() -> None:
    """As API Gateway writes what a sender has a hand in."""
    message = decode(of_api_gateway(), "orders")

    assert (message.request.path, message.params) == ("/t/é", {"t": "x"})
    assert (message.request.method, message.request.query) == ("POST", "a=1")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"sha256=ab", "sha256=ab"),
        ("\u00e9".encode(), "\u00e9"),
        ("\u00c3\u00a9".encode(), "\u00c3\u00a9"),
        ("\u20ac".encode(), "\u00e2\u0082\u00ac"),
        (b"\xff", "\u00ff"),
    ],
)
def test_headers_of_api_gateway_are_the_bytes_on_the_wire(written: bytes, read: str) -> None:
    """Read by AWS as Latin-1 and written as UTF-8; beyond that they were UTF-8 before."""
    told = {"x-a": encoded(written), "x%21b": encoded(b"1")}

    headers = decode(of_api_gateway(h=told), "orders").request.headers

    assert headers["x-a"] == read
    assert headers["x!b"] == "1"
    assert decode(minimal(h={"x%21b": encoded(written)}), "orders").request.headers["x%21b"] == (
        written.decode("latin-1")
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"p64": 7},
        {"p64": "no"},
        {"p64": encoded(b"\xff")},
        {"params64": []},
        {"params64": {"t": 1}},
        {"params64": {"t": encoded(b"\xff")}},
        {"h": {"x-a": encoded(b"1"), "x%2Da": encoded(b"2")}},
    ],
)
def test_what_api_gateway_never_writes_is_no_envelope(changes: dict[str, Any]) -> None:
    """Nor is a header that stands twice under two spellings."""
    with pytest.raises(EnvelopeInvalid):
        decode(of_api_gateway(**changes), "orders")
