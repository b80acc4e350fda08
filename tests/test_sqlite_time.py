"""Clocks that are set, machines that were off: nothing expires by mistake, nothing waits for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.clock import ManualClock
from holdfast.queue.contract import Filter
from holdfast.queue.engines.sqlite import handout
from holdfast.queue.engines.sqlite import upkeep as steps
from sqlite_kit import DAY, counts, failure, heard, ids, message, opened, received, sent, upkeep

HOUR = 3_600.0
ANY = Filter()


def test_a_worker_notices_a_clock_set_forward_before_it_expires_anything(tmp_path: Path) -> None:
    """Workers do no upkeep: receive itself has to look."""
    clock = ManualClock()
    telemetry, told = heard("store.clock_jumped")
    worker = opened(tmp_path, clock, telemetry=telemetry)
    everything = sent(worker, clock, 3)
    clock.jump(30 * DAY)

    assert ids(received(worker)) == everything
    assert told == [{"by_seconds": 30 * DAY}]
    worker.close()


def test_a_jump_holds_expiry_off_for_an_hour_and_no_longer(tmp_path: Path) -> None:
    """Waiting, dead and done messages alike; after the hour the new time counts."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    waiting, dead, done = sent(engine, clock, 3)
    leases = received(engine)
    engine.settle([leases[2].receipt])
    engine.bury(leases[1].receipt, failure())
    engine.release([leases[0].receipt])
    upkeep(engine)
    clock.jump(30 * DAY)
    upkeep(engine)
    assert counts(engine) == (1, 0, 1)
    assert {entry.message.id for entry in engine.events(ANY)} == {waiting, dead, done}

    clock.advance(HOUR)
    upkeep(engine)

    assert counts(engine) == (0, 0, 1)
    assert [letter.reason for letter in engine.browse(ANY)] == ["expired"]
    assert {entry.message.id for entry in engine.events(ANY)} == {waiting}
    engine.close()


def test_a_clock_set_while_upkeep_is_under_way_expires_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a laptop that slept between upkeep's look at the clock and its work: that look counts."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    dead, waiting = sent(engine, clock, 2)
    engine.bury(received(engine, 1)[0].receipt, failure())
    free = steps.free_dead_holders

    def slept(*shelf_and_own: Any) -> None:
        monkeypatch.undo()
        free(*shelf_and_own)
        clock.jump(30 * DAY)

    monkeypatch.setattr(steps, "free_dead_holders", slept)
    upkeep(engine)

    assert counts(engine) == (1, 0, 1)
    assert ids(engine.browse(ANY)) == [dead]
    assert ids(received(engine)) == [waiting]
    engine.close()


def test_a_clock_set_while_a_worker_receives_expires_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look and the hand-out, which may wait for another writer."""
    clock = ManualClock()
    worker = opened(tmp_path, clock)
    everything = sent(worker, clock, 2)
    due = handout.anything_due

    def slept(*asked: Any) -> bool:
        found = due(*asked)
        clock.jump(30 * DAY)
        return found

    monkeypatch.setattr(handout, "anything_due", slept)

    assert ids(received(worker)) == everything
    worker.close()


def test_a_suspension_outlives_a_restart(tmp_path: Path) -> None:
    """Whoever sees the warning may well restart; that must not expire everything at once."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    sent(engine, clock, 1)
    upkeep(engine)
    clock.jump(30 * DAY)
    upkeep(engine)
    clock.advance(10)
    upkeep(engine)
    engine.close()

    engine = opened(tmp_path, clock)
    upkeep(engine)
    assert counts(engine) == (1, 0, 0)
    clock.advance(HOUR)
    upkeep(engine)
    assert counts(engine) == (0, 0, 1)
    engine.close()


@pytest.mark.parametrize(("days", "warned"), [(0.5, False), (9.0, True), (-0.5, True)])
def test_a_machine_that_was_off_looks_like_a_jump(
    tmp_path: Path, days: float, *, warned: bool
) -> None:
    """A long downtime is told and waited out; a short one is none; a clock behind the last is one."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    sent(engine, clock, 1)
    upkeep(engine)
    engine.close()
    clock.jump(days * DAY)

    telemetry, told = heard("store.clock_jumped")
    engine = opened(tmp_path, clock, telemetry=telemetry)
    upkeep(engine)

    assert bool(told) == warned
    assert counts(engine) == (1, 0, 0)
    engine.close()


def test_time_that_passes_is_no_jump(tmp_path: Path) -> None:
    """However long nobody looked, as long as both clocks agree."""
    clock = ManualClock()
    telemetry, told = heard("store.clock_jumped")
    engine = opened(tmp_path, clock, telemetry=telemetry)
    sent(engine, clock, 1)
    clock.advance(3 * DAY)
    upkeep(engine)

    assert counts(engine) == (0, 0, 1)
    assert told == []
    engine.close()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_set_back_a_year_does_not_hide_messages_for_a_year(
    tmp_path: Path, *, restarted: bool
) -> None:
    """Backoffs, delays and leases of workers that are gone go on as if the time had been right."""
    clock = ManualClock()
    engine = opened(tmp_path, clock, "upkeep")
    gone = opened(tmp_path, clock, "gone")
    backoff, leased, fresh = sent(engine, clock, 3)
    first, _, _ = received(gone, 3)
    gone.extend([first.receipt], 600, failure(reason=""))
    gone.close()
    upkeep(engine)
    if restarted:
        engine.close()
    clock.jump(-365 * DAY)
    if restarted:
        engine = opened(tmp_path, clock, "upkeep")

    upkeep(engine)
    assert received(engine) == []
    clock.advance(61)
    assert sorted(ids(received(engine))) == [leased, fresh]
    clock.advance(540)
    assert backoff in ids(received(engine))
    engine.close()


def test_a_delay_from_a_clock_that_was_ahead_is_no_longer_than_it_was(tmp_path: Path) -> None:
    """Nobody had received it yet when the clock was put right: it waits its minute, not a year."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    clock.jump(365 * DAY)
    delayed = message(1, clock)
    engine.send([delayed], delay_seconds=60)
    clock.jump(-365 * DAY)
    upkeep(engine)

    assert received(engine) == []
    clock.advance(59)
    assert received(engine) == []
    clock.advance(1)
    assert ids(received(engine)) == [delayed.id]
    engine.close()


def test_a_clock_set_back_takes_nothing_from_the_living(tmp_path: Path) -> None:
    """What a worker holds stays its own, longer than asked for if need be."""
    clock = ManualClock()
    engine, worker = opened(tmp_path, clock, "upkeep"), opened(tmp_path, clock, "worker")
    sent(engine, clock, 1)
    (lease,) = received(worker)
    clock.jump(-DAY)
    upkeep(engine)
    clock.advance(120)

    assert received(engine) == []
    assert worker.settle([lease.receipt]) == [True]
    engine.close()
    worker.close()
