"""What is removed, in which order, in steps of what size; and what must never come of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.disk import Disk

from holdfast.clock import ManualClock
from holdfast.queue.contract import Filter, QueueLimits, Refusal, State
from holdfast.queue.engines.sqlite import LEDGER, SQLiteEngine, archive, recover, retention
from sqlite_kit import (
    DAY,
    counts,
    failure,
    heard,
    ids,
    in_inbox,
    in_ledger,
    message,
    opened,
    received,
    sent,
    upkeep,
)

ANY = Filter()


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Disk]:
    """A disk of the test's own, known to SQLite under its name."""
    disk = Disk(f"disk-{request.node.name}")
    yield disk
    disk.unregister()


def done(engine: SQLiteEngine, clock: ManualClock, count: int, body: bytes = b"{}") -> None:
    """So many messages that were worked."""
    sent(engine, clock, count, body)
    assert all(engine.settle([lease.receipt for lease in received(engine, count)]))


@pytest.mark.parametrize("at", range(1, 22, 2))
def test_a_body_goes_only_after_the_ledger_that_says_so_is_on_disk(
    tmp_path: Path, disk: Disk, at: int
) -> None:
    """The power goes at any write of the removal: what has no body is nothing that still waits."""
    clock = ManualClock()
    engine = opened(tmp_path, clock, "before", vfs=disk.name)
    done(engine, clock, 5)  # known to nobody's disk yet
    clock.advance(3 * DAY)
    disk.cut_at = disk.operations + at
    try:
        upkeep(engine)
    except Exception:
        assert disk.dark
    disk.dark = True
    engine.abandon()
    disk.restore("forget", at)
    disk.dark, disk.cut_at = False, None
    clock.advance(-3 * DAY)

    engine = opened(tmp_path, clock, "after")
    bodies = len(engine.events(ANY))
    waiting, leased, _ = counts(engine)
    handed = received(engine)

    assert waiting + leased == len(handed) <= bodies
    assert len(engine.events(Filter(state=State.DONE))) == bodies - len(handed)
    engine.close()


