"""The counts of the last minutes, held against the rules; and which warnings begin and end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from holdfast.operate.guard.facts import Counted, Sender
from holdfast.operate.guard.rhythm import Rhythm
from holdfast.operate.guard.rules import refused, silent, slow
from holdfast.operate.overview import Warned

WINDOW_SECONDS: Final = 300.0
STEP_SECONDS: Final = 10.0
"""Between two of the counts that are remembered."""
CLEAR_SECONDS: Final = 60.0
"""A warning ends once its rule has been content for so long: no flicker."""

_NONE: Final = Counted()


class Told(NamedTuple):
    """What is news: a warning that began, grew worse or ended."""

    warning: Warned
    began: bool


@dataclass(slots=True)
class _Watched:
    sender: Sender
    rhythm: Rhythm
    last: Counted = _NONE
    samples: deque[tuple[int, Counted]] = field(default_factory=deque)
    """Time and totals, a step apart, over the window."""
    row: int = 0
    """Refused in a row."""
    row_since_ms: int = 0
    hours: dict[int, int] = field(default_factory=dict)
    """Refused by the hour, for who counts within a window of hours or days."""


@dataclass(slots=True)
class _Standing:
    warning: Warned
    told_critical: bool = False
    """It may grow milder and worse again before it ends; only the first time is news."""
    content_since_ms: int | None = None


class Guard:
    """Watches the senders of one run. No clock and no I/O: the time comes with every look."""

    def __init__(
        self,
        senders: Sequence[Sender],
        bounds_ms: Sequence[float],
        now_ms: int,
        rhythms: Mapping[str, Any] | None = None,
    ) -> None:
        """`rhythms`: those of an earlier run, as `rhythm_fields` gave them."""
        known = rhythms or {}
        self._bounds_ms = tuple(bounds_ms)
        self._watched = {
            sender.webhook: _Watched(sender, Rhythm.from_fields(known.get(sender.webhook), now_ms))
            for sender in senders
        }
        self._standing: dict[tuple[str, str], _Standing] = {}

    @property
    def warnings(self) -> tuple[Warned, ...]:
        """Those that stand, the worst first."""
        standing = [each.warning for each in self._standing.values()]
        return tuple(
            sorted(standing, key=lambda one: (one.severity != "critical", one.webhook or ""))
        )

    def rhythm_fields(self) -> dict[str, Any]:
        return {name: one.rhythm.fields() for name, one in self._watched.items()}

    def look(self, totals: Mapping[str, Counted], now_ms: int) -> list[Told]:
        """Take in what was counted since this run began, by webhook; what is news since the last look."""
        found: dict[tuple[str, str], Warned] = {}
        for name, watched in self._watched.items():
            _take(watched, totals.get(name, watched.last), now_ms)
            for warning in self._judge(watched, now_ms):
                found[name, warning.code] = warning
        return [*self._begin(found), *self._end(found, now_ms)]

    def _judge(self, watched: _Watched, now_ms: int) -> Iterator[Warned]:
        sender, first = watched.sender, watched.samples[0][1]
        waits = [
            now - (first.waits[place] if place < len(first.waits) else 0)
            for place, now in enumerate(watched.last.waits)
        ]
        since_ms = watched.samples[0][0]
        failures, begun_ms = _failures(watched, now_ms)
        requests = watched.last.accepted - first.accepted + watched.last.refused - first.refused
        if sender.failures is None:
            failures = watched.last.refused - first.refused
        usual = watched.rhythm.usual_seconds(now_ms)
        judged = [
            slow(sender, self._bounds_ms, waits, since_ms),
            refused(sender, failures, requests, begun_ms),
        ]
        if usual is not None:
            quiet = watched.rhythm.silence_seconds(now_ms)
            judged.append(silent(sender, quiet, usual, watched.rhythm.last_ms))
        yield from (warning for warning in judged if warning is not None)

    def _begin(self, found: Mapping[tuple[str, str], Warned]) -> Iterator[Told]:
        for key, warning in found.items():
            known = self._standing.get(key)
            since = warning.since_ms if known is None else known.warning.since_ms
            current = replace(warning, since_ms=since)
            told = known is not None and known.told_critical
            critical = warning.severity == "critical"
            self._standing[key] = _Standing(current, told or critical)
            if known is None or (critical and not told):
                yield Told(current, began=True)

    def _end(self, found: Mapping[tuple[str, str], Warned], now_ms: int) -> Iterator[Told]:
        for key, standing in list(self._standing.items()):
            if key in found:
                continue
            if standing.content_since_ms is None:
                standing.content_since_ms = now_ms
            # A source that is heard of again is not silent any more, whatever comes next.
            heard = standing.warning.code == "provider_silent"
            if heard or now_ms - standing.content_since_ms >= CLEAR_SECONDS * 1000:
                del self._standing[key]
                yield Told(standing.warning, began=False)


def _take(watched: _Watched, total: Counted, now_ms: int) -> None:
    accepted = total.accepted - watched.last.accepted
    rejected = total.refused - watched.last.refused
    if accepted + rejected > 0:
        watched.rhythm.arrived(accepted + rejected, now_ms)
    if accepted > 0:
        watched.row = 0
    elif rejected > 0:
        if not watched.row:
            watched.row_since_ms = now_ms
        watched.row += rejected
    if rejected > 0:
        hour = now_ms // 3_600_000
        watched.hours[hour] = watched.hours.get(hour, 0) + rejected
    samples = watched.samples
    if not samples:
        samples.append((now_ms, watched.last))
    elif now_ms - samples[-1][0] >= STEP_SECONDS * 1000:
        samples.append((now_ms, total))
    while len(samples) > 1 and now_ms - samples[0][0] > WINDOW_SECONDS * 1000:
        samples.popleft()
    watched.last = total


def _failures(watched: _Watched, now_ms: int) -> tuple[int, int]:
    """As the sender counts them, and when the first of them was."""
    window = watched.sender.window_seconds
    if window is None:
        return watched.row, watched.row_since_ms or now_ms
    first = (now_ms - round(window * 1000)) // 3_600_000
    for old in [hour for hour in watched.hours if hour < first]:
        del watched.hours[old]
    begun = min(watched.hours, default=now_ms // 3_600_000)
    return sum(watched.hours.values()), begun * 3_600_000
