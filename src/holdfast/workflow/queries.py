"""JSONata in a document: any JSON, in which a string `{% ... %}` is an expression.

An expression sees `$states`, the variables by name, and nothing else; what it gives must be JSON.
"""

from __future__ import annotations

import re
from random import Random
from typing import Any, Final

from holdfast.workflow import jsonata
from holdfast.workflow.failures import QUERY, StateFailure, as_json
from holdfast.workflow.paths import Context, Getter
from holdfast.workflow.sources import Source, unexpected
from holdfast.workflow.templates import Note, Selection, constant

_ASKS_CHANCE: Final = re.compile(r"\$(?:random|uuid|shuffle)\b")
_NO_CHANCE: Final = Random(0)
"""For all other expressions, which draw nothing from it."""

_ASKS_CONTEXT: Final = re.compile(r"\$states\s*(?!\s*\.\s*(?:input|result|errorOutput)\b)")


def is_query(value: Any) -> bool:
    """Whether it is an expression; `{%` and `%}` are the first and the last of it, no spaces."""
    return (
        isinstance(value, str)
        and len(value) >= 4
        and value.startswith("{%")
        and value.endswith("%}")
    )


def select_query(template: Any, field: str, note: Note) -> Selection:
    """The template with every expression in it evaluated. Its data is `$states`.

    What is wrong in it is told to `note`, everything at once, with the place below `field`.
    """
    before: list[str] = []
    get = _build(template, "", field, note, before)
    return Selection(get, from_data=None) if before else constant(template)


def _build(value: Any, place: str, field: str, note: Note, found: list[str]) -> Getter:
    if is_query(value):
        found.append(place)
        return _expression(value, place, field, note)
    before = len(found)
    if isinstance(value, dict):
        fields = [
            (key, _build(below, f"{place}.{key}", f"{field}/{key}", note, found))
            for key, below in value.items()
        ]
        if len(found) > before:
            return lambda states, context: {key: get(states, context) for key, get in fields}
    elif isinstance(value, list):
        items = [
            _build(item, f"{place}[{index}]", f"{field}[{index}]", note, found)
            for index, item in enumerate(value)
        ]
        if len(found) > before:
            return lambda states, context: [get(states, context) for get in items]
    return lambda _states, _context: value


def _expression(written: str, place: str, field: str, note: Note) -> Getter:
    text = written[2:-2].strip()
    try:
        expression = jsonata.compile(text)
    except jsonata.JsonataSyntaxError as error:
        note(place, f"{error} (at character {error.position})")
        return lambda _states, _context: None
    asks_context = _ASKS_CONTEXT.search(text) is not None
    asks_chance = _ASKS_CHANCE.search(text) is not None
    said = f"The JSONata expression '{text}' specified for the field '{field}'"

    def get(states: Any, context: Context) -> Any:
        seen = {**states, "context": context.object()} if asks_context else states
        chance = Random(context.draw()) if asks_chance else _NO_CHANCE
        given = {**context.variables, "states": seen}
        try:
            value = expression.evaluate(bindings=given, now_ms=context.now_ms, random=chance)
        except jsonata.UnsupportedResultError:
            raise StateFailure(
                QUERY, f"{said} returned an unsupported result type.", field
            ) from None
        except jsonata.QueryEvaluationError as error:
            cause = f"{said} threw an error during evaluation. {error}"
            raise StateFailure(QUERY, cause, field) from None
        if value is jsonata.UNDEFINED:
            raise StateFailure(QUERY, f"{said} returned nothing (undefined).", field)
        return value

    return get


def source(expression: Any, field: str, note: Note) -> Source:
    """An expression that stands for the value of a field."""
    get = select_query(expression, field, note).get
    text = expression[2:-2].strip() if is_query(expression) else as_json(expression)
    return Source(get, field, text, queries=True)


def condition(expression: Any, field: str, note: Note) -> Getter:
    """A Condition: whether an expression holds, which must say true or false."""
    given = source(expression, field, note)

    def holds(states: Any, context: Context) -> bool:
        value = given.get(states, context)
        if not isinstance(value, bool):
            raise unexpected(given.text, field, "boolean", value)
        return value

    return holds
