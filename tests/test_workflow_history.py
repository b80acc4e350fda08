"""The history: AWS's vocabulary, numbers and order, as recorded or measured there."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.testing.workflow import WorkflowRun, run_workflow
from holdfast.workflow.chronicle import logged

END: dict[str, Any] = {"Type": "Pass", "End": True}
FAIL: dict[str, Any] = {"Type": "Fail", "Error": "E", "Cause": "C"}
TASK: dict[str, Any] = {"Type": "Task", "Resource": "${t}", "End": True}
INVOKE = {**TASK, "Resource": "arn:aws:states:::lambda:invoke"}
NOWHERE = {"Type": "Pass", "Parameters": {"m.$": "$.nope"}, "End": True}
UNDEFINED = {
    "Type": "Pass",
    "QueryLanguage": "JSONata",
    "Output": {"v": "{% $states.input.nope %}"},
    "End": True,
}
AGAIN = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "After"}]


def branch(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def parallel(*branches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": list(branches), "End": True, **fields}


def each(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": processor, "End": True, **fields}


def play(state: dict[str, Any], given: Any = None, **settings: Any) -> WorkflowRun:
    more = {"After": END} if "Catch" in state or "Next" in state else {}
    return run_workflow({"StartAt": "S", "States": {"S": state, **more}}, given, **settings)


def told(run: WorkflowRun) -> list[str]:
    """`2<PassStateExited`: what follows from event 2. The ids are those of the places."""
    assert [event["id"] for event in run.history] == list(range(1, len(run.history) + 1))
    return [f"{event['previousEventId']}<{event['type']}" for event in run.history]


START = "0<ExecutionStarted"


def test_a_called_function() -> None:
    """What is a Lambda function on AWS has events of its own, an integration has Task events."""
    boom = {"S": [{"error": "E", "cause": "C"}, {"result": 1}]}

    assert told(play({**TASK, "Retry": AGAIN}, mocks=boom)) == [
        START,
        "0<TaskStateEntered",
        "2<LambdaFunctionScheduled",
        "3<LambdaFunctionStarted",
        "4<LambdaFunctionFailed",
        "5<LambdaFunctionScheduled",
        "6<LambdaFunctionStarted",
        "7<LambdaFunctionSucceeded",
        "8<TaskStateExited",
        "9<ExecutionSucceeded",
    ]
    assert told(play({**INVOKE, "Catch": CATCH}, mocks=boom))[2:7] == [
        "2<TaskScheduled",
        "3<TaskStarted",
        "4<TaskFailed",
        "5<TaskStateExited",
        "6<PassStateEntered",
    ]


def test_details_have_the_names_of_awss_logs() -> None:
    """Values stand as they are; limits, resources and assigned variables are told."""
    state = {
        **INVOKE,
        "TimeoutSeconds": 9,
        "HeartbeatSeconds": 3,
        "Parameters": {"n.$": "$"},
        "Assign": {"v.$": "$.out"},
    }
    run = play(state, 7, mocks={"S": [{"result": {"out": None}}]})
    resource = {"resourceType": "lambda", "resource": "invoke"}

    assert [event["details"] for event in run.history] == [
        {"roleArn": "arn:aws:iam::111111111111:role/workflow", "input": 7},
        {"name": "S", "input": 7},
        {**resource, "parameters": {"n": 7}, "timeoutInSeconds": 9, "heartbeatInSeconds": 3},
        resource,
        {**resource, "output": {"out": None}},
        {"name": "S", "output": {"out": None}, "assignedVariables": {"v": None}},
        {"output": {"out": None}},
    ]
    assert run.history[0]["timestamp"] == "2030-01-01T00:00:00.000Z"


def test_a_task_that_takes_too_long() -> None:
    """TimedOut, with its error and no cause."""
    run = play({**TASK, "TimeoutSeconds": 2}, mocks={"S": [{"hang": True}]})

    assert told(run)[4:] == ["4<LambdaFunctionTimedOut", "5<ExecutionFailed"]
    assert run.history[4]["details"] == {"error": "States.Timeout"}


def test_branches_have_lines_of_their_own() -> None:
    """Each goes on from ParallelStateStarted; the Parallel from the last event of the last."""
    two = branch(A={"Type": "Pass", "Next": "B"}, B=END)

    assert told(play(parallel(two, branch(C=END)))) == [
        START,
        "0<ParallelStateEntered",
        "2<ParallelStateStarted",
        "3<PassStateEntered",
        "4<PassStateExited",
        "5<PassStateEntered",
        "6<PassStateExited",
        "3<PassStateEntered",
        "8<PassStateExited",
        "9<ParallelStateSucceeded",
        "9<ParallelStateExited",
        "11<ExecutionSucceeded",
    ]


def test_items_follow_each_other() -> None:
    """With MaxConcurrency 1, an item goes on from the last event of the item before it."""
    run = play(each(branch(A=END), MaxConcurrency=1), [1, 2])

    assert told(run) == [
        START,
        "0<MapStateEntered",
        "2<MapStateStarted",
        "3<MapIterationStarted",
        "4<PassStateEntered",
        "5<PassStateExited",
        "6<MapIterationSucceeded",
        "6<MapIterationStarted",
        "8<PassStateEntered",
        "9<PassStateExited",
        "10<MapIterationSucceeded",
        "11<MapStateSucceeded",
        "11<MapStateExited",
        "13<ExecutionSucceeded",
    ]
    assert run.history[2]["details"] == {"length": 2}
    assert run.history[7]["details"] == {"name": "S", "index": 1}


def test_a_map_of_nothing() -> None:
    """It has started and succeeded, and left from where it started."""
    assert told(play(each(branch(A=END)), []))[2:5] == [
        "2<MapStateStarted",
        "3<MapStateSucceeded",
        "3<MapStateExited",
    ]


def test_a_failed_item_fails_its_map() -> None:
    """MapIterationFailed stands beside the line; a retried Map starts again without MapStateFailed."""
    run = play(each(branch(A=FAIL), MaxConcurrency=1, Retry=AGAIN), [1, 2])

    assert told(run)[2:] == [
        "2<MapStateStarted",
        "3<MapIterationStarted",
        "4<FailStateEntered",
        "5<MapIterationFailed",
        "5<MapStateStarted",
        "7<MapIterationStarted",
        "8<FailStateEntered",
        "9<MapIterationFailed",
        "9<MapStateFailed",
        "11<ExecutionFailed",
    ]


def test_a_caught_branch() -> None:
    """The Parallel has failed, and leaves by its catcher."""
    assert told(play(parallel(branch(A=FAIL), Catch=CATCH)))[3:7] == [
        "3<FailStateEntered",
        "4<ParallelStateFailed",
        "5<ParallelStateExited",
        "6<PassStateEntered",
    ]


def test_a_task_that_ends_its_branch() -> None:
    """TaskStateAborted stands beside, for the state that was never left."""
    run = play(parallel(branch(A=INVOKE)), mocks={"A": [{"error": "E"}]})

    assert told(run)[4:] == [
        "4<TaskScheduled",
        "5<TaskStarted",
        "6<TaskFailed",
        "7<TaskStateAborted",
        "7<ParallelStateFailed",
        "9<ExecutionFailed",
    ]


def test_whatever_is_cut_is_told() -> None:
    """Lines under way when another fails: their items, what is within them, and their states."""
    wait = {"Type": "Wait", "Seconds": 9, "End": True}
    inner = each(branch(W=wait), ItemsPath="$.items")
    run = play(
        parallel(branch(A=INVOKE), branch(M=inner), branch(B=TASK)),
        {"items": [1, 2]},
        mocks={"A": [{"error": "E"}], "B": [{"hang": True}]},
    )
    failed = told(run).index("6<TaskFailed") + 1

    assert told(run)[failed:] == [
        f"{failed}<{type}"
        for type in (
            "TaskStateAborted",
            "MapIterationAborted",
            "WaitStateAborted",
            "MapIterationAborted",
            "WaitStateAborted",
            "MapStateAborted",
            "TaskStateAborted",
            "ParallelStateFailed",
        )
    ] + [f"{failed + 8}<ExecutionFailed"]


def test_a_runtime_error_leaves_no_trace_but_its_end() -> None:
    """Neither a failed item nor a failed Map nor what was cut is told of States.Runtime."""
    for state in (parallel(branch(A=NOWHERE), branch(B=TASK)), each(branch(A=NOWHERE))):
        run = play(state, [1])
        assert told(run)[-1].endswith("<ExecutionFailed")
        assert not [line for line in told(run)[:-1] if "Failed" in line or "Aborted" in line]


def test_a_failed_expression_is_told() -> None:
    """EvaluationFailed names the state, the field and the cause; every attempt has one."""
    task = {**TASK, "QueryLanguage": "JSONata", "Arguments": "{% $nope %}", "Retry": AGAIN}
    run = play(task)

    assert told(run)[2:] == ["2<EvaluationFailed", "3<EvaluationFailed", "4<ExecutionFailed"]
    assert run.history[2]["details"] == {
        "error": "States.QueryEvaluationError",
        "cause": run.cause,
        "location": "Arguments",
        "state": "S",
    }
    assert told(play(each(branch(A=UNDEFINED), MaxConcurrency=1), [{}]))[4:] == [
        "4<PassStateEntered",
        "5<EvaluationFailed",
        "6<MapIterationFailed",
        "6<MapStateFailed",
        "8<ExecutionFailed",
    ]


def test_a_catcher_that_fails_itself() -> None:
    """Its expression failed from before the state did, which then fails a second time."""
    bad = {"ErrorEquals": ["States.ALL"], "Next": "After", "Output": "{% $nope %}"}
    state = parallel(branch(A=FAIL), QueryLanguage="JSONata", Catch=[bad])
    run = play(state)

    assert told(run)[3:] == [
        "3<FailStateEntered",
        "4<ParallelStateFailed",
        "4<EvaluationFailed",
        "6<ParallelStateFailed",
        "7<ExecutionFailed",
    ]
    assert run.history[5]["details"]["location"] == "Catch[0]/Output"


def test_tolerated_failures_are_told_too() -> None:
    """An item that may fail has failed, and its Map goes on."""
    run = play(each(branch(A=FAIL), MaxConcurrency=1, ToleratedFailureCount=2), [1, 2])

    assert [line for line in told(run) if "Iteration" in line] == [
        "3<MapIterationStarted",
        "5<MapIterationFailed",
        "5<MapIterationStarted",
        "8<MapIterationFailed",
    ]
    assert run.status == "SUCCEEDED"


def test_an_execution_that_takes_too_long() -> None:
    """ExecutionTimedOut is its last event."""
    run = play({"Type": "Wait", "Seconds": 301, "End": True})

    assert told(run)[1:] == ["0<WaitStateEntered", "2<ExecutionTimedOut"]


@pytest.mark.parametrize(
    ("type", "levels"),
    [
        ("ExecutionFailed", "ALL ERROR FATAL"),
        ("ExecutionTimedOut", "ALL ERROR FATAL"),
        ("FailStateEntered", "ALL ERROR"),
        ("LambdaFunctionFailed", "ALL ERROR"),
        ("MapIterationAborted", "ALL ERROR"),
        ("TaskStateAborted", "ALL ERROR"),
        ("ExecutionStarted", "ALL"),
        ("ExecutionSucceeded", "ALL"),
        ("TaskStateEntered", "ALL"),
        ("TaskScheduled", "ALL"),
    ],
)
def test_levels(type: str, levels: str) -> None:
    """Each level logs what AWS's does."""
    given: list[Any] = ["ALL", "ERROR", "FATAL", "OFF"]

    assert [level for level in given if logged(level, type)] == levels.split()
