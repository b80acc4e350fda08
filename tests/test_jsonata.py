"""JSONata: held against the reference implementation, and AWS's additions to it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workflow.jsonata import (
    UNDEFINED,
    JsonataSyntaxError,
    QueryEvaluationError,
    compile,  # noqa: A004 - its own name, as in re.compile
)

# What the npm package `jsonata` (its version stands in "origin") gave for each expression.
RECORDED: Final = orjson.loads((Path(__file__).parent / "data" / "jsonata_cases.json").read_bytes())

# The reference has numbers that JSON has not. Ours fails for the infinite ones; what is not a
# number is null, as it is in the JSON text of the reference.
NOT_JSON: Final = {"Infinity": "error", "-Infinity": "error", "NaN": None}

BIG: Final = 2**60 + 1

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
    ),
    max_leaves=12,
)


def value(text: str, **bindings: Any) -> Any:
    return compile(text).evaluate(UNDEFINED, bindings, now_ms=1_700_000_000_123, random=Random(1))


def outcome(case: Mapping[str, Any], data: Any) -> dict[str, Any]:
    try:
        expression = compile(case["expression"])
    except JsonataSyntaxError as error:
        return {"syntax_error": error.message[:5], "position": error.position}
    try:
        if "bound" in case:
            found = expression.evaluate(UNDEFINED, {case["bound"]: data})
        else:
            found = expression.evaluate(data)
    except QueryEvaluationError as error:
        return {"error": str(error)[:5]}
    return {"undefined": True} if found is UNDEFINED else {"result": found}


def ours(case: Mapping[str, Any]) -> dict[str, Any]:
    """What a recorded case should give here."""
    if "not_json" in case:
        expected = NOT_JSON[case["not_json"]]
        return {"result": None} if expected is None else {"error": "D1001"}
    if case["expression"].startswith("$eval"):
        return {"syntax_error": "$eval", "position": 0}
    return {
        key: case[key] for key in ("result", "undefined", "error", "syntax_error") if key in case
    }


@pytest.mark.parametrize("group", sorted({case["group"] for case in RECORDED["cases"]}))
def test_expressions_give_what_the_reference_gives(group: str) -> None:
    """Value, undefined, error code or syntax error; and the input is left as it was."""
    wrong = []
    for case in (case for case in RECORDED["cases"] if case["group"] == group):
        data = copy.deepcopy(RECORDED["inputs"][case["input"]])
        found = outcome(case, data)
        if "position" not in ours(case):
            found.pop("position", None)
        # As text, because Python holds 1, 1.0 and True for equal.
        if json.dumps(found, sort_keys=True) != json.dumps(ours(case), sort_keys=True):
            wrong.append((case["expression"], ours(case), found))
        assert data == RECORDED["inputs"][case["input"]]

    assert wrong == []


def test_the_record_names_its_origin_and_is_large() -> None:
    """Hundreds of expressions, every kind of outcome among them."""
    kinds = {key for case in RECORDED["cases"] for key in case}

    assert RECORDED["origin"].startswith("npm jsonata 2.")
    assert len(RECORDED["cases"]) > 700
    assert {"result", "undefined", "error", "syntax_error", "not_json"} <= kinds


# Values in and out -------------------------------------------------------------------------


@given(JSON)
def test_any_json_survives_a_reference(data: Any) -> None:
    """What is referred to comes out untouched: nulls, empty lists, lists of one, big integers."""
    assert value("$x", x=data) == data
    assert value("$states.input.x", states={"input": {"x": data}}) == data


@given(JSON, st.lists(st.sampled_from("abcd"), max_size=4))
def test_the_short_cut_is_no_other_language(data: Any, names: list[str]) -> None:
    """A reference that is looked up gives what the engine gives for it."""
    reference = ".".join(["$x", *names])
    quick, engine = value(reference, x=data), value(f"({reference})", x=data)

    assert json.loads(json.dumps(quick, default=str), parse_int=float) == json.loads(
        json.dumps(engine, default=str), parse_int=float
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$x", None),
        ("($x)", None),
        ("[$x]", [None]),
        ('{"k": $x}', {"k": None}),
        ("$none", UNDEFINED),
        ("($none)", UNDEFINED),
        ("[$none]", []),
        ('{"k": $none}', {}),
        ("$x.y", UNDEFINED),
    ],
)
def test_null_and_undefined_are_two_things(text: str, expected: Any) -> None:
    """Null is kept wherever it stands; undefined vanishes, or is the sentinel."""
    assert value(text, x=None) == expected
    assert (value(text, x=None) is UNDEFINED) == (expected is UNDEFINED)


def test_big_integers_are_exact_where_they_only_pass_through() -> None:
    """A reference keeps every digit; arithmetic has the reference implementation's doubles."""
    assert value("$states.input.id", states={"input": {"id": BIG}}) == BIG
    assert float(value("$x + 0", x=BIG)) == float(BIG)


def test_unicode_is_counted_in_characters() -> None:
    """A character beyond the basic plane is one character, and comes back whole."""
    assert value("$length($x)", x="é😀") == 2
    assert value("$uppercase($x)", x="é😀") == "É😀"


def test_bindings_are_not_changed() -> None:
    """Not even by the operator that changes: it works on a copy."""
    data = {"a": [{"b": 1}, {"b": 2}]}

    assert value('$x ~> |a|{"b": 9}|', x=data) == {"a": [{"b": 9}, {"b": 9}]}
    assert data == {"a": [{"b": 1}, {"b": 2}]}


