"""The JSONPath of the States Language: paths are read once and become closures.

    path      = ("$" | "$$" | "$name") step* function?
                `$` is the data at hand, `$$` the context object, `$name` a variable
    step      = .name | ['name'] | [index]  definite: one value, or an error where there is none
              | .* | [*] | [from:to:by] | [0,2] | ['a','b'] | ..step | [?(filter)]
                                            indefinite: a list, empty where nothing matches
    function  = .length() and others of `FUNCTIONS`, of what the steps select

A path of definite steps alone is a reference path; only such a path can be written to. Where the
language leaves JSONPath open, this follows Jayway's, which AWS uses: a path that ends in several
names gives one object of them, and an index after a filter looks into each match.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from holdfast.workflow.steps import Names, Step, follow_many, index_of, read_steps


class Context(Protocol):
    """What a state sees beside its data."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """The workflow's variables, by name."""

    @property
    def now_ms(self) -> int:
        """When the turn began: the same for all that happens in it."""

    def object(self) -> Any:
        """The context object; built anew, for the few states whose paths ask for it."""

    def draw(self) -> int:
        """128 random bits, the next of a row that the execution's seed fixes."""


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
class Path:
    """A path as written and as read."""

    text: str
    origin: str
    """`$`, `$$`, or the name of a variable."""
    steps: tuple[Step, ...]
    function: str | None = None

    @property
    def is_reference(self) -> bool:
        """Whether it names exactly one place."""
        return self.function is None and self.is_definite

    @property
    def is_definite(self) -> bool:
        return all(isinstance(step, str | int) for step in self.steps)

    @property
    def reorders(self) -> bool:
        """Whether it may select the same thing twice, or make something new."""
        return self.function is not None or not all(
            isinstance(step, str | int | slice) or step.selects_once for step in self.steps
        )


PATH_LENGTH_MAX: Final = 1_024

_ORIGIN: Final = re.compile(r"\$(?:\$|([^\W\d]\w*))?")
_FUNCTION: Final = re.compile(r"\.([a-z]+)\(\s*\)")


def parse_path(text: str) -> Path:
    """Read a path. Raises ValueError saying what is wrong with it."""
    path, end = read_path(text, 0)
    if end < len(text):
        raise ValueError(f"{text!r} is not a JSONPath: cannot read {text[end:]!r}")
    return path


def read_path(text: str, start: int) -> tuple[Path, int]:
    """The path that begins there, and where it ends. Raises ValueError."""
    match = _ORIGIN.match(text, start)
    if match is None:
        raise ValueError(f"{text!r} is not a JSONPath: it must start with $")
    steps, end = read_steps(text, match.end())
    function = _FUNCTION.match(text, end)
    if function is not None:
        if function[1] not in FUNCTIONS:
            raise ValueError(f"{text!r}: there is no function {function[1]}()")
        end = function.end()
    if end - start > PATH_LENGTH_MAX:
        raise ValueError(f"a path has at most {PATH_LENGTH_MAX} characters")
    name = function[1] if function is not None else None
    return Path(text[start:end], match[1] or match[0], steps, name), end


def compile_getter(path: Path, *, field: str = "", error: str = "States.Runtime") -> Getter:
    """The closure that follows the path; where it leads nowhere, it fails with that error."""
    where = f" specified for the field '{field}'" if field else ""
    failure = (error, f"The JSONPath '{path.text}'{where} could not be found in the input")
    get = _follow(path, failure)
    if path.origin == "$":
        return lambda data, _: get(data)
    if path.origin == "$$":
        return lambda _, context: get(context.object())
    return _variable(path.origin, get, failure)


def _variable(name: str, get: Callable[[Any], Any], failure: tuple[str, str]) -> Getter:
    def look_up(_data: Any, context: Context) -> Any:
        try:
            value = context.variables[name]
        except KeyError:
            raise StateFailure(failure[0], f"There is no variable '{name}'.") from None
        return get(value)

    return look_up


def _follow(path: Path, failure: tuple[str, str]) -> Callable[[Any], Any]:
    follow = _follow_one if path.is_definite else _selection
    select = follow(path.steps, failure)
    if path.function is None:
        return select
    function = FUNCTIONS[path.function]

    def call(data: Any) -> Any:
        try:
            return function(select(data))
        except (TypeError, ValueError, ArithmeticError, IndexError):
            cause = f"The function of '{path.text}' cannot be applied to what the path selects"
            raise StateFailure(failure[0], cause) from None

    return call


def _follow_one(steps: tuple[Step, ...], failure: tuple[str, str]) -> Callable[[Any], Any]:
    def get(data: Any) -> Any:
        # Held against the type first, because Python would also index a string.
        for step in steps:
            if isinstance(step, str):
                if not isinstance(data, dict) or step not in data:
                    raise StateFailure(*failure)
                data = data[step]
            else:
                place = index_of(step, data)
                if place is None:
                    raise StateFailure(*failure)
                data = data[place]
        return data

    return get


def _selection(steps: tuple[Step, ...], failure: tuple[str, str]) -> Callable[[Any], Any]:
    *before, last = steps
    if isinstance(last, Names) and all(isinstance(step, str | int) for step in before):
        return _joined(_follow_one(tuple(before), failure), last.names, failure)

    def get(data: Any) -> Any:
        try:
            return follow_many(steps, data)
        except OverflowError as error:
            raise StateFailure("States.DataLimitExceeded", str(error)) from None

    return get


def _joined(
    find: Callable[[Any], Any], names: tuple[str, ...], failure: tuple[str, str]
) -> Callable[[Any], Any]:
    """One object of those of the names that there are."""

    def get(data: Any) -> Any:
        found = find(data)
        if not isinstance(found, dict):
            raise StateFailure(*failure)
        return {name: found[name] for name in names if name in found}

    return get


def _numbers(values: Any) -> list[float]:
    """Those of the list, of which there must be one; Jayway passes over what is no number."""
    if not isinstance(values, list):
        raise TypeError("not a list of numbers")
    numbers = (item for item in values if isinstance(item, int | float))
    found = [item for item in numbers if not isinstance(item, bool)]
    if not found:
        raise TypeError("no numbers")
    return found


def _length(value: Any) -> int:
    if not isinstance(value, list | dict | str):
        raise TypeError("has no length")
    return len(value)


def _deviation(values: Any) -> float:
    return statistics.pstdev(_numbers(values))


FUNCTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "length": _length,
    "min": lambda values: min(_numbers(values)),
    "max": lambda values: max(_numbers(values)),
    "sum": lambda values: sum(_numbers(values)),
    "avg": lambda values: statistics.fmean(_numbers(values)),
    "stddev": _deviation,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "keys": lambda value: list(value.keys()) if isinstance(value, dict) else _length(None),
}
"""What a path may end in, as Jayway's do."""


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
    if isinstance(step, int):
        place = index_of(step, data)
        if place is not None:
            copied = list(data)
            copied[place] = _put(data[place], steps, depth + 1, value, text)
            return copied
    raise StateFailure(
        "States.ResultPathMatchFailure",
        f"Unable to apply step {steps[depth]!r} of the ResultPath '{text}' to the input",
    )
