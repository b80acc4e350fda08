"""Variables: what each state assigns from, who sees them when, and the whole context object."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.errors import DefinitionError
from holdfast.testing.workflow import run_workflow

SHOW: dict[str, Any] = {"Type": "Pass", "Parameters": {"v.$": "$v"}, "End": True}


def then_show(mocks: Any = None, given: Any = None, **state: Any) -> Any:
    """Run a state that assigns `v`, then one that shows it; the error where that is the end."""
    following = {} if state["Type"] == "Choice" else {"Next": "Show"}
    document = {"StartAt": "S", "States": {"S": {**state, **following}, "Show": SHOW}}
    run = run_workflow(document, {"a": 1} if given is None else given, mocks=mocks)
    return run.output["v"] if run.status == "SUCCEEDED" else run.error


FROM_A = {"v.$": "$.a"}
CHOOSE = {"Variable": "$.a", "IsPresent": True, "Next": "Show"}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"Type": "Pass", "Assign": {"v": {"x": [1]}}}, {"x": [1]}),
        ({"Type": "Pass", "Assign": FROM_A}, 1),
        ({"Type": "Pass", "Assign": FROM_A, "Result": {"a": 2}}, 2),
        ({"Type": "Pass", "Assign": FROM_A, "Parameters": {"a": 3}}, 3),
        ({"Type": "Pass", "Assign": {"v.$": "States.MathAdd($.a, 1)"}}, 2),
        ({"Type": "Pass", "Assign": {"v": {"n.$": "$$.State.Name"}}}, {"n": "S"}),
        ({"Type": "Pass", "Assign": {"v.$": "$.none"}}, "States.Runtime"),
        ({"Type": "Pass", "Assign": {"w": 1}}, "States.Runtime"),
        ({"Type": "Wait", "Seconds": 1, "Assign": FROM_A}, 1),
        ({"Type": "Choice", "Choices": [{**CHOOSE, "Assign": FROM_A}], "Assign": {"v": 9}}, 1),
        ({"Type": "Choice", "Choices": [CHOOSE], "Assign": {"v": 9}}, "States.Runtime"),
        ({"Type": "Task", "Resource": "t", "Assign": FROM_A, "ResultSelector": {"b": 1}}, 5),
        ({"Type": "Task", "Resource": "t", "Assign": FROM_A, "ResultPath": None}, 5),
    ],
)
def test_what_a_state_assigns_from(state: dict[str, Any], expected: Any) -> None:
    """A result where there is some work, the effective input where there is none."""
    assert expected == then_show({"t": [{"result": {"a": 5}}]}, **state)


def test_the_default_of_a_choice_assigns() -> None:
    """Assign of the state itself holds where no rule does."""
    rule = {"Variable": "$.b", "IsPresent": True, "Next": "Show", "Assign": {"v": 1}}
    choice = {"Type": "Choice", "Choices": [rule], "Default": "Show", "Assign": {"v": 2}}

    assert then_show(**choice) == 2
    assert then_show(given={"b": 1}, **choice) == 1


def test_a_catcher_assigns() -> None:
    """Catch assigns from the error, and what the state itself would have assigned is not."""
    catch = [{"ErrorEquals": ["E"], "Next": "Show", "Assign": {"v.$": "$.Cause"}}]
    state = {"Type": "Task", "Resource": "t", "Assign": {"v": "worked"}, "Catch": catch}

    assert then_show({"t": [{"error": "E", "cause": "why"}]}, **state) == "why"


def test_a_state_sees_variables_as_they_were() -> None:
    """Nothing in a state sees what it assigns; swapping two takes no third."""
    swap = {
        "Type": "Pass",
        "Assign": {"v.$": "$w", "w.$": "$v"},
        "OutputPath": "$v",
        "Next": "Show",
    }
    document = {
        "StartAt": "First",
        "States": {
            "First": {"Type": "Pass", "Assign": {"v": 1, "w": 2}, "Next": "Swap"},
            "Swap": swap,
            "Show": {**SHOW, "Parameters": {"v.$": "$v", "w.$": "$w", "was.$": "$"}},
        },
    }

    assert run_workflow(document).output == {"v": 2, "w": 1, "was": 1}


def test_scopes() -> None:
    """Branches and items see what is outside, and what they assign ends with them."""
    inner = {
        "StartAt": "I",
        "States": {
            "I": {
                "Type": "Pass",
                "Assign": {"inner": "new", "i.$": "$$.Map.Item.Index"},
                "Next": "J",
            },
            "J": {
                "Type": "Pass",
                "Parameters": {"v.$": "$v", "inner.$": "$inner", "i.$": "$i"},
                "End": True,
            },
        },
    }
    document: dict[str, Any] = {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Assign": {"v": "outer"}, "Next": "M"},
            "M": {"Type": "Map", "ItemProcessor": inner, "ResultPath": "$[0]", "Next": "Show"},
            "Show": {**SHOW, "Parameters": {"v.$": "$v", "m.$": "$[0]"}, "Next": "Gone"},
            "Gone": {"Type": "Fail", "ErrorPath": "$inner"},
        },
    }
    document["States"]["Show"].pop("End")
    run = run_workflow(document, [5, 6])

    assert [event["details"].get("output") for event in run.history][-3] == {
        "v": "outer",
        "m": [{"v": "outer", "inner": "new", "i": 0}, {"v": "outer", "inner": "new", "i": 1}],
    }
    assert run.cause is not None
    assert "The JSONPath '$inner'" in run.cause


END = {"Type": "Succeed"}
CATCH = {"ErrorEquals": ["E"], "Assign": {"v.$": "$.Error"}, "Next": "J"}
RULE = {"Variable": "$.a", "IsNull": True, "Assign": {"v": 1}, "Next": "J"}


@pytest.mark.parametrize(
    ("inner", "place"),
    [
        ({"Type": "Pass", "Assign": {"v": 1}, "End": True}, "I.Assign.v"),
        (
            {"Type": "Task", "Resource": "r", "Catch": [CATCH], "End": True},
            "I.Catch[0].Assign['v.$']",
        ),
        ({"Type": "Choice", "Choices": [RULE]}, "I.Choices[0].Assign.v"),
    ],
)
def test_a_scope_sets_no_variable_of_those_around(inner: dict[str, Any], place: str) -> None:
    """Whoever sets it, and even where the outer one is set only afterwards."""
    states = {"I": inner} if inner["Type"] == "Pass" else {"I": inner, "J": END}
    innermost = {"StartAt": "I", "States": states}
    middle = {"Type": "Parallel", "Branches": [innermost], "End": True}
    document = {
        "StartAt": "M",
        "States": {
            "M": {
                "Type": "Map",
                "Iterator": {"StartAt": "P", "States": {"P": middle}},
                "Next": "A",
            },
            "A": {"Type": "Pass", "Assign": {"v": "outer"}, "End": True},
        },
    }
    with pytest.raises(DefinitionError) as caught:
        run_workflow(document)

    assert [mistake.place for mistake in caught.value.mistakes] == [
        f"States.M.Iterator.States.P.Branches[0].States.{place}"
    ]


def test_a_variable_stands_wherever_a_path_does() -> None:
    """In the fields of every state, in functions and in filters' origins."""
    document = {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Assign": {"n": 2, "l": [1, 2, 3]}, "Next": "Wait"},
            "Wait": {"Type": "Wait", "SecondsPath": "$n", "Next": "Choose"},
            "Choose": {
                "Type": "Choice",
                "Choices": [{"Variable": "$l[0]", "NumericLessThanPath": "$n", "Next": "Each"}],
            },
            "Each": {
                "Type": "Map",
                "ItemsPath": "$l",
                "MaxConcurrencyPath": "$n",
                "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}},
                "Next": "T",
            },
            "T": {
                "Type": "Task",
                "Resource": "t",
                "InputPath": "$l[?(@ > 1)]",
                "TimeoutSecondsPath": "$n",
                "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "F"}],
                "End": True,
            },
            "F": {"Type": "Fail", "ErrorPath": "States.Format('E{}', $n)"},
        },
    }

    run = run_workflow(document, mocks={"t": [{"hang": True}]})

    assert (run.error, run.calls[0]["input"]) == ("E2", [2, 3])


