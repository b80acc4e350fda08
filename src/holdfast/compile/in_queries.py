"""A step's values in JSONata."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from holdfast.compile.languages import Fields, is_query, literal, text_of
from holdfast.compile.spot import Spot, quoted

_INPUT: Final = "$states.input"
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


class Queries:
    """JSONata: expressions `{% ... %}`, in any field, that see `$states`."""

    def given(self, spot: Spot, value: Any) -> Fields:
        return {} if value is None else {"Arguments": _template(value)}

    def kept(self, spot: Spot, place: str | None, select: Any, output: Any) -> Fields:
        if output is not None:
            if select is not None or place not in (None, "$"):
                spot.under("output").wrong("says all that goes on; leave out result= and select=")
            return {"Output": _template(output)}
        if place == "$":
            return {} if select is None else {"Output": _template(select)}
        result = "$states.result" if select is None else _text(spot.under("select"), select)
        return {"Output": _merged(spot.under("result"), place, result)}

    def caught(self, spot: Spot, place: str | None, output: Any) -> Fields:
        if output is not None:
            return {"Output": _template(output)}
        if place == "$":
            return {}
        return {"Output": _merged(spot.under("result"), place, "$states.errorOutput")}

    def passed(self, spot: Spot, output: Any) -> Fields:
        return {} if output is None else {"Output": _template(output)}

    def left(self, spot: Spot, output: Any) -> Fields:
        return self.passed(spot, output)

    def put(self, spot: Spot, place: str, value: Any, output: Any) -> Fields:
        if output is not None:
            spot.under("output").wrong('leave it out, and write put("$", ...): all that goes on')
        if place == "$":
            return {"Output": _template(value)}
        return {"Output": _merged(spot.under("at"), place, _text(spot.under("value"), value))}

    def assigned(self, spot: Spot, variables: Any) -> Fields:
        return {"Assign": _template(variables)}

    def amount(self, spot: Spot, name: str, value: Any) -> Fields:
        return {name: _template(value)}

    def items(self, spot: Spot, value: Any) -> Fields:
        return {"Items": _template(value)}

    def item(self, spot: Spot, value: Any) -> Fields:
        return {} if value is None else {"ItemSelector": _template(value)}

    def rule(self, spot: Spot, condition: Any) -> Fields:
        if is_query(condition):
            return {"Condition": _template(condition)}
        if not isinstance(condition, bool):
            spot.wrong(f'{quoted(condition)} is not a condition; write expr("$states.input.ok")')
        return {"Condition": condition is True}


def _template(value: Any) -> Any:
    """JSON with its expressions as the language writes them."""
    if is_query(value):
        return f"{{% {text_of(value)} %}}"
    if isinstance(value, Mapping):
        return {name: _template(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [_template(below) for below in value]
    return literal(value)


def _text(spot: Spot, value: Any) -> str:
    """The whole template as one expression."""
    if is_query(value):
        return text_of(value)
    if isinstance(value, Mapping):
        pairs = (f"{_json(spot, str(name))}: {_text(spot, part)}" for name, part in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(spot, part) for part in value)}]"
    return _json(spot, literal(value))


def _json(spot: Spot, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        spot.wrong(f"holds something that is not JSON: {error}")
        return "null"


def _merged(spot: Spot, place: str | None, value: str) -> str:
    """The expression for the input with the value at that place, `payment` or `order.payment`."""
    if place is None:
        return f"{{% {_INPUT} %}}"
    names = place.removeprefix("$.").split(".") if isinstance(place, str) else []
    if not names or not all(map(_NAME.fullmatch, names)):
        spot.wrong(
            f'{quoted(place)}: beside expr(...), a place is names with dots, "order.payment"'
        )
        return f"{{% {_INPUT} %}}"
    for depth in range(len(names) - 1, -1, -1):
        there = ".".join((_INPUT, *names[:depth]))
        value = f'$merge([{there}, {{"{names[depth]}": {value}}}])'
    return f"{{% {value} %}}"
