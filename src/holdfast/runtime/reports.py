"""How a child process talks to its supervisor: JSON lines up one pipe, a lifeline down another.

The lifeline carries nothing. A child that reads its end knows that the supervisor is gone, however
it went, and winds up; without it, a killed supervisor would leave workers behind for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Any, Final

import orjson

from holdfast.runtime.metrics import Counts

REPORT_SECONDS: Final = 1.0
# Held back while the supervisor does not read; counts are totals, so that a later line makes up for
# one that was left out.
UNSAID_BYTES: Final = 64 * 1024


class Reports:
    """The child's end of both pipes."""

    def __init__(self, report_descriptor: int, lifeline_descriptor: int) -> None:
        self._report = report_descriptor
        self._lifeline = lifeline_descriptor
        self._unsaid = b""
        for descriptor in (report_descriptor, lifeline_descriptor):
            os.set_blocking(descriptor, False)

    def say(self, **fields: Any) -> None:
        """One line up; never blocks, so that a supervisor that hangs holds nobody up.

        While nobody reads, whole lines are left out.
        """
        if len(self._unsaid) < UNSAID_BYTES:
            self._unsaid += orjson.dumps(fields) + b"\n"
        # A supervisor that is gone is noticed by the lifeline, not here.
        with contextlib.suppress(OSError):
            self._unsaid = self._unsaid[os.write(self._report, self._unsaid) :]

    def watch(self, on_orphaned: Callable[[], None]) -> None:
        """Call back once the supervisor is gone."""
        loop = asyncio.get_running_loop()

        def readable() -> None:
            with contextlib.suppress(BlockingIOError):
                if not os.read(self._lifeline, 1):
                    loop.remove_reader(self._lifeline)
                    on_orphaned()

        loop.add_reader(self._lifeline, readable)

    async def repeat(self, counts: Counts) -> None:
        """Report the counts about once a second, for ever."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            self.say(counts=counts.rows())
