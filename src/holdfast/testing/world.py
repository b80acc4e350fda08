"""What a queue in memory keeps, as plain data, and how it is shown.

`World` is one store. `MemoryEngine` in `holdfast.testing.model` says what the verbs do to it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from holdfast.message import DeadLetter, Failure, Message, Receipt
from holdfast.queue.contract import (
    DUPLICATE_WINDOW_SECONDS,
    ClaimAnswer,
    Entry,
    Execution,
    Filter,
    QueueLimits,
    Refusal,
    State,
)

REFUSALS_KEPT: Final = 10_000


@dataclass(slots=True)
class Record:
    """One message and everything that became of it."""

    message: Message
    number: int
    """Order of arrival."""
    kept_from_ms: int
    """When its retention began: on arrival, and anew on redrive."""
    visible_at_ms: int | None = None
    """When it can be received; None: at once, whatever the clock says."""
    state: State = State.WAITING
    receive_count: int = 0
    receipt: Receipt | None = None
    holder: str | None = None
    alone: bool = False
    attempts: tuple[Failure, ...] = ()
    finished_at_ms: int | None = None
    reason: str | None = None
    delivery_id: str | None = None
    """Under which it was granted a claim."""
    duplicate_of: str | None = None
    superseded_by: str | None = None

    @property
    def failure(self) -> Failure | None:
        return self.attempts[-1] if self.attempts else None

    def visible(self, now_ms: int) -> bool:
        return self.visible_at_ms is None or self.visible_at_ms <= now_ms

    def state_at(self, now_ms: int) -> State:
        """Where it is. A lease that ended leaves it waiting."""
        ended = self.state is State.LEASED and self.visible(now_ms)
        return State.WAITING if ended else self.state

    def wait(self, visible_at_ms: int) -> None:
        """Back in the queue, in nobody's hands."""
        self.state, self.visible_at_ms = State.WAITING, visible_at_ms
        self.receipt, self.holder = None, None

    def die(self, now_ms: int, reason: str) -> None:
        """To dead letters."""
        self.finish(State.DEAD, now_ms)
        self.reason = reason

    def finish(self, state: State, now_ms: int) -> None:
        """Done, dead or purged."""
        self.state, self.finished_at_ms = state, now_ms
        self.visible_at_ms, self.receipt, self.holder = None, None, None
        self.alone = False

    def worker_died(self, now_ms: int) -> Failure:
        return Failure(
            error="Holdfast.WorkerDied",
            cause=f"the worker {self.holder} ended while this was being worked",
            at_ms=now_ms,
            attempt=self.receive_count,
        )

    def dead_letter(self) -> DeadLetter:
        """As `browse` shows it."""
        return DeadLetter(
            self.message,
            self.reason or "",
            self.failure,
            self.attempts,
            self.finished_at_ms or 0,
            self.receive_count,
            self.superseded_by,
        )

    def entry(self, now_ms: int) -> Entry:
        """As `events` shows it."""
        return Entry(
            self.message,
            self.state_at(now_ms),
            self.receive_count,
            self.visible_at_ms,
            self.finished_at_ms,
            self.duplicate_of,
            self.attempts,
            self.reason,
        )


CLAIM_ANSWERS: Final = {
    State.WAITING: ClaimAnswer.HELD,
    State.LEASED: ClaimAnswer.HELD,
    State.DONE: ClaimAnswer.DUPLICATE,
}
"""What a message hears whose delivery id another one in this state holds; else it is granted."""


