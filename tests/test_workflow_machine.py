"""The machine: how data, failures and time move an execution."""

from __future__ import annotations

from typing import Any

import pytest

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
from holdfast.workflow.limits import DATA_LIMIT_BYTES

NOW = 1_700_000_000_000
END: dict[str, Any] = {"Type": "Pass", "End": True}


class Play:
    """One execution, its tasks answered from a list: a value, or an error and its cause."""

    def __init__(self, document: dict[str, Any], given: Any, *answers: Any) -> None:
        self.program = asl.load(document)
        self.calls: list[RunTask] = []
        self.timers: list[StartTimer] = []
        self.events: list[Event] = []
        self._answers = list(answers)
        self.snapshot: Snapshot | None = None
        self.end = self._play(Started(given, NOW))

    def _play(self, event: Event) -> Finish:
        while True:
            self.events.append(event)
            self.snapshot, commands = machine.step(self.program, self.snapshot, event)
            command = commands[-1]
            if isinstance(command, Finish):
                return command
            event = self._answer(command)

    def _answer(self, command: Command) -> Event:
        if isinstance(command, StartTimer):
            self.timers.append(command)
            return TimerFired(command.ticket, NOW)
        assert isinstance(command, RunTask)
        self.calls.append(command)
        answer = self._answers.pop(0)
        if isinstance(answer, tuple):
            return TaskFailed(command.ticket, answer[0], answer[1], NOW)
        return TaskSucceeded(command.ticket, answer, NOW)

    @property
    def waits(self) -> list[float]:
        return [timer.seconds for timer in self.timers]


def one_task(**fields: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": "${t}", "End": True, **fields}
    states = {"T": state} | ({"Caught": END} if "Catch" in fields else {})
    return {"StartAt": "T", "States": states}


def one_state(**fields: Any) -> dict[str, Any]:
    return {"StartAt": "S", "States": {"S": fields}}


def test_data_flows_through_a_task() -> None:
    """InputPath, Parameters, ResultSelector, ResultPath and OutputPath apply in this order."""
    play = Play(
        one_task(
            InputPath="$.in",
            Parameters={"n.$": "$.n", "who.$": "$$.State.Name"},
            ResultSelector={"m.$": "$.m"},
            ResultPath="$.out",
            OutputPath="$.out",
        ),
        {"in": {"n": 1}},
        {"m": 2, "more": 3},
    )

    assert play.calls[0].input == {"n": 1, "who": "T"}
    assert play.end.output == {"m": 2}


@pytest.mark.parametrize(
    ("fields", "call", "output"),
    [
        ({}, {"a": 1}, "result"),
        ({"InputPath": None}, {}, "result"),
        ({"ResultPath": None}, {"a": 1}, {"a": 1}),
        ({"OutputPath": None}, {"a": 1}, {}),
        ({"ResultPath": "$.r"}, {"a": 1}, {"a": 1, "r": "result"}),
        ({"InputPath": "$.a", "ResultPath": "$.r"}, 1, {"a": 1, "r": "result"}),
    ],
)
def test_null_has_a_meaning_in_each_path(fields: dict[str, Any], call: Any, output: Any) -> None:
    """A null InputPath or OutputPath is an empty object, a null ResultPath drops the result."""
    play = Play(one_task(**fields), {"a": 1}, "result")

    assert play.calls[0].input == call
    assert play.end.output == output


def test_pass_with_and_without_a_result() -> None:
    """A Pass hands on its Result, or what came in, placed where ResultPath says."""
    fixed = one_state(Type="Pass", Result={"x.$": "$.kept"}, ResultPath="$.r", End=True)
    bare = one_state(Type="Pass", Parameters={"y": 1}, ResultPath="$.r", End=True)

    assert Play(fixed, {"a": 1}).end.output == {"a": 1, "r": {"x.$": "$.kept"}}
    assert Play(bare, {"a": 1}).end.output == {"a": 1, "r": {"y": 1}}


RETRY_ALL = {"ErrorEquals": ["States.ALL"]}
TWO = [
    {"ErrorEquals": ["A", "B"], "MaxAttempts": 2},
    {"ErrorEquals": ["C"], "IntervalSeconds": 5},
]
CATCH_ALL = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]


