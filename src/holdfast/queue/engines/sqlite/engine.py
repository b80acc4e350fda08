"""The engine itself: each verb of the contract, in a few lines over the parts beside this file."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.errors import StoreError
from holdfast.message import DeadLetter, Failure, Lease, Message, Receipt
from holdfast.queue.contract import (
    ABILITIES,
    Claim,
    Depth,
    Entry,
    Execution,
    Filter,
    QueueLimits,
    Refusal,
)
from holdfast.queue.engines.sqlite import (
    archive,
    dead,
    handout,
    history,
    queues,
    retention,
    settling,
    upkeep,
)
from holdfast.queue.engines.sqlite.bell import Bell, Ringer
from holdfast.queue.engines.sqlite.beside import Beside
from holdfast.queue.engines.sqlite.clockwatch import ClockWatch
from holdfast.queue.engines.sqlite.desk import DeskFile
from holdfast.queue.engines.sqlite.files import File, Synchronous, storing
from holdfast.queue.engines.sqlite.holders import Begun, inherit
from holdfast.queue.engines.sqlite.search import SearchFile
from holdfast.queue.engines.sqlite.shelf import Shelf, read_receipt, tally
from holdfast.queue.engines.sqlite.store import Store, network_file_system
from holdfast.queue.views import DESK, SEARCH, WATCH
from holdfast.telemetry import Telemetry

SYNC_SECONDS = 1.0
# A first receive that only finds what is beyond help looks again, this often at the most.
TURNS = 50
# Rows per INSERT: each statement lets another thread have the interpreter's lock and then waits for
# it, so a group of any size should take few. In powers of two one of 60 takes four.
CHUNKS = (256, 128, 64, 32, 16, 8, 4, 2, 1)


class SQLiteEngine(Beside):
    """The contract over `inbox.db` and `ledger.db` in the directory `path`.

    holder: the name under which this process leases; made up where absent. Raises StoreError and
    its kin where the store cannot be used.
    """

    name = "sqlite"
    abilities = frozenset({*ABILITIES, DESK, WATCH, SEARCH})

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock = SYSTEM_CLOCK,
        telemetry: Telemetry | None = None,
        holder: str | None = None,
        vfs: str | None = None,
        synchronous: Synchronous | None = None,
    ) -> None:
        """`vfs` and `synchronous` are for the simulated power cut, which must see OFF fail."""
        store = Store(path, vfs=vfs)
        self.store_id = store.prepare()
        self.holder = holder or f"{os.getpid()}-{secrets.token_hex(4)}"
        self._clock = clock
        self._shelf = Shelf(
            store=store,
            outbox=File(store.inbox, synchronous=synchronous or "FULL", vfs=vfs),
            inbox=File(store.inbox, synchronous=synchronous or "FULL", vfs=vfs),
            ledger=File(store.ledger, synchronous=synchronous or "NORMAL", vfs=vfs),
            ringer=Ringer(store.path / "bells", clock),
            clock=clock,
            telemetry=telemetry or Telemetry(),
        )
        self._desk = DeskFile(store)
        self._search = SearchFile(self._shelf)
        self._watch = ClockWatch(self._shelf)
        self._watch.look()
        self._presence = threading.Lock()
        self._begun: Begun | None = None
        self._bell: Bell | None = None
        self._synced_at = float("-inf")
        if kind := network_file_system(store.path):
            self._shelf.telemetry.emit(
                "store.warning",
                message=f"{path} is on {kind}; SQLite's locks are not reliable there",
            )

    # Sender

    def send(
        self, messages: Sequence[Message], delay_seconds: float = 0
    ) -> list[StoreError | None]:
        if not messages:
            return []
        now = self._clock.now_ms()
        visible_at = now + round(delay_seconds * 1000) if delay_seconds else 0
        rows: list[tuple[str | int | bytes, ...]] = []
        counts: dict[str, int] = {}
        outcomes: list[StoreError | None] = []
        for one in messages:
            try:
                head = one.head()
            except TypeError as error:  # text that is none: its neighbours shall not suffer for it
                outcomes.append(StoreError(f"message {one.id} cannot be written down: {error}"))
                continue
            row = (one.id, one.webhook, one.received_at_ms, visible_at, head, one.request.body)
            rows.append(row)
            outcomes.append(None)
            counts[one.webhook] = counts.get(one.webhook, 0) + 1
        with self._shelf.outbox.write() as inbox:
            at = 0
            for chunk in CHUNKS:
                statement = _INSERT[chunk]
                while len(rows) - at >= chunk:
                    inbox.execute(statement, [x for row in rows[at : at + chunk] for x in row])
                    at += chunk
            for webhook, count in counts.items():
                inbox.execute(
                    "INSERT INTO sent VALUES (?, ?)"
                    " ON CONFLICT DO UPDATE SET total = total + excluded.total",
                    (webhook, count),
                )
                tally(inbox, now, webhook, "received", count)
        self._shelf.ringer.ring()
        return outcomes

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        if refusals:
            archive.refuse(self._shelf, refusals, self._clock.now_ms())

    # Receiver

    def configure(self, limits: Mapping[str, QueueLimits]) -> None:
        queues.configure(self._shelf, limits)

    def receive(
        self, webhook: str, limit: int, lease_seconds: float, wait_seconds: float = 0
    ) -> list[Lease]:
        self._present()
        until = self._clock.monotonic() + wait_seconds
        while True:
            leases = self._receive(webhook, limit, lease_seconds)
            left = until - self._clock.monotonic()
            if leases or left <= 0:
                return leases
            self._listen().wait(min(left, 1.0))

    def _receive(self, webhook: str, limit: int, lease_seconds: float) -> list[Lease]:
        # A worker does no upkeep: here it sees that the clock was set, before anything expires.
        now = self._watch.look()
        if limit < 1 or not handout.anything_due(self._shelf, webhook, now):
            return []
        for _ in range(TURNS):
            leases, examined = handout.hand_out(
                self._shelf,
                webhook=webhook,
                holder=self.holder,
                limit=limit,
                lease_ms=round(lease_seconds * 1000),
                now_ms=now,
                may_expire=self._watch.may_expire(),
            )
            if leases or not examined:
                return leases
            now = self._watch.look()
        return []

    def begin(self, receipts: Sequence[Receipt]) -> None:
        self._present().add(map(read_receipt, receipts))

    def settle(self, receipts: Sequence[Receipt], duplicate_of: str | None = None) -> list[bool]:
        answers = settling.settle(self._shelf, receipts, duplicate_of, self._clock.now_ms())
        self._ended(receipts)
        return answers

    def release(self, receipts: Sequence[Receipt], delay_seconds: float = 0) -> list[bool]:
        visible_at = self._clock.now_ms() + round(delay_seconds * 1000)
        answers = settling.release(self._shelf, receipts, visible_at)
        self._ended(receipts)
        self._shelf.ringer.ring()
        return answers

    def extend(
        self, receipts: Sequence[Receipt], lease_seconds: float, failure: Failure | None = None
    ) -> list[bool]:
        held_on = failure is None and lease_seconds > 0
        now = self._clock.now_ms()
        visible_at = now + round(lease_seconds * 1000)
        answers = settling.extend(self._shelf, receipts, visible_at, failure, now, held_on=held_on)
        # A lease that has passed on is no longer this holder's to answer for.
        self._ended(
            receipt
            for receipt, current in zip(receipts, answers, strict=True)
            if not (held_on and current)
        )
        if lease_seconds <= 0:
            self._shelf.ringer.ring()
        return answers

    def bury(self, receipt: Receipt, failure: Failure) -> bool:
        buried = settling.bury(self._shelf, receipt, failure, self._clock.now_ms())
        self._ended([receipt])
        return buried

    def claim(self, receipt: Receipt, delivery_id: str) -> Claim:
        return settling.claim(self._shelf, receipt, delivery_id, self._clock.now_ms())

    def paused(self, webhook: str) -> bool:
        return webhook in self.pauses()

    def bell(self) -> int | None:
        return self._listen().descriptor

    def maintain(self) -> bool:
        shelf, watch = self._shelf, self._watch
        now = watch.look()
        with storing(shelf.store.path):
            upkeep.free_dead_holders(shelf, self.holder)
        if by_ms := watch.set_back_ms():
            upkeep.bring_forward(shelf, by_ms)
            watch.brought_forward(by_ms)
        removed: list[int] = []
        more = watch.may_expire() and retention.step(shelf, now, removed)
        if removed:
            self._search.forget(removed)
        more = upkeep.name_groups(shelf) or more
        if not more:
            upkeep.square_counts(shelf)
            upkeep.trim(shelf)
        if self._clock.monotonic() - self._synced_at >= SYNC_SECONDS:
            watch.sync()
            self._synced_at = self._clock.monotonic()
        upkeep.checkpoint(shelf)
        return more

    def reclaim(self, holder: str) -> None:
        """Free what this holder had in its hands, if it no longer lives."""
        path = self._shelf.store.path / "holders" / holder
        with storing(self._shelf.store.path), inherit(path) as gone:
            if gone is not None:
                upkeep.free(self._shelf, gone)

    # Operator

    def webhooks(self) -> list[str]:
        return [row.webhook for row in self.depth()]

    def depth(self) -> list[Depth]:
        return archive.depth(self._shelf, self._clock.now_ms())

    def browse(self, filter: Filter, after: str | None = None, limit: int = 50) -> list[DeadLetter]:
        return dead.browse(self._shelf, filter, after, limit)

    def redrive(self, ids: Sequence[str]) -> list[bool]:
        answers = dead.redrive(self._shelf, ids, self._clock.now_ms())
        self._shelf.ringer.ring()
        return answers

    def purge(self, ids: Sequence[str]) -> list[bool]:
        return dead.purge(self._shelf, ids)

    def pause(self, webhook: str) -> None:
        queues.set_paused(self._shelf, webhook, paused=True)

    def resume(self, webhook: str) -> None:
        queues.set_paused(self._shelf, webhook, paused=False)
        self._shelf.ringer.ring()

    def pauses(self) -> list[str]:
        return queues.pauses(self._shelf)

    # Archive

    def record(self, executions: Sequence[Execution]) -> None:
        archive.record(self._shelf, executions)

    def executions(self, message_id: str) -> list[Execution]:
        return archive.executions(self._shelf, message_id)

    def events(self, filter: Filter, after: str | None = None, limit: int = 50) -> list[Entry]:
        return history.events(self._shelf, filter, after, limit, self._clock.now_ms())

    def refusals(self, filter: Filter, after: str | None = None, limit: int = 50) -> list[Refusal]:
        return archive.refusals(self._shelf, filter, after, limit)

    def rates(self, window_seconds: float) -> dict[str, dict[str, float]]:
        return archive.rates(self._shelf, round(window_seconds * 1000), self._clock.now_ms())

    def close(self) -> None:
        self._close(keep_holder=False)

    def abandon(self) -> None:
        """Close as a crash would: leases stay, and the holder's file with what it had begun."""
        self._close(keep_holder=True)

    def _close(self, *, keep_holder: bool) -> None:
        if self._begun is not None:
            self._begun.close(keep_file=keep_holder)
            self._begun = None
        if self._bell is not None:
            self._bell.close()
            self._bell = None
        self._shelf.ringer.close()
        self._desk.close()
        self._search.close()
        for file in (self._shelf.outbox, self._shelf.inbox, self._shelf.ledger):
            file.close()

    def _present(self) -> Begun:
        """This holder's file, made when it first leases. Raises StoreError."""
        with self._presence:
            if self._begun is None:
                directory = self._shelf.store.path / "holders"
                # Under a name that was used before: first free what its earlier life held.
                self.reclaim(self.holder)
                with storing(self._shelf.store.path):
                    if (directory / self.holder).exists():
                        raise StoreError(f"another process already leases as {self.holder}")
                    self._begun = Begun(directory, self.holder)
            return self._begun

    def _ended(self, receipts: Iterable[Receipt]) -> None:
        if self._begun is not None:
            self._begun.remove(map(read_receipt, receipts))

    def _listen(self) -> Bell:
        self._present()  # a bell without a holder's file is somebody's leftover
        with self._presence:
            if self._bell is None:
                directory = self._shelf.store.path / "bells"
                with storing(self._shelf.store.path):
                    self._bell = Bell(directory, self.holder)
            return self._bell


_INSERT = {
    chunk: "INSERT INTO message (id, webhook, received_at, visible_at, head, body) VALUES "
    + ",".join(["(?, ?, ?, ?, ?, ?)"] * chunk)
    for chunk in CHUNKS
}
