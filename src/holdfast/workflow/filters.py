"""The filters of a JSONPath, `[?(@.price < 10 && @.kind == 'book')]`, read into predicates.

    any      = all ("||" all)*
    all      = test ("&&" test)*
    test     = "!" test | "(" any ")" | operand [operator operand]
    operand  = @path | $path | number | 'text' | true | false | null | [literal, ...] | /regex/i

An operand alone asks whether its path leads anywhere. Values of different kinds are never equal
and never in order, and a path that leads nowhere makes every comparison false but `!=`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Any, Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

from holdfast.workflow.limits import stays_whole

Predicate = Callable[[Any, Any], bool]
"""Takes the item and the root."""

Operand = Callable[[Any, Any], list[Any]]
"""Takes the item and the root; gives the value as a list of one, or nothing."""

Reader = Callable[[int], tuple[Operand, int]]

_SPACE: Final = re.compile(r"\s*")
_OPERATOR: Final = re.compile(
    r"==|!=|<=|>=|=~|<|>|(?:in|nin|contains|size|empty|subsetof|anyof|noneof)\b"
)
_LITERAL: Final = re.compile(
    r"""
      (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<word>true|false|null)\b
    | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | /(?P<regex>(?:[^/\\]|\\.)+)/(?P<flags>[imsx]*)
    """,
    re.VERBOSE,
)
_WORDS: Final = {"true": True, "false": False, "null": None}
_DIGITS_MAX: Final = 20
"""Of a number within 64 bits, its sign included."""

_NESTED_MAX: Final = 50


def read_filter(
    text: str, start: int, in_parentheses: bool, read_path: Reader
) -> tuple[Predicate, int]:
    """The filter whose expression begins there, up to and with its `]`. Raises ValueError."""
    reading = _Reading(text, start, read_path)
    predicate = reading.any_of(0)
    if in_parentheses:
        reading.expect(")")
    reading.expect("]")
    return predicate, reading.position


def written_number(text: str) -> int | float:
    """A double, as everywhere here, where it is whole beyond 64 bits. Raises ValueError beyond that."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]}... is larger than any number here")
    if len(text) <= _DIGITS_MAX and text.lstrip("-").isdigit() and stays_whole(int(text)):
        return int(text)
    return number


def same(left: Any, right: Any) -> bool:
    """Equal as JSON: no boolean is a number, whatever Python says."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(left: Any, right: Any) -> bool:
        for kind in (str, int | float):
            if isinstance(left, kind) and isinstance(right, kind):
                return not isinstance(left, bool | None) and compare(left, right)
        return False

    return holds


def _within(item: Any, items: Any) -> bool:
    # What is the same is also equal to Python, which is asked first, being faster by far.
    return isinstance(items, list) and item in items and any(same(item, each) for each in items)


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(whole, str):
        return isinstance(part, str) and part in whole
    return _within(part, whole)


def _has_size(value: Any, size: Any) -> bool:
    return isinstance(value, list | str) and same(len(value), size)


def _is_empty(value: Any, wanted: Any) -> bool:
    return isinstance(value, list | dict | str) and (not value) is wanted


def _each(left: Any, right: Any) -> list[bool]:
    return [_within(item, right) for item in left] if isinstance(left, list) else [False]


_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": same,
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "=~": lambda value, regex: isinstance(value, str) and regex.isinstance_python(value),
    "in": _within,
    "nin": lambda item, items: not _within(item, items),
    "contains": _contains,
    "size": _has_size,
    "empty": _is_empty,
    "subsetof": lambda left, right: all(_each(left, right)),
    "anyof": lambda left, right: any(_each(left, right)),
    "noneof": lambda left, right: isinstance(left, list) and not any(_each(left, right)),
}


class _Reading:
    def __init__(self, text: str, position: int, read_path: Reader) -> None:
        self._text = text
        self.position = position
        self._read_path = read_path

    def any_of(self, depth: int) -> Predicate:
        parts = [self._all_of(depth)]
        while self._take("||"):
            parts.append(self._all_of(depth))
        if len(parts) == 1:
            return parts[0]
        return lambda item, root: any(part(item, root) for part in parts)

    def _all_of(self, depth: int) -> Predicate:
        parts = [self._test(depth)]
        while self._take("&&"):
            parts.append(self._test(depth))
        if len(parts) == 1:
            return parts[0]
        return lambda item, root: all(part(item, root) for part in parts)

    def _test(self, depth: int) -> Predicate:
        if depth > _NESTED_MAX:
            raise ValueError(f"a filter is nested at most {_NESTED_MAX} deep")
        if self._take("!"):
            inner = self._test(depth + 1)
            return lambda item, root: not inner(item, root)
        if self._take("("):
            inner = self.any_of(depth + 1)
            self.expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        left = self._operand()
        self._skip()
        match = _OPERATOR.match(self._text, self.position)
        if match is None:
            return lambda item, root: bool(left(item, root))
        self.position = match.end()
        self._skip()
        if match[0] == "=~" and not self._text.startswith("/", self.position):
            raise ValueError(f"{self._text!r}: =~ needs a /regular expression/")
        right = self._operand()
        if match[0] == "!=":
            return lambda item, root: not _compare(same, left(item, root), right(item, root))
        holds = _OPERATORS[match[0]]
        return lambda item, root: _compare(holds, left(item, root), right(item, root))

    def _operand(self) -> Operand:
        self._skip()
        here = self._text[self.position : self.position + 1]
        if here and here in "@$":
            operand, self.position = self._read_path(self.position)
            return operand
        value = [self._list() if here == "[" else self._literal()]
        return lambda _item, _root: value

    def _list(self) -> list[Any]:
        self.expect("[")
        items: list[Any] = []
        while not self._take("]"):
            if items:
                self.expect(",")
            self._skip()
            items.append(self._literal())
        return items

    def _literal(self) -> Any:
        match = _LITERAL.match(self._text, self.position)
        if match is None:
            raise ValueError(f"{self._text!r}: cannot read {self._text[self.position :]!r}")
        self.position = match.end()
        if match["number"]:
            return written_number(match["number"])
        if match["word"]:
            return _WORDS[match["word"]]
        if match["text"]:
            return re.sub(r"\\(.)", r"\1", match["text"][1:-1])
        return _regex(match["regex"], match["flags"])

    def _skip(self) -> None:
        space = _SPACE.match(self._text, self.position)
        self.position = space.end() if space else self.position

    def _take(self, token: str) -> bool:
        self._skip()
        if not self._text.startswith(token, self.position):
            return False
        self.position += len(token)
        return True

    def expect(self, token: str) -> None:
        if not self._take(token):
            rest = self._text[self.position :] or "the end"
            raise ValueError(f"{self._text!r}: {token!r} is missing before {rest!r}")


def _compare(holds: Callable[[Any, Any], bool], left: list[Any], right: list[Any]) -> bool:
    if not left or not right:
        return not left and not right and holds is same
    return holds(left[0], right[0])


def _regex(pattern: str, flags: str) -> SchemaValidator:
    """Holds a whole text against the pattern, in time that grows with the text and no faster.

    Not `re`: the text is the sender's, and one that backtracks would hold up the whole worker.
    """
    whole = rf"\A(?{''.join(sorted(set(flags)))}:{pattern.replace(chr(92) + '/', '/')})\z"
    try:
        return SchemaValidator(
            core_schema.str_schema(pattern=whole, regex_engine="rust-regex", strict=True)
        )
    except SchemaError as error:
        why = str(error).strip().rpartition("error: ")[2]
        raise ValueError(f"/{pattern}/ is not a regular expression: {why}") from None
