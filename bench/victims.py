"""A real `holdfast run`, and ways to kill its processes."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final, Self

import orjson

from bench.senders import read_answer
from holdfast.clock import SYSTEM_CLOCK
from holdfast.errors import HoldfastError

KINDS: Final = ("gateway", "worker", "supervisor")
DEFINITION: Final = Path(__file__).with_name("crash_hooks.py")
START_SECONDS: Final = 60.0
END_SECONDS: Final = 60.0
# The workers of a supervisor that was killed finish what they have begun, and hold the store's
# lock as long; `holdfast run` then says 3, and whoever keeps it running tries again.
EXIT_LOCKED: Final = 3


class Victims:
    """A supervisor with its processes, started again whenever it was killed."""

    def __init__(self, directory: Path, *, workers: int) -> None:
        self.store = directory / "store"
        self.books = directory / "books"
        self.secret = secrets.token_hex(16)
        self.port = free_port()
        self._log = directory / "log"
        self._workers = workers
        self._ops_port = free_port()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self.books.mkdir()
        await self._start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def kill(self, kind: str, source: random.Random) -> bool:
        """Kill -9 one of this kind. False: there is none just now."""
        if kind == "supervisor":
            if self._process is None:
                return False
            self._process.kill()
            await self._process.wait()
            await self._start()
            return True
        pids = [one["pid"] for one in await self.processes() if one["role"] == kind and one["pid"]]
        if not pids:
            return False
        try:
            os.kill(source.choice(sorted(pids)), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    async def end(self) -> None:
        """Ask it to stop. Raises HoldfastError where it does not, or not with exit code 0."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            code = await asyncio.wait_for(self._process.wait(), END_SECONDS)
        except TimeoutError:
            raise HoldfastError("the supervisor does not stop when asked to") from None
        if code != 0:
            raise HoldfastError(f"the supervisor stopped with exit code {code}; see {self._log}")

    async def processes(self) -> list[dict[str, Any]]:
        """The children, as the operations page tells; empty while nobody answers there."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._ops_port)
            try:
                writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
                _, _, body = await read_answer(reader)
            finally:
                writer.close()
        except (OSError, EOFError):
            return []
        found: list[dict[str, Any]] = orjson.loads(body)["processes"]
        return found

    async def _start(self) -> None:
        until = SYSTEM_CLOCK.monotonic() + START_SECONDS
        while not await self._started(until):
            if SYSTEM_CLOCK.monotonic() > until:
                raise HoldfastError(f"the supervisor does not start; see {self._log}")

    async def _started(self, until: float) -> bool:
        """One attempt. False: the last one's workers still hold the store."""
        with self._log.open("ab") as log:
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "holdfast",
                "run",
                str(DEFINITION),
                *("--store", str(self.store)),
                *("--port", str(self.port)),
                *("--ops-port", str(self._ops_port)),
                *("--workers", str(self._workers)),
                *("--log-level", "warning"),
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "CRASH_SECRET": self.secret,
                    "CRASH_BOOKS": str(self.books),
                },
            )
        while process.returncode is None:
            if any(one["ready"] for one in await self.processes()):
                return True
            if SYSTEM_CLOCK.monotonic() > until:
                return False
            await asyncio.sleep(0.05)
        if process.returncode != EXIT_LOCKED:
            raise HoldfastError(
                f"`holdfast run` ended with exit code {process.returncode}; see {self._log}"
            )
        return False


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
