"""Events by everything that one may ask of them, a page at a time, on any engine.

The store narrows as far as it can: by webhook, state, reason and time; by text and by the value at
a path where it has an index. What it does not know (the type of an event, whether its source was
verified) is decided here, of what it hands out. A page ends when it is full or has taken long
enough: then it says how far it came, and the next goes on from there.
"""

from __future__ import annotations

import fnmatch
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from holdfast.clock import Clock
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.operate import lookup
from holdfast.operate.abilities import Able, need_watch, search_of
from holdfast.operate.verification import Verification, verification_of
from holdfast.queue.contract import Archive, Entry, Filter, Refusal
from holdfast.queue.matching import Matcher
from holdfast.queue.views import Arrivals, Query
from holdfast.workflow.input import Delivery

BUDGET_SECONDS: Final = 2.0
PAGE: Final = 100

_NARROW_MIN: Final = 3
"""A shorter beginning of a type is not worth asking the index for."""


class History(Archive, Able, Protocol):
    """An engine that keeps history."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is asked for. Empty fields match everything; all given fields must match."""

    filter: Filter = field(default_factory=Filter)
    query: Query = field(default_factory=Query)
    type: str | None = None
    """May hold `*` for any run of characters."""
    verification: Verification | None = None

    @property
    def of_refusals(self) -> bool:
        """Whether a refusal can match: it has no state, no type, and nobody verified it."""
        asked = self.type, self.verification, self.filter.state, self.filter.error
        return not any(asked)

    @property
    def searches(self) -> bool:
        return bool(self.query.texts or self.query.paths)


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `after` goes on from here, None: there is no more. `complete` False: there was
    no time to look at everything; what is older may match too."""

    found: tuple[Entry | Refusal, ...]
    after: str | None
    complete: bool


def type_of(entry: Entry, webhook: CompiledWebhook | None) -> str | None:
    """The event's type, as the definition finds it now. None where it has none, or is unknown."""
    if webhook is None or not webhook.event_type:
        return None
    return Delivery(webhook, entry.message, 1, None).type


