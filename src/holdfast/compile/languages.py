"""The two query languages: how each writes what the fields of a step hold.

A step is written in JSONPath, unless it has an expression in it: then in JSONata as a whole. Either
language gives the fields of a state; what cannot be said in it is noted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

from holdfast.compile.spot import Spot
from holdfast.steps.values import (
    Comparison,
    Compound,
    Expr,
    Field,
    Intrinsic,
    is_wrapped,
)

Fields = dict[str, Any]
"""Some of the fields of a state."""


class Language(Protocol):
    """One of the two. Where nothing is said, the data goes on through a state as it came."""

    def given(self, spot: Spot, value: Any) -> Fields:
        """What the state is given to work on."""

    def kept(self, spot: Spot, place: str | None, select: Any, output: Any) -> Fields:
        """What becomes of its result, at that place of the data, and what goes on."""

    def caught(self, spot: Spot, place: str | None, output: Any) -> Fields:
        """The same of an error."""

    def passed(self, spot: Spot, output: Any) -> Fields:
        """What goes on where there is no result."""

    def left(self, spot: Spot, output: Any) -> Fields:
        """What goes on by one rule of a Choice."""

    def put(self, spot: Spot, place: str, value: Any, output: Any) -> Fields:
        """A value put into the data."""

    def assigned(self, spot: Spot, variables: Any) -> Fields:
        """Variables."""

    def amount(self, spot: Spot, name: str, value: Any) -> Fields:
        """A number, a timestamp or a text: itself, or from the data."""

    def items(self, spot: Spot, value: Any) -> Fields:
        """The list that a Map goes over."""

    def item(self, spot: Spot, value: Any) -> Fields:
        """What each item is made into."""

    def rule(self, spot: Spot, condition: Any) -> Fields:
        """A rule of a Choice, without its Next."""


def language_of(values: Iterable[Any]) -> Literal["JSONPath", "JSONata", "both"]:
    """In which language these values are written, JSONPath where that is all the same."""
    queries, paths = False, False
    for leaf in _leaves(tuple(values)):
        queries |= is_query(leaf)
        paths |= isinstance(leaf, Field | Intrinsic)
    if queries and paths:
        return "both"
    return "JSONata" if queries else "JSONPath"


def is_query(value: Any) -> bool:
    """Whether it is an expression, by `expr(...)` or as text `{% ... %}`."""
    return isinstance(value, Expr) or (isinstance(value, str) and is_wrapped(value))


def text_of(query: Any) -> str:
    """The expression alone."""
    return query.text if isinstance(query, Expr) else query[2:-2].strip()


def literal(value: Any) -> Any:
    """A value that stands for itself."""
    return value.isoformat() if isinstance(value, datetime) else value


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for below in value.values():
            yield from _leaves(below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from _leaves(below)
    elif isinstance(value, Comparison):
        yield value.field
        yield value.literal
    elif isinstance(value, Compound):
        yield from _leaves(value.parts)
    else:
        yield value
