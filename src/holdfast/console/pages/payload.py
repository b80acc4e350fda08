"""Bodies and values, drawn: indented, coloured, and no character of them changed. Pure.

JSON is laid out from its own text, token by token, and never from what a parser made of it: numbers
keep their digits, keys their order and their doubles. A key in front of a single value leads to the
events that have the same value there.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlencode

from markupsafe import Markup

from holdfast.console.pages.text import visible_markup
from holdfast.console.problems import encoded

Kind = Literal["empty", "json", "form", "text", "binary"]

HEX_BYTES: Final = 4_096
"""Of what is no text, as much is shown."""

TOKENS_MAX: Final = 60_000
"""Of a mebibyte of ones and commas, a page would have to hold half a million pieces."""

LINKS_MAX: Final = 200
"""Keys that lead to the like of theirs; further down nobody follows them, and each is long."""

_DEPTH_MAX: Final = 256
_INDENT_MAX: Final = 32
_LINK_CHARACTERS: Final = 200
_LISTED: Final = re.compile(r"\[\d+\]")

_TOKEN: Final = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*")|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null)"""
    r"""|(?P<open>[{\[])|(?P<close>[}\]])|(?P<comma>,)|(?P<colon>:)|(?P<space>\s+)""",
    re.DOTALL,
)

