"""Indexing what came in, beside everything else and never in its way.

Reception comes first: while much comes in, indexing takes a few percent of one processor and falls
behind; afterwards it catches up. What is not indexed yet is found all the same, by reading it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from holdfast.clock import Clock
from holdfast.errors import HoldfastError
from holdfast.queue.views import Search

IDLE_SECONDS: Final = 1.0

BUSY_RATE: Final = 200.0
"""From so many new messages a second on, reception is busy."""

BUSY_SHARE: Final = 0.03
QUIET_SHARE: Final = 0.5
"""Parts of one processor."""


class Indexer:
    """Runs on an event loop, works in threads, until stopped."""

    def __init__(self, search: Search, clock: Clock) -> None:
        self._search = search
        self._clock = clock
        self._over = asyncio.Event()

    def stop(self) -> None:
        self._over.set()

    async def run(self) -> None:
        """Step after step, with pauses that leave the processor to others."""
        known, known_at = 0, self._clock.monotonic()
        while not self._over.is_set():
            began = self._clock.monotonic()
            more, total = False, known
            # A full disk, say: search is then slower, and nothing else is.
            with contextlib.suppress(HoldfastError):
                more, total = await asyncio.to_thread(self._step)
            now = self._clock.monotonic()
            arrived, elapsed = total - known, now - known_at
            known, known_at = total, now
            busy = elapsed > 0 and arrived / elapsed > BUSY_RATE
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), pause(now - began, more=more, busy=busy))

    def _step(self) -> tuple[bool, int]:
        """Whether there is more, and how many messages there are in all."""
        more = self._search.index()
        state = self._search.index_state()
        return more, state.indexed + state.behind


def pause(took_seconds: float, *, more: bool, busy: bool) -> float:
    """How long to leave the processor to others after a step."""
    if not more:
        return IDLE_SECONDS
    share = BUSY_SHARE if busy else QUIET_SHARE
    return took_seconds * (1 / share - 1)
