"""Content types as API Gateway wants them: every spelling by itself, each with a template of its own.

Nobody says whether `application/json; charset=utf-8` finds the template of `application/json`, so the
usual spellings are there: of every type that a definition names, and of those whose charset senders
do write. Families have no spelling: `text/*` and `*/*` become the types that senders use, and any
other is answered 415. Each spelling is a whole template in the stack's text, which has an end.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Final

from holdfast.gateway.media import MediaTypes

JSON: Final = "application/json"
"""What a request without a type counts as, here and there."""

USUAL: Final = (
    JSON,
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/hal+json",
    "application/ld+json",
    "application/problem+json",
    "application/vnd.api+json",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/soap+xml",
    "application/octet-stream",
    "application/protobuf",
    "application/x-protobuf",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
)
"""What is taken where a webhook takes families of types."""

_SPELT_OUT: Final = frozenset(
    (
        JSON,
        "application/cloudevents+json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "text/xml",
    )
)
"""Whose charset senders write, as far as their own documents and libraries show."""

_BINARY: Final = frozenset(
    (
        "application/octet-stream",
        "application/pdf",
        "application/zip",
        "application/gzip",
        "application/protobuf",
        "application/x-protobuf",
    )
)
_BINARY_FAMILIES: Final = ("image/", "audio/", "video/", "font/")
_PARAMETERS: Final = ("; charset=utf-8", ";charset=utf-8", "; charset=UTF-8", ";charset=UTF-8")


@dataclass(frozen=True, slots=True)
class Spelling:
    """`binary`: its bytes are no text, so API Gateway hands them over as base64."""

    content_type: str
    binary: bool


def spellings(accepted: Iterable[str]) -> tuple[Spelling, ...]:
    """Every spelling of the content types that a webhook takes; JSON's first."""
    names = tuple(accepted)
    exact = frozenset(name for name in names if not name.endswith("/*"))
    takes = MediaTypes(names).accepts
    named = [name for name in names if name in exact]
    found = dict.fromkeys([*named, *(name for name in USUAL if takes(name))])
    ordered = sorted(found, key=lambda name: name != JSON)
    return tuple(
        Spelling(f"{name}{parameters}", binary=is_binary(name))
        for name in ordered
        for parameters in ("", *(_PARAMETERS if _has_charset(name, exact) else ()))
    )


def _has_charset(name: str, exact: Container[str]) -> bool:
    return not is_binary(name) and (name in exact or name in _SPELT_OUT)


def is_binary(content_type: str) -> bool:
    """Whether bodies of this type are no text."""
    return content_type in _BINARY or content_type.startswith(_BINARY_FAMILIES)


def families(accepted: Iterable[str]) -> tuple[str, ...]:
    """Those of the accepted types that stand for others."""
    return tuple(name for name in accepted if name.endswith("/*"))
