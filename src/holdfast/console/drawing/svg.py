"""SVG as text, element by element. Whatever is put in is escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

from markupsafe import Markup, escape

ELLIPSIS: Final = "\N{HORIZONTAL ELLIPSIS}"

_NARROW: Final = frozenset("ijl.,;:'`|!()[]{}ftrI/\\ -")
_WIDE: Final = frozenset("mwMW@%" + ELLIPSIS)

Attribute = str | float | int | None


def element(name: str, *within: str | Markup, **attributes: Attribute) -> Markup:
    """One element. `class_` is written class, `data_at` data-at; None is left out; what is within
    and is no Markup is text."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(one if isinstance(one, Markup) else escape(clean(one)) for one in within)
    return Markup(f"<{name}{told}>{inner}</{name}>")  # noqa: S704 - put together from escaped parts


def joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def number(value: float) -> str:
    """At most two decimals, and no more characters than it needs."""
    told = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if told == "-0" else told


def clean(text: str) -> str:
    """Without what no document may hold, or what would turn the text around it: control characters,
    halves of surrogate pairs, marks of direction."""
    if text.isprintable():
        return text
    return "".join(_visible(one) for one in text)


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"


def _value(value: str | float) -> str:
    return str(escape(clean(value))) if isinstance(value, str) else number(value)


BOLD: Final = 1.13
"""How much wider a bold line is."""


def text_width(text: str, size: float) -> float:
    """About how wide a line in the interface's font is: nobody can measure before it is shown. As
    wide as the widest of the usual ones."""
    return sum(map(_width, text)) * size


def fitted(text: str, size: float, width: float) -> str:
    """As much of it as there is room for."""
    text = clean(text)
    if text_width(text, size) <= width:
        return text
    room, kept = width - text_width(ELLIPSIS, size), ""
    for character in text:
        room -= _width(character) * size
        if room < 0:
            break
        kept += character
    return kept.rstrip() + ELLIPSIS


def _width(character: str) -> float:
    if character in _NARROW:
        return 0.38
    if character in _WIDE:
        return 0.98
    if character.isascii():
        return 0.7 if character.isupper() else 0.62
    if unicodedata.combining(character):
        return 0.0
    return 1.05 if unicodedata.east_asian_width(character) in "WF" else 0.7
