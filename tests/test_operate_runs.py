"""Runs of redrives over real stores: canary, stop, cancel, one at a time, and a driver that is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.clock import ManualClock
from holdfast.errors import HoldfastError, NotFound, StoreError
from holdfast.operate import runs
from holdfast.operate.book import COMMAND_LINE, CONSOLE
from holdfast.operate.canary import Stage, StopAt
from holdfast.operate.driving import Driver
from holdfast.operate.groups import Bench, group, groups, letters
from holdfast.operate.runs import Run, RunInTheWay, adopt, ask, from_record, open_run
from holdfast.operate.selection import Selection
from holdfast.queue.contract import Filter, QueueLimits
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.queue.views import RunOutcome
from holdfast.testing import MemoryEngine
from runs_kit import Engine, Workers, buried, planned


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["sqlite", "memory"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Engine]:
    """The embedded engine, with a desk; and one that has none."""
    one: Engine = (
        SQLiteEngine(tmp_path / "store", clock=clock)
        if request.param == "sqlite"
        else MemoryEngine(clock=clock)
    )
    one.configure({"orders": QueueLimits(max_receive_count=1), "refunds": QueueLimits()})
    yield one
    one.close()


@pytest.fixture
def desk(tmp_path: Path, clock: ManualClock) -> Iterator[SQLiteEngine]:
    one = SQLiteEngine(tmp_path / "store", clock=clock)
    one.configure({"orders": QueueLimits(), "refunds": QueueLimits()})
    yield one
    one.close()


def driven(engine: Bench, clock: ManualClock, run: Run, workers: Workers) -> Run:
    open_run(engine, run, "me", clock.now_ms())
    return asyncio.run(Driver(engine, "me", clock, sleep=workers).drive(run))


def test_a_group_is_sent_back_and_watched_to_its_end(engine: Engine, clock: ManualClock) -> None:
    """A few first, the rest once those are done, the others' letters never; all is counted."""
    ids = buried(engine, clock, 40, "no order 1")
    others = buried(engine, clock, 3, "no stock")
    chosen = next(one for one in groups(engine).shown if one.count == 40)
    workers = Workers(engine, clock)

    run = planned(engine, clock, Selection(filter=Filter(group=chosen.id)), try_first=5)
    ended = driven(engine, clock, run, workers)

    assert (ended.stage, ended.sent, ended.outcome) == (Stage.FINISHED, 40, RunOutcome(40, 40, 0))
    assert sorted(workers.worked) == sorted(ids)
    assert workers.before[0] == 5
    assert [letter.message.id for letter in letters(engine, Filter())] == sorted(
        others, reverse=True
    )


def test_a_run_stops_when_too_many_come_back(engine: Engine, clock: ManualClock) -> None:
    """After the first few: one of five dead again is 20 %, the other 95 rest as they were."""
    ids = buried(engine, clock, 100)
    workers = Workers(engine, clock, failing=(ids[2],))

    ended = driven(engine, clock, planned(engine, clock, Selection(), try_first=5), workers)

    assert (ended.stage, ended.reason) == (Stage.STOPPED, "1 of 5 came back dead")
    assert ended.outcome == RunOutcome(5, 4, 1)
    assert engine.depth()[0].dead == 96
    assert ended.ended_at_ms == clock.now_ms()


def test_a_run_does_not_take_what_came_back(engine: Engine, clock: ManualClock) -> None:
    """Each letter has one turn, however often it dies again meanwhile."""
    ids = buried(engine, clock, 60)
    workers = Workers(engine, clock, failing=tuple(ids))

    ended = driven(engine, clock, planned(engine, clock, Selection(), stop_at=StopAt()), workers)

    assert (ended.stage, ended.outcome) == (Stage.FINISHED, RunOutcome(60, 0, 60))
    assert sorted(workers.worked) == sorted(ids)


def test_a_run_does_not_take_what_dies_later(engine: Engine, clock: ManualClock) -> None:
    """Not even in the place of one that was selected and is gone."""
    ids = buried(engine, clock, 3)
    run = planned(engine, clock, Selection())
    engine.purge([ids[1]])
    clock.advance(1)
    (late,) = buried(engine, clock, 1, "another")
    workers = Workers(engine, clock)

    ended = driven(engine, clock, run, workers)

    assert (ended.stage, ended.sent) == (Stage.FINISHED, 2)
    assert late not in workers.worked


