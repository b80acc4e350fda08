"""All steps but tasks: every setting, and the field of the language that it becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast import to_asl
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
from steps_kit import KEEP, QUERY, TASK, charge, ship, state

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
