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

import math
import re
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from holdfast.workflow.failures import StateFailure, as_json
from holdfast.workflow.limits import stays_whole
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


Miss = Callable[[Path, Any, Any], StateFailure]
"""What a path that leads nowhere fails with, given the data at hand and what it was followed in."""


def compile_getter(path: Path, miss: Miss, *, past_end_is_null: bool = False) -> Getter:
    """The closure that follows the path; where it leads nowhere, it fails as `miss` says.

    `past_end_is_null`: an index beyond its list, at the end of the path, gives null.
    """
    get = _follow(path, past_end_is_null=past_end_is_null)
    if path.origin == "$":

        def from_data(data: Any, _: Context) -> Any:
            try:
                return get(data)
            except LookupError:
                raise miss(path, data, data) from None

        return from_data
    if path.origin == "$$":

        def from_context(data: Any, context: Context) -> Any:
            seen = context.object()
            try:
                return get(seen)
            except LookupError:
                raise miss(path, data, seen) from None

        return from_context

    def from_variable(data: Any, context: Context) -> Any:
        try:
            return get(context.variables[path.origin])
        except LookupError:
            raise miss(path, data, context.variables) from None

    return from_variable


def _follow(path: Path, *, past_end_is_null: bool) -> Callable[[Any], Any]:
    """Raises LookupError where the path leads nowhere."""
    select = _follow_one(path.steps) if path.is_definite else _selection(path.steps)
    if past_end_is_null and path.is_definite and path.steps and isinstance(path.steps[-1], int):
        select = _follow_to_index(path.steps[:-1], path.steps[-1])
    if path.function is None:
        return select
    function = FUNCTIONS[path.function]

    def call(data: Any) -> Any:
        try:
            return function(select(data))
        except (TypeError, ValueError, ArithmeticError):
            raise LookupError(path.function) from None

    return call


def _follow_one(steps: tuple[Step, ...]) -> Callable[[Any], Any]:
    def get(data: Any) -> Any:
        # Held against the type first, because Python would also index a string.
        for step in steps:
            fits = (
                isinstance(data, dict)
                if isinstance(step, str)
                else index_of(step, data) is not None
            )
            if not fits:
                raise LookupError(step)
            data = data[step]
        return data

    return get


def _follow_to_index(steps: tuple[Step, ...], index: int) -> Callable[[Any], Any]:
    follow = _follow_one(steps)

    def get(data: Any) -> Any:
        items = follow(data)
        if isinstance(items, list):
            return items[index] if index_of(index, items) is not None else None
        raise LookupError(index)

    return get


def _selection(steps: tuple[Step, ...]) -> Callable[[Any], Any]:
    *before, last = steps
    if isinstance(last, Names) and all(isinstance(step, str | int) for step in before):
        return _joined(_follow_one(tuple(before)), last.names)

    def get(data: Any) -> Any:
        try:
            return follow_many(steps, data)
        except OverflowError as error:
            raise StateFailure("States.DataLimitExceeded", str(error)) from None

    return get


def _joined(find: Callable[[Any], Any], names: tuple[str, ...]) -> Callable[[Any], Any]:
    """One object of those of the names that there are."""

    def get(data: Any) -> Any:
        found = find(data)
        if isinstance(found, dict):
            return {name: found[name] for name in names if name in found}
        raise LookupError(names)

    return get


def _numbers(values: Any) -> list[float]:
    """Those of the list, of which there must be one; Jayway passes over what is no number."""
    numbers = (item for item in _only(values, list) if isinstance(item, int | float))
    found = [item for item in numbers if not isinstance(item, bool)]
    if not found:
        raise TypeError("no numbers")
    return found


def _sum(values: Any) -> float:
    """A double, as everywhere here, where it is whole beyond 64 bits; what is beyond that too is none."""
    total = sum(_numbers(values))
    if isinstance(total, int) and stays_whole(total):
        return total
    if not math.isfinite(total):
        raise OverflowError
    return float(total)


def _only(value: Any, *kinds: type) -> Any:
    """Python would also index a string, and take the items of an object."""
    if not isinstance(value, kinds):
        raise TypeError(type(value).__name__)
    return value


FUNCTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "length": lambda value: len(_only(value, list, dict, str)),
    "min": lambda values: min(_numbers(values)),
    "max": lambda values: max(_numbers(values)),
    "sum": _sum,
    "avg": lambda values: statistics.fmean(_numbers(values)),
    "stddev": lambda values: statistics.pstdev(_numbers(values)),
    "first": lambda values: _only(values, list)[0],
    "last": lambda values: _only(values, list)[-1],
    "keys": lambda value: list(_only(value, dict)),
}
"""What a path may end in, as Jayway's do."""


def compile_placer(path: Path) -> Placer:
    """The closure that puts a result into a copy of the input at a reference path."""
    steps = path.steps

    def place(data: Any, result: Any) -> Any:
        try:
            return _put(data, steps, 0, result)
        except LookupError as error:
            step = error.args[0]
            cause = f"Unable to apply step {as_json(step)} to input {as_json(data)}"
            raise StateFailure("States.ResultPathMatchFailure", cause) from None

    return place


def _put(data: Any, steps: tuple[Step, ...], depth: int, value: Any) -> Any:
    """Raises LookupError with the step that cannot be taken."""
    if depth == len(steps):
        return value
    step = steps[depth]
    if isinstance(step, str) and isinstance(data, dict):
        # A missing object on the way is made, as the specification has it.
        return {**data, step: _put(data.get(step, {}), steps, depth + 1, value)}
    if isinstance(step, int):
        place = index_of(step, data)
        if place is not None:
            copied = list(data)
            copied[place] = _put(data[place], steps, depth + 1, value)
            return copied
    raise LookupError(step)
