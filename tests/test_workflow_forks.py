"""Parallel and Map: lines of control beside each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.testing.workflow import WorkflowRun, run_workflow
from holdfast.workflow import asl, machine
from holdfast.workflow.events import Finish, RunTask, Started, TaskSucceeded
from holdfast.workflow.forks import CHUNK

END: dict[str, Any] = {"Type": "Pass", "End": True}
TASK: dict[str, Any] = {"Type": "Task", "Resource": "${work}", "End": True}
ALL = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]


def scope(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def parallel(*branches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    state = {"Type": "Parallel", "Branches": list(branches), "End": True, **fields}
    return scope(P=state, **({"Caught": END} if "Catch" in fields else {}))


def mapping(processor: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    inner = processor or scope(Work=TASK)
    state = {"Type": "Map", "ItemProcessor": inner, "End": True, **fields}
    return scope(M=state, **({"Caught": END} if "Catch" in fields else {}))


def results(*values: Any) -> dict[str, Any]:
    """What `Work` comes to, call by call; a string that begins with ! is an error."""
    failing = [isinstance(value, str) and value.startswith("!") for value in values]
    return {
        "Work": [
            {"error": value[1:], "cause": "why"} if fails else {"result": value}
            for value, fails in zip(values, failing, strict=True)
        ]
    }


def test_each_branch_gets_the_input_and_keeps_its_place() -> None:
    """The outputs stand in the order of the branches, whichever ends first."""
    slow = scope(Wait={"Type": "Wait", "Seconds": 9, "Next": "A"}, A={**END, "Result": "slow"})
    quick = scope(B={**END, "Parameters": {"n.$": "$.n"}})

    run = run_workflow(parallel(slow, quick, scope(S={"Type": "Succeed"})), {"n": 1})

    assert run.output == ["slow", {"n": 1}, {"n": 1}]


def test_data_flows_through_a_parallel() -> None:
    """Every stage that a Task has, a Parallel has."""
    document = parallel(
        scope(A=END),
        InputPath="$.in",
        Parameters={"p.$": "$.a"},
        ResultSelector={"first.$": "$[0]"},
        ResultPath="$.out",
        OutputPath="$.out.first",
    )

    assert run_workflow(document, {"in": {"a": 1}}).output == {"p": 1}


def test_the_first_branch_to_fail_ends_the_others() -> None:
    """The error is the branch's own, and no task begins once it has failed."""
    fails = scope(F={"Type": "Fail", "Error": "Bad", "Cause": "because"})
    late = scope(Wait={"Type": "Wait", "Seconds": 9, "Next": "Late"}, Late=TASK)

    run = run_workflow(parallel(late, fails), {})

    assert (run.error, run.cause, run.calls) == ("Bad", "because", ())
    assert "ParallelStateFailed" in [event["type"] for event in run.history]


def test_a_parallel_catches_what_its_branches_do_not() -> None:
    """Catch of the state around sees the branch's error; one inside has seen it before."""
    inner_catch = [{"ErrorEquals": ["A"], "Next": "Mended"}]
    branch = scope(Work={**TASK, "Catch": inner_catch}, Mended={**END, "Result": "mended"})
    document = parallel(branch, Catch=ALL)

    assert run_workflow(document, {}, mocks=results("!A")).output == ["mended"]
    assert run_workflow(document, {}, mocks=results("!B")).output == {"Error": "B", "Cause": "why"}


def test_retry_runs_every_branch_again() -> None:
    """A retried Parallel begins anew, with the same input and its count of retries."""
    retry = [{"ErrorEquals": ["A"], "MaxAttempts": 2}]
    document = parallel(
        scope(Work=TASK), Retry=retry, ResultSelector={"r.$": "$$.State.RetryCount"}
    )

    run = run_workflow(document, {"n": 1}, mocks=results("!A", "!A", "fine"))

    assert (run.output, run.waits) == ({"r": 2}, (1.0, 2.0))
    assert [call["input"] for call in run.calls] == [{"n": 1}] * 3


@pytest.mark.parametrize(
    ("fields", "given", "inputs"),
    [
        ({}, [1, "a", None, {}], [1, "a", None, {}]),
        ({"ItemsPath": "$.l"}, {"l": [1, 2]}, [1, 2]),
        ({"InputPath": "$.in", "ItemsPath": "$.l"}, {"in": {"l": [1]}}, [1]),
        (
            {"ItemsPath": "$.l", "ItemSelector": {"i.$": "$$.Map.Item.Index", "k.$": "$.k"}},
            {"l": "ab", "k": 7} | {"l": ["a", "b"]},
            [{"i": 0, "k": 7}, {"i": 1, "k": 7}],
        ),
        ({"Parameters": {"v.$": "$$.Map.Item.Value"}}, [5], [{"v": 5}]),
        ({"MaxConcurrency": 1}, [1, 2, 3], [1, 2, 3]),
        ({"MaxConcurrencyPath": "$[0]"}, [2, 3, 4], [2, 3, 4]),
        ({"MaxConcurrencyPath": "$[0]"}, ["2", 3], ["2", 3]),
    ],
)
def test_what_each_item_is_given(fields: dict[str, Any], given: Any, inputs: list[Any]) -> None:
    """Items come from the effective input or ItemsPath, and are shaped by ItemSelector."""
    run = run_workflow(mapping(**fields), given, mocks=results("x"))

    assert [call["input"] for call in run.calls] == inputs
    assert run.output == ["x"] * len(inputs)


