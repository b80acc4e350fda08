"""Times as operators write them: an age, or a moment."""

from __future__ import annotations

from datetime import UTC, datetime

from holdfast.clock import parse_duration


def parse_time(text: str, now_ms: int) -> int:
    """Milliseconds since 1970 from an age (`2h`, `1h 30m`) or a time (`2026-11-23T10:00`, local
    where no zone is given). Raises ValueError, saying what may be written."""
    try:
        return max(0, now_ms - round(parse_duration(text) * 1000))
    except ValueError:
        pass
    try:
        return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is neither an age (units: ms, s, m, h, d; such as 30m, 2h, 7d) "
            "nor a time (2026-11-23T10:00)"
        ) from None
