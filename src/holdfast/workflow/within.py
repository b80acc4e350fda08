"""A limit of time that costs nearly nothing to work which never waits.

Most tasks return without waiting for anything, and then no timer could have fired: the event loop
never had its turn. So the work takes its first step at once, and a timer is set only where it stops
to wait. Around a coroutine that returns at once: 1 us, where `asyncio.timeout` takes 6.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, Generic, TypeVar

from holdfast.clock import Clock

Answer = TypeVar("Answer")


class OutOfTime(Exception):
    """The limit passed first. Work that raises a TimeoutError of its own never comes to this."""


@coroutine
def within(
    clock: Clock, seconds: float, work: Coroutine[Any, Any, Answer]
) -> Generator[Any, Any, Answer]:
    """What the work comes to. Where it still waits at the limit: cancels it, raises OutOfTime."""
    began = clock.monotonic()
    try:
        awaited = work.send(None)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    left_seconds = seconds - (clock.monotonic() - began)
    return (yield from _limited(left_seconds, _Begun(work, awaited)).__await__())


async def _limited(seconds: float, work: _Begun[Answer]) -> Answer:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await work
    except TimeoutError:
        if limit.expired():
            raise OutOfTime from None
        raise


class _Begun(Generic[Answer]):
    """Work after its first step, with what it awaits since."""

    __slots__ = ("_awaited", "_work")

    def __init__(self, work: Coroutine[Any, Any, Answer], awaited: object) -> None:
        self._work = work
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, Answer]:
        # `yield from`, written out: it can only begin at the beginning.
        awaited = self._awaited
        while True:
            try:
                try:
                    yield awaited
                except BaseException as error:
                    awaited = self._work.throw(error)
                else:
                    awaited = self._work.send(None)  # event loops send nothing else
            except StopIteration as end:
                answer: Answer = end.value
                return answer
