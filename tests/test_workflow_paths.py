"""Paths and payload templates of the States Language."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workflow.failures import StateFailure
from holdfast.workflow.limits import measure
from holdfast.workflow.misses import invalid_path
from holdfast.workflow.paths import (
    compile_getter,
    compile_placer,
    parse_path,
)
from holdfast.workflow.templates import select_path, select_template

STORE = {
    "store": {"book": "B", "list": [{"book": "C"}, {"book": "D"}], "a b": 1, "it's": 2},
    "ledgers": [[0, [{"foo": 5}]]],
    "vals": [0, 10, 20, 30, 40, 50],
    "none": None,
    "text": "abc",
    "odd.name": {"[x]": 7},
    'a\\"b': 8,
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
    ),
    max_leaves=12,
)


class Around:
    """A context object, variables, and draws that count up."""

    now_ms = 1_700_000_000_000

    def __init__(self, **variables: Any) -> None:
        self.variables = variables
        self._drawn = 0

    def object(self) -> Any:
        return {"State": {"Name": "here"}}

    def draw(self) -> int:
        self._drawn += 1
        return self._drawn


def look(text: str, data: Any) -> Any:
    return compile_getter(parse_path(text), invalid_path)(data, Around(name={"a": [1, 2]}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$", STORE),
        ("$.store.book", "B"),
        ("$['store']['book']", "B"),
        ('$["store"]["list"][0]["book"]', "C"),
        ("$.store['a b']", 1),
        (r"$.store['it\'s']", 2),
        ("$.ledgers[0][1][0].foo", 5),
        ("$.vals[-1]", 50),
        ("$.vals[-3:]", [30, 40, 50]),
        ("$.vals[1:3]", [10, 20]),
        ("$.vals[:2]", [0, 10]),
        ("$.vals[0:6:2]", [0, 20, 40]),
        ("$.vals[*]", [0, 10, 20, 30, 40, 50]),
        ("$.store.list[*].book", ["C", "D"]),
        ("$.store.list.*.book", ["C", "D"]),
        ("$.store.list[7:].book", []),
        ("$.nothing[*].here", []),
        ("$.none", None),
        ("$$.State.Name", "here"),
        ("$name.a[1]", 2),
        ("$name", {"a": [1, 2]}),
        ("$.vals[0,2,-1]", [0, 20, 50]),
        ("$.vals[0,0]", [0, 0]),
        ("$.store['book','a b']", {"book": "B", "a b": 1}),
        ("$.store.list[*]['book','none']", ["C", "D"]),
        ("$..book", ["B", "C", "D"]),
        ("$.store..book", ["B", "C", "D"]),
        ("$.store.list..*", [{"book": "C"}, {"book": "D"}, "C", "D"]),
        ("$..[0].foo", [5]),
        ("$..nothing", []),
        ("$.vals.length()", 6),
        ("$.vals[1:3].length()", 2),
        ("$.text.length()", 3),
        ("$.vals.min()", 0),
        ("$.vals.max()", 50),
        ("$.vals.sum()", 150),
        ("$.vals.avg()", 25),
        ("$.vals.first()", 0),
        ("$.vals.last()", 50),
        ("$name.keys()", ["a"]),
        (r"$.odd\.name.\[x\]", 7),
        ("$['a\\\"b']", 8),
        ("$.store.list[?(@.book == 'D')]", [{"book": "D"}]),
        ("$.store.list[?(@.book == 'D')][0]", []),
        ("$.store.list[?(@.book == 'D')].book", ["D"]),
    ],
)
def test_a_path_selects(text: str, expected: object) -> None:
    """Every kind of step leads where the language says; indefinite ones give lists, even empty."""
    assert expected == look(text, STORE)


def test_a_sum_is_a_number_that_json_has() -> None:
    """Beyond 64 bits it is a double, as everywhere here; beyond those it fails, and is not Infinity."""
    total = look("$.sum()", [2**63, 2**63])

    assert isinstance(total, float)
    assert total == 2.0**64
    with pytest.raises(StateFailure):
        look("$.sum()", [1e308, 1e308])


@pytest.mark.parametrize(
    "text",
    [
        "$.missing",
        "$.store.missing",
        "$.vals[6]",
        "$.vals[-7]",
        "$.text[0]",
        "$.vals.x",
        "$$.Nothing",
        "$nobody",
        "$name.b",
        "$.store.sum()",
        "$.none.length()",
        "$.text.first()",
        "$.text.last()",
        "$.vals.keys()",
    ],
)
def test_a_definite_path_that_leads_nowhere_fails(text: str) -> None:
    """A missing value is the language's error, never a Python one, and a string has no items."""
    with pytest.raises(StateFailure) as caught:
        look(text, STORE)

    assert caught.value.error == "States.Runtime"
    assert text.lstrip("$") in caught.value.cause


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("store.book", "must start with $"),
        ("$.", "cannot read"),
        ("$.a[", "cannot read"),
        ("$.a[b]", "cannot read"),
        ("$.a b", "cannot read"),
        ("$..", "cannot read"),
        ("$.a.b()", "no function b()"),
        ("$.a[?(@.b ==)]", "cannot read ')]'"),
        ("$.a[?(@.b == 1]", "')' is missing before ']'"),
        ("$.a[?(@.b == 1)", "']' is missing before 'the end'"),
        ("$.a[?(@.b =~ 'x')]", "=~ needs a /regular expression/"),
        ("$.a[?(@.b =~ /(/)]", "is not a regular expression"),
        ("$.a[?(" + "!" * 60 + "@.b)]", "nested at most"),
        ("States.UUID()", "must start with $"),
        ("$.vals[0:4:0]", "steps forward"),
        ("$" + ".a" * 600, "at most 1024"),
        ("$.a[?(@.b == 1e999)]", "larger than any number"),
    ],
)
def test_a_path_that_cannot_be_read_says_why(text: str, reason: str) -> None:
    """What is wrong, or not supported yet, is named when the document is loaded."""
    with pytest.raises(ValueError, match=r".*") as caught:
        parse_path(text)

    assert reason in str(caught.value)


