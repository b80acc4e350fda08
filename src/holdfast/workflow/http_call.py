"""Performs `http:invoke`: through a connection of the webhook, which signs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdfast.clock import Clock
from holdfast.definition import Verification
from holdfast.errors import SecretMissing
from holdfast.secrets import Secrets
from holdfast.workflow import http_answer, http_invoke
from holdfast.workflow.failures import StateFailure
from holdfast.workflow.http_client import ExchangeFailed, HttpClient
from holdfast.workflow.outcome import Failed, Outcome, of_result
from holdfast.workflow.references import connection_name
from holdfast.workflow.signing import Signed, signed

SOCKET: Final = "States.Http.Socket"
_CONNECTION: Final = "Events.ConnectionResource"


class HttpCaller:
    """The HTTP tasks of one webhook."""

    def __init__(
        self,
        client: HttpClient,
        connections: Mapping[str, Verification | None],
        secrets: Secrets,
        clock: Clock,
    ) -> None:
        self._client = client
        self._connections = connections
        self._secrets = secrets
        self._clock = clock

    async def call(self, given: Any) -> Outcome:
        """2xx is success; any other status fails as `States.Http.StatusCode.503`. No redirects.

        Raises StateFailure, NotSupported.
        """
        ready = self._signed(http_invoke.read(given))
        try:
            answer = await self._client.exchange(
                ready.request,
                limit_seconds=http_invoke.LIMIT_SECONDS,
                bytes_max=http_answer.ANSWER_BYTES_MAX,
            )
        except ExchangeFailed as failure:
            return Failed(SOCKET, http_answer.without(str(failure), ready.hidden))
        if http_answer.is_success(answer):
            return of_result(http_answer.result(answer, ready.hidden))
        return Failed(
            f"States.Http.StatusCode.{answer.status}",
            http_answer.excerpt(answer, ready.hidden),
            retry_after_seconds=http_answer.retry_after_seconds(
                answer, self._clock.now_ms() / 1000
            ),
        )

    def _signed(self, call: http_invoke.Call) -> Signed:
        name = connection_name(call.connection)
        if name is None or name not in self._connections:
            known = f'There is no connection "{name}" in connections=.'
            raise StateFailure(f"{_CONNECTION}.ResourceNotFound", known)
        now_seconds = self._clock.now_ms() / 1000
        try:
            return signed(call.request, self._connections[name], self._secrets, now_seconds)
        except SecretMissing as error:
            raise StateFailure(f"{_CONNECTION}.InvalidConnectionState", str(error)) from None
