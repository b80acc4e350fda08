"""Numbers, sizes and durations as people read them. Pure."""

from __future__ import annotations

from datetime import datetime


def number(value: float) -> str:
    """1,234; and 0.25 for what is smaller than ten and no whole number."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"


def pace(per_second: float) -> str:
    """A rate in the unit in which it is a number: `1.2/s`, `4/min`, `7/h`."""
    if per_second >= 0.1 or not per_second:
        return f"{number(per_second)}/s"
    for unit, seconds in (("min", 60), ("h", 3_600)):
        if per_second * seconds >= 1:
            return f"{per_second * seconds:.0f}/{unit}"
    return "less than 1/h"


def size(count: int) -> str:
    """340 B, 1.2 KiB, 4.0 MiB."""
    if count < 1_024:
        return f"{count} B"
    amount, unit = count / 1_024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if amount < 1_024:
            break
        amount, unit = amount / 1_024, larger
    return f"{amount:.1f} {unit}" if amount < 100 else f"{amount:.0f} {unit}"


def took(milliseconds: float) -> str:
    """0.4 ms, 12 ms, 1.3 s, 2 min 5 s, 3 h 10 min, 2 d 4 h."""
    if milliseconds < 0:
        return "0 ms"
    if milliseconds < 1_000:
        if milliseconds == int(milliseconds) or milliseconds >= 10:
            return f"{milliseconds:.0f} ms"
        return f"{milliseconds:.1f} ms"
    seconds = milliseconds / 1_000
    if seconds < 60:
        return f"{seconds:.1f} s"
    for unit, next_unit, length, next_length in (
        ("min", "s", 60, 1),
        ("h", "min", 3_600, 60),
        ("d", "h", 86_400, 3_600),
    ):
        if seconds < length * (60 if unit == "min" else 24) or unit == "d":
            whole, rest = divmod(int(seconds), length)
            smaller = rest // next_length
            return f"{whole} {unit} {smaller} {next_unit}" if smaller else f"{whole} {unit}"
    return ""


def ago(iso: str | None, now_ms: int) -> str:
    """How long before now, in one unit: 4 s, 12 min, 3 h, 2 d."""
    if not iso:
        return ""
    seconds = max(0, now_ms - milliseconds(iso)) // 1_000
    for unit, length, limit in (("s", 1, 60), ("min", 60, 3_600), ("h", 3_600, 86_400)):
        if seconds < limit:
            return f"{seconds // length} {unit}"
    return f"{seconds // 86_400} d"


def milliseconds(iso: str) -> int:
    """Since 1970, of a time as the API writes it."""
    return round(datetime.fromisoformat(iso).timestamp() * 1_000)


def between(start: str | None, end: str | None) -> float | None:
    """Milliseconds from one to the other; None where either is not known."""
    return milliseconds(end) - milliseconds(start) if start and end else None


def clock(iso: str) -> str:
    """14:03:22.123, as the API writes it in UTC: for pages without scripts."""
    return iso[11:23]


def day(iso: str) -> str:
    """2026-11-26."""
    return iso[:10]
