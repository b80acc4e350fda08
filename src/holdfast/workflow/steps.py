"""The steps of a JSONPath: how each is written, and what it selects.

Every step takes one value and gives those below it that it selects, none where there is no such
thing: a wildcard over something missing is an empty list, as recorded from AWS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from holdfast.workflow.filters import Operand, Predicate, read_filter

FOUND_MAX: Final = 262_144
"""Nothing within the data limit has more parts; more are the same ones found again and again."""


class Wide:
    """A step that may select any number of values."""

    __slots__ = ()
    selects_once = True
    """Whether no part of a value is selected twice."""

    def below(self, value: Any, root: Any) -> list[Any]:
        raise TypeError(type(self).__name__)


@dataclass(frozen=True, slots=True)
class Wildcard(Wide):
    """Every item of a list, every value of an object."""

    def below(self, value: Any, root: Any) -> list[Any]:
        if isinstance(value, dict):
            return list(value.values())
        return value if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Deep(Wide):
    """`..`: the value itself and everything within it, from the outside in."""

    selects_once = False

    def below(self, value: Any, root: Any) -> list[Any]:
        found, todo = [], [value]
        while todo:
            here = todo.pop()
            found.append(here)
            if isinstance(here, dict):
                todo.extend(reversed(here.values()))
            elif isinstance(here, list):
                todo.extend(reversed(here))
        return found


@dataclass(frozen=True, slots=True)
class Names(Wide):
    names: tuple[str, ...]
    selects_once = False

    def below(self, value: Any, root: Any) -> list[Any]:
        if not isinstance(value, dict):
            return []
        return [value[name] for name in self.names if name in value]


@dataclass(frozen=True, slots=True)
class Indices(Wide):
    indices: tuple[int, ...]
    selects_once = False

    def below(self, value: Any, root: Any) -> list[Any]:
        places = (index_of(index, value) for index in self.indices)
        return [value[place] for place in places if place is not None]


@dataclass(frozen=True, slots=True)
class Filter(Wide):
    """Items of a list for which it holds; an object itself where it holds."""

    holds: Predicate

    def below(self, value: Any, root: Any) -> list[Any]:
        if isinstance(value, list):
            return [item for item in value if self.holds(item, root)]
        return [value] if isinstance(value, dict) and self.holds(value, root) else []


Step = str | int | slice | Wide


def index_of(index: Any, value: Any) -> int | None:
    """The place in the list, or None where there is no such place."""
    if isinstance(value, list) and isinstance(index, int) and -len(value) <= index < len(value):
        return index
    return None


def follow_many(steps: tuple[Step, ...], data: Any) -> list[Any]:
    """Everything that the steps lead to. Raises OverflowError where that is beyond reason."""
    found = [data]
    for step in steps:
        found = [below for value in found for below in _below(step, value, data)]
        if len(found) > FOUND_MAX:
            raise OverflowError("A JSONPath selects more values than the data limit allows.")
    return found


def _below(step: Step, value: Any, root: Any) -> list[Any]:
    if isinstance(step, str):
        return [value[step]] if isinstance(value, dict) and step in value else []
    if isinstance(step, Wide):
        return step.below(value, root)
    if not isinstance(value, list):
        return []
    if isinstance(step, slice):
        return value[step]
    return [value[step]] if -len(value) <= step < len(value) else []


_QUOTED: Final = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_NUMBER: Final = r"-?\d{1,9}"
_STEP: Final = re.compile(
    rf"""
      \.(?P<name>(?:\\.|[^\s.\[\]()*?,'"\\])++)(?!\()
    | (?P<deep>\.\.(?=[^\s.,()]))
    | (?P<wild>\.\*|\[\s*\*\s*\])
    | \[\s*(?P<index>{_NUMBER})\s*\]
    | \[\s*(?P<slice>(?:{_NUMBER})?\s*:\s*(?:{_NUMBER})?\s*(?::\s*(?:{_NUMBER})?)?)\s*\]
    | \[\s*(?P<indices>{_NUMBER}(?:\s*,\s*{_NUMBER})+)\s*\]
    | \[\s*(?P<names>(?:{_QUOTED})(?:\s*,\s*(?:{_QUOTED}))*)\s*\]
    | (?P<filter>\[\s*\?\s*\(?)
    """,
    re.VERBOSE,
)
_IN_FILTER: Final = re.compile(r"\.((?:\\.|[^\s.\[\]()*?,'\"\\=<>!~&|])++)(?!\()")
_DEEP_NAME: Final = re.compile(r"((?:\\.|[^\s.\[\]()*?,'\"\\])+)|(\*)")
_DEPTH_MAX: Final = 20
"""How deep filters may stand within filters."""


def read_steps(text: str, position: int, depth: int = 0) -> tuple[tuple[Step, ...], int]:
    """The steps that begin there, and where they end. Raises ValueError."""
    steps: list[Step] = []
    while position < len(text):
        match = (_IN_FILTER.match(text, position) if depth else None) or _STEP.match(text, position)
        if match is None:
            break
        step, position = _read_step(text, match, depth)
        steps.append(step)
        if isinstance(step, Deep):
            # `..name` and `..*` have no dot of their own.
            follower = _DEEP_NAME.match(text, position)
            if follower is not None:
                steps.append(Wildcard() if follower[2] else _plain(follower[1]))
                position = follower.end()
    return tuple(steps), position


def _read_step(text: str, match: re.Match[str], depth: int) -> tuple[Step, int]:
    kind, value, end = match.lastgroup or "name", match[match.lastgroup or 1], match.end()
    if kind == "filter":
        if depth >= _DEPTH_MAX:
            raise ValueError(f"filters stand within filters at most {_DEPTH_MAX} deep")
        holds, end = read_filter(text, end, value.endswith("("), _operand(text, depth + 1))
        return Filter(holds), end
    if kind == "index":
        return int(value), end
    if kind == "slice":
        return _read_slice(text, value), end
    if kind == "indices":
        return Indices(tuple(int(part) for part in value.split(","))), end
    if kind == "names":
        names = tuple(_unquoted(part) for part in re.findall(_QUOTED, value))
        return (names[0] if len(names) == 1 else Names(names)), end
    if kind in ("wild", "deep"):
        return (Wildcard() if kind == "wild" else Deep()), end
    return _plain(value), end


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _unquoted(text: str) -> str:
    # Only the quote itself and the backslash are escaped; others stand for themselves (recorded).
    return re.sub(rf"\\([{text[0]}\\])", r"\1", text[1:-1])


def _read_slice(text: str, value: str) -> slice:
    bounds = [int(part) if part.strip() else None for part in value.split(":")]
    if len(bounds) == 3 and bounds[2] is not None and bounds[2] < 1:
        raise ValueError(f"{text!r}: a slice steps forward, by 1 or more")
    return slice(*bounds)


def _operand(text: str, depth: int) -> Callable[[int], tuple[Operand, int]]:
    """Reads the path that a filter names: `@.a` from the item, `$.a` from the root."""

    def read(position: int) -> tuple[Operand, int]:
        from_item = text[position] == "@"
        steps, end = read_steps(text, position + 1, depth)
        single = all(isinstance(step, str | int) for step in steps)

        def look(item: Any, root: Any) -> list[Any]:
            found = follow_many(steps, item if from_item else root)
            return found if single or not found else [found]

        return look, end

    return read
