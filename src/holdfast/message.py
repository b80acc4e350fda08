"""What travels: a request at the door, a message in the queue, an event in a handler. All frozen."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, NewType

import orjson
from typing_extensions import TypeVar

Receipt = NewType("Receipt", str)
"""Proof of one lease of one message. A receipt whose lease passed to another holder is stale."""


@dataclass(frozen=True, slots=True)
class Headers:
    """All header lines in order, names in lower case, repeated ones kept.

    Values are the bytes on the wire read as latin-1, so that nothing a sender wrote is lost.
    """

    lines: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first line of that name (any case), or the default."""
        wanted = name.lower()
        for key, value in self.lines:
            if key == wanted:
                return value
        return default

    def all(self, name: str) -> tuple[str, ...]:
        """Every line of that name, in order."""
        wanted = name.lower()
        return tuple(value for key, value in self.lines if key == wanted)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def last_values(self) -> dict[str, str]:
        """One value per name, the last one: what API Gateway hands on."""
        return dict(self.lines)

    @classmethod
    def of(cls, headers: Mapping[str, str] | Sequence[tuple[str, str]]) -> Headers:
        """From a mapping or from pairs, in any case."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        return cls(tuple((name.lower(), value) for name, value in pairs))


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as the sender sent it: the raw body byte for byte."""

    method: str
    path: str
    query: str
    """The raw query string, without the question mark."""
    headers: Headers
    body: bytes
    remote: str = ""
    """The peer's address, without port."""
    origin: str = ""
    """Scheme and authority, as seen here: `https://hooks.example.com`."""

    @property
    def url(self) -> str:
        return f"{self.origin}{self.path}" + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True, slots=True)
class Message:
    """What the queue keeps: a request that was accepted, under an id of ours."""

    id: str
    webhook: str
    received_at_ms: int
    request: Request
    params: Mapping[str, str] = field(default_factory=dict)
    """Values of the path's parameters."""
    verdict: str | None = None
    """What the door found where a header carries the secret itself: `verified`, or the reason why
    not. None where the first state is still to check."""
    replay_of: str | None = None
    """The id of the event that this one sends through again. A replay carries no delivery id."""
    first_received_at_ms: int | None = None
    """When the event that a replay repeats came in; None: this is no replay."""
    trace: str | None = None
    """The context of its trace, as a `traceparent`; none where nobody traces. What the sender sent
    is among the headers, and stays as it was."""

    @property
    def judged_at_ms(self) -> int:
        """The time against which a signature's timestamp is held: arrival, however long it waited
        here since, and for a replay the arrival of the original."""
        return self.first_received_at_ms or self.received_at_ms

    def head(self) -> bytes:
        """All but id, webhook, time and body, as JSON: what the store keeps beside the body."""
        request = self.request
        told = (
            request.method,
            request.path,
            request.query,
            request.headers.lines,
            request.remote,
            request.origin,
            dict(self.params),
            self.verdict,
            self.replay_of,
            self.first_received_at_ms,
        )
        return orjson.dumps(told if self.trace is None else (*told, self.trace))

    @classmethod
    def from_parts(
        cls, id: str, webhook: str, received_at_ms: int, head: bytes, body: bytes
    ) -> Message:
        """The inverse of `head`."""
        method, path, query, lines, remote, origin, params, verdict, *more = orjson.loads(head)
        headers = Headers(tuple((name, value) for name, value in lines))
        request = Request(method, path, query, headers, body, remote, origin)
        return cls(id, webhook, received_at_ms, request, params, verdict, *more)


def new_message_id(now_ms: int) -> str:
    """32 hex digits: 48 bits of time, then 80 random ones, so that ids sort by arrival."""
    return f"{now_ms:012x}{os.urandom(10).hex()}"


@dataclass(frozen=True, slots=True)
class Lease:
    """One message in the hands of one holder until the lease ends."""

    message: Message
    receipt: Receipt
    receive_count: int
    """How often it was handed out, this time included."""
    alone: bool = False
    """Its last holder died: work it with nothing else in the process."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one attempt did not succeed."""

    error: str
    cause: str
    state: str = ""
    """The workflow state that failed; empty where none had begun."""
    at_ms: int = 0
    attempt: int = 0
    reason: str = ""
    """Where the message rests because of it: `exhausted`, `permanent`, `signature_mismatch`, ..."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message at rest, with everything known about why."""

    message: Message
    reason: str
    failure: Failure | None
    """The last failure, if any attempt was made."""
    attempts: tuple[Failure, ...]
    died_at_ms: int
    receive_count: int
    superseded_by: str | None = None
    """The id of a later delivery of the same event that did succeed."""
    parked_at_ms: int | None = None
    """When an operator put it aside."""


Body = TypeVar("Body", default=Any)


@dataclass(frozen=True, slots=True)
class Event(Generic[Body]):
    """What a handler receives. `body` is the validated model, parsed JSON, text or bytes."""

    id: str
    webhook: str
    type: str | None
    delivery_id: str | None
    received_at: datetime
    attempt: int
    headers: Headers
    body: Body
    raw: bytes
    method: str = "POST"
    path: str = ""
    query: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        message: Message,
        body: Any,
        *,
        type: str | None,
        delivery_id: str | None,
        attempt: int,
    ) -> Event[Any]:
        request = message.request
        return cls(
            id=message.id,
            webhook=message.webhook,
            type=type,
            delivery_id=delivery_id,
            received_at=datetime.fromtimestamp(message.received_at_ms / 1000, UTC),
            attempt=attempt,
            headers=request.headers,
            body=body,
            raw=request.body,
            method=request.method,
            path=request.path,
            query=request.query,
            params=message.params,
        )
