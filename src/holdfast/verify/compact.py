"""JSON as it is written: one member's own text, and the same without white space.

Whoever signs a part of a document signs its letters. Parsing and writing it anew would change some:
`1.10` becomes `1.1`, and `\\u00e9` an é.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

import orjson

_TEXT: Final = rb'"(?:[^"\\]++|\\.)*+"?'
"""A text, or the rest of the body where it does not end: what was read once is not read again from
its next quotation mark, which of a body full of them would take hours."""

_TOKEN: Final = re.compile(_TEXT + rb"|[][{},:]", re.DOTALL)
"""What gives a document its shape; numbers and words are between."""
_OPENING: Final = (b"[", b"{")
_CLOSING: Final = (b"]", b"}")
_INSIGNIFICANT: Final = re.compile(rb"(" + _TEXT + rb")|[ \t\r\n]+", re.DOTALL)


def compact(data: bytes) -> bytes:
    """JSON without the white space between its tokens."""
    return _INSIGNIFICANT.sub(lambda found: found[1] or b"", data)


def member(data: bytes, path: str) -> bytes | None:
    """The text of what stands at `path`, names and positions joined by dots; None: nowhere.

    `data` need not be JSON: then nothing in particular is found.
    """
    span = (0, len(data))
    for step in path.split("."):
        found = _child(data, span, step)
        if found is None:
            return None
        span = found
    return data[span[0] : span[1]].strip()


def _child(data: bytes, span: tuple[int, int], step: str) -> tuple[int, int] | None:
    """Where the named member, or the item at that position, of the value in `span` is written.

    Of a repeated name the last stands, as with JSON parsers.
    """
    wanted = step.encode("utf-8", "surrogatepass")
    found: tuple[int, int] | None = None
    depth, position, begin = 0, 0, -1
    key, listed = b"", False
    for token in _TOKEN.finditer(data, *span):
        text = token[0]
        if text in _OPENING:
            depth += 1
            if depth == 1:
                listed, begin = text == b"[", token.end() if text == b"[" else -1
            continue
        if depth == 1 and (text in _CLOSING or text == b","):
            name = str(position).encode() if listed else key
            if name == wanted and begin >= 0 and data[begin : token.start()].strip():
                found = (begin, token.start())
            position, begin, key = position + 1, token.end() if listed else -1, b""
        elif depth == 1 and text == b":" and not listed:
            begin = token.end()
        elif depth == 1 and begin < 0 and text.startswith(b'"'):
            key = _name(text)
        if text in _CLOSING:
            depth -= 1
            if depth == 0:
                return found
    return found


def _name(text: bytes) -> bytes:
    """A name as a JSON parser reads it: escapes must not hide that it is given twice."""
    if b"\\" in text:
        with suppress(ValueError):
            return str(orjson.loads(text)).encode("utf-8", "surrogatepass")
    return text[1:-1]
