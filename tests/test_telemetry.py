"""What happened, told once: the table of events, log lines that hold together, numbers that add up."""

from __future__ import annotations

import ast
import io
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from holdfast.clock import ManualClock
from holdfast.queue.contract import Depth
from holdfast.runtime.exposition import exposition
from holdfast.runtime.logs import LogFormat, make_log
from holdfast.runtime.metrics import Counts, Totals
from holdfast.telemetry import EVENTS, Level, Telemetry

SOURCES: Final = Path(__file__).resolve().parent.parent / "src"
EVIL: Final = "\x1b[31mred\r\n\x07\x9b2J\u2028\ud800"
# The pipe tells of a lease, whose id and webhook it adds itself.
ADDED: Final[Mapping[str, frozenset[str]]] = {"_emit": frozenset({"id", "webhook"})}


def emissions() -> Iterator[tuple[str, ast.Call, str]]:
    """Every `emit("name", field=...)` in the tree: where, the call, and the name."""
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in ("emit", "_emit"):
                for constant in ast.walk(node.args[0]):
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                        yield f"{path.relative_to(SOURCES)}:{node.lineno}", node, constant.value


def added(call: ast.Call) -> frozenset[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return ADDED.get(name, frozenset())


def test_every_event_that_is_emitted_is_in_the_table() -> None:
    """With fields that the table names, and with all of them where they can be read off."""
    found = list(emissions())

    assert len(found) > 20
    for place, call, name in found:
        assert name in EVENTS, f"{place} emits {name}"
        named = {keyword.arg for keyword in call.keywords if keyword.arg} | added(call)
        fields = set(EVENTS[name].fields)
        assert named <= fields, f"{place}: {name} has no {named - fields}"
        if all(keyword.arg for keyword in call.keywords):
            assert named == fields, f"{place}: {name} lacks {fields - named}"


def test_every_event_in_the_table_is_emitted() -> None:
    """The table promises nothing that never comes."""
    assert set(EVENTS) - {name for _, _, name in emissions()} == set()


def test_the_table_reads_well() -> None:
    """Names are noun.verb, fields are few and without repetition, meanings are there."""
    for name, kind in EVENTS.items():
        assert name == kind.name
        assert name.count(".") == 1
        assert len(set(kind.fields)) == len(kind.fields)
        assert kind.meaning


def test_a_broken_subscriber_does_not_break_the_work() -> None:
    """It is passed over; those behind it hear everything."""
    heard: list[str] = []

    def broken(*_: object) -> None:
        raise RuntimeError("the disk of the log is full")

    telemetry = Telemetry()
    telemetry.subscribe(broken)
    telemetry.subscribe(lambda kind, _: heard.append(kind.name))
    telemetry.emit("pipe.paused", webhook="users")
    telemetry.emit("pipe.resumed", webhook="users")

    assert heard == ["pipe.paused", "pipe.resumed"]


def test_an_unknown_event_is_a_defect() -> None:
    """Whoever emits what the table does not know hears it at once."""
    with pytest.raises(KeyError):
        Telemetry().emit("nothing.known")


def logged(name: str, *, format: LogFormat = "json", level: Level = "debug", **fields: Any) -> str:
    """What a log at this level writes about one event."""
    out = io.StringIO()
    log = make_log(ManualClock(), role="worker", level=level, format=format, stream=out)
    log(EVENTS[name], fields)
    return out.getvalue()


def test_a_json_line_has_time_level_event_role_and_fields() -> None:
    """One object a line, the time in UTC."""
    line = logged("message.done", id="7", webhook="users", attempt=1, duration_ms=1.50049)

    assert orjson.loads(line) == {
        "time": "2023-11-14T22:13:20.000Z",
        "level": "info",
        "event": "message.done",
        "role": "worker",
        "id": "7",
        "webhook": "users",
        "attempt": 1,
        "duration_ms": 1.5,
    }


@pytest.mark.parametrize(
    ("terminal", "no_colour", "coloured"),
    [(True, "", True), (True, "1", False), (False, "", False)],
)
def test_colours_are_for_a_terminal(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, no_colour: str, coloured: bool
) -> None:
    """Not for a file, whatever the shape of its lines, nor for who asks for none."""
    monkeypatch.setenv("NO_COLOR", no_colour)
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: terminal)
    log = make_log(ManualClock(), role="worker", format="human", stream=out)
    log(EVENTS["message.dead"], {"id": "7"})

    assert out.getvalue().startswith("\x1b[31m") is coloured
    assert ("\x1b" in out.getvalue()) is coloured


