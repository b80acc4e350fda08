"""Checking a document: every mistake at once, each with its path."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import DefinitionError
from holdfast.workflow import asl

END: dict[str, Any] = {"Type": "Pass", "End": True}


def states(**given: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(given)), "States": given}


def mistakes(document: Any, *tasks: str) -> list[str]:
    return [str(mistake) for mistake in asl.check(document, tasks)]


def task(**fields: Any) -> dict[str, Any]:
    return states(T={"Type": "Task", "Resource": "${t}", "End": True, **fields}, C=END)


def test_a_sound_document_has_no_mistakes() -> None:
    """A document that uses all of the supported language is accepted."""
    document = {
        "Comment": "everything",
        "Version": "1.0",
        "TimeoutSeconds": 60,
        "StartAt": "Verify",
        "States": {
            "Verify": {"Type": "Task", "Resource": "${holdfast:verify}", "Next": "Route"},
            "Route": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.type", "StringMatches": "a.*", "Next": "Work"},
                    {"Not": {"Variable": "$.body", "IsNull": True}, "Next": "Pause"},
                ],
                "Default": "Done",
            },
            "Work": {
                "Type": "Task",
                "Resource": "${work}",
                "InputPath": "$.body",
                "Parameters": {"a.$": "$.b", "at.$": "$$.State.EnteredTime"},
                "ResultSelector": {"n.$": "$.n"},
                "ResultPath": "$.result",
                "OutputPath": None,
                "TimeoutSeconds": 10,
                "HeartbeatSeconds": 5,
                "Retry": [
                    {"ErrorEquals": ["A", "B"], "MaxAttempts": 0, "JitterStrategy": "FULL"},
                    {"ErrorEquals": ["States.ALL"], "BackoffRate": 1.5, "MaxDelaySeconds": 9},
                ],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Bad"}],
                "Next": "Done",
            },
            "Pause": {"Type": "Wait", "SecondsPath": "$.body.seconds", "Next": "Done"},
            "Done": {"Type": "Succeed"},
            "Bad": {"Type": "Fail", "ErrorPath": "$.e.Error", "Cause": "caught"},
        },
    }

    assert mistakes(document, "work") == []


LOOP = {"Type": "Pass", "Next": "L"}
INNER = states(I={**END, "Assign": {"v": 1}})


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (states(L=LOOP), ["States: lead nowhere: no Succeed, Fail or End: true can be reached"]),
        (
            states(P={"Type": "Parallel", "Branches": [states(L=LOOP)], "End": True}),
            ["States.P.Branches[0].States: lead nowhere"],
        ),
        (
            states(
                A={"Type": "Pass", "Assign": {"v.$": "$"}, "Next": "M"},
                M={"Type": "Map", "ItemProcessor": INNER, "End": True},
            ),
            ["States.M.ItemProcessor.States.I.Assign.v: is a variable of the scope around"],
        ),
        (
            task(
                Catch=[{"ErrorEquals": ["States.Timeuot"], "Next": "C"}],
                Retry=[{"ErrorEquals": ["States.Http.Socket", "States.ToCome", "Lambda.Unknown"]}],
            ),
            ["ErrorEquals: there is no error States.Timeuot; did you mean States.Timeout?"],
        ),
        (task(Catch=[{"ErrorEquals": ["States.all"], "Next": "C"}]), ["did you mean States.ALL?"]),
        (
            states(F={"Type": "Fail", "Error": "E", "ErrorPath": "$.e"}),
            ["States.F: Error and ErrorPath cannot stand together"],
        ),
        (
            states(
                M={
                    "Type": "Map",
                    "ItemProcessor": states(I=END),
                    "ToleratedFailurePercentage": 1,
                    "ToleratedFailurePercentagePath": "$.p",
                    "End": True,
                }
            ),
            ["ToleratedFailurePercentage and ToleratedFailurePercentagePath cannot stand together"],
        ),
        (task(Credentials={}), ["States.T.Credentials.RoleArn: is missing", "States.C"]),
        (
            task(Credentials={"RoleArn.$": "x", "Role": 1}),
            [
                "Credentials.Role: is not a field",
                "Credentials.RoleArn.$: 'x' is neither",
                "States.C",
            ],
        ),
        (states(A={**END, "Result": float("nan")}), ["States.A.Result: nan is not JSON"]),
        (states(A={**END, "Result": {1: 2}}), ["States.A.Result: has a field called 1"]),
        (states(A={**END, "Result": (1,)}), ["States.A.Result: tuple is not JSON"]),
        (states(A={**END, "Result": "x" * 1_048_576}), ["the document: has 1,048,645 bytes"]),
        (
            states(
                M={
                    "Type": "Map",
                    "QueryLanguage": "JSONata",
                    "Items": {"a": 1},
                    "ItemProcessor": states(I=END),
                    "End": True,
                }
            ),
            ["States.M.Items: must be a list, or a JSONata expression"],
        ),
    ],
)
def test_what_holds_for_a_document_as_a_whole(document: Any, expected: list[str]) -> None:
    """Ways to an end, whose variables are whose, names of errors, and nothing but JSON."""
    found = mistakes(document, "t")

    assert len(found) == len(expected)
    assert all(part in line for part, line in zip(expected, found, strict=True)), found


def test_what_a_catcher_assigns_may_be_assigned_within() -> None:
    """As AWS takes it: the variable of a catcher is no variable of the scope around."""
    catch = [{"ErrorEquals": ["States.ALL"], "Assign": {"v": 2}, "Next": "C"}]
    document = states(
        P={"Type": "Parallel", "Branches": [INNER], "Catch": catch, "Next": "C"}, C=END
    )

    assert mistakes(document) == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, ["StartAt: is missing", "States: is missing"]),
        (states(A=END) | {"StartAt": "B"}, ['StartAt: no state "B"']),
        (states(A=END) | {"TimeoutSeconds": 301}, ["TimeoutSeconds: must be a whole number"]),
        (states(A=END) | {"Extra": 1}, ["Extra: is not a field of this"]),
        (states(A=END) | {"QueryLanguage": "SQL"}, ["QueryLanguage: must be JSONPath or JSONata"]),
        (states(A=END, B=END), ["States.B: cannot be reached from StartAt"]),
        (states(A={"Type": "Pass"}), ["States.A: needs Next, or End: true"]),
        (states(A={"Type": "Pass", "Next": "X"}), ['States.A.Next: no state "X"']),
        (
            states(Charge={"Type": "Pass", "Next": "Shp"}, Ship=END) | {"StartAt": "Charge"},
            [
                'States.Charge.Next: no state "Shp" (did you mean "Ship"?)',
                "States.Ship: cannot be reached",
            ],
        ),
        (
            states(A={"Type": "Pass", "Next": "DONE"}, Done=END),
            [
                'States.A.Next: no state "DONE" (did you mean "Done"?)',
                "States.Done: cannot be reached",
            ],
        ),
        (states(A={**END, "Next": "A"}), ["States.A: Next and End cannot stand together"]),
        (
            states(A={**END, "End": "yes"}),
            ["States.A.End: must be true or false", "States.A: needs"],
        ),
        (states(A={"Type": "Odd"}), ['States.A.Type: no type "Odd"']),
        (states(A={**END, "Wrong": 1}), ["States.A.Wrong: is not a field of this"]),
        (states(A={**END, "InputPath": "x"}), ["States.A.InputPath: 'x' is not a JSONPath"]),
        (states(A={**END, "ResultPath": "$[*]"}), ["States.A.ResultPath: '$[*]' must name one"]),
        (states(A={**END, "ResultPath": "$$.a"}), ["States.A.ResultPath: the context object"]),
        (
            states(A={**END, "Parameters": {"x": [{"y.$": 1}]}}),
            ["States.A.Parameters.x[0].y.$: the value of a field that ends in .$"],
        ),
        (
            states(A={**END, "Assign": {"1a": 1, "states": 2, "b.$": "x"}}),
            [
                "States.A.Assign['1a']: is not the name of a variable",
                "States.A.Assign.states: is the name of the state's own data",
                "States.A.Assign.b.$: 'x' is neither a path nor an intrinsic function",
            ],
        ),
        (states(A=5), ["States.A: must be an object, not a number"]),
        (
            {"StartAt": "my state", "States": {"my state": {}}},
            ["States['my state'].Type: is missing"],
        ),
        (
            task(Resource="${other}"),
            ['States.T.Resource: no task "other"; there are: t', "States.C"],
        ),
        (task(Resource="arn:aws:states:::sqs:sendMessage.waitForTaskToken"), ["`.waitFor", "C"]),
        (task(Resource="arn:aws:states:::ecs:runTask.sync"), ["`.sync` integrations", "C"]),
        (task(Resource="arn:aws:states:eu:1:activity:a"), ["activities are not", "C"]),
        (task(Resource="arn:aws:lambda:eu:1:function:f"), ["is not a task; write ${name}", "C"]),
        (task(HeartbeatSeconds=5, TimeoutSeconds=5), ["HeartbeatSeconds: must be smaller", "C"]),
        (task(TimeoutSeconds=5, TimeoutSecondsPath="$.a"), ["cannot stand together", "C"]),
        (task(Retry=[{}]), ["States.T.Retry[0].ErrorEquals: is missing", "C"]),
        (task(Retry=[{"ErrorEquals": []}]), ["Retry[0].ErrorEquals: must not be empty", "C"]),
        (task(Retry=[{"ErrorEquals": ["A"], "BackoffRate": 0.5}]), ["[0].BackoffRate: must", "C"]),
        (task(Retry=[{"ErrorEquals": ["A"], "MaxDelaySeconds": 1}]), ["must be greater", "C"]),
        (
            task(Retry=[{"ErrorEquals": ["States.ALL", "A"]}, {"ErrorEquals": ["B"]}]),
            ["[0].ErrorEquals: States.ALL must stand alone", "States.ALL must come last", "C"],
        ),
        (task(Catch=[{"ErrorEquals": ["A"], "Next": "X"}]), ['Catch[0].Next: no state "X"', "C"]),
        (states(W={"Type": "Wait", "End": True}), ["States.W: needs one of Seconds"]),
        (states(W={"Type": "Wait", "Seconds": -1, "End": True}), ["States.W.Seconds: must be"]),
        (
            states(W={"Type": "Wait", "Timestamp": "now", "End": True}),
            ["W.Timestamp: 'now' is not"],
        ),
        (states(S={"Type": "Succeed", "End": True}), ["States.S.End: a Succeed state is"]),
        (states(C={"Type": "Choice"}), ["States.C.Choices: is missing"]),
        (states(C={"Type": "Choice", "Choices": []}), ["States.C.Choices: must not be empty"]),
        (
            states(C={"Type": "Choice", "Choices": [{"Next": "X"}]}),
            ['States.C.Choices[0].Next: no state "X"', "States.C.Choices[0]: needs an operator"],
        ),
        (
            states(
                C={
                    "Type": "Choice",
                    "Default": "C",
                    "Choices": [
                        {"Variable": "$.a", "StringEquals": 5, "Next": "C"},
                        {"And": [{"Variable": "a", "IsNull": True, "Next": "C"}], "Next": "C"},
                        {"StringEquals": "a", "Next": "C"},
                        {"Variable": "$.a", "IsNull": True, "IsString": True, "Next": "C"},
                    ],
                }
            ),
            [
                "Choices[0].StringEquals: cannot compare with 5",
                "Choices[1].And[0].Next: belongs to the rule",
                "Choices[1].And[0].Variable: 'a' is not a JSONPath",
                "Choices[2].Variable: is missing",
                "Choices[3]: has several operators",
            ],
        ),
        ("text", ["the document: must be an object"]),
    ],
)
def test_every_mistake_has_its_path(document: Any, expected: list[str]) -> None:
    """Each mistake is found, named by its path, and no other one is made up."""
    found = mistakes(document, "t")

    assert len(found) == len(expected), found
    for part, line in zip(expected, found, strict=True):
        assert part in line


def test_load_raises_them_all() -> None:
    """What check lists, load raises as one error."""
    document = states(A={"Type": "Pass", "Next": "X", "Wrong": 1})

    with pytest.raises(DefinitionError) as caught:
        asl.load(document)

    assert [str(mistake) for mistake in caught.value.mistakes] == mistakes(document)


NAMES = st.sampled_from(
    [
        "Type",
        "Next",
        "End",
        "Choices",
        "Retry",
        "Catch",
        "Parameters",
        "Resource",
        "ErrorEquals",
        "And",
        "Not",
        "Variable",
        "IsNull",
        "Result",
        "Seconds",
        "InputPath",
        "A",
        "a.$",
    ]
)
WORDS = st.sampled_from(["Task", "Pass", "Choice", "Wait", "A", "$", "$.a", "${t}", "States.ALL"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)


@given(ANYTHING, st.dictionaries(NAMES, ANYTHING, max_size=4))
def test_no_document_breaks_the_check(start: Any, found: dict[str, Any]) -> None:
    """Whatever a document holds, check answers with mistakes and raises nothing."""
    document = {"StartAt": start, "States": found}
    listed = asl.check(document, ["t"])

    if not listed:
        asl.load(document)


@pytest.mark.parametrize(("count", "told"), [(30, 20), (2_000, 0)])
def test_only_a_few_are_told_what_they_meant(count: int, told: int) -> None:
    """Where all is wrong, nobody waits until each name has been compared with every other."""
    document = states(**{f"S{n}": {"Type": "Pass", "Next": f"S{n}_"} for n in range(count)})
    found = mistakes(document)

    assert sum("no state" in mistake for mistake in found) == count
    assert sum("did you mean" in mistake for mistake in found) == told
