"""Many concurrent calls become one engine call, and each caller hears what concerns it."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import pytest

from holdfast.clock import ManualClock
from holdfast.errors import StoreBusy, StoreError, StoreFull
from holdfast.message import Headers, Message, Request
from holdfast.queue.contract import Refusal
from holdfast.queue.group_commit import GroupSender
from holdfast.queue.lines import emptied
from holdfast.telemetry import Kind, Telemetry
from process_kit import PATIENCE_SECONDS


def message(id: str) -> Message:
    return Message(id, "users", 0, Request("POST", "/users", "", Headers(), b"{}"))


def refusal(id: str) -> Refusal:
    return Refusal(id, 0, None, "POST", "/nowhere", "", 404, "unknown path", "")


class SlowStore:
    """Keeps messages when the test opens the door; tells which groups it was given."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.refused: list[str] = []
        self.door = threading.Event()
        self.door.set()
        self.entered = threading.Semaphore(0)
        self.answer: Callable[[Sequence[Message]], list[StoreError | None]] = lambda messages: (
            [None] * len(messages)
        )

    def send(
        self, messages: Sequence[Message], delay_seconds: float = 0
    ) -> list[StoreError | None]:
        self.groups.append([one.id for one in messages])
        self.entered.release()
        self.door.wait(PATIENCE_SECONDS)
        return self.answer(messages)

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        self.refused += [one.id for one in refusals]
        self.entered.release()


class Bench:
    """A sender over a slow store, and everything that it told."""

    def __init__(self, max_pending: int = 10_000) -> None:
        self.store = SlowStore()
        self.clock = ManualClock()
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        telemetry = Telemetry()
        telemetry.subscribe(self._heard)
        self.sender = GroupSender(self.store, telemetry, self.clock, max_pending=max_pending)

    def _heard(self, kind: Kind, fields: Mapping[str, Any]) -> None:
        self.told.append((kind.name, fields))

    async def busy(self) -> asyncio.Task[None]:
        """Have the store busy with one message until its door is opened."""
        self.store.door.clear()
        first = asyncio.create_task(self.sender.send(message("first")))
        await asyncio.to_thread(self.store.entered.acquire, timeout=PATIENCE_SECONDS)
        return first

    async def waiting(self, count: int) -> list[asyncio.Task[None]]:
        """So many more sends, standing in line."""
        tasks = [asyncio.create_task(self.sender.send(message(f"m{i}"))) for i in range(count)]
        await asyncio.gather(asyncio.to_thread(lambda: None))  # each task has run once by now
        return tasks


def run(test: Callable[[Bench], Coroutine[Any, Any, None]], max_pending: int = 10_000) -> Bench:
    bench = Bench(max_pending)
    try:
        asyncio.run(asyncio.wait_for(test(bench), PATIENCE_SECONDS))
    finally:
        bench.store.door.set()
        bench.sender.close()
    return bench


def outcomes(results: Sequence[object]) -> list[str]:
    return [type(result).__name__ for result in results]


def test_many_sends_are_one_engine_call() -> None:
    """Five hundred sends that gather while the store is busy are kept in a single call."""

    async def test(bench: Bench) -> None:
        first = await bench.busy()
        others = await bench.waiting(500)
        bench.store.door.set()
        await asyncio.gather(first, *others)

        assert bench.store.groups == [["first"], [f"m{i}" for i in range(500)]]

    run(test)


def test_a_failed_call_fails_exactly_its_group() -> None:
    """Everyone in the failed group hears the error; the groups before and after are kept."""

    async def test(bench: Bench) -> None:
        first = await bench.busy()
        others = await bench.waiting(3)

        def full(messages: Sequence[Message]) -> list[StoreError | None]:
            if len(messages) == 3:
                raise StoreFull("no room")
            return [None] * len(messages)

        bench.store.answer = full
        bench.store.door.set()

        assert outcomes(await asyncio.gather(*others, return_exceptions=True)) == ["StoreFull"] * 3
        await first
        await bench.sender.send(message("later"))

    run(test)


def test_an_unknown_error_is_never_success() -> None:
    """Whatever the engine raises reaches the caller as a StoreError, and the thread lives on."""

    async def test(bench: Bench) -> None:
        def broken(_messages: Sequence[Message]) -> list[StoreError | None]:
            raise SystemExit("a bug")

        works, bench.store.answer = bench.store.answer, broken
        with pytest.raises(StoreError, match="SystemExit: a bug"):
            await bench.sender.send(message("m"))
        bench.store.answer = works
        await bench.sender.send(message("later"))

    run(test)


def test_an_answer_that_does_not_fit_is_a_failure() -> None:
    """Fewer results than messages prove nothing about any of them."""

    async def test(bench: Bench) -> None:
        bench.store.answer = lambda _messages: []
        with pytest.raises(StoreError, match="0 results for 1 messages"):
            await bench.sender.send(message("m"))

    run(test)


def test_each_caller_hears_its_own_result() -> None:
    """One message that could not be kept does not concern its neighbours."""

    async def test(bench: Bench) -> None:
        bench.store.answer = lambda messages: [
            StoreError("too odd") if one.id == "m1" else None for one in messages
        ]
        first = await bench.busy()
        others = await bench.waiting(3)
        bench.store.door.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)

        assert outcomes(results) == ["NoneType", "NoneType", "StoreError", "NoneType"]

    run(test)


def test_a_caller_who_leaves_changes_nothing() -> None:
    """A cancelled send is kept all the same, and its neighbours hear of theirs."""

    async def test(bench: Bench) -> None:
        first = await bench.busy()
        others = await bench.waiting(3)
        others[1].cancel()
        first.cancel()
        bench.store.door.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)

        assert outcomes(results) == ["CancelledError", "NoneType", "CancelledError", "NoneType"]

    assert run(test).store.groups == [["first"], ["m0", "m1", "m2"]]


