"""What is under way at once for one execution: begun together, told of one by one as each ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from holdfast.workflow.events import Event


class UnderWay:
    """Belongs to one event loop. What ends costs the same however much is under way beside it."""

    __slots__ = ("_called_off", "_ended", "_running")

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[Event]] = {}
        """By ticket."""
        self._ended: asyncio.Queue[str] = asyncio.Queue()
        self._called_off: list[asyncio.Task[Event]] = []

    def __bool__(self) -> bool:
        return bool(self._running)

    def begin(self, ticket: str, work: Coroutine[Any, Any, Event]) -> None:
        self._running[ticket] = asyncio.create_task(work)
        self._running[ticket].add_done_callback(lambda _: self._ended.put_nowait(ticket))

    async def next(self) -> Event:
        """What came of the first that ended, and was not called off. Raises what that raised."""
        while True:
            ended = self._running.pop(await self._ended.get(), None)
            if ended is not None:
                return ended.result()

    def call_off(self, ticket: str) -> None:
        """Nobody waits for it any more."""
        running = self._running.pop(ticket, None)
        if running is not None:
            running.cancel()
            self._called_off.append(running)

    async def end(self) -> None:
        """Call off whatever is left, and wait until it has stopped."""
        for ticket in tuple(self._running):
            self.call_off(ticket)
        if self._called_off:
            await asyncio.gather(*self._called_off, return_exceptions=True)
