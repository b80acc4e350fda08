"""The filters of JSONPath, held against one list of things."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.errors import DefinitionError
from holdfast.testing.workflow import run_workflow

THINGS: list[dict[str, Any]] = [
    {"id": 0, "n": 1, "t": "bob", "tags": ["a", "b"], "ok": True},
    {"id": 1, "n": 2.5, "t": "al", "tags": [], "deep": {"x": 1}},
    {"id": 2, "n": None, "t": "", "ok": False},
    {"id": 3, "t": "it's"},
]


def chosen(filter: str) -> list[int]:
    path = f"$.things[?({filter})].id"
    state = {"Type": "Pass", "Parameters": {"r.$": path}, "End": True}
    document = {"StartAt": "S", "States": {"S": state}}
    run = run_workflow(document, {"things": THINGS, "least": 2, "names": ["al"]})
    assert run.status == "SUCCEEDED", run.cause
    return list(run.output["r"])


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("@.n", [0, 1, 2]),
        ("!@.n", [3]),
        ("@.deep.x", [1]),
        ("@.n == 1", [0]),
        ("@.n == 1.0", [0]),
        ("@.n == null", [2]),
        ("@.n != 1", [1, 2, 3]),
        ("@.n > 1", [1]),
        ("@.n >= 1", [0, 1]),
        ("@.n < 2", [0]),
        ("@.n <= 2.5", [0, 1]),
        ("@.n > '1'", []),
        ("2 < @.n", [1]),
        ("@.n >= $.least", [1]),
        ("@.ok == true", [0]),
        ("@.ok == 1", []),
        ("@.t == 'bob'", [0]),
        ('@.t == "bob"', [0]),
        (r"@.t == 'it\'s'", [3]),
        ("@.t < 'b'", [1, 2]),
        ("@.n == 1 || @.t == 'al'", [0, 1]),
        ("@.n && @.ok", [0, 2]),
        ("(@.n == 1 || @.n == 2.5) && @.tags empty true", [1]),
        ("!(@.n == 1)", [1, 2, 3]),
        ("@.t =~ /B.B/i", [0]),
        ("@.t =~ /b/", []),
        ("@.t in ['al', 'x']", [1]),
        ("@.t in $.names", [1]),
        ("@.t nin ['al', 'bob']", [2, 3]),
        ("@.tags contains 'a'", [0]),
        ("@.t contains 'o'", [0]),
        ("@.tags size 2", [0]),
        ("@.tags empty false", [0]),
        ("@.tags anyof ['b', 'z']", [0]),
        ("@.tags noneof ['z']", [0, 1]),
        ("@.tags subsetof ['a', 'b', 'c']", [0, 1]),
        ("@.tags[0] == 'a'", [0]),
        ("@.deep == @.other", [0, 2, 3]),
        ("@.nothing == @.other", [0, 1, 2, 3]),
        ("@['t'] == 'al'", [1]),
        ("@.tags[?(@ == 'b')]", [0]),
    ],
)
def test_what_a_filter_chooses(filter: str, expected: list[int]) -> None:
    """Every operator compares within one kind of value, and a missing one only differs."""
    assert expected == chosen(filter)


def test_a_filter_without_parentheses() -> None:
    """Newer JSONPath leaves the parentheses out."""
    state = {"Type": "Pass", "InputPath": "$[?@ > 1]", "End": True}

    assert run_workflow({"StartAt": "S", "States": {"S": state}}, [1, 2, 3]).output == [2, 3]


def test_paths_that_multiply_end_in_an_error() -> None:
    """A path that selects the same things again and again is stopped, not carried out."""
    state = {"Type": "Pass", "InputPath": "$..*..*..*..*", "End": True}
    deep: Any = 1
    for _ in range(300):
        deep = [deep, 1]

    found = run_workflow({"StartAt": "S", "States": {"S": state}}, deep)

    assert found.error == "States.DataLimitExceeded"


def test_no_text_holds_up_a_regular_expression() -> None:
    """What would backtrack for years is over at once, and what needs to backtrack is refused."""
    state = {"Type": "Pass", "InputPath": "$[?(@.t =~ /(a+)+/)].n", "End": True}
    document = {"StartAt": "S", "States": {"S": state}}
    things = [{"n": 0, "t": "a" * 100_000 + "!"}, {"n": 1, "t": "a" * 100_000}]

    assert run_workflow(document, things).output == [1]
    state["InputPath"] = "$[?(@.t =~ /(?=a)b/)]"
    with pytest.raises(DefinitionError, match="look-ahead"):
        run_workflow(document, things)