def test_the_variables_are_known() -> None:
    """What an expression reads from outside, and not what it sets itself or AWS provides."""
    text = "($c := 1; $states.input.a + $b + $c + $sum([1]) + $random() + $hash('a', 'MD5'))"

    assert compile(text).variables == {"states", "b"}


@pytest.mark.parametrize("text", ["$sum", "function($x){$x}", "$f := $uppercase", "$hash", "$uuid"])
def test_a_function_is_no_result(text: str) -> None:
    """An expression that gives a function fails, and is told apart from an undefined one."""
    with pytest.raises(QueryEvaluationError, match="function"):
        value(text)


def test_an_error_of_the_language_opens_with_its_code() -> None:
    """Whoever reads the cause can look it up."""
    with pytest.raises(QueryEvaluationError, match=r"^T2001: The left side of the \"\+\" operator"):
        value("$x + 1", x="a")


@pytest.mark.parametrize("data", [{1: 2}, [object()], {"a": b"x"}])
def test_what_is_not_json_is_refused(data: Any) -> None:
    """A binding that no JSON text could have given ends as the documented error."""
    with pytest.raises(QueryEvaluationError):
        value("[$x]", x=data)
    with pytest.raises(QueryEvaluationError):
        compile("[$]").evaluate(data, {})


@pytest.mark.parametrize(
    ("text", "position"), [("1 +", 3), ("a b", 2), ("a.\nb.]", 5), ("\ud800", 0)]
)
def test_a_syntax_error_has_its_place(text: str, position: int) -> None:
    """The position counts characters from the start of the text."""
    with pytest.raises(JsonataSyntaxError) as caught:
        compile(text)

    assert caught.value.position == position


# AWS's additions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$partition([1,2,3,4,5], 2)", [[1, 2], [3, 4], [5]]),
        ("$partition([1], 2)", [[1]]),
        ("$partition([], 2)", []),
        ("$partition(1, 2)", [[1]]),
        ("$partition($none, 2)", UNDEFINED),
        ("$range(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("$range(0, 5, 2)", [0, 2, 4]),
        ("$range(5, 1, -2)", [5, 3, 1]),
        ("$range(1, 1, 1)", 1),
        ("$range(2, 1, 1)", UNDEFINED),
        ("[$range(1, 1, 1)]", [1]),
        ("$hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("$hash('', 'MD5')", "d41d8cd98f00b204e9800998ecf8427e"),
        (
            "$hash('é', 'SHA-256')",
            "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c",
        ),
        ("$hash($none, 'MD5')", UNDEFINED),
        ("$parse('null')", None),
        ("$parse('[1]')", [1]),
        ('$parse(\'{"a": {"b": null}}\')', {"a": {"b": None}}),
        ("$parse('{\"a\": 1}').a + 1", 2),
        ("['1', 'null'].$parse($)", [1, None]),
        ("$parse('1') /* a comment */", 1),
        ("$parse($none)", UNDEFINED),
        ("$type($parse('null'))", "null"),
        ("$random(7) = $random(7)", True),
        ("$random(7) = $random(8)", False),
        ("$random() = $random()", False),
        ("$uuid() = $uuid()", False),
        ("$now()", "2023-11-14T22:13:20.123Z"),
        ("$now('[Y]')", "2023"),
        ("$millis()", 1_700_000_000_123),
    ],
)
def test_what_aws_added(text: str, expected: Any) -> None:
    """AWS's functions, and time and chance as they are handed over."""
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "$partition([1], 0)",
        "$partition([1], -1)",
        "$partition([1], 1.5)",
        "$partition([1])",
        "$partition([1], $none)",
        "$range(1, 2, 0)",
        "$range(1, 2)",
        "$range(1, 2.5, 1)",
        "$range(1, $none, 1)",
        "$range(1, 1e9, 1)",
        "$range(1, 1e300, 1)",
        "$hash('a')",
        "$hash('a', 'CRC')",
        "$hash('a', $none)",
        "$hash(1, 'MD5')",
        "$parse('nonsense')",
        "$parse('')",
        "$parse('NaN')",
        "$parse(1)",
        "$random('x')",
        "$uuid(1)",
    ],
)
def test_what_aws_added_refuses_nonsense(text: str) -> None:
    """Wrong arguments are query errors, whatever Python would have called them."""
    with pytest.raises(QueryEvaluationError):
        value(text)


def test_chance_is_handed_over() -> None:
    """The same source gives the same value, for every function that draws from it."""
    text = '{"r": $random(), "u": $uuid(), "s": $shuffle([1..20])}'
    first, again = value(text), value(text)
    other = compile(text).evaluate(UNDEFINED, {}, random=Random(2))

    assert first == again
    assert 0 <= first["r"] < 1
    assert UUID(first["u"]).version == 4
    assert all(first[key] != other[key] for key in first)


def test_a_variable_wins_over_a_function_of_the_same_name() -> None:
    """As it does for the functions of the language."""
    assert value("$uuid & $hash & $sum", uuid="a", hash="b", sum="c") == "abc"


@pytest.mark.parametrize(
    "text", ["$eval('1')", "1 + $eval ('1')", "$map(['1'], $eval)", "($e := $eval; $e('1'))"]
)
def test_eval_is_refused_when_read(text: str) -> None:
    """However it is called; a text that merely mentions it is only a text."""
    with pytest.raises(JsonataSyntaxError, match=r"\$eval") as caught:
        compile(text)

    assert caught.value.position == text.index("$eval")
    assert value("'$eval(1)'") == "$eval(1)"
