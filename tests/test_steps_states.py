"""One step, one state: every setting of the steps, and the field of the language that it becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast import Permanent, to_asl
from holdfast.steps import (
    Step,
    assign,
    choose,
    each,
    expr,
    fail,
    field,
    intrinsic,
    parallel,
    put,
    raw,
    succeed,
    task,
    wait,
    when,
)


def charge(input: Any) -> None: ...


def ship(input: Any) -> None: ...


def state(step: Step) -> dict[str, Any]:
    """The state of the step, where another one follows it."""
    document = to_asl(step >> succeed(name="After"))
    found: dict[str, Any] = document["States"][document["StartAt"]]
    assert found.pop("Next", "After") == "After"
    return found


TASK = {"Type": "Task", "Resource": "${charge}"}
KEPT = {**TASK, "ResultPath": None}
QUERY = {"Type": "Task", "QueryLanguage": "JSONata", "Resource": "${charge}"}
KEEP = {"Output": "{% $states.input %}"}

TASKS: list[tuple[Step, dict[str, Any]]] = [
    (task(charge), KEPT),
    (task(charge, comment="money"), {**KEPT, "Comment": "money"}),
    (task(charge, result="payment"), {**TASK, "ResultPath": "$.payment"}),
    (task(charge, result="a.b[0]"), {**TASK, "ResultPath": "$.a.b[0]"}),
    (task(charge, result="$"), TASK),
    (
        task(charge, timeout="20s", heartbeat="5s"),
        KEPT | {"TimeoutSeconds": 20, "HeartbeatSeconds": 5},
    ),
    (task(charge, timeout="1m 30s"), {**KEPT, "TimeoutSeconds": 90}),
    (
        task(charge, timeout=field("limit"), heartbeat=field("beat")),
        {**KEPT, "TimeoutSecondsPath": "$.limit", "HeartbeatSecondsPath": "$.beat"},
    ),
    (task(charge, input="body"), {**KEPT, "InputPath": "$.body"}),
    (task(charge, input=field("$$.Execution.Id")), {**KEPT, "InputPath": "$$.Execution.Id"}),
    (task(charge, input="$"), KEPT),
    (task(charge, output="body"), {**KEPT, "OutputPath": "$.body"}),
    (
        task(charge, input={"id": field("body.id"), "fixed": 7, "$.x": "$.y"}),
        {**KEPT, "Parameters": {"id.$": "$.body.id", "fixed": 7, "$.x": "$.y"}},
    ),
    (
        task(charge, input={"a": {"b": [{"c": field("$total")}, 1]}}),
        {**KEPT, "Parameters": {"a": {"b": [{"c.$": "$total"}, 1]}}},
    ),
    (
        task(charge, input={"ids": [field("a"), 1, "it's", True, None, [2, field("b")]]}),
        {
            **KEPT,
            "Parameters": {
                "ids.$": r"States.Array($.a, 1, 'it\'s', true, null, States.Array(2, $.b))"
            },
        },
    ),
    (
        task(charge, select={"id": field("transaction")}, result="payment"),
        {**TASK, "ResultSelector": {"id.$": "$.transaction"}, "ResultPath": "$.payment"},
    ),
    (
        task(charge, assign={"total": field("body.total"), "n": 1}),
        {**KEPT, "Assign": {"total.$": "$.body.total", "n": 1}},
    ),
    (
        task(charge, input={"text": intrinsic("States.Format", r"{}: \{{}'\}", field("a"), 1.5)}),
        {**KEPT, "Parameters": {"text.$": r"States.Format('{}: \{{}\'\}', $.a, 1.5)"}},
    ),
    (
        task(charge, input={"x": intrinsic("States.Array", "a\\b", intrinsic("States.UUID"))}),
        {**KEPT, "Parameters": {"x.$": r"States.Array('a\\b', States.UUID())"}},
    ),
    (
        task(charge, input={"at": datetime(2026, 1, 2, tzinfo=UTC)}),
        KEPT | {"Parameters": {"at": "2026-01-02T00:00:00+00:00"}},
    ),
    (task("${charge}"), KEPT),
    (
        task(charge, input={"id": expr("$states.input.id")}),
        QUERY | {"Arguments": {"id": "{% $states.input.id %}"}} | KEEP,
    ),
    (
        task(charge, input={"id": "{% $states.input.id %}"}),
        QUERY | {"Arguments": {"id": "{% $states.input.id %}"}} | KEEP,
    ),
    (
        task(charge, input=expr("{% $states.input.id %}")),
        QUERY | {"Arguments": "{% $states.input.id %}"} | KEEP,
    ),
    (
        task(charge, timeout=expr("$states.input.s")),
        QUERY | {"TimeoutSeconds": "{% $states.input.s %}"} | KEEP,
    ),
    (
        task(charge, timeout="5s", assign={"n": expr("$states.result.n")}),
        QUERY | {"TimeoutSeconds": 5} | KEEP | {"Assign": {"n": "{% $states.result.n %}"}},
    ),
    (
        task(charge, output={"n": expr("$states.result.n"), "m": [1]}),
        QUERY | {"Output": {"n": "{% $states.result.n %}", "m": [1]}},
    ),
    (
        task(charge, input=expr("$x"), result="payment"),
        {
            **QUERY,
            "Arguments": "{% $x %}",
            "Output": '{% $merge([$states.input, {"payment": $states.result}]) %}',
        },
    ),
    (
        task(charge, select={"id": expr("$states.result.id"), "a": [1, "x"]}, result="order.pay"),
        {
            **QUERY,
            "Output": (
                '{% $merge([$states.input, {"order": $merge([$states.input.order, '
                '{"pay": {"id": $states.result.id, "a": [1, "x"]}}])}]) %}'
            ),
        },
    ),
    (task(charge, input=expr("$x"), result="$"), {**QUERY, "Arguments": "{% $x %}"}),
    (
        task(charge, select=expr("$states.result.id"), result="$"),
        {**QUERY, "Output": "{% $states.result.id %}"},
    ),
]


@pytest.mark.parametrize(("step", "expected"), TASKS)
def test_a_task_is_what_its_settings_say(step: Step, expected: dict[str, Any]) -> None:
    """Limits, input, result, output and variables, in JSONPath and, with an expression, JSONata."""
    assert state(step) == expected


RETRIES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"ErrorEquals": ["States.ALL"]}),
    ({"errors": KeyError}, {"ErrorEquals": ["KeyError"]}),
    ({"errors": "States.Timeout"}, {"ErrorEquals": ["States.Timeout"]}),
    ({"errors": (KeyError, "Odd", Permanent)}, {"ErrorEquals": ["KeyError", "Odd", "Permanent"]}),
    (
        {"attempts": 0, "every": "2s", "backoff": 1.5, "max_delay": "1m", "jitter": True},
        {
            "ErrorEquals": ["States.ALL"],
            "IntervalSeconds": 2,
            "MaxAttempts": 0,
            "BackoffRate": 1.5,
            "MaxDelaySeconds": 60,
            "JitterStrategy": "FULL",
        },
    ),
    (
        {"errors": ConnectionError},
        {
            "ErrorEquals": [
                *("ConnectionError", "BrokenPipeError", "ConnectionAbortedError"),
                *("ConnectionRefusedError", "ConnectionResetError"),
            ]
        },
    ),
]


@pytest.mark.parametrize(("settings", "expected"), RETRIES)
def test_a_retry_says_what_is_tried_again(
    settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Only what is said is written; a class stands for its subclasses, as `except` has it."""
    assert state(task(charge).retry(**settings))["Retry"] == [expected]


