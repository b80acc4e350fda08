"""A door whose requests leave a trace. Where nobody traces, `Door` itself is at work.

The span's context travels with the message, beside what the sender sent, so that whoever works it
goes on with the same trace.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from holdfast.gateway.answers import Accept, Answer, Arrival, Greeting, Refused
from holdfast.gateway.door import Door, ReadChunk
from holdfast.message import Headers, Message


class RequestTrace(Protocol):
    """The trace of one request, as long as it is inside."""

    def keeping(self, message: Message) -> str:
        """Accepted; from here on it is being kept. The context that the message carries on."""
        ...

    def kept(self) -> None:
        """Or not: it is over."""
        ...

    def refused(self, webhook: str | None, reason: str) -> None: ...

    def greeted(self, webhook: str, handshake: str) -> None: ...

    def end(self, status: int | None) -> None:
        """Answered so; None: nobody waited for the answer."""
        ...


class GatewayTraces(Protocol):
    def request(self, method: str, headers: Headers) -> RequestTrace: ...


class TracedDoor(Door):
    """The same answers, and a trace of each."""

    def __init__(self, *parts: Any, traces: GatewayTraces, **more: Any) -> None:
        """`parts` and `more` are the door's own."""
        super().__init__(*parts, **more)
        self._traces = traces
        self._open: dict[str, RequestTrace] = {}
        """By request. Not by context: a server may run several requests in one."""

    async def _judge(self, arrival: Arrival, read_chunk: ReadChunk, begun: float) -> Answer:
        trace = self._open[arrival.id] = self._traces.request(arrival.method, arrival.headers)
        status: int | None = None
        try:
            answer = await super()._judge(arrival, read_chunk, begun)
            status = answer.status
        except Exception:
            status = 500  # as it will be answered
            raise
        finally:
            del self._open[arrival.id]
            trace.end(status)
        return answer

    async def _keep(self, arrival: Arrival, accept: Accept, begun: float) -> Answer:
        trace = self._open[arrival.id]
        message = replace(accept.message, trace=trace.keeping(accept.message))
        try:
            return await super()._keep(arrival, accept._replace(message=message), begun)
        finally:
            trace.kept()

    async def _shake(self, arrival: Arrival, greeting: Greeting) -> Answer:
        self._open[arrival.id].greeted(greeting.webhook, greeting.handshake)
        return await super()._shake(arrival, greeting)

    def _refused(self, refused: Refused) -> Answer:
        note = refused.refusal
        trace = self._open.get(note.id)
        if trace is not None:
            trace.refused(note.webhook, note.reason)
        return super()._refused(refused)
