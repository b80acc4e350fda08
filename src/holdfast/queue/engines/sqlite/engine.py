"""The engine itself: each verb of the contract, in a few lines over the parts beside this file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.errors import StoreError
from holdfast.message import DeadLetter, Failure, Lease, Message, Receipt
from holdfast.queue.contract import (
    Claim,
    Depth,
    Entry,
    Execution,
    Filter,
    QueueLimits,
    Refusal,
)
from holdfast.queue.engines.sqlite import archive, dead, handout, settling, upkeep
from holdfast.queue.engines.sqlite.bell import Bell, Ringer
from holdfast.queue.engines.sqlite.files import File, Store, Synchronous, network_file_system
from holdfast.queue.engines.sqlite.holders import Begun, inherit
from holdfast.queue.engines.sqlite.query import select
from holdfast.queue.engines.sqlite.shelf import Shelf, read_receipt, tally
from holdfast.telemetry import Telemetry

SYNC_SECONDS = 1.0
# A first receive that only finds what is beyond help looks again, this often at the most.
TURNS = 50
# Rows per INSERT: each statement lets another thread have the interpreter's lock and then waits for
# it, so a group of any size should take few. In powers of two one of 60 takes four.
CHUNKS = (256, 128, 64, 32, 16, 8, 4, 2, 1)


class SQLiteEngine:
    """The contract over `inbox.db` and `ledger.db` in the directory `path`.

    holder: the name under which this process leases; made up where absent. Raises StoreError and
    its kin where the store cannot be used.
    """

    name = "sqlite"
    abilities = frozenset({"archive", "bell", "uncount", "alone"})

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
            ringer=Ringer(path / "bells", clock),
            clock=clock,
            telemetry=telemetry or Telemetry(),
        )
        self._watch = upkeep.ClockWatch(self._shelf)
        self._watch.look()
        self._begun: Begun | None = None
        self._bell: Bell | None = None
        self._synced_at = float("-inf")
        if kind := network_file_system(path):
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
        rows = [
            (one.id, one.webhook, one.received_at_ms, visible_at, one.head(), one.request.body)
            for one in messages
        ]
        counts: dict[str, int] = {}
        for one in messages:
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
        return [None] * len(messages)

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        if refusals:
            archive.refuse(self._shelf, refusals, self._clock.now_ms())

    # Receiver

    def configure(self, limits: Mapping[str, QueueLimits]) -> None:
        with self._shelf.ledger.write(durable=True) as ledger:
            for webhook, one in limits.items():
                ledger.execute(
                    "INSERT INTO queue (webhook, retention, dead_retention, max_receive_count)"
                    " VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " retention = excluded.retention, dead_retention = excluded.dead_retention,"
                    " max_receive_count = excluded.max_receive_count",
                    (
                        webhook,
                        round(one.retention_seconds * 1000),
                        round(one.dead_retention_seconds * 1000),
                        one.max_receive_count,
                    ),
                )

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
        if limit < 1 or not handout.anything_due(self._shelf, webhook, self._clock.now_ms()):
            return []
        for _ in range(TURNS):
            leases, examined = handout.hand_out(
                self._shelf,
                webhook=webhook,
                holder=self.holder,
                limit=limit,
                lease_ms=round(lease_seconds * 1000),
                now_ms=self._clock.now_ms(),
                may_expire=self._watch.may_expire(),
            )
            if leases or not examined:
                return leases
        return []

    def begin(self, receipts: Sequence[Receipt]) -> None:
        self._present().add(read_receipt(receipt)[0] for receipt in receipts)

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
        visible_at = self._clock.now_ms() + round(lease_seconds * 1000)
        answers = settling.extend(self._shelf, receipts, visible_at, failure, held_on=held_on)
        if not held_on:
            self._ended(receipts)
        if lease_seconds <= 0:
            self._shelf.ringer.ring()
        return answers

    def bury(self, receipt: Receipt, failure: Failure) -> bool:
        buried = settling.bury(self._shelf, receipt, failure, self._clock.now_ms())
        self._ended([receipt])
        return buried

    def claim(self, receipt: Receipt, delivery_id: str) -> Claim:
        return settling.claim(self._shelf, receipt, delivery_id)

    def paused(self, webhook: str) -> bool:
        return webhook in self.pauses()

    def bell(self) -> int | None:
        return self._listen().descriptor

    def maintain(self) -> bool:
        self._watch.look()
        upkeep.free_dead_holders(self._shelf, self.holder)
        more = self._watch.may_expire() and upkeep.expire(self._shelf)
        if self._watch.may_expire():
            more = upkeep.remove_old_dead(self._shelf) or more
            more = upkeep.remove_finished(self._shelf) or more
        if not more:
            upkeep.trim(self._shelf)
        if self._clock.monotonic() - self._synced_at >= SYNC_SECONDS:
            upkeep.sync(self._shelf)
            self._synced_at = self._clock.monotonic()
        upkeep.checkpoint(self._shelf)
        return more

    def reclaim(self, holder: str) -> None:
        """Free what this holder had in its hands, if it no longer lives."""
        with inherit(self._shelf.store.path / "holders" / holder) as gone:
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
        self._set_paused(webhook, paused=True)

    def resume(self, webhook: str) -> None:
        self._set_paused(webhook, paused=False)
        self._shelf.ringer.ring()

    def pauses(self) -> list[str]:
        with self._shelf.ledger.read() as ledger:
            rows = select(ledger, "SELECT webhook FROM queue WHERE paused ORDER BY webhook")
            return [webhook for (webhook,) in rows]

    # Archive

    def record(self, executions: Sequence[Execution]) -> None:
        archive.record(self._shelf, executions)

    def executions(self, message_id: str) -> list[Execution]:
        return archive.executions(self._shelf, message_id)

    def events(self, filter: Filter, after: str | None = None, limit: int = 50) -> list[Entry]:
        return archive.events(self._shelf, filter, after, limit, self._clock.now_ms())

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
        for file in (self._shelf.outbox, self._shelf.inbox, self._shelf.ledger):
            file.close()

    def _present(self) -> Begun:
        if self._begun is None:
            self._begun = Begun(self._shelf.store.path / "holders", self.holder)
        return self._begun

    def _ended(self, receipts: Sequence[Receipt]) -> None:
        if self._begun is not None:
            self._begun.remove(read_receipt(receipt)[0] for receipt in receipts)

    def _listen(self) -> Bell:
        if self._bell is None:
            self._bell = Bell(self._shelf.store.path / "bells", self.holder)
        return self._bell

    def _set_paused(self, webhook: str, *, paused: bool) -> None:
        with self._shelf.ledger.write(durable=True) as ledger:
            ledger.execute("UPDATE queue SET paused = ? WHERE webhook = ?", (paused, webhook))


_INSERT = {
    chunk: "INSERT INTO message (id, webhook, received_at, visible_at, head, body) VALUES "
    + ",".join(["(?, ?, ?, ?, ?, ?)"] * chunk)
    for chunk in CHUNKS
}
