"""The workflow as a pure function: `(program, snapshot, event) -> (snapshot, commands)`.

No clock, no I/O, no randomness: time comes with each event, and the same events always give the
same snapshots. Whoever runs it performs the commands and brings back what came of them (see
`holdfast.workflow.events` for both). No sequence of events makes it raise: what a document or its
data get wrong becomes one of the language's own errors, and what is not expected changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from holdfast.workflow.events import (
    UNBORN,
    Command,
    Event,
    Finish,
    Record,
    RunTask,
    Snapshot,
    Started,
    StartTimer,
    TaskFailed,
    TaskSucceeded,
    Thread,
    TimedOut,
    TimerFired,
)
from holdfast.workflow.limits import DATA_LIMIT_BYTES, fit, measure
from holdfast.workflow.paths import PATH_LENGTH_MAX, Context, Placer, StateFailure
from holdfast.workflow.states import (
    ChoiceState,
    FailState,
    PassState,
    Program,
    Shaping,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from holdfast.workflow.templates import Selection
from holdfast.workflow.timestamps import format_timestamp

STATES_PER_TURN: Final = 1_000
"""After so many states without a wait the machine hands control back, so that a document that
loops cannot keep its runner from its timeout."""

_CONTEXT_BYTES: Final = 4_096
"""More than the context object weighs beside the execution's input."""

_PLACING_BYTES: Final = 16 * PATH_LENGTH_MAX
"""More than a ResultPath adds in names and braces."""

Move = tuple[str | None, Any, int] | None
"""Where to go on, with what data of at most what size; a name of None ends. None: wait."""

_Step = tuple[Snapshot, Sequence[Command]]


def step(program: Program, snapshot: Snapshot | None, event: Event) -> _Step:
    """One event. The snapshot handed in is None for `Started`, and is never changed."""
    if isinstance(event, Started):
        return _start(program, event) if snapshot is None else (snapshot, ())
    if snapshot is None or snapshot["status"] != "RUNNING":
        return snapshot or UNBORN, ()
    if isinstance(event, TimedOut):
        turn = _Turn(program, snapshot, event.now_ms)
        turn.time_out()
        return turn.snapshot, turn.commands
    thread = snapshot["threads"].get(event.ticket)
    if thread is None or isinstance(event, TimerFired) is (thread["awaits"] == "task"):
        return snapshot, ()
    turn = _Turn(program, snapshot, event.now_ms)
    del turn.threads[event.ticket]
    turn.resume(thread, event)
    return turn.snapshot, turn.commands


def history(program: Program, events: Sequence[Event]) -> tuple[dict[str, Any], ...]:
    """The history of an execution, told again from its events.

    Nothing is collected while a workflow runs: since the machine is pure, whoever wants to know
    what happened runs the events through it once more.
    """
    snapshot: Snapshot | None = None
    records: list[dict[str, Any]] = []
    for event in events:
        asking = event._replace(history=True) if isinstance(event, Started) else event
        snapshot, commands = step(program, snapshot, asking)
        records += [command.event for command in commands if isinstance(command, Record)]
    return tuple(records)


def _start(program: Program, event: Started) -> _Step:
    snapshot: Snapshot = {
        "status": "RUNNING",
        "name": event.name,
        "machine": event.machine,
        "started_ms": event.now_ms,
        "input": event.input,
        "size": measure(event.input) if event.size is None else event.size,
        "tickets": 0,
        "threads": {},
        "records": 0 if event.history else -1,
    }
    turn = _Turn(program, snapshot, event.now_ms)
    turn.begin()
    return turn.snapshot, turn.commands


