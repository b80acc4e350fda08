"""Numbers and times that people read off an axis. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_STEPS: Final = (1, 2, 5)
_SUFFIXES: Final = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_TIME_STEPS: Final = (
    1, 5, 10, 15, 30,
    _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE,
    _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR,
    _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY,
)  # fmt: skip
"""Seconds between the marks of an axis of time."""


def nice_ticks(top: int, most: int = 4) -> list[int]:
    """From 0 to at least `top` in at most so many round steps; whole numbers, since it is counted."""
    if top <= 0:
        return [0]
    step, power = 1, 0
    while True:
        for factor in _STEPS:
            step = factor * 10**power
            if step * most >= top:
                return list(range(0, -(-top // step) * step + 1, step))
        power += 1


def compact(value: int) -> str:
    """`950`, `1.2k`, `34M`: as few characters as still tell how many."""
    if abs(value) >= 10**15:
        return f"{value:.0e}".replace("e+", "e")
    for size, suffix in _SUFFIXES:
        if abs(value) >= size:
            told = f"{value / size:.1f}" if abs(value) < 10 * size else f"{value // size:,}"
            return told.removesuffix(".0") + suffix
    return str(value)


def time_ticks(start_ms: int, end_ms: int, most: int = 6) -> list[tuple[int, str]]:
    """Marks of an axis at full minutes, hours, days, with what stands there, in UTC."""
    span_seconds = max(1, (end_ms - start_ms) / 1000)
    fitting = (step for step in _TIME_STEPS if span_seconds / step <= most)
    step = next(fitting, _TIME_STEPS[-1] * max(1, round(span_seconds / _TIME_STEPS[-1] / most)))
    first = -(-start_ms // (step * 1000)) * step * 1000
    return [(at, _tick(at, step)) for at in range(first, end_ms, step * 1000)]


def _tick(at_ms: int, step: int) -> str:
    at = utc(at_ms)
    if step >= _DAY or (at.hour, at.minute, at.second) == (0, 0, 0):
        return f"{at.day} {at:%b}"
    return f"{at:%H:%M:%S}" if step < _MINUTE else f"{at:%H:%M}"


def utc(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def iso(ms: int) -> str:
    """As the API writes times."""
    return f"{utc(ms):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def ms_of(instant: str) -> int:
    """The inverse of `iso`."""
    since = datetime.fromisoformat(instant) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(milliseconds=1)
