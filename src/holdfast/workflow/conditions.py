"""Reads the rules of a Choice state into conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from holdfast.workflow.choice import (
    OPERATORS,
    Condition,
    all_of,
    any_of,
    compare,
    compare_path,
    literal_is_valid,
    negation,
)
from holdfast.workflow.fields import Fields
from holdfast.workflow.paths import compile_getter
from holdfast.workflow.states import Rule

_COMPOUND: Final = ("And", "Or", "Not")
_DEPTH: Final = 50
"""Deeper nesting is nobody's intention, and Python's own stack ends somewhere too."""


def read_choices(fields: Fields, known: Callable[[Fields, str, str], None]) -> list[Rule]:
    """The rules in order. `known` notes a mistake where the state it names does not exist."""
    rules = []
    for rule in fields.objects("Choices", required=True):
        rule.string("Comment")
        rule.refuse(("Assign",), "variables are not supported yet")
        following = rule.string("Next", required=True)
        if following is not None:
            known(rule, "Next", following)
        condition = _condition(rule, 0)
        rule.close()
        if condition is not None:
            rules.append(Rule(condition, following or ""))
    return rules


def _condition(fields: Fields, depth: int) -> Condition | None:
    if depth > _DEPTH:
        fields.mistake("", f"is nested more than {_DEPTH} deep")
        return None
    fields.refuse(("Condition",), "belongs to JSONata, which is not supported yet")
    given = [name for name in fields.value if name in OPERATORS or name in _COMPOUND]
    if len(given) != 1:
        several = f"has several operators: {', '.join(given)}"
        fields.mistake("", several if given else "needs an operator")
        for name in (*given, "Variable"):
            fields.raw(name)
        return None
    name = given[0]
    if name in _COMPOUND:
        return _compound(fields, name, depth)
    return _comparison(fields, name)


def _compound(fields: Fields, name: str, depth: int) -> Condition | None:
    if name == "Not":
        inner = fields.object(name)
        parts = [] if inner is None else [inner]
    else:
        parts = fields.objects(name, required=True)
    conditions = []
    for part in parts:
        part.refuse(("Next",), "belongs to the rule, not to a part of its condition")
        part.string("Comment")
        condition = _condition(part, depth + 1)
        part.close()
        if condition is not None:
            conditions.append(condition)
    if not conditions:
        return None
    if name == "Not":
        return negation(conditions[0])
    return all_of(conditions) if name == "And" else any_of(conditions)


def _comparison(fields: Fields, name: str) -> Condition | None:
    path = fields.path("Variable")
    fields.need("Variable")
    variable = None if path is None else compile_getter(path)
    if name.endswith("Path"):
        other = fields.path(name)
        if variable is None or other is None:
            return None
        return compare_path(name, variable, compile_getter(other))
    literal = fields.raw(name)
    if not literal_is_valid(name, literal):
        fields.mistake(name, f"cannot compare with {literal!r}")
        return None
    return None if variable is None else compare(name, variable, literal)
