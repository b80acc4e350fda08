"""One child process: started, listened to, restarted when it ends unasked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from holdfast.clock import backoff_seconds

RESTART_FIRST_SECONDS: Final = 0.2
RESTART_MAX_SECONDS: Final = 30.0
# The exit code that is told of a child that never was.
NOT_STARTED: Final = -1
# A line of counts grows with the number of webhooks and reasons; one that did not fit would leave
# the child waiting for ever to get rid of it.
REPORT_BYTES_MAX: Final = 64 * 1024 * 1024


class Child:
    """Keeps one process of a role running. All callbacks come on the event loop."""

    def __init__(
        self,
        role: str,
        arguments: Callable[[], Sequence[str]],
        *,
        inherit: Sequence[int] = (),
        on_report: Callable[[Child, int, Mapping[str, Any]], None],
        on_end: Callable[[Child, int, int, float | None], None],
    ) -> None:
        """`arguments` is asked at each start. `inherit`: descriptors that live as long as the child
        does, such as the store's lock.

        on_report(child, pid, fields): a line from it. on_end(child, pid, code, restart_seconds).
        """
        self.role = role
        self.pid: int | None = None
        self.ready = False
        self.failure: str | None = None
        """What the child said was wrong before it ended."""
        self._arguments = arguments
        self._inherit = tuple(inherit)
        self._on_report = on_report
        self._on_end = on_end
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._failed_starts = 0

    async def run(self) -> None:
        """Start, and start again, until stopped."""
        while not self._stopping:
            try:
                pid, code = await self._once()
            except OSError as error:  # no room for one more process just now
                self.failure = f"the {self.role} cannot be started: {error}"
                pid, code = 0, NOT_STARTED
            wait = None
            if not self._stopping:
                # Only what never became ready waits longer each time. A worker that died of a
                # message is wanted back at once: the others' messages wait for it.
                wait = backoff_seconds(
                    max(1, self._failed_starts),
                    first_seconds=RESTART_FIRST_SECONDS,
                    max_seconds=RESTART_MAX_SECONDS,
                )
            self._on_end(self, pid, code, wait)
            if wait is not None:
                await asyncio.sleep(wait)

    async def _once(self) -> tuple[int, int]:
        """One life: the process id, and its exit code."""
        self._failed_starts += 1
        self.failure = None
        report_read, report_write = os.pipe()
        lifeline_read, lifeline_write = os.pipe()
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "holdfast.runtime.child",
                self.role,
                *self._arguments(),
                "--report",
                str(report_write),
                "--lifeline",
                str(lifeline_read),
                "--inherited",
                *map(str, self._inherit),
                stdin=subprocess.DEVNULL,
                pass_fds=(report_write, lifeline_read, *self._inherit),
                # Ctrl-C at the terminal goes to the supervisor alone, which then asks in order.
                start_new_session=True,
            )
        except BaseException:
            os.close(report_read)
            os.close(lifeline_write)
            raise
        finally:
            os.close(report_write)
            os.close(lifeline_read)
        try:
            self.pid = process.pid
            if self._stopping:
                self.signal(signal.SIGTERM)
            reading = asyncio.ensure_future(self._read(report_read, process.pid))
            code = await process.wait()
            # A grandchild that a handler started may hold the pipe open; do not wait for it.
            await asyncio.wait((reading,), timeout=1.0)
            reading.cancel()
            return process.pid, code
        finally:
            self.ready, self.pid, self._process = False, None, None
            os.close(lifeline_write)

    async def _read(self, descriptor: int, pid: int) -> None:
        reader = asyncio.StreamReader(limit=REPORT_BYTES_MAX)
        loop = asyncio.get_running_loop()
        with os.fdopen(descriptor, "rb", buffering=0) as pipe:
            transport, _ = await loop.connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), pipe
            )
            try:
                # Half a line is what a killed child leaves.
                while (line := await reader.readline()).endswith(b"\n"):
                    fields = orjson.loads(line)
                    self.failure = fields.get("failed", self.failure)
                    if fields.get("ready"):
                        self.ready, self._failed_starts = True, 0
                    self._on_report(self, pid, fields)
            finally:
                transport.close()

    def stop(self) -> None:
        """Ask it to finish what it has begun; asked again, to end at once."""
        self._stopping = True
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        self._stopping = True
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
