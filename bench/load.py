"""The scripted load of the power cuts, and the books that are kept on what was promised meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Final

import apsw

from holdfast.clock import ManualClock
from holdfast.errors import StoreFormat
from holdfast.message import Failure, Headers, Lease, Message, Request
from holdfast.queue.contract import Filter, QueueLimits, State
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.queue.engines.sqlite.files import Synchronous

ORDERS: Final = "orders"
HOUR: Final = 3_600.0
LIMITS: Final = QueueLimits(retention_seconds=24 * HOUR, dead_retention_seconds=1_000 * HOUR)
# Odd sizes: some messages share a page, some need several of their own.
SIZES: Final = (0, 40, 700, 3_000, 9_000)


class Fate(Enum):
    """What may have become of a message. Waiting or leased, it is `LIVE`."""

    LIVE = "live"
    DONE = "done"
    DEAD = "dead"
    GONE = "gone"


FATES: Final = {
    State.WAITING: Fate.LIVE,
    State.LEASED: Fate.LIVE,
    State.DONE: Fate.DONE,
    State.DEAD: Fate.DEAD,
    State.PURGED: Fate.GONE,
}


def find(engine: SQLiteEngine) -> dict[str, Fate]:
    """Where every message in the store is. Raises StoreFormat where one is there twice."""
    fates: dict[str, Fate] = {}
    after: str | None = None
    while page := engine.events(Filter(newest_first=False), after, 200):
        for entry in page:
            after = entry.message.id
            if after in fates:
                raise StoreFormat(f"{after} is there twice")
            fates[after] = FATES[entry.state]
    return fates


class Books:
    """For every message that was sent, where it is, and where a power cut may put it back to."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self._now: dict[str, Fate] = {}
        self._possible: dict[str, set[Fate]] = {}

    @contextlib.contextmanager
    def sending(self, messages: Iterable[Message]) -> Iterator[None]:
        """Until send returns, they may or may not be there; then they must be."""
        ids = [message.id for message in messages]
        for id in ids:
            self._possible[id] = {Fate.GONE, Fate.LIVE}
        yield
        for id in ids:
            self._now[id], self._possible[id] = Fate.LIVE, {Fate.LIVE}
        self.acknowledged += len(ids)

    @contextlib.contextmanager
    def moving(self, ids: Iterable[str], fate: Fate, *, durable: bool) -> Iterator[None]:
        """A verb takes them there. Until a durable one returns, they may still be where they were.

        A durable commit makes every earlier one of the same file durable too.
        """
        moved = list(ids)
        for id in moved:
            self._possible[id].add(fate)
        yield
        for id in moved:
            self._now[id] = fate
        if durable and moved:
            for id, now in self._now.items():
                self._possible[id] = {now}

    @contextlib.contextmanager
    def aging(self, engine: SQLiteEngine) -> Iterator[None]:
        """Receives and upkeep that may bury what lives and remove what is done, as they see fit."""
        for id, fate in self._now.items():
            self._possible[id].add({Fate.LIVE: Fate.DEAD, Fate.DONE: Fate.GONE}.get(fate, fate))
        yield
        found = find(engine)
        for id in self._now:
            self._now[id] = found.get(id, Fate.GONE)

    def broken(self, found: dict[str, Fate]) -> list[str]:
        """Every promise that was not kept."""
        return [
            f"{id} is {found.get(id, Fate.GONE).value}, "
            f"promised: {' or '.join(sorted(fate.value for fate in possible))}"
            for id, possible in self._possible.items()
            if found.get(id, Fate.GONE) not in possible
        ] + [f"{id} was never sent" for id in found.keys() - self._possible.keys()]


