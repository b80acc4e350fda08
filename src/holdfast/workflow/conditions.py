"""Reads the rules of a Choice state into conditions."""

from __future__ import annotations

from typing import Final

from holdfast.workflow import queries
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
from holdfast.workflow.misses import in_condition
from holdfast.workflow.paths import compile_getter
from holdfast.workflow.shaping import Known, Tongue
from holdfast.workflow.states import Rule, Shaping

_COMPOUND: Final = ("And", "Or", "Not")
_DEPTH: Final = 50
"""Deeper nesting is nobody's intention, and Python's own stack ends somewhere too."""


def read_choices(fields: Fields, tongue: Tongue, state: Shaping, known: Known) -> list[Rule]:
    """The rules in order; `state` is how data flows through the Choice itself."""
    rules = []
    for index, rule in enumerate(fields.objects("Choices", required=True)):
        within = f"Choices[{index}]/"
        rule.string("Comment")
        shaping = tongue.rule(rule, state, within)
        following = rule.string("Next", required=True)
        if following is not None:
            known(rule, "Next", following)
        condition = _query(rule, within) if tongue.queries else _condition(rule, 0)
        rule.close()
        if condition is not None:
            rules.append(Rule(condition, following or "", shaping))
    return rules


def _query(fields: Fields, within: str) -> Condition | None:
    foreign = tuple(name for name in fields.value if name in OPERATORS or name in _COMPOUND)
    fields.refuse((*foreign, "Variable"), "belongs to JSONPath; this state is in JSONata")
    value = fields.raw("Condition")
    if "Condition" not in fields:
        fields.need("Condition")
        return None
    if not isinstance(value, bool) and not queries.is_query(value):
        fields.mistake("Condition", "must be a JSONata expression, {% ... %}")
        return None
    return queries.condition(value, f"{within}Condition", fields.note("Condition"))


def _condition(fields: Fields, depth: int) -> Condition | None:
    if depth > _DEPTH:
        fields.mistake("", f"is nested more than {_DEPTH} deep")
        return None
    fields.refuse(("Condition",), "belongs to JSONata; this state is in JSONPath")
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
        part.refuse(("Next", "Assign"), "belongs to the rule, not to a part of its condition")
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
    variable = None if path is None else compile_getter(path, in_condition)
    if name.endswith("Path"):
        other = fields.path(name)
        if variable is None or other is None:
            return None
        return compare_path(name, variable, compile_getter(other, in_condition))
    literal = fields.raw(name)
    if not literal_is_valid(name, literal):
        fields.mistake(name, f"cannot compare with {literal!r}")
        return None
    return None if variable is None else compare(name, variable, literal)