def test_variables_are_held_to_the_data_limit() -> None:
    """What one Assign sets has room for 256 KiB."""
    state = {"Type": "Pass", "Assign": {"v.$": "States.Array($, $)"}}

    assert then_show(given="x" * 200_000, **state) == "States.DataLimitExceeded"


def test_the_whole_context_object() -> None:
    """All that AWS tells an Express execution, and what a test lays over it."""
    state = {"Type": "Pass", "Parameters": {"c.$": "$$"}, "End": True}
    document = {"StartAt": "S", "States": {"S": state}}
    over = {"Execution": {"Name": "mine"}, "Extra": 1}

    assert run_workflow(document, {"a": 1}, context=over).output["c"] == {
        "Execution": {
            "Id": "arn:aws:states:us-east-1:111111111111:execution:workflow:run",
            "Input": {"a": 1},
            "Name": "mine",
            "RoleArn": "arn:aws:iam::111111111111:role/workflow",
            "StartTime": "2030-01-01T00:00:00.000Z",
        },
        "Extra": 1,
        "State": {"EnteredTime": "2030-01-01T00:00:00.000Z", "Name": "S"},
        "StateMachine": {
            "Id": "arn:aws:states:us-east-1:111111111111:stateMachine:workflow",
            "Name": "workflow",
        },
    }


def test_all_variables_together_have_a_limit() -> None:
    """One Assign takes 256 KiB, all that is assigned 10 MiB; what replaces a value does not add."""
    big = "x" * 200_000
    states: dict[str, Any] = {
        f"S{number}": {"Type": "Pass", "Assign": {f"v{number}.$": "$"}, "Next": f"S{number + 1}"}
        for number in range(60)
    }
    same = {name: {**state, "Assign": {"v.$": "$"}} for name, state in states.items()}
    end = {"S60": {"Type": "Succeed"}}

    many = run_workflow({"StartAt": "S0", "States": states | end}, big)
    one = run_workflow({"StartAt": "S0", "States": same | end}, big)

    assert (many.error, one.status) == ("States.DataLimitExceeded", "SUCCEEDED")
    assert sum(event["type"] == "PassStateExited" for event in many.history) == 52