def test_a_human_line_is_short() -> None:
    """Empty fields are left out, long values cut, the name stands in front."""
    line = logged("message.dead", format="human", id="7", error="", state=None, cause="x" * 1000)

    assert "message.dead" in line
    assert "id=7" in line
    assert "error=" not in line
    assert len(line) < 450


def test_levels_are_thresholds() -> None:
    """What is below the level is not written."""
    assert logged("request.accepted", level="info", id="7") == ""
    assert logged("message.done", level="warning", id="7") == ""
    assert logged("message.dead", level="error", id="7") != ""


@pytest.mark.parametrize("format", ["human", "json"])
@given(st.text() | st.just(EVIL))
def test_no_value_breaks_a_line(format: LogFormat, value: str) -> None:
    """Whatever a sender wrote, the line is one line, and nothing in it moves the cursor."""
    line = logged("request.refused", format=format, path=value, reason=EVIL)

    assert line.endswith("\n")
    assert line[:-1].isprintable()
    if format == "json":
        said = orjson.loads(line)["path"]
        assert said == value or len(value) > 300 or not value.isprintable()


@pytest.mark.parametrize("value", [10**40, float("nan"), b"\xff", Path("x"), {"a": {1, 2}}, EVIL])
def test_odd_values_are_news_all_the_same(value: object) -> None:
    """What JSON has no word for is written as text, not dropped with its event."""
    assert orjson.loads(logged("store.warning", message=value))["event"] == "store.warning"


def samples(page: bytes) -> dict[tuple[str, tuple[str, ...]], float]:
    """By name and label values in the order of their names."""
    return {
        (one.name, tuple(value for _, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(page.decode())
        for one in family.samples
    }


def counted(*told: tuple[str, dict[str, Any]]) -> list[list[Any]]:
    """The rows that a process reports after these events."""
    counts = Counts()
    telemetry = Telemetry()
    telemetry.subscribe(counts)
    for name, fields in told:
        telemetry.emit(name, **fields)
    return counts.rows()


DONE: Final = ("message.done", {"webhook": "users", "duration_ms": 500.0})


def test_counters_add_up_across_processes_that_ended() -> None:
    """Two workers, one of which ended and was followed by another: nothing is counted twice."""
    totals = Totals()
    totals.report(1, counted(DONE))
    totals.report(1, counted(DONE, DONE))  # a process reports what it has counted since it started
    totals.report(2, counted(DONE))
    totals.ended(1)
    totals.report(1, counted(DONE))  # its number was given to another process since
    totals.ended(9)

    told = samples(exposition(totals, [], 0))

    assert told[("holdfast_messages_done_total", ("users",))] == 4
    assert told[("holdfast_message_seconds_sum", ("users",))] == 2.0


def test_what_is_counted_has_its_labels() -> None:
    """Refusals by status and reason, deaths by reason, those that expired in one go included."""
    refused = {"webhook": None, "status": 404, "reason": "not_found"}
    totals = Totals()
    totals.report(
        1,
        counted(
            ("request.refused", refused),
            ("request.accepted", {"webhook": "users", "bytes": 10}),
            ("message.dead", {"webhook": "users", "reason": "exhausted"}),
            ("message.expired", {"webhook": "users", "count": 5}),
            ("pipe.paused", {"webhook": "users"}),
        ),
    )

    told = samples(exposition(totals, [], 0))

    assert told[("holdfast_requests_refused_total", ("not_found", "404", ""))] == 1
    assert told[("holdfast_request_bytes_total", ("users",))] == 10
    assert told[("holdfast_messages_dead_total", ("exhausted", "users"))] == 1
    assert told[("holdfast_messages_dead_total", ("expired", "users"))] == 5


def test_depth_is_a_gauge() -> None:
    """Waiting, leased and dead by webhook, and the age of the oldest; no age is 0."""
    depths = [Depth("users", 3, 2, 1, 1_000), Depth('odd"\\\nname', 0, 0, 0, None)]

    told = samples(exposition(Totals(), depths, 5_000))

    assert told[("holdfast_messages", ("waiting", "users"))] == 3
    assert told[("holdfast_messages", ("dead", "users"))] == 1
    assert told[("holdfast_oldest_waiting_seconds", ("users",))] == 4.0
    assert told[("holdfast_oldest_waiting_seconds", ('odd"\\\nname',))] == 0.0


def test_threads_do_not_lose_counts() -> None:
    """Several threads may tell the same subscriber; every event counts."""
    counts = Counts()

    def tell() -> None:
        for _ in range(2_000):
            counts(EVENTS["message.stale"], {"webhook": "w"})

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counts.rows() == [["messages_stale", "w", 8_000]]
