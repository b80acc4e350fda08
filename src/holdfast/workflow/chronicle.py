"""The history of an execution in AWS's vocabulary, told while the events pass."""

from __future__ import annotations

from typing import Any, Final

from holdfast.workflow.events import UNBORN, Command, Record, Snapshot, Thread
from holdfast.workflow.states import Program, State, TaskState
from holdfast.workflow.timestamps import format_timestamp


class Chronicle:
    """Adds a `Record` to the commands for everything that happens, where anybody asked for it."""

    __slots__ = ("_commands", "_now_ms", "_snapshot", "asked")

    def __init__(self, snapshot: Snapshot, commands: list[Command], now_ms: int) -> None:
        self._snapshot = snapshot
        self._commands = commands
        self._now_ms = now_ms
        self.asked = snapshot["records"] >= 0

    def tell(self, type: str, **details: Any) -> None:
        if not self.asked:
            return
        last = self._snapshot["records"]
        self._snapshot["records"] = last + 1
        event = {
            "id": last + 1,
            "previousEventId": last,
            "timestamp": format_timestamp(self._now_ms),
            "type": type,
            "details": details,
        }
        self._commands.append(Record(event))

    def entered(self, state: State, thread: Thread) -> None:
        self.tell(f"{type(state).__name__}Entered", name=state.name, input=thread["input"])

    def exited(self, program: Program, thread: Thread, output: Any) -> None:
        kind = type(program.states[thread["state"]]).__name__
        self.tell(f"{kind}Exited", name=thread["state"], output=output)

    def failed(self, state: State, error: str | None, cause: str | None) -> None:
        if not isinstance(state, TaskState):
            self.tell(f"{type(state).__name__}Failed", error=error, cause=cause)
            return
        timed_out = error in ("States.Timeout", "States.HeartbeatTimeout")
        kind = "TaskTimedOut" if timed_out else "TaskFailed"
        self.tell(kind, resource=state.resource, error=error, cause=cause)


SILENT: Final = Chronicle(UNBORN, [], 0)
"""Tells nothing, to nobody."""
