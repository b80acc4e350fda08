"""The command line called in this process, on a real store whose history is known."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest import mock

import orjson

from holdfast.cli import main
from holdfast.clock import ManualClock, SystemClock
from holdfast.message import Failure, Headers, Lease, Message, Request
from holdfast.queue.contract import Execution, QueueLimits, Refusal
from holdfast.queue.engines.sqlite import SQLiteEngine

NOW_MS: Final = 1_700_000_000_000
HOUR_MS: Final = 3_600_000


@dataclass(frozen=True)
class Called:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """All of standard output as one JSON value: nothing else may stand there."""
        return orjson.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class _Stream(io.TextIOWrapper):
    """Standard output or error, at a terminal or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def told(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


def call(*arguments: str, terminal: bool = False, typed: str = "", now_ms: int = NOW_MS) -> Called:
    """`holdfast ARGUMENTS` at `now_ms`; `typed`: what is said at the terminal when asked."""
    out, err, said = _Stream(terminal=terminal), _Stream(terminal=terminal), io.StringIO(typed)
    said.isatty = lambda: terminal  # type: ignore[method-assign]  # a terminal made of text
    with (
        mock.patch.object(SystemClock, "now_ms", return_value=now_ms),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
        mock.patch.object(sys, "stdin", said),
    ):
        try:
            main(arguments)
            code: Any = 0
        except SystemExit as ended:
            code = ended.code
    return Called(int(code or 0), out.told(), err.told())


class Scene:
    """A store in a directory of its own. Everything in it came in an hour ago, or when told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock(NOW_MS - HOUR_MS)
        self.engine = SQLiteEngine(path, clock=self.clock, holder="scene")
        self.engine.configure({"users": QueueLimits(), "orders": QueueLimits()})
        self._count = 0

    @property
    def store(self) -> tuple[str, str]:
        """The option that names it."""
        return ("--store", f"sqlite:{self.path}")

    def call(self, *arguments: str, **settings: Any) -> Called:
        return call(*arguments, *self.store, **settings)

    def kept(
        self,
        webhook: str = "users",
        body: bytes = b'{"name":"Ada"}',
        headers: Mapping[str, str] | None = None,
        query: str = "",
    ) -> str:
        """An event that waits; its id."""
        request = Request(
            "POST", f"/{webhook}", query, Headers.of(headers or {}), body, "203.0.113.7"
        )
        id = self._id()
        self.engine.send([Message(id, webhook, self.clock.now_ms(), request)])
        return id

    def done(self, webhook: str = "users", **given: Any) -> str:
        id = self.kept(webhook, **given)
        self.engine.settle([self.lease(webhook, id).receipt])
        return id

    def dead(
        self,
        webhook: str = "users",
        reason: str = "permanent",
        error: str = "CardDeclined",
        cause: str = "no money",
        id: str | None = None,
        **given: Any,
    ) -> str:
        """An event whose only attempt ended in dead letters; `id`: one that waits already."""
        id = id or self.kept(webhook, **given)
        failure = Failure(error, cause, "Handle", self.clock.now_ms(), 1, reason)
        run = Execution(
            id, webhook, 1, self.clock.now_ms(), 12.5, "FAILED", error, cause, "Handle", HISTORY
        )
        self.engine.bury(self.lease(webhook, id).receipt, failure)
        self.engine.record([run])
        return id

    def refused(self, reason: str = "invalid_body", webhook: str | None = "users") -> str:
        id = self._id()
        note = Refusal(
            id, self.clock.now_ms(), webhook, "POST", "/users", "203.0.113.9", 400, reason,
            "/age: too young", (("content-type", "application/json"),), b'{"age":17}',
        )  # fmt: skip
        self.engine.refuse([note])
        return id

    def states(self) -> dict[str, int]:
        """Waiting and dead over all webhooks."""
        depths = self.engine.depth()
        return {
            "waiting": sum(one.waiting for one in depths),
            "dead": sum(one.dead for one in depths),
        }

    def lease(self, webhook: str, id: str) -> Lease:
        leases = self.engine.receive(webhook, 100, 30)
        self.engine.release([lease.receipt for lease in leases if lease.message.id != id])
        return next(lease for lease in leases if lease.message.id == id)

    def _id(self) -> str:
        """Ids that differ early, so that their beginnings tell them apart."""
        self._count += 1
        self.clock.advance(0.001)
        return f"{self._count:08x}{self.clock.now_ms():024x}"


HISTORY: Final[tuple[Mapping[str, Any], ...]] = (
    {"type": "TaskStateEntered", "details": {"name": "Verify"}},
    {"type": "TaskStateEntered", "details": {"name": "Handle"}},
)


@contextmanager
def scene_in(path: Path) -> Iterator[Scene]:
    scene = Scene(path)
    try:
        yield scene
    finally:
        scene.engine.close()
