"""HTTP out of a workflow: one exchange after the other, each with one limit, no redirects.

Through the proxy that the environment names (`HTTP_PROXY`, `NO_PROXY`, ...): where there is one,
there is mostly no other way out.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from holdfast.message import Request
from holdfast.workflow.http_answer import Answer
from holdfast.workflow.traced import WorkTraces

if TYPE_CHECKING:
    import httpx


class ExchangeFailed(Exception):
    """No answer came. `kind`: `ConnectError`, `ReadError`, `Timeout`, ... The message names
    host and port alone: a URL may carry secrets."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class HttpClient:
    """One pool of connections, made when the first request is sent."""

    def __init__(self, traces: WorkTraces | None = None) -> None:
        self._client: httpx.AsyncClient | None = None
        self._traces = traces

    async def exchange(
        self, request: Request, *, limit_seconds: float, bytes_max: int, drain: bool = False
    ) -> Answer:
        """Send, and keep `bytes_max` of the answer's body at most. Raises ExchangeFailed.

        `drain`: what is more is read too, so that the target gets to say all of it.
        """
        if self._traces is None:
            return await self._sent(request, limit_seconds, bytes_max, drain=drain)

        async def send(told: Request) -> Answer:
            return await self._sent(told, limit_seconds, bytes_max, drain=drain)

        return await self._traces.call(request, send)

    async def _sent(
        self, request: Request, limit_seconds: float, bytes_max: int, *, drain: bool
    ) -> Answer:
        import httpx  # noqa: PLC0415 - a tenth of a second that only those who call should pay

        if self._client is None:
            self._client = httpx.AsyncClient(follow_redirects=False)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in request.headers]
        place = urlsplit(request.origin).netloc.rpartition("@")[2]
        try:
            sending = httpx.Request(
                request.method,
                request.url,
                headers=headers,
                content=request.body,
                extensions={"timeout": httpx.Timeout(None).as_dict()},
            )
            # One limit for the whole exchange; the client's own would start anew at every byte.
            async with asyncio.timeout(limit_seconds) as limit:
                return await _answered(self._client, sending, bytes_max, drain=drain)
        except httpx.InvalidURL as error:
            raise ExchangeFailed("InvalidURL", f"{place}: {error}") from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise ExchangeFailed(type(error).__name__, f"{place}: {error}") from None
        except TimeoutError:
            if not limit.expired():
                raise
            late = f"{place}: no answer in {limit_seconds:g} seconds"
            raise ExchangeFailed("Timeout", late) from None

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None


async def _answered(
    client: httpx.AsyncClient, request: httpx.Request, bytes_max: int, *, drain: bool
) -> Answer:
    response = await client.send(request, stream=True)
    body, whole = bytearray(), True
    try:
        async for chunk in response.aiter_bytes():
            room = bytes_max - len(body)
            body += chunk[:room]
            if len(chunk) > room:
                whole = False
                if not drain:
                    break
    finally:
        await response.aclose()
    lines = [
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in response.headers.raw
    ]
    return Answer(response.status_code, response.reason_phrase, lines, bytes(body), whole)
