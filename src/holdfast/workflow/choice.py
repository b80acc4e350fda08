"""The conditions of Choice states: every comparison of the language, read once into closures."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, Final

from holdfast.workflow.failures import StateFailure
from holdfast.workflow.paths import Context, Getter
from holdfast.workflow.timestamps import parse_timestamp

Condition = Callable[[Any, Context], bool]
"""Takes the state's input and the context. Raises StateFailure where a path leads nowhere."""


_PART: Final = re.compile(r"\\.|[^\\*]+|\*", re.DOTALL)
_SOUND: Final = re.compile(r"(?:[^\\]|\\[*\\])*", re.DOTALL)
"""A pattern of StringMatches without a stray backslash."""


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _string(value: Any) -> Any:
    return value if isinstance(value, str) else None


def _boolean(value: Any) -> Any:
    return value if isinstance(value, bool) else None


def _timestamp(value: Any) -> Any:
    return parse_timestamp(value) if isinstance(value, str) else None


Reading = Callable[[Any], Any]
"""A value as its kind, or None where it is of another kind."""

_ORDER: Final = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}

COMPARISONS: Final[dict[str, tuple[Reading, Callable[[Any, Any], bool]]]] = {
    f"{kind}{name}": (reading, order)
    for kind, reading in (("String", _string), ("Numeric", _number), ("Timestamp", _timestamp))
    for name, order in _ORDER.items()
} | {"BooleanEquals": (_boolean, operator.eq)}
"""Operators that compare with a literal, or with `Path` appended, with another value."""

TYPE_TESTS: Final[dict[str, Callable[[Any], bool]]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": lambda value: _number(value) is not None,
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: _timestamp(value) is not None,
}

OPERATORS: Final = frozenset(
    (*COMPARISONS, *(f"{name}Path" for name in COMPARISONS), *TYPE_TESTS)
) | {"IsPresent", "StringMatches"}


def literal_is_valid(name: str, literal: Any) -> bool:
    """Whether this literal can stand beside this operator."""
    if name.startswith("Is"):
        return isinstance(literal, bool)
    if name == "StringMatches":
        return isinstance(literal, str)
    return COMPARISONS[name][0](literal) is not None


def compare(name: str, variable: Getter, literal: Any) -> Condition:
    """The variable against a literal. A value of another kind than the operator's: False."""
    if name == "IsPresent":
        return _presence(variable, wanted=literal)
    if name in TYPE_TESTS:
        test = TYPE_TESTS[name]
        return lambda data, context: test(variable(data, context)) is literal
    if name == "StringMatches":
        matches = glob(literal)
        return lambda data, context: matches(variable(data, context))
    reading, order = COMPARISONS[name]
    right = reading(literal)

    def condition(data: Any, context: Context) -> bool:
        left = reading(variable(data, context))
        return left is not None and order(left, right)

    return condition


def compare_path(name: str, variable: Getter, other: Getter) -> Condition:
    """The variable against another value of the input. Of different kinds: False."""
    reading, order = COMPARISONS[name.removesuffix("Path")]

    def condition(data: Any, context: Context) -> bool:
        left, right = reading(variable(data, context)), reading(other(data, context))
        return left is not None and right is not None and order(left, right)

    return condition


def _presence(variable: Getter, *, wanted: bool) -> Condition:
    def condition(data: Any, context: Context) -> bool:
        try:
            variable(data, context)
        except StateFailure:
            return not wanted
        return wanted

    return condition


def all_of(conditions: list[Condition]) -> Condition:
    """And: later conditions are not asked once one does not hold."""
    return lambda data, context: all(condition(data, context) for condition in conditions)


def any_of(conditions: list[Condition]) -> Condition:
    """Or: later conditions are not asked once one holds."""
    return lambda data, context: any(condition(data, context) for condition in conditions)


def negation(condition: Condition) -> Condition:
    return lambda data, context: not condition(data, context)


def glob(pattern: str) -> Callable[[Any], bool]:
    r"""`StringMatches`: `*` stands for any characters, `\*` for itself, `\\` for a backslash.

    Any other backslash is a mistake, which the specification has told when the rule is asked.
    Pieces are searched for in order, so that no pattern takes more than linear time per piece;
    a regular expression with many stars could be made to take exponential time.
    """
    if not _SOUND.fullmatch(pattern):
        return _stray(pattern)
    pieces = _pieces(pattern)
    if len(pieces) == 1:
        return lambda value: value == pieces[0]
    first, *middle, last = pieces

    def matches(value: Any) -> bool:
        if not isinstance(value, str) or len(value) < len(first) + len(last):
            return False
        if not value.startswith(first) or not value.endswith(last):
            return False
        position, end = len(first), len(value) - len(last)
        for piece in middle:
            found = value.find(piece, position, end)
            if found < 0:
                return False
            position = found + len(piece)
        return True

    return matches


def _stray(pattern: str) -> Callable[[Any], bool]:
    def matches(_value: Any) -> bool:
        cause = f"A backslash in the StringMatches {pattern!r} escapes neither * nor a backslash."
        raise StateFailure("States.Runtime", cause)

    return matches


def _pieces(pattern: str) -> list[str]:
    """What stands between the stars."""
    pieces: list[list[str]] = [[]]
    for part in _PART.findall(pattern):
        if part == "*":
            pieces.append([])
        else:
            pieces[-1].append(part.removeprefix("\\"))
    return ["".join(piece) for piece in pieces]
