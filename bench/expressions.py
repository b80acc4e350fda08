"""Expressions of JSONata: those of the table, and as many more made by chance."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from bench.asl import read_cases
from bench.node_jsonata import Answer, Expression
from holdfast.workflow import jsonata
from holdfast.workflow.filters import same

EVENT: Final[dict[str, Any]] = {
    "id": "evt_1",
    "n": 7,
    "neg": -2.5,
    "zero": 0,
    "yes": True,
    "no": False,
    "nil": None,
    "text": "Hello, Wörld",
    "date": "2026-01-31T23:59:59.000Z",
    "list": [3, 1, 2],
    "none": [],
    "one": [5],
    "nested": [[1, 2], [3], []],
    "mixed": [1, "a", None, True, {"k": 1}, [2]],
    "obj": {"a": 1, "b": {"c": [1, 2]}, "e": None},
    "people": [
        {"name": "Ann", "age": 30, "tags": ["x", "y"]},
        {"name": "Bob", "age": 25, "tags": ["y"]},
        {"name": "Cy", "age": 30, "tags": []},
        {"name": "Di"},
    ],
}
_NOT_COMPARED: Final = re.compile(
    # AWS's own, and what depends on time, on chance, or on where it stands.
    r"\$(?:partition|range|hash|random|uuid|parse|now|millis|shuffle|eval)\b|context"
)

_ENDLESS: Final = frozenset({"jsonata-loop", "jsonata-deep-recursion"})
"""Cases that only the bounds here end."""


def evaluate_here(expression: Expression) -> Answer:
    try:
        value = jsonata.compile(expression.text).evaluate(bindings=expression.bindings, now_ms=0)
    except (jsonata.JsonataSyntaxError, jsonata.QueryEvaluationError) as error:
        told = str(error)
        if "is a function" in told:
            return Answer(instead="function")
        code = re.match(r"[A-Z]\d{4}", told)
        return Answer(instead="error", code=code[0] if code else "")
    return Answer(instead="undefined") if value is jsonata.UNDEFINED else Answer(value)


def agree(here: Answer, there: Answer) -> bool:
    return (here.instead, here.code) == (there.instead, there.code) and same(
        here.value, there.value
    )


def of_the_table(folder: Path) -> Iterator[tuple[str, Expression]]:
    """Every expression of every case, with the run's input as `$states.input`."""
    for case in read_cases(folder):
        if case["id"] in _ENDLESS:
            continue
        found = {text for text in _texts(case["definition"]) if not _NOT_COMPARED.search(text)}
        for run in case["runs"]:
            for text in sorted(found):
                yield case["id"], Expression(text, {"states": {"input": run.get("input", {})}})


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        yield value[2:-2].strip()
    elif isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            yield from _texts(below)


def make(seed: str) -> Expression:
    """The same one for the same seed; the data is `EVENT`, as `$e`."""
    return Expression(_Maker(Random(seed)).any(4), {"e": EVENT})