@given(st.text(alphabet="$.[]*:'\"ab01-?@, \\()=<&!/", max_size=24))
def test_any_text_parses_or_is_refused(text: str) -> None:
    """Garbage raises ValueError and nothing else, and what parses never raises a Python error."""
    try:
        path = parse_path(text)
    except ValueError:
        return
    try:
        compile_getter(path, invalid_path)({"a": [{"b": 1}]}, Around(a=1))
    except StateFailure:
        return


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$", "new"),
        ("$.b", {"a": [1, 2], "b": "new"}),
        ("$.a", {"a": "new"}),
        ("$.a[1]", {"a": [1, "new"]}),
        ("$.x.y", {"a": [1, 2], "x": {"y": "new"}}),
    ],
)
def test_a_result_is_placed_into_a_copy(text: str, expected: object) -> None:
    """ResultPath combines input and result without changing the input."""
    data = {"a": [1, 2]}

    assert expected == compile_placer(parse_path(text))(data, "new")
    assert data == {"a": [1, 2]}


@pytest.mark.parametrize(("data", "text"), [("text", "$.a"), ([], "$[0]"), ({"a": 1}, "$.a.b")])
def test_a_result_that_has_no_place_fails(data: object, text: str) -> None:
    """A ResultPath that does not fit the input is States.ResultPathMatchFailure."""
    with pytest.raises(StateFailure) as caught:
        compile_placer(parse_path(text))(data, 1)

    assert caught.value.error == "States.ResultPathMatchFailure"


def test_a_template_replaces_its_paths() -> None:
    """Fields that end in .$ are looked up at any depth; everything else stays as written."""
    mistakes: list[tuple[str, str]] = []
    template = {
        "flagged": True,
        "parts": {"first.$": "$.vals[0]", "last3.$": "$.vals[-3:]"},
        "list": [{"name.$": "$$.State.Name"}, "$.vals"],
        "variable.$": "$v",
        "function.$": "States.Format('{}', $.text)",
    }
    selection = select_template(template, lambda place, text: mistakes.append((place, text)))

    built = selection.get(STORE, Around(v=3))

    assert mistakes == []
    assert built == {
        "flagged": True,
        "parts": {"first": 0, "last3": [30, 40, 50]},
        "list": [{"name": "here"}, "$.vals"],
        "variable": 3,
        "function": "abc",
    }


def test_a_template_tells_every_mistake() -> None:
    """All of a template's mistakes are told at once, each with its place."""
    mistakes: list[tuple[str, str]] = []
    template = {"a.$": 1, "b": {"c.$": "oops"}, "d": 1, "d.$": "$.x"}

    select_template(template, lambda place, text: mistakes.append((place, text)))

    assert [place for place, _ in mistakes] == [".a.$", ".b.c.$", ".d.$"]


@given(JSON, st.sampled_from(["$", "$.a", "$.*", "$[*]", "$.a[*].b", "$[0:2]", "$.*.*"]))
def test_a_selection_is_never_larger_than_its_bound(data: Any, text: str) -> None:
    """The size bound that spares serialising holds for whatever is selected."""
    selection = select_template({"x": 1, "y.$": text, "z": [{"v.$": text}]}, lambda _p, _m: None)
    plain = select_path(parse_path(text), invalid_path)
    try:
        built, bare = selection.get(data, Around()), plain.get(data, Around())
    except StateFailure:
        return

    size = measure(data)
    assert selection.from_data is not None
    assert plain.from_data is not None

    assert measure(built) <= selection.fixed + selection.from_data * size
    assert measure(bare) <= plain.fixed + plain.from_data * size