# The class of a token of a kind. Short, since a body has thousands of them.
_CLASSES: Final[Mapping[str, str]] = {"string": "s", "number": "n", "word": "w", "key": "k"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """`cut`: there is more than is drawn."""

    kind: Kind
    text: Markup
    cut: bool = False


def body(found: Mapping[str, Any], *, raw: bool = False, webhook: str | None = None) -> Drawn:
    """A body as the API tells it (`body` or `body_base64`). `raw`: as it came, not laid out."""
    if found["body"] is None:
        content = base64.b64decode(found["body_base64"] or "")
        return binary(content) if content else Drawn("empty", Markup(""))
    return drawn_text(found["body"], raw=raw, webhook=webhook)


def drawn_text(text: str, *, raw: bool = False, webhook: str | None = None) -> Drawn:
    """JSON laid out, forms as their fields, anything else as it is."""
    if not text.strip():
        return Drawn("empty", visible_markup(text))
    if text.lstrip()[:1] in ("{", "[", '"') and _is_json(text):
        laid = None if raw else _laid_out(text, webhook)
        return Drawn("json", visible_markup(text) if laid is None else laid)
    if not raw and (fields := _form(text)):
        return Drawn("form", fields)
    return Drawn("text", visible_markup(text))


def beginning(content: bytes, limit: int) -> Drawn:
    """As much as fits of a body that is too long to be laid out, as it came."""
    try:
        text = content[:limit].decode("utf-8", "ignore" if _is_text(content[:limit]) else "strict")
    except UnicodeDecodeError:
        return binary(content)
    return Drawn("text", visible_markup(text), len(content) > limit)


def _is_text(content: bytes) -> bool:
    """But for a character that was cut in two."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(content) - 3
    return True


def binary(content: bytes) -> Drawn:
    """As its bytes, sixteen a line."""
    lines = []
    for at in range(0, min(len(content), HEX_BYTES), 16):
        row = content[at : at + 16]
        signs = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        pairs = " ".join(f"{byte:02x}" for byte in row)
        line = Markup("<i class=n>{:08x}</i>  {:<47}  <i class=s>{}</i>")
        lines.append(line.format(at, pairs, signs))
    return Drawn("binary", Markup("\n").join(lines), len(content) > HEX_BYTES)


def value(found: Any) -> Markup:
    """A value of a state, as JSON laid out."""
    text = encoded(found).decode("utf-8", "replace")
    return _laid_out(text, None) or visible_markup(text)


def _is_json(text: str) -> bool:
    try:
        # Numbers are not looked into; what JSON has not (NaN) is none.
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _form(text: str) -> Markup | None:
    """A form's fields, one a line; None where it is no form."""
    if not re.fullmatch(r"[\w.~*+%\[\]$:@!'()/-]+=[^\s]*", text, re.ASCII):
        return None
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return None
    line = Markup("{} = {}")
    return Markup("\n").join(
        line.format(_painted("key", name), _painted("string", given)) for name, given in pairs
    )


def _painted(kind: str, text: str) -> Markup:
    # Each part is markup of ours, or escaped; formatting it as such would take five times as long.
    return Markup(f"<i class={_CLASSES[kind]}>{visible_markup(text)}</i>")  # noqa: S704 - as said


@dataclass(slots=True)
class _Place:
    """Within one object or list."""

    listing: bool
    path: str | None
    """Up to here; None where it cannot be written."""
    count: int = 0
    key: str | None = None


def _laid_out(text: str, webhook: str | None) -> Markup | None:
    """One member a line. None where it is nested too deeply, or has too many of them, to be read
    like that."""
    parts: list[str] = []
    places: list[_Place] = []
    links = 0
    found = list(islice(_tokens(text), TOKENS_MAX + 1))
    if len(found) > TOKENS_MAX or sum(len(told) for _, told in found) != len(text):
        return None
    tokens = [(kind, told) for kind, told in found if kind != "space"]
    for at, (kind, told) in enumerate(tokens):
        following = tokens[at + 1] if at + 1 < len(tokens) else ("", "")
        if kind == "open":
            if len(places) >= _DEPTH_MAX:
                return None
            parts.append(told)
            places.append(_Place(told == "[", _path(places)))
            if following[0] != "close":
                parts.append(_break(places))
        elif kind == "close":
            places.pop()
            if tokens[at - 1][0] != "open":
                parts.append(_break(places))
            parts.append(told)
        elif kind == "comma":
            places[-1].count += 1
            parts.append("," + _break(places))
        elif kind == "colon":
            parts.append(": ")
        elif kind == "string" and following[0] == "colon":
            places[-1].key = told
            single = tokens[at + 2] if at + 2 < len(tokens) else ("", "")
            href = _link(_path(places), single, webhook) if links < LINKS_MAX else None
            links += href is not None
            parts.append(_key(told, href))
        else:
            parts.append(_painted(kind, told))
    return Markup("".join(parts))  # noqa: S704 - each part is markup of ours, or escaped


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(text):
        yield match.lastgroup or "", match[0]


def _break(places: list[_Place]) -> str:
    return "\n" + "  " * min(len(places), _INDENT_MAX)


def _key(told: str, href: str | None) -> Markup:
    if href is None:
        return _painted("key", told)
    # Out of the order of tabs: there may be hundreds.
    linked = Markup('<a class=k href="{}" tabindex=-1>{}</a>')
    return linked.format(href, visible_markup(told))


def _path(places: list[_Place]) -> str | None:
    """Where one is, as a path that can be searched for."""
    if not places:
        return ""
    place = places[-1]
    if place.path is None:
        return None
    if place.listing:
        return f"{place.path}[{place.count}]"
    key = json.loads(place.key or '""')
    if re.fullmatch(r"[\w-]+", key):
        return f"{place.path}.{key}" if place.path else key
    if "'" in key or "=" in key or not key.isprintable():
        return None
    return f"{place.path}['{key}']"


def _link(path: str | None, token: tuple[str, str], webhook: str | None) -> str | None:
    """To the events that have the same at the same place; the place in a list does not matter."""
    kind, told = token
    if not webhook or not path or kind not in ("string", "number", "word"):
        return None
    given = json.loads(told) if kind == "string" else told
    where = _LISTED.sub("[*]", path) + f"={given}"
    if len(where) > _LINK_CHARACTERS or not given or not where.isprintable():
        return None
    return "/events?" + urlencode({"webhook": webhook, "where": where})