def test_no_more_than_was_asked_for(engine: Engine, clock: ManualClock) -> None:
    """By ids, each once; by a limit, the oldest; and what is gone by its turn is skipped."""
    ids = buried(engine, clock, 10)
    run = planned(engine, clock, Selection(ids=(ids[3], ids[1], ids[3])))
    engine.purge([ids[1]])
    ended = driven(engine, clock, run, Workers(engine, clock))
    assert (ended.plan.total, ended.sent, ended.skipped) == (2, 1, 1)

    limited = planned(engine, clock, Selection(limit=4))
    workers = Workers(engine, clock)
    ended = driven(engine, clock, limited, workers)
    assert (ended.plan.total, ended.stage) == (4, Stage.FINISHED)
    assert workers.worked == [ids[0], ids[2], ids[4], ids[5]]


def test_nothing_to_send_is_a_run_too(engine: Engine, clock: ManualClock) -> None:
    """It ends at once; and what is no group, id or webhook is said before."""
    ended = driven(engine, clock, planned(engine, clock, Selection()), Workers(engine, clock))
    assert (ended.stage, ended.webhooks) == (Stage.FINISHED, ())

    for wrong in (
        Selection(ids=("f" * 32,)),
        Selection(filter=Filter(group="1" * 16)),
        Selection(filter=Filter(webhook="none")),
    ):
        with pytest.raises(NotFound):
            planned(engine, clock, wrong)
    with pytest.raises(HoldfastError, match="not both"):
        planned(engine, clock, Selection(filter=Filter(id="x")))


def test_one_run_at_a_time_per_webhook(desk: SQLiteEngine, clock: ManualClock) -> None:
    """Another one is told which is in the way; on other webhooks it may."""
    buried(desk, clock, 2)
    buried(desk, clock, 1, webhook="refunds")
    first = planned(desk, clock, Selection(filter=Filter(webhook="orders")))
    open_run(desk, first, "me", clock.now_ms())

    with pytest.raises(RunInTheWay, match=first.id):
        open_run(desk, planned(desk, clock, Selection()), "me", clock.now_ms())
    open_run(
        desk,
        planned(desk, clock, Selection(filter=Filter(webhook="refunds"))),
        "me",
        clock.now_ms(),
    )


def test_what_cannot_be_written_down_is_not_done(desk: SQLiteEngine, clock: ManualClock) -> None:
    """A run whose beginning cannot be noted is over, and its webhook free; nor is one cancelled."""
    buried(desk, clock, 2)
    run = planned(desk, clock, Selection())

    def broken() -> None:
        raise StoreError("the disk is full")

    with pytest.raises(StoreError, match="full"):
        open_run(desk, run, "me", clock.now_ms(), broken)
    record = desk.run(run.id)
    assert record is not None
    assert (record.active, from_record(record).stage) == (False, Stage.CANCELLED)
    again = planned(desk, clock, Selection())
    open_run(desk, replace(again, id="again"), "me", clock.now_ms())
    with pytest.raises(StoreError, match="full"):
        ask(desk, "again", "cancel", broken)
    (active,) = desk.runs(active=True)
    assert active.asked is None


def test_a_run_that_tried_waits_to_be_told(desk: SQLiteEngine, clock: ManualClock) -> None:
    """It says that it tried, goes on when asked to, and only then."""
    buried(desk, clock, 9)
    run = planned(desk, clock, Selection(), try_first=2, go_on=False)
    seen: list[Stage] = []

    class Asking(Workers):
        async def __call__(self, seconds: float) -> None:
            await super().__call__(seconds)
            record = desk.run(run.id)
            assert record is not None
            seen.append(from_record(record).stage)
            if seen[-3:] == [Stage.TRIED] * 3:
                assert len(self.worked) == 2
                ask(desk, run.id, "go_on")

    ended = driven(desk, clock, run, Asking(desk, clock))

    assert (ended.stage, ended.outcome.done) == (Stage.FINISHED, 9)
    with pytest.raises(HoldfastError, match="has ended: finished"):
        ask(desk, run.id, "cancel")
    with pytest.raises(NotFound):
        ask(desk, "none", "cancel")


