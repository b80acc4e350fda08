"""The limit of time of a task and of an execution."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from holdfast.clock import SYSTEM_CLOCK, ManualClock
from holdfast.workflow.within import OutOfTime, within

LONG_SECONDS = 3_600.0


async def at_once() -> str:
    return "answer"


async def after(*waits: Awaitable[object]) -> list[object]:
    return [await wait for wait in waits]


def soon(answer: object = None) -> asyncio.Future[object]:
    """Answered once the event loop has had its turn."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, answer)
    return future


def test_work_that_never_waits_sets_no_timer() -> None:
    """It is given back what it answers or raises before the event loop has its turn."""

    async def main() -> None:
        loop, timers = asyncio.get_running_loop(), 0

        def count(*_: object, **__: object) -> asyncio.TimerHandle:
            nonlocal timers
            timers += 1
            raise AssertionError("a timer was set")

        loop.call_at = count  # type: ignore[method-assign]  # to see that nobody asks for one
        assert await within(SYSTEM_CLOCK, 0.0, at_once()) == "answer"
        with pytest.raises(ValueError, match="mine"):
            await within(SYSTEM_CLOCK, 0.0, fails(ValueError("mine")))
        assert timers == 0

    asyncio.run(main())


async def fails(error: BaseException) -> None:
    raise error


def test_work_that_waits_is_resumed_each_time_with_what_it_waited_for() -> None:
    """Values and errors of several futures arrive where they were awaited."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        first, second, third = (loop.create_future() for _ in range(3))
        loop.call_soon(first.set_result, 1)
        first.add_done_callback(lambda _: second.set_exception(KeyError("two")))
        second.add_done_callback(lambda _: third.set_result(3))

        async def work() -> list[object]:
            heard: list[object] = [await first]
            try:
                await second
            except KeyError as error:
                heard.append(error.args[0])
            return [*heard, *await after(third, soon(4))]

        assert await within(SYSTEM_CLOCK, LONG_SECONDS, work()) == [1, "two", 3, 4]

    asyncio.run(main())


def test_work_that_waits_too_long_is_cancelled_once() -> None:
    """It may clean up, even by waiting; then OutOfTime is raised, and its task goes on."""
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await soon()
            cleaned.append("up")
            raise

    async def main() -> None:
        with pytest.raises(OutOfTime):
            await within(SYSTEM_CLOCK, 0.0, work())
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        assert await within(SYSTEM_CLOCK, LONG_SECONDS, at_once()) == "answer"

    asyncio.run(main())
    assert cleaned == ["up"]


def test_a_timeout_of_the_works_own_is_not_the_limit() -> None:
    """Before it waits and afterwards a TimeoutError passes as it is; so does being cancelled."""

    async def late(error: BaseException) -> None:
        await soon()
        raise error

    async def main() -> None:
        for work in (fails(TimeoutError("its own")), late(TimeoutError("its own"))):
            with pytest.raises(TimeoutError, match="its own"):
                await within(SYSTEM_CLOCK, LONG_SECONDS, work)
        waiting = asyncio.ensure_future(
            within(SYSTEM_CLOCK, LONG_SECONDS, after(asyncio.Event().wait()))
        )
        await soon()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())


def test_the_shorter_of_two_limits_counts() -> None:
    """An outer limit ends what an inner one still allows, and an inner one leaves the outer alone."""

    async def inner(seconds: float) -> str:
        try:
            await within(SYSTEM_CLOCK, seconds, after(asyncio.Event().wait()))
        except OutOfTime:
            return "inner"
        raise AssertionError("nobody rang")

    async def main() -> None:
        assert await within(SYSTEM_CLOCK, LONG_SECONDS, inner(0.0)) == "inner"
        with pytest.raises(OutOfTime):
            await within(SYSTEM_CLOCK, 0.0, inner(LONG_SECONDS))

    asyncio.run(main())


def test_the_limit_counts_from_the_start() -> None:
    """What was computed before the first wait is part of the time: past the limit it ends there."""
    clock = ManualClock()

    async def work() -> None:
        clock.advance(LONG_SECONDS)
        await asyncio.Event().wait()

    async def main() -> None:
        ended = asyncio.ensure_future(within(clock, LONG_SECONDS, work()))
        for _ in range(5):
            await soon()
        assert ended.done()
        assert isinstance(ended.exception(), OutOfTime)

    asyncio.run(main())