def test_retries_stay_in_order() -> None:
    """The first that fits is asked, so the order is the writer's."""
    step = task(charge).retry(KeyError, attempts=1).retry(attempts=5)

    assert [one["ErrorEquals"] for one in state(step)["Retry"]] == [["KeyError"], ["States.ALL"]]


CATCHES: list[tuple[Step, dict[str, Any]]] = [
    (task(charge).catch(KeyError), {"ResultPath": None}),
    (task(charge).catch(KeyError, result="error"), {"ResultPath": "$.error"}),
    (task(charge).catch(KeyError, result="$"), {}),
    (
        task(charge).catch(KeyError, assign={"why": field("Cause")}),
        {"Assign": {"why.$": "$.Cause"}, "ResultPath": None},
    ),
    (
        task(charge).catch(KeyError, output=expr("$states.errorOutput.Error")),
        {"Output": "{% $states.errorOutput.Error %}"},
    ),
    (
        task(charge, input=expr("$x")).catch(KeyError, result="error"),
        {"Output": '{% $merge([$states.input, {"error": $states.errorOutput}]) %}'},
    ),
    (task(charge, input=expr("$x")).catch(KeyError, result="$"), {}),
    (task(charge, input=expr("$x")).catch(KeyError), KEEP),
]


@pytest.mark.parametrize(("step", "expected"), CATCHES)
def test_a_catch_says_what_becomes_of_the_error(step: Step, expected: dict[str, Any]) -> None:
    """Nothing by itself: the data goes on; or it is put somewhere, or takes the data's place."""
    assert state(step)["Catch"] == [{"ErrorEquals": ["KeyError"], **expected, "Next": "After"}]


