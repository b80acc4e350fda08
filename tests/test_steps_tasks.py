"""A task, its retries and its catches: every setting, and the field that it becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast import Permanent, to_asl
from holdfast.steps import (
    Step,
    expr,
    field,
    intrinsic,
    put,
    task,
)
from holdfast.testing import run_workflow
from steps_kit import KEEP, KEPT, QUERY, TASK, charge, state

TASKS: list[tuple[Step, dict[str, Any]]] = [
    (task(charge), KEPT),
    (task(charge, comment="money"), {**KEPT, "Comment": "money"}),
    (task(charge, result="payment"), {**TASK, "ResultPath": "$.payment"}),
    (task(charge, result="a.b[0]"), {**TASK, "ResultPath": "$.a.b[0]"}),
    (task(charge, result="$"), TASK),
    (task(charge, result=field("a")), {**TASK, "ResultPath": "$.a"}),
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


class Desk:
    def charge(self, input: Any) -> None: ...


def test_a_method_is_one_task_however_often_it_is_looked_up() -> None:
    """Each look at a bound method makes a new object; the task stays one."""
    desk = Desk()
    document = to_asl(task(desk.charge, name="A") >> task(desk.charge, name="B"))

    assert {state["Resource"] for state in document["States"].values()} == {"${charge}"}


def test_backslashes_in_functions_mean_themselves() -> None:
    """In a text, and in a template but for the escapes that a template has."""
    template = intrinsic("States.Format", r"C:\dir \{x\} {}", field("a"))
    texts = intrinsic("States.StringSplit", r"a\b'c", r"\'")
    run = run_workflow(put("$", {"x": template, "y": texts}), {"a": 1})

    assert run.output == {"x": r"C:\dir {x} 1", "y": ["a", "b", "c"]}
