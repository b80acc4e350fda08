"""What holds for any document and any events: the machine is pure, and nothing makes it raise."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.workflow import asl, machine, turn
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
from holdfast.workflow.states import Program
from workflow_documents import ERRORS, OUTPUTS, VALUES, documents

NOW = 1_700_000_000_000


@pytest.fixture(autouse=True, scope="module")
def short_turns() -> Iterator[None]:
    """A document that runs in circles pauses after a few states: in full, one took forty seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turn, "STATES_PER_TURN", 25)
        yield


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]

Asked = dict[str, RunTask | StartTimer]
STORIES = st.lists(
    st.tuples(OUTPUTS, st.none() | st.none() | st.sampled_from(ERRORS[:-1]), st.integers(0, 9)),
    min_size=6,
    max_size=20,
)


def under_way(asked: Asked, commands: Sequence[Command]) -> Asked:
    """The commands that nothing has come of yet, by ticket."""
    begun = [each for each in commands if isinstance(each, RunTask | StartTimer)]
    ended = {each.ticket for each in commands if isinstance(each, Cancel)}
    both = asked | {command.ticket: command for command in begun}
    return {ticket: command for ticket, command in both.items() if ticket not in ended}


def answer(command: RunTask | StartTimer, output: Any, error: str | None) -> Event:
    if isinstance(command, StartTimer):
        return TimerFired(command.ticket, NOW)
    if error is not None:
        return TaskFailed(command.ticket, error, "cause", NOW)
    return TaskSucceeded(command.ticket, output, NOW)


def tell(program: Program, value: Any, story: list[Any]) -> list[Event]:
    """The events of an execution in which things come about as the story has it."""
    events: list[Event] = [Started(value, NOW)]
    snapshot, commands = machine.step(program, None, events[0])
    asked = under_way({}, commands)
    for output, error, which in story:
        if snapshot["status"] != "RUNNING":
            return events
        assert asked.keys() == snapshot["threads"].keys()
        ticket = list(asked)[which % len(asked)]
        events.append(answer(asked.pop(ticket), output, error))
        snapshot, commands = machine.step(program, snapshot, events[-1])
        asked = under_way(asked, commands)
    if snapshot["status"] == "RUNNING":
        events.append(TimedOut(NOW))
    return events


def play(program: Program, events: Sequence[Event]) -> list[tuple[Snapshot, Sequence[Command]]]:
    snapshot: Snapshot | None = None
    steps = []
    for event in events:
        snapshot, commands = machine.step(program, snapshot, event)
        steps.append((snapshot, commands))
    return steps


@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
@given(documents(), VALUES, STORIES)
def test_the_machine_is_pure(document: dict[str, Any], value: Any, story: list[Any]) -> None:
    """Replayed it comes to the same; resumed from JSON at any point, too; and it ends once."""
    program = asl.load(document)
    events = tell(program, value, story)
    steps = play(program, events)

    assert play(program, events) == steps
    for place in range(1, len(events)):
        before, now = steps[place - 1][0], steps[place]
        kept = copy.deepcopy(before)
        assert machine.step(program, json.loads(json.dumps(before)), events[place]) == now
        assert before == kept
    ends = [each for _, commands in steps for each in commands if isinstance(each, Finish)]
    assert len(ends) == 1
    assert steps[-1][0]["status"] == ends[0].status


@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
@given(documents(), VALUES, STORIES)
def test_history_is_numbered_alike_told_or_not(
    document: dict[str, Any], value: Any, story: list[Any]
) -> None:
    """Events are counted where nobody asks, each follows from an earlier one, and one is the last."""
    program = asl.load(document)
    events = tell(program, value, story)
    quiet = play(program, events)
    told = machine.history(program, events)

    assert not any(isinstance(each, Record) for _, commands in quiet for each in commands)
    assert [event["id"] for event in told] == list(range(1, len(told) + 1))
    assert quiet[-1][0]["event_id"] == len(told)
    assert all(0 <= event["previousEventId"] < event["id"] for event in told)
    ends = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut")
    assert [event["id"] for event in told if event["type"] in ends] == [len(told)]
    entered = {event["id"] for event in told if event["type"].endswith("StateEntered")}
    aborted = sum(event["type"].endswith("StateAborted") for event in told)
    assert sum(event["type"].endswith("StateExited") for event in told) + aborted <= len(entered)


@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
@given(documents(), VALUES, STORIES)
def test_failures_are_told_as_they_happen(
    document: dict[str, Any], value: Any, story: list[Any]
) -> None:
    """What is told on the way at level ERROR is what the whole history has of that level."""
    program = asl.load(document)
    started, *others = tell(program, value, story)
    assert isinstance(started, Started)
    steps = play(program, [started._replace(history="failures"), *others])
    told = [each.event for _, told in steps for each in told if isinstance(each, Record)]
    whole = machine.history(program, [started, *others])

    assert told == [event for event in whole if logged("ERROR", event["type"])]


def deep() -> Any:
    found: Any = []
    for _ in range(3_000):
        found = [found]
    return found


ODDITIES: dict[str, Callable[[], Any]] = {
    "nested deep": deep,
    "long": lambda: "y" * 300_000,
    "of many digits": lambda: -(10**5_000),
    "not a number": lambda: float("nan"),
    "infinite": lambda: float("inf"),
    "bytes": lambda: b"",
    "a set": lambda: {1, 2},
    "names that are no strings": lambda: {1: 2},
    "complex": lambda: 1j,
    "an object": object,
}
"""Values that are no JSON, or as good as none."""

ODD = VALUES | st.sampled_from(sorted(ODDITIES)).map(lambda kind: ODDITIES[kind]())
TICKETS = st.sampled_from([*map(str, range(12)), "", "x", "-1", "\ud800"])
CAUSES = st.none() | st.text(max_size=3) | st.just(30_000).map("c".__mul__)
NAMES = st.sampled_from([*ERRORS, "", "\ud800"])
EVENTS: st.SearchStrategy[Event] = st.one_of(
    ODD.map(lambda value: Started(value, NOW)),
    st.builds(TaskSucceeded, TICKETS, ODD, st.just(NOW)),
    st.builds(TaskFailed, TICKETS, NAMES, CAUSES, st.just(NOW)),
    st.builds(TimerFired, TICKETS, st.just(NOW) | st.just(0)),
    st.builds(TimedOut, st.just(NOW)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(documents(), ODD, st.lists(EVENTS, max_size=15))
def test_no_events_make_it_raise(document: dict[str, Any], value: Any, events: list[Event]) -> None:
    """Repeated, foreign, of the wrong kind, with values that are no JSON: it ends at most once."""
    program = asl.load(document)
    steps = play(program, [*events, Started(value, NOW), *events, *events])
    machine.history(program, [Started(value, NOW), *events, *events])

    ends = [each for _, commands in steps for each in commands if isinstance(each, Finish)]
    assert len(ends) <= 1