def test_too_many_in_line_are_turned_away_at_once() -> None:
    """Beyond `max_pending` a send raises StoreBusy and never reaches the store."""

    async def test(bench: Bench) -> None:
        first = await bench.busy()
        others = await bench.waiting(2)
        with pytest.raises(StoreBusy):
            await bench.sender.send(message("one too many"))
        bench.store.door.set()
        await asyncio.gather(first, *others)

    assert run(test, max_pending=2).store.groups == [["first"], ["m0", "m1"]]


def test_too_many_bytes_in_line_are_turned_away_at_once() -> None:
    """Beyond `max_pending_bytes` too, so that a slow disk cannot fill the memory; then again not."""

    async def test(bench: Bench) -> None:
        sender = GroupSender(bench.store, Telemetry(), bench.clock, max_pending_bytes=5)
        bench.store.door.clear()
        first = asyncio.create_task(sender.send(message("m0")))
        await asyncio.to_thread(bench.store.entered.acquire, timeout=PATIENCE_SECONDS)
        second = asyncio.create_task(sender.send(message("m1")))
        await asyncio.gather(asyncio.to_thread(lambda: None))
        with pytest.raises(StoreBusy, match="bytes"):
            await sender.send(message("one too many"))
        bench.store.door.set()
        await asyncio.gather(first, second)
        await asyncio.to_thread(sender.close)
        sender = GroupSender(bench.store, Telemetry(), bench.clock, max_pending_bytes=1)
        for _ in range(3):  # larger than all that may wait, and alone each time
            await sender.send(message("large"))
        await asyncio.to_thread(sender.close)

    run(test)


def test_an_outage_is_told_once_and_so_is_its_end() -> None:
    """The first failure tells `store.unavailable`, the first success after it how long it took."""

    async def test(bench: Bench) -> None:
        def failing(_messages: Sequence[Message]) -> list[StoreError | None]:
            raise StoreFull("no room")

        works, bench.store.answer = bench.store.answer, failing
        for _ in range(2):
            with pytest.raises(StoreFull):
                await bench.sender.send(message("m"))
            bench.clock.advance(3)
        bench.store.answer = works
        await bench.sender.send(message("m"))
        await bench.sender.send(message("m"))

        assert bench.told == [
            ("store.unavailable", {"error": "no room", "waiting": 1}),
            ("store.recovered", {"after_seconds": 6.0}),
        ]

    run(test)


def test_refusals_are_written_when_idle() -> None:
    """A refusal needs no message to be written."""

    async def test(bench: Bench) -> None:
        bench.sender.refuse(refusal("r1"))
        await asyncio.to_thread(bench.store.entered.acquire, timeout=PATIENCE_SECONDS)

        assert bench.store.refused == ["r1"]

    run(test)


def test_a_refusal_that_comes_while_others_are_taken_is_taken_too() -> None:
    """Nobody would ring for it again before the next request."""

    class Late(deque[Refusal]):
        """One more is there as soon as one is taken."""

        def popleft(self) -> Refusal:
            taken = super().popleft()
            if taken.id == "r1":
                self.append(refusal("r2"))
            return taken

    assert [one.id for one in emptied(Late([refusal("r1")]))] == ["r1", "r2"]


def test_a_refusal_that_comes_while_others_are_written_is_written_before_the_end() -> None:
    """Also where the desk is closed in the meantime: what stood in line by then is kept."""
    bench = Bench()
    closing = threading.Thread(target=bench.sender.close)
    keep = bench.store.refuse

    def refuse(refusals: Sequence[Refusal]) -> None:
        if refusals[0].id == "r1":
            bench.sender.refuse(refusal("r2"))
            # As `close` begins; the desk's own thread, which this is, must not wait for itself.
            bench.sender._closed = True
        keep(refusals)

    bench.store.refuse = refuse  # type: ignore[method-assign]  # the store is the test's own
    bench.sender.refuse(refusal("r1"))
    bench.store.entered.acquire(timeout=PATIENCE_SECONDS)
    closing.start()
    closing.join(PATIENCE_SECONDS)

    assert bench.store.refused == ["r1", "r2"]


def test_refusals_never_fail_a_message() -> None:
    """Refusals wait behind messages, the oldest are dropped, and an error in them is nobody's."""

    async def test(bench: Bench) -> None:
        first = await bench.busy()
        for i in range(1_500):
            bench.sender.refuse(refusal(f"r{i}"))
        bench.store.door.set()
        await first
        await bench.sender.send(message("later"))

    bench = run(test)

    assert bench.store.refused == [f"r{i}" for i in range(500, 1_500)]


def test_closing_keeps_what_is_in_line() -> None:
    """`close` returns once everything sent before is kept; a send after it raises."""

    async def test(bench: Bench) -> None:
        first = await bench.busy()
        others = await bench.waiting(3)
        closing = asyncio.create_task(asyncio.to_thread(bench.sender.close))
        bench.store.door.set()
        await asyncio.gather(first, *others, closing)
        with pytest.raises(StoreError, match="shutting down"):
            await bench.sender.send(message("too late"))

    assert run(test).store.groups == [["first"], ["m0", "m1", "m2"]]


def test_a_loop_that_has_closed_does_not_hurt_the_next() -> None:
    """Callers of an event loop that is gone are forgotten; those of another are served."""
    bench = Bench()

    async def leave() -> None:
        await bench.busy()

    asyncio.run(leave())
    bench.store.door.set()
    asyncio.run(bench.sender.send(message("later")))
    bench.sender.close()

    assert bench.store.groups == [["first"], ["later"]]