PASS = {"Type": "Pass"}
OTHERS: list[tuple[Step, dict[str, Any]]] = [
    (put("vip", True), PASS | {"Result": True, "ResultPath": "$.vip"}),
    (put("$", {"a": 1}), PASS | {"Result": {"a": 1}}),
    (put("id", field("body.id")), PASS | {"InputPath": "$.body.id", "ResultPath": "$.id"}),
    (
        put("o", {"id": field("b.id")}),
        PASS | {"Parameters": {"id.$": "$.b.id"}, "ResultPath": "$.o"},
    ),
    (put("a", [1, {"b": "$.c"}]), PASS | {"Result": [1, {"b": "$.c"}], "ResultPath": "$.a"}),
    (put("a", 1, output="a"), PASS | {"Result": 1, "ResultPath": "$.a", "OutputPath": "$.a"}),
    (assign({"n": field("a")}), PASS | {"Assign": {"n.$": "$.a"}}),
    (
        put("a", expr("1 + 1")),
        {
            **PASS,
            "QueryLanguage": "JSONata",
            "Output": '{% $merge([$states.input, {"a": 1 + 1}]) %}',
        },
    ),
    (
        put("$", {"a": expr("1 + 1"), "b": [None]}),
        {**PASS, "QueryLanguage": "JSONata", "Output": {"a": "{% 1 + 1 %}", "b": [None]}},
    ),
    (assign({"n": expr("2")}), PASS | {"QueryLanguage": "JSONata", "Assign": {"n": "{% 2 %}"}}),
    (wait("10s"), {"Type": "Wait", "Seconds": 10}),
    (wait("0s"), {"Type": "Wait", "Seconds": 0}),
    (wait(field("delay")), {"Type": "Wait", "SecondsPath": "$.delay"}),
    (wait(expr("3")), {"Type": "Wait", "QueryLanguage": "JSONata", "Seconds": "{% 3 %}"}),
    (wait(until="2026-01-02T03:04:05Z"), {"Type": "Wait", "Timestamp": "2026-01-02T03:04:05Z"}),
    (
        wait(until=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        {"Type": "Wait", "Timestamp": "2026-01-02T03:04:05+00:00"},
    ),
    (wait(until=field("body.due")), {"Type": "Wait", "TimestampPath": "$.body.due"}),
    (
        wait(until=expr("$due"), assign={"a": 1}, output={"b": 2}),
        {
            "Type": "Wait",
            "QueryLanguage": "JSONata",
            "Timestamp": "{% $due %}",
            "Assign": {"a": 1},
            "Output": {"b": 2},
        },
    ),
    (
        raw({"Type": "Pass", "Result": 1, "Comment": "by hand"}),
        PASS | {"Result": 1, "Comment": "by hand"},
    ),
]


@pytest.mark.parametrize(("step", "expected"), OTHERS)
def test_other_steps_are_what_their_settings_say(step: Step, expected: dict[str, Any]) -> None:
    """Pass, Wait, and a state by hand."""
    assert state(step) == expected


ENDS: list[tuple[Step, dict[str, Any]]] = [
    (succeed(), {"Type": "Succeed"}),
    (succeed("body"), {"Type": "Succeed", "OutputPath": "$.body"}),
    (
        succeed({"a": expr("1")}),
        {"Type": "Succeed", "QueryLanguage": "JSONata", "Output": {"a": "{% 1 %}"}},
    ),
    (fail(), {"Type": "Fail"}),
    (fail("Odd", "so it goes"), {"Type": "Fail", "Error": "Odd", "Cause": "so it goes"}),
    (fail(KeyError), {"Type": "Fail", "Error": "KeyError"}),
    (fail(field("e"), field("c")), {"Type": "Fail", "ErrorPath": "$.e", "CausePath": "$.c"}),
    (
        fail("Odd", intrinsic("States.Format", "no {}", field("id"))),
        {"Type": "Fail", "Error": "Odd", "CausePath": "States.Format('no {}', $.id)"},
    ),
    (
        fail(expr("$e"), "why"),
        {"Type": "Fail", "QueryLanguage": "JSONata", "Error": "{% $e %}", "Cause": "why"},
    ),
    (raw({"Type": "Fail", "Error": "X"}), {"Type": "Fail", "Error": "X"}),
    (raw({"Type": "Pass", "End": True}), {"Type": "Pass", "End": True}),
    (task(charge), {**TASK, "End": True}),
    (task(charge, input=expr("$x")), {**QUERY, "Arguments": "{% $x %}", "End": True}),
    (
        task(charge, select={"a": field("b")}),
        {**TASK, "ResultSelector": {"a.$": "$.b"}, "End": True},
    ),
]


@pytest.mark.parametrize(("step", "expected"), ENDS)
def test_what_ends_a_workflow(step: Step, expected: dict[str, Any]) -> None:
    """Succeed, Fail, and the last step, whose result is that of the whole."""
    (found,) = to_asl(step)["States"].values()

    assert found == expected


INNER = {
    "StartAt": "ship",
    "States": {"ship": {"Type": "Task", "Resource": "${ship}", "End": True}},
}
MAP = {"Type": "Map", "ItemsPath": "$.lines", "ResultPath": None, "ItemProcessor": INNER}
SCOPES: list[tuple[Step, dict[str, Any]]] = [
    (parallel(ship), {"Type": "Parallel", "ResultPath": None, "Branches": [INNER]}),
    (
        parallel(ship, input="a", select={"x": field("[0]")}, result="b", output="b"),
        {
            "Type": "Parallel",
            "InputPath": "$.a",
            "ResultSelector": {"x.$": "$[0]"},
            "ResultPath": "$.b",
            "OutputPath": "$.b",
            "Branches": [INNER],
        },
    ),
    (
        parallel(ship, input={"a": expr("1")}, assign={"r": expr("$states.result")}),
        {
            "Type": "Parallel",
            "QueryLanguage": "JSONata",
            "Arguments": {"a": "{% 1 %}"},
            **KEEP,
            "Assign": {"r": "{% $states.result %}"},
            "Branches": [INNER],
        },
    ),
    (each("lines", ship), MAP),
    (each("$", ship), {key: value for key, value in MAP.items() if key != "ItemsPath"}),
    (
        each("lines", ship, at_once=5, tolerate=2, result="done"),
        {**MAP, "MaxConcurrency": 5, "ToleratedFailureCount": 2, "ResultPath": "$.done"},
    ),
    (each("lines", ship, tolerate_percentage=12.5), MAP | {"ToleratedFailurePercentage": 12.5}),
    (
        each(
            field("lines"),
            ship,
            at_once=field("n"),
            tolerate=field("m"),
            tolerate_percentage=field("p"),
        ),
        {
            **MAP,
            "MaxConcurrencyPath": "$.n",
            "ToleratedFailureCountPath": "$.m",
            "ToleratedFailurePercentagePath": "$.p",
        },
    ),
    (
        each("lines", ship, item={"line": field("$$.Map.Item.Value"), "order": field("id")}),
        {**MAP, "ItemSelector": {"line.$": "$$.Map.Item.Value", "order.$": "$.id"}},
    ),
    (each("lines", ship, input="body"), {**MAP, "InputPath": "$.body"}),
    (
        each(expr("$states.input.lines"), ship, at_once=expr("2"), item=expr("$x"), result="done"),
        {
            "Type": "Map",
            "QueryLanguage": "JSONata",
            "Items": "{% $states.input.lines %}",
            "MaxConcurrency": "{% 2 %}",
            "ItemSelector": "{% $x %}",
            "Output": '{% $merge([$states.input, {"done": $states.result}]) %}',
            "ItemProcessor": INNER,
        },
    ),
    (
        each([1, expr("2")], ship),
        {
            "Type": "Map",
            "QueryLanguage": "JSONata",
            "Items": [1, "{% 2 %}"],
            **KEEP,
            "ItemProcessor": INNER,
        },
    ),
]


@pytest.mark.parametrize(("step", "expected"), SCOPES)
def test_branches_and_items_are_what_their_settings_say(
    step: Step, expected: dict[str, Any]
) -> None:
    """Parallel and Map, with everything that is said of items and of how many may fail."""
    assert state(step) == expected


def test_retry_and_catch_are_for_whatever_can_fail() -> None:
    """Branches and items have them as tasks do."""
    for step in (parallel(ship), each("lines", ship)):
        found = state(step.retry(KeyError).catch(KeyError))

        assert [one["ErrorEquals"] for one in found["Retry"] + found["Catch"]] == [["KeyError"]] * 2


def test_the_ways_of_a_choice_have_settings_of_their_own() -> None:
    """Variables by rule and by default, and what goes on."""
    paths = choose(when(field("a") == 1, assign={"n": 1}), assign={"n": field("b")}, output="c")
    queries = choose(
        when(expr("$a"), assign={"n": 1}, output={"m": expr("$a")}), output=expr("$states.input.c")
    )

    assert state(paths) == {
        "Type": "Choice",
        "OutputPath": "$.c",
        "Assign": {"n.$": "$.b"},
        "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Assign": {"n": 1}, "Next": "After"}],
        "Default": "After",
    }
    assert state(queries) == {
        "Type": "Choice",
        "QueryLanguage": "JSONata",
        "Output": "{% $states.input.c %}",
        "Choices": [
            {
                "Condition": "{% $a %}",
                "Assign": {"n": 1},
                "Output": {"m": "{% $a %}"},
                "Next": "After",
            }
        ],
        "Default": "After",
    }
