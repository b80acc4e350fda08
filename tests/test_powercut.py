"""Power cuts, failing syncs and full disks: nothing acknowledged is lost. See `bench/powercut.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from bench.disk import Disk, Mode, Platter, Truncate, Write
from bench.load import make_message
from bench.powercut import Tally, cut, run

from holdfast.clock import ManualClock
from holdfast.errors import StoreError, StoreFull
from holdfast.queue.contract import Filter, QueueLimits
from holdfast.queue.engines.sqlite import SQLiteEngine


def cuts(points: range, mode: Mode, **settings: str) -> Tally:
    tally = Tally()
    for at, outcome in run(points, mode, "OFF" if settings else None):
        tally.add(at, outcome)
    return tally


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Disk]:
    """A disk of the test's own, known to SQLite under its name."""
    disk = Disk(f"disk-{request.node.name}")
    yield disk
    disk.unregister()


def kept_after_power_cut(store: Path, disk: Disk, engine: SQLiteEngine) -> set[str]:
    """The ids that are left once the power goes and every write without a sync is forgotten."""
    disk.dark = True
    engine.abandon()
    disk.restore("forget", seed=0)
    survivor = SQLiteEngine(store, clock=ManualClock(), holder="after")
    try:
        return {entry.message.id for entry in survivor.events(Filter(), limit=10_000)}
    finally:
        survivor.close()


@pytest.mark.parametrize(("mode", "first"), [("forget", 5), ("subset", 18)])
def test_a_power_cut_loses_nothing_that_was_acknowledged(mode: Mode, first: int) -> None:
    """At every 59th write or sync of the load; `python -m bench.powercut` tries every one."""
    tally = cuts(range(first, 10_000, 59), mode)

    assert tally.lost == []
    assert tally.unsound == []
    assert tally.cuts > 10
    assert tally.acknowledged > 100


def test_without_syncs_a_power_cut_does_lose() -> None:
    """Otherwise the test above would prove nothing."""
    assert cuts(range(300, 700, 200), "forget", synchronous="OFF").lost


def test_the_load_itself_keeps_its_promises(tmp_path: Path) -> None:
    """Without any cut the books balance, so what a cut breaks is the cut's doing."""
    outcome = cut(tmp_path, None, "forget")

    assert outcome.finished
    assert outcome.lost == []
    assert outcome.unsound == []


def test_a_sync_that_fails_loses_nothing_that_was_acknowledged(tmp_path: Path, disk: Disk) -> None:
    """The kernel drops the pages and calls them clean: whatever was not synced must not count."""
    engine = SQLiteEngine(tmp_path, clock=ManualClock(), holder="gateway", vfs=disk.name)
    acknowledged, refused = set(), 0
    for number in range(1, 31):
        if number % 10 == 5:
            disk.fail_sync_at = disk.syncs + 1
        message = make_message(number, 1)
        try:
            engine.send([message])
        except StoreError:
            refused += 1
        else:
            acknowledged.add(message.id)

    assert refused == 3
    assert len(acknowledged) == 27
    assert acknowledged <= kept_after_power_cut(tmp_path, disk, engine)


def test_a_full_disk_refuses_and_recovers_by_itself(tmp_path: Path, disk: Disk) -> None:
    """StoreFull while it lasts; with room again, the same engine keeps again."""
    engine = SQLiteEngine(tmp_path, clock=ManualClock(), holder="gateway", vfs=disk.name)
    acknowledged = set()
    for number in range(1, 31):
        disk.full = 10 < number <= 20
        message = make_message(number, 1)
        if disk.full:
            with pytest.raises(StoreFull):
                engine.send([message])
        else:
            engine.send([message])
            acknowledged.add(message.id)

    assert acknowledged <= kept_after_power_cut(tmp_path, disk, engine)
    assert len(acknowledged) == 20


def test_a_full_disk_keeps_what_workers_had(tmp_path: Path, disk: Disk) -> None:
    """A settle that finds no room raises, and the message is still its holder's."""
    engine = SQLiteEngine(tmp_path, clock=ManualClock(), holder="worker", vfs=disk.name)
    engine.configure({"orders": QueueLimits()})
    engine.send([make_message(1, ManualClock().now_ms())])
    (lease,) = engine.receive("orders", 1, 30)
    disk.full = True
    with pytest.raises(StoreFull):
        engine.settle([lease.receipt])

    disk.full = False

    assert engine.settle([lease.receipt]) == [True]
    engine.close()


def test_a_torn_write_ends_at_a_sector() -> None:
    """What the simulated disk leaves of a write is a whole number of sectors, and not all of it."""
    write = Write(300, bytes(range(250)) * 10)
    ends = {300 + len(write.torn(Random(seed)).data) for seed in range(50)}

    assert all(end % 512 == 0 for end in ends)
    assert len(ends) > 1
    assert max(ends) < 2800


def test_a_subset_of_writes_is_kept_in_order() -> None:
    """And without a sync, forgetting leaves what the last one left."""
    platter = Platter(bytearray(b"old"))
    platter.since += [Write(0, b"new"), Truncate(1), Write(4, b"!")]

    assert platter.after_power_cut("forget", Random(0)) == b"old"
    kept = {platter.after_power_cut("subset", Random(seed)) for seed in range(200)}
    assert b"old" in kept
    platter.sync()
    assert bytes(platter.durable) == b"n\0\0\0!"