@pytest.mark.parametrize(
    ("fields", "errors", "waits", "end"),
    [
        ({}, ["A"], [], "A"),
        ({"Retry": []}, ["A"], [], "A"),
        ({"Retry": [RETRY_ALL]}, ["A", "A", "A"], [1, 2, 4], None),
        ({"Retry": [RETRY_ALL]}, ["A", "A", "A", "A"], [1, 2, 4], "A"),
        ({"Retry": [{**RETRY_ALL, "MaxAttempts": 0}]}, ["A"], [], "A"),
        (
            {"Retry": [{**RETRY_ALL, "IntervalSeconds": 3, "BackoffRate": 1.5}]},
            ["A"] * 2,
            [3, 4.5],
            None,
        ),
        ({"Retry": [{**RETRY_ALL, "MaxDelaySeconds": 3}]}, ["A"] * 3, [1, 2, 3], None),
        ({"Retry": TWO}, ["A", "B", "C", "B"], [1, 2, 5], "B"),
        ({"Retry": TWO, "Catch": CATCH_ALL}, ["A", "B", "C", "B"], [1, 2, 5], None),
        ({"Retry": TWO}, ["D"], [], "D"),
        ({"Retry": [RETRY_ALL]}, ["States.Runtime"], [], "States.Runtime"),
        ({"Catch": CATCH_ALL}, ["States.Runtime"], [], "States.Runtime"),
        ({"Catch": CATCH_ALL}, ["States.DataLimitExceeded"], [], None),
        ({"Catch": CATCH_ALL}, ["States.Timeout"], [], None),
        ({"Retry": [{"ErrorEquals": ["States.TaskFailed"]}]}, ["A"], [1], None),
        (
            {"Retry": [{"ErrorEquals": ["States.TaskFailed"]}]},
            ["States.Timeout"],
            [],
            "States.Timeout",
        ),
        (
            {"Retry": [{"ErrorEquals": ["States.TaskFailed"]}]},
            ["States.Runtime"],
            [],
            "States.Runtime",
        ),
        ({"Retry": [{"ErrorEquals": ["States.Timeout"]}]}, ["States.Timeout"], [1], None),
        (
            {"Retry": [{"ErrorEquals": ["A"], "MaxAttempts": 0}, RETRY_ALL]},
            ["B", "A"],
            [1],
            "A",
        ),
    ],
)
def test_retry_and_catch(
    fields: dict[str, Any], errors: list[str], waits: list[float], end: str | None
) -> None:
    """Each error meets the first retrier that names it, then the catchers, then the end."""
    answers: list[Any] = [(error, "cause") for error in errors]
    play = Play(one_task(**fields), {}, *answers, "fine")

    assert play.waits == waits
    assert play.end.error == end
    if end is not None:
        assert (play.end.status, play.end.state) == ("FAILED", "T")


def test_retries_start_anew_once_the_state_is_left() -> None:
    """A state that is entered again has all of its attempts again."""
    document: dict[str, Any] = {
        "StartAt": "T",
        "States": {
            "T": {
                "Type": "Task",
                "Resource": "${t}",
                "Retry": [{**RETRY_ALL, "MaxAttempts": 1}],
                "Next": "Again",
            },
            "Again": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.again", "BooleanEquals": True, "Next": "T"}],
                "Default": "End",
            },
            "End": {"Type": "Succeed"},
        },
    }
    failure = ("A", "")

    play = Play(document, {}, failure, {"again": True}, failure, {"again": False})

    assert play.waits == [1, 1]
    assert play.end.status == "SUCCEEDED"


def test_the_retry_count_is_in_the_context_object() -> None:
    """A retried task can see how often it was retried, and gets the same input."""
    document = one_task(Parameters={"n.$": "$$.State.RetryCount"}, Retry=[RETRY_ALL])

    play = Play(document, {}, ("A", ""), ("A", ""), "fine")

    assert [call.input["n"] for call in play.calls] == [0, 1, 2]


def test_jitter_is_left_to_the_runner() -> None:
    """With JitterStrategy FULL the command says so, and no randomness enters the machine."""
    play = Play(one_task(Retry=[{**RETRY_ALL, "JitterStrategy": "FULL"}]), {}, ("A", ""), 1)

    assert play.timers == [StartTimer("2", 1.0, jitter=True)]


def test_a_caught_error_is_placed() -> None:
    """Catch hands on Error and Cause, at its ResultPath, without the state's OutputPath."""
    catch = [{"ErrorEquals": ["A"], "ResultPath": "$.e", "Next": "Caught"}]

    play = Play(one_task(Catch=catch, OutputPath="$.no.such"), {"a": 1}, ("A", "why"))

    assert play.end.output == {"a": 1, "e": {"Error": "A", "Cause": "why"}}


