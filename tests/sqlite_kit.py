"""What the tests of the embedded engine share: messages, engines on a clock of the test's own, and
real processes that do as they are told, line by line."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import orjson

from holdfast.clock import Clock
from holdfast.message import Failure, Headers, Lease, Message, Request
from holdfast.queue.contract import Depth, QueueLimits
from holdfast.queue.engines.sqlite import INBOX, LEDGER, SQLiteEngine
from holdfast.telemetry import Kind, Telemetry
from process_kit import PATIENCE_SECONDS

DAY = 86_400.0
_numbers = itertools.count(1_000)
LIMITS = QueueLimits(retention_seconds=2 * DAY, dead_retention_seconds=3 * DAY, max_receive_count=2)


def message(
    number: int, clock: Clock, body: bytes = b"{}", *, webhook: str = "orders", path: str = "/"
) -> Message:
    """The message of this number, received now."""
    now_ms = clock.now_ms()
    request = Request("POST", path, "", Headers(), body)
    return Message(f"{now_ms:012x}{number:020x}", webhook, now_ms, request)


def opened(
    path: Path,
    clock: Clock,
    holder: str | None = None,
    *,
    telemetry: Telemetry | None = None,
    **settings: Any,
) -> SQLiteEngine:
    """An engine on the store, with the queue `orders` configured."""
    engine = SQLiteEngine(path, clock=clock, holder=holder, telemetry=telemetry, **settings)
    engine.configure({"orders": LIMITS})
    return engine


def sent(engine: SQLiteEngine, clock: Clock, count: int, body: bytes = b"{}") -> list[str]:
    """So many new messages in one group; their ids."""
    messages = [message(next(_numbers), clock, body) for _ in range(count)]
    assert engine.send(messages) == [None] * count
    return [one.id for one in messages]


def received(engine: SQLiteEngine, limit: int = 100, lease_seconds: float = 60) -> list[Lease]:
    return engine.receive("orders", limit, lease_seconds)


def ids(found: list[Any]) -> list[str]:
    return [one.message.id for one in found]


def failure(error: str = "ValueError", reason: str = "permanent") -> Failure:
    return Failure(error, "because", "Handle", 1, 1, reason)


def counts(engine: SQLiteEngine) -> tuple[int, int, int]:
    """Waiting, leased and dead."""
    found: Depth = next(row for row in engine.depth() if row.webhook == "orders")
    return found.waiting, found.leased, found.dead


def upkeep(engine: SQLiteEngine) -> int:
    """All of it; in how many steps."""
    steps = 1
    while engine.maintain():
        steps += 1
    return steps


def in_inbox(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What another program would read there."""
    return _query(path / INBOX, sql)


def in_ledger(path: Path, sql: str) -> list[tuple[Any, ...]]:
    return _query(path / LEDGER, sql)


def _query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = apsw.Connection(str(path))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def heard(name: str) -> tuple[Telemetry, list[Mapping[str, Any]]]:
    """A telemetry, and a list that fills with the fields of each event of this name."""
    telemetry, told = Telemetry(), list[Mapping[str, Any]]()

    def hear(kind: Kind, fields: Mapping[str, Any]) -> None:
        if kind.name == name:
            told.append(dict(fields))

    telemetry.subscribe(hear)
    return telemetry, told


_HEAD = """\
import os, sys, signal
from pathlib import Path
import orjson
from sqlite_kit import *
from holdfast.clock import SYSTEM_CLOCK
path, holder = Path(sys.argv[1]), sys.argv[2]
def say(value):
    sys.stdout.buffer.write(orjson.dumps(value) + b"\\n")
    sys.stdout.buffer.flush()
def hear():
    return orjson.loads(sys.stdin.buffer.readline())
"""


class Process:
    """A Python process with the store's path, `say(value)` up and `hear()` down."""

    def __init__(self, script: str, path: Path, holder: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-c", _HEAD + script, str(path), holder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
            },
        )
        self.pid = self._process.pid

    def hear(self) -> Any:
        """What it says next. Fails where it ended instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it ended with {self._process.wait(PATIENCE_SECONDS)}"
        return orjson.loads(line)

    def tell(self, value: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps(value) + b"\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """As `kill -9` does it."""
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        if self._process.poll() is None:
            self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@contextmanager
def processes(script: str, path: Path, *holders: str) -> Iterator[list[Process]]:
    """One process per holder, all running this script."""
    running = [Process(script, path, holder) for holder in holders]
    try:
        yield running
    finally:
        for process in running:
            process.close()