@dataclass(slots=True)
class World:
    """One store: what every engine over it shares."""

    records: dict[str, Record] = field(default_factory=dict)
    limits: dict[str, QueueLimits] = field(default_factory=dict)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)
    """(webhook, delivery id) -> id of the message that holds it."""
    remembered: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    """(webhook, delivery id) -> id of a message that was done and is removed, and until when."""
    leased: dict[Receipt, str] = field(default_factory=dict)
    """Every receipt ever given out -> message id."""
    begun: set[tuple[str, Receipt]] = field(default_factory=set)
    """(holder, receipt): what is being worked, whether its receipt is still current or not."""
    paused: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=REFUSALS_KEPT))
    executions: list[Execution] = field(default_factory=list)
    arrivals: int = 0
    receipts: int = 0
    news: threading.Condition = field(default_factory=threading.Condition)
    """Held while a verb runs, so that each is one step; notified when something was sent."""

    def queue(self, webhook: str) -> list[Record]:
        """Everything of one webhook, in order of arrival."""
        return [record for record in self.records.values() if record.message.webhook == webhook]

    def holding(self, receipt: Receipt) -> Record | None:
        """The message whose current receipt this is; None: the receipt is stale."""
        current = (record for record in self.records.values() if record.receipt == receipt)
        return next(current, None)

    def holds(self, record: Record) -> bool:
        """Whether it is the one under its delivery id."""
        key = (record.message.webhook, record.delivery_id or "")
        return self.claims.get(key) == record.message.id

    def unclaim(self, record: Record) -> None:
        """A delivery id is remembered for as long as the message that holds it, and a finished one
        for the window of duplicates."""
        if self.holds(record):
            key = (record.message.webhook, record.delivery_id or "")
            del self.claims[key]
            if record.state is State.DONE and record.finished_at_ms is not None:
                until = record.finished_at_ms + round(DUPLICATE_WINDOW_SECONDS * 1000)
                self.remembered[key] = (record.message.id, until)

    def done_before(self, key: tuple[str, str], now_ms: int) -> str | None:
        """The message that worked this delivery and is removed by now."""
        id, until = self.remembered.get(key, (None, now_ms))
        return id if until > now_ms else None

    def begun_by(self, holder: str) -> list[Receipt]:
        """What a holder is working."""
        return [
            receipt for name, receipt in self.begun if name == holder and receipt in self.leased
        ]

    def limits_of(self, webhook: str) -> QueueLimits:
        """The numbers of a queue; the defaults where nobody set any."""
        return self.limits.get(webhook) or QueueLimits()

    def outcomes(self) -> Iterator[tuple[str | None, str, int]]:
        """Webhook, outcome and time of everything that happened."""
        for record in self.records.values():
            yield record.message.webhook, "received", record.message.received_at_ms
            if record.state in {State.DONE, State.DEAD}:
                yield record.message.webhook, record.state.value, record.finished_at_ms or 0
        for refusal in self.refusals:
            yield refusal.webhook, "refused", refusal.at_ms


Row = TypeVar("Row", Record, Refusal)


def page(
    rows: Sequence[tuple[str, Row]], filter: Filter, after: str | None, limit: int
) -> list[Row]:
    """The next `limit` rows in id order; each row comes with its id."""
    ordered = sorted(rows, key=lambda row: row[0], reverse=filter.newest_first)
    if after is not None:
        newest = filter.newest_first
        ordered = [row for row in ordered if (row[0] < after if newest else row[0] > after)]
    return [row for _, row in ordered[:limit]]


def fits(record: Record, filter: Filter, now_ms: int, at_ms: int | None = None) -> bool:
    """Whether a message matches: every field that is given. `at_ms`: its time; default: arrival."""
    message = record.message
    return (
        filter.id in {None, message.id}
        and filter.webhook in {None, message.webhook}
        and filter.state in {None, record.state_at(now_ms)}
        and filter.reason in {None, record.reason}
        and filter.error in {None, record.failure.error if record.failure else None}
        and _within(message.received_at_ms if at_ms is None else at_ms, filter)
    )


def refusal_fits(refusal: Refusal, filter: Filter) -> bool:
    """Whether a refusal matches. It has no state and no error."""
    return (
        filter.id in {None, refusal.id}
        and filter.webhook in {None, refusal.webhook}
        and filter.reason in {None, refusal.reason}
        and _within(refusal.at_ms, filter)
    )


def _within(at_ms: int, filter: Filter) -> bool:
    """From `since_ms` on, up to and without `until_ms`."""
    return (filter.since_ms is None or filter.since_ms <= at_ms) and (
        filter.until_ms is None or at_ms < filter.until_ms
    )
