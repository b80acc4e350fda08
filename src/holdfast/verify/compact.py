"""JSON as it is written: one member's own text, and the same without white space.

Whoever signs a part of a document signs its letters. Parsing and writing it anew would change some:
`1.10` becomes `1.1`, and `\\u00e9` an é.

Anybody can send a body, before any signature is judged. So what is walked through in Python has a
bound, and what has none is left to the parser's C.
"""

from __future__ import annotations

import re
from json import JSONDecoder
from typing import Final

_SIGNIFICANT: Final = re.compile(rb'(?:[^" \t\r\n]++|"(?:[^"\\]++|\\.)*+"?)++', re.DOTALL)
"""As much as stands together. A text that does not end is all the rest: read anew from each of its
quotation marks, a body full of them would take hours."""
_SPACE: Final = re.compile(r"[ \t\r\n]*")

_MEMBERS_MAX: Final = 1_000
"""Of the object or the list in which one is looked for: as many as a form may have fields."""

_JSON: Final = JSONDecoder(parse_int=str, parse_float=str)
"""Tells where a value ends. No number is made of its digits, of which there may be a million."""


def compact(data: bytes) -> bytes:
    """JSON without the white space between its tokens."""
    return b"".join(_SIGNIFICANT.findall(data))


def member(data: bytes, path: str) -> bytes | None:
    """The text of what stands at `path`, names and positions joined by dots; None: nowhere.

    `data` need not be JSON: then nothing in particular is found.
    """
    text = data.decode("utf-8", "surrogateescape")
    begin, end = 0, len(text)
    try:
        for step in path.split("."):
            begin, end = _child(text, begin, step)
    except (LookupError, ValueError, RecursionError):
        return None
    return text[begin:end].encode("utf-8", "surrogateescape")


def _child(text: str, at: int, step: str) -> tuple[int, int]:
    """Where the named member, or the item at that position, of the value at `at` is written.

    Of a repeated name the last stands, as with JSON parsers. Raises LookupError where there is none,
    or one of too many; ValueError or RecursionError where the parser cannot read it.
    """
    at = _past_space(text, at)
    listed = text[at] == "["
    if not listed and text[at] != "{":
        raise LookupError(step)
    found: tuple[int, int] | None = None
    for position in range(_MEMBERS_MAX):
        at = _past_space(text, at + 1)
        name = str(position)
        if not listed:
            name, at = _JSON.raw_decode(text, at)
            at = _past_space(text, _past_space(text, at) + 1)  # beyond the colon
        _, end = _JSON.raw_decode(text, at)
        if name == step:
            found = (at, end)
        at = _past_space(text, end)
        if text[at] != "," or (listed and found):
            break
    else:
        raise LookupError(step)
    if found is None:
        raise LookupError(step)
    return found


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