def test_a_run_is_cancelled_from_elsewhere(desk: SQLiteEngine, clock: ManualClock) -> None:
    """Whoever drives it hears within a look; what was not sent stays, and the webhook is free."""
    buried(desk, clock, 30)
    run = planned(desk, clock, Selection(), rate=2.0)

    class Cancelling(Workers):
        async def __call__(self, seconds: float) -> None:
            await super().__call__(seconds)
            if len(self.worked) >= 3:
                with pytest.raises(HoldfastError, match="does not wait"):
                    ask(desk, run.id, "go_on")
                ask(desk, run.id, "cancel")

    ended = driven(desk, clock, run, Cancelling(desk, clock))

    assert (ended.stage, ended.reason) == (Stage.CANCELLED, "an operator stopped it")
    assert 3 <= ended.sent < 30
    assert desk.depth()[0].dead == 30 - ended.sent
    open_run(desk, planned(desk, clock, Selection()), "me", clock.now_ms())


def test_a_rate_is_kept(desk: SQLiteEngine, clock: ManualClock) -> None:
    """Thirty letters at two a second take no less than fourteen seconds."""
    buried(desk, clock, 30)
    began = clock.monotonic()

    run = planned(desk, clock, Selection(), rate=2.0, watch=False)
    ended = driven(desk, clock, run, Workers(desk, clock))

    assert (ended.stage, ended.sent) == (Stage.FINISHED, 30)
    assert 14 <= clock.monotonic() - began <= 20


def test_ctrl_c_cancels_and_counts_what_was_sent(desk: SQLiteEngine, clock: ManualClock) -> None:
    """Interrupted at a terminal, a run is over, and the store says so."""
    buried(desk, clock, 30)
    run = planned(desk, clock, Selection(), rate=2.0)
    open_run(desk, run, "me", clock.now_ms())

    async def story() -> Run:
        workers = Workers(desk, clock)
        driving = asyncio.ensure_future(Driver(desk, "me", clock, sleep=workers).drive(run))
        await workers.ten.wait()
        driving.cancel()
        return await driving

    ended = asyncio.run(story())

    record = desk.run(run.id)
    assert record is not None
    assert from_record(record) == ended
    assert ended.stage is Stage.CANCELLED
    assert ended.sent == ended.outcome.sent > 0


def test_a_lost_driver_is_replaced(desk: SQLiteEngine, clock: ManualClock) -> None:
    """A console that ends leaves its run; the next one goes on, without sending anything twice."""
    ids = buried(desk, clock, 60)
    run = planned(desk, clock, Selection(), rate=10.0)
    open_run(desk, run, "me", clock.now_ms())
    workers = Workers(desk, clock)

    async def first() -> None:
        driver = Driver(desk, "me", clock, leave=True, sleep=workers)
        driving = asyncio.ensure_future(driver.drive(run))
        await workers.ten.wait()
        driving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await driving

    asyncio.run(first())
    record = desk.run(run.id)
    assert record is not None
    assert record.active
    assert adopt(desk, record, "heir", clock.now_ms()) is None, "it was heard of just now"
    clock.advance(runs.STALE_SECONDS + 1)
    heir = adopt(desk, record, "heir", clock.now_ms())
    assert heir is not None
    assert heir.sent == len(workers.worked)
    assert adopt(desk, record, "late", clock.now_ms()) is None, "somebody was faster"
    # Whoever comes back finds that it is no longer the driver, and stops.
    stale = asyncio.run(Driver(desk, "me", clock, sleep=workers).drive(heir))
    assert stale.active

    ended = asyncio.run(Driver(desk, "heir", clock, sleep=workers).drive(heir))

    assert ended.stage is Stage.FINISHED
    assert sorted(workers.worked) == sorted(ids)


