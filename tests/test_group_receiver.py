"""The receiver's verbs from an event loop: one thread, few calls, everyone hears the own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from holdfast.clock import ManualClock
from holdfast.errors import StoreError
from holdfast.message import Failure, Headers, Message, Receipt, Request
from holdfast.queue.contract import ClaimAnswer, Execution
from holdfast.queue.group_commit import GroupReceiver
from holdfast.testing.model import MemoryEngine
from process_kit import PATIENCE_SECONDS

CLOCK = ManualClock()


def message(id: str) -> Message:
    request = Request("POST", "/users", "", Headers(), b"{}")
    return Message(id, "users", CLOCK.now_ms(), request)


class CountingEngine(MemoryEngine):
    """The queue in memory, held up where the test wants calls to gather."""

    def __init__(self) -> None:
        super().__init__(clock=CLOCK)
        self.calls: list[tuple[str, int]] = []
        self.door = threading.Event()
        self.entered = threading.Event()

    def maintain(self) -> bool:
        self.entered.set()
        return not self.door.wait(PATIENCE_SECONDS)

    def settle(self, receipts: Sequence[Receipt], duplicate_of: str | None = None) -> list[bool]:
        self.calls.append(("settle", len(receipts)))
        return super().settle(receipts, duplicate_of)

    def extend(
        self, receipts: Sequence[Receipt], lease_seconds: float, failure: Failure | None = None
    ) -> list[bool]:
        self.calls.append(("extend", len(receipts)))
        return super().extend(receipts, lease_seconds, failure)

    def bury(self, receipt: Receipt, failure: Failure) -> bool:
        raise OSError("an engine's own error")


def with_receiver(
    test: Callable[[GroupReceiver, CountingEngine], Coroutine[Any, Any, None]], *ids: str
) -> CountingEngine:
    engine = CountingEngine()
    engine.send([message(id) for id in ids])
    receiver = GroupReceiver(engine)
    try:
        asyncio.run(asyncio.wait_for(test(receiver, engine), PATIENCE_SECONDS))
    finally:
        engine.door.set()
        receiver.close()
    return engine


async def hold_up(receiver: GroupReceiver, engine: CountingEngine) -> asyncio.Task[bool]:
    holding = asyncio.create_task(receiver.maintain())
    await asyncio.to_thread(engine.entered.wait, PATIENCE_SECONDS)
    return holding


def test_calls_that_are_alike_are_made_together() -> None:
    """Concurrent settles are one engine call, so are equal extends; each hears its own answers."""

    async def test(receiver: GroupReceiver, engine: CountingEngine) -> None:
        one, two, three = (lease.receipt for lease in await receiver.receive("users", 3, 30))
        holding = await hold_up(receiver, engine)
        calls = asyncio.gather(
            receiver.settle([one]),
            receiver.extend([two], 30),
            receiver.settle([Receipt("stale")]),
            receiver.extend([three], 30),
            receiver.extend([two], 5, Failure("E", "c")),
            receiver.extend([three], 5, Failure("E", "c")),
        )
        asyncio.get_running_loop().call_soon(engine.door.set)

        assert list(await calls) == [[True], [True], [False], [True], [True], [True]]
        await holding

    engine = with_receiver(test, "a", "b", "c")

    assert engine.calls == [("settle", 2), ("extend", 2), ("extend", 1), ("extend", 1)]


def test_a_verb_that_fails_concerns_its_callers_only() -> None:
    """An engine's own error becomes a StoreError for that call; the next verb works."""

    async def test(receiver: GroupReceiver, _engine: CountingEngine) -> None:
        [lease] = await receiver.receive("users", 1, 30)
        results = await asyncio.gather(
            receiver.bury(lease.receipt, Failure("E", "c", reason="r")),
            receiver.claim(lease.receipt, "d1"),
            return_exceptions=True,
        )

        assert isinstance(results[0], StoreError)
        assert not isinstance(results[1], BaseException)
        assert results[1].answer is ClaimAnswer.GRANTED

    with_receiver(test, "a")


def test_a_receive_that_nobody_awaits_is_given_back() -> None:
    """Where the caller left before the answer came, the messages wait again, uncounted."""

    async def test(receiver: GroupReceiver, engine: CountingEngine) -> None:
        holding = await hold_up(receiver, engine)
        receiving = asyncio.create_task(receiver.receive("users", 2, 30))
        asyncio.get_running_loop().call_soon(receiving.cancel)
        with pytest.raises(asyncio.CancelledError):
            await receiving
        engine.door.set()
        await holding
        await receiver.paused("users")  # behind the receive
        await receiver.paused("users")  # behind its release

        assert [lease.receive_count for lease in await receiver.receive("users", 2, 30)] == [1, 1]

    with_receiver(test, "a", "b")


def test_executions_are_kept_by_the_time_it_closes() -> None:
    """`record` never waits; what was recorded is in the archive once the receiver has closed."""
    ran = Execution("a", "users", 1, 0, 1.0, "FAILED")

    async def test(receiver: GroupReceiver, _engine: CountingEngine) -> None:
        receiver.record(ran)

    assert with_receiver(test, "a").executions("a") == [ran]


def test_a_closed_receiver_raises() -> None:
    """A verb after `close` is a StoreError, not a wait without end."""
    receiver = GroupReceiver(CountingEngine())
    receiver.close()
    with pytest.raises(StoreError, match="shutting down"):
        asyncio.run(receiver.paused("users"))
