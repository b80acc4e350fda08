"""Many at a time, or one alone.

A message whose last holder died may be the reason for that death, so it is worked with nothing else
in the process: should it kill the process again, it takes no neighbour along. One gate is shared by
all pipes of a process.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Gate:
    """First come, first served: who wants to be alone waits for those inside, not for later ones."""

    def __init__(self) -> None:
        self._inside = 0
        self._alone = False
        self._line: deque[tuple[asyncio.Future[None], bool]] = deque()

    async def enter(self, *, alone: bool = False) -> None:
        """Return once inside. Does not suspend where nobody is or wants to be alone."""
        if not self._line and self._fits(alone):
            self._admit(alone)
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((place, alone))
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._let_in()  # those behind may have waited for this one only
            else:
                self.leave()  # let in at the very moment of going away
            raise

    def leave(self) -> None:
        self._inside -= 1
        self._alone = False
        self._let_in()

    def _let_in(self) -> None:
        while self._line:
            place, alone = self._line[0]
            if not place.done() and not self._fits(alone):
                return
            self._line.popleft()
            if not place.done():
                self._admit(alone)
                place.set_result(None)

    def _fits(self, alone: bool) -> bool:
        return self._inside == 0 if alone else not self._alone

    def _admit(self, alone: bool) -> None:
        self._inside += 1
        self._alone = alone
