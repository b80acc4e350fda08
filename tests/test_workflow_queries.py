"""States in JSONata: where expressions stand, what they see, and how they fail."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.testing.workflow import WorkflowRun, run_workflow
from holdfast.workflow import asl

END: dict[str, Any] = {"Type": "Pass", "End": True}
TASK: dict[str, Any] = {"Type": "Task", "Resource": "t", "End": True}


def document(**states: Any) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def run(given: Any, mocks: Any = None, **states: Any) -> WorkflowRun:
    return run_workflow(document(**states), given, mocks={"t": mocks or [{"result": 1}]})


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (None, None),
        (0.1, 0.1),
        ("text", "text"),
        ([], []),
        ({}, {}),
        ("{% $states.input %}", {"n": 1, "l": [1, 2]}),
        ("{%$states.input.n%}", 1),
        (" {% $states.input.n %}", " {% $states.input.n %}"),
        ("{% $states.input.n %} ", "{% $states.input.n %} "),
        ("{% null %}", None),
        ({"a": [{"b": "{% $sum($states.input.l) %}"}, "$", "c.$"]}, {"a": [{"b": 3}, "$", "c.$"]}),
        ({"k.$": "$.n"}, {"k.$": "$.n"}),
        ("{% [$states.input.l[$ > 1]] %}", [2]),
        ("{% $states.context.State.Name %}", "S"),
        ("{% $keys($states) %}", ["input", "context"]),
        ("{% $states.context.Execution.Input.n %}", 1),
    ],
)
def test_output(output: Any, expected: Any) -> None:
    """Any JSON, with expressions anywhere in it; without it, the input goes on."""
    assert expected == run({"n": 1, "l": [1, 2]}, S={**END, "Output": output}).output
    assert run(7, S=END).output == 7


def test_a_task_in_jsonata() -> None:
    """Arguments make its input, Output what goes on, and both see `$states`."""
    state = {
        **TASK,
        "Arguments": {"x": "{% $states.input.a %}", "y": 2},
        "Output": {"r": "{% $states.result.b %}", "a": "{% $states.input.a %}"},
    }

    found = run({"a": 1}, [{"result": {"b": 3}}], S=state)

    assert (found.calls[0]["input"], found.output) == ({"x": 1, "y": 2}, {"r": 3, "a": 1})
    assert run({"a": 1}, [{"result": {"b": 3}}], S=TASK).output == {"b": 3}
    assert run({"a": 1}, S=TASK).calls[0]["input"] == {"a": 1}


def test_variables_in_jsonata() -> None:
    """Assign sees the result and the variables as they were; a state in JSONPath sees the same."""
    found = run(
        {"n": 1},
        [{"result": 5}],
        A={"Type": "Pass", "Assign": {"v": "{% $states.input.n %}", "c": [1]}, "Next": "T"},
        T={
            "Type": "Task",
            "Resource": "t",
            "Assign": {"v": "{% $v + $states.result %}"},
            "Output": "{% $v %}",
            "Next": "Show",
        },
        Show={**END, "Output": {"v": "{% $v %}", "c": "{% $c %}", "was": "{% $states.input %}"}},
    )

    assert found.output == {"v": 6, "c": [1], "was": 1}


def test_both_languages_in_one_document() -> None:
    """A document in JSONPath has states in JSONata, and they share variables."""
    asked = {**END, "QueryLanguage": "JSONata", "Output": "{% $v.a & '!' %}"}
    states = {"A": {"Type": "Pass", "Assign": {"v.$": "$"}, "Next": "B"}, "B": asked}

    assert run_workflow({"StartAt": "A", "States": states}, {"a": "x"}).output == "x!"


def choose(condition: Any, given: Any) -> Any:
    rule = {"Condition": condition, "Next": "Yes", "Output": "{% $states.input.n %}"}
    choice = {"Type": "Choice", "Choices": [rule], "Default": "No", "Output": "default"}
    found = run(given, C=choice, Yes=END, No=END)
    return found.output if found.status == "SUCCEEDED" else found.error


@pytest.mark.parametrize(
    ("condition", "given", "expected"),
    [
        ("{% $states.input.n > 1 %}", {"n": 2}, 2),
        ("{% $states.input.n > 1 %}", {"n": 1}, "default"),
        (True, {"n": 3}, 3),
        ("{% $states.input.n %}", {"n": 1}, "States.QueryEvaluationError"),
        ("{% $states.input.none %}", {}, "States.QueryEvaluationError"),
        ("{% $exists($states.input.none) %}", {}, "default"),
    ],
)
def test_conditions(condition: Any, given: Any, expected: Any) -> None:
    """A condition says true or false, nothing else; Output is the rule's, or the default's."""
    assert expected == choose(condition, given)


def test_map_in_jsonata() -> None:
    """Items, ItemSelector, MaxConcurrency and Output, each by expression."""
    state = {
        "Type": "Map",
        "Items": "{% $states.input.l %}",
        "ItemSelector": {
            "v": "{% $states.context.Map.Item.Value %}",
            "i": "{% $states.context.Map.Item.Index %}",
            "k": "{% $states.input.k %}",
        },
        "MaxConcurrency": "{% $states.input.k %}",
        "ToleratedFailureCount": "{% 0 %}",
        "ItemProcessor": {"StartAt": "T", "States": {"T": TASK}},
        "Output": "{% $count($states.result) %}",
        "End": True,
    }

    found = run({"l": ["a", "b"], "k": 1}, M=state)

    assert found.output == 2
    assert [call["input"] for call in found.calls] == [
        {"v": "a", "i": 0, "k": 1},
        {"v": "b", "i": 1, "k": 1},
    ]


@pytest.mark.parametrize("items", ["{% 1 %}", "{% {} %}", "{% null %}", "{% $x %}", "{% $sum %}"])
def test_items_must_be_a_list(items: str) -> None:
    """Anything but an array is States.QueryEvaluationError, here and as the input."""
    processor = {"StartAt": "I", "States": {"I": END}}
    state = {"Type": "Map", "Items": items, "ItemProcessor": processor, "End": True}

    assert run({}, M=state).error == "States.QueryEvaluationError"
    assert (
        run(1, M={**state, "Items": "{% $states.input %}"}).error == "States.QueryEvaluationError"
    )


def test_parallel_in_jsonata() -> None:
    """Arguments go to every branch, Output sees the list of results."""
    branch = {"StartAt": "B", "States": {"B": {**END, "Output": "{% $states.input.x + 1 %}"}}}
    state = {
        "Type": "Parallel",
        "Arguments": {"x": "{% $states.input %}"},
        "Branches": [branch],
        "Output": "{% $states.result[0] * 10 %}",
        "End": True,
    }

    assert run(4, P=state).output == 50


def test_catch_in_jsonata() -> None:
    """A catcher's Output and Assign see the error; without Output the error goes on."""
    catcher = {
        "ErrorEquals": ["States.ALL"],
        "Assign": {"e": "{% $states.errorOutput.Error %}"},
        "Next": "Show",
    }
    show = {**END, "Output": {"e": "{% $e %}", "in": "{% $states.input %}"}}
    failing = [{"error": "E", "cause": "why"}]

    plain = run(1, failing, S={**TASK, "Catch": [catcher]}, Show=show)
    shaped = {**catcher, "Output": "{% $states.errorOutput.Cause & $states.input %}"}

    assert plain.output == {"e": "E", "in": {"Error": "E", "Cause": "why"}}
    assert run(1, failing, S={**TASK, "Catch": [shaped]}, Show=show).output["in"] == "why1"


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ({"Type": "Wait", "Seconds": "{% $states.input.s %}", "End": True}, None),
        ({"Type": "Wait", "Seconds": "{% 'x' %}", "End": True}, "States.QueryEvaluationError"),
        ({"Type": "Wait", "Seconds": "{% -1 %}", "End": True}, "States.QueryEvaluationError"),
        ({"Type": "Wait", "Timestamp": "{% $states.input.t %}", "End": True}, None),
        ({"Type": "Wait", "Timestamp": "{% 'soon' %}", "End": True}, "States.QueryEvaluationError"),
        ({**TASK, "TimeoutSeconds": "{% $states.input.s %}"}, None),
        ({**TASK, "TimeoutSeconds": "{% 0 %}"}, "States.QueryEvaluationError"),
        ({"Type": "Succeed", "Output": "{% $states.input.s %}"}, None),
        ({"Type": "Fail", "Error": "{% 'E' & $states.input.s %}", "Cause": "fixed"}, "E2"),
        ({"Type": "Fail", "Error": "{% 1 %}"}, "States.QueryEvaluationError"),
        ({**END, "Output": "{% $nothing %}"}, "States.QueryEvaluationError"),
        ({**END, "Output": "{% 1 + 'x' %}"}, "States.QueryEvaluationError"),
        ({**END, "Output": "{% function($x) { $x } %}"}, "States.QueryEvaluationError"),
        ({**END, "Output": "{% ($f := function() { $f() + 1 }; $f()) %}"}, "States.QueryEval"),
    ],
)
def test_expressions_in_other_fields(state: dict[str, Any], error: str | None) -> None:
    """Numbers, times and texts may be expressions; one that gives none fails the state."""
    found = run({"s": 2, "t": "2030-01-01T00:00:05Z"}, S=state)

    assert (found.error or "").startswith(error or "")
    assert (found.error is None) is (error is None)


