"""Arguments of functions that anybody calls, judged by their names and types.

What is wrong with one is told without its value: it may be a secret.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final

SECONDS_MAX: Final = sys.float_info.max / 1000
"""Whose milliseconds are a number too. What is far from any clock is for the sender's tolerance to refuse."""


def text(name: str, value: str) -> str:
    """Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: a text is needed, not {type(value).__name__}")
    return value


def seconds(name: str, value: float) -> float:
    """Since 1970. Raises TypeError, and ValueError for what is no number, or none that a float holds."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{name}: seconds since 1970 are needed, not {type(value).__name__}")
    if not abs(value) <= SECONDS_MAX:  # of no number nothing is true
        raise ValueError(f"{name}: seconds since 1970 are needed")
    return value


def lines(
    name: str, headers: Mapping[str, str] | Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Each header's name and value. Raises TypeError."""
    try:
        found = [
            (key, value)
            for key, value in (headers.items() if isinstance(headers, Mapping) else headers)
        ]
    except (TypeError, ValueError):
        raise TypeError(f"{name}: a mapping, or pairs of name and value, is needed") from None
    if not all(isinstance(one, str) for line in found for one in line):
        raise TypeError(f"{name}: names and values are texts, as latin-1 where they come as bytes")
    return found


def settings(name: str, given: Mapping[str, str] | None) -> dict[str, str]:
    """By name, as texts; none where none is given. Raises TypeError."""
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"{name}: a mapping is needed, not {type(given).__name__}")
    return {str(key): str(value) for key, value in (given or {}).items()}
