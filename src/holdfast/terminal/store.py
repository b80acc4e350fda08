"""History and dead letters of a store, asked directly."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Final, cast

from holdfast.clock import Clock
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.console.routes.events import event_fields
from holdfast.console.rows import event_row as event_fields_of_row
from holdfast.console.rows import letter_row as letter_fields_of_row
from holdfast.operate import lookup
from holdfast.operate.abilities import archive_of, need_archive, need_watch
from holdfast.operate.book import Who
from holdfast.operate.fields import letter_fields, refusal_fields
from holdfast.operate.finding import Finder, History
from holdfast.operate.front import front
from holdfast.operate.groups import letters
from holdfast.operate.retrying import retry
from holdfast.queue.contract import Engine, Entry, Refusal
from holdfast.terminal.feed import Counts, Shown
from holdfast.terminal.rows import Row, event_row, letter_row
from holdfast.terminal.showing import show
from holdfast.terminal.source import Came, Changed, Past, Wanted

CHANGES_MAX: Final = 200


class StoreSource:
    """`compiled`: the definition, which knows types and how sources are verified. `console_url`:
    where the console of this store is, if one runs here."""

    def __init__(
        self,
        engine: Engine,
        wanted: Wanted,
        *,
        title: str,
        compiled: Compiled | None,
        who: Who,
        clock: Clock,
        console_url: str | None,
    ) -> None:
        self.title = title
        self._engine = engine
        self._wanted = wanted
        self._compiled = compiled
        self._who = who
        self._clock = clock
        self._console_url = console_url
        self._over = threading.Event()
        self._retrying = threading.Lock()

    @property
    def _finder(self) -> Finder:
        need_archive(self._engine)
        return Finder(cast(History, self._engine), self._compiled, self._clock)

    def here(self) -> str:
        return need_watch(self._engine, "be followed").arrivals(None).cursor

    def arrivals(self, cursor: str | None, limit: int) -> Came:
        came = self._finder.arrivals(self._wanted.criteria, cursor, limit)
        entries = () if self._wanted.only_refused else came.entries
        return Came(tuple(map(self._row, entries)), came.cursor, came.more)

    def changes(self, cursor: str | None) -> Changed:
        told = need_watch(self._engine, "be followed").changes(cursor, CHANGES_MAX)
        ids = dict.fromkeys([*(one.id for one in told.ended), *(one.id for one in told.refused)])
        return Changed(tuple(ids), told.cursor)

    def named(self, ids: tuple[str, ...]) -> list[Row]:
        found = self._finder.named(self._wanted.criteria, ids)
        if self._wanted.only_refused:
            found = [one for one in found if isinstance(one, Refusal)]
        return [self._row(one) for one in found]

    def past(self, after: str | None, limit: int) -> Past:
        finder = self._finder
        asked = finder.refusals if self._wanted.only_refused else finder.both
        page = asked(self._wanted.criteria, after, limit)
        return Past(tuple(map(self._row, page.found)), page.after)

    def refusals(self, after: str | None, limit: int) -> Past:
        if not self._wanted.criteria.of_refusals:
            return Past((), None)
        page = self._finder.refusals(self._wanted.criteria, after, limit)
        return Past(tuple(map(self._row, page.found)), page.after)

    def letters(self, limit: int) -> list[Row]:
        """Those of the dead letters that are wanted that died last, the last one first."""
        wanted = replace(self._wanted.criteria.filter, state=None, parked=False, by_death=True)
        found = letters(self._engine, wanted, None, limit)
        return [
            letter_row(letter_fields_of_row(one, self._webhook(one.message.webhook)))
            for one in found
        ]

    def counts(self) -> Counts:
        mine = self._wanted.webhook
        depths = [one for one in self._engine.depth() if mine in (None, one.webhook)]
        paused = [name for name in self._engine.pauses() if mine in (None, name)]
        return Counts(
            sum(one.waiting for one in depths), sum(one.dead for one in depths), tuple(paused)
        )

    def wait(self, seconds: float) -> None:
        self._over.wait(seconds)

    def show(self, row: Row, width: int) -> Shown:
        now = self._clock.now_ms()
        archive = archive_of(self._engine)
        if archive is None:
            letter = lookup.dead_letter(self._engine, row.id)
            return Shown(row, show(letter_fields(letter), None, width, now))
        found = lookup.event_or_refusal(archive, row.id)
        if isinstance(found, Refusal):
            return Shown(row, show(refusal_fields(found), found.body, width, now))
        fields = event_fields(self._engine, found, self._webhook(found.message.webhook))
        return Shown(row, show(fields, found.message.request.body, width, now))

    def retry(self, row: Row) -> str:
        # As things are now, and not as the line was when it was drawn.
        with self._retrying:
            return str(retry(self._engine, row.id, self._who, self._clock))

    def page(self, row: Row) -> str | None:
        kind = str(row.fields.get("kind"))
        return front(self._console_url, kind, row.id) if self._console_url is not None else None

    def close(self) -> None:
        self._over.set()

    def _webhook(self, name: str) -> CompiledWebhook | None:
        return self._compiled.webhook(name) if self._compiled is not None else None

    def _row(self, one: Entry | Refusal) -> Row:
        return event_row(event_fields_of_row(one, self._webhook(lookup.webhook_of(one))))
