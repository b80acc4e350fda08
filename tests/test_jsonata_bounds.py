"""JSONata that loops, grows or is nonsense: it ends, and only with the documented errors."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.workflow import jsonata
from holdfast.workflow.jsonata import (
    UNDEFINED,
    JsonataSyntaxError,
    QueryEvaluationError,
    compile,  # noqa: A004 - its own name, as in re.compile
)

GROW: Final = "($grow := function($v) {{ $grow({}) }}; $grow({}))"

ENDLESS: Final = {
    "a loop": "($f := function() { $f() }; $f())",
    "two that call each other": "($f := function() { $g() }; $g := function() { $f() }; $f())",
    "a recursion": "($f := function($n) { 1 + $f($n) }; $f(1))",
    "a string that doubles": GROW.format("$v & $v", "'ab'"),
    "a list that doubles": GROW.format("$append($v, $v)", "[1]"),
    "a range": "[1..10000000]",
    "a padded string": "$pad('', 9999999)",
    "a result": "[1..40000].('0123456789012345678901234567890123456789012345678901234567890')",
    "a product of lists": "$count([1..500].($x := $; [1..500].($y := $; [1..500].($x + $y))))",
    "a regular expression": "$match($pad('', 40, 'x'), /(x+x+)+y/)",
    "a regular expression that goes back": r"$match($pad('', 40, 'x'), /(x*)*\1y/)",
    "Roman numbers": "$formatInteger(1e15, 'I')",
}


# Size, steps, depth, time; and the reference's own for ranges and padding.
BOUNDS: Final = "^(U1001|U1006|D1011|D1012|D2014|D2016): "


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonata, "SECONDS_MAX", 0.2)


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("name", ENDLESS)
def test_what_does_not_end_is_ended(name: str) -> None:
    """Each way of going on for ever meets a bound."""
    with pytest.raises(QueryEvaluationError, match=BOUNDS):
        compile(ENDLESS[name]).evaluate()


def test_a_loop_ends_by_its_steps_and_not_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where steps are counted, the same expression ends at the same place on every machine."""
    monkeypatch.setattr(jsonata, "SECONDS_MAX", 3600.0)

    with pytest.raises(QueryEvaluationError, match="budget of 1000000 steps"):
        compile(ENDLESS["a loop"]).evaluate()


def test_deep_recursion_fails_alone_on_a_small_stack() -> None:
    """Also in a thread with a quarter of a megabyte of stack the process survives."""
    ends: list[str] = []

    def recurse() -> None:
        try:
            compile(ENDLESS["a recursion"]).evaluate()
        except QueryEvaluationError as error:
            ends.append(str(error)[:5])

    usual = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=recurse)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(usual)

    assert ends == ["D1011"]


def test_tail_calls_are_loops() -> None:
    """A call in last place costs no depth."""
    text = "($f := function($n, $sum) { $n = 0 ? $sum : $f($n - 1, $sum + $n) }; $f(50000, 0))"

    assert compile(text).evaluate() == 1_250_025_000


def test_what_a_state_can_hold_is_within_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """256 KiB of the smallest items pass through filter, map and sort; how fast is the machine's."""
    monkeypatch.setattr(jsonata, "SECONDS_MAX", 3600.0)
    items = [n % 10 for n in range(131_000)]
    text = "$count($x[$ > 4]) & '/' & $count($sort($x)) & '/' & $count($x.($ + 1))"

    assert compile(text).evaluate(UNDEFINED, {"x": items}) == "65500/131000/131000"


@pytest.mark.parametrize(
    "nest",
    [
        lambda n: "(" * n + "1" + ")" * n,
        lambda n: "[" * n + "1" + "]" * n,
        lambda n: "1" + "+1" * n,
        lambda n: "a" + ".a" * n,
        lambda n: "-" * n + "1",
        lambda n: "{'a':" * n + "1" + "}" * n,
        lambda n: "function(){" * n + "1" + "}" * n,
    ],
)
@pytest.mark.parametrize("depth", [500, 5_000, 200_000])
def test_deeply_nested_text_is_read_or_refused(nest: Callable[[int], str], depth: int) -> None:
    """No depth of nesting breaks the reader, or what it read."""
    try:
        expression = compile(nest(depth))
    except JsonataSyntaxError:
        return
    evaluated(expression, {})


@pytest.mark.parametrize("text", ["$x", "[$x]", "$x.**", "$string($x)", "$x = $x", "$clone($x)"])
def test_deeply_nested_data_is_taken_or_refused(text: str) -> None:
    """Data nested beyond what the engine takes is an error, not a crash."""
    data: Any = 1
    for _ in range(5_000):
        data = {"a": [data]}

    evaluated(compile(text), {"x": data})


def evaluated(expression: jsonata.Expression, bindings: dict[str, Any]) -> None:
    try:
        expression.evaluate(UNDEFINED, bindings, now_ms=0)
    except QueryEvaluationError:
        return


WORDS: Final = (
    *re.split(
        " +", r"$ $$ % * ** . .. , ; : := ? ?: ?? ! != = < <= > >= + - / & | ~> @ # ^ ( ) \ ~"
    ),
    *re.split(
        " +", "[ ] { } and or in function λ true false null a b 0 1 -1 1.5 1e300 'x' é /* */"
    ),
    *re.split(" +", "/x*/ /(a|b)+/i $a $b $x $states.input #$i @$p ($) [0] [1..3] {'a':b} ^(a)"),
    *re.split(" +", "$sum( $map( $string( $parse( $hash( $range( $partition( $random( $uuid("),
    *re.split(" +", "$sort( $reduce( $filter( $each( $sift( $zip( $merge( $keys( $distinct("),
    *re.split(" +", "$substring( $pad( $split( $replace( $match( $contains( $join( $lookup("),
    *re.split(" +", "$formatNumber( $formatBase( $formatInteger( $parseInteger( $power( $now("),
    *re.split(" +", "$fromMillis( $toMillis( $eval( $type( $append( $spread( $base64decode("),
    *("'[Y0001]-[M01]'", "'#,##0.00'", "'w'", "\ud800", "\n", "'\\u12'", "`a b`"),
    *("function($x){$x}", "function($x, $y){$x + $y}"),
)

DATA: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abx"), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=40) | st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join), DATA)
def test_any_text_is_read_or_refused_and_evaluated_or_failed(text: str, data: Any) -> None:
    """Nonsense is a syntax error; what can be read gives a value or a query error."""
    try:
        expression = compile(text)
    except JsonataSyntaxError:
        return
    evaluated(expression, {"a": data, "b": 1, "x": [data], "states": {"input": data}})
