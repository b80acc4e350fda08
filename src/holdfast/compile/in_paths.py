"""A step's values in JSONPath."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from holdfast.compile.comparisons import rule
from holdfast.compile.languages import Fields, literal
from holdfast.compile.spot import Spot, quoted
from holdfast.steps.values import Field, Intrinsic, field


class Paths:
    """JSONPath: paths stand in fields of their own, or in templates under `"name.$"`."""

    def given(self, spot: Spot, value: Any) -> Fields:
        if value is None:
            return {}
        if isinstance(value, Field):
            return {} if value.path == "$" else {"InputPath": value.path}
        return {"Parameters": self._object(spot.under("input"), value)}

    def kept(self, spot: Spot, place: str | None, select: Any, output: Any) -> Fields:
        fields: Fields = {}
        if select is not None:
            fields["ResultSelector"] = self._object(spot.under("select"), select)
        return fields | _placed(place) | self.passed(spot, output)

    def caught(self, spot: Spot, place: str | None, output: Any) -> Fields:
        if output is not None:
            spot.under("output").wrong(
                "belongs to JSONata; in JSONPath, result= says where it goes"
            )
        return _placed(place)

    def passed(self, spot: Spot, output: Any) -> Fields:
        if output is None:
            return {}
        if isinstance(output, Field):
            return {"OutputPath": output.path}
        spot.under("output").wrong(
            f'{quoted(output)} is not a path; put(...) makes something new, output="body" narrows'
        )
        return {}

    def left(self, spot: Spot, output: Any) -> Fields:
        if output is not None:
            spot.under("output").wrong(
                "belongs to JSONata; in JSONPath, choose(output=...) says it"
            )
        return {}

    def put(self, spot: Spot, place: str, value: Any, output: Any) -> Fields:
        fields: Fields
        if isinstance(value, Field):
            fields = {"InputPath": value.path}
        elif isinstance(value, Intrinsic):
            spot.under("value").wrong(
                'a function stands in an object: put("order", {"text": intrinsic(...)})'
            )
            fields = {}
        elif isinstance(value, Mapping) and _refers(value):
            fields = {"Parameters": self._object(spot.under("value"), value)}
        elif isinstance(value, list | tuple) and _refers(value):
            spot.under("value").wrong(
                'a list with fields in it stands in an object: put("order", {"ids": [...]})'
            )
            fields = {}
        else:
            fields = {"Result": literal(value)}
        return fields | _placed(place) | self.passed(spot, output)

    def assigned(self, spot: Spot, variables: Any) -> Fields:
        return {"Assign": self._object(spot.under("assign"), variables)}

    def amount(self, spot: Spot, name: str, value: Any) -> Fields:
        if isinstance(value, Field):
            return {f"{name}Path": value.path}
        if isinstance(value, Intrinsic):
            return {f"{name}Path": _call(spot, value)}
        return {name: literal(value)}

    def items(self, spot: Spot, value: Any) -> Fields:
        if isinstance(value, Field):
            return {} if value.path == "$" else {"ItemsPath": value.path}
        spot.under("items").wrong(f'{quoted(value)} is not the path of a list; write "body.lines"')
        return {}

    def item(self, spot: Spot, value: Any) -> Fields:
        return {} if value is None else {"ItemSelector": self._object(spot.under("item"), value)}

    def rule(self, spot: Spot, condition: Any) -> Fields:
        return rule(spot, condition)

    def _object(self, spot: Spot, value: Any) -> Any:
        """A payload template; what is no object at all is the language's to refuse."""
        if isinstance(value, Intrinsic | Field):
            spot.wrong('a path or a function stands in an object here: {"name": field("...")}')
            return {}
        return _template(spot, value)


def _template(spot: Spot, value: Any) -> Any:
    if isinstance(value, Mapping):
        made = {}
        for name, below in value.items():
            text = _reference(spot, below)
            if text is None or not isinstance(name, str):
                made[name] = _template(spot, below)
            else:
                made[f"{name}.$"] = text
        return made
    if isinstance(value, list | tuple):
        return [_template(spot, below) for below in value]
    return literal(value)


def _reference(spot: Spot, value: Any) -> str | None:
    """A path or a function as text. A list with one in it is the function that makes a list."""
    if isinstance(value, Field):
        return value.path
    if isinstance(value, Intrinsic):
        return _call(spot, value)
    if isinstance(value, list | tuple) and any(isinstance(one, Field | Intrinsic) for one in value):
        return _call(spot, Intrinsic("States.Array", tuple(value)))
    return None


def _call(spot: Spot, function: Intrinsic) -> str:
    first = function.name == "States.Format"
    arguments = []
    for value in function.arguments:
        arguments.append(_argument(spot, value, template=first))
        first = False
    return f"{function.name}({', '.join(arguments)})"


def _argument(spot: Spot, value: Any, *, template: bool) -> str:
    """`template`: the first argument of States.Format, where a backslash has its own meaning."""
    text = _reference(spot, value)
    if text is not None:
        return text
    if isinstance(value, str):
        return "'" + (_TEMPLATE if template else _TEXT).sub(_escaped, value) + "'"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return _call(spot, Intrinsic("States.Array", tuple(value)))
    spot.wrong(f"{quoted(value)} cannot stand in a function, or beside a path in a list")
    return "null"


_TEXT: Final = re.compile(r"[\\']")
_TEMPLATE: Final = re.compile(r"\\[\\{}']|[\\']")
"""In the template of States.Format a backslash before one of these is an escape already."""


def _escaped(found: re.Match[str]) -> str:
    return found[0] if len(found[0]) == 2 else "\\" + found[0]


def _refers(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_refers, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_refers, value))
    return isinstance(value, Field | Intrinsic)


def _placed(place: str | None) -> Fields:
    """Nothing said: the data goes on. The language itself would have the result replace it."""
    if place is None:
        return {"ResultPath": None}
    path = field(place).path
    return {} if path == "$" else {"ResultPath": path}