@pytest.mark.parametrize(
    ("fields", "given", "end"),
    [
        ({"Seconds": 5}, {}, 5.0),
        ({"Timestamp": "2023-11-14T22:13:30Z"}, {}, 10.0),
        ({"Timestamp": "2001-01-01T00:00:00Z"}, {}, 0.0),
        ({"SecondsPath": "$.s"}, {"s": 7}, 7.0),
        ({"SecondsPath": "$.s"}, {"s": 0}, 0.0),
        ({"SecondsPath": "$.s"}, {"s": -1}, "States.Runtime"),
        ({"SecondsPath": "$.s"}, {"s": 1.5}, "States.Runtime"),
        ({"SecondsPath": "$.s"}, {"s": True}, "States.Runtime"),
        ({"SecondsPath": "$.s"}, {}, "States.Runtime"),
        ({"TimestampPath": "$.t"}, {"t": "2023-11-14T22:13:30Z"}, 10.0),
        ({"TimestampPath": "$.t"}, {"t": "soon"}, "States.Runtime"),
    ],
)
def test_waits(fields: dict[str, Any], given: Any, end: float | str) -> None:
    """A Wait takes its time from itself or its input, and hands on what came in."""
    play = Play(one_state(Type="Wait", End=True, **fields), given)

    if isinstance(end, str):
        assert play.end.error == end
    else:
        assert (play.waits, play.end.output) == ([end], given)


@pytest.mark.parametrize(
    ("fields", "given", "error", "cause"),
    [
        ({"Error": "E", "Cause": "C"}, {}, "E", "C"),
        ({}, {}, None, None),
        ({"ErrorPath": "$.e", "CausePath": "$.c"}, {"e": "E", "c": "C"}, "E", "C"),
    ],
)
def test_fail(fields: dict[str, Any], given: Any, error: str | None, cause: str | None) -> None:
    """A Fail state ends the execution with what it says, or with what its paths lead to."""
    end = Play(one_state(Type="Fail", **fields), given).end

    assert (end.status, end.error, end.cause) == ("FAILED", error, cause)


def test_the_data_limit_is_exact() -> None:
    """262,144 bytes of result pass, one more is States.DataLimitExceeded, and ALL catches it."""
    fits, too_much = "x" * (DATA_LIMIT_BYTES - 2), "x" * (DATA_LIMIT_BYTES - 1)

    assert Play(one_task(), {}, fits).end.status == "SUCCEEDED"
    assert Play(one_task(), {}, too_much).end.error == "States.DataLimitExceeded"
    assert Play(one_task(Catch=CATCH_ALL), {}, too_much).end.output["Error"] == (
        "States.DataLimitExceeded"
    )


def test_the_data_limit_holds_for_what_is_put_together() -> None:
    """Input and result may each fit, and together not: the state that joins them fails."""
    half = "x" * (DATA_LIMIT_BYTES // 2)
    twice = one_state(Type="Pass", Parameters={"a.$": "$", "b.$": "$"}, End=True)

    assert Play(one_task(ResultPath="$.r"), {"i": half}, half).end.error == (
        "States.DataLimitExceeded"
    )
    assert Play(twice, half).end.error == "States.DataLimitExceeded"
    assert Play(one_task(), "x" * DATA_LIMIT_BYTES).end.error == "States.DataLimitExceeded"


def test_an_execution_that_takes_too_long() -> None:
    """TimedOut ends it as TIMED_OUT, naming the state it was in; what comes later is ignored."""
    program = asl.load(one_task(Catch=CATCH_ALL))
    snapshot, commands = machine.step(program, None, Started({}, NOW))
    (call,) = commands
    assert isinstance(call, RunTask)

    ended, last = machine.step(program, snapshot, TimedOut(NOW))
    after, silence = machine.step(program, ended, TaskSucceeded(call.ticket, 1, NOW))

    assert isinstance(last[0], Finish)
    assert (last[0].status, last[0].error, last[0].state) == ("TIMED_OUT", "States.Timeout", "T")
    assert (after, silence) == (ended, ())


def test_a_stale_answer_changes_nothing() -> None:
    """A task that answers after its retry began is not heard: its ticket has passed."""
    program = asl.load(one_task(Retry=[RETRY_ALL]))
    snapshot, _ = machine.step(program, None, Started({}, NOW))
    waiting, _ = machine.step(program, snapshot, TaskFailed("1", "States.Timeout", "", NOW))

    for stale in (TaskSucceeded("1", "late", NOW), TaskSucceeded("2", "no task", NOW)):
        assert machine.step(program, waiting, stale) == (waiting, ())


def test_an_endless_loop_hands_back_control() -> None:
    """A document that loops without waiting pauses every so often, so that it can time out."""
    never = [{"Variable": "$.stop", "IsPresent": True, "Next": "End"}]
    loop = {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Choice", "Choices": never, "Default": "A"},
            "End": {"Type": "Succeed"},
        },
    }
    program = asl.load(loop)

    snapshot, commands = machine.step(program, None, Started({}, NOW))
    for _ in range(3):
        (timer,) = commands
        assert timer == StartTimer(str(snapshot["tickets"]), 0.0, jitter=False)
        snapshot, commands = machine.step(program, snapshot, TimerFired(timer.ticket, NOW))
