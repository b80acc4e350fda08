"""Sending a past event somewhere else, or a changed copy of it: by hand, once, and looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import httpx

from holdfast.clock import Clock
from holdfast.compiled import CompiledWebhook
from holdfast.errors import HoldfastError
from holdfast.gateway.schema import BodySchema, Violation
from holdfast.message import Headers, Message, Request, new_message_id
from holdfast.secrets import Secrets
from holdfast.verify.source import REDACTED, redact
from holdfast.workflow.forward import LEFT_OUT
from holdfast.workflow.sqs_send import VERIFIED
from holdfast.workflow.urls import need_url

ANSWER_BYTES: Final = 64 * 1024
"""As much of an answer is read; an operator looks at it, no program does."""

TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What another program answered. `cut`: there was more than is read."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut: bool
    milliseconds: float


def kept_headers(request: Request) -> tuple[tuple[str, str], ...]:
    """Those that can be sent again: not the connection's own, nor what was redacted."""
    named = ",".join(request.headers.all("connection"))
    dropped = LEFT_OUT | {name.strip().lower() for name in named.split(",")}
    return tuple(
        (name, value)
        for name, value in request.headers
        if name not in dropped and value != REDACTED
    )


def copy_for(message: Message, url: str) -> Request:
    """The event as it came, for another program. Raises HoldfastError where `url` is none."""
    parts = need_url(url, "http://HOST:PORT/PATH")
    came = message.request
    marked = (("x-holdfast-id", message.id), ("x-holdfast-replay", "1"))
    query = "&".join(part for part in (parts.query, came.query) if part)
    return replace(
        came,
        path=parts.path or "/",
        query=query,
        headers=Headers((*kept_headers(came), *marked)),
        origin=f"{parts.scheme}://{parts.netloc}",
    )


def edited(
    webhook: CompiledWebhook,
    message: Message,
    *,
    body: bytes | None,
    headers: Sequence[tuple[str, str]] | None,
    secrets: Secrets,
    clock: Clock,
    signed: bool,
) -> Message:
    """A changed copy, to be queued as a new event: nobody's duplicate, and signed anew.

    `body`, `headers` None: as they came. Where a header is itself the secret, none is put into the
    copy, which then carries the door's verdict instead, as every event of such a webhook does.
    Raises BodyRefused, SecretMissing, and NotSupported where only the sender can sign.
    """
    now_ms = clock.now_ms()
    came = message.request
    lines = Headers.of(headers).lines if headers is not None else kept_headers(came)
    request = replace(came, headers=Headers(lines), body=came.body if body is None else body)
    if webhook.schema is not None and (
        wrong := BodySchema(webhook.schema).violations(request.body)
    ):
        raise BodyRefused(wrong)
    verdict: str | None = None
    verification = webhook.verification
    if verification is not None and verification.secret_headers:
        request = replace(request, headers=redact(webhook, request.headers))
        verdict = VERIFIED if signed else "header_missing"
    elif verification is not None and signed:
        request = _signed(webhook, request, secrets, now_ms)
    return Message(
        id=new_message_id(now_ms),
        webhook=message.webhook,
        received_at_ms=now_ms,
        request=request,
        params=message.params,
        verdict=verdict,
        replay_of=message.replay_of or message.id,
    )


class BodyRefused(HoldfastError):
    """The changed body does not fit the webhook's schema: its sender would hear 400."""

    http_status = 400

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("the body does not fit the webhook's schema")
        self.violations = tuple(violations)


def _signed(webhook: CompiledWebhook, request: Request, secrets: Secrets, now_ms: int) -> Request:
    """With the signature of now instead of the one that it came with."""
    verification = webhook.verification
    if verification is None:
        return request
    secret = secrets.values(verification.secrets)[0] if verification.secrets else ""
    return verification.sign(request, secret, now_ms / 1000)


async def send_to(request: Request, clock: Clock) -> Reply:
    """Send it, and read the beginning of the answer. Raises HoldfastError where there is none."""
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
    began = clock.monotonic()
    try:
        # All of it within that time, and not each piece: an answer may come in drops.
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client,
            client.stream(
                request.method, request.url, headers=lines, content=request.body
            ) as response,
        ):
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_BYTES:
                    break
            return Reply(
                response.status_code,
                tuple(response.headers.multi_items()),
                body[:ANSWER_BYTES],
                len(body) > ANSWER_BYTES,
                (clock.monotonic() - began) * 1000,
            )
    except (TimeoutError, httpx.TimeoutException):
        raise HoldfastError(
            f"{request.origin} did not answer within {TIMEOUT_SECONDS:.0f} seconds"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise HoldfastError(f"{request.origin}: {type(error).__name__}: {error}") from None
