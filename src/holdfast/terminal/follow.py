"""A feed of what comes in and what becomes of it, from where one left off.

    begin ──> catch up (what came meanwhile) ──> follow
                   ^                                │
                   '──── the source was away <──────'

What was kept is told by the order in which it was kept, so none is left out however fast it comes.
What ended, and what was refused, is told by the store's changes; where those were too many at once,
the ends are found by asking for what was told as unfinished.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from holdfast.clock import SYSTEM_CLOCK, Clock, format_duration
from holdfast.errors import CursorUnknown, HoldfastError
from holdfast.terminal.bookmark import Bookmark
from holdfast.terminal.feed import Counts, News, Shown
from holdfast.terminal.rows import Row
from holdfast.terminal.source import Changed, Source
from holdfast.terminal.view import ROWS_MAX

PAGE: Final = 100
PAST_PAGE: Final = 50
"""Bodies come along with history, so it is not taken in larger pieces."""

UNFINISHED_MAX: Final = 2_000
COUNTS_SECONDS: Final = 1.0
KEEP_SECONDS: Final = 2.0

LISTED: Final = 100
"""At the most as many changes of a kind are listed at once, see `GET /stream`."""

TOLD_MAX: Final = 10_000
"""Rows of which is known how they were told last."""

UNFINISHED_PAGE: Final = 100
UNFINISHED_SECONDS: Final = 1.0
"""How often what is not over is asked for anew: an attempt that failed is told by nobody."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin.

    whole: everything since then, one after the other; otherwise only as much as a list holds.
    past: so many of what came in before, where nothing is remembered.
    """

    catch_up: bool = True
    since: bool = False
    """What is wanted says since when."""
    whole: bool = False
    past: int = 20


class Follow:
    """See above. `bookmark` None: nothing is remembered."""

    def __init__(
        self,
        source: Source,
        start: Start,
        bookmark: Bookmark | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.title = source.title
        self.note = ""
        self._source = source
        self._start = start
        self._bookmark = bookmark
        self._clock = clock
        self._begun = False
        self._arrivals: str | None = None
        self._changes: str | None = None
        self._early: list[Row] = []
        """Refusals that are told once what came in before them is."""
        self._late: list[str] = []
        """What changed, heard of and not told yet: a source may tell it only once."""
        self._told_up_to: str | None = None
        """The cursor of changes up to which all of them are told."""
        self._kept: tuple[str | None, str | None] | None = None
        self._kept_at = float("-inf")
        self._retried: deque[str] = deque()
        """Written by another thread."""
        self._unfinished: dict[str, None] = {}
        self._asked_at = float("-inf")
        self._counted_at = float("-inf")
        self._told_of: dict[str, tuple[object, ...]] = {}

    def look(self) -> News:
        try:
            return self._next() if self._begun else self._begin()
        except HoldfastError as error:
            if not error.retryable:
                raise
            return News(trouble=str(error))

    def keep(self) -> None:
        if not self._early and not self._late:
            self._told_up_to = self._changes
        place = self._arrivals, self._told_up_to
        now = self._clock.monotonic()
        # Most of the time nothing comes: then only the moment is worth writing down, now and then.
        moved = self._kept is None or place[0] != self._kept[0]
        if self._begun and (moved or now - self._kept_at >= KEEP_SECONDS):
            self._remember()

    def _remember(self) -> None:
        if self._bookmark is not None and self._arrivals is not None:
            self._kept, self._kept_at = (
                (self._arrivals, self._told_up_to),
                self._clock.monotonic(),
            )
            place = {"arrivals": self._arrivals, "changes": self._told_up_to}
            self._bookmark.write({**place, "at_ms": self._clock.now_ms()})

    def wait(self, seconds: float) -> None:
        self._source.wait(seconds)

    def show(self, row: Row, width: int) -> Shown:
        return self._source.show(row, width)

    def retry(self, row: Row) -> str:
        told = self._source.retry(row)
        self._retried.append(row.id)
        return told

    def page(self, row: Row) -> str | None:
        return self._source.page(row)

    def close(self) -> None:
        self._source.close()

    def _begin(self) -> News:
        source, start = self._source, self._start
        saved = self._saved() if start.catch_up else None
        if start.whole:
            return self._begin_whole(saved)
        # First where one is, then what was: what comes in between is told twice, and not never.
        self._arrivals = source.here()
        self._changes = source.changes(None).cursor
        if not start.catch_up and not start.since:
            self._begun = True
            return News(counts=self._counted())
        left_at = int(saved["at_ms"]) if saved is not None and not start.since else None
        rows = self._past(lambda row: left_at is not None and row.at_ms > left_at)
        self._begun = True
        news = self._told(rows, more=False)
        missed = sum(row.at_ms > left_at for row in rows) if left_at is not None else 0
        if left_at is None or not missed:
            return news
        ago = format_duration(max(0, self._clock.now_ms() - left_at) / 1000)
        more = " or more" if missed >= ROWS_MAX else ""
        return replace(news, message=f"{missed:,}{more} since you left, {ago} ago")

    def _saved(self) -> dict[str, Any] | None:
        """Where one left off, if that can be read."""
        saved = self._bookmark.read() if self._bookmark is not None else None
        shape = {"arrivals": str, "changes": str | None, "at_ms": int}
        fits = saved is not None and all(
            name in saved and isinstance(saved[name], kind) for name, kind in shape.items()
        )
        return saved if fits else None

    def _begin_whole(self, saved: dict[str, Any] | None) -> News:
        source, start = self._source, self._start
        if start.since:
            self._hear(source.changes(None))
            self._early = self._turned(0)
        elif saved is not None:
            self._hear(source.changes(saved["changes"]))
            self._early = self._turned_since(int(saved["at_ms"]))
            self._arrivals, self._told_up_to = saved["arrivals"], saved["changes"]
        else:
            if self._arrivals is None:
                self._arrivals = source.here()
                self._hear(source.changes(None))
                self._told_up_to = self._changes
                # At once: what comes from here on must not be missed, however soon this is ended.
                self._remember()
            rows = self._past(lambda _: False) if start.catch_up else []
            self._begun = True
            return self._told(rows, more=False)
        self._begun = True
        return self._next()

    def _hear(self, changed: Changed) -> None:
        """Noted at once: a source may say it only once, and what is asked next may fail."""
        self._late = list(dict.fromkeys((*self._late, *changed.ids)))
        self._changes = changed.cursor

    def _turned_since(self, at_ms: int) -> list[Row]:
        """Refusals that were heard of, and where those were as many as are listed, older ones."""
        found = [row for row in self._source.named(tuple(self._late)) if row.state == "refused"]
        if len(found) >= LISTED:
            known = {row.id for row in found}
            found += [row for row in self._turned(at_ms) if row.id not in known]
        return sorted(found, key=lambda row: row.order)

    def _past(self, wanted: Callable[[Row], bool]) -> list[Row]:
        """The newest, oldest first: `past` many, and those before that are wanted."""
        found: list[Row] = []
        after: str | None = None
        # A list is filled, where it may be; lines go past.
        least = self._start.past if self._start.whole else max(self._start.past, PAGE)
        while len(found) < ROWS_MAX:
            page = self._source.past(after, PAST_PAGE)
            for row in page.rows:
                if len(found) >= least and not wanted(row) and not self._start.since:
                    return found[::-1]
                found.append(row)
            after = page.after
            if after is None:
                break
        return found[:ROWS_MAX][::-1]

    def _turned(self, after_ms: int) -> list[Row]:
        """Every refusal since then that is wanted; there are never many that are kept."""
        found: list[Row] = []
        after: str | None = None
        while True:
            page = self._source.refusals(after, PAGE)
            found += [row for row in page.rows if row.at_ms > after_ms]
            after = page.after
            if after is None or (page.rows and page.rows[-1].at_ms <= after_ms):
                return found

    def _next(self) -> News:
        source = self._source
        try:
            came = source.arrivals(self._arrivals, PAGE)
        except CursorUnknown:
            # Another store lies there now, or an older one: what it had is history.
            self._arrivals = source.here()
            self._hear(source.changes(None))
            return News(message="another store is here than the last time; going on from now")
        rows = list(came.rows)
        if not came.more:
            self._hear(source.changes(self._changes))
            known = {row.id for row in rows}
            ids = [id for id in self._late if id not in known]
            rows += source.named(tuple(ids + self._stale(known.union(ids))))
            self._late = []
        # From here on nothing may fail: the source will not tell these again.
        self._arrivals = came.cursor
        return self._told(rows, more=came.more, arrived=len(came.rows))

    def _told(self, rows: Iterable[Row], *, more: bool, arrived: int = 0) -> News:
        ordered = sorted([*self._early, *rows], key=lambda row: row.order)
        self._early = []
        if more:
            # Refusals that are newer than these arrivals wait for their turn.
            last = max((row.order for row in ordered if row.state != "refused"), default=None)
            self._early = [
                row
                for row in ordered
                if last is None or (row.state == "refused" and row.order > last)
            ]
            early = {row.id for row in self._early}
            ordered = [row for row in ordered if row.id not in early]
        ordered = [row for row in ordered if self._is_news(row)]
        for row in ordered:
            self._unfinished.pop(row.id, None)
            if not row.over:
                self._unfinished[row.id] = None
        while len(self._unfinished) > UNFINISHED_MAX:
            del self._unfinished[next(iter(self._unfinished))]
        arrived += sum(row.state == "refused" for row in ordered)
        return News(tuple(ordered), self._counted(), arrived=arrived, more=more)

    def _counted(self) -> Counts | None:
        """How full it is, now and then: an engine counts for it."""
        now = self._clock.monotonic()
        if now - self._counted_at < COUNTS_SECONDS:
            return None
        self._counted_at = now
        try:
            return self._source.counts()
        except HoldfastError as error:
            if not error.retryable:
                raise
            return None

    def _is_news(self, row: Row) -> bool:
        """Whether it differs from what was told of it; what ended a moment ago is heard of twice."""
        now = (row.state, row.attempts, row.took_ms, row.verification, row.why)
        earlier = self._told_of.pop(row.id, None)
        self._told_of[row.id] = now
        while len(self._told_of) > TOLD_MAX:
            del self._told_of[next(iter(self._told_of))]
        return now != earlier

    def _stale(self, known: set[str]) -> list[str]:
        """What was told as unfinished a while ago, the longest ago first."""
        now = self._clock.monotonic()
        if now - self._asked_at < UNFINISHED_SECONDS:
            return []
        self._asked_at = now
        while self._retried:
            self._unfinished[self._retried.popleft()] = None
        asked = [id for id in self._unfinished if id not in known][:UNFINISHED_PAGE]
        for id in asked:  # to the end of the row
            self._unfinished.pop(id)
            self._unfinished[id] = None
        return asked
