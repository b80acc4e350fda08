"""What the door says: answers as plain data, and the shape of every refusal.

A body that does not fit is refused in the reference's form, `{"errors", "details", "requestId"}`;
everything else as `{"error", "message", ..., "requestId"}`, where `error` is the named reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import orjson

from holdfast.gateway.schema import Violation
from holdfast.message import Headers, Message, Request
from holdfast.queue.contract import REFUSAL_BODY_BYTES, Refusal
from holdfast.verify.source import REDACTED

HeaderLines = tuple[tuple[str, str], ...]

ALWAYS_SECRET: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Never kept with a refusal, whatever the webhook's own scheme is."""

CLOSE: Final = ("connection", "close")
"""Sent where the body was left unread: whatever else comes over this connection is rubbish."""

HEADERS_MAX: Final = 100
"""Header lines in a request, as many as Granian takes; other servers would let 10,000 through."""

RETRY_SECONDS: Final = 5
"""What a sender is asked to wait after a 503: long enough for a restart, short for a person."""


class Arrival(NamedTuple):
    """A request before its body, and what we call it."""

    id: str
    """The request id; the message id too, if it is accepted."""
    now_ms: int
    method: str
    path: str
    """As sent, percent-encoded."""
    query: str
    headers: Headers
    remote: str
    origin: str
    route: str
    """The path seen from where the gateway is mounted."""


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    headers: HeaderLines
    body: bytes


class Accept(NamedTuple):
    """Keep this message; once it is durable, and not before, answer so."""

    message: Message
    answer: Answer


class Greeting(NamedTuple):
    """A provider shook hands: answer, and keep no message."""

    answer: Answer
    webhook: str
    handshake: str
    source: str = "unsigned"
    """`verified`, `unsigned`, or `unchecked`: the secret that would tell is not there yet."""
    token: str | None = None
    """The secret that the provider handed over, to be kept before it is answered."""
    visit: str | None = None
    """An address to be visited once the request's signature has been checked."""
    request: Request | None = None
    """The request, where it is still to be checked."""


class Refused(NamedTuple):
    """Not accepted: what the sender hears, and what is kept for whoever looks for it later."""

    answer: Answer
    refusal: Refusal


def refuse(
    arrival: Arrival,
    webhook: str | None,
    status: int,
    reason: str,
    message: str,
    *,
    detail: str = "",
    headers: HeaderLines = (),
    facts: dict[str, Any] | None = None,
    body: bytes = b"",
    secret_headers: Iterable[str] = (),
) -> Refused:
    """A refusal under its named reason. `facts` joins the answer; `detail` (default: the message) is
    only kept, for our own people. `body` is what was read, of which the beginning is kept."""
    content = {"error": reason, "message": message, **(facts or {}), "requestId": arrival.id}
    answer = Answer(status, _json_headers(arrival.id, headers), orjson.dumps(content))
    note = _note(arrival, webhook, status, reason, detail or message, body, secret_headers)
    return Refused(answer, note)


def refuse_body(
    arrival: Arrival,
    webhook: str,
    violations: tuple[Violation, ...],
    body: bytes,
    secret_headers: Iterable[str],
) -> Refused:
    """The reference's 400: every violation with its place."""
    content = {
        "errors": violations,
        "details": "Invalid request body",
        "requestId": arrival.id,
    }
    answer = Answer(400, _json_headers(arrival.id, ()), orjson.dumps(content))
    detail = "; ".join(f"{v.path or '/'}: {v.message}" for v in violations)
    note = _note(arrival, webhook, 400, "invalid_body", detail, body, secret_headers)
    return Refused(answer, note)


def redact(headers: Headers, names: Iterable[str]) -> Headers:
    """The same lines, with the values under these names (lower case) taken out."""
    hidden = ALWAYS_SECRET.union(names)
    return Headers(
        tuple((name, REDACTED if name in hidden else value) for name, value in headers.lines)
    )


def _json_headers(id: str, more: HeaderLines) -> HeaderLines:
    return (("content-type", "application/json"), ("x-request-id", id), *more)


def _note(
    arrival: Arrival,
    webhook: str | None,
    status: int,
    reason: str,
    detail: str,
    body: bytes,
    secret_headers: Iterable[str],
) -> Refusal:
    return Refusal(
        id=arrival.id,
        at_ms=arrival.now_ms,
        webhook=webhook,
        method=arrival.method,
        path=arrival.path,
        remote=arrival.remote,
        status=status,
        reason=reason,
        detail=detail,
        headers=redact(arrival.headers, secret_headers).lines[:HEADERS_MAX],
        body=body[:REFUSAL_BODY_BYTES],
    )
