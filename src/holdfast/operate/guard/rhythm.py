"""How long a source usually falls silent: its longest silences, day by day.

A week and a day of them, so that a night and a weekend that were seen once are no news again. Before a
whole day was watched nothing is usual.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

DAY_MS: Final = 86_400_000
DAYS: Final = 8
ARRIVALS_MIN: Final = 20


@dataclass(slots=True)
class Rhythm:
    """One source's. Times in milliseconds since 1970; only while somebody watched."""

    watched_since_ms: int
    last_ms: int
    """When something came, or watching began again."""
    arrivals: int = 0
    longest_ms: dict[int, int] = field(default_factory=dict)
    """By day."""

    def arrived(self, count: int, now_ms: int) -> None:
        """So many came since it was last asked."""
        self._note(now_ms)
        self.arrivals += count
        self.last_ms = now_ms

    def resumed(self, now_ms: int) -> None:
        """Watching begins again: what was not watched was no silence."""
        self.last_ms = now_ms

    def usual_seconds(self, now_ms: int) -> float | None:
        """The longest silence; None while too little is known."""
        if self.arrivals < ARRIVALS_MIN or now_ms - self.watched_since_ms < DAY_MS:
            return None
        known = [
            longest for day, longest in self.longest_ms.items() if day > now_ms // DAY_MS - DAYS
        ]
        return max(known) / 1000 if known else None

    def silence_seconds(self, now_ms: int) -> float:
        return max(0, now_ms - self.last_ms) / 1000

    def _note(self, now_ms: int) -> None:
        day, silence = now_ms // DAY_MS, max(0, now_ms - self.last_ms)
        self.longest_ms[day] = max(silence, self.longest_ms.get(day, 0))
        for old in [each for each in self.longest_ms if each <= day - DAYS]:
            del self.longest_ms[old]

    def fields(self) -> dict[str, Any]:
        return {
            "watched_since_ms": self.watched_since_ms,
            "arrivals": self.arrivals,
            "longest_ms": {str(day): longest for day, longest in self.longest_ms.items()},
        }

    @classmethod
    def from_fields(cls, fields: Any, now_ms: int) -> Rhythm:
        """As it was kept; a new one where it cannot be read."""
        try:
            longest = {int(day): int(value) for day, value in fields["longest_ms"].items()}
            since = min(now_ms, int(fields["watched_since_ms"]))
            return cls(since, now_ms, int(fields["arrivals"]), longest)
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls(now_ms, now_ms)