def test_no_items() -> None:
    """A Map over nothing is an empty list, and goes on."""
    assert run_workflow(mapping(), []).output == []


@pytest.mark.parametrize("given", [{}, "abc", 1, None, {"a": []}])
def test_items_that_are_no_list(given: Any) -> None:
    """Anything but an array cannot be mapped over, and no Catch helps."""
    run = run_workflow(mapping(Catch=ALL, InputPath="$.v"), {"v": given})

    assert (run.status, run.error) == ("FAILED", "States.Runtime")


def test_the_item_is_known_inside() -> None:
    """States of the processor see their item, those after the Map do not."""
    inner = scope(I={**END, "Parameters": {"v.$": "$$.Map.Item.Value", "s.$": "$$.State.Name"}})
    after = {**END, "Parameters": {"m.$": "$$.Map"}}
    map_state = {"Type": "Map", "ItemProcessor": inner, "Next": "After"}

    run = run_workflow(scope(M=map_state, After=after), [4])

    assert run.error == "States.Runtime"
    entered = [event for event in run.history if event["type"] == "PassStateEntered"]
    assert entered[-1]["details"]["input"] == [{"v": 4, "s": "I"}]


def test_concurrency_is_limited() -> None:
    """With MaxConcurrency 2 the third item begins when one of the first two has ended."""
    inner = scope(Pause={"Type": "Wait", "SecondsPath": "$", "Next": "Work"}, Work=TASK)

    run = run_workflow(mapping(inner, MaxConcurrency=2), [3, 1, 1, 1], mocks=results("x"))

    assert [call["input"] for call in run.calls] == [1, 1, 3, 1]


def test_no_more_than_forty_at_once() -> None:
    """AWS runs forty items of an inline Map at once, and so does this."""
    inner = scope(Pause={"Type": "Wait", "Seconds": 1, "End": True})
    document = {**mapping(inner), "TimeoutSeconds": 3}

    assert run_workflow(document, list(range(80))).status == "SUCCEEDED"
    assert run_workflow(document, list(range(121))).status == "TIMED_OUT"


def tolerating(*values: Any, **fields: Any) -> WorkflowRun:
    return run_workflow(mapping(MaxConcurrency=1, **fields), [0] * 4, mocks=results(*values))


@pytest.mark.parametrize(
    ("fields", "errors", "end"),
    [
        ({}, 1, "A"),
        ({"ToleratedFailureCount": 0}, 1, "States.ExceedToleratedFailureThreshold"),
        ({"ToleratedFailureCount": 1}, 1, None),
        ({"ToleratedFailureCount": 1}, 2, "States.ExceedToleratedFailureThreshold"),
        ({"ToleratedFailurePercentage": 50}, 2, None),
        ({"ToleratedFailurePercentage": 49.9}, 2, "States.ExceedToleratedFailureThreshold"),
        ({"ToleratedFailurePercentage": 100, "ToleratedFailureCount": 1}, 2, "States.Exceed"),
        ({"ToleratedFailureCountPath": "$[0]"}, 1, "States.ExceedToleratedFailureThreshold"),
    ],
)
def test_tolerated_failures(fields: dict[str, Any], errors: int, end: str | None) -> None:
    """Items may fail up to the limit, and stand in the output as their error."""
    run = tolerating(*["!A"] * errors, "x", **fields)

    if end is None:
        assert run.output == [{"Error": "A", "Cause": "why"}] * errors + ["x"] * (4 - errors)
    else:
        assert (run.error or "").startswith(end)


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"MaxConcurrencyPath": "$.n"}, "x"),
        ({"MaxConcurrencyPath": "$.n"}, -1),
        ({"MaxConcurrencyPath": "$.n"}, 1.5),
        ({"ToleratedFailureCountPath": "$.n"}, {}),
        ({"ToleratedFailurePercentagePath": "$.n"}, 100.1),
        ({"ToleratedFailurePercentagePath": "$.n"}, -0.1),
        ({"ToleratedFailurePercentagePath": "$.n"}, True),
    ],
)
def test_limits_from_the_input_are_checked(fields: dict[str, Any], value: Any) -> None:
    """What a path leads to must be a number that can be a limit."""
    run = run_workflow(mapping(ItemsPath="$.l", **fields), {"l": [], "n": value})

    assert run.error == "States.Runtime"


