"""Sending a past event somewhere else, or a changed copy of it: by hand, once, and looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

import httpx

from holdfast.clock import Clock
from holdfast.compiled import CompiledWebhook
from holdfast.errors import HoldfastError
from holdfast.message import Headers, Message, Request
from holdfast.operate.delivery import make_request
from holdfast.secrets import Secrets
from holdfast.verify.source import REDACTED
from holdfast.workflow.forward import LEFT_OUT

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
    return tuple(
        (name, value)
        for name, value in request.headers
        if name not in LEFT_OUT and value != REDACTED
    )


def copy_for(message: Message, url: str) -> Request:
    """The event as it came, for another program. Raises HoldfastError where `url` is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise HoldfastError(f"{url!r} is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise HoldfastError(f"{url!r} is no URL; write http://HOST:PORT/PATH")
    if parts.username or parts.password:
        raise HoldfastError("credentials do not belong into a URL; they would be written down")
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
    url: str,
    body: bytes | None,
    headers: Sequence[tuple[str, str]] | Mapping[str, str] | None,
    secrets: Secrets,
    clock: Clock,
    signed: bool,
) -> Request:
    """A changed copy, as its sender would send it: signed anew where `signed`.

    `url`: the gateway. `body`, `headers` None: as they came. What signed the original is left out
    of the copy's headers where it is signed anew. Raises HoldfastError, SecretMissing.
    """
    came = message.request
    lines = Headers.of(headers).lines if headers is not None else kept_headers(came)
    target = f"{url}{came.path}" + (f"?{came.query}" if came.query else "")
    request = make_request(
        webhook,
        url=target,
        method=came.method,
        headers=lines,
        body=came.body if body is None else body,
        secrets=secrets,
        clock=clock,
        signed=signed,
    )
    added = {name for name, _ in request.headers.lines[len(lines) :]}
    if not added:
        return request
    kept = [line for line in request.headers.lines[: len(lines)] if line[0] not in added]
    return replace(request, headers=Headers((*kept, *request.headers.lines[len(lines) :])))


async def send_to(request: Request, clock: Clock) -> Reply:
    """Send it, and read the beginning of the answer. Raises HoldfastError where there is none."""
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
    began = clock.monotonic()
    try:
        async with (
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
    except httpx.TimeoutException:
        raise HoldfastError(
            f"{request.origin} did not answer within {TIMEOUT_SECONDS:.0f} seconds"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise HoldfastError(f"{request.origin}: {type(error).__name__}: {error}") from None
