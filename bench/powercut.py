"""Cut the power at every single write and sync of a scripted load, and see what is left.

    python -m bench.powercut [--cuts N] [--every K] [--mode forget|subset|both] [--synchronous off]

`kill -9` keeps the page cache, so it proves nothing about fsync; this does. For each cut the same
load runs on a new store until the power goes during operation number n. What was not synced is
forgotten (or an arbitrary part of it kept, one write torn: see `bench.disk`), and the store is
opened again by an engine that knows nothing of all this:

  lost      a message whose send returned is nowhere, or not where a durable verb put it
  unsound   the store does not open, fails SQLite's integrity check, or has a message twice

Both must be 0. Redelivery is allowed: workers commit without a sync on purpose. With
`--synchronous off` the same run must lose messages; if it did not, it would prove nothing.

Exit code: 0 nothing lost and all sound; 1 otherwise.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from bench.disk import Disk, Mode
from bench.load import Books, Load, find
from holdfast.clock import ManualClock
from holdfast.errors import HoldfastError, StoreError
from holdfast.queue.contract import Filter, State
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.queue.engines.sqlite.files import Synchronous


@dataclass(slots=True)
class Outcome:
    """What one cut came to. `finished`: the load was over before the cut."""

    acknowledged: int
    finished: bool
    operations: int
    lost: list[str] = field(default_factory=list)
    unsound: list[str] = field(default_factory=list)


_names = (f"powercut-{number}" for number in itertools.count())


def cut(store: Path, at: int | None, mode: Mode, synchronous: Synchronous | None = None) -> Outcome:
    """Run the load on a new store, cut the power during operation `at`, look at what is left."""
    disk = Disk(next(_names))
    disk.cut_at = at
    books, clock = Books(), ManualClock()
    load = Load(store, clock, books, vfs=disk.name, synchronous=synchronous)
    try:
        load.run()
    except (StoreError, apsw.IOError):
        # The second: apsw hands on an error in a close, which SQLite itself would ignore.
        finished = False
    else:
        finished = True
    finally:
        # Nothing reaches the disk any more, not even a farewell.
        disk.dark = True
        load.abandon()
        disk.unregister()
    disk.restore(mode, seed=at or 0)
    outcome = Outcome(books.acknowledged, finished, disk.operations)
    look(store, clock, books, outcome)
    return outcome


def look(store: Path, clock: ManualClock, books: Books, outcome: Outcome) -> None:
    """Open what is left, and compare it with what was promised."""
    try:
        engine = SQLiteEngine(store, clock=clock, holder="after")
    except StoreError as error:
        outcome.unsound.append(f"does not open: {error}")
        return
    try:
        outcome.unsound += unsound_files(store)
        outcome.lost += books.broken(find(engine))
        outcome.lost += undelivered(engine, clock)
    except (HoldfastError, apsw.Error) as error:
        outcome.unsound.append(f"{type(error).__name__}: {error}")
    finally:
        engine.close()


def unsound_files(store: Path) -> Iterator[str]:
    """What SQLite's own check says."""
    for name in ("inbox.db", "ledger.db"):
        connection = apsw.Connection(str(store / name))
        try:
            for (said,) in connection.execute("PRAGMA integrity_check"):
                if said != "ok":
                    yield f"{name}: {said}"
        finally:
            connection.close()


def undelivered(engine: SQLiteEngine, clock: ManualClock) -> list[str]:
    """Messages that are said to be live, but that no worker would ever be handed."""
    # Whatever the dead process held is free once its leases are over.
    clock.advance(3_600)
    while engine.maintain():
        pass
    waiting = live(engine)
    handed_out: set[str] = set()
    for webhook in engine.webhooks():
        engine.resume(webhook)
        idle = 0
        while idle < 2:
            leases = engine.receive(webhook, 50, 36_000)
            handed_out.update(lease.message.id for lease in leases)
            idle = 0 if leases else idle + 1
    # What had been handed out too often is a dead letter now, and that is delivered too.
    return [f"{id} waits, but is never handed out" for id in waiting & live(engine) - handed_out]


def live(engine: SQLiteEngine) -> set[str]:
    return {
        entry.message.id
        for state in (State.WAITING, State.LEASED)
        for entry in engine.events(Filter(state=state), limit=10_000)
    }


@dataclass(slots=True)
class Tally:
    """Many cuts together."""

    cuts: int = 0
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    unsound: list[str] = field(default_factory=list)

    def add(self, at: int, outcome: Outcome) -> None:
        self.cuts += 1
        self.acknowledged += outcome.acknowledged
        self.lost += [f"cut {at}: {what}" for what in outcome.lost]
        self.unsound += [f"cut {at}: {what}" for what in outcome.unsound]


def run(
    points: Iterable[int], mode: Mode, synchronous: Synchronous | None = None
) -> Iterator[tuple[int, Outcome]]:
    """One cut after the other, until the points or the load's operations are used up."""
    for at in points:
        store = Path(tempfile.mkdtemp(prefix="powercut-"))
        try:
            outcome = cut(store, at, mode, synchronous)
        finally:
            shutil.rmtree(store)
        yield at, outcome
        if outcome.finished:
            return


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.powercut", description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=10_000, help="stop after so many (per mode)")
    parser.add_argument("--every", type=int, default=1, help="only every so-manyth operation")
    parser.add_argument("--mode", choices=("forget", "subset", "both"), default="both")
    parser.add_argument("--synchronous", choices=("off",), help="never sync: this must lose")
    given = parser.parse_args(arguments)
    modes: tuple[Mode, ...] = ("forget", "subset") if given.mode == "both" else (given.mode,)
    bad = False
    for mode in modes:
        tally = Tally()
        points = range(1, 1 + given.cuts * given.every, given.every)
        for at, outcome in run(points, mode, "OFF" if given.synchronous else None):
            tally.add(at, outcome)
            if sys.stderr.isatty():
                print(f"\r{mode}: cut at operation {at}", end="", file=sys.stderr, flush=True)
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        for what in (tally.lost + tally.unsound)[:20]:
            print(f"  {what}")
        print(
            f"{mode}: cuts {tally.cuts}, acknowledged {tally.acknowledged}, "
            f"lost {len(tally.lost)}, unsound {len(tally.unsound)}"
        )
        bad = bad or bool(tally.lost or tally.unsound)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