@pytest.mark.parametrize("value", [0, 100])
def test_all_or_none_may_be_tolerated(value: int) -> None:
    """Both ends of the range are in it."""
    document = mapping(ItemsPath="$.l", ToleratedFailurePercentagePath="$.n")

    assert run_workflow(document, {"l": [], "n": value}).output == []


def test_forks_within_forks() -> None:
    """A Map within a Parallel within a Map: a failure deep inside ends what it is within only."""
    inner = mapping(scope(Work=TASK), Catch=ALL)
    branch = {"StartAt": "M", "States": inner["States"]}
    outer = scope(P={"Type": "Parallel", "Branches": [branch], "End": True})
    document = scope(Outer={"Type": "Map", "ItemProcessor": outer, "End": True})

    run = run_workflow(document, [[1, 2], [3]], mocks=results("a", "!B", "c"))

    assert run.output == [[{"Error": "B", "Cause": "why"}], [["c"]]]


def test_a_failing_item_selector_is_the_maps_failure() -> None:
    """What was begun before it ends with it, and Catch of the Map sees it."""
    fields: dict[str, Any] = {"ItemSelector": {"a.$": "$$.Map.Item.Value.a"}, "Catch": ALL}

    run = run_workflow(mapping(**fields), [{"a": 1}, {}], mocks=results("x"))

    assert run.output["Error"] == "States.ParameterPathFailure"
    assert run.calls == ()


def test_thousands_of_items_without_a_wait() -> None:
    """A long Map of quick states pauses now and then, and comes to its end."""
    run = run_workflow(mapping(scope(I=END)), list(range(5_000)))

    assert run.output == list(range(5_000))


def test_the_result_is_held_to_the_data_limit() -> None:
    """Items that fit one by one may be too much together."""
    run = run_workflow(mapping(Catch=ALL), [1, 2, 3], mocks=results("x" * 100_000))

    assert run.output["Error"] == "States.DataLimitExceeded"


@pytest.fixture
def usual_depth() -> Iterator[None]:
    """Python's own limit of recursion: a library that another test has loaded may have raised it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("usual_depth")
def test_data_nested_beyond_reach() -> None:
    """Depth that Python cannot follow ends the execution, and not the program."""
    read = {"Parameters": {"v.$": "States.StringToJson($)"}, "OutputPath": "$.v"}
    deep: Any = 1
    for _ in range(5_000):
        deep = {"a": deep}

    assert run_workflow(mapping(), [deep], mocks=results(1)).error == "States.DataLimitExceeded"
    assert run_workflow(scope(A={**END, **read}), "[" * 50_000).error == "States.IntrinsicFailure"


@pytest.mark.usefixtures("usual_depth")
@pytest.mark.parametrize(
    "fields",
    [{"ResultSelector": {"v.$": "$[?(@ == $[0])]"}}, {"Assign": {"v.$": "$[?(@ == $[0])]"}}],
    ids=str,
)
def test_results_that_no_selector_can_follow(fields: dict[str, Any]) -> None:
    """They fail the state, and not the machine, though no state was just entered."""
    deep: Any = 1
    for _ in range(700):
        deep = {"a": deep}
    other = {"a": deep["a"]}

    run = run_workflow(mapping(**fields), [1, 2], mocks=results(deep, other))

    assert run.error == "States.Runtime"
    assert "nested too deep" in (run.cause or "")


def test_a_turn_copies_one_chunk_of_the_outputs() -> None:
    """However many items there are, a turn shares with the snapshot before whatever it left alone."""
    count = 2 * CHUNK + 10
    program = asl.load(mapping(MaxConcurrency=1))
    snapshot, commands = machine.step(program, None, Started(list(range(count)), 0))
    for index in range(count):
        (call,) = (command for command in commands if isinstance(command, RunTask))
        before = snapshot
        snapshot, commands = machine.step(program, before, TaskSucceeded(call.ticket, index, 0))
        if index == count - 1:
            break
        (old,), (new,) = before["forks"].values(), snapshot["forks"].values()
        assert [len(chunk) for chunk in new["outputs"]] == [CHUNK, CHUNK, 10]
        same = [a is b for a, b in zip(old["outputs"], new["outputs"], strict=True)]
        assert same == [number != index // CHUNK for number in range(3)]
        assert new["items"] is old["items"]
        assert old["outputs"][index // CHUNK][index % CHUNK] is None

    assert commands[-1] == Finish("SUCCEEDED", list(range(count)), None, None, None)
