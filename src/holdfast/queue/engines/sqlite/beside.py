"""The engine's views beside the ten verbs: desk, watch and search, over the parts of those names."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.clock import Clock
from holdfast.queue.contract import Execution, Filter
from holdfast.queue.engines.sqlite import dead, watch
from holdfast.queue.engines.sqlite.arrivals import arrivals
from holdfast.queue.engines.sqlite.desk import DeskFile
from holdfast.queue.engines.sqlite.search import SearchFile
from holdfast.queue.engines.sqlite.shelf import Shelf
from holdfast.queue.views import (
    Act,
    ActFilter,
    Arrivals,
    Bucket,
    Changes,
    Found,
    GroupCount,
    IndexState,
    Query,
    Redrive,
    RunOutcome,
    RunRecord,
    StateCount,
)


class Beside:
    """What `SQLiteEngine` has more than the contract asks for. See `holdfast.queue.views`."""

    holder: str
    store_id: str
    _shelf: Shelf
    _clock: Clock
    _desk: DeskFile
    _search: SearchFile

    # Desk

    def groups(self, filter: Filter) -> list[GroupCount]:
        return dead.groups(self._shelf, filter)

    def park(self, ids: Sequence[str]) -> list[bool]:
        return dead.set_parked(self._shelf, ids, self._clock.now_ms(), parked=True)

    def unpark(self, ids: Sequence[str]) -> list[bool]:
        return dead.set_parked(self._shelf, ids, self._clock.now_ms(), parked=False)

    def parked(self) -> dict[str, int]:
        return dead.parked(self._shelf)

    def redrive_for(self, run: str, ids: Sequence[str]) -> list[bool]:
        answers = dead.redrive(self._shelf, ids, self._clock.now_ms(), run)
        self._shelf.ringer.ring()
        return answers

    def redrives(self, message_id: str) -> list[Redrive]:
        return dead.redrives(self._shelf, message_id)

    def outcome(self, run: str) -> RunOutcome:
        return dead.outcome(self._shelf, run)

    def open_run(self, run: RunRecord) -> str | None:
        return self._desk.open_run(run)

    def keep_run(self, run: RunRecord, owner: str | None = None) -> bool:
        return self._desk.keep_run(run, owner)

    def ask_run(self, id: str, what: str | None) -> None:
        self._desk.ask_run(id, what)

    def run(self, id: str) -> RunRecord | None:
        return self._desk.run(id)

    def runs(
        self,
        *,
        webhook: str | None = None,
        active: bool | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> list[RunRecord]:
        return self._desk.runs(webhook, active, after, limit)

    def note(self, acts: Sequence[Act]) -> None:
        self._desk.note(acts)

    def acts(self, filter: ActFilter, after: str | None = None, limit: int = 50) -> list[Act]:
        return self._desk.acts(filter, after, limit)

    # Watch

    def series(self, since_ms: int, step_ms: int) -> list[Bucket]:
        return watch.series(self._shelf, since_ms, step_ms)

    def last_seen(self) -> dict[str, int]:
        return watch.last_seen(self._shelf)

    def changes(self, cursor: str | None, limit: int = 100) -> Changes:
        return watch.changes(self._shelf, cursor, limit, self._clock.now_ms())

    def arrivals(
        self,
        cursor: str | None,
        *,
        webhook: str | None = None,
        since_ms: int | None = None,
        limit: int = 50,
    ) -> Arrivals:
        now = self._clock.now_ms()
        return arrivals(self._shelf, self.store_id, cursor, webhook, since_ms, limit, now)

    def count_states(self, counts: Sequence[StateCount]) -> None:
        watch.count_states(self._shelf, self.holder, counts, self._clock.now_ms())

    def states(self, since_ms: int) -> list[StateCount]:
        return watch.states(self._shelf, since_ms, self._clock.now_ms())

    def latest_executions(
        self,
        *,
        webhook: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> list[tuple[str, Execution]]:
        return watch.latest_executions(self._shelf, webhook, status, after, limit)

    # Search

    def search(
        self,
        query: Query,
        filter: Filter,
        after: str | None = None,
        limit: int = 50,
        budget_seconds: float = 2.0,
    ) -> Found:
        now = self._clock.now_ms()
        return self._search.search(query, filter, after, limit, budget_seconds, now)

    def index(self) -> bool:
        return self._search.index()

    def index_state(self) -> IndexState:
        return self._search.state()