class _Maker:
    """One method for each kind of value, so that most of what is made has one."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def any(self, depth: int) -> str:
        kinds = (self.number, self.text, self.truth, self.list, self.object)
        if depth <= 0:
            return str(self._pick(self.number, self.text, self.truth, self.list)(0))
        kind = self._pick(*kinds)
        if self._random.random() < 0.15:
            return f"{self.truth(depth - 1)} ? {kind(depth - 1)} : {self.any(depth - 1)}"
        return str(kind(depth))

    def number(self, depth: int) -> str:
        if depth <= 0:
            return str(self._pick("0", "1", "2", "-3", "2.5", "$e.n", "$e.neg", "$e.obj.a", ODD))
        below = depth - 1
        made = self._pick(
            lambda: f"({self.number(below)} {self._pick(*'+-*/%')} {self.number(below)})",
            lambda: f"$sum({self.list(below)})",
            lambda: f"$count({self.list(below)})",
            lambda: f"$max([{self.number(below)}, {self.number(below)}])",
            lambda: f"$average([{self.number(below)}, {self.number(below)}])",
            lambda: f"$round({self.number(below)}, {self._pick(0, 1, -1)})",
            lambda: f"${self._pick('floor', 'ceil', 'abs')}({self.number(below)})",
            lambda: f"$length({self.text(below)})",
            lambda: f"$number({self._pick(*NUMERALS, self.text(below))})",
            lambda: f"$power({self.number(below)}, 2)",
            lambda: f"$reduce({self.list(below)}, function($a, $b) {{ $a + $b }})",
            lambda: f"{self.list(below)}[{self._pick(0, 1, -1)}]",
            lambda: f"$toMillis({self._pick(*MOMENTS, self.text(below))})",
        )
        return str(made())

    def text(self, depth: int) -> str:
        if depth <= 0:
            return str(
                self._pick("'a'", "''", "'b c'", "$e.text", "$e.id", "$e.people[0].name", ODD)
            )
        below = depth - 1
        made = self._pick(
            lambda: f"({self.text(below)} & {self.any(below)})",
            lambda: f"${self._pick('uppercase', 'lowercase', 'trim')}({self.text(below)})",
            lambda: (
                f"$substring({self.text(below)}, {self._pick(-2, 0, 1, 9)}, {self._pick(1, 3)})"
            ),
            lambda: f"$substringAfter({self.text(below)}, {self._pick(*PLAIN)})",
            lambda: f"$join($split({self.text(below)}, {self._pick(*SPLITTERS)}), '-')",
            lambda: f"$replace({self.text(below)}, {self._pick(*SOUGHT)}, '$1_')",
            lambda: f"$pad({self.text(below)}, {self._pick(-4, 4, 12)}, {self._pick(*FILLERS)})",
            lambda: f"$string({self.any(below)})",
            lambda: f"$formatNumber({self.number(below)}, {self._pick(*PICTURES)})",
            lambda: f"$formatBase({self.number(below)}, {self._pick(2, 16)})",
            lambda: f"$type({self.any(below)})",
            lambda: f"$base64encode({self.text(below)})",
            lambda: f"$fromMillis({self._pick(0, 1500, 1769903999000)}, {self._pick(*DATES)})",
        )
        return str(made())

    def truth(self, depth: int) -> str:
        if depth <= 0:
            return str(self._pick("true", "false", "$e.yes", "$e.no", "$exists($e.none)", ODD))
        below = depth - 1
        made = self._pick(
            lambda: f"({self.any(below)} {self._pick('=', '!=')} {self.any(below)})",
            lambda: (
                f"({self.number(below)} {self._pick('<', '<=', '>', '>=')} {self.number(below)})"
            ),
            lambda: f"({self.truth(below)} {self._pick('and', 'or')} {self.any(below)})",
            lambda: f"({self.any(below)} in {self.list(below)})",
            lambda: f"${self._pick('not', 'boolean', 'exists')}({self.any(below)})",
            lambda: f"$contains({self.text(below)}, {self._pick(*SOUGHT)})",
        )
        return str(made())

    def list(self, depth: int) -> str:
        if depth <= 0:
            return str(self._pick(*LISTS))
        below = depth - 1
        made = self._pick(
            lambda: f"[{self.any(below)}, {self.any(below)}]",
            lambda: f"[{self._pick(0, 1, -2)}..{self._pick(2, 4)}]",
            lambda: (
                f"{self.list(below)}[{self._pick('$ > 1', '$ = 1', 'age > 26', 'name', '[0,1]')}]"
            ),
            lambda: (
                f"{self.list(below)}.{self._pick('name', 'age', '$', '(age * 2)', 'tags', '*', '%')}"
            ),
            lambda: f"$map({self.list(below)}, function($v, $i) {{ {self._pick(*BODIES)} }})",
            lambda: f"$filter({self.list(below)}, function($v) {{ {self._pick('$v', '$v > 1')} }})",
            lambda: f"$sort({self.list(below)})",
            lambda: f"$e.people^({self._pick('age', '>age', 'age, >name', 'name')})",
            lambda: f"$append({self.list(below)}, {self.any(below)})",
            lambda: f"${self._pick('reverse', 'distinct', 'keys')}({self.list(below)})",
            lambda: f"$zip({self.list(below)}, {self.list(below)})",
            lambda: f"$split({self.text(below)}, {self._pick(*SPLITTERS)}, {self._pick(1, 3)})",
            lambda: f"$match({self.text(below)}, /l+/)",
            lambda: "$e.**.k",
        )
        return str(made())

    def object(self, depth: int) -> str:
        if depth <= 0:
            return str(self._pick("{}", "$e.obj", "{'a': 1}"))
        below = depth - 1
        made = self._pick(
            lambda: f"{{'a': {self.any(below)}, {self.text(0)}: {self.any(below)}}}",
            lambda: f"$merge([{self.object(below)}, {self.object(below)}])",
            lambda: f"$e.people{{{self._pick('name', '$string(age)')}: {self._pick(*GROUPED)}}}",
            lambda: f"$sift({self.object(below)}, function($v) {{ $v = 1 }})",
            lambda: f"$spread({self.object(below)})",
            lambda: f"{self.object(below)} ~> |$|{{'z': {self.any(below)}}}|",
            lambda: f"$lookup({self.object(below)}, 'a')",
            lambda: f"$each({self.object(below)}, function($v, $k) {{ $k }})",
            lambda: f"($x := {self.any(below)}; {{'x': $x, 'y': [$x]}})",
        )
        return str(made())

    def _pick(self, *choices: Any) -> Any:
        return self._random.choice(choices)


ODD: Final = "$e.missing"
NUMERALS: Final = ("'12'", "'1.5'", "'x'", "true")
MOMENTS: Final = ("$e.date", "'2026-01-01'")
PLAIN: Final = ("'l'", "', '", "'?'")
SPLITTERS: Final = ("' '", "'l'", "','", "''", "/[aeo]/")
SOUGHT: Final = ("'l'", "/[a-z]+/", "/(l)(l)/", "/L+/i")
FILLERS: Final = ("'#'", "'ab'")
LISTS: Final = (
    *(
        "$e.list",
        "$e.none",
        "$e.one",
        "$e.nested",
        "$e.mixed",
        "$e.people",
        "[]",
        "[1]",
        "[1, 2, 2]",
    ),
    *("$e.people.age", "$e.people.tags", "$e.people.name", "$e.nested.$", ODD),
)
BODIES: Final = ("$v", "$i", "$v + $i", "[$v]", "$v.name", "$v = 1 ? 'one' : $v")
GROUPED: Final = ("age", "$sum(age)", "$count($)", "tags", "name")
PICTURES: Final = ("'0'", "'#,##0.00'", "'0.0#'", "'00%'")
DATES: Final = (
    "'[Y0001]-[M01]-[D01]'",
    "'[FNn], [D1o] [MNn] [Y]'",
    "'[H01]:[m01]:[s01].[f001]'",
    "()",
)
