"""Fields of a form: URL-encoded, or multipart as browsers and some senders write it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

FORM_TYPE: Final = "application/x-www-form-urlencoded"

_FIELDS_MAX: Final = 1_000
"""As many as Django allows; more is no event of anybody's."""


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
    from email.parser import BytesParser
    from email.policy import HTTP

    head = f"Content-Type: {content_type}\r\n\r\n".encode("utf-8", "replace")
    try:
        message = BytesParser(policy=HTTP).parsebytes(head + body)
        parts = list(message.iter_parts())[:_FIELDS_MAX] if message.is_multipart() else []
        return [field for part in parts if (field := _field(part)) is not None]
    except Exception:
        # The standard parser promises no errors and still has some, for headers that nobody writes.
        return []


def _field(part: Any) -> tuple[str, str] | None:
    name = part.get_param("name", header="content-disposition")
    content = part.get_payload(decode=True)
    if not isinstance(name, str) or not isinstance(content, bytes):
        return None
    return name, content.decode("utf-8", "surrogateescape")
