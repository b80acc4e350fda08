"""Traces as OpenTelemetry's spans. The only file that imports it.

    POST users            the request, at the gateway
      '- send users       until it was durable; its context travels with the message
           '- process users     one attempt, from its first step until the queue knows how it ended
                '- workflow users
                     |- Verify
                     '- Handle       the handler's own spans are within it
                          '- POST    a request to another program, which is told of the trace

Names, counts and times only: no path, no query, no header, no body and no text of an error.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
    set_tracer_provider,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from holdfast.clock import SYSTEM_CLOCK
from holdfast.message import Headers, Lease, Message, Request
from holdfast.runtime.version import installed_version
from holdfast.telemetry import Kind
from holdfast.workflow.http_answer import Answer
from holdfast.workflow.outcome import Failed, Outcome
from holdfast.workflow.result import Result
from holdfast.workflow.traced import Send

FLUSH_SECONDS: Final = 3.0
"""What is left is sent before a process ends, but nobody waits longer for a collector."""

_CONTEXT: Final = TraceContextTextMapPropagator()
_NOWHERE: Final = Context()
_ENDS: Final[Mapping[str, str]] = {
    "message.done": "done",
    "message.duplicate": "duplicate",
    "message.retry": "retry",
    "message.dead": "dead",
    "message.released": "released",
    "message.stale": "stale",
}
_FAILED: Final = ("retry", "dead")
_NAME: Final = re.compile(r"[\w.]{1,100}", re.ASCII)
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Traces:
    """One per process: spans of the gateway and of the workflows, and their way out."""

    def __init__(self, role: str, incoming: str = "link") -> None:
        given = {"service.version": installed_version(), "holdfast.role": role}
        named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(
            "OTEL_RESOURCE_ATTRIBUTES", ""
        )
        if not named:
            given["service.name"] = "holdfast"
        self._provider = TracerProvider(resource=Resource.create(given), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("holdfast", installed_version())
        self._incoming = incoming
        self._attempts: dict[str, Span] = {}
        """By message: attempts of which the queue has not heard yet how they ended."""

    def share(self) -> None:
        """Spans of handlers, and of the libraries that they use, go the same way."""
        set_tracer_provider(self._provider)

    def close(self) -> None:
        """Send what is left, within a limit."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(FLUSH_SECONDS)

    # The gateway's

    def request(self, method: str, headers: Headers) -> RequestSpans:
        context, links = self._sender(headers)
        method = method if method in _METHODS else "_OTHER"
        span = self._tracer.start_span(
            method,
            context=context,
            kind=SpanKind.SERVER,
            links=links,
            attributes={"http.request.method": method},
        )
        return RequestSpans(self, span, method)

    def sending(self, within: Span, message: Message) -> Span:
        return self._tracer.start_span(
            f"send {message.webhook}",
            context=set_span_in_context(within),
            kind=SpanKind.PRODUCER,
            attributes=_of_message(message, "send")
            | {"messaging.message.body.size": len(message.request.body)},
        )

    def _sender(self, headers: Headers) -> tuple[Context, list[Link]]:
        """A stranger may say that its request is part of a trace: a link says so too, and leaves
        ids and sampling to us."""
        if self._incoming == "ignore" or "traceparent" not in headers:
            return _NOWHERE, []
        carrier = {name: headers.get(name) or "" for name in ("traceparent", "tracestate")}
        context = _CONTEXT.extract(carrier, context=_NOWHERE)
        theirs = get_current_span(context).get_span_context()
        if not theirs.is_valid:
            return _NOWHERE, []
        return (context, []) if self._incoming == "parent" else (_NOWHERE, [Link(theirs)])

    # The workflow's

    async def attempt(self, lease: Lease, work: Awaitable[Result]) -> Result:
        message = lease.message
        context, links = self._begun(message)
        waited_ms = max(0, SYSTEM_CLOCK.now_ms() - message.received_at_ms)
        span = self._tracer.start_span(
            f"process {message.webhook}",
            context=context,
            kind=SpanKind.CONSUMER,
            links=links,
            attributes=_of_message(message, "process")
            | {"holdfast.attempt": lease.receive_count, "holdfast.waited_ms": waited_ms},
        )
        before = self._attempts.pop(message.id, None)
        if before is not None:
            before.end()
        self._attempts[message.id] = span
        within = self._tracer.start_span(
            f"workflow {message.webhook}", context=set_span_in_context(span)
        )
        with use_span(within, True, record_exception=False, set_status_on_exception=False):
            result = await work
            if result.status != "SUCCEEDED":
                _fail(within, result.error or result.status)
                if result.state:
                    within.set_attribute("holdfast.state", result.state)
        return result

    async def task(self, state: str, resource: str, work: Awaitable[Outcome]) -> Outcome:
        span = self._tracer.start_span(state, attributes={"holdfast.resource": resource})
        with use_span(span, True, record_exception=False, set_status_on_exception=False):
            outcome = await work
            if isinstance(outcome, Failed):
                _fail(span, outcome.error)
        return outcome

    async def call(self, request: Request, send: Send) -> Answer:
        url = urlsplit(request.origin)
        span = self._tracer.start_span(
            request.method,
            kind=SpanKind.CLIENT,
            attributes={
                "http.request.method": request.method,
                "server.address": url.hostname or "",
                "server.port": url.port or (443 if url.scheme == "https" else 80),
            },
        )
        with use_span(span, True, record_exception=False, set_status_on_exception=False):
            try:
                answer = await send(_told(request, span))
            except Exception as error:
                _fail(span, type(error).__name__)
                raise
            span.set_attribute("http.response.status_code", answer.status)
            if answer.status >= 400:
                _fail(span, str(answer.status))
        return answer

    def current(self) -> str | None:
        return carried(get_current_span())

    def __call__(self, kind: Kind, fields: Mapping[str, Any]) -> None:
        """As a subscriber of telemetry: an attempt is over once the queue knows how it ended."""
        end = _ENDS.get(kind.name)
        span = self._attempts.pop(fields["id"], None) if end is not None else None
        if span is None or end is None:
            return
        span.set_attribute("holdfast.outcome", end)
        if end in _FAILED:
            _fail(span, str(fields.get("error") or fields.get("reason") or end))
        if end == "retry":
            span.set_attribute("holdfast.retry_seconds", float(fields["retry_seconds"]))
        if end == "dead":
            span.set_attribute("holdfast.reason", str(fields["reason"]))
        span.end()

    def _begun(self, message: Message) -> tuple[Context, list[Link]]:
        """Where its trace began: at our gateway, or where nobody traced there, at the sender."""
        if message.trace is None:
            return self._sender(message.request.headers)
        return _CONTEXT.extract({"traceparent": message.trace}, context=_NOWHERE), []


