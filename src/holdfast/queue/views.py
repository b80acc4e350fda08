"""What an engine may offer operators beyond the ten verbs: three more views, each optional.

    desk     dead letters by group, put aside, sent back by a run; the runs; who did what
    watch    what happens just now, counted and one by one
    search   events by what is in them

An engine that has one names it among its `abilities`. What has none of them can still be operated:
`holdfast.operate` then walks over dead letters and history, and says what is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from holdfast.queue.contract import Entry, Execution, Filter, State

DESK = "desk"
WATCH = "watch"
SEARCH = "search"


@dataclass(frozen=True, slots=True)
class GroupCount:
    """Dead letters of one fingerprint (see `holdfast.queue.fingerprint`)."""

    fingerprint: str
    webhook: str
    reason: str
    count: int
    first_ms: int
    """When the first of those that rest died."""
    last_ms: int
    newest: str
    """The id of the newest, as an example."""


@dataclass(frozen=True, slots=True)
class Redrive:
    """One time that a dead letter was sent back. `run`: the run that did it, if one did."""

    at_ms: int
    died_at_ms: int
    reason: str
    run: str | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the store keeps it. While it is active, no other may be on any of its webhooks."""

    id: str
    webhooks: tuple[str, ...]
    active: bool
    owner: str
    """Who drives it: a process that lives, or did."""
    beat_at_ms: int
    """When that process last said that it lives."""
    document: Mapping[str, Any]
    """What `holdfast.operate.runs` keeps of it, as JSON."""
    asked: str | None = None
    """What an operator asked of it meanwhile; written by `ask_run` alone."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What became of the letters that a run sent back: the rest is still under way."""

    sent: int = 0
    done: int = 0
    dead: int = 0
    """They came back dead."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that an operator did, or was about to do. Kept for good, never changed."""

    at_ms: int
    operator: str
    via: str
    """`console` or `command line`."""
    action: str
    webhook: str | None = None
    target: str | None = None
    """An event, a group, a run."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    """Given when it is kept; ids sort by time."""


@dataclass(frozen=True, slots=True)
class ActFilter:
    """Which acts. Empty fields match everything."""

    operator: str | None = None
    action: str | None = None
    webhook: str | None = None
    target: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class Desk(Protocol):
    """The operators' desk: dead letters in groups, runs, and the book of what was done."""

    def groups(self, filter: Filter) -> list[GroupCount]:
        """All groups of the dead letters that match, the most recently added to first.

        `filter.parked` None counts those put aside too, as everywhere.
        """
        ...

    def park(self, ids: Sequence[str]) -> list[bool]:
        """Put dead letters aside: they rest without limit. False: no dead letter, or parked."""
        ...

    def unpark(self, ids: Sequence[str]) -> list[bool]:
        """Undo `park`. Their retention begins anew."""
        ...

    def parked(self) -> dict[str, int]:
        """How many are put aside, for each webhook that has any."""
        ...

    def redrive_for(self, run: str, ids: Sequence[str]) -> list[bool]:
        """`redrive`, remembered as this run's doing."""
        ...

    def redrives(self, message_id: str) -> list[Redrive]:
        """Each time that this message was sent back, oldest first."""
        ...

    def outcome(self, run: str) -> RunOutcome:
        """What became of everything that the run sent back."""
        ...

    def open_run(self, run: RunRecord) -> str | None:
        """Keep a new active run, if no active one is on its webhooks; else the id of that one."""
        ...

    def keep_run(self, run: RunRecord, owner: str | None = None) -> bool:
        """Write a run's new state; with `owner`, only while that is who drives it."""
        ...

    def ask_run(self, id: str, what: str | None) -> None:
        """Leave word for whoever drives the run; None takes it back."""
        ...

    def run(self, id: str) -> RunRecord | None:
        """The run of this id."""
        ...

    def runs(
        self, *, webhook: str | None = None, active: bool | None = None,
        after: str | None = None, limit: int = 50,
    ) -> list[RunRecord]:  # fmt: skip
        """Runs, newest first, after the id `after`."""
        ...

    def note(self, acts: Sequence[Act]) -> None:
        """Write down what was done. Durable when it returns."""
        ...

    def acts(self, filter: ActFilter, after: str | None = None, limit: int = 50) -> list[Act]:
        """What was done, newest first, after the id `after`."""
        ...


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many events of one kind within a span of time that begins at `at_ms`."""

    at_ms: int
    webhook: str
    outcome: str
    """`received`, `refused`, `done`, `duplicate`, `retried` or `dead`."""
    count: int


@dataclass(frozen=True, slots=True)
class StateCount:
    """One state of a webhook's workflow: what its tasks came to, and how many run right now."""

    webhook: str
    state: str
    running: int
    succeeded: int
    failed: int
    milliseconds: float
    """Spent in all that ended."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that was kept."""

    id: str
    webhook: str
    at_ms: int
    bytes: int
    replay_of: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A message that was done, or died, or was purged."""

    id: str
    webhook: str
    at_ms: int
    state: State
    reason: str | None = None
    duplicate_of: str | None = None


@dataclass(frozen=True, slots=True)
class Turned:
    """A request that was refused."""

    id: str
    webhook: str | None
    at_ms: int
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened since a cursor. What is not listed, because it was too much, is `missed`."""

    cursor: str
    arrived: tuple[Arrived, ...] = ()
    ended: tuple[Ended, ...] = ()
    refused: tuple[Turned, ...] = ()
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Messages in the order in which they were kept, which is not quite that of their ids.

    `cursor` goes on after the last of them. `more`: there are further ones already.
    """

    cursor: str
    entries: tuple[Entry, ...] = ()
    more: bool = False


class Watch(Protocol):
    """What happens: as counts over time, and one by one."""

    def series(self, since_ms: int, step_ms: int) -> list[Bucket]:
        """Counts in steps of whole minutes from `since_ms` on, oldest first, none for zero."""
        ...

    def last_seen(self) -> dict[str, int]:
        """When each webhook last received anything, as far as that is still known."""
        ...

    def changes(self, cursor: str | None, limit: int = 100) -> Changes:
        """What happened since; None: nothing yet, only where one is now.

        The newest `limit` of each kind. What happened within a moment of the cursor may be told
        twice. A cursor that is none counts as None.
        """
        ...

    def arrivals(
        self, cursor: str | None, *, webhook: str | None = None, since_ms: int | None = None,
        limit: int = 50,
    ) -> Arrivals:  # fmt: skip
        """What was kept after the cursor, none left out, none twice, oldest first.

        None: from `since_ms` on; without it, nothing yet, only where one is now. Raises
        CursorUnknown where the cursor is none of this store's.
        """
        ...

    def count_states(self, counts: Sequence[StateCount]) -> None:
        """What this process's tasks came to since it last said so, and what it runs now."""
        ...

    def states(self, since_ms: int) -> list[StateCount]:
        """The counts since then (in whole minutes), over all processes; `running` is now."""
        ...

    def latest_executions(
        self, *, webhook: str | None = None, status: str | None = None,
        after: str | None = None, limit: int = 50,
    ) -> list[tuple[str, Execution]]:  # fmt: skip
        """Kept runs of workflows, newest first, without their history, each with its cursor."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for: texts, values at paths of a JSON body; an event must hold all of them.

    Letters' case does not matter. A text is found where a word begins; `inside` also finds it
    within words, which no index helps with.
    """

    texts: tuple[str, ...] = ()
    paths: tuple[tuple[str, str], ...] = ()
    """(path, value): `("data.object.customer", "cus_4711")`, `("lines[0].sku", ...)`."""
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found, newest first.

    `after`: the id after which to go on; None: there is no more. `complete` False: it was looked
    at for long enough, and what is older was not looked at yet.
    """

    entries: tuple[Entry, ...]
    after: str | None
    complete: bool


@dataclass(frozen=True, slots=True)
class IndexState:
    """How far the index is. Messages beyond it are found too, more slowly."""

    indexed: int
    behind: int
    bytes: int


class Search(Protocol):
    """Events by what is in them."""

    def search(
        self, query: Query, filter: Filter, after: str | None = None, limit: int = 50,
        budget_seconds: float = 2.0,
    ) -> Found:  # fmt: skip
        """Events that match the filter and hold what is looked for, newest first."""
        ...

    def index(self) -> bool:
        """One small step of indexing. True: there is more to index."""
        ...

    def index_state(self) -> IndexState:
        """How far it is."""
        ...