def test_removal_goes_in_small_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and by bytes: a step holds up whoever sends."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    done(engine, clock, 450)
    clock.advance(2 * DAY)
    left = []
    while engine.maintain():
        left.append(in_inbox(tmp_path, "SELECT count(*) FROM message")[0][0])
    assert left == [250, 50, 0]

    monkeypatch.setattr(retention, "STEP_BYTES", 25_000)
    done(engine, clock, 7, bytes(10_000))
    clock.advance(2 * DAY)
    left = []
    while engine.maintain():
        left.append(in_inbox(tmp_path, "SELECT count(*) FROM message")[0][0])
    assert left == [5, 3, 1, 0]
    for table in ("delivery", "attempt", "execution", "claim", "yielded", "dead"):
        assert in_ledger(tmp_path, f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608 - ours
    engine.close()


def test_expiry_goes_in_small_steps_and_is_told_as_often_as_it_happened(tmp_path: Path) -> None:
    """Waiting since ever, or back from a worker: both, once each."""
    clock = ManualClock()
    telemetry, told = heard("message.expired")
    engine = opened(tmp_path, clock, telemetry=telemetry)
    everything = sent(engine, clock, 450)
    engine.release([lease.receipt for lease in received(engine, 5)])
    clock.advance(2 * DAY)
    engine.maintain()
    assert sum(counts(engine)[:2]) == 245
    upkeep(engine)

    assert counts(engine) == (0, 0, 450)
    assert sum(fields["count"] for fields in told) == 450
    dead = engine.browse(Filter(newest_first=False), None, 500)
    assert ids(dead) == everything
    assert {letter.reason for letter in dead} == {"expired"}
    engine.close()


@pytest.mark.parametrize("returned", [False, True])
def test_who_receives_expires_to_the_millisecond(tmp_path: Path, *, returned: bool) -> None:
    """As old as the retention is too old, a millisecond less is not; handed out before, or never."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    (old,) = sent(engine, clock, 1)
    clock.advance(0.001)
    (young,) = sent(engine, clock, 1)
    if returned:
        engine.release([lease.receipt for lease in received(engine)])
    clock.advance(2 * DAY - 0.001)

    assert ids(received(engine)) == [young]
    assert ids(engine.browse(ANY)) == [old]
    engine.close()


def test_a_webhook_with_a_long_memory_does_not_keep_anothers(tmp_path: Path) -> None:
    """Each queue's finished messages go by its own numbers, however many of others are older."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    engine.configure({"archive": QueueLimits(retention_seconds=900 * DAY)})
    engine.send([message(number, clock, webhook="archive") for number in range(300)])
    engine.settle([lease.receipt for lease in engine.receive("archive", 300, 60)])
    done(engine, clock, 3)
    clock.advance(2 * DAY)
    upkeep(engine)

    found = in_inbox(tmp_path, "SELECT webhook, count(*) FROM message GROUP BY webhook")
    assert found == [("archive", 300)]
    engine.close()


def test_numbers_are_never_used_again(tmp_path: Path) -> None:
    """An inbox that retention emptied goes on counting, across restarts, or new mail would be
    taken for old."""
    clock = ManualClock()
    for round_ in range(3):
        engine = opened(tmp_path, clock)
        everything = sent(engine, clock, 4)
        assert in_inbox(tmp_path, "SELECT min(n) FROM message") == [(4 * round_ + 1,)]
        leases = received(engine)
        assert ids(leases) == everything
        engine.settle([lease.receipt for lease in leases])
        clock.advance(2 * DAY)
        upkeep(engine)
        assert in_inbox(tmp_path, "SELECT count(*) FROM message") == [(0,)]
        engine.close()


def test_a_ledger_from_a_backup_squares_its_counts(tmp_path: Path) -> None:
    """What was worked and removed since the backup neither waits nor comes again."""
    clock = ManualClock()
    store, backup = tmp_path / "store", tmp_path / "backup"
    engine = opened(store, clock)
    done(engine, clock, 3)
    sent(engine, clock, 2)
    dead, live = received(engine)
    engine.bury(dead.receipt, failure())
    engine.release([live.receipt])
    engine.close()
    shutil.copy(store / LEDGER, backup)
    engine = opened(store, clock)
    engine.purge([dead.message.id])
    again = received(engine)
    engine.settle([lease.receipt for lease in again])
    done(engine, clock, 4)
    clock.advance(2 * DAY + 1)
    upkeep(engine)
    engine.close()
    shutil.copy(backup, store / LEDGER)
    clock.advance(-DAY)

    engine = opened(store, clock)
    assert received(engine) == []
    upkeep(engine)

    assert counts(engine)[:2] == (0, 0)
    assert engine.browse(ANY) == []
    assert in_ledger(store, "SELECT count(*) FROM delivery WHERE state = 3") == [(0,)]
    new = sent(engine, clock, 2)
    assert counts(engine)[:2] == (2, 0)
    assert ids(received(engine)) == new
    engine.close()


def test_dead_letters_without_a_body_cost_no_place_on_a_page(tmp_path: Path) -> None:
    """Their inbox is from a later day than their ledger; those behind them are still seen."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    everything = sent(engine, clock, 6)
    for lease in received(engine):
        engine.bury(lease.receipt, failure())
    engine.close()
    in_inbox(tmp_path, "DELETE FROM message WHERE n <= 4")

    engine = opened(tmp_path, clock)
    assert ids(engine.browse(Filter(newest_first=False), None, 2)) == everything[4:]
    assert engine.redrive(everything[:1]) == [True]
    assert received(engine) == []
    engine.close()


def test_recover_counts_what_the_inbox_still_has(tmp_path: Path) -> None:
    """Not all that was ever sent: most of it has long been removed."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    done(engine, clock, 10)
    clock.advance(2 * DAY)
    upkeep(engine)
    sent(engine, clock, 3)
    clock.advance(60)
    late = sent(engine, clock, 2)
    engine.close()

    found = recover(tmp_path, from_ms=clock.now_ms(), clock=clock)

    assert (found.waiting, found.considered_done) == (2, 3)
    engine = opened(tmp_path, clock)
    assert counts(engine) == (2, 0, 0)
    assert ids(received(engine)) == late
    upkeep(engine)
    assert counts(engine) == (0, 2, 0)
    engine.close()


def test_refusals_are_a_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest are held, at any moment: anybody who reaches the port can write them."""
    monkeypatch.setattr(archive, "REFUSALS_KEPT", 10)
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    for group in range(4):
        numbers = range(group * 7, group * 7 + 7)
        engine.refuse(
            [
                Refusal(f"{number:032x}", 1, None, "POST", "/", "", 404, "unknown_path", "")
                for number in numbers
            ]
        )
        assert in_inbox(tmp_path, "SELECT count(*) FROM refusal")[0][0] <= 10

    kept = [int(one.id, 16) for one in engine.refusals(Filter(newest_first=False))]
    assert kept == list(range(18, 28))
    engine.close()


def test_remembered_deliveries_go_when_their_window_is_over(tmp_path: Path) -> None:
    """Where the history is shorter than the window a row stays behind, and not for ever."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    sent(engine, clock, 1)
    (lease,) = received(engine)
    engine.claim(lease.receipt, "evt_1")
    engine.settle([lease.receipt])

    clock.advance(3 * DAY)
    upkeep(engine)
    assert in_inbox(tmp_path, "SELECT id FROM message") == []
    assert in_ledger(tmp_path, "SELECT done_id FROM claim") == [(lease.message.id,)]

    clock.advance(5 * DAY)
    upkeep(engine)
    assert in_ledger(tmp_path, "SELECT done_id FROM claim") == []
    engine.close()
