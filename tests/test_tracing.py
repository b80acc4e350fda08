"""When traces are left and when not, what travels with a message, and what a failing collector costs."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from cli_scene import call, scene_in
from holdfast.clock import ManualClock
from holdfast.envelope import decode, encode
from holdfast.errors import ExtraMissing
from holdfast.message import Headers, Lease, Message, Receipt
from holdfast.queue.contract import Filter
from holdfast.runtime import tracing
from holdfast.runtime.spans import Traces
from holdfast.runtime.tracing import missing, need_extra, start_traces, wanted
from holdfast.telemetry import EVENTS, Kind, Telemetry
from holdfast.workflow.http_client import HttpClient
from holdfast.workflow.result import Result
from http_target import a_target
from otlp_kit import Collector, a_collector
from workflow_kit import a_message

THEIRS: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT: Final = f"00-{THEIRS}-00f067aa0ba902b7-01"
ENDPOINT: Final = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with a_collector() as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        yield server


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "console"}, False),
    ],
)
def test_the_environment_says_whether(environment: Mapping[str, str], told: bool) -> None:
    """In OpenTelemetry's own words."""
    assert wanted(environment) is told


def test_when_it_is_off_nothing_of_it_is_imported() -> None:
    """Neither by the gateway's process nor by the worker's."""
    code = (
        "import sys, holdfast.runtime.child, holdfast.runtime.roles.gateway\n"
        "import holdfast.runtime.roles.worker, holdfast.runtime.tracing as t\n"
        "from holdfast.telemetry import Telemetry\n"
        "from holdfast.clock import SYSTEM_CLOCK\n"
        "assert t.start_traces('worker', Telemetry(), SYSTEM_CLOCK) is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(  # noqa: S603 - this interpreter and a text of ours
        [sys.executable, "-c", code], env=bare, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_a_missing_extra_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Asked for by the option it is an error; by a variable, which may be another program's, a line."""
    monkeypatch.setattr(tracing, "_MODULES", ("opentelemetry.of_another_planet",))
    with pytest.raises(ExtraMissing, match=r"pip install 'holdfast\[otel\]'"):
        need_extra()
    assert "holdfast[otel]" in missing(ENDPOINT)
    assert missing({}) == ""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert start_traces("worker", Telemetry(), ManualClock()) is None

    definition = tmp_path / "hooks.py"
    definition.write_text("from holdfast import App\napp = App()\n")
    ended = call("run", str(definition), "--traces", "http://127.0.0.1:4318")
    assert (ended.code, "pip install 'holdfast[otel]'" in ended.err) == (1, True)


def test_without_a_trace_a_message_is_kept_as_ever() -> None:
    """The store's head has no more in it than before, so that older versions read it."""
    message = a_message()

    assert len(orjson.loads(message.head())) == 10
    assert "trace" not in orjson.loads(encode(message))


def test_a_trace_travels_beside_what_the_sender_sent(tmp_path: Path) -> None:
    """Through the embedded store and through an envelope of SQS; headers and body stay as they were."""
    message = replace(a_message(b"{}", {"traceparent": "theirs"}), trace=TRACEPARENT)

    assert decode(encode(message), "users") == message
    with scene_in(tmp_path / "store") as scene:
        scene.engine.send([message])
        (entry,) = scene.engine.events(Filter(id=message.id), limit=1)
        (lease,) = scene.engine.receive("users", 1, 30)
    assert entry.message == message
    assert lease.message.trace == TRACEPARENT


def requested(collector: Collector, incoming: str, headers: Mapping[str, str]) -> Any:
    traces = Traces("gateway", incoming)
    request = traces.request("POST", Headers.of(headers))
    context = request.keeping(a_message())
    request.kept()
    request.end(200)
    traces.close()
    (span,) = collector.named("POST users")
    (sending,) = collector.named("send users")
    assert context.split("-")[1:3] == [sending.trace, sending.id]
    return span


@pytest.mark.parametrize(
    ("incoming", "trace_is_theirs", "linked"),
    [("link", False, True), ("parent", True, False), ("ignore", False, False)],
)
def test_what_becomes_of_a_senders_trace(
    collector: Collector, incoming: str, trace_is_theirs: bool, linked: bool
) -> None:
    """A link by default; where senders are one's own, a parent."""
    span = requested(collector, incoming, {"traceparent": TRACEPARENT})

    assert (span.trace == THEIRS) is trace_is_theirs
    assert bool(span.links) is linked


@pytest.mark.parametrize(
    "value", ["", "rubbish", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "00-\xff", TRACEPARENT * 9]
)
@pytest.mark.parametrize("incoming", ["link", "parent"])
def test_rubbish_is_no_trace(collector: Collector, incoming: str, value: str) -> None:
    """Whatever a stranger writes there, the request has a trace of its own."""
    span = requested(collector, incoming, {"traceparent": value, "tracestate": value})

    assert span.links == ()
    assert span.parent == ""


def an_attempt(traces: Traces, message: Message, status: Any = "SUCCEEDED") -> None:
    async def work() -> Result:
        return Result(status, 0, 1.0, error=None if status == "SUCCEEDED" else "no name, but Ada")

    lease = Lease(message, Receipt("r1"), 1)
    asyncio.run(traces.attempt(lease, work()))


def test_where_nobody_traced_the_request_the_attempt_links_to_the_sender(
    collector: Collector,
) -> None:
    """Messages of a mounted gateway, of API Gateway, or of a run before this one."""
    traces = Traces("worker")
    message = a_message(b"{}", {"traceparent": TRACEPARENT})
    an_attempt(traces, message)
    traces(EVENTS["message.done"], {"id": message.id, "webhook": "users"})
    traces.close()
    (span,) = collector.named("process users")

    assert (span.parent, [trace for trace, _ in span.links]) == ("", [THEIRS])


def test_what_does_not_look_like_the_name_of_an_error_is_not_told(collector: Collector) -> None:
    """A workflow may take it from an event."""
    traces = Traces("worker")
    an_attempt(traces, a_message(), "FAILED")
    traces.close()
    (span,) = collector.named("workflow users")

    assert span.attributes["error.type"] == "_OTHER"
    assert "Ada" not in span.text


def test_what_is_not_sampled_is_not_sampled_later(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request decides; its attempts follow, days later."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    gateway = Traces("gateway")
    request = gateway.request("POST", Headers())
    context = request.keeping(a_message())
    monkeypatch.delenv("OTEL_TRACES_SAMPLER")
    worker = Traces("worker")
    an_attempt(worker, replace(a_message(), trace=context))
    gateway.close()
    worker.close()

    assert context.endswith(("-00", "-02"))
    assert collector.spans == []


def test_an_attempt_that_comes_again_ends_the_one_before(collector: Collector) -> None:
    """Of which nobody said how it ended: the lease had passed on."""
    traces = Traces("worker")
    an_attempt(traces, a_message())
    an_attempt(traces, a_message())
    traces(EVENTS["message.stale"], {"id": a_message().id, "webhook": "users"})
    traces(EVENTS["message.stale"], {"id": a_message().id, "webhook": "users"})
    traces(EVENTS["pipe.paused"], {"webhook": "users"})
    traces.close()
    outcomes = [one.attributes.get("holdfast.outcome") for one in collector.named("process users")]

    assert outcomes == [None, "stale"]


def test_a_request_that_gets_no_answer_is_a_span_that_failed(collector: Collector) -> None:
    """And the failure is the caller's, as it would be without a trace."""
    from holdfast.workflow.http_client import ExchangeFailed  # noqa: PLC0415 - for this test alone

    traces = Traces("worker")
    client = HttpClient(traces)
    with a_target() as target:
        target.let_go.clear()
        request = replace(a_message().request, origin=target.root)

        async def exchange() -> None:
            await client.exchange(request, limit_seconds=0.1, bytes_max=10)

        with pytest.raises(ExchangeFailed):
            asyncio.run(exchange())
    traces.close()
    (span,) = collector.named("POST")

    assert span.attributes["error.type"] == "ExchangeFailed"
    assert span.failed


def test_a_collector_that_fails_is_told_of_once_a_minute(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As telemetry, like everything that is told; and nothing else comes of it."""
    collector.status = 400
    clock, told = ManualClock(), []
    telemetry = Telemetry()

    def hear(kind: Kind, fields: Mapping[str, Any]) -> None:
        told.append((kind.name, fields["why"]))

    telemetry.subscribe(hear)
    log = logging.getLogger("opentelemetry")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "propagate", True)
    traces = start_traces("gateway", telemetry, clock)
    assert traces is not None
    traces.request("POST", Headers()).end(200)
    traces.close()
    log.warning("again")
    clock.advance(61)
    log.warning("and again")

    assert [name for name, _ in told] == ["traces.failed", "traces.failed"]
    assert told[1][1] == "and again"
    assert "400" in told[0][1]


@pytest.mark.parametrize(
    ("variable", "left"),
    [("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", False), ("HOLDFAST_TRACE_INCOMING", True)],
)
@pytest.mark.usefixtures("collector")
def test_a_variable_that_cannot_be_read_keeps_nobody_from_receiving(
    monkeypatch: pytest.MonkeyPatch, variable: str, left: bool
) -> None:
    """It is told; of the exporter's there are no traces then, ours has a default."""
    monkeypatch.setenv(variable, "rubbish")
    told: list[str] = []
    telemetry = Telemetry()
    telemetry.subscribe(lambda kind, fields: told.append(f"{kind.name} {fields['why']}"))
    monkeypatch.setattr(logging.getLogger("opentelemetry"), "handlers", [])
    monkeypatch.setattr(logging.getLogger("opentelemetry"), "propagate", True)
    traces = start_traces("gateway", telemetry, ManualClock())

    assert (traces is not None) is left
    assert len(told) == 1
    assert told[0].startswith("traces.failed ")
    if traces is not None:
        traces.close()


def test_nobody_waits_for_a_collector_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process ends within its limit; what was left is lost."""
    monkeypatch.setattr("holdfast.runtime.spans.FLUSH_SECONDS", 0.1)
    with a_target() as stuck:
        stuck.let_go.clear()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", stuck.root)
        traces = Traces("gateway")
        traces.request("POST", Headers()).end(200)
        traces.close()

        assert not stuck.let_go.is_set()
