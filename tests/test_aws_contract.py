"""What the state machine and our functions agree on: marks in messages, and the event on its way."""

from __future__ import annotations

from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.aws.carried import Missing, missing
from holdfast.aws.contract import CARRIED, carry, message_in, plain, quarantined
from holdfast.message import Headers, Message, Request
from holdfast.workflow.limits import DATA_LIMIT_BYTES

TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300) | st.text().map(str.encode),
    st.lists(
        st.tuples(st.just("x-a"), st.text(st.characters(max_codepoint=255), max_size=5)), max_size=3
    ),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
    st.none() | st.just("verified"),
)
def test_a_message_arrives_as_it_left(
    body: bytes, lines: list[tuple[str, str]], params: dict[str, str], verdict: str | None
) -> None:
    """Every byte of the body, every header, parameter and verdict."""
    request = Request(
        "PUT", "/a%20b", "c=%26", Headers(tuple(lines)), body, "203.0.113.7", "https://x"
    )
    message = Message("id", "users", 17, request, params, verdict, "before", 5)

    assert message_in({CARRIED: carry(message), "more": 1}) == message


def test_the_largest_message_fits_beside_what_is_left_of_its_input() -> None:
    """Even what cannot be compressed leaves room for the input without its body."""
    body = Random(1).randbytes(184_000)
    message = Message("id", "users", 17, Request("POST", "/", "", Headers(), body))

    assert len(carry(message)) < DATA_LIMIT_BYTES - 16_384


@pytest.mark.parametrize("input", [None, 7, [], {}, {CARRIED: 7}, {CARRIED: None}])
def test_an_input_without_the_event_has_none(input: Any) -> None:
    """A state dropped it, or it never was there."""
    assert message_in(input) is None


def test_marking_a_message_twice_leaves_one_mark() -> None:
    """The last one, which is the worker's."""
    message = quarantined(quarantined("no", "first"), "second")

    assert message.count("[quarantine: ") == 1
    assert message.endswith(" [quarantine: second]")
    assert plain(message) == message.replace("[quarantine: ", "(quarantine: ")


VERIFY: Final = {"Type": "Task", "Resource": "${holdfast:verify}"}


def after_verify(queries: bool = False, **states: dict[str, Any]) -> dict[str, Any]:
    """A document whose first state after Verify is the first of these."""
    language = {"QueryLanguage": "JSONata"} if queries else {}
    first = next(iter(states))
    return {
        **language,
        "StartAt": "Verify",
        "States": {"Verify": {**VERIFY, "Next": first}, **states},
    }


def task(name: str, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"${{{name}}}", **fields}


SHIP: Final = task("ship", End=True)
LAMBDA: Final = "arn:aws:states:::lambda:invoke"


