"""A child process, as its role sees it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from holdfast.compiled import Compiled
from holdfast.runtime.metrics import Counts
from holdfast.runtime.reports import Reports
from holdfast.telemetry import Telemetry

EXIT_OK: Final = 0
EXIT_WORN_OUT: Final = 75

DRAIN_SECONDS: Final = 25.0
"""What is under way when it is to end may still take as long."""


@dataclass(frozen=True, slots=True)
class RoleProcess:
    """What every role works with, and how it comes to an end."""

    options: argparse.Namespace
    compiled: Compiled
    telemetry: Telemetry
    counts: Counts
    reports: Reports

    @contextlib.asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Counts go up about once a second, and once more at the end of the block."""
        repeat = asyncio.get_running_loop().create_task(self.reports.repeat(self.counts))
        try:
            yield
        finally:
            repeat.cancel()
            self.reports.say(counts=self.counts.rows())

    def ends(self) -> tuple[asyncio.Event, asyncio.Event]:
        """Events for `stop` (finish what has begun) and `hurry` (do not even do that)."""
        loop = asyncio.get_running_loop()
        stop, hurry = asyncio.Event(), asyncio.Event()

        def wind_up(why: str) -> None:
            if stop.is_set():
                hurry.set()
                return
            self.telemetry.emit("process.stopping", role=self.options.role, why=why)
            stop.set()

        loop.add_signal_handler(signal.SIGTERM, wind_up, "asked to")
        loop.add_signal_handler(signal.SIGINT, wind_up, "asked to")
        self.reports.watch(lambda: wind_up("the supervisor is gone"))
        return stop, hurry
