"""Timestamps as the States Language writes them: RFC 3339 with a capital T and Z or an offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_RFC3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})"
)


def parse_timestamp(text: str) -> datetime | None:
    """The moment, or None where the text is not a timestamp."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def format_timestamp(at_ms: int) -> str:
    """UTC, to the millisecond: `2026-01-31T23:59:59.000Z`."""
    seconds, milliseconds = divmod(at_ms, 1000)
    return f"{_to_the_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(maxsize=64)  # what is worked now mostly came in the same few seconds
def _to_the_second(at_seconds: int) -> str:
    return datetime.fromtimestamp(at_seconds, UTC).isoformat().removesuffix("+00:00")