@pytest.mark.parametrize(
    "document",
    [
        after_verify(Ship=SHIP),
        after_verify(Charge=task("charge", ResultPath="$.paid", Next="Ship"), Ship=SHIP),
        after_verify(Charge=task("charge", ResultPath=None, Next="Ship"), Ship=SHIP),
        after_verify(Wait={"Type": "Wait", "Seconds": 1, "Next": "Ship"}, Ship=SHIP),
        after_verify(Note={"Type": "Pass", "Result": 1, "ResultPath": "$.note", "Next": "Ship"}, Ship=SHIP),
        after_verify(Pick={"Type": "Pass", "Parameters": {"holdfast.$": "$.holdfast"}, "Next": "Ship"}, Ship=SHIP),
        after_verify(Ship=task("ship", Parameters={"a": 1, "holdfast.$": "$.holdfast"}, End=True)),
        after_verify(
            Which={"Type": "Choice", "Choices": [{"Variable": "$.type", "IsNull": True, "Next": "Ship"}], "Default": "Ship"},
            Ship=SHIP,
        ),
        after_verify(
            Charge=task("charge", ResultPath="$.a", Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Ship"}], Next="Ship"),
            Ship=SHIP,
        ),
        after_verify(Fork={"Type": "Parallel", "Branches": [{"StartAt": "Ship", "States": {"Ship": SHIP}}], "End": True}),
        after_verify(Each={
            "Type": "Map", "ItemSelector": {"holdfast.$": "$.holdfast"}, "End": True,
            "ItemProcessor": {"StartAt": "Ship", "States": {"Ship": SHIP}},
        }),
        after_verify(Ship={"Type": "Task", "Resource": LAMBDA, "End": True,
                           "Parameters": {"FunctionName": "${ship}", "Payload.$": "$"}}),
        after_verify(queries=True, Ship=SHIP),
        after_verify(queries=True, Charge=task("charge", Output="{% $merge([$states.input, $states.result]) %}", Next="Ship"), Ship=SHIP),
        after_verify(queries=True, Ship=task("ship", Arguments="{% $states.input %}", End=True)),
        after_verify(queries=True, Note={"Type": "Pass", "Output": {"holdfast": "{% $states.input.holdfast %}"}, "Next": "Ship"}, Ship=SHIP),
        after_verify(Charge=task("charge", Next="Tell"), Tell=task("tell", End=True)),
    ],
)  # fmt: skip
def test_an_event_that_is_handed_on_is_there(document: dict[str, Any]) -> None:
    """Beside a result, past waits and choices, into branches, or by its own name."""
    assert missing(document, {"ship"}) == []


@pytest.mark.parametrize(
    ("document", "by"),
    [
        (after_verify(Charge=task("charge", Next="Ship"), Ship=SHIP), "Charge"),
        (after_verify(Charge=task("charge", ResultSelector={"a": 1}, Next="Ship"), Ship=SHIP), "Charge"),
        (after_verify(Charge=task("charge", OutputPath="$.a", ResultPath="$.b", Next="Ship"), Ship=SHIP), "Charge"),
        (after_verify(Note={"Type": "Pass", "Result": 1, "Next": "Ship"}, Ship=SHIP), "Note"),
        (after_verify(Note={"Type": "Pass", "InputPath": "$.body", "Next": "Ship"}, Ship=SHIP), "Note"),
        (after_verify(Ship=task("ship", Parameters={"event.$": "$"}, End=True)), "Ship"),
        (after_verify(Ship=task("ship", InputPath="$.body", End=True)), "Ship"),
        (
            after_verify(
                Charge=task("charge", ResultPath="$.a", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Ship"}], End=True),
                Ship=SHIP,
            ),
            "Charge",
        ),
        (after_verify(Fork={"Type": "Parallel", "InputPath": "$.body", "Branches": [{"StartAt": "Ship", "States": {"Ship": SHIP}}], "End": True}), "Fork"),
        (after_verify(Each={"Type": "Map", "ItemsPath": "$.body", "ItemProcessor": {"StartAt": "Ship", "States": {"Ship": SHIP}}, "End": True}), "Each"),
        (after_verify(Ship={"Type": "Task", "Resource": LAMBDA, "Parameters": {"FunctionName": "${ship}", "Payload": {"a": 1}}, "End": True}), "Ship"),
        (after_verify(Ship={"Type": "Task", "Resource": LAMBDA, "Parameters": {"FunctionName": "${ship}"}, "End": True}), "Ship"),
        (after_verify(queries=True, Charge=task("charge", Next="Ship"), Ship=SHIP), "Charge"),
        (after_verify(queries=True, Charge=task("charge", Output="{% $states.input.body %}", Next="Ship"), Ship=SHIP), "Charge"),
        (after_verify(queries=True, Ship=task("ship", Arguments={"a": 1}, End=True)), "Ship"),
        (
            after_verify(queries=True, Which={"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Output": 1, "Next": "Ship"}]}, Ship=SHIP),
            "Which",
        ),
    ],
)  # fmt: skip
def test_an_event_that_is_left_behind_is_missed(document: dict[str, Any], by: str) -> None:
    """With the state that put something else in its place."""
    assert missing(document, {"ship"}) == [Missing("Ship", "ship", by)]


def test_one_way_without_the_event_is_enough() -> None:
    """A state that two ways lead to is found by the one that dropped it, loops or not."""
    document = after_verify(
        Which={"Type": "Choice", "Choices": [{"Variable": "$.type", "IsNull": True, "Next": "Charge"}], "Default": "Ship"},
        Charge=task("charge", Next="Which"),
        Ship=SHIP,
    )  # fmt: skip

    assert missing(document, {"ship"}) == [Missing("Ship", "ship", "Charge")]
