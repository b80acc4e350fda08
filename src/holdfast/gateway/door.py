"""The door: from a request on the wire to its answer, whatever happens in between.

    arrive -> route -> read the body -> decide -> keep -> answer

Success is said only after `sender.send` has returned, that is, once the message is durable.
Everything that goes wrong becomes an answer that does not say success: the sender then tries again.
A sender that hangs up while its event is being kept may send it twice; it is kept all the same.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from holdfast.clock import Clock
from holdfast.errors import MessageTooLarge, StoreError
from holdfast.gateway.answers import (
    CLOSE,
    RETRY_SECONDS,
    Accept,
    Answer,
    Arrival,
    Greeting,
    HeaderLines,
    Refused,
    refuse,
)
from holdfast.gateway.intake import Intake, Route
from holdfast.gateway.patience import Patience
from holdfast.gateway.tokens import Tokens
from holdfast.gateway.visits import Visits
from holdfast.message import Headers, Message, new_message_id
from holdfast.queue.contract import Refusal
from holdfast.telemetry import Telemetry

BODY_SECONDS: Final = 30.0
"""A megabyte over the slowest mobile link; nginx waits 60 between two reads, and never adds up."""

_RETRY: Final[HeaderLines] = (("retry-after", str(RETRY_SECONDS)),)


class Keeper(Protocol):
    """What the door needs of the queue: `holdfast.queue.group_commit.GroupSender`."""

    async def send(self, message: Message) -> None:
        """Keep it, durably, before returning. Raises StoreError where it was not kept."""
        ...

    def refuse(self, refusal: Refusal) -> None:
        """Keep a note if that costs no time. Never blocks."""
        ...


class HungUp(Exception):
    """The sender went away before its body was complete."""


Chunk = tuple[bytes, bool]
"""A piece of a body, and whether there is more."""

ReadChunk = Callable[[], Awaitable[Chunk]]
"""The next piece. Raises HungUp."""


class Door:
    """Answers requests on the event loop that it is used on. Shared by every way of serving."""

    def __init__(
        self,
        intake: Intake,
        sender: Keeper,
        clock: Clock,
        telemetry: Telemetry,
        *,
        body_seconds: float = BODY_SECONDS,
        tokens: Tokens | None = None,
        visits: Visits | None = None,
    ) -> None:
        """`tokens`: where secrets that providers hand over are kept. `visits`: who calls the
        addresses that they ask for. Without them such handshakes are refused."""
        self._intake = intake
        self._sender = sender
        self._clock = clock
        self._telemetry = telemetry
        self._tokens = tokens
        self._visits = visits
        self._patience = Patience(body_seconds, clock)
        self._closing = False
        self._inside = 0
        self._empty: asyncio.Future[None] | None = None

    async def answer(
        self,
        method: str,
        path: str,
        query: str,
        headers: Headers,
        remote: str,
        origin: str,
        read_chunk: ReadChunk,
        *,
        route: str | None = None,
    ) -> Answer:
        """The answer to one request. Raises nothing, and is never success for what is not kept.

        `path` is the path as sent, `route` the path below where the gateway is mounted.
        """
        now_ms = self._clock.now_ms()
        begun = self._clock.monotonic()
        arrival = Arrival(
            new_message_id(now_ms),
            now_ms,
            method,
            path,
            query,
            headers,
            remote,
            origin,
            path if route is None else route,
        )
        self._inside += 1
        try:
            return await self._judge(arrival, read_chunk, begun)
        except Exception as error:
            return self._defect(arrival, error)
        finally:
            self._inside -= 1
            if self._empty is not None and not self._inside and not self._empty.done():
                self._empty.set_result(None)

    def close(self) -> None:
        """From now on every request is answered 503; those inside are finished."""
        self._closing = True

    async def emptied(self) -> None:
        """Returns once nobody is inside."""
        if self._inside:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty

    async def _judge(self, arrival: Arrival, read_chunk: ReadChunk, begun: float) -> Answer:
        if self._closing:
            return self._unavailable(arrival, None, "shutting_down", "shutting down; try again")
        length = _content_length(arrival.headers)
        route = self._intake.route(arrival, length)
        if isinstance(route, Refused):
            return self._refused(route)
        body = await self._read(route, length, read_chunk)
        if isinstance(body, Refused):
            return self._refused(body)
        decision = self._intake.decide(route, body)
        if isinstance(decision, Accept):
            return await self._keep(arrival, decision, begun)
        if isinstance(decision, Greeting):
            return await self._shake(arrival, decision)
        return self._refused(decision)

    async def _read(
        self, route: Route, length: int | None, read_chunk: ReadChunk
    ) -> bytes | Refused:
        """The whole body. Stops as soon as it is too large, or took too long."""
        if length == 0:
            return b""
        reader = self._patience.begin()
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                chunk, more = await read_chunk()
                size += len(chunk)
                chunks.append(chunk)
                if size > route.limit_bytes:
                    return self._intake.too_large(route, b"".join(chunks))
                if not more and length is not None and size < length:
                    raise HungUp  # said by a server that takes a broken connection for an end
                if not more or size == length:
                    return chunk if len(chunks) == 1 else b"".join(chunks)
        except HungUp:
            why = "the body broke off"
            return self._unfinished(route, 400, "body_incomplete", why, chunks)
        except asyncio.CancelledError:
            if not self._patience.ended(reader):
                raise
            why = "the body did not arrive in time"
            return self._unfinished(route, 408, "too_slow", why, chunks)
        finally:
            self._patience.end(reader)

    async def _shake(self, arrival: Arrival, greeting: Greeting) -> Answer:
        """What is handed over is kept first; what is to be visited, is visited afterwards."""
        webhook, shelf, visits = greeting.webhook, self._tokens, self._visits
        if greeting.token is not None:
            try:
                if shelf is None:
                    raise StoreError("there is no place for secrets here")
                kept = await asyncio.to_thread(shelf.keep, webhook, greeting.token)
            except StoreError as error:
                why = "the token was not kept; send it again"
                return self._unavailable(arrival, webhook, "not_kept", why, detail=str(error))
            if not kept:
                return self._refused(self._intake.token_known(arrival, webhook))
            where = str(shelf.path(webhook))
            self._telemetry.emit("handshake.token", id=arrival.id, webhook=webhook, file=where)
        if greeting.visit is not None:
            if visits is None:
                why = "no address is visited from here"
                return self._unavailable(arrival, webhook, "not_kept", why)
            visits.begin(arrival.id, greeting, arrival.now_ms / 1000)
        self._telemetry.emit(
            "request.handshake",
            id=arrival.id,
            webhook=webhook,
            handshake=greeting.handshake,
            source=greeting.source,
        )
        return greeting.answer

    async def _keep(self, arrival: Arrival, accept: Accept, begun: float) -> Answer:
        message = accept.message
        try:
            await self._sender.send(message)
        except MessageTooLarge as error:
            return self._refused(self._too_large(arrival, message, error))
        except StoreError as error:
            return self._unavailable(
                arrival,
                message.webhook,
                "not_kept",
                "the event was not kept; send it again",
                detail=f"{type(error).__name__}: {error}",
            )
        self._telemetry.emit(
            "request.accepted",
            id=message.id,
            webhook=message.webhook,
            bytes=len(message.request.body),
            duration_ms=(self._clock.monotonic() - begun) * 1000,
        )
        return accept.answer

    def _refused(self, refused: Refused) -> Answer:
        note = refused.refusal
        self._sender.refuse(note)
        self._telemetry.emit(
            "request.refused",
            id=note.id,
            webhook=note.webhook,
            status=note.status,
            reason=note.reason,
            path=note.path,
        )
        return refused.answer

    def _unavailable(
        self, arrival: Arrival, webhook: str | None, reason: str, message: str, detail: str = ""
    ) -> Answer:
        return self._refused(
            refuse(
                arrival,
                webhook,
                503,
                reason,
                message,
                detail=detail,
                headers=_RETRY if reason == "not_kept" else (*_RETRY, CLOSE),
                secret_headers=self._intake.secret_headers,
            )
        )

    def _too_large(self, arrival: Arrival, message: Message, error: MessageTooLarge) -> Refused:
        """Within the webhook's limit, but not within what the queue takes."""
        return refuse(
            arrival,
            message.webhook,
            error.http_status,
            "payload_too_large",
            "the request is larger than the queue takes",
            detail=str(error),
            facts={"limit": error.limit_bytes},
            body=message.request.body,
            secret_headers=self._intake.secret_headers,
        )

    def _unfinished(
        self, route: Route, status: int, reason: str, message: str, chunks: list[bytes]
    ) -> Refused:
        return refuse(
            route.arrival,
            route.gate.webhook.name,
            status,
            reason,
            message,
            headers=(CLOSE,),
            body=b"".join(chunks),
            secret_headers=self._intake.secret_headers,
        )

    def _defect(self, arrival: Arrival, error: Exception) -> Answer:
        """Something here is broken, or the definition's own verification function is."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        detail = f"{type(error).__name__}: {error}"[:500]
        self._telemetry.emit(
            "gateway.failed", id=arrival.id, path=arrival.path, error=detail, place=place
        )
        return self._refused(
            refuse(
                arrival,
                None,
                500,
                "internal_error",
                "the event was not kept; send it again",
                detail=f"{detail} ({place})",
                secret_headers=self._intake.secret_headers,
            )
        )


def _content_length(headers: Headers) -> int | None:
    """As announced; None where it is not, or not as a number: the body is then counted as it comes.

    Of a chunked body it says nothing (RFC 9112, 6.3). Servers differ in whether they take the line
    away: believed, a 0 would make an empty event of a whole one.
    """
    if "transfer-encoding" in headers:
        return None
    text = headers.get("content-length")
    return int(text) if text is not None and text.isdecimal() and text.isascii() else None
