"""`run_workflow`: how tasks are played, time jumps, and what is told of it all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.errors import DefinitionError
from holdfast.testing import run_workflow

LAMBDA = "arn:aws:lambda:us-east-1:111111111111:function:fn"


def task(**fields: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": LAMBDA, "End": True, **fields}
    return {"StartAt": "T", "States": {"T": state}}


def two(**fields: Any) -> dict[str, Any]:
    states = {
        "A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "B"},
        "B": {"Type": "Task", "Resource": "${local}", "End": True},
    }
    return {"StartAt": "A", "States": states, **fields}


def test_calls_are_used_up_state_by_state() -> None:
    """Each state's calls come in their order, whatever the order of the states."""
    calls = [
        {"state": "B", "resource": "local", "input": 1, "result": 2},
        {"state": "A", "resource": "x", "input": {}, "result": 1},
    ]

    run = run_workflow(json.dumps(two()), calls=calls)

    assert (run.status, run.output, run.error, run.cause) == ("SUCCEEDED", 2, None, None)
    assert run.calls == (
        {"state": "A", "resource": "arn:aws:states:::lambda:invoke", "input": {}, "result": 1},
        {"state": "B", "resource": "local", "input": 1, "result": 2},
    )


def test_calls_of_one_state_at_once_are_matched_by_input() -> None:
    """Items of a Map find their own answers, wherever these stand in the list."""
    inner = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "r", "End": True}}}
    state = {"Type": "Map", "ItemProcessor": inner, "End": True}
    calls = [{"state": "T", "input": item, "result": item * 10} for item in (3, 1, 2)]

    run = run_workflow({"StartAt": "M", "States": {"M": state}}, [1, 2, 3], calls=calls)

    assert run.output == [10, 20, 30]


@pytest.mark.parametrize("name", ["B", "local", "${local}"])
def test_mocks_by_state_or_resource(name: str) -> None:
    """A mock is found by the state's name or by the resource's, and its last answer repeats."""
    mocks = {"A": [{"result": 1}], name: [{"result": 2}]}

    assert run_workflow(two(), mocks=mocks).output == 2


def test_the_last_mock_repeats() -> None:
    """Retries go through the list, and stay at its end."""
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 4, "JitterStrategy": "FULL"}]
    mocks = {"T": [{"error": "A"}, {"error": "B", "cause": "why"}]}

    run = run_workflow(task(Retry=retry), mocks=mocks)

    assert (run.status, run.error, run.cause) == ("FAILED", "B", "why")
    assert run.waits == (1.0, 2.0, 4.0, 8.0)
    assert [call["error"] for call in run.calls] == ["A", "B", "B", "B", "B"]


def test_waits_are_those_of_retries() -> None:
    """A Wait state takes no time of a test, and is no retry."""
    document = {
        "StartAt": "W",
        "States": {
            "W": {"Type": "Wait", "Seconds": 100, "Next": "N"},
            "N": {"Type": "Pass", "Parameters": {"at.$": "$$.State.EnteredTime"}, "End": True},
        },
    }

    run = run_workflow(document)

    assert (run.waits, run.output) == ((), {"at": "2030-01-01T00:01:40.000Z"})


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({}, "TIMED_OUT", "States.Timeout"),
        ({"TimeoutSeconds": 5}, "FAILED", "States.Timeout"),
        ({"TimeoutSeconds": 5, "HeartbeatSeconds": 2}, "FAILED", "States.HeartbeatTimeout"),
        ({"HeartbeatSecondsPath": "$.h"}, "FAILED", "States.HeartbeatTimeout"),
        ({"TimeoutSecondsPath": "$.h", "HeartbeatSeconds": 9}, "FAILED", "States.Timeout"),
        ({"TimeoutSeconds": 400}, "TIMED_OUT", "States.Timeout"),
    ],
)
def test_a_task_that_hangs(fields: dict[str, Any], status: str, error: str) -> None:
    """The first limit that passes ends it: its heartbeat's, its own, or the execution's."""
    run = run_workflow(task(**fields), {"h": 3}, mocks={"T": [{"hang": True}]})

    assert (run.status, run.error) == (status, error)


@pytest.mark.parametrize(
    ("seconds", "error"),
    [(0, "States.Runtime"), (1, None), (99_999_999, None), (100_000_000, "States.Runtime")],
)
def test_the_range_of_a_limit_from_the_input(seconds: int, error: str | None) -> None:
    """Both ends of it are in it, and what is beyond them fails the state."""
    run = run_workflow(task(TimeoutSecondsPath="$.n"), {"n": seconds}, mocks={"T": [{"result": 1}]})

    assert run.error == error


@pytest.mark.parametrize(
    ("names", "caught"),
    [
        (["States.HeartbeatTimeout"], True),
        (["States.Timeout"], True),
        (["States.ALL"], True),
        (["Other"], False),
    ],
)
def test_what_a_missed_heartbeat_matches(names: list[str], caught: bool) -> None:
    """It is a timeout, and has a name of its own."""
    catch = [{"ErrorEquals": names, "Next": "C"}]
    document = task(HeartbeatSeconds=1, Catch=catch)
    document["States"]["C"] = {"Type": "Succeed"}

    run = run_workflow(document, mocks={"T": [{"hang": True}]})

    assert (run.status == "SUCCEEDED") is caught


def test_a_task_that_nothing_is_said_about() -> None:
    """A forgotten mock is a mistake of the test, and says which."""
    with pytest.raises(LookupError, match=r"'B' [(]local[)] comes to, given 1"):
        run_workflow(two(), mocks={"A": [{"result": 1}]})


@pytest.mark.parametrize("text", ["{", "[]", "5", '{"StartAt": "A"}'])
def test_a_document_that_cannot_run(text: str) -> None:
    """Text that is no document raises what loading raises."""
    with pytest.raises(DefinitionError):
        run_workflow(text)


def test_the_limit_of_the_whole_execution() -> None:
    """Documents made for other kinds of workflow may allow more; five minutes end them all."""
    run = run_workflow({**task(), "TimeoutSeconds": 9_999}, mocks={"T": [{"hang": True}]})

    assert run.history[-1]["timestamp"] == "2030-01-01T00:05:00.000Z"


def test_history_in_aws_words() -> None:
    """Iterations, branches and failures have the names that AWS gives them."""
    fail = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}
    state = {"Type": "Map", "ItemProcessor": fail, "End": True}
    branch = {"StartAt": "M", "States": {"M": state}}
    document = {
        "StartAt": "P",
        "States": {"P": {"Type": "Parallel", "Branches": [branch], "End": True}},
    }

    assert [event["type"] for event in run_workflow(document, [1]).history] == [
        "ExecutionStarted",
        "ParallelStateEntered",
        "ParallelStateStarted",
        "MapStateEntered",
        "MapStateStarted",
        "MapIterationStarted",
        "FailStateEntered",
        "MapIterationFailed",
        "MapStateFailed",
        "ParallelStateFailed",
        "ExecutionFailed",
    ]


@pytest.mark.parametrize(
    "answers",
    [{"ok": 1}, [{"reslt": 1}], [1], [{"error": KeyError}], lambda _: 1],
    ids=["object", "misspelt", "number", "class", "function"],
)
def test_mocks_that_are_none_are_told(answers: Any) -> None:
    """What a mock may say is said, instead of a null that nobody meant."""
    document = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "a", "End": True}}}

    with pytest.raises(ValueError, match=r"mocks\['A'\] must be a list of"):
        run_workflow(document, mocks={"A": answers})
