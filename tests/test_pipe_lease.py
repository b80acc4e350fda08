"""Leases that are renewed, lost and given back; a store that fails; leaving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from holdfast.compiled import CompiledWebhook
from holdfast.message import Receipt
from holdfast.pipe.runner import BEGIN_TRIES, IDLE_SECONDS
from holdfast.queue.contract import State
from holdfast.testing.model import MemoryEngine
from pipe_rig import DRAIN_SECONDS, LEASE_SECONDS, STORE_FAILS, Rig, webhook, worked

DONE, WAITING, LEASED = State.DONE, State.WAITING, State.LEASED
BEAT_SECONDS = LEASE_SECONDS / 3
RETRY_SECONDS = 0.2
"""The first wait after the store has failed, with jitter drawing the longest."""


@asynccontextmanager
async def running(
    *ids: str, settings: CompiledWebhook | None = None
) -> AsyncIterator[tuple[Rig, asyncio.Task[None]]]:
    """A pipe at work on these messages; the rig cancels it at the end."""
    async with Rig(*ids) as rig:
        yield rig, rig.start(rig.pipe(settings))


async def beat(rig: Rig) -> None:
    """A third of a lease passes, and the heartbeat has been answered."""
    beats = rig.engine.count("extend")
    await rig.until(lambda: rig.timer.waits(BEAT_SECONDS))
    rig.timer.advance(BEAT_SECONDS)
    await rig.until(lambda: rig.engine.count("extend") > beats)
    await rig.until(lambda: rig.timer.waits(BEAT_SECONDS))


def steal(rig: Rig, id: str) -> None:
    """The lease passes to another holder, as if it had run out here."""
    rig.engine.world.records[id].receipt = Receipt("theirs")


def test_a_heartbeat_renews_what_runs() -> None:
    """Work that takes longer than its lease keeps it, and is settled in the end."""

    async def test() -> None:
        async with running("a", "b") as (rig, _):
            await rig.until(lambda: len(rig.bench.running) == 2)
            for _ in range(5):
                await beat(rig)
            rig.bench.end("a")
            rig.bench.end("b")
            await rig.done(2)

            beats = [receipts for verb, receipts in rig.engine.calls if verb == "extend"]
            assert [len(receipts) for receipts in beats] == [2] * 5
            assert rig.bench.started == ["a", "b"]
            assert rig.states() == {"a": DONE, "b": DONE}

    asyncio.run(test())


def test_a_stale_result_is_dropped() -> None:
    """Where the lease of running work has passed on, its result changes nothing and is told."""

    async def test() -> None:
        async with running("a", "b") as (rig, _):
            await rig.until(lambda: len(rig.bench.running) == 2)
            steal(rig, "a")
            await beat(rig)
            rig.bench.end("a")
            rig.bench.end("b")
            await rig.done(1)

            assert rig.ids("message.stale") == ["a"]
            assert rig.ids("message.done") == ["b"]
            assert rig.engine.world.records["a"].receipt == "theirs"
            assert sum(verb == "settle" for verb, _ in rig.engine.calls) == 1

    asyncio.run(test())


def test_a_settle_that_comes_too_late_is_told() -> None:
    """A lease lost between two heartbeats is found when the message is settled."""

    async def test() -> None:
        async with running("a") as (rig, _):
            await rig.until(lambda: rig.bench.running)
            steal(rig, "a")
            rig.bench.end("a")
            await rig.until(lambda: rig.told("message.stale"))

            assert rig.states() == {"a": LEASED}
            assert not rig.told("message.done")

    asyncio.run(test())


def test_a_stale_message_that_has_not_started_is_forgotten() -> None:
    """What waits for its window and loses its lease is not worked here."""

    async def test() -> None:
        settings = webhook(batch=3, window_seconds=30.0, concurrency=3)
        async with running("a", "b", settings=settings) as (rig, _):
            rig.bench.automatic = lambda _lease: worked()
            await rig.until(lambda: rig.timer.waits(30.0))
            steal(rig, "a")
            await beat(rig)
            await rig.pass_time(IDLE_SECONDS, until=lambda: rig.told("message.done"))

            assert rig.ids("message.stale") == ["a"]
            assert rig.bench.batches == [["b"]]

    asyncio.run(test())


def test_shutdown_ends_what_started_and_releases_what_did_not() -> None:
    """After `stop` nothing starts; what runs is settled; what waited goes back uncounted."""

    async def test() -> None:
        settings = webhook(batch=2, window_seconds=30.0, concurrency=4)
        async with running("a", "b", "c", settings=settings) as (rig, task):
            await rig.until(lambda: len(rig.bench.running) == 2)
            await rig.until(lambda: rig.timer.waits(30.0))
            rig.stop.set()
            await rig.until(lambda: rig.told("message.released"))
            assert not task.done()
            rig.bench.end("a")
            rig.bench.end("b")
            await task

            assert rig.states() == {"a": DONE, "b": DONE, "c": WAITING}
            assert rig.receives("c") == 0
            assert rig.told("message.released") == [
                {"id": "c", "webhook": "users", "why": "stopping"}
            ]

    asyncio.run(test())


def test_shutdown_does_not_wait_for_ever() -> None:
    """What has not ended when the time is up goes back at once, counted, and says why."""

    async def test() -> None:
        async with running("a") as (rig, task):
            await rig.until(lambda: rig.bench.running)
            rig.stop.set()
            await rig.until(lambda: rig.timer.waits(DRAIN_SECONDS))
            rig.timer.advance(DRAIN_SECONDS)
            await task

            assert rig.states() == {"a": WAITING}
            assert rig.receives("a") == 1
            assert [one.error for one in rig.engine.world.records["a"].attempts] == ["Stopped"]
            assert not rig.bench.running

    asyncio.run(test())


def test_a_second_signal_leaves_at_once() -> None:
    """Cancelled, the pipe gives back everything: what had started counted, the rest not."""

    async def test() -> None:
        settings = webhook(batch=2, window_seconds=30.0, concurrency=4)
        async with running("a", "b", "c", settings=settings) as (rig, task):
            await rig.until(lambda: len(rig.bench.running) == 2)
            await rig.until(lambda: rig.timer.waits(30.0))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

            assert set(rig.states().values()) == {WAITING}
            assert [rig.receives(id) for id in "abc"] == [1, 1, 0]

    asyncio.run(test())


def test_work_that_waits_for_the_gate_is_released_on_shutdown() -> None:
    """A message that was never begun, because another had to be alone, goes back uncounted."""

    async def test() -> None:
        async with Rig("a") as rig:
            await rig.gate.enter(alone=True)
            task = rig.start(rig.pipe())
            await rig.until(lambda: rig.engine.count("receive") == 2)
            rig.stop.set()
            rig.gate.leave()
            await task

            assert rig.bench.started == []
            assert rig.states() == {"a": WAITING}
            assert rig.receives("a") == 0

    asyncio.run(test())


@pytest.mark.parametrize("verb", ["receive", "begin", "settle", "paused"])
def test_a_store_that_fails_is_waited_for(verb: str) -> None:
    """Any verb that fails is told and tried again; the message is worked once and settled."""

    async def test() -> None:
        async with Rig("a") as rig:
            rig.engine.failing[verb] = STORE_FAILS
            rig.bench.automatic = lambda _lease: worked()
            task = rig.start(rig.pipe())
            await rig.until(lambda: rig.told("pipe.failed"))
            del rig.engine.failing[verb]
            await rig.pass_time(RETRY_SECONDS, until=lambda: rig.told("message.done"))
            rig.stop.set()
            await task

            told = {"webhook": "users", "error": "StoreError: the disk is gone"}
            assert rig.told("pipe.failed")[0] == told
            assert rig.bench.started == ["a"]
            assert rig.states() == {"a": DONE}

    asyncio.run(test())


def test_what_cannot_be_begun_is_given_back() -> None:
    """A process that cannot even begin does not hold its messages for ever: another may."""

    async def test() -> None:
        async with running("a") as (rig, _):
            rig.engine.failing["begin"] = STORE_FAILS
            for stumble in range(BEGIN_TRIES - 1):
                wait_seconds = RETRY_SECONDS * 2**stumble
                await rig.until(partial(rig.timer.waits, wait_seconds))
                rig.timer.advance(wait_seconds)
            await rig.until(lambda: rig.told("message.released"))

            assert rig.told("message.released")[0]["why"] == "not begun"
            assert rig.bench.started == []

    asyncio.run(test())


def test_a_failing_heartbeat_comes_again_soon() -> None:
    """A heartbeat that could not be kept does not wait for another third of the lease."""

    async def test() -> None:
        async with running("a") as (rig, _):
            await rig.until(lambda: rig.bench.running)
            rig.engine.failing["extend"] = STORE_FAILS
            await rig.until(lambda: rig.timer.waits(BEAT_SECONDS))
            rig.timer.advance(BEAT_SECONDS)
            await rig.until(lambda: rig.told("pipe.failed"))
            del rig.engine.failing["extend"]
            await rig.pass_time(RETRY_SECONDS, until=lambda: rig.engine.count("extend") == 2)

    asyncio.run(test())


def test_a_settle_is_given_up_when_the_lease_is_surely_over() -> None:
    """After a whole lease without an answer the message may be somebody else's: it is let go."""

    async def test() -> None:
        async with running("a") as (rig, _):
            rig.engine.failing["settle"] = STORE_FAILS
            await rig.until(lambda: rig.bench.running)
            rig.bench.end("a")
            await rig.until(lambda: rig.told("pipe.failed"))
            await rig.until(lambda: rig.timer.waits(RETRY_SECONDS))
            rig.timer.advance(LEASE_SECONDS)
            await rig.until(lambda: rig.told("message.stale"))

            del rig.engine.failing["settle"]
            rig.bench.automatic = lambda _lease: worked()
            await rig.pass_time(IDLE_SECONDS, until=lambda: rig.told("message.done"))
            assert rig.bench.started == ["a", "a"]

    asyncio.run(test())


def test_what_a_dead_process_had_begun_comes_back_counted_and_alone() -> None:
    """`begin` is said before work starts, so that the engine can tell suspects from bystanders."""

    async def test() -> None:
        settings = webhook(batch=2, window_seconds=30.0, concurrency=4)
        async with running("a", "b", "c", settings=settings) as (rig, _):
            await rig.until(lambda: len(rig.bench.running) == 2)
            await rig.until(lambda: rig.timer.waits(30.0))
            rig.engine.reclaim(rig.engine.holder)
            survivor = MemoryEngine(clock=rig.clock, holder="two", world=rig.engine.world)
            leases = [lease for _ in range(3) for lease in survivor.receive("users", 3, 30.0)]

            assert {(one.message.id, one.receive_count, one.alone) for one in leases} == {
                ("a", 2, True),
                ("b", 2, True),
                ("c", 1, False),
            }

    asyncio.run(test())
