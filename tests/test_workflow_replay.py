"""The machine is pure: replay, resumption from JSON, and any events in any order."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.workflow import asl, machine
from holdfast.workflow.chronicle import logged
from holdfast.workflow.events import (
    Cancel,
    Command,
    Event,
    Finish,
    Record,
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
        "Second": {
            "Type": "Task",
            "Resource": "${second}",
            "InputPath": "$.e",
            "Assign": {"second.$": "$", "id.$": "States.UUID()"},
            "ResultSelector": {"items.$": "States.Array($, $$.Execution.Name, null)"},
            "Next": "Beside",
        },
        "Beside": {
            "Type": "Parallel",
            "Branches": [
                {
                    "StartAt": "Left",
                    "States": {"Left": {"Type": "Task", "Resource": "${left}", "End": True}},
                },
                {
                    "StartAt": "Each",
                    "States": {
                        "Each": {
                            "Type": "Map",
                            "ItemsPath": "$.items",
                            "MaxConcurrency": 2,
                            "ToleratedFailureCount": 1,
                            "ItemProcessor": {
                                "StartAt": "Item",
                                "States": {
                                    "Item": {
                                        "Type": "Task",
                                        "Resource": "${item}",
                                        "Retry": [{"ErrorEquals": ["A"], "MaxAttempts": 1}],
                                        "End": True,
                                    }
                                },
                            },
                            "End": True,
                        }
                    },
                },
            ],
            "Retry": [{"ErrorEquals": ["B"], "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Asked"}],
            "Next": "Asked",
        },
        "Asked": {
            "Type": "Pass",
            "QueryLanguage": "JSONata",
            "Output": {"in": "{% $states.input %}", "drawn": "{% $random() %}", "id": "{% $id %}"},
            "End": True,
        },
        "Bad": {"Type": "Fail", "Error": "Bad"},
    },
}
PROGRAM = asl.load(DOCUMENT)

TICKETS = st.sampled_from([*map(str, range(1, 12)), "x"])
TIMES = st.integers(0, 2_000_000_000_000)
OUTPUTS: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, 1, 2, 2**70, -1.5, "x", "\ud800", [], {"a": [1]}, "y" * 3_000, "y" * 300_000]
)
ERRORS = st.sampled_from(["A", "B", "States.Timeout", "States.Runtime", "States.TaskFailed"])
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.tuples(OUTPUTS, TIMES).map(lambda both: Started(*both)),
    st.builds(TaskSucceeded, TICKETS, OUTPUTS, TIMES),
    st.builds(TaskFailed, TICKETS, ERRORS, st.just("cause"), TIMES),
    st.builds(TimerFired, TICKETS, TIMES),
    st.builds(TimedOut, TIMES),
)


Asked = dict[str, RunTask | StartTimer]


def under_way(asked: Asked, commands: Sequence[Command]) -> Asked:
    """The commands that nothing has come of yet, by ticket."""
    begun = [each for each in commands if isinstance(each, RunTask | StartTimer)]
    ended = {each.ticket for each in commands if isinstance(each, Cancel)}
    both = asked | {command.ticket: command for command in begun}
    return {ticket: command for ticket, command in both.items() if ticket not in ended}


def answer(command: RunTask | StartTimer, output: Any, error: str | None, now_ms: int) -> Event:
    """An event that the machine waits for."""
    if isinstance(command, StartTimer):
        return TimerFired(command.ticket, now_ms)
    if error is not None:
        return TaskFailed(command.ticket, error, "cause", now_ms)
    return TaskSucceeded(command.ticket, output, now_ms)


STORIES = st.lists(
    st.tuples(OUTPUTS, st.none() | st.none() | ERRORS, TIMES, st.integers(0, 9)),
    min_size=1,
    max_size=20,
)


@settings(max_examples=70)
@given(st.dictionaries(st.sampled_from(["first", "e"]), OUTPUTS), STORIES)
def test_any_prefix_resumes_from_json(given_input: Any, story: list[Any]) -> None:
    """Written down as JSON and read back after every event, an execution goes on the same way.

    The snapshots handed in stay as they were, and replaying the events gives the same ones again.
    """
    events: list[Event] = [Started(given_input, 1_700_000_000_000)]
    snapshot, commands = machine.step(PROGRAM, None, events[0])
    seen: list[Snapshot] = [snapshot]
    asked = under_way({}, commands)
    for output, error, now_ms, which in story:
        if commands and isinstance(commands[-1], Finish):
            break
        ticket = list(asked)[which % len(asked)]
        event = answer(asked.pop(ticket), output, error, now_ms)
        before = copy.deepcopy(snapshot)
        resumed = machine.step(PROGRAM, json.loads(json.dumps(snapshot)), event)
        after = machine.step(PROGRAM, snapshot, event)
        assert snapshot == before
        assert resumed == after
        snapshot, commands = after
        asked = under_way(asked, commands)
        assert asked.keys() == snapshot["threads"].keys()
        events.append(event)
        seen.append(snapshot)

    again: Snapshot | None = None
    for event, expected in zip(events, seen, strict=True):
        again, _ = machine.step(PROGRAM, again, event)
        assert again == expected


def told(events: Sequence[Event], asked: Literal["none", "failures", "all"]) -> list[Any]:
    """The records that the machine makes by itself."""
    snapshot: Snapshot | None = None
    records: list[Any] = []
    for event in events:
        asking = event._replace(history=asked) if isinstance(event, Started) else event
        snapshot, commands = machine.step(PROGRAM, snapshot, asking)
        records += [command.event for command in commands if isinstance(command, Record)]
    return records


@settings(max_examples=70)
@given(st.lists(EVENTS, max_size=12))
def test_failures_are_told_while_they_happen(events: list[Event]) -> None:
    """They are those of the whole history, event by event, and nothing is told unasked."""
    events = [Started({"e": 1}, 0), *events]
    whole = machine.history(PROGRAM, events)

    assert told(events, "all") == list(whole)
    assert told(events, "failures") == [each for each in whole if logged("ERROR", each["type"])]
    assert told(events, "none") == []


@settings(max_examples=70)
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
