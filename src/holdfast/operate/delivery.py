"""Delivering a test event over HTTP, signed as the webhook expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from holdfast.clock import Clock
from holdfast.compiled import CompiledWebhook
from holdfast.errors import HoldfastError
from holdfast.message import Headers, Request
from holdfast.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Answered:
    """What the gateway said. `id`: the message id, or the id of the refusal."""

    status: int
    headers: Mapping[str, str]
    body: str
    id: str | None

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


def make_request(
    webhook: CompiledWebhook,
    *,
    url: str,
    method: str,
    headers: Mapping[str, str] | Sequence[tuple[str, str]],
    body: bytes,
    secrets: Secrets,
    clock: Clock,
    signed: bool = True,
) -> Request:
    """The request that a genuine sender would make.

    Raises HoldfastError where `url` is none, SecretMissing, NotSupported.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise HoldfastError(f"{url!r} is no URL: {error}") from None
    request = Request(
        method=method,
        path=parts.path or "/",
        query=parts.query,
        headers=Headers.of(headers),
        body=body,
        origin=f"{parts.scheme}://{parts.netloc}",
    )
    if not signed or webhook.verification is None:
        return request
    values = secrets.values(webhook.verification.secrets) or [""]
    return webhook.verification.sign(request, values[0], clock.now_ms() / 1000)


async def deliver(request: Request, *, timeout_seconds: float = 30.0) -> Answered:
    """Send it. Raises HoldfastError where nothing answers, or where it cannot be sent at all."""
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
    try:
        async with httpx.AsyncClient(timeout=timeout_seconds, trust_env=False) as client:
            response = await client.request(
                request.method, request.url, headers=lines, content=request.body
            )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise HoldfastError(_complaint(request, error, timeout_seconds)) from error
    known = response.headers.get("x-holdfast-id") or response.headers.get("x-request-id")
    return Answered(response.status_code, dict(response.headers), response.text, known)


def _complaint(request: Request, error: Exception, timeout_seconds: float) -> str:
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return f"nothing answers at {request.origin}; is `holdfast run` on?"
        case httpx.TimeoutException():
            return f"{request.origin} did not answer within {timeout_seconds:.0f} seconds"
        case httpx.InvalidURL() | httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return f"this request cannot be sent: {error}"
        case _:
            return f"{request.origin} broke off ({type(error).__name__})"
