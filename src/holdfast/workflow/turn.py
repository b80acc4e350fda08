"""One turn of the machine: what one event sets in motion, until every line of control waits again.

A line of control is a thread while it waits in a state, and a move on its way from one state to the
next. Parallel and Map fork it: the state's own thread rests in a fork, its lines run beside each
other, and the last to end (or the first to fail) brings the state's thread back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

from holdfast.workflow.events import (
    Fork,
    RunTask,
    Scope,
    StartTimer,
    TaskFailed,
    TaskSucceeded,
    Thread,
    TimerFired,
)
from holdfast.workflow.execution import Execution, Going
from holdfast.workflow.flow import (
    View,
    assigned,
    caught,
    effective_input,
    error_output,
    leaving,
    subject,
)
from holdfast.workflow.forks import opened, total
from holdfast.workflow.limits import DATA_LIMIT_BYTES, fit, measure
from holdfast.workflow.paths import StateFailure
from holdfast.workflow.states import (
    PLAIN,
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    Shaping,
    State,
    SucceedState,
    TaskState,
    WaitState,
)

STATES_PER_TURN: Final = 1_000
"""After so many states without a wait the machine hands control back, so that a document that
loops cannot keep its runner from its timeout."""

Move = Going | None
"""None: the line waits, or is no more."""

_TOO_DEEP: Final = "The data is nested too deep."

ROOT: Final[Scope] = {"fork": "", "index": 0, "variables": {}, "item": None}

Answer = TaskSucceeded | TaskFailed | TimerFired


class Turn(Execution):
    """Decides; what it changes of the execution, and the commands, are kept above."""

    __slots__ = ()

    # The way through the document.

    def begin(self) -> None:
        start, value = self._program.start, self.snapshot["input"]
        self._chronicle.tell("ExecutionStarted", input=value)
        try:
            size = fit(value, self.snapshot["size"], "The execution was started")
        except StateFailure as failure:
            self._fail(failure.error, failure.cause, start)
        else:
            self._go_on((start, value, size, ROOT))

    def resume(self, thread: Thread, event: Answer) -> None:
        """What the thread waited for has come."""
        state = self._program.states[thread["state"]]
        try:
            move = self._answer(state, thread, event)
        except StateFailure as failure:
            move = self._failed(state, thread, failure.error, failure.cause)
        except RecursionError:
            move = self._failed(state, thread, "States.Runtime", _TOO_DEEP)
        self._go_on(move)

    def _answer(self, state: State, thread: Thread, event: Answer) -> Move:
        if isinstance(event, TaskFailed):
            return self._failed(state, thread, event.error, event.cause)
        view = View(self.snapshot, thread, self._now_ms)
        if isinstance(event, TaskSucceeded) and isinstance(state, TaskState):
            return self._task_done(state, view, event.output, event.size)
        if isinstance(state, WaitState) and thread["awaits"] == "wait":
            value, size = effective_input(state.shaping, view)
            return self._leave(state.next, state.shaping, view, value, size)
        if thread["awaits"] == "retry":
            return _ENTER[type(state)](self, state, view)
        return thread["state"], thread["input"], thread["size"], thread["scope"]

    def _go_on(self, move: Move) -> None:
        """From state to state until every line waits or the execution ends."""
        states = self._program.states
        while True:
            while move is not None:
                name, value, size, scope = move
                if name is None:
                    move = self._end(scope, value, size)
                    continue
                thread: Thread = {
                    "state": name,
                    "input": value,
                    "size": size,
                    "entered_ms": self._now_ms,
                    "retries": [],
                    "awaits": "turn",
                    "scope": scope,
                }
                self._entered += 1
                if self._entered > STATES_PER_TURN:
                    self.commands.append(StartTimer(self._park(thread, "turn"), 0.0, jitter=False))
                    break
                move = self._enter(states[name], thread)
            if not self._ready:
                return
            move = self._ready.popleft()

    def _enter(self, state: State, thread: Thread) -> Move:
        if self._asked:
            self._chronicle.entered(state, thread)
        try:
            return _ENTER[type(state)](self, state, View(self.snapshot, thread, self._now_ms))
        except StateFailure as failure:
            return self._failed(state, thread, failure.error, failure.cause)
        except RecursionError:
            return self._failed(state, thread, "States.Runtime", _TOO_DEEP)

    def _leave(
        self,
        following: str | None,
        shaping: Shaping,
        view: View,
        value: Any,
        size: int,
        *,
        worked: bool = False,
    ) -> Move:
        scope = view.thread["scope"]
        if shaping is not PLAIN:
            scope = assigned(shaping, view, value, size, worked=worked)
            value, size = leaving(shaping, view, value, size, worked=worked)
        if size > DATA_LIMIT_BYTES:
            what = f"The state/task '{view.thread['state']}' returned a result"
            size = fit(value, size, what)
        if self._asked:
            self._chronicle.exited(self._program, view.thread, value)
        return following, value, size, scope

    # The ends: of a line within a fork, and of the execution.

    def _end(self, scope: Scope, value: Any, size: int) -> Move:
        if scope["fork"]:
            return self._join(scope, value, size)
        self._succeed(value)
        return None

    # The states.

    def _enter_task(self, state: TaskState, view: View) -> Move:
        value, size = effective_input(state.shaping, view)
        fit(value, size, f"The state/task '{state.resource}' was called")
        if state.timeout is None and state.heartbeat is None:
            timeout, heartbeat = state.timeout_seconds, state.heartbeat_seconds
        else:
            timeout, heartbeat = state.timeouts(
                subject(state.shaping, view, view.thread["input"]), view
            )
        self._chronicle.tell("TaskScheduled", resource=state.resource, parameters=value)
        ticket = self._park(view.thread, "task")
        self.commands.append(RunTask(ticket, state.name, state.resource, value, timeout, heartbeat))
        return None

    def _task_done(self, state: TaskState, view: View, value: Any, known: int | None) -> Move:
        size = measure(value) if known is None else known
        size = fit(value, size, f"The state/task '{state.resource}' returned a result")
        self._chronicle.tell("TaskSucceeded", resource=state.resource, output=value)
        return self._leave(state.next, state.shaping, view, value, size, worked=True)

    def _enter_pass(self, state: PassState, view: View) -> Move:
        value, size = effective_input(state.shaping, view)
        if state.result is not None:
            value, size = view.select(state.result, value, size)
        return self._leave(state.next, state.shaping, view, value, size)

    def _enter_choice(self, state: ChoiceState, view: View) -> Move:
        value, size = effective_input(state.shaping, view)
        following, shaping = state.route(subject(state.shaping, view, value), view)
        return self._leave(following, shaping, view, value, size)

    def _enter_wait(self, state: WaitState, view: View) -> Move:
        value, _ = effective_input(state.shaping, view)
        seconds = state.wait_seconds(subject(state.shaping, view, value), view, self._now_ms)
        self.commands.append(StartTimer(self._park(view.thread, "wait"), seconds, jitter=False))
        return None

    def _enter_succeed(self, state: SucceedState, view: View) -> Move:
        value, size = effective_input(state.shaping, view)
        return self._leave(None, state.shaping, view, value, size)

    def _enter_fail(self, state: FailState, view: View) -> Move:
        error, cause = state.reason(subject(state.shaping, view, view.thread["input"]), view)
        return self._give_up(view.thread, error, cause, state.name)

    # Parallel and Map: a line of control forks, and joins.

    def _enter_parallel(self, state: ParallelState, view: View) -> Move:
        given, size = effective_input(state.shaping, view)
        self._chronicle.tell("ParallelStateStarted")
        count = len(state.branches)
        return self._fork(state, opened(view.thread, given, size, None, count, count))

    def _enter_map(self, state: MapState, view: View) -> Move:
        given, size = effective_input(state.shaping, view)
        known = subject(state.shaping, view, given)
        width = state.width(known, view)
        items = state.select_items(given if state.items is None else known, view)
        self._chronicle.tell("MapStateStarted", length=len(items))
        fork = opened(view.thread, given, size, items, len(items), width)
        fork["tolerated"] = state.tolerated(len(items), known, view)
        if items:
            return self._fork(state, fork)
        return self._joined(state, view.thread, [], 2)

    def _fork(self, state: ParallelState | MapState, fork: Fork) -> Move:
        id = self._ticket()
        self._forks().open(id, fork)
        if self._ready is None:
            self._ready = deque()
        for _ in range(min(fork["width"], total(fork))):
            try:
                self._ready.append(self._begin(state, id))
            except StateFailure as failure:
                return self._collapse(id, failure.error, failure.cause, state.name)
        return None

    def _begin(self, state: ParallelState | MapState, id: str) -> Going:
        """The next line of the fork, at its start. Raises StateFailure."""
        start, value, size, scope = self._forks().line(state, id)
        if isinstance(state, MapState):
            self._chronicle.tell("MapIterationStarted", name=state.name, index=scope["index"])
        return start, value, size, scope

    def _join(self, scope: Scope, output: Any, size: int) -> Move:
        """A line has come to its end: begin the next one, or go on where all have ended."""
        id = scope["fork"]
        fork = self._forks().joined(scope, output, size)
        state = self._forking(fork["thread"])
        if isinstance(state, MapState):
            self._chronicle.tell("MapIterationSucceeded", name=state.name, index=scope["index"])
        if fork["begun"] < total(fork):
            try:
                return self._begin(state, id)
            except StateFailure as failure:
                return self._collapse(id, failure.error, failure.cause, state.name)
        if fork["running"]:
            return None
        self._forks().close(id)
        return self._joined(state, fork["thread"], fork["outputs"], fork["weight"])

    def _forking(self, thread: Thread) -> ParallelState | MapState:
        return cast("ParallelState | MapState", self._program.states[thread["state"]])

    def _joined(
        self, state: ParallelState | MapState, thread: Thread, outputs: list[Any], size: int
    ) -> Move:
        try:
            size = fit(outputs, size, f"The state/task '{state.name}' returned a result")
            self._chronicle.tell(f"{type(state).__name__}Succeeded")
            return self._leave(
                state.next,
                state.shaping,
                View(self.snapshot, thread, self._now_ms),
                outputs,
                size,
                worked=True,
            )
        except StateFailure as failure:
            return self._failed(state, thread, failure.error, failure.cause)

    def _collapse(self, id: str, error: str | None, cause: str | None, where: str) -> Move:
        """The fork has failed: nothing within it goes on, and the failure is its state's."""
        thread, doomed = self._forks().fell(id)
        self._cancel(doomed)
        return self._failed(self._forking(thread), thread, error, cause, where)

    # Failures: Retry first, then Catch, then whatever the line of control is within.

    def _failed(
        self, state: State, thread: Thread, error: str | None, cause: str | None, where: str = ""
    ) -> Move:
        if isinstance(state, TaskState | ParallelState | MapState):
            self._chronicle.failed(state, error, cause)
            if self._retry(state, thread, error):
                return None
            try:
                move = self._catch(state, thread, error, cause)
            except StateFailure as failure:
                error, cause = failure.error, failure.cause
            else:
                if move is not None:
                    return move
        return self._give_up(thread, error, cause, where or state.name)

    def _give_up(self, thread: Thread, error: str | None, cause: str | None, where: str) -> Move:
        scope = thread["scope"]
        if not scope["fork"]:
            self._fail(error, cause, where)
            return None
        fork = self._forks()[scope["fork"]]
        if fork["items"] is not None:
            name = fork["thread"]["state"]
            self._chronicle.tell("MapIterationFailed", name=name, index=scope["index"])
        if fork["tolerated"] is not None:
            fork["failed"] += 1
            if fork["failed"] <= fork["tolerated"]:
                output = error_output(error, cause)
                return self._join(scope, output, measure(output))
            error = "States.ExceedToleratedFailureThreshold"
            cause = "The specified tolerated failure threshold was exceeded"
        return self._collapse(scope["fork"], error, cause, where)

    def _retry(
        self, state: TaskState | ParallelState | MapState, thread: Thread, error: str | None
    ) -> bool:
        index = state.recovery.retrier(error)
        if index is None:
            return False
        retry = state.recovery.retry
        retrier, used = retry[index], thread["retries"] or [0] * len(retry)
        if used[index] >= retrier.max_attempts:
            return False
        counted = used.copy()
        counted[index] += 1
        ticket = self._park({**thread, "retries": counted}, "retry")
        delay = retrier.delay_seconds(used[index])
        self.commands.append(StartTimer(ticket, delay, retrier.full_jitter))
        return True

    def _catch(
        self,
        state: TaskState | ParallelState | MapState,
        thread: Thread,
        error: str | None,
        cause: str | None,
    ) -> Move:
        catcher = state.recovery.catcher(error)
        if catcher is None:
            return None
        view = View(self.snapshot, thread, self._now_ms)
        value, size, scope = caught(catcher, state.shaping, view, error_output(error, cause))
        size = fit(value, size, f"The state/task '{thread['state']}' returned an error")
        self._chronicle.exited(self._program, thread, value)
        return catcher.next, value, size, scope


_ENTER: Final[dict[type, Callable[[Turn, Any, View], Move]]] = {
    TaskState: Turn._enter_task,
    PassState: Turn._enter_pass,
    ChoiceState: Turn._enter_choice,
    WaitState: Turn._enter_wait,
    SucceedState: Turn._enter_succeed,
    FailState: Turn._enter_fail,
    ParallelState: Turn._enter_parallel,
    MapState: Turn._enter_map,
}