class Finder:
    """Looks for events. `compiled`: the definition, which knows types and verification."""

    def __init__(
        self,
        history: History,
        compiled: Compiled | None,
        clock: Clock,
        budget_seconds: float = BUDGET_SECONDS,
    ) -> None:
        self._history = history
        self._compiled = compiled
        self._clock = clock
        self._budget_seconds = budget_seconds

    def both(self, criteria: Criteria, after: str | None, limit: int) -> Page:
        """Events and refusals, merged by time. What no refusal has (a state, a type) leaves them
        out."""
        kept = self.events(criteria, after, limit)
        if not criteria.of_refusals:
            return kept
        turned = self.refusals(criteria, after, limit)
        # Beyond where either had no time to look, nothing is told: its own would be missing there.
        merged = list(heapq.merge(kept.found, turned.found, key=lookup.id_of, reverse=True))
        pages = [one for one in (kept, turned) if not one.complete and one.after is not None]
        reached = max((one.after or "" for one in pages), default="")
        shown = [one for one in merged if lookup.id_of(one) > reached][:limit]
        if len(shown) == limit:
            return Page(tuple(shown), lookup.id_of(shown[-1]), complete=True)
        return Page(tuple(shown), reached or None, not reached)

    def events(self, criteria: Criteria, after: str | None, limit: int) -> Page:
        """Events alone. Raises ValueError where a path cannot be read."""
        Matcher(criteria.query)
        until = self._clock.monotonic() + self._budget_seconds
        found: list[Entry | Refusal] = []
        asks = criteria.type is not None or criteria.verification is not None
        if search_of(self._history) is not None and (criteria.searches or self._narrowed(criteria)):
            pages = self._searched(criteria, after, limit, until)
        else:
            pages = self._walked(criteria, after, PAGE if asks or criteria.searches else limit)
        for entries, at, complete in pages:
            for entry in entries:
                if self._fits(criteria, entry):
                    found.append(entry)
                    if len(found) == limit:
                        return Page(tuple(found), entry.message.id, complete=True)
            if at is None:
                break
            if not complete or self._clock.monotonic() >= until:
                return Page(tuple(found), at, complete=False)
        return Page(tuple(found), None, complete=True)

    def refusals(self, criteria: Criteria, after: str | None, limit: int) -> Page:
        """Refusals alone; there are never more than fit into a moment."""
        matcher = Matcher(criteria.query) if criteria.searches else None
        found: list[Entry | Refusal] = []
        while page := self._history.refusals(criteria.filter, after, PAGE):
            for refusal in page:
                if matcher is None or matcher.holds_refusal(refusal):
                    found.append(refusal)
                    if len(found) == limit:
                        return Page(tuple(found), refusal.id, complete=True)
            after = page[-1].id
        return Page(tuple(found), None, complete=True)

    def arrivals(self, criteria: Criteria, cursor: str | None, limit: int) -> Arrivals:
        """What was kept after the cursor and fits, oldest first; of `limit` that are looked at.

        None begins at the filter's `since_ms`. Raises NotSupported, CursorUnknown.
        """
        watch = need_watch(self._history, "tell in which order events came in")
        filter = criteria.filter
        came = watch.arrivals(cursor, webhook=filter.webhook, since_ms=filter.since_ms, limit=limit)
        matcher = Matcher(criteria.query) if criteria.searches else None
        return replace(
            came, entries=tuple(one for one in came.entries if self._holds(criteria, matcher, one))
        )

    def named(self, criteria: Criteria, ids: Iterable[str]) -> list[Entry | Refusal]:
        """Events and refusals of these ids, those of them that fit; in the order of `ids`."""
        matcher = Matcher(criteria.query) if criteria.searches else None
        found: list[Entry | Refusal] = []
        for id in ids:
            for entry in self._history.events(Filter(id=id), None, 1):
                if self._holds(criteria, matcher, entry):
                    found.append(entry)
                break
            else:
                if criteria.of_refusals:
                    wanted = replace(criteria.filter, id=id)
                    turned = self._history.refusals(wanted, None, 1)
                    found += [
                        one for one in turned if matcher is None or matcher.holds_refusal(one)
                    ]
        return found

    def webhook(self, name: str) -> CompiledWebhook | None:
        """As it is defined; None where it is not, or no longer."""
        webhooks = self._compiled.webhooks if self._compiled else ()
        return next((one for one in webhooks if one.name == name), None)

    def _holds(self, criteria: Criteria, matcher: Matcher | None, entry: Entry) -> bool:
        """Whether it fits all of it, whoever handed it out."""
        return (
            _passes(criteria.filter, entry)
            and (matcher is None or matcher.holds(entry.message))
            and self._fits(criteria, entry)
        )

    def _fits(self, criteria: Criteria, entry: Entry) -> bool:
        webhook = self.webhook(entry.message.webhook)
        if criteria.type is not None:
            type = type_of(entry, webhook)
            if type is None or not fnmatch.fnmatchcase(type, _pattern(criteria.type)):
                return False
        wanted = criteria.verification
        return wanted is None or verification_of(entry, webhook)[0] == wanted

    def _narrowed(self, criteria: Criteria) -> str:
        """What stands in every event of the type, if that is worth looking for."""
        begins = (criteria.type or "").partition("*")[0]
        return begins if len(begins) >= _NARROW_MIN else ""

    def _searched(
        self, criteria: Criteria, after: str | None, limit: int, until: float
    ) -> Iterator[tuple[list[Entry], str | None, bool]]:
        search = search_of(self._history)
        narrowed = self._narrowed(criteria)
        query = criteria.query
        if narrowed:
            query = replace(query, texts=(*query.texts, narrowed))
        while search is not None:
            left = max(0.0, until - self._clock.monotonic())
            page = search.search(query, criteria.filter, after, limit, left)
            yield list(page.entries), page.after, page.complete
            after = page.after

    def _walked(
        self, criteria: Criteria, after: str | None, size: int
    ) -> Iterator[tuple[list[Entry], str | None, bool]]:
        matcher = Matcher(criteria.query) if criteria.searches else None
        while True:
            page = self._history.events(criteria.filter, after, size)
            after = page[-1].message.id if len(page) == size else None
            entries = [one for one in page if matcher is None or matcher.holds(one.message)]
            yield entries, after, True


def _passes(filter: Filter, entry: Entry) -> bool:
    """What the store would have narrowed by."""
    at = entry.message.received_at_ms
    return (
        filter.webhook in (None, entry.message.webhook)
        and filter.state in (None, entry.state)
        and filter.reason in (None, entry.reason)
        and (filter.error is None or any(x.error == filter.error for x in entry.attempts[-1:]))
        and (filter.since_ms is None or at >= filter.since_ms)
        and (filter.until_ms is None or at < filter.until_ms)
    )


def _pattern(type: str) -> str:
    """Only the star means anything."""
    return type.replace("[", "[[]").replace("?", "[?]")
