"""Traces over a real run: from the request to what the handler calls, at a real collector."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import pytest

from http_target import Target, a_target
from otlp_kit import Collector, Seen, a_collector
from process_kit import Run, running, until

DEFINITION: Final = """
from opentelemetry import trace
from holdfast import Forward

@app.webhook("/users")
def users(event: Event[Any]) -> None:
    with trace.get_tracer("mine").start_as_current_span("my own work"):
        note("done", event)

@app.webhook("/broken", queue=TWICE, pipe=QUICK)
async def broken(event: Event[Any]) -> None:
    raise ValueError("no money for ada@example.com")

app.webhook("/sent", name="sent").forward("{url}")

app.webhook("/relay", workflow={{
    "StartAt": "Send",
    "States": {{"Send": {{
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {{"QueueUrl": "${{queue:users}}", "MessageBody": "{{}}"}},
        "End": True,
    }}}},
}})
"""
THEIRS: Final = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
TRACEPARENT: Final = f"00-{THEIRS[0]}-{THEIRS[1]}-01"


class Traced(NamedTuple):
    run: Run
    collector: Collector
    target: Target

    def span(self, name: str, **about: object) -> Seen:
        """Wait for the span of this name and these attributes."""

        def found() -> Seen | None:
            wanted = {key.replace("__", "."): value for key, value in about.items()}
            for span in self.collector.named(name):
                if wanted.items() <= span.attributes.items():
                    return span
            return None

        return until(found, f"there is a span {name} {about}: {self.collector.spans}")


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    with pytest.MonkeyPatch.context() as patch, a_collector() as collector, a_target() as target:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        folder = tmp_path_factory.mktemp("traces")
        with running(folder, DEFINITION.format(url=target.url)) as run:
            yield Traced(run, collector, target)


def test_one_trace_leads_from_the_request_to_the_handlers_own_spans(traced: Traced) -> None:
    """Request, keeping, attempt, workflow, task, and what the handler traces in its thread."""
    id = traced.run.keep("/users")
    request = traced.span("POST users", messaging__message__id=id)
    sending = traced.span("send users", messaging__message__id=id)
    process = traced.span("process users", messaging__message__id=id)
    chain = [request, sending, process]
    chain += [
        next(span for span in traced.collector.named(name) if span.trace == request.trace)
        for name in ("workflow users", "Handle", "my own work")
    ]

    assert request.parent == ""
    for before, after in pairwise(chain):
        assert (after.trace, after.parent) == (before.trace, before.id), after.name
    assert [span.kind for span in chain[:4]] == ["server", "producer", "consumer", "internal"]
    assert request.attributes["http.response.status_code"] == 200
    assert process.attributes["holdfast.attempt"] == 1
    assert process.attributes["holdfast.outcome"] == "done"
    assert chain[-1].scope == "mine"
    assert request.resource["service.name"] == "holdfast"
    assert {request.resource["holdfast.role"], process.resource["holdfast.role"]} == {
        "gateway",
        "worker",
    }
    (verify,) = [one for one in traced.collector.named("Verify") if one.trace == request.trace]
    assert verify.parent == chain[3].id


def test_a_senders_trace_is_linked_and_its_headers_are_kept(traced: Traced) -> None:
    """Ours begins anew, and says where it came from; the store has what the sender sent, no more."""
    sent = {"traceparent": TRACEPARENT, "tracestate": "vendor=1"}
    id = traced.run.keep("/users", headers=sent)
    request = traced.span("POST users", messaging__message__id=id)
    sending = traced.span("send users", messaging__message__id=id)
    message = traced.run.entry(id).message

    assert request.trace != THEIRS[0]
    assert request.links == (THEIRS,)
    assert message.request.headers["traceparent"] == TRACEPARENT
    assert message.request.headers["tracestate"] == "vendor=1"
    assert message.trace is not None
    assert message.trace.startswith(f"00-{sending.trace}-{sending.id}-0")


def test_each_attempt_is_a_span_and_says_how_it_ended(traced: Traced) -> None:
    """Tried again, then dead; the error's name is told, what it says is not."""
    id = traced.run.keep("/broken")
    first = traced.span("process broken", messaging__message__id=id, holdfast__attempt=1)
    second = traced.span("process broken", messaging__message__id=id, holdfast__attempt=2)
    tasks = [one for one in traced.collector.named("Handle") if one.trace == first.trace]

    assert first.trace == second.trace
    assert first.attributes["holdfast.outcome"] == "retry"
    assert first.attributes["holdfast.retry_seconds"] <= 0.02
    assert second.attributes["holdfast.outcome"] == "dead"
    assert second.attributes["holdfast.reason"] == "exhausted"
    assert first.failed
    assert second.failed
    assert [one.attributes["error.type"] for one in tasks] == ["ValueError", "ValueError"]
    assert "ada@example.com" not in "".join(one.text for one in traced.collector.spans)


def test_another_program_is_told_of_our_trace_not_of_the_senders(traced: Traced) -> None:
    """A forward carries the context of the very span that it is."""
    id = traced.run.keep("/sent", headers={"traceparent": TRACEPARENT})
    traced.span("process sent", messaging__message__id=id, holdfast__outcome="done")
    request = traced.span("POST sent", messaging__message__id=id)
    (got,) = traced.target.received
    (call,) = [one for one in traced.collector.named("POST") if one.kind == "client"]

    told = [value for name, value in got.lines if name.lower() == "traceparent"]
    assert len(told) == 1
    assert told[0].startswith(f"00-{call.trace}-{call.id}-0")
    assert call.trace == request.trace
    assert call.attributes["server.address"] == "127.0.0.1"
    assert call.attributes["http.response.status_code"] == 200
    assert got.headers["x-holdfast-id"] == id


def test_what_a_workflow_sends_belongs_to_its_trace(traced: Traced) -> None:
    """The other webhook's attempt hangs on the task that sent it."""
    id = traced.run.keep("/relay")
    request = traced.span("POST relay", messaging__message__id=id)

    def sent() -> Seen | None:
        spans = traced.collector.named("process users")
        return next((one for one in spans if one.trace == request.trace), None)

    process = until(sent, "the sent message is worked in the same trace")

    def sending() -> Seen | None:
        spans = traced.collector.named("Send")
        return next((one for one in spans if one.trace == request.trace), None)

    # Another process works what was sent, and may tell of it first.
    assert process.parent == until(sending, "so is what sent it").id


def test_refusals_leave_a_trace_without_what_was_sent(traced: Traced) -> None:
    """With status and reason; a path may hold a secret, and is not told."""
    answer = traced.run.post("/nowhere/s3cret?token=s3cret")
    assert answer.status_code == 404
    refused = traced.span("POST", holdfast__reason="not_found")

    assert refused.attributes["http.response.status_code"] == 404
    assert not refused.failed
    assert "s3cret" not in "".join(one.text for one in traced.collector.spans)