class Load:
    """A gateway and a worker on one store, every verb, on both files. The same each time."""

    def __init__(
        self,
        store: Path,
        clock: ManualClock,
        books: Books,
        *,
        vfs: str,
        synchronous: Synchronous | None = None,
    ) -> None:
        self.store = store
        self._clock = clock
        self._books = books
        self._vfs = vfs
        self._synchronous = synchronous
        self._engines: list[SQLiteEngine] = []
        self._sent = 0

    def run(self) -> None:
        """All of it. Raises StoreError when the power goes."""
        self._gateway = self._open("gateway")
        self._worker = self._open("worker")
        self._worker.configure({ORDERS: LIMITS})
        for size in (1, 3, 8):
            self._send(size)
        self._work_a_batch()
        self._checkpoint("ledger.db", "PASSIVE")
        self._send(6)
        self._work_duplicates()
        self._checkpoint("inbox.db", "TRUNCATE")
        self._send(5)
        self._die_and_be_freed()
        self._send(2)
        self._checkpoint("ledger.db", "TRUNCATE")
        self._work_a_batch()
        self._exhaust()
        self._restart()
        self._send(4)
        self._checkpoint("inbox.db", "RESTART")
        self._forget_what_is_old()
        self._send(3)
        self._work_a_batch()

    def abandon(self) -> None:
        """The machine is off: nobody says goodbye."""
        for engine in self._engines:
            engine.abandon()
        self._engines.clear()

    def _open(self, holder: str) -> SQLiteEngine:
        engine = SQLiteEngine(
            self.store,
            clock=self._clock,
            holder=holder,
            vfs=self._vfs,
            synchronous=self._synchronous,
        )
        self._engines.append(engine)
        return engine

    def _send(self, count: int) -> None:
        messages = []
        for _ in range(count):
            self._sent += 1
            messages.append(make_message(self._sent, self._clock.now_ms()))
        with self._books.sending(messages):
            self._gateway.send(messages)
        self._clock.advance(0.01)

    def _receive(self, limit: int) -> list[Lease]:
        leases = self._worker.receive(ORDERS, limit, 30)
        self._worker.begin([lease.receipt for lease in leases])
        return leases

    def _work_a_batch(self) -> None:
        """Settle some, release some, try some again later, bury two, redrive one, purge one."""
        leases = self._receive(9)
        receipts = [lease.receipt for lease in leases]
        ids = [lease.message.id for lease in leases]
        with self._books.moving(ids[:4], Fate.DONE, durable=False):
            self._worker.settle(receipts[:4])
        self._worker.release(receipts[4:5])
        self._worker.extend(receipts[5:6], 60)
        self._worker.extend(receipts[6:7], 5, self._failure("OSError", ""))
        for id, receipt in zip(ids[7:], receipts[7:], strict=True):
            with self._books.moving([id], Fate.DEAD, durable=True):
                self._worker.bury(receipt, self._failure("ValueError", "permanent"))
        with self._books.moving(ids[7:8], Fate.LIVE, durable=True):
            self._worker.redrive(ids[7:8])
        with self._books.moving(ids[8:9], Fate.GONE, durable=True):
            self._worker.purge(ids[8:9])
        self._maintain()

    def _work_duplicates(self) -> None:
        """Two deliveries of one event: the first is worked, the second settled as its duplicate."""
        first, second = self._receive(2)
        self._worker.claim(first.receipt, "evt_1")
        self._worker.claim(second.receipt, "evt_1")
        with self._books.moving([first.message.id], Fate.DONE, durable=False):
            self._worker.settle([first.receipt])
        self._worker.claim(second.receipt, "evt_1")
        with self._books.moving([second.message.id], Fate.DONE, durable=False):
            self._worker.settle([second.receipt], duplicate_of=first.message.id)

    def _die_and_be_freed(self) -> None:
        """The worker crashes with its hands full; the next one frees what it held."""
        self._receive(3)
        self._engines.remove(self._worker)
        self._worker.abandon()
        self._worker = self._open("next-worker")
        self._worker.reclaim("worker")
        self._maintain()

    def _exhaust(self) -> None:
        """Everything is handed out as often as it may be; the next receive buries it."""
        with self._books.aging(self._worker):
            for _ in range(LIMITS.max_receive_count + 1):
                for lease in self._receive(50):
                    self._worker.extend([lease.receipt], 0, self._failure("KeyError", ""))
                self._clock.advance(60)

    def _restart(self) -> None:
        """A clean end and a new beginning: the logs are written out and removed."""
        for engine in self._engines:
            engine.close()
        self._engines.clear()
        self._gateway, self._worker = self._open("gateway-2"), self._open("worker-2")

    def _forget_what_is_old(self) -> None:
        """Retention passes over what is done, and removes its bodies."""
        for lease in self._receive(50):
            with self._books.moving([lease.message.id], Fate.DONE, durable=False):
                self._worker.settle([lease.receipt])
        self._clock.advance(25 * HOUR)
        with self._books.aging(self._worker):
            while self._worker.maintain():
                pass

    def _maintain(self) -> None:
        self._clock.advance(2)
        self._worker.maintain()

    def _checkpoint(self, name: str, kind: str) -> None:
        """By a third process, whenever it likes."""
        try:
            connection = apsw.Connection(str(self.store / name), vfs=self._vfs)
            try:
                connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchall()
            finally:
                connection.close(force=True)
        except apsw.IOError:
            # The power went; the next verb will say so in the engine's words.
            return

    def _failure(self, error: str, reason: str) -> Failure:
        return Failure(error, "as scripted", "Handle", self._clock.now_ms(), 1, reason)


def make_message(number: int, now_ms: int) -> Message:
    """The same bytes for the same number, every time."""
    body = (f"{number}:".encode() * 10_000)[: SIZES[number % len(SIZES)]]
    request = Request("POST", "/orders", "", Headers.of({"x-number": str(number)}), body)
    return Message(f"{now_ms:012x}{number:020x}", ORDERS, now_ms, request)
