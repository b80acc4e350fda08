"""Carries an event to another program over HTTP, signed if it should be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from holdfast.clock import Clock
from holdfast.compiled import Forward
from holdfast.message import Headers, Message, Request
from holdfast.secrets import Secrets
from holdfast.verify.source import REDACTED
from holdfast.workflow.outcome import NOTHING, Failed, Outcome, describe

if TYPE_CHECKING:
    import httpx

_LEFT_OUT: Final = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""What belongs to one connection (RFC 9110, 7.6.1), or is set anew for the next one."""

_EXCERPT_BYTES: Final = 2_048


def outgoing(
    forward: Forward, message: Message, attempt: int, secrets: Secrets, now_seconds: float
) -> Request:
    """The request that is sent on: what came in, marked, and signed as `forward.sign` says.

    A header that was redacted is left out. Raises SecretMissing, NotSupported.
    """
    came = message.request
    named = came.headers.get("connection", "") or ""
    dropped = _LEFT_OUT | {name.strip().lower() for name in named.split(",")}
    added = {name.lower(): value for name, value in forward.headers}
    added |= {"x-holdfast-id": message.id, "x-holdfast-attempt": str(attempt)}
    kept = [
        (name, value)
        for name, value in came.headers
        if name not in dropped and name not in added and value != REDACTED
    ]
    url = urlsplit(forward.url)
    request = Request(
        method=came.method,
        path=url.path or "/",
        query="&".join(part for part in (url.query, came.query) if part),
        headers=Headers.of([*kept, *added.items()]),
        body=came.body,
        origin=f"{url.scheme}://{url.netloc}",
    )
    if forward.sign is None:
        return request
    values = secrets.values(forward.sign.secrets) or [""]
    return forward.sign.sign(request, values[0], now_seconds)


class Forwarder:
    """One HTTP client per process, made when the first event is sent on."""

    def __init__(self, secrets: Secrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    async def send(self, forward: Forward, message: Message, attempt: int) -> Outcome:
        """2xx is success; any other status fails as `Http.StatusCode.503`. No redirects.

        Raises SecretMissing, NotSupported.
        """
        import httpx  # noqa: PLC0415 - a tenth of a second that only those who forward should pay

        if self._client is None:
            self._client = httpx.AsyncClient(follow_redirects=False)
        now_seconds = self._clock.now_ms() / 1000
        request = outgoing(forward, message, attempt, self._secrets, now_seconds)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in request.headers]
        sending = self._client.build_request(
            request.method, request.url, content=request.body, headers=headers, timeout=None
        )
        try:
            # One limit for the whole exchange; the client's own would start anew at every byte.
            async with asyncio.timeout(forward.timeout_seconds) as limit:
                return await self._exchange(self._client, sending)
        except (httpx.HTTPError, httpx.StreamError) as error:
            return _failed(f"Http.{type(error).__name__}", f"{_host(forward)}: {error}")
        except TimeoutError:
            if not limit.expired():
                raise
            late = f"{_host(forward)}: no answer in {forward.timeout_seconds:g} seconds"
            return _failed("Http.Timeout", late)

    async def _exchange(self, client: httpx.AsyncClient, request: httpx.Request) -> Outcome:
        response = await client.send(request, stream=True)
        try:
            excerpt = b""
            async for chunk in response.aiter_bytes():
                excerpt += chunk[: _EXCERPT_BYTES - len(excerpt)]
        finally:
            await response.aclose()
        if response.is_success:
            return NOTHING
        text = excerpt.decode("utf-8", "replace")
        return _failed(f"Http.StatusCode.{response.status_code}", text)

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _failed(name: str, message: str) -> Failed:
    return Failed(name, describe(name, message, []))


def _host(forward: Forward) -> str:
    """Where to, without what a URL may carry of secrets."""
    return urlsplit(forward.url).hostname or "the target"
