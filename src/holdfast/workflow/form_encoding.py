"""JSON as `application/x-www-form-urlencoded`, with AWS's four ways to write an array. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, get_args
from urllib.parse import quote

from holdfast.workflow.limits import compact

ArrayFormat = Literal["INDICES", "REPEAT", "COMMAS", "BRACKETS"]
ARRAY_FORMATS: Final = get_args(ArrayFormat)


def form_encoded(value: dict[str, Any], arrays: ArrayFormat) -> str:
    """`a=1&b%5Bc%5D=x`: objects within objects in brackets, a space as %20.

    INDICES `a[0]=x&a[1]=y`; REPEAT `a=x&a=y`; COMMAS `a=x,y`; BRACKETS `a[]=x&a[]=y`.
    """
    pairs = [pair for name, below in value.items() for pair in _pairs(name, below, arrays)]
    return "&".join(f"{escaped(name)}={escaped(text, safe=',')}" for name, text in pairs)


def escaped(text: str, *, safe: str = "") -> str:
    """Percent-encoded; what is no text (half a surrogate pair) becomes a question mark."""
    return quote(text, safe=safe, errors="replace")


def _pairs(name: str, value: Any, arrays: ArrayFormat) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _pairs(f"{name}[{key}]", below, arrays)
    elif isinstance(value, list):
        if arrays == "COMMAS" and not any(isinstance(item, dict | list) for item in value):
            yield name, ",".join(map(scalar, value))
            return
        for index, item in enumerate(value):
            yield from _pairs(_item_name(name, index, arrays), item, arrays)
    else:
        yield name, scalar(value)


def _item_name(name: str, index: int, arrays: ArrayFormat) -> str:
    if arrays == "BRACKETS":
        return f"{name}[]"
    return name if arrays == "REPEAT" else f"{name}[{index}]"


def scalar(value: Any) -> str:
    """A text as it is, null as nothing, anything else as JSON writes it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else compact(value).decode("utf-8", "replace")
