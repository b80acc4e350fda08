"""Waiting for news, but not for ever: an event that also rings by itself after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Alarm(Protocol):
    """A timer that has been set."""

    def cancel(self) -> object: ...


Timer = Callable[[float, Callable[[], object]], Alarm]
"""Calls back after so many seconds. Tests hand over one that they move themselves."""


def loop_timer(seconds: float, callback: Callable[[], object]) -> Alarm:
    """The running event loop's own timer."""
    return asyncio.get_running_loop().call_later(seconds, callback)


class Bell:
    """Rung by anyone on the event loop, heard by one. Rung early, it is heard at once."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._rung = False
        self._listener: asyncio.Future[None] | None = None

    def ring(self) -> None:
        self._rung = True
        if self._listener is not None and not self._listener.done():
            self._listener.set_result(None)

    async def heard(self, within_seconds: float | None = None) -> None:
        """Return when the bell rings, or when that time has passed."""
        if not self._rung:
            self._listener = asyncio.get_running_loop().create_future()
            alarm = None if within_seconds is None else self._timer(within_seconds, self.ring)
            try:
                await self._listener
            finally:
                self._listener = None
                if alarm is not None:
                    alarm.cancel()
        self._rung = False
