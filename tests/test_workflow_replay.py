"""The machine is pure: replay, resumption from JSON, and any events in any order."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.workflow import asl, machine
from holdfast.workflow.events import (
    Command,
    Event,
    Finish,
    RunTask,
    Snapshot,
    Started,
    StartTimer,
    TaskFailed,
    TaskSucceeded,
    TimedOut,
    TimerFired,
)

DOCUMENT: dict[str, Any] = {
    "StartAt": "First",
    "States": {
        "First": {
            "Type": "Task",
            "Resource": "${first}",
            "ResultPath": "$.first",
            "Retry": [
                {"ErrorEquals": ["A"], "MaxAttempts": 2, "JitterStrategy": "FULL"},
                {"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1},
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Route"}],
            "Next": "Route",
        },
        "Route": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.first", "IsPresent": False, "Next": "Shape"},
                {"Variable": "$.first", "NumericGreaterThan": 0, "Next": "Pause"},
                {"Variable": "$.first", "IsNull": True, "Next": "Bad"},
            ],
            "Default": "Second",
        },
        "Pause": {"Type": "Wait", "SecondsPath": "$.first", "Next": "First"},
        "Shape": {
            "Type": "Pass",
            "Parameters": {"e.$": "$.e.Error", "at.$": "$$.Execution.StartTime"},
            "Next": "Second",
        },
        "Second": {"Type": "Task", "Resource": "${second}", "InputPath": "$.e", "End": True},
        "Bad": {"Type": "Fail", "Error": "Bad"},
    },
}
PROGRAM = asl.load(DOCUMENT)

TICKETS = st.sampled_from(["1", "2", "3", "4", "5", "x"])
TIMES = st.integers(0, 2_000_000_000_000)
OUTPUTS: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, 1, 2, 2**70, -1.5, "x", "\ud800", [], {"a": [1]}, "y" * 300_000]
)
ERRORS = st.sampled_from(["A", "B", "States.Timeout", "States.Runtime", "States.TaskFailed"])
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Started, OUTPUTS, TIMES),
    st.builds(TaskSucceeded, TICKETS, OUTPUTS, TIMES),
    st.builds(TaskFailed, TICKETS, ERRORS, st.just("cause"), TIMES),
    st.builds(TimerFired, TICKETS, TIMES),
    st.builds(TimedOut, TIMES),
)


def answer(command: Command, output: Any, error: str | None, now_ms: int) -> Event:
    """An event that the machine waits for."""
    if isinstance(command, StartTimer):
        return TimerFired(command.ticket, now_ms)
    assert isinstance(command, RunTask)
    if error is not None:
        return TaskFailed(command.ticket, error, "cause", now_ms)
    return TaskSucceeded(command.ticket, output, now_ms)


STORIES = st.lists(st.tuples(OUTPUTS, st.none() | ERRORS, TIMES), min_size=1, max_size=15)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(["first", "e"]), OUTPUTS), STORIES)
def test_any_prefix_resumes_from_json(given_input: Any, story: list[Any]) -> None:
    """Written down as JSON and read back after every event, an execution goes on the same way.

    The snapshots handed in stay as they were, and replaying the events gives the same ones again.
    """
    events: list[Event] = [Started(given_input, 1_700_000_000_000)]
    snapshot, commands = machine.step(PROGRAM, None, events[0])
    seen: list[Snapshot] = [snapshot]
    for output, error, now_ms in story:
        if isinstance(commands[-1], Finish):
            break
        event = answer(commands[-1], output, error, now_ms)
        before = copy.deepcopy(snapshot)
        resumed = machine.step(PROGRAM, json.loads(json.dumps(snapshot)), event)
        after = machine.step(PROGRAM, snapshot, event)
        assert snapshot == before
        assert resumed == after
        snapshot, commands = after
        events.append(event)
        seen.append(snapshot)

    again: Snapshot | None = None
    for event, expected in zip(events, seen, strict=True):
        again, _ = machine.step(PROGRAM, again, event)
        assert again == expected


@settings(max_examples=150)
@given(st.lists(EVENTS, max_size=12))
def test_no_sequence_of_events_raises(events: list[Event]) -> None:
    """Whatever comes in whatever order, the machine answers, and ends at most once."""
    snapshot: Snapshot | None = None
    ends = 0
    for event in events:
        snapshot, commands = machine.step(PROGRAM, snapshot, event)
        ends += sum(isinstance(command, Finish) for command in commands)
    machine.history(PROGRAM, events)

    assert ends <= 1
