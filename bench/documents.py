"""Documents of the States Language made by chance, in JSONPath, with an input and task calls.

They all load, all end, and depend on neither time nor chance, so that two interpreters can be held
against each other. What they hold is meant to meet often: few names, paths that sometimes miss.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Final

RESOURCE: Final = "${work}"
AFTERWARDS: Final = {"result": 0}
"""What a task comes to once its calls are used up."""

_PATHS: Final = (
    *("$", "$.a", "$.b", "$.o", "$.o.x", "$.o.y.z", "$.l", "$.l[0]", "$.l[*]", "$.l[*].n"),
    *("$.l[0:2]", "$.l[1:]", "$.o.*", "$['a','b']", "$.none", "$.none[*]", "$['o']['x']"),
    *("$.l[?(@.n > 1)]", "$.l[?(@.s == 'x')].n", "$$.State.Name", "$$.Execution.Name"),
)
_WITHIN: Final = (*_PATHS, "$..n")
"""In payload templates, where what a path gives is only a part."""

_PLACES: Final = ("$", "$.r", "$.a", "$.o.r", "$.o.y.r", "$.b.c.d")
_ERRORS: Final = ("Broken", "Lambda.Unknown", "States.Timeout", "States.TaskFailed", "Late")
_CAUGHT: Final = ("Broken", "Late", "States.Timeout", "States.TaskFailed", "States.ALL")


@dataclass(frozen=True, slots=True)
class Sample:
    document: dict[str, Any]
    input: Any
    calls: list[dict[str, Any]]


def make(seed: str) -> Sample:
    """The same one for the same seed."""
    return _Maker(Random(seed)).sample()


class _Maker:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._names = 0
        self._calls: list[dict[str, Any]] = []

    def sample(self) -> Sample:
        scope = self._scope(self._random.randint(1, 4), depth=0)
        given = self._input()
        # None is no input, which is an empty object.
        return Sample(scope, {} if given is None else given, self._calls)

    # Data.

    def _input(self) -> Any:
        if self._chance(0.1):
            return self._value(2)
        items = [
            {"n": self._random.randint(0, 3), "s": self._pick("x", "y")}
            for _ in range(self._random.randint(0, 3))
        ]
        return {
            "a": self._value(1),
            "b": self._value(1),
            "o": {"x": self._scalar(), "y": {"z": self._scalar()}},
            "l": items,
        }

    def _value(self, depth: int) -> Any:
        if depth and self._chance(0.4):
            size = self._random.randint(0, 2)
            if self._chance(0.5):
                return [self._value(depth - 1) for _ in range(size)]
            return {self._pick("a", "n", "x"): self._value(depth - 1) for _ in range(size)}
        return self._scalar()

    def _scalar(self) -> Any:
        return self._pick(None, True, False, 0, 1, 2, -3, 1.5, "", "x", "7", "a,b", "é", MOMENT)

    # States.

    def _scope(self, size: int, depth: int) -> dict[str, Any]:
        names = [self._name() for _ in range(size)]
        last = self._name()
        states: dict[str, Any] = {}
        for place, name in enumerate(names):
            later = [*names[place + 1 :], last]
            states[name] = self._state(name, later, depth)
        states[last] = self._ending()
        return {"StartAt": names[0], "States": states}

    def _name(self) -> str:
        self._names += 1
        return f"S{self._names}"

    def _ending(self) -> dict[str, Any]:
        if self._chance(0.1):
            named = {"Error": "Broken", "Cause": "by hand"}
            return {"Type": "Fail", **self._pick(named, {"ErrorPath": "$.o.x"}, {})}
        kind = self._pick("Pass", "Succeed")
        return {"Type": kind, **({"End": True} if kind == "Pass" else {}), **self._paths("Output")}

    def _state(self, name: str, later: list[str], depth: int) -> dict[str, Any]:
        kinds = ("Pass", "Pass", "Task", "Task", "Choice", "Wait")
        kind = self._pick(*kinds, *(() if depth > 1 else ("Parallel", "Map")))
        state: dict[str, Any] = {"Type": kind}
        if kind == "Choice":
            state |= self._paths("Input") | {"Choices": [self._rule(later)], "Default": later[0]}
            return state
        state["Next"] = later[0]
        if kind == "Wait":
            return state | {"Seconds": 0} | self._paths("Input", "Output")
        state |= self._paths("Input", "Output")
        if self._chance(0.4):
            state["Parameters"] = self._template(1)
        if self._chance(0.4):
            state["ResultPath"] = self._pick(None, *_PLACES)
        if kind == "Pass":
            return state | ({"Result": self._value(2)} if self._chance(0.3) else {})
        if self._chance(0.3):
            state["ResultSelector"] = self._template(1)
        state |= self._recovery(later)
        make = {"Task": self._task, "Parallel": self._parallel, "Map": self._map}[kind]
        return state | make(name, state, depth)

    def _paths(self, *which: str) -> dict[str, Any]:
        chosen = [name for name in which if self._chance(0.2)]
        return {f"{name}Path": self._pick(None, *_PATHS) for name in chosen}

    def _task(self, name: str, _state: dict[str, Any], _depth: int) -> dict[str, Any]:
        for _ in range(12):
            call: dict[str, Any] = {"state": name, "resource": "work"}
            if self._chance(0.35):
                call |= {"error": self._pick(*_ERRORS), "cause": self._pick("why", "")}
            else:
                call["result"] = self._value(2)
            self._calls.append(call)
        return {"Resource": RESOURCE}

    def _parallel(self, _name: str, _state: dict[str, Any], depth: int) -> dict[str, Any]:
        # One branch alone: of several, whether the others still begin once one fails is open.
        return {"Branches": [self._scope(self._random.randint(1, 2), depth + 1)]}

    def _map(self, _name: str, state: dict[str, Any], depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {"MaxConcurrency": 1}
        if "Parameters" not in state and self._chance(0.4):
            fields["ItemSelector"] = {**self._template(1), "i.$": "$$.Map.Item.Index"}
        fields["ItemsPath"] = self._pick("$.l", "$.l", "$.l", "$.a", "$")
        return fields | {"ItemProcessor": self._scope(self._random.randint(1, 2), depth + 1)}

    def _recovery(self, later: list[str]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if self._chance(0.5):
            fields["Retry"] = [
                {
                    "ErrorEquals": [error],
                    "IntervalSeconds": self._random.randint(1, 3),
                    "BackoffRate": self._pick(1.0, 1.5, 2.0),
                    "MaxAttempts": self._random.randint(0, 3),
                }
                for error in self._errors()
            ]
        if self._chance(0.5):
            fields["Catch"] = [
                {
                    "ErrorEquals": [error],
                    "Next": self._pick(*later),
                    **({"ResultPath": self._pick(None, *_PLACES)} if self._chance(0.5) else {}),
                }
                for error in self._errors()
            ]
        return fields

    def _errors(self) -> list[str]:
        chosen = self._random.sample(_CAUGHT, self._random.randint(1, 2))
        return sorted(chosen, key=lambda name: name == "States.ALL")

    def _rule(self, later: list[str]) -> dict[str, Any]:
        return {**self._condition(2), "Next": self._pick(*later)}

    def _condition(self, depth: int) -> dict[str, Any]:
        if depth and self._chance(0.3):
            parts = [self._condition(depth - 1) for _ in range(self._random.randint(1, 2))]
            joined = self._pick(("And", parts), ("Or", parts), ("Not", parts[0]))
            return dict([joined])
        variable = {"Variable": self._pick("$.a", "$.b", "$.o.x", "$.l", "$.none")}
        kind = self._pick("String", "Numeric", "Timestamp", "Boolean", "Is", "Matches")
        if kind == "Is":
            name = self._pick("Null", "Present", "Numeric", "String", "Boolean", "Timestamp")
            return {**variable, f"Is{name}": self._chance(0.7)}
        if kind == "Matches":
            return {**variable, "StringMatches": self._pick("*", "x", "a*b", "*,*")}
        orders = ("Equals",) if kind == "Boolean" else _ORDERS
        name = f"{kind}{self._pick(*orders)}"
        if self._chance(0.3):
            return {**variable, f"{name}Path": self._pick("$.a", "$.b", "$.o.x")}
        return {**variable, name: self._pick(*_LITERALS[kind])}

    # Payload templates and functions.

    def _template(self, depth: int) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for name in self._random.sample(("a", "b", "l", "o", "n"), self._random.randint(0, 3)):
            kind = self._random.random()
            if kind < 0.5:
                built[f"{name}.$"] = self._pick(*_WITHIN)
            elif kind < 0.75:
                built[f"{name}.$"] = self._function(2)
            elif depth and kind < 0.85:
                built[name] = self._template(depth - 1)
            else:
                built[name] = self._value(1)
        return built

    def _function(self, depth: int) -> str:
        name, kinds = self._pick(*_FUNCTIONS)
        return f"States.{name}({', '.join(self._argument(kind, depth) for kind in kinds)})"

    def _argument(self, kind: str, depth: int) -> str:
        if depth and self._chance(0.25):
            return self._function(depth - 1)
        if self._chance(0.1):
            kind = self._pick(*_ARGUMENTS)
        return str(self._pick(*_ARGUMENTS[kind]))

    def _pick(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share


MOMENT: Final = "2026-01-31T23:59:59Z"
_ORDERS: Final = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
_LITERALS: Final[dict[str, tuple[Any, ...]]] = {
    "String": ("x", "7", "", "é"),
    "Numeric": (0, 1, 1.5, -3),
    "Timestamp": (MOMENT, "2026-02-01T00:00:00Z"),
    "Boolean": (True, False),
}
_ARGUMENTS: Final[dict[str, tuple[str, ...]]] = {
    "list": ("$.l", "$.l[*].n", "$.a", "States.Array(1, 'x', 1)", "States.ArrayRange(0, 6, 2)"),
    "text": ("'x'", "'a,b,,c'", "$.a", "$.o.x", "$.b", "'é'"),
    "number": ("0", "1", "2", "-1", "$.a", "$.b"),
    "object": ("$", "$.o", "$.a"),
    "any": ("$.a", "$.b", "$.l", "$.o", "1", "'x'", "$.none"),
    "false": ("false",),
    "splitter": ("','", "',;'", "'.'"),
    "algorithm": ("'MD5'", "'SHA-1'", "'SHA-256'", "'SHA-384'", "'SHA-512'"),
    "json": ("'[1, 2]'", "'\"x\"'", "'7'", "$.a"),
    "template": ("'{} and {}'", "'{}{}'"),
}
_FUNCTIONS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("Array", ("any", "any")),
    ("ArrayPartition", ("list", "number")),
    ("ArrayContains", ("list", "any")),
    ("ArrayRange", ("number", "number", "number")),
    ("ArrayGetItem", ("list", "number")),
    ("ArrayLength", ("list",)),
    ("ArrayUnique", ("list",)),
    ("Base64Encode", ("text",)),
    ("Base64Decode", ("text",)),
    ("Hash", ("text", "algorithm")),
    ("JsonMerge", ("object", "object", "false")),
    ("JsonToString", ("any",)),
    ("StringToJson", ("json",)),
    ("MathAdd", ("number", "number")),
    ("StringSplit", ("text", "splitter")),
    ("Format", ("template", "any", "any")),
)