class _Turn:
    """What one event sets in motion. Works on a copy, and gathers commands."""

    __slots__ = ("_now_ms", "_program", "commands", "snapshot", "threads")

    def __init__(self, program: Program, snapshot: Snapshot, now_ms: int) -> None:
        self._program = program
        self._now_ms = now_ms
        self.snapshot = snapshot.copy()
        self.threads = self.snapshot["threads"] = snapshot["threads"].copy()
        self.commands: list[Command] = []

    # The way through the document.

    def begin(self) -> None:
        start, value = self._program.start, self.snapshot["input"]
        self._record("ExecutionStarted", input=value)
        try:
            size = fit(value, self.snapshot["size"], "The execution was started")
        except StateFailure as failure:
            self._fail(failure.error, failure.cause, start)
        else:
            self._go_on(start, value, size)

    def resume(self, thread: Thread, event: TaskSucceeded | TaskFailed | TimerFired) -> None:
        """What the thread waited for has come."""
        state = self._program.states[thread["state"]]
        try:
            move = self._answer(state, thread, event)
        except StateFailure as failure:
            move = self._failed(state, thread, failure.error, failure.cause)
        if move is not None:
            self._go_on(*move)

    def _answer(
        self, state: State, thread: Thread, event: TaskSucceeded | TaskFailed | TimerFired
    ) -> Move:
        if isinstance(event, TaskFailed):
            return self._failed(state, thread, event.error, event.cause)
        if isinstance(event, TaskSucceeded) and isinstance(state, TaskState):
            return self._task_done(state, thread, event.output, event.size)
        if isinstance(state, WaitState) and thread["awaits"] == "wait":
            value, size = self._effective_input(state.shaping, thread)
            return self._leave(state.next, state.shaping, thread, value, size)
        if isinstance(state, TaskState) and thread["awaits"] == "retry":
            return self._enter_task(state, thread)
        return thread["state"], thread["input"], thread["size"]

    def _go_on(self, name: str | None, value: Any, size: int) -> None:
        """From state to state until one waits or the execution ends."""
        states, entered = self._program.states, 0
        while name is not None:
            thread: Thread = {
                "state": name,
                "input": value,
                "size": size,
                "entered_ms": self._now_ms,
                "retries": [],
                "awaits": "turn",
            }
            entered += 1
            if entered > STATES_PER_TURN:
                self.commands.append(StartTimer(self._park(thread, "turn"), 0.0, jitter=False))
                return
            move = self._enter(states[name], thread)
            if move is None:
                return
            name, value, size = move
        self._succeed(value)

    def _enter(self, state: State, thread: Thread) -> Move:
        if self.snapshot["records"] >= 0:
            self._record(f"{type(state).__name__}Entered", name=state.name, input=thread["input"])
        try:
            return _ENTER[type(state)](self, state, thread)
        except StateFailure as failure:
            return self._failed(state, thread, failure.error, failure.cause)

    def _leave(
        self, following: str | None, shaping: Shaping, thread: Thread, value: Any, size: int
    ) -> Move:
        if shaping.output is not None:
            value, size = self._select(shaping.output, value, size, thread)
        if size > DATA_LIMIT_BYTES:
            size = fit(value, size, f"The state/task '{thread['state']}' returned a result")
        self._record_exit(thread, value)
        return following, value, size

    def _park(self, thread: Thread, awaits: Literal["task", "retry", "wait", "turn"]) -> str:
        """Let the thread wait; what it waits for quotes the ticket."""
        self.snapshot["tickets"] += 1
        ticket = str(self.snapshot["tickets"])
        self.threads[ticket] = {**thread, "awaits": awaits}
        return ticket

    # The three ends.

    def _succeed(self, value: Any) -> None:
        self.snapshot["status"] = "SUCCEEDED"
        self._record("ExecutionSucceeded", output=value)
        self.commands.append(Finish("SUCCEEDED", value, None, None, None))

    def _fail(self, error: str | None, cause: str | None, state: str) -> None:
        self.snapshot["status"] = "FAILED"
        self.threads.clear()
        self._record("ExecutionFailed", error=error, cause=cause)
        self.commands.append(Finish("FAILED", None, error, cause, state))

    def time_out(self) -> None:
        where = next((thread["state"] for thread in self.threads.values()), None)
        self.snapshot["status"] = "TIMED_OUT"
        self.threads.clear()
        cause = f"The execution ran longer than {self._program.timeout_seconds} seconds."
        self._record("ExecutionTimedOut", error="States.Timeout", cause=cause)
        self.commands.append(Finish("TIMED_OUT", None, "States.Timeout", cause, where))

    # Data on its way through a state.

    def _context(self, thread: Thread) -> Context:
        """The context object, built only when a path asks."""
        snapshot = self.snapshot

        def build() -> dict[str, Any]:
            return {
                "Execution": {
                    "Id": snapshot["name"],
                    "Name": snapshot["name"],
                    "Input": snapshot["input"],
                    "StartTime": format_timestamp(snapshot["started_ms"]),
                },
                "State": {
                    "Name": thread["state"],
                    "EnteredTime": format_timestamp(thread["entered_ms"]),
                    "RetryCount": sum(thread["retries"]),
                },
                "StateMachine": {"Id": snapshot["machine"], "Name": snapshot["machine"]},
            }

        return build

    def _select(
        self, selection: Selection, value: Any, size: int, thread: Thread
    ) -> tuple[Any, int]:
        bound = selection.fixed + selection.from_data * size
        if selection.from_context:
            bound += selection.from_context * (self.snapshot["size"] + _CONTEXT_BYTES)
        return selection.get(value, self._context(thread)), bound

    def _effective_input(self, shaping: Shaping, thread: Thread) -> tuple[Any, int]:
        value, size = thread["input"], thread["size"]
        if shaping.input is not None:
            value, size = self._select(shaping.input, value, size, thread)
        if shaping.parameters is not None:
            value, size = self._select(shaping.parameters, value, size, thread)
        return value, size

    def _place(
        self, place: Placer | None, thread: Thread, result: Any, size: int
    ) -> tuple[Any, int]:
        if place is None:
            return result, size
        return place(thread["input"], result), size + thread["size"] + _PLACING_BYTES

    # The states.

    def _enter_task(self, state: TaskState, thread: Thread) -> Move:
        value, size = self._effective_input(state.shaping, thread)
        fit(value, size, f"The state/task '{state.resource}' was called")
        if state.timeout_path is None and state.heartbeat_path is None:
            timeout, heartbeat = state.timeout_seconds, state.heartbeat_seconds
        else:
            timeout, heartbeat = state.timeouts(thread["input"], self._context(thread))
        self._record("TaskScheduled", resource=state.resource, parameters=value)
        ticket = self._park(thread, "task")
        self.commands.append(RunTask(ticket, state.name, state.resource, value, timeout, heartbeat))
        return None

    def _task_done(self, state: TaskState, thread: Thread, value: Any, known: int | None) -> Move:
        size = measure(value) if known is None else known
        size = fit(value, size, f"The state/task '{state.resource}' returned a result")
        self._record("TaskSucceeded", resource=state.resource, output=value)
        if state.shaping.selector is not None:
            value, size = self._select(state.shaping.selector, value, size, thread)
        value, size = self._place(state.shaping.place, thread, value, size)
        return self._leave(state.next, state.shaping, thread, value, size)

    def _enter_pass(self, state: PassState, thread: Thread) -> Move:
        value, size = self._effective_input(state.shaping, thread)
        if state.result is not None:
            value, size = self._select(state.result, value, size, thread)
        value, size = self._place(state.shaping.place, thread, value, size)
        return self._leave(state.next, state.shaping, thread, value, size)

    def _enter_choice(self, state: ChoiceState, thread: Thread) -> Move:
        value, size = self._effective_input(state.shaping, thread)
        following = state.route(value, self._context(thread))
        return self._leave(following, state.shaping, thread, value, size)

    def _enter_wait(self, state: WaitState, thread: Thread) -> Move:
        value, _ = self._effective_input(state.shaping, thread)
        seconds = state.wait_seconds(value, self._context(thread), self._now_ms)
        self.commands.append(StartTimer(self._park(thread, "wait"), seconds, jitter=False))
        return None

    def _enter_succeed(self, state: SucceedState, thread: Thread) -> Move:
        value, size = self._effective_input(state.shaping, thread)
        return self._leave(None, state.shaping, thread, value, size)

    def _enter_fail(self, state: FailState, thread: Thread) -> Move:
        error, cause = state.reason(thread["input"], self._context(thread))
        self._fail(error, cause, state.name)
        return None

    # Failures: Retry first, then Catch, then the end.

    def _failed(self, state: State, thread: Thread, error: str, cause: str) -> Move:
        if isinstance(state, TaskState):
            kind = "TaskTimedOut" if error == "States.Timeout" else "TaskFailed"
            self._record(kind, resource=state.resource, error=error, cause=cause)
            if self._retry(state, thread, error):
                return None
            catcher = state.catcher(error)
            if catcher is not None:
                try:
                    return self._catch(catcher.place, catcher.next, thread, error, cause)
                except StateFailure as failure:
                    error, cause = failure.error, failure.cause
        self._fail(error, cause, state.name)
        return None

    def _retry(self, state: TaskState, thread: Thread, error: str) -> bool:
        index = state.retrier(error)
        if index is None:
            return False
        retrier, used = state.retry[index], thread["retries"] or [0] * len(state.retry)
        if used[index] >= retrier.max_attempts:
            return False
        counted = used.copy()
        counted[index] += 1
        ticket = self._park({**thread, "retries": counted}, "retry")
        delay = retrier.delay_seconds(used[index])
        self.commands.append(StartTimer(ticket, delay, retrier.full_jitter))
        return True

    def _catch(
        self, place: Placer | None, following: str, thread: Thread, error: str, cause: str
    ) -> Move:
        output = {"Error": error, "Cause": cause}
        size = (len(error) + len(cause)) * 6 + 32
        value, size = self._place(place, thread, output, size)
        size = fit(value, size, f"The state/task '{thread['state']}' returned an error")
        self._record_exit(thread, value)
        return following, value, size

    # History, where anybody asked for it.

    def _record(self, type: str, **details: Any) -> None:
        last = self.snapshot["records"]
        if last < 0:
            return
        self.snapshot["records"] = last + 1
        event = {
            "id": last + 1,
            "previousEventId": last,
            "timestamp": format_timestamp(self._now_ms),
            "type": type,
            "details": details,
        }
        self.commands.append(Record(event))

    def _record_exit(self, thread: Thread, output: Any) -> None:
        if self.snapshot["records"] >= 0:
            kind = type(self._program.states[thread["state"]]).__name__
            self._record(f"{kind}Exited", name=thread["state"], output=output)


_ENTER: Final[dict[type, Callable[[_Turn, Any, Thread], Move]]] = {
    TaskState: _Turn._enter_task,
    PassState: _Turn._enter_pass,
    ChoiceState: _Turn._enter_choice,
    WaitState: _Turn._enter_wait,
    SucceedState: _Turn._enter_succeed,
    FailState: _Turn._enter_fail,
}
