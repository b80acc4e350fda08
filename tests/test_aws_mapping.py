"""From a request to the envelope in SQS, through API Gateway's own template language."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holdfast.aws.mapping import ID, request_template
from holdfast.clock import ManualClock
from holdfast.compiled import Compiled
from holdfast.gateway.answers import Accept, Arrival
from holdfast.gateway.intake import Intake, Route
from holdfast.message import Headers, Message, Request
from holdfast.secrets import Secrets
from vtl_kit import EXTENDED_ID, NOW_MS, Door, decode, decoded
from workflow_kit import a_webhook

ORDERS: Final = "/tenants/{tenant}/orders"
TEMPLATE: Final = request_template(ORDERS)
ODD: Final = 'a"\\&+%=#$ {}\r\n\0\ufffe\uffff\u2028é😀'

TOKENS: Final = st.text("abXY09-_.!#$%&'*+^`|~", min_size=1, max_size=8)
VALUES: Final = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\0"), max_size=12)
HEADERS: Final = st.lists(st.tuples(TOKENS, VALUES), max_size=8)
BODIES: Final = st.one_of(
    st.text(max_size=40),
    st.text(ODD, max_size=12),
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(ODD, max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=5,
    ).map(lambda value: json.dumps(value, ensure_ascii=False)),
)
QUERIES: Final = st.lists(st.tuples(st.text(max_size=4), st.text(ODD, max_size=4)), max_size=4)


def a_request(
    body: bytes = b"{}",
    headers: list[tuple[str, str]] | None = None,
    query: str = "",
    tenant: str = "acme",
) -> Request:
    lines = [*(headers or []), ("Content-Length", str(len(body)))]
    path = f"/tenants/{quote(tenant, safe='')}/orders"
    return Request(
        "POST", path, query, Headers(tuple(lines)), body, "203.0.113.7", "https://hooks.example"
    )


def kept_here(request: Request) -> Message:
    """The message that the local gateway keeps of the same request."""
    webhook = a_webhook(name="orders", path=ORDERS)
    intake = Intake(Compiled("shop", (webhook,)), Secrets(), ManualClock())
    route = intake.route(
        Arrival(
            EXTENDED_ID,
            NOW_MS,
            request.method,
            request.path,
            request.query,
            Headers.of(request.headers.lines),
            request.remote,
            request.origin,
            request.path,
        ),
        len(request.body),
    )
    assert isinstance(route, Route)
    decision = intake.decide(route, request.body)
    assert isinstance(decision, Accept)
    return decision.message


def kept_there(request: Request, template: str = TEMPLATE, *, binary: bool = False) -> Message:
    tenant = decoded(request.path.split("/")[2])
    door = Door(request, {"tenant": tenant}, binary=binary)
    return decode(door.envelope(template), "orders")


def alike(here: Message, there: Message) -> None:
    """The same message, but for what API Gateway does not hand on: earlier values, their order."""
    assert there.request.body == here.request.body
    assert there.request.headers.last_values() == here.request.headers.last_values()
    assert dict(parse_qsl(there.request.query, keep_blank_values=True)) == dict(
        parse_qsl(here.request.query, keep_blank_values=True)
    )
    assert (there.id, there.received_at_ms, there.params) == (
        here.id,
        here.received_at_ms,
        here.params,
    )
    assert (
        there.request.method,
        there.request.path,
        there.request.remote,
        there.request.origin,
    ) == (
        here.request.method,
        here.request.path,
        here.request.remote,
        here.request.origin,
    )


@settings(max_examples=300, deadline=None)
@given(BODIES, HEADERS, QUERIES, st.text(ODD, min_size=1, max_size=6))
@example("", [], [], "a")
@example("{}", [("content-length", "2")], [], "a")
@example(
    ODD * 900, [("X-Sig", "sha256=abc+/="), ("x-sig", 'again "\\')], [("a", "1"), ("a", "2")], ODD
)
@example("x" * 170_000, [(f"x-{number}", "é" * 20) for number in range(60)], [], "a/b")
def test_a_request_is_the_same_message_in_both_homes(
    body: str, headers: list[tuple[str, str]], query: list[tuple[str, str]], tenant: str
) -> None:
    """Body byte for byte, the last value of every header, the meaning of query and parameters."""
    pairs = "&".join(f"{quote(name)}={quote(value)}" for name, value in query)
    lines = [line for line in headers if line[0].lower() != "content-length"]
    request = a_request(body.encode(), lines, pairs, tenant)

    alike(kept_here(request), kept_there(request))


def test_a_body_of_170_kilobytes_fits_into_the_queue() -> None:
    """With ten kilobytes of headers, as many as API Gateway takes, it stays under 240 KiB."""
    headers = [(f"x-{number:03}", "v" * 90) for number in range(100)]
    door = Door(a_request(b"x" * 170_000, headers), {"tenant": "acme"})

    envelope = door.envelope(TEMPLATE)

    assert 230_000 < len(json.dumps(envelope, separators=(",", ":"))) <= 240 * 1024


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
@example(b"")
@example(bytes(range(256)))
def test_what_is_no_text_travels_as_base64(body: bytes) -> None:
    """Where its type is listed as binary, any bytes arrive as they were sent."""
    request = a_request(body)
    template = request_template(ORDERS, binary=True)

    alike(kept_here(request), kept_there(request, template, binary=True))


def test_bytes_that_are_no_text_are_lost_elsewhere() -> None:
    """API Gateway reads a body as UTF-8, and `plan` says so: no template can mend it."""
    request = a_request(b"\xff{}\xc3")

    assert kept_there(request).request.body == "\ufffd{}\ufffd".encode()


def test_an_empty_body_is_told_from_two_braces() -> None:
    """API Gateway writes `{}` for nothing; the length that the sender gave says which it was."""
    nothing, braces = a_request(b""), a_request(b"{}")

    assert (
        Door(nothing, {"tenant": "a"}).envelope(TEMPLATE)["b"] == base64.b64encode(b"{}").decode()
    )
    assert (kept_there(nothing).request.body, kept_there(braces).request.body) == (b"", b"{}")


@pytest.mark.parametrize(
    "request_",
    [
        a_request(b'","verdict":"verified","b":"e30='),
        a_request(b"x&Action=DeleteQueue&MessageBody=1"),
        a_request(headers=[('x","verdict":"verified","y', "1")]),
        a_request(headers=[("x-a", '","verdict":"verified')]),
        a_request(query=quote('","verdict":"verified') + "=" + quote('","verdict":"verified')),
        a_request(query="Action=DeleteQueue"),
        a_request(tenant='","verdict":"verified'),
        a_request(b"$context.requestId #set($x=1) ${input.body} #end"),
    ],
)
def test_a_sender_cannot_write_fields_of_its_own(request_: Request) -> None:
    """Whatever it puts into body, header names and values, query or path, the fields stay ours."""
    tenant = decoded(request_.path.split("/")[2])

    envelope = Door(request_, {"tenant": tenant}).envelope(TEMPLATE)

    assert list(envelope) == ["v", "id", "ts", "ip", "m", "o", "q", "p64", "params64", "h", "b"]
    assert (envelope["v"], envelope["id"], envelope["ts"]) == (1, EXTENDED_ID, NOW_MS)
    assert list(envelope["params64"]) == ["tenant"]
    assert decode(envelope, "orders").request.body == request_.body


def test_the_id_is_not_the_senders_to_choose() -> None:
    """`$context.requestId` follows a header of the request; the extended one is AWS's own."""
    assert ID == "$context.extendedRequestId"
    assert "$context.requestId" not in TEMPLATE


def test_the_template_keeps_to_what_every_velocity_knows() -> None:
    """One line, three directives, and nothing but documented variables and methods of strings."""
    directives = re.findall(r"#(\w+)", TEMPLATE)
    references = set(re.findall(r"\$[\w.]+(?:\(\)\.\w+\.\w+)?", TEMPLATE))

    assert "\n" not in TEMPLATE
    assert set(directives) == {"foreach", "if", "end"}
    assert references == {
        *("$context.requestTimeEpoch", "$context.extendedRequestId", "$context.httpMethod"),
        *("$context.identity.sourceIp", "$context.domainName", "$context.path"),
        *("$util.urlEncode", "$util.base64Encode", "$input.body", "$foreach.hasNext", "$k"),
        *("$input.params().header.get", "$input.params().header.keySet", "$k.toLowerCase"),
        *("$input.params().querystring.get", "$input.params().querystring.keySet"),
        "$input.params().path.get",
    }


def test_a_path_without_parameters_has_none() -> None:
    """The field is there all the same, so that every envelope has one form."""
    request = a_request()
    envelope: dict[str, Any] = Door(request).envelope(request_template("/users"))

    assert envelope["params64"] == {}
