"""Delivering a test event over HTTP, signed as the webhook expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from holdfast.clock import Clock
from holdfast.compiled import CompiledWebhook
from holdfast.definition import Provider
from holdfast.errors import HoldfastError, NotSupported
from holdfast.message import Headers, Request, new_message_id
from holdfast.providers.delivering import signed_by, with_event_type, with_some_delivery_id
from holdfast.secrets import Secrets

ARRIVES_WHOLE_BYTES: Final = 64 * 1024
"""So much is on its way before anybody can refuse it for its size."""


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
    sender: Provider | None = None,
    event_type: str | None = None,
) -> Request:
    """The request that a genuine sender would make: the webhook's own, or `sender`.

    event_type: put where the sender has it, with a delivery id where the request has none.
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
    provider = sender or webhook.provider
    if event_type is not None:
        if provider is None:
            raise NotSupported(
                f"{webhook.path} has no provider, which would say where a type stands"
            )
        request = with_event_type(request, provider, event_type)
        id = new_message_id(clock.now_ms())
        request = with_some_delivery_id(request, provider, id)
    verification = sender.verification if sender else webhook.verification
    if not signed or verification is None:
        return request
    secret, now = (secrets.values(verification.secrets) or [""])[0], clock.now_ms() / 1000
    if provider is None:
        return verification.sign(request, secret, now)
    return signed_by(request, provider, secret, now)


def deliver(request: Request, *, timeout_seconds: float = 30.0) -> Answered:
    """Send it, and wait. Raises HoldfastError where nothing answers, or where it cannot be sent.

    Not over asyncio, whose connection is lost with the answer in it where that came before the
    body was read to its end: a 413 mostly does.
    """
    import httpx  # noqa: PLC0415 - a tenth of a second that only those who send should pay

    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
    to = request.origin
    try:
        with httpx.Client(timeout=timeout_seconds, trust_env=False) as client:
            response = client.request(
                request.method, request.url, headers=lines, content=request.body
            )
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise HoldfastError(f"nothing answers at {to}; is `holdfast run` on?") from error
    except httpx.TimeoutException as error:
        raise HoldfastError(f"{to} did not answer within {timeout_seconds:.0f} seconds") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise HoldfastError(f"this request cannot be sent: {error}") from error
    except httpx.HTTPError as error:
        told = f"{to} broke off ({type(error).__name__})"
        if len(request.body) > ARRIVES_WHOLE_BYTES:
            # Not everywhere is an answer left that came before the connection was reset.
            told += f"; perhaps it takes no body of {len(request.body):,} bytes (body_limit)"
        raise HoldfastError(told) from error
    known = response.headers.get("x-holdfast-id") or response.headers.get("x-request-id")
    return Answered(response.status_code, dict(response.headers), response.text, known)
