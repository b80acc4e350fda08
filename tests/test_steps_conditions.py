"""What `choose` asks: comparisons written as Python writes them, and the rules that they become."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast import to_asl
from holdfast.steps import choose, expr, fail, field, succeed, when
from holdfast.steps.values import Condition, Expr
from holdfast.testing import run_workflow
from holdfast.workflow.choice import OPERATORS

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
a, number, moment = field("a"), field("a", "numeric"), field("a", "timestamp")

RULES: list[tuple[Condition, dict[str, Any]]] = [
    (a == 7, {"NumericEquals": 7}),
    (a < 7.5, {"NumericLessThan": 7.5}),
    (a <= 7, {"NumericLessThanEquals": 7}),
    (a > 7, {"NumericGreaterThan": 7}),
    (a >= 7, {"NumericGreaterThanEquals": 7}),
    (7 > a, {"NumericLessThan": 7}),  # noqa: SIM300 - the other way round is the point
    (a == "x", {"StringEquals": "x"}),
    (a < "x", {"StringLessThan": "x"}),
    (a <= "x", {"StringLessThanEquals": "x"}),
    (a > "x", {"StringGreaterThan": "x"}),
    (a >= "x", {"StringGreaterThanEquals": "x"}),
    (a == True, {"BooleanEquals": True}),  # noqa: E712 - not a comparison of Python's
    (a == NOON, {"TimestampEquals": "2026-01-02T12:00:00+00:00"}),
    (a < NOON, {"TimestampLessThan": "2026-01-02T12:00:00+00:00"}),
    (a <= NOON, {"TimestampLessThanEquals": "2026-01-02T12:00:00+00:00"}),
    (moment > "2026-01-02T12:00:00Z", {"TimestampGreaterThan": "2026-01-02T12:00:00Z"}),
    (a >= NOON, {"TimestampGreaterThanEquals": "2026-01-02T12:00:00+00:00"}),
    (number == field("b"), {"NumericEqualsPath": "$.b"}),
    (a < field("b", "numeric"), {"NumericLessThanPath": "$.b"}),
    (number <= field("b"), {"NumericLessThanEqualsPath": "$.b"}),
    (number > field("b"), {"NumericGreaterThanPath": "$.b"}),
    (number >= field("b"), {"NumericGreaterThanEqualsPath": "$.b"}),
    (field("a", "string") == field("b"), {"StringEqualsPath": "$.b"}),
    (field("a", "string") < field("b"), {"StringLessThanPath": "$.b"}),
    (field("a", "string") <= field("b"), {"StringLessThanEqualsPath": "$.b"}),
    (field("a", "string") > field("b"), {"StringGreaterThanPath": "$.b"}),
    (field("a", "string") >= field("b"), {"StringGreaterThanEqualsPath": "$.b"}),
    (field("a", "boolean") == field("b"), {"BooleanEqualsPath": "$.b"}),
    (moment == field("b"), {"TimestampEqualsPath": "$.b"}),
    (moment < field("b"), {"TimestampLessThanPath": "$.b"}),
    (moment <= field("b"), {"TimestampLessThanEqualsPath": "$.b"}),
    (moment > field("b"), {"TimestampGreaterThanPath": "$.b"}),
    (moment >= field("$.b"), {"TimestampGreaterThanEqualsPath": "$.b"}),
    (a.matches(r"in*\*"), {"StringMatches": r"in*\*"}),
    (a, {"BooleanEquals": True}),
    (a.is_present(), {"IsPresent": True}),
    (a.is_null(), {"IsNull": True}),
    (a == None, {"IsNull": True}),  # noqa: E711 - not a comparison of Python's
    (a.is_string(), {"IsString": True}),
    (a.is_numeric(), {"IsNumeric": True}),
    (a.is_boolean(), {"IsBoolean": True}),
    (a.is_timestamp(), {"IsTimestamp": True}),
]


def rule(condition: Condition | Expr) -> dict[str, Any]:
    """The first rule of a choice that asks so."""
    document = to_asl(choose(condition, then=fail("Yes"), otherwise=succeed()))
    found: dict[str, Any] = document["States"]["Choose"]["Choices"][0]
    assert found.pop("Next") == "Yes"
    return found


@pytest.mark.parametrize(("condition", "operator"), RULES)
def test_a_comparison_is_a_rule(condition: Condition, operator: dict[str, Any]) -> None:
    """The kind of what is compared picks the operator."""
    assert rule(condition) == {"Variable": "$.a", **operator}


def test_every_operator_of_the_language_can_be_written() -> None:
    """None is left out of the table above."""
    assert {name for _, operator in RULES for name in operator} == OPERATORS


def test_conditions_are_joined() -> None:
    """And, or, not; several of one kind make one list."""
    one, two, three = a == 1, a == 2, a == 3
    first, second, third = ({"Variable": "$.a", "NumericEquals": number} for number in (1, 2, 3))

    assert rule(one & two & three) == {"And": [first, second, third]}
    assert rule(one | two | three) == {"Or": [first, second, third]}
    assert rule(one & (two | three)) == {"And": [first, {"Or": [second, third]}]}
    assert rule(~one) == {"Not": first}
    assert rule(a != 1) == {"Not": first}
    assert rule(one & field("b")) == {"And": [first, {"Variable": "$.b", "BooleanEquals": True}]}
    assert rule(~(one & two)) == {"Not": {"And": [first, second]}}


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("body.total", "$.body.total"),
        ("$", "$"),
        ("$.body", "$.body"),
        ("$$.Execution.Id", "$$.Execution.Id"),
        ("$total", "$total"),
        ("[0].id", "$[0].id"),
        ("['my field']", "$['my field']"),
    ],
)
def test_paths_are_short(path: str, read: str) -> None:
    """The root is left out; what begins with it is taken as it is."""
    assert field(path).path == read


def test_an_expression_is_a_condition_too() -> None:
    """It is written between its marks, whether or not the writer put them there."""
    for text in ("$states.input.a > 1", "{% $states.input.a > 1 %}", "{%$states.input.a > 1%}"):
        assert rule(expr(text)) == {"Condition": "{% $states.input.a > 1 %}"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: a == 1 and a == 2,
        lambda: a == 1 or number == 2,
        lambda: a in [1, 2],
        lambda: 0 < a < 2,
        lambda: not a,
    ],
)
def test_pythons_own_words_are_refused_on_their_line(wrong: Any) -> None:
    """`and`, `or`, `not` and chained comparisons would ask when the file is read."""
    with pytest.raises(TypeError, match=r"write & for and, \| for or, ~ for not"):
        wrong()


ROUTED = [
    ({"a": 1}, "One"),
    ({"a": "two"}, "Two"),
    ({"a": 3, "b": 3}, "Same"),
    ({"a": None, "b": 0}, "Nothing"),
    ({"a": 4, "b": 0}, "Rest"),
]


@pytest.mark.parametrize(("given", "end"), ROUTED)
def test_the_first_way_that_holds_is_taken(given: dict[str, Any], end: str) -> None:
    """Rules are asked in order, and what none of them takes goes the last way."""
    flow = choose(
        when(a == 1, fail("One")),
        when(a.matches("t*"), fail("Two")),
        when(a.is_null(), fail("Nothing")),
        when(number == field("b"), fail("Same")),
        otherwise=fail("Rest"),
    )

    assert run_workflow(flow, given).error == end
