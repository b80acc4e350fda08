"""The execution as one turn changes it: its threads and tickets, its events, its forks, its end.

Everything works on a copy of the snapshot; nothing here decides where to go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Literal

from holdfast.workflow.chronicle import ERROR, Chronicle, evaluation, reason
from holdfast.workflow.events import (
    Cancel,
    Command,
    Finish,
    Fork,
    RunTask,
    Scope,
    Snapshot,
    StartTimer,
    Thread,
)
from holdfast.workflow.failures import CAUSE_MAX, DATA_LIMIT, QUERY, RUNTIME, StateFailure
from holdfast.workflow.flow import ROLE, View
from holdfast.workflow.forks import Forks
from holdfast.workflow.states import (
    FailState,
    MapState,
    ParallelState,
    Program,
    State,
    TaskState,
)

_NOTHING: Final[Mapping[str, Any]] = {}

Going = tuple[str | None, Any, int, Scope, int]
"""Where to go on, with what data of at most what size, and the line's last event; a name of None
ends the line."""


class Execution:
    """An execution in the hands of one turn."""

    __slots__ = (
        "_chronicle",
        "_entered",
        "_event_id",
        "_now_ms",
        "_of_failures",
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
        self._event_id = snapshot["event_id"]
        asked = snapshot["history"]
        self._chronicle = Chronicle(self.commands, now_ms) if asked == "all" else None
        self._of_failures = asked == "failures"
        self._opened: Forks | None = None
        self._ready: deque[Going] | None = None
        """Lines that have begun and are not on their way yet; None in the common case of one."""
        self._entered = 0

    def result(self) -> tuple[Snapshot, list[Command]]:
        """What the turn has come to."""
        self.snapshot["event_id"] = self._event_id
        return self.snapshot, self.commands

    def _park(self, view: View, awaits: Literal["task", "retry", "wait", "turn"]) -> str:
        """Let the line wait; what it waits for quotes the ticket."""
        ticket = self._ticket()
        self.threads[ticket] = {**view.thread, "awaits": awaits, "last_id": view.last_id}
        return ticket

    def _ticket(self) -> str:
        self.snapshot["tickets"] += 1
        return str(self.snapshot["tickets"])

    def _forks(self) -> Forks:
        if self._opened is None:
            self._opened = Forks(self.snapshot, self._now_ms)
        return self._opened

    # Events. Each is counted; told only where somebody asks.

    def _happened(self, view: View, type: str, details: Mapping[str, Any] = _NOTHING) -> None:
        """The next event of this line."""
        view.last_id = self._aside(view.last_id, type, details)

    def _aside(self, last_id: int, type: str, details: Mapping[str, Any] = _NOTHING) -> int:
        """An event that follows from that one, and from which its line does not go on."""
        self._event_id += 1
        if self._chronicle is not None:
            self._chronicle.tell(self._event_id, last_id, type, details)
        elif self._of_failures and type in ERROR:
            Chronicle(self.commands, self._now_ms).tell(self._event_id, last_id, type, details)
        return self._event_id

    def _started(self, value: Any) -> None:
        self._event_id += 1
        if self._chronicle is not None:
            execution = self.snapshot["context"].get("Execution")
            role = execution.get("RoleArn", ROLE) if isinstance(execution, Mapping) else ROLE
            details = {"roleArn": role, "input": value}
            self._chronicle.tell(self._event_id, 0, "ExecutionStarted", details)

    def _came_in(self, state: State, thread: Thread) -> int:
        id = self._event_id = self._event_id + 1
        if self._chronicle is not None:
            self._chronicle.entered(id, thread["last_id"], state, thread["input"])
        elif self._of_failures and isinstance(state, FailState):
            told = Chronicle(self.commands, self._now_ms)
            told.entered(id, thread["last_id"], state, thread["input"])
        return id

    def _exited(self, state: State, view: View, value: Any) -> int:
        id = self._event_id = self._event_id + 1
        if self._chronicle is not None:
            self._chronicle.exited(id, state, view, value)
        return id

    def _told(self, state: State, view: View, failure: StateFailure) -> tuple[str, str]:
        """Error and cause as AWS words them: with the state and its event, but for the data limit.

        What an expression got wrong has an event of its own.
        """
        error, cause = failure.error, failure.cause
        if error != DATA_LIMIT:
            where = f"'{state.name}' (entered at the event id #{view.thread['entered_id']})"
            cause = f"An error occurred while executing the state {where}. {cause}"[:CAUSE_MAX]
        if error == QUERY:
            self._happened(view, *evaluation(state, error, cause, failure.location))
        return error, cause

    def _forked_in_vain(self, state: State, view: View, error: str | None) -> None:
        if error != RUNTIME and not isinstance(state, TaskState):
            self._happened(view, f"{type(state).__name__}Failed")

    def _line_ended(self, fork: Fork, scope: Scope, last_id: int) -> int:
        """A branch or an item is through: the event from which the state that forked goes on."""
        if fork["items"] is None:
            return last_id
        return self._aside(last_id, "MapIterationSucceeded", _item(fork, scope))

    def _line_failed(self, state: State, view: View, fork: Fork) -> None:
        if fork["items"] is not None:
            details = _item(fork, view.thread["scope"])
            self._aside(view.last_id, "MapIterationFailed", details)
        if isinstance(state, TaskState):
            self._aside(view.last_id, "TaskStateAborted")

    def _aborted(self, fork: str, last_id: int) -> None:
        """Every line of the fork that was under way ends, because one of them failed."""
        forks = self.snapshot["forks"]
        for scope, thread in self._lines(fork):
            if forks[fork]["items"] is not None:
                self._aside(last_id, "MapIterationAborted", _item(forks[fork], scope))
            if thread is None or not thread["entered_id"]:
                continue
            for inner, each in forks.items():
                if each["thread"]["entered_id"] == thread["entered_id"]:
                    self._aborted(inner, last_id)
            self._aside(last_id, f"{type(self._state(thread)).__name__}Aborted")

    def _lines(self, fork: str) -> list[tuple[Scope, Thread | None]]:
        """What is under way within the fork: its lines in order, and the state that each is in."""
        inner = [each["thread"] for each in self.snapshot["forks"].values()]
        waiting: list[tuple[Scope, Thread | None]] = [
            (thread["scope"], thread) for thread in (*self.threads.values(), *inner)
        ]
        waiting += [(move[3], None) for move in self._ready or ()]
        within = [line for line in waiting if line[0]["fork"] == fork]
        return sorted(within, key=lambda line: line[0]["index"])

    def _state(self, thread: Thread) -> State:
        return self._program.states[thread["state"]]

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

    def _retry(
        self, state: TaskState | ParallelState | MapState, view: View, error: str | None
    ) -> bool:
        index = state.recovery.retrier(error)
        if index is None:
            return False
        retry = state.recovery.retry
        retrier, used = retry[index], view.thread["retries"] or [0] * len(retry)
        if used[index] >= retrier.max_attempts:
            return False
        counted = used.copy()
        counted[index] += 1
        view.thread = {**view.thread, "retries": counted}
        ticket = self._park(view, "retry")
        delay = retrier.delay_seconds(used[index])
        self.commands.append(StartTimer(ticket, delay, retrier.full_jitter))
        return True

    # The end.

    def _succeed(self, value: Any, last_id: int) -> None:
        self.snapshot["status"] = "SUCCEEDED"
        self._event_id += 1
        if self._chronicle is not None:
            self._chronicle.tell(self._event_id, last_id, "ExecutionSucceeded", {"output": value})
        self.commands.append(Finish("SUCCEEDED", value, None, None, None))

    def _fail(self, error: str | None, cause: str | None, state: str, last_id: int) -> None:
        self.snapshot["status"] = "FAILED"
        self._clear()
        self._aside(last_id, "ExecutionFailed", reason(error, cause))
        self.commands.append(Finish("FAILED", None, error, cause, state))

    def time_out(self) -> None:
        where = next((thread["state"] for thread in self.threads.values()), None)
        self.snapshot["status"] = "TIMED_OUT"
        self._clear()
        cause = f"The execution ran longer than {self._program.timeout_seconds} seconds."
        self._aside(self._event_id, "ExecutionTimedOut", reason("States.Timeout", cause))
        self.commands.append(Finish("TIMED_OUT", None, "States.Timeout", cause, where))

    def _clear(self) -> None:
        self.threads.clear()
        self._ready = None
        self.snapshot["forks"] = {}


def _item(fork: Fork, scope: Scope) -> dict[str, Any]:
    return {"name": fork["thread"]["state"], "index": scope["index"]}
