"""How long the door waits for the rest of a body."""

from __future__ import annotations

import asyncio
from typing import Final

from holdfast.clock import Clock

_SWEEPS_PER_LIMIT: Final = 8


class TooSlow(Exception):
    """The sender took longer over the body than the door waits."""


class Patience:
    """Ends reads that take longer than `seconds` in all, with one timer for all of them.

    A timeout of its own for every read would cost 5 us of the 30 that a whole request takes. The
    price is precision: a read is ended within an eighth of the limit after it.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._readers: dict[asyncio.Task[object], float] = {}  # in the order of their deadlines
        self._overdue: set[asyncio.Task[object]] = set()
        self._sweep: asyncio.TimerHandle | None = None

    def begin(self) -> asyncio.Task[object]:
        """The current task starts to read."""
        reader = asyncio.current_task()
        if reader is None:
            raise RuntimeError("a body is read by a task, so that the read can be ended")
        self._readers[reader] = self._clock.monotonic() + self._seconds
        if self._sweep is None:
            self._wait()
        return reader

    def end(self, reader: asyncio.Task[object]) -> None:
        """It has the body, or gave up."""
        self._readers.pop(reader, None)
        self._overdue.discard(reader)

    def ended(self, reader: asyncio.Task[object]) -> bool:
        """Whether a cancellation of this task was ours; it is then taken back."""
        if reader not in self._overdue:
            return False
        return reader.uncancel() == 0

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(self._seconds / _SWEEPS_PER_LIMIT, self._end_overdue)

    def _end_overdue(self) -> None:
        self._sweep = None
        now = self._clock.monotonic()
        while self._readers:
            reader, deadline = next(iter(self._readers.items()))
            if deadline > now:
                self._wait()
                return
            del self._readers[reader]
            self._overdue.add(reader)
            reader.cancel()