def test_the_cause_names_expression_and_field() -> None:
    """Whoever reads the failure finds the expression, and where it stands."""
    found = run({}, S={**END, "Output": {"a": ["{% $nothing %}"]}})

    assert found.cause == (
        "An error occurred while executing the state 'S' (entered at the event id #2). The JSONata "
        "expression '$nothing' specified for the field 'Output/a[0]' returned nothing (undefined)."
    )


def test_a_failed_expression_can_be_caught() -> None:
    """States.QueryEvaluationError is an error like others."""
    catch = [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Show"}]
    state = {**TASK, "Arguments": "{% $nothing %}", "Catch": catch}

    assert run({}, S=state, Show=END).output["Error"] == "States.QueryEvaluationError"


def test_time_and_chance_come_with_the_events() -> None:
    """`$now`, `$uuid` and `$random` are the same when the same events are told again."""
    state = {**END, "Output": ["{% $now() %}", "{% $uuid() %}", "{% $random() %}", "{% $uuid() %}"]}
    first, again = run({}, S=state).output, run({}, S=state).output

    assert first == again
    assert first[0] == "2030-01-01T00:00:00.000Z"
    assert first[1] != first[3]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({**END, "Output": "{% 1 + %}"}, "States.S.Output: "),
        ({**END, "Output": {"a": ["{% ) %}"]}}, "States.S.Output.a[0]: "),
        ({**END, "Output": "{% $eval('1') %}"}, "States.S.Output: $eval is not available"),
        ({**END, "Assign": {"a b": 1}}, "States.S.Assign['a b']: is not the name of a variable"),
        ({**END, "InputPath": "$"}, "States.S.InputPath: belongs to JSONPath"),
        ({**END, "Parameters": {}}, "States.S.Parameters: belongs to JSONPath"),
        ({**END, "Result": 1}, "States.S.Result: belongs to JSONPath"),
        ({**TASK, "ResultSelector": {}}, "States.S.ResultSelector: belongs to JSONPath"),
        ({**TASK, "TimeoutSecondsPath": "$"}, "States.S.TimeoutSecondsPath: belongs to JSONPath"),
        ({**TASK, "TimeoutSeconds": "x"}, "States.S.TimeoutSeconds: must be a whole number"),
        ({**END, "QueryLanguage": "JSONPath"}, "States.S.QueryLanguage: cannot be JSONPath"),
        (
            {"Type": "Wait", "SecondsPath": "$", "End": True},
            "States.S: needs one of Seconds, Timest",
        ),
        (
            {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": "S"}]},
            "States.S.Choices[0].IsNull: belongs to JSONPath",
        ),
        (
            {"Type": "Choice", "Choices": [{"Condition": 1, "Next": "S"}]},
            "[0].Condition: must be a",
        ),
        (
            {"Type": "Choice", "Choices": [{"Next": "S"}]},
            "States.S.Choices[0].Condition: is missing",
        ),
    ],
)
def test_mistakes_have_their_path(state: dict[str, Any], expected: str) -> None:
    """What cannot be read, or belongs to the other language, is named when it is loaded."""
    found = [str(mistake) for mistake in asl.check(document(S=state), ["t"])]

    assert any(expected in line for line in found), found


@pytest.mark.parametrize("name", ["Arguments", "Output", "Items", "Condition"])
def test_jsonata_in_a_state_of_jsonpath(name: str) -> None:
    """The other way round is refused as well."""
    rule = {"Variable": "$", "IsNull": True, "Next": "S", name: "{% 1 %}"}
    choice = {"Type": "Choice", "Choices": [rule]}
    state = choice if name == "Condition" else {**END, name: "{% 1 %}"}
    found = asl.check({"StartAt": "S", "States": {"S": state}}, [])

    assert any(f"{name}: belongs to JSONata" in str(mistake) for mistake in found)
