"""What the fields of a step may hold beside plain JSON: paths, functions, expressions, conditions.

They are written down, not judged: `holdfast.compile` says what is wrong with them, and where.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Never

Kind = Literal["string", "numeric", "boolean", "timestamp"]


class Condition:
    """Whether something holds: what `choose` asks. `&` is and, `|` or, `~` not."""

    __slots__ = ()

    def __and__(self, other: Condition) -> Condition:
        return _joined("And", self, other)

    def __or__(self, other: Condition) -> Condition:
        return _joined("Or", self, other)

    def __invert__(self) -> Condition:
        return Compound("Not", (self,))

    def __bool__(self) -> Never:
        raise TypeError(
            "a condition is asked when the workflow runs; write & for and, | for or, ~ for not, "
            "each comparison in parentheses"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Comparison(Condition):
    """One field held against one thing. `test` is `Equals`, `LessThan`, ..., `IsPresent`, ..."""

    field: Field
    test: str
    literal: Any


@dataclass(frozen=True, slots=True, eq=False)
class Compound(Condition):
    """Conditions joined by `And` or `Or`, or one of them under `Not`."""

    operator: Literal["And", "Or", "Not"]
    parts: tuple[Condition, ...]


def _joined(operator: Literal["And", "Or"], left: Condition, right: Condition) -> Condition:
    """`a & b & c` is one And of three."""
    if not isinstance(right, Condition):
        return NotImplemented
    parts: list[Condition] = []
    for one in (left, right):
        if isinstance(one, Compound) and one.operator == operator:
            parts += one.parts
        else:
            parts.append(one)
    return Compound(operator, tuple(parts))


@dataclass(frozen=True, slots=True, eq=False)
class Field(Condition):  # noqa: PLW1641 - == makes a condition, so it is no key of a mapping
    """A place in the data that a step is given, as a JSONPath; as a condition, that it is true."""

    path: str
    kind: Kind | None = None

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]  # the point of it
        return self.is_null() if other is None else Comparison(self, "Equals", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]  # the point of it
        return ~(self == other)

    def __lt__(self, other: Any) -> Condition:
        return Comparison(self, "LessThan", other)

    def __le__(self, other: Any) -> Condition:
        return Comparison(self, "LessThanEquals", other)

    def __gt__(self, other: Any) -> Condition:
        return Comparison(self, "GreaterThan", other)

    def __ge__(self, other: Any) -> Condition:
        return Comparison(self, "GreaterThanEquals", other)

    def matches(self, pattern: str) -> Condition:
        r"""A string of this form: `*` stands for any characters, `\*` for a star."""
        return Comparison(self, "Matches", pattern)

    def is_present(self) -> Condition:
        """Every other comparison fails the execution where the field is missing."""
        return Comparison(self, "IsPresent", literal=True)

    def is_null(self) -> Condition:
        return Comparison(self, "IsNull", literal=True)

    def is_string(self) -> Condition:
        return Comparison(self, "IsString", literal=True)

    def is_numeric(self) -> Condition:
        return Comparison(self, "IsNumeric", literal=True)

    def is_boolean(self) -> Condition:
        return Comparison(self, "IsBoolean", literal=True)

    def is_timestamp(self) -> Condition:
        return Comparison(self, "IsTimestamp", literal=True)


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """A call of one of the language's own functions."""

    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Expr:
    """A JSONata expression, without the `{% %}` around it."""

    text: str


def field(path: str, kind: Kind | None = None) -> Field:
    """A place in the data: `field("body.total")` is the JSONPath `$.body.total`.

    A path that begins with `$` is taken as it is: `$` the whole, `$$.Execution.Id` of the context
    object, `$total` a variable. `kind` says what is compared where neither side of a comparison
    is a literal, or where texts are to be compared as timestamps.
    """
    return Field(_rooted(path), kind)


def _rooted(path: str) -> str:
    if not isinstance(path, str) or path.startswith("$"):
        return path
    return f"${path}" if path.startswith("[") else f"$.{path}"


def intrinsic(name: str, *arguments: Any) -> Intrinsic:
    """`intrinsic("States.Format", "order {}", field("body.id"))`: a function of the language."""
    return Intrinsic(name, arguments)


def expr(text: str) -> Expr:
    """A JSONata expression: `expr("$states.input.body.total * 1.19")`; `{% %}` may stand around it.

    The step that has one is written in JSONata as a whole.
    """
    if isinstance(text, str) and is_wrapped(text):
        return Expr(text[2:-2].strip())
    return Expr(text)


def is_wrapped(text: str) -> bool:
    """Whether the text is an expression as documents have it."""
    return len(text) >= 4 and text.startswith("{%") and text.endswith("%}")
