"""One turn of the machine: what one event sets in motion, until every line of control waits again.

A line of control is a thread while it waits in a state, and a move on its way from one state to the
next. Parallel and Map fork it: the state's own thread rests in a fork, its lines run beside each
other, and the last to end (or the first to fail) brings the state's thread back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

from holdfast.workflow.chronicle import task_failure
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
from holdfast.workflow.failures import RUNTIME, StateFailure, too_deep
from holdfast.workflow.flow import (
    View,
    assigned,
    caught,
    effective_input,
    error_output,
    leaving,
    subject,
)
from holdfast.workflow.forks import joined, opened, outputs
from holdfast.workflow.limits import DATA_LIMIT_BYTES, fit, measure
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

ROOT: Final[Scope] = {"fork": "", "index": 0, "variables": {}, "weight": 2, "item": None}

_Forking = ParallelState | MapState

Answer = TaskSucceeded | TaskFailed | TimerFired


class Turn(Execution):
    """Decides; what it changes of the execution, and the commands, are kept above."""

    __slots__ = ()

    # The way through the document.

    def begin(self, known: int | None) -> None:
        """`known`: the size of the input, where it is."""
        start, value = self._program.start, self.snapshot["input"]
        self._started(value)
        try:
            size = measure(value) if known is None else known
            self.snapshot["size"] = size = fit(value, size, "The execution was started")
        except StateFailure as failure:
            self._fail(failure.error, failure.cause, start, self._event_id)
        else:
            # The first state does not follow from ExecutionStarted (recorded).
            self._go_on((start, value, size, ROOT, 0))

    def resume(self, thread: Thread, event: Answer) -> None:
        """What the thread waited for has come."""
        state = self._program.states[thread["state"]]
        view = View(self.snapshot, thread, self._now_ms, thread["last_id"])
        try:
            move = self._answer(state, view, event)
        except StateFailure as failure:
            move = self._erred(state, view, failure)
        except RecursionError:
            move = self._erred(state, view, too_deep())
        self._go_on(move)

    def _answer(self, state: State, view: View, event: Answer) -> Move:
        thread = view.thread
        if isinstance(state, TaskState) and not isinstance(event, TimerFired):
            if isinstance(event, TaskSucceeded):
                return self._task_done(state, view, event.output, event.size)
            return self._task_failed(state, view, event.error, event.cause)
        if isinstance(state, WaitState) and thread["awaits"] == "wait":
            value, size = effective_input(state.shaping, view)
            return self._leave(state, state.next, state.shaping, view, value, size)
        if thread["awaits"] == "retry":
            return _ENTER[type(state)](self, state, view)
        return thread["state"], thread["input"], thread["size"], thread["scope"], view.last_id

    def _go_on(self, move: Move) -> None:
        """From state to state until every line waits or the execution ends."""
        states = self._program.states
        while True:
            while move is not None:
                name, value, size, scope, last_id = move
                if name is None:
                    move = self._end(scope, value, size, last_id)
                    continue
                state = states[name]
                thread: Thread = {
                    "state": name,
                    "input": value,
                    "size": size,
                    "entered_ms": self._now_ms,
                    "entered_id": 0,
                    "last_id": last_id,
                    "retries": [] if state.recovers else None,
                    "awaits": "turn",
                    "scope": scope,
                }
                self._entered += 1
                if self._entered > STATES_PER_TURN:
                    view = View(self.snapshot, thread, self._now_ms, last_id)
                    self.commands.append(StartTimer(self._park(view, "turn"), 0.0, jitter=False))
                    break
                move = self._enter(state, thread)
            if not self._ready:
                return
            move = self._ready.popleft()

    def _enter(self, state: State, thread: Thread) -> Move:
        id = thread["entered_id"] = self._came_in(state, thread)
        view = View(self.snapshot, thread, self._now_ms, id)
        try:
            return _ENTER[type(state)](self, state, view)
        except StateFailure as failure:
            return self._erred(state, view, failure)
        except RecursionError:
            return self._erred(state, view, too_deep())

    def _leave(
        self,
        state: State,
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
            size = fit(value, size, f"The state/task '{state.name}' returned a result")
        id = self._event_id = self._event_id + 1
        if self._chronicle is not None:
            self._chronicle.exited(id, state, view, value)
        return following, value, size, scope, id

    def _end(self, scope: Scope, value: Any, size: int, last_id: int) -> Move:
        if not scope["fork"]:
            self._succeed(value, last_id)
            return None
        fork = self._forks()[scope["fork"]]
        ended = self._line_ended(fork, scope, last_id)
        return self._join(fork, scope, value, size, last_id, ended)

    # The states.

    def _enter_task(self, state: TaskState, view: View) -> Move:
        value, size = effective_input(state.shaping, view)
        if size > DATA_LIMIT_BYTES:
            fit(value, size, f"The state/task '{state.called}' was called")
        limits = state.timeout_seconds, state.heartbeat_seconds
        if state.dynamic:
            limits = state.limits(subject(state.shaping, view, view.thread["input"]), view)
        id = self._event_id = self._event_id + 2
        if self._chronicle is not None:
            self._chronicle.called(id, view.last_id, state, value, limits)
        view.last_id = id
        ticket = self._park(view, "task")
        self.commands.append(RunTask(ticket, state.name, state.resource, value, *limits))
        return None

    def _task_done(self, state: TaskState, view: View, value: Any, known: int | None) -> Move:
        size = measure(value) if known is None else known
        if size > DATA_LIMIT_BYTES:
            try:
                size = fit(value, size, f"The state/task '{state.called}' returned a result")
            except StateFailure as failure:
                return self._task_failed(state, view, failure.error, failure.cause)
        id = self._event_id = self._event_id + 1
        if self._chronicle is not None:
            self._chronicle.succeeded(id, view.last_id, state, value)
        view.last_id = id
        return self._leave(state, state.next, state.shaping, view, value, size, worked=True)

    def _task_failed(
        self, state: TaskState, view: View, error: str | None, cause: str | None
    ) -> Move:
        self._happened(view, *task_failure(state, error, cause))
        return self._failed(state, view, error, cause)

    def _enter_pass(self, state: PassState, view: View) -> Move:
        value, size = effective_input(state.shaping, view)
        if state.result is not None:
            value, size = view.select(state.result, value, size)
        return self._leave(state, state.next, state.shaping, view, value, size)

    def _enter_choice(self, state: ChoiceState, view: View) -> Move:
        value, size = effective_input(state.shaping, view)
        following, shaping = state.route(subject(state.shaping, view, value), view)
        return self._leave(state, following, shaping, view, value, size)

    def _enter_wait(self, state: WaitState, view: View) -> Move:
        value, _ = effective_input(state.shaping, view)
        seconds = state.wait_seconds(subject(state.shaping, view, value), view, self._now_ms)
        self.commands.append(StartTimer(self._park(view, "wait"), seconds, jitter=False))
        return None

    def _enter_succeed(self, state: SucceedState, view: View) -> Move:
        value, size = effective_input(state.shaping, view)
        return self._leave(state, None, state.shaping, view, value, size)

    def _enter_fail(self, state: FailState, view: View) -> Move:
        error, cause = state.reason(subject(state.shaping, view, view.thread["input"]), view)
        return self._failed(state, view, error, cause)

    # Parallel and Map: a line of control forks, and joins.

    def _enter_parallel(self, state: ParallelState, view: View) -> Move:
        given, size = effective_input(state.shaping, view)
        self._happened(view, "ParallelStateStarted")
        count = len(state.branches)
        return self._fork(state, view, opened(view, given, size, None, count, count))

    def _enter_map(self, state: MapState, view: View) -> Move:
        given, size = effective_input(state.shaping, view)
        known = subject(state.shaping, view, given)
        width = state.width(known, view)
        items = state.select_items(given if state.items is None else known, view)
        tolerated = state.tolerated(len(items), known, view)
        self._happened(view, "MapStateStarted", {"length": len(items)})
        if not items:
            return self._joined(state, view, [], 2)
        fork = opened(view, given, size, items, len(items), width)
        fork["tolerated"] = tolerated
        return self._fork(state, view, fork)

    def _fork(self, state: _Forking, view: View, fork: Fork) -> Move:
        id = self._ticket()
        self._forks().open(id, fork)
        if self._ready is None:
            self._ready = deque()
        for _ in range(min(fork["width"], fork["count"])):
            move = self._begin(state, id, view.last_id)
            if move is None or move[3]["fork"] != id:
                return move
            self._ready.append(move)
        return None

    def _begin(self, state: _Forking, id: str, last_id: int) -> Move:
        """The next line of the fork, at its start; where it cannot begin, the fork has failed."""
        try:
            start, value, size, scope = self._forks().line(state, id)
        except StateFailure as failure:
            view = View(self.snapshot, self._forks()[id]["thread"], self._now_ms, last_id)
            error, cause = self._told(state, view, failure)
            return self._collapse(id, error, cause, state.name, view.last_id)
        if isinstance(state, MapState):
            details = {"name": state.name, "index": scope["index"]}
            last_id = self._aside(last_id, "MapIterationStarted", details)
        return start, value, size, scope, last_id

    def _join(
        self, fork: Fork, scope: Scope, output: Any, size: int, last_id: int, ended: int
    ) -> Move:
        """A line has come to its end: begin the next one, or go on where all have ended.

        `last_id`: its last event, from which the next line follows; `ended`: what the state that
        forked goes on from.
        """
        id = scope["fork"]
        joined(fork, scope["index"], output, size)
        state = cast("_Forking", self._state(fork["thread"]))
        if fork["begun"] < fork["count"]:
            return self._begin(state, id, last_id)
        if fork["running"]:
            return None
        view = View(self.snapshot, self._forks().close(id), self._now_ms, ended)
        return self._joined(state, view, outputs(fork), fork["weight"])

    def _joined(self, state: _Forking, view: View, results: list[Any], size: int) -> Move:
        try:
            size = fit(results, size, f"The state/task '{state.name}' returned a result")
            self._aside(view.last_id, f"{type(state).__name__}Succeeded")
            return self._leave(state, state.next, state.shaping, view, results, size, worked=True)
        except StateFailure as failure:
            return self._erred(state, view, failure)

    def _collapse(
        self, id: str, error: str | None, cause: str | None, where: str, last_id: int
    ) -> Move:
        """The fork has failed: nothing within it goes on, and the failure is its state's."""
        if error != RUNTIME:
            self._aborted(id, last_id)
        thread, doomed = self._forks().fell(id)
        self._cancel(doomed)
        view = View(self.snapshot, thread, self._now_ms, last_id)
        return self._failed(cast("_Forking", self._state(thread)), view, error, cause, where)

    # Failures: Retry first, then Catch, then whatever the line of control is within.

    def _erred(self, state: State, view: View, failure: StateFailure) -> Move:
        """Something in the state itself is wrong: what no task and no Fail state said."""
        return self._failed(state, view, *self._told(state, view, failure))

    def _failed(
        self, state: State, view: View, error: str | None, cause: str | None, where: str = ""
    ) -> Move:
        if not isinstance(state, TaskState | ParallelState | MapState):
            return self._give_up(state, view, error, cause, where or state.name)
        if self._retry(state, view, error):
            return None
        before = view.last_id
        self._forked_in_vain(state, view, error)
        try:
            move = self._catch(state, view, error, cause)
        except StateFailure as failure:
            # What the catcher itself gets wrong follows from where the state stood before.
            view.last_id = before
            error, cause = self._told(state, view, failure)
            self._forked_in_vain(state, view, error)
        else:
            if move is not None:
                return move
        return self._give_up(state, view, error, cause, where or state.name)

    def _give_up(
        self, state: State, view: View, error: str | None, cause: str | None, where: str
    ) -> Move:
        scope = view.thread["scope"]
        if not scope["fork"]:
            self._fail(error, cause, where, view.last_id)
            return None
        fork = self._forks()[scope["fork"]]
        if error != RUNTIME:
            self._line_failed(state, view, fork)
        if fork["tolerated"] is not None:
            fork["failed"] += 1
            if fork["failed"] <= fork["tolerated"]:
                output, last = error_output(error, cause), view.last_id
                return self._join(fork, scope, output, measure(output), last, last)
            error = "States.ExceedToleratedFailureThreshold"
            cause = "The specified tolerated failure threshold was exceeded"
        return self._collapse(scope["fork"], error, cause, where, view.last_id)

    def _catch(
        self,
        state: TaskState | _Forking,
        view: View,
        error: str | None,
        cause: str | None,
    ) -> Move:
        catcher = state.recovery.catcher(error)
        if catcher is None:
            return None
        value, size, scope = caught(catcher, state.shaping, view, error_output(error, cause))
        size = fit(value, size, f"The state/task '{state.name}' returned a result")
        return catcher.next, value, size, scope, self._exited(state, view, value)


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
