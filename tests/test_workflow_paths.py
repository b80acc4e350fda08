"""Paths and payload templates of the States Language."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workflow.limits import measure
from holdfast.workflow.paths import (
    StateFailure,
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
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
    ),
    max_leaves=12,
)


def look(text: str, data: Any) -> Any:
    return compile_getter(parse_path(text))(data, lambda: {"State": {"Name": "here"}})


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
    ],
)
def test_a_path_selects(text: str, expected: object) -> None:
    """Every kind of step leads where the language says; indefinite ones give lists, even empty."""
    assert expected == look(text, STORE)


@pytest.mark.parametrize(
    "text", ["$.missing", "$.store.missing", "$.vals[6]", "$.vals[-7]", "$.text[0]", "$.vals.x"]
)
def test_a_definite_path_that_leads_nowhere_fails(text: str) -> None:
    """A missing value is the language's error, never a Python one, and a string has no items."""
    with pytest.raises(StateFailure) as caught:
        look(text, STORE)

    assert caught.value.error == "States.Runtime"
    assert text in caught.value.cause


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("store.book", "must start with $"),
        ("$.", "cannot read"),
        ("$.a[", "cannot read"),
        ("$.a[b]", "cannot read"),
        ("$.a b", "cannot read"),
        ("$..book", "`..` is not supported yet"),
        ("$.a[?(@.b == 1)]", "filters"),
        ("$.a['b','c']", "several names"),
        ("$name", "variables are not supported yet"),
        ("States.UUID()", "intrinsic functions are not supported yet"),
        ("$.vals[0:4:0]", "steps forward"),
        ("$" + ".a" * 600, "at most 1024"),
    ],
)
def test_a_path_that_cannot_be_read_says_why(text: str, reason: str) -> None:
    """What is wrong, or not supported yet, is named when the document is loaded."""
    with pytest.raises(ValueError, match=r".*") as caught:
        parse_path(text)

    assert reason in str(caught.value)


@given(st.text(alphabet="$.[]*:'\"ab01-?@, \\", max_size=20))
def test_any_text_parses_or_is_refused(text: str) -> None:
    """Garbage raises ValueError and nothing else, and what parses never raises a Python error."""
    try:
        path = parse_path(text)
    except ValueError:
        return
    try:
        compile_getter(path)({"a": [{"b": 1}]}, dict)
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
    }
    selection = select_template(template, lambda place, text: mistakes.append((place, text)))

    built = selection.get(STORE, lambda: {"State": {"Name": "here"}})

    assert mistakes == []
    assert built == {
        "flagged": True,
        "parts": {"first": 0, "last3": [30, 40, 50]},
        "list": [{"name": "here"}, "$.vals"],
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
    plain = select_path(parse_path(text))
    try:
        built, bare = selection.get(data, dict), plain.get(data, dict)
    except StateFailure:
        return

    size = measure(data)

    assert measure(built) <= selection.fixed + selection.from_data * size
    assert measure(bare) <= plain.fixed + plain.from_data * size
