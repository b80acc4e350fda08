"""Fields of a form: URL-encoded, or multipart as browsers and some senders write it."""

from __future__ import annotations

import re
from email.message import Message
from itertools import islice, pairwise
from typing import Final
from urllib.parse import parse_qsl

FORM_TYPE: Final = "application/x-www-form-urlencoded"

_FIELDS_MAX: Final = 1_000
"""As many as Django allows; more is no event of anybody's."""

_PARTS_MAX: Final = _FIELDS_MAX + 2
"""Boundaries, the last one among them."""
_HEAD: Final = re.compile(rb"\r?\n((?:[^\r\n]{1,1024}\r?\n){1,16})\r?\n")
"""The headers of a part, of a sane size, behind the line of its boundary."""
_PLAIN: Final = ("7bit", "8bit", "binary")


def is_multipart(content_type: str | None) -> bool:
    return _media_type(content_type).startswith("multipart/")


def is_form(content_type: str | None) -> bool:
    """Whether it says that the body is a form, or says nothing at all."""
    return _media_type(content_type) in ("", FORM_TYPE) or is_multipart(content_type)


def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()


def form_fields(content_type: str | None, body: bytes) -> list[tuple[str, str]]:
    """Every field in order, as UTF-8 with other bytes escaped, so that none is lost.

    Empty where the body is no form of a sane size.
    """
    if is_multipart(content_type):
        return _multipart(content_type or "", body)
    return query_fields(body.decode("utf-8", "surrogateescape"))


def query_fields(text: str) -> list[tuple[str, str]]:
    """Every field of a URL-encoded text, in order."""
    try:
        return parse_qsl(
            text, keep_blank_values=True, errors="surrogateescape", max_num_fields=_FIELDS_MAX
        )
    except ValueError:
        return []


def first_values(fields: list[tuple[str, str]]) -> dict[str, str]:
    """Of a repeated field the first, as `Headers.get` has it."""
    return dict(reversed(fields))


def _multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """Taken apart here, because the standard parser takes a minute for a megabyte of boundaries, and
    the signature is checked only after."""
    boundary = _parameter("content-type", content_type, "boundary")
    if not boundary:
        return []
    line = rb"(?:^|\r?\n)--%s(?:--)?[ \t]*(?=\r?\n|$)" % re.escape(
        boundary.encode("utf-8", "surrogatepass")
    )
    ends = [(found.start(), found.end()) for found in islice(re.finditer(line, body), _PARTS_MAX)]
    if len(ends) == _PARTS_MAX:
        return []
    parts = [body[end:begin] for (_, end), (begin, _) in pairwise([*ends, (len(body), 0)])]
    return [field for part in parts if (field := _field(part)) is not None]


def _field(part: bytes) -> tuple[str, str] | None:
    """One with a name. What is encoded once more is not a form's (RFC 7578, 4.7)."""
    found = _HEAD.match(part)
    if found is None:
        return None
    lines = found[1].decode("utf-8", "surrogateescape").splitlines()
    headers = {
        name.strip().lower(): value for name, _, value in (line.partition(":") for line in lines)
    }
    name = _parameter("content-disposition", headers.get("content-disposition", ""), "name")
    encoded = headers.get("content-transfer-encoding", "binary").strip().lower()
    if name is None or encoded not in _PLAIN:
        return None
    return name, part[found.end() :].decode("utf-8", "surrogateescape")


def _parameter(header: str, value: str, name: str) -> str | None:
    message = Message()
    message[header] = value
    try:
        found = message.get_param(name, header=header)
    except Exception:
        # The standard parser promises no errors and still has some, for headers that nobody writes.
        return None
    return found if isinstance(found, str) else None
