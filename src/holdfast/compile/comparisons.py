"""Conditions of `choose` as the rules of a Choice state in JSONPath."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from holdfast.compile.spot import Spot, quoted
from holdfast.compile.values import choice
from holdfast.steps.step import Step, When
from holdfast.steps.values import Comparison, Compound, Condition, Field

Rule = dict[str, Any]

_KINDS: Final = {
    "string": "String",
    "numeric": "Numeric",
    "boolean": "Boolean",
    "timestamp": "Timestamp",
}
_NEVER: Final[Rule] = {"Variable": "$", "IsPresent": False}
"""Stands for a condition that is a mistake."""


def rule(spot: Spot, condition: Condition) -> Rule:
    """The condition as a rule without its Next; what is wrong with it is noted."""
    if isinstance(condition, Field):
        return {"Variable": condition.path, "BooleanEquals": True}
    if isinstance(condition, Comparison):
        return _comparison(spot, condition)
    if isinstance(condition, Compound):
        parts = [rule(spot, part) for part in condition.parts]
        return {condition.operator: parts[0] if condition.operator == "Not" else parts}
    spot.wrong(_no_condition(condition))
    return _NEVER


def _no_condition(value: object) -> str:
    if isinstance(value, When):
        return "a when(...) says itself where it leads; leave out then="
    if isinstance(value, Step) or callable(value):
        return "a step stands in the place of a condition; write then=..., or when(condition, step)"
    return f'{quoted(value)} is not a condition; write field("body.total") == 0, or expr("...")'


def _comparison(spot: Spot, asked: Comparison) -> Rule:
    variable = {"Variable": asked.field.path}
    if asked.test == "Matches":
        if not isinstance(asked.literal, str):
            spot.wrong(f'{quoted(asked.literal)} is not a pattern; write .matches("invoice.*")')
            return _NEVER
        return {**variable, "StringMatches": asked.literal}
    if asked.test.startswith("Is"):
        return {**variable, asked.test: True}
    return _between(spot, asked, variable)


def _between(spot: Spot, asked: Comparison, variable: Rule) -> Rule:
    """Equals, LessThan and the like, of the kind that both sides are of."""
    other, known = asked.literal, asked.field.kind
    if known is not None and choice(spot, known, tuple(_KINDS)) != known:
        return _NEVER
    found = other.kind if isinstance(other, Field) else _kind_of(spot, other, known)
    kind = known or found
    if isinstance(other, Field) and kind is None:
        spot.wrong(
            "two fields are compared, and nothing says what they are; "
            f'write field("...", "numeric"): {asked.field.path} and {other.path}'
        )
    if kind is None or (found is None and not isinstance(other, Field)):
        return _NEVER
    if found is not None and found != kind:
        spot.wrong(f"{asked.field.path} is said to be {kind}, but is compared with a {found}")
        return _NEVER
    if kind == "boolean" and asked.test != "Equals":
        spot.wrong(f"{asked.field.path}: of two booleans none is the greater one; write == or !=")
        return _NEVER
    operator = f"{_KINDS[kind]}{asked.test}"
    if isinstance(other, Field):
        return {**variable, f"{operator}Path": other.path}
    return {**variable, operator: other.isoformat() if isinstance(other, datetime) else other}


def _kind_of(spot: Spot, literal: object, known: str | None) -> str | None:
    if isinstance(literal, bool):
        return "boolean"
    if isinstance(literal, int | float):
        return "numeric"
    if isinstance(literal, str):
        return "timestamp" if known == "timestamp" else "string"
    if isinstance(literal, datetime):
        if literal.tzinfo is not None:
            return "timestamp"
        spot.wrong(f"{quoted(literal)} has no time zone; write datetime(..., tzinfo=UTC)")
        return None
    spot.wrong(
        f"nothing can be compared with {quoted(literal)}; "
        "texts, numbers, booleans, times with a zone and fields can"
    )
    return None
