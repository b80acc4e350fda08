"""The only file that reads time, and the arithmetic of waiting.

Whoever needs time is handed a `Clock`; tests hand over a `ManualClock` and move it themselves.
Wall time is in milliseconds since 1970 (what is stored and shown), monotonic time in seconds (what
is measured and waited for). The two are apart because only one of them ever jumps.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Final, Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now_ms(self) -> int:
        """Wall time, milliseconds since 1970 in UTC. May jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some start. Never jumps back."""
        ...


class SystemClock:
    """The machine's own time."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """Time that moves only when a test says so."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic = 1_000.0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self._now_ms += round(seconds * 1000)
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock; no time passes."""
        self._now_ms += round(seconds * 1000)


SYSTEM_CLOCK: Final = SystemClock()

_DURATION: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
_SECONDS_PER: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def parse_duration(text: str) -> float:
    """`"30s"`, `"1.5h"` or `"1h 30m"` in seconds. Raises ValueError, naming the accepted units."""
    position, seconds = 0, 0.0
    while match := _DURATION.match(text, position):
        seconds += float(match[1]) * _SECONDS_PER[match[2]]
        position = match.end()
    if position == 0 or position != len(text):
        raise ValueError(f"{text!r} is not a duration; write a number and a unit: ms, s, m, h or d")
    return seconds


def format_duration(seconds: float) -> str:
    """Seconds in words short enough for a table: `850ms`, `42s`, `3m 5s`, `2d 4h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    left, parts = round(seconds), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def backoff_seconds(
    attempt: int,
    *,
    first_seconds: float,
    max_seconds: float,
    uniform: Callable[[float, float], float] = random.uniform,
) -> float:
    """How long to wait after failed attempt number `attempt` (1, 2, ...): full jitter.

    Uniform between 0 and min(max, first * 2^(attempt-1)): of the schemes AWS compared in
    "Exponential Backoff And Jitter" this one spreads a thundering herd with the least work.
    """
    ceiling = min(max_seconds, first_seconds * 2.0 ** min(attempt - 1, 62))
    return uniform(0.0, ceiling)
