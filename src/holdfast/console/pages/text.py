"""Text of strangers, made fit to be shown. Pure.

What cannot be seen, or would turn around or hide what stands beside it (control characters, marks of
direction, characters without width, halves of surrogate pairs), is shown as the escape that JSON has
for it. Everything that a template prints goes through `shown`, so that no page can forget it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from markupsafe import Markup, escape

_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
    "\ud800-\udfff]"
)

# Emoji are drawn in colour by this one, and it hides nothing.
_HARMLESS: Final = "\ufe0f"


LONGEST: Final = 16 * 1024
"""Characters of one text, wherever it is printed: a type may be a mebibyte, and a list has fifty."""


def visible(text: str) -> str:
    """With an escape for everything that would not be seen. Tabs and line breaks stay."""
    return _HIDDEN.sub(_escape, text)


def visible_markup(text: str) -> Markup:
    """The same as HTML, with the escapes marked as such."""
    if text.isascii() and text.isprintable():
        return escape(text)
    parts, at = [], 0
    for match in _HIDDEN.finditer(text):
        if match[0] == _HARMLESS:
            continue
        parts.append(escape(text[at : match.start()]))
        parts.append(Markup('<b class="esc">{}</b>').format(_escape(match)))
        at = match.end()
    parts.append(escape(text[at:]))
    return Markup("").join(parts)


def shown(value: Any) -> Any:
    """What a template prints: text as `visible` and not endlessly, nothing for None, the rest as it
    is."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return visible(short(value, LONGEST))
    return "" if value is None else value


def short(text: str | None, characters: int = 200) -> str:
    """The beginning of what is longer, said to be one."""
    if text is None or len(text) <= characters:
        return text or ""
    return f"{text[:characters]}… ({len(text) - characters:,} more)"


def verbatim(text: str) -> Markup:
    """Unchanged, for fields that are sent back; only what no page can hold is replaced."""
    return escape(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def header_text(value: str) -> str:
    """A header's bytes as the text that they mostly are."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] == _HARMLESS:
        return _HARMLESS
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\u{{{code:x}}}"
