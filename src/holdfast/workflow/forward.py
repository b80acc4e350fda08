"""Carries an event to another program over HTTP, signed if it should be."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from holdfast.clock import Clock
from holdfast.compiled import Forward
from holdfast.message import Headers, Message, Request
from holdfast.secrets import Secrets
from holdfast.verify.source import REDACTED
from holdfast.workflow import http_answer
from holdfast.workflow.http_client import ExchangeFailed, HttpClient
from holdfast.workflow.outcome import NOTHING, Failed, Outcome, describe
from holdfast.workflow.signing import Signed, signed

LEFT_OUT: Final = frozenset(
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


def outgoing(
    forward: Forward, message: Message, attempt: int, secrets: Secrets, now_seconds: float
) -> Signed:
    """The request that is sent on: what came in, marked, and signed as `forward.sign` says.

    A header that was redacted is left out. Raises SecretMissing, NotSupported.
    """
    came = message.request
    named = came.headers.get("connection", "") or ""
    dropped = LEFT_OUT | {name.strip().lower() for name in named.split(",")}
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
    return signed(request, forward.sign, secrets, now_seconds)


class Forwarder:
    """Sends events on, over the process's own connections."""

    def __init__(self, client: HttpClient, secrets: Secrets, clock: Clock) -> None:
        self._client = client
        self._secrets = secrets
        self._clock = clock

    async def send(self, forward: Forward, message: Message, attempt: int) -> Outcome:
        """2xx is success; any other status fails as `Http.StatusCode.503`. No redirects.

        Raises SecretMissing, NotSupported.
        """
        now_seconds = self._clock.now_ms() / 1000
        ready = outgoing(forward, message, attempt, self._secrets, now_seconds)
        try:
            answer = await self._client.exchange(
                ready.request,
                limit_seconds=forward.timeout_seconds,
                bytes_max=http_answer.CAUSE_MAX,
                drain=True,
            )
        except ExchangeFailed as failure:
            return _failed(f"Http.{failure.kind}", http_answer.without(str(failure), ready.hidden))
        if http_answer.is_success(answer):
            return NOTHING
        return _failed(
            f"Http.StatusCode.{answer.status}",
            http_answer.excerpt(answer, ready.hidden),
            http_answer.retry_after_seconds(answer, self._clock.now_ms() / 1000),
        )


def _failed(name: str, message: str, after_seconds: float | None = None) -> Failed:
    return Failed(name, describe(name, message, []), retry_after_seconds=after_seconds)
