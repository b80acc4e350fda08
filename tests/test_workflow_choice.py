"""The comparisons of Choice states."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workflow import asl, machine
from holdfast.workflow.choice import COMPARISONS, TYPE_TESTS, glob
from holdfast.workflow.events import Finish, Started

VALUES: tuple[Any, ...] = (None, 0, 1, 1.0, 1.5, "", "a", "b", "1", True, False, [], {}, [1], "A ")


def decide(rule: dict[str, Any], data: Any, *, default: bool = True) -> Any:
    """The error, or whether the rule held."""
    choice: dict[str, Any] = {"Type": "Choice", "Choices": [{**rule, "Next": "Yes"}]}
    states: dict[str, Any] = {"C": choice, "Yes": {"Type": "Pass", "Result": True, "End": True}}
    if default:
        choice["Default"] = "No"
        states["No"] = {"Type": "Pass", "Result": False, "End": True}
    program = asl.load({"StartAt": "C", "States": states})
    end = machine.step(program, None, Started(data, 0))[1][-1]
    assert isinstance(end, Finish)
    return end.error or end.output


def test_equality_is_of_one_kind_and_one_value() -> None:
    """Numbers equal numbers however written, nothing equals across kinds, literal or by path."""
    for left in VALUES:
        for right in (0, 1, 1.5):
            same = type(left) in (int, float) and left == right
            data = {"l": left, "r": right}
            assert same is decide({"Variable": "$.l", "NumericEquals": right}, data)
            assert same is decide({"Variable": "$.l", "NumericEqualsPath": "$.r"}, data)
        for text in ("", "a", "1", "A"):
            same = type(left) is str and left == text
            data = {"l": left, "r": text}
            assert same is decide({"Variable": "$.l", "StringEquals": text}, data)
            assert same is decide({"Variable": "$.l", "StringEqualsPath": "$.r"}, data)
        for flag in (True, False):
            data = {"l": left, "r": flag}
            assert (left is flag) is decide({"Variable": "$.l", "BooleanEquals": flag}, data)
            assert (left is flag) is decide({"Variable": "$.l", "BooleanEqualsPath": "$.r"}, data)


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (1, 2.5, "Numeric"),
        ("A", "AB", "String"),
        ("A", "a", "String"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5Z", "Timestamp"),
        ("2020-01-01T02:00:00+02:00", "2020-01-01T00:30:00Z", "Timestamp"),
    ],
)
def test_order(low: Any, high: Any, kind: str) -> None:
    """Each ordering operator says the same of a literal as of another value of the input."""
    expected = {
        "Equals": (False, True, False),
        "LessThan": (True, False, False),
        "LessThanEquals": (True, True, False),
        "GreaterThan": (False, False, True),
        "GreaterThanEquals": (False, True, True),
    }
    for name, answers in expected.items():
        for (left, right), answer in zip(
            ((low, high), (low, low), (high, low)), answers, strict=True
        ):
            data = {"l": left, "r": right}
            assert answer is decide({"Variable": "$.l", f"{kind}{name}": right}, data)
            assert answer is decide({"Variable": "$.l", f"{kind}{name}Path": "$.r"}, data)


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        (None, {"IsNull"}),
        (0, {"IsNumeric"}),
        (1.5, {"IsNumeric"}),
        ("", {"IsString"}),
        ("2016-03-14T01:59:00Z", {"IsString", "IsTimestamp"}),
        ("2016-03-14t01:59:00z", {"IsString"}),
        ("2016-13-14T01:59:00Z", {"IsString"}),
        (True, {"IsBoolean"}),
        ([], set[str]()),
        ({}, set[str]()),
    ],
)
def test_kinds(value: Any, kinds: set[str]) -> None:
    """Each Is... test holds for its kinds alone, and asked for false, for all the others."""
    for test in TYPE_TESTS:
        assert (test in kinds) is decide({"Variable": "$.a", test: True}, {"a": value})
        assert (test not in kinds) is decide({"Variable": "$.a", test: False}, {"a": value})


def test_presence_is_not_null() -> None:
    """IsPresent asks whether the path leads anywhere; null is somewhere."""
    assert decide({"Variable": "$.a", "IsPresent": True}, {"a": None}) is True
    assert decide({"Variable": "$.a", "IsPresent": True}, {}) is False
    assert decide({"Variable": "$.a", "IsPresent": False}, {}) is True


def test_and_or_not_stop_early() -> None:
    """A condition that is not needed is not asked: its missing path does no harm."""
    a, missing = {"Variable": "$.a", "BooleanEquals": True}, {"Variable": "$.m", "IsNull": True}

    assert decide({"And": [a, missing]}, {"a": False}) is False
    assert decide({"Or": [a, missing]}, {"a": True}) is True
    assert decide({"Not": a}, {"a": False}) is True
    assert decide({"Not": {"And": [a, {"Or": [a, missing]}]}}, {"a": True}) is False


def test_a_missing_variable_fails_the_execution() -> None:
    """As on AWS, a comparison with nothing is States.Runtime, not False."""
    assert decide({"Variable": "$.m", "StringEquals": "x"}, {}) == "States.Runtime"


def test_no_rule_and_no_default() -> None:
    """Where nothing matches the execution fails by the language's own name."""
    rule = {"Variable": "$.a", "BooleanEquals": True}

    assert decide(rule, {"a": False}, default=False) == "States.NoChoiceMatched"


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("log-*.txt", "log-1.txt", True),
        ("log-*.txt", "log-1.txt.gz", False),
        ("*", "", True),
        ("*a*b*", "xxaxxbxx", True),
        ("*a*b*", "xxbxxaxx", False),
        ("a*a", "a", False),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        (r"a\\*", "a\\tail", True),
        ("customer.*", "customer.new\nline", True),
        ("*", 5, False),
        ("plain", "plain", True),
        ("", "", True),
    ],
)
def test_string_matches(pattern: str, value: Any, expected: bool) -> None:
    """Stars stand for anything, an escaped star for itself, and the whole text must match."""
    assert expected is glob(pattern)(value)


def test_many_stars_take_no_time() -> None:
    """A pattern made to explode a backtracking matcher is answered at once."""
    assert glob("*a" * 50 + "b")("a" * 5_000) is False


@given(st.text(max_size=20))
def test_a_text_matches_itself_escaped(text: str) -> None:
    """Whatever the text, its escaped form matches it."""
    escaped = text.replace("\\", "\\\\").replace("*", "\\*")

    assert glob(escaped)(text) is True


def test_every_operator_of_the_language_is_there() -> None:
    """Three ordered kinds with five operators each, and one for booleans."""
    assert len(COMPARISONS) == 16
