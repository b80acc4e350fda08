"""What one pipe has under way on the event loop, and how it goes on when something fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from holdfast.clock import Clock, backoff_seconds
from holdfast.pipe.bell import Bell, Timer


class Tasks:
    """Tasks that end by themselves, and steps that are taken again and again.

    failed: told of every error; none of them ends the pipe.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        timer: Timer,
        uniform: Callable[[float, float], float],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._clock = clock
        self._timer = timer
        self._uniform = uniform
        self._failed = failed
        self._under_way: set[asyncio.Task[None]] = set()
        self.changed = Bell(timer)
        """Rings when a task has ended; whoever changes what `quiet` waits for rings it too."""

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def cancel(self) -> None:
        for task in self._under_way:
            task.cancel()

    async def quiet(self, seconds: float, *, busy: Callable[[], object]) -> None:
        """Return once all tasks have ended and `busy()` is falsy, or once that time has passed."""
        deadline = self._clock.monotonic() + seconds
        while self._under_way or busy():
            left_seconds = deadline - self._clock.monotonic()
            if left_seconds <= 0:
                return
            await self.changed.heard(left_seconds)

    async def again(
        self, step: Callable[[], Awaitable[None]], *, until: Callable[[], bool] = lambda: False
    ) -> None:
        """Take this step over and over. Where it stumbles, wait a little and go on."""
        stumbles = 0
        while not until():
            try:
                await step()
            except Exception as error:
                stumbles += 1
                await self.stumbled(error, stumbles)
            else:
                stumbles = 0

    async def stumbled(self, error: BaseException, times: int) -> None:
        """Tell of the error, then wait: longer after each of the `times` in a row."""
        self._failed(error)
        wait_seconds = backoff_seconds(
            times, first_seconds=0.2, max_seconds=5.0, uniform=self._uniform
        )
        await Bell(self._timer).heard(wait_seconds)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self.changed.ring()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
