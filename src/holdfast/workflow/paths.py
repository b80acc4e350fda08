"""The JSONPath of the States Language: paths are read once and become closures.

    path      = ("$" | "$$") step*          `$` is the data at hand, `$$` the context object
    step      = .name | ['name'] | [index]  definite: one value, or an error where there is none
              | .* | [*] | [from:to:by]     indefinite: a list, empty where nothing matches

A path of definite steps alone is a reference path; only such a path can be written to. What AWS
allows beyond this (filters, `..`, variables) is refused by name when a document is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

Context = Callable[[], Any]
"""Builds the context object, for the few states whose paths ask for it."""

Getter = Callable[[Any, Context], Any]
"""Takes the data and the context; gives the selected value. Raises StateFailure."""

Placer = Callable[[Any, Any], Any]
"""Takes a state's raw input and its result; gives both combined. Raises StateFailure."""


class StateFailure(Exception):
    """A state cannot go on. Never leaves the machine: there it meets Retry and Catch."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Every item of a list, every value of an object."""


Step = str | int | slice | Wildcard


@dataclass(frozen=True, slots=True)
class Path:
    """A path as written and as read."""

    text: str
    in_context: bool
    steps: tuple[Step, ...]

    @property
    def is_reference(self) -> bool:
        """Whether it names exactly one place."""
        return all(isinstance(step, str | int) for step in self.steps)


PATH_LENGTH_MAX: Final = 1_024

_STEP: Final = re.compile(
    r"""
      (?P<deep>\.\.)
    | \.(?P<name>[^\s.\[\]()*?,'"]+)
    | (?P<wild>\.\*|\[\s*\*\s*\])
    | \[\s*(?P<index>-?\d{1,9})\s*\]
    | \[\s*(?P<slice>(?:-?\d{1,9})?\s*:\s*(?:-?\d{1,9})?\s*(?::\s*(?:-?\d{1,9})?)?)\s*\]
    | \[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\]
    | \[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\]
    | (?P<filter>\[\s*\?)
    | (?P<union>\[[^\]]*,)
    """,
    re.VERBOSE,
)

_REFUSED: Final = {
    "deep": "`..` is not supported yet",
    "filter": "filters, `[?(...)]`, are not supported yet",
    "union": "several names or indices in one bracket are not supported",
}


def parse_path(text: str) -> Path:
    """Read a path. Raises ValueError saying what is wrong with it."""
    if text.startswith("States."):
        raise ValueError("intrinsic functions are not supported yet")
    if not text.startswith("$"):
        raise ValueError(f"{text!r} is not a JSONPath: it must start with $")
    if len(text) > PATH_LENGTH_MAX:
        raise ValueError(f"a path has at most {PATH_LENGTH_MAX} characters")
    in_context = text.startswith("$$")
    position = 2 if in_context else 1
    if not in_context and re.match(r"\$[A-Za-z_]", text):
        raise ValueError(f"{text!r} names a variable; variables are not supported yet")
    steps: list[Step] = []
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"{text!r} is not a JSONPath: cannot read {text[position:]!r}")
        steps.append(_read_step(text, match))
        position = match.end()
    return Path(text, in_context, tuple(steps))


def _read_step(text: str, match: re.Match[str]) -> Step:
    kind, value = match.lastgroup or "", match[match.lastgroup or 0]
    if kind in _REFUSED:
        raise ValueError(f"{text!r}: {_REFUSED[kind]}")
    if kind == "wild":
        return Wildcard()
    if kind == "index":
        return int(value)
    if kind == "slice":
        bounds = [int(part) if part.strip() else None for part in value.split(":")]
        if len(bounds) == 3 and bounds[2] is not None and bounds[2] < 1:
            raise ValueError(f"{text!r}: a slice steps forward, by 1 or more")
        return slice(*bounds)
    if kind in ("single", "double"):
        return re.sub(r"\\(.)", r"\1", value)
    return value


def compile_getter(path: Path, *, field: str = "", error: str = "States.Runtime") -> Getter:
    """The closure that follows the path; where it leads nowhere, it fails with that error."""
    where = f" specified for the field '{field}'" if field else ""
    failure = (error, f"The JSONPath '{path.text}'{where} could not be found in the input")
    get = _follow_one(path.steps, failure) if path.is_reference else _follow_many(path.steps)
    if path.in_context:
        return lambda _, context: get(context())
    return lambda data, _: get(data)


def _follow_one(steps: tuple[Step, ...], failure: tuple[str, str]) -> Callable[[Any], Any]:

    def get(data: Any) -> Any:
        # Held against the type first, because Python would also index a string.
        for step in steps:
            if isinstance(step, str):
                if not isinstance(data, dict) or step not in data:
                    raise StateFailure(*failure)
                data = data[step]
            else:
                if not isinstance(data, list) or not _is_index(step, data):
                    raise StateFailure(*failure)
                data = data[step]
        return data

    return get


def _follow_many(steps: tuple[Step, ...]) -> Callable[[Any], list[Any]]:
    def get(data: Any) -> list[Any]:
        found = [data]
        for step in steps:
            found = [below for value in found for below in _below(value, step)]
        return found

    return get


def _below(value: Any, step: Step) -> list[Any]:
    """What lies one step below; nothing where there is no such thing, as recorded from AWS."""
    if isinstance(value, dict):
        if isinstance(step, Wildcard):
            return list(value.values())
        return [value[step]] if isinstance(step, str) and step in value else []
    if isinstance(value, list):
        if isinstance(step, Wildcard):
            return value
        if isinstance(step, slice):
            return value[step]
        if _is_index(step, value):
            return [value[step]]
    return []


def _is_index(step: Step, items: list[Any]) -> TypeGuard[int]:
    return isinstance(step, int) and -len(items) <= step < len(items)


def compile_placer(path: Path) -> Placer:
    """The closure that puts a result into a copy of the input at a reference path."""
    steps, text = path.steps, path.text

    def place(data: Any, result: Any) -> Any:
        return _put(data, steps, 0, result, text)

    return place


def _put(data: Any, steps: tuple[Step, ...], depth: int, value: Any, text: str) -> Any:
    if depth == len(steps):
        return value
    step = steps[depth]
    if isinstance(step, str) and isinstance(data, dict):
        # A missing object on the way is made, as the specification has it.
        return {**data, step: _put(data.get(step, {}), steps, depth + 1, value, text)}
    if isinstance(step, int) and isinstance(data, list) and _is_index(step, data):
        copied = list(data)
        copied[step] = _put(data[step], steps, depth + 1, value, text)
        return copied
    raise StateFailure(
        "States.ResultPathMatchFailure",
        f"Unable to apply step {steps[depth]!r} of the ResultPath '{text}' to the input",
    )