def test_a_step_that_nobody_noted_is_known(desk: SQLiteEngine, clock: ManualClock) -> None:
    """A driver that is killed right after it sent: the heir counts those, and sends the others."""
    ids = buried(desk, clock, 30)
    run = planned(desk, clock, Selection())
    open_run(desk, run, "gone:0:x", clock.now_ms())
    desk.redrive_for(run.id, ids[:25])
    clock.advance(60)
    (record,) = desk.runs(active=True)

    heir = adopt(desk, record, "heir", clock.now_ms())

    assert heir is not None
    assert (heir.sent, heir.outcome) == (25, RunOutcome(25))
    workers = Workers(desk, clock)
    ended = asyncio.run(Driver(desk, "heir", clock, sleep=workers).drive(heir))
    assert (ended.stage, ended.outcome) == (Stage.FINISHED, RunOutcome(30, 30))
    assert sorted(workers.worked) == ids


@pytest.mark.parametrize(
    ("via", "silent_seconds", "stage"),
    [
        (CONSOLE, 60, Stage.ROLLING),
        (CONSOLE, runs.RESUMED_SECONDS + 1, Stage.CUT),
        (COMMAND_LINE, 60, Stage.CUT),
    ],
)
def test_a_run_is_gone_on_with_or_said_to_be_cut(
    desk: SQLiteEngine, clock: ManualClock, via: str, silent_seconds: float, stage: Stage
) -> None:
    """A console's run after a restart goes on; one of a terminal, or of long ago, is cut."""
    buried(desk, clock, 3)
    run = replace(planned(desk, clock, Selection()), via=via)
    open_run(desk, run, "gone:0:x", clock.now_ms())
    clock.advance(silent_seconds)
    (record,) = desk.runs(active=True)

    heir = adopt(desk, record, "heir", clock.now_ms())

    assert heir is not None
    assert heir.stage is stage
    assert bool(desk.runs(active=True)) is (stage is not Stage.CUT)


@pytest.mark.parametrize(
    ("stage", "after"), [(Stage.ROLLING, Stage.CUT), (Stage.SETTLING, Stage.SETTLING)]
)
def test_a_run_over_a_group_of_another_holdfast_is_cut(
    desk: SQLiteEngine, clock: ManualClock, stage: Stage, after: Stage
) -> None:
    """No letter goes by that name any more, and it would end as if all of them had been sent. One that
    has sent them all is watched to its end."""
    buried(desk, clock, 3)
    renamed = Selection(filter=Filter(group="0123456789abcdef", newest_first=False))
    run = replace(planned(desk, clock, Selection()), selection=renamed, stage=stage)
    open_run(desk, run, "gone:0:x", clock.now_ms())
    clock.advance(60)

    heir = adopt(desk, desk.runs(active=True)[0], "heir", clock.now_ms())

    assert heir is not None
    assert (heir.stage, "another name" in heir.reason) == (after, after is Stage.CUT)


def test_a_run_is_kept_as_it_is(engine: Engine, clock: ManualClock) -> None:
    """What is written is read again as the same run."""
    buried(engine, clock, 3)
    filter = Filter(webhook="orders", reason="permanent", parked=False)
    run = planned(engine, clock, Selection(filter=filter, limit=2), rate=0.5, stop_at=StopAt(7))

    assert from_record(runs.to_record(run, "me", 1)) == run


def test_groups_are_the_same_on_any_engine(engine: Engine, clock: ManualClock) -> None:
    """Counted by the engine or by walking: counts, times, example, what they have in common."""
    began = clock.now_ms()
    buried(engine, clock, 2, "no order 4711")
    (newest,) = buried(engine, clock, 1, "no order 4712")
    buried(engine, clock, 1, "no stock")

    found = groups(engine)

    assert (found.groups, found.letters) == (2, 4)
    latest, orders = found.shown
    assert (latest.message, latest.count) == ("no stock", 1)
    assert (orders.message, orders.state, orders.error) == ("no order <n>", "Ship", "Gone")
    assert (orders.count, orders.first_ms, orders.last_ms) == (3, began, began + 1_000)
    assert orders.example.message.id == newest
    assert group(engine, orders.id[:8]) == orders
    assert len(letters(engine, Filter(group=orders.id), limit=2)) == 2
    assert groups(engine, limit=1).shown == (latest,)
    for wrong in ("", "0000", "1"):
        with pytest.raises(NotFound):
            group(engine, wrong)