class RequestSpans:
    """The span of one request, and that of its being kept."""

    def __init__(self, traces: Traces, span: Span, method: str) -> None:
        self._traces = traces
        self._span = span
        self._method = method
        self._sending: Span | None = None

    def keeping(self, message: Message) -> str:
        self._named(message.webhook)
        self._span.set_attribute("messaging.message.id", message.id)
        self._sending = self._traces.sending(self._span, message)
        return carried(self._sending) or ""

    def kept(self) -> None:
        if self._sending is not None:
            self._sending.end()

    def refused(self, webhook: str | None, reason: str) -> None:
        if webhook is not None:
            self._named(webhook)
        self._span.set_attribute("holdfast.reason", reason)

    def greeted(self, webhook: str, handshake: str) -> None:
        self._named(webhook)
        self._span.set_attribute("holdfast.handshake", handshake)

    def end(self, status: int | None) -> None:
        if status is not None:
            self._span.set_attribute("http.response.status_code", status)
        if status is None or status >= 500:
            _fail(self._span, str(status or "cancelled"))
        self._span.end()

    def _named(self, webhook: str) -> None:
        self._span.update_name(f"{self._method} {webhook}")
        self._span.set_attribute("holdfast.webhook", webhook)


def carried(span: Span) -> str | None:
    """The context of a span as a `traceparent`; None: there is none."""
    carrier: dict[str, str] = {}
    _CONTEXT.inject(carrier, context=set_span_in_context(span, _NOWHERE))
    return carrier.get("traceparent")


def _told(request: Request, span: Span) -> Request:
    """With this span in the place of the sender's, which a forwarded request would repeat."""
    lines = [line for line in request.headers if line[0] not in ("traceparent", "tracestate")]
    mine = carried(span)
    if mine is not None:
        lines.append(("traceparent", mine))
    return replace(request, headers=Headers(tuple(lines)))


def _of_message(message: Message, operation: str) -> dict[str, Any]:
    return {
        "messaging.system": "holdfast",
        "messaging.operation.type": operation,
        "messaging.destination.name": message.webhook,
        "messaging.message.id": message.id,
        "holdfast.webhook": message.webhook,
    }


def _fail(span: Span, error: str) -> None:
    """Only its name: the text of an error may repeat what a sender sent, and a workflow may take
    even the name from an event; what looks like a name is told, no other."""
    span.set_attribute("error.type", error if _NAME.fullmatch(error) else "_OTHER")
    span.set_status(Status(StatusCode.ERROR))
