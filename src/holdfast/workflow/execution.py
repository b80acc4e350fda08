"""The execution as one turn changes it: its threads and tickets, its forks, its end, the commands.

Everything works on a copy of the snapshot; nothing here decides where to go on.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

from holdfast.workflow.chronicle import SILENT, Chronicle
from holdfast.workflow.events import (
    Cancel,
    Command,
    Finish,
    RunTask,
    Scope,
    Snapshot,
    StartTimer,
    Thread,
)
from holdfast.workflow.forks import Forks
from holdfast.workflow.states import Program

Going = tuple[str | None, Any, int, Scope]
"""Where to go on, with what data of at most what size; a name of None ends the line."""


class Execution:
    """An execution in the hands of one turn."""

    __slots__ = (
        "_asked",
        "_chronicle",
        "_entered",
        "_now_ms",
        "_opened",
        "_program",
        "_ready",
        "commands",
        "snapshot",
        "threads",
    )

    def __init__(self, program: Program, snapshot: Snapshot, now_ms: int) -> None:
        self._program = program
        self._now_ms = now_ms
        self.snapshot = snapshot.copy()
        self.threads = self.snapshot["threads"] = snapshot["threads"].copy()
        self.commands: list[Command] = []
        self._asked = snapshot["records"] >= 0
        self._chronicle = SILENT
        if self._asked:
            self._chronicle = Chronicle(self.snapshot, self.commands, now_ms)
        self._opened: Forks | None = None
        self._ready: deque[Going] | None = None
        """Lines that have begun and are not on their way yet; None in the common case of one."""
        self._entered = 0

    def _park(self, thread: Thread, awaits: Literal["task", "retry", "wait", "turn"]) -> str:
        """Let the thread wait; what it waits for quotes the ticket."""
        ticket = self._ticket()
        self.threads[ticket] = {**thread, "awaits": awaits}
        return ticket

    def _ticket(self) -> str:
        self.snapshot["tickets"] += 1
        return str(self.snapshot["tickets"])

    def _forks(self) -> Forks:
        if self._opened is None:
            self._opened = Forks(self.snapshot, self._now_ms)
        return self._opened

    def _cancel(self, doomed: set[str]) -> None:
        """Nothing within these forks goes on."""
        over = {
            ticket for ticket, thread in self.threads.items() if thread["scope"]["fork"] in doomed
        }
        for ticket in over:
            del self.threads[ticket]
        # What this very turn asked for has not begun yet: it is taken back, not cancelled.
        kept: list[Command] = []
        for command in self.commands:
            if isinstance(command, RunTask | StartTimer) and command.ticket in over:
                over.remove(command.ticket)
            else:
                kept.append(command)
        self.commands[:] = [*kept, *(Cancel(ticket) for ticket in sorted(over, key=int))]
        self._ready = deque(move for move in self._ready or () if move[3]["fork"] not in doomed)

    def _succeed(self, value: Any) -> None:
        self.snapshot["status"] = "SUCCEEDED"
        self._chronicle.tell("ExecutionSucceeded", output=value)
        self.commands.append(Finish("SUCCEEDED", value, None, None, None))

    def _fail(self, error: str | None, cause: str | None, state: str) -> None:
        self.snapshot["status"] = "FAILED"
        self._clear()
        self._chronicle.tell("ExecutionFailed", error=error, cause=cause)
        self.commands.append(Finish("FAILED", None, error, cause, state))

    def time_out(self) -> None:
        where = next((thread["state"] for thread in self.threads.values()), None)
        self.snapshot["status"] = "TIMED_OUT"
        self._clear()
        cause = f"The execution ran longer than {self._program.timeout_seconds} seconds."
        self._chronicle.tell("ExecutionTimedOut", error="States.Timeout", cause=cause)
        self.commands.append(Finish("TIMED_OUT", None, "States.Timeout", cause, where))

    def _clear(self) -> None:
        self.threads.clear()
        self._ready = None
        self.snapshot["forks"] = {}
