"""A whole execution in a test: any Amazon States Language document, on time that nobody waits for.

    run = run_workflow(document, {"id": 7}, mocks={"Charge": [{"error": "Declined"}, {"result": 1}]})
    assert (run.status, run.waits) == ("SUCCEEDED", (1.0,))

Tasks are played, whatever their Resource says; everything else is the machine that also works real
events. The clock starts at 2030-01-01T00:00:00Z and jumps from one thing that happens to the next.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from holdfast.compile.workflows import read_document
from holdfast.steps.step import Step
from holdfast.workflow import asl, machine
from holdfast.workflow.events import (
    Cancel,
    Command,
    Event,
    Finish,
    RunTask,
    Snapshot,
    Started,
    StartTimer,
    TaskFailed,
    TaskSucceeded,
    TimedOut,
    TimerFired,
)
from holdfast.workflow.filters import same
from holdfast.workflow.flow import laid_over
from holdfast.workflow.states import Program

STARTED_MS: Final = 1_893_456_000_000
"""Later than the timestamps in anybody's recordings, so that a Wait for one of those is over."""

_ACCOUNT: Final = "arn:aws:states:us-east-1:111111111111"

_CONTEXT: Final[Mapping[str, Any]] = {
    "Execution": {
        "Id": f"{_ACCOUNT}:execution:workflow:run",
        "Name": "run",
        "RoleArn": "arn:aws:iam::111111111111:role/workflow",
    },
    "StateMachine": {"Id": f"{_ACCOUNT}:stateMachine:workflow", "Name": "workflow"},
}


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """How an execution went."""

    status: Literal["SUCCEEDED", "FAILED", "TIMED_OUT"]
    output: Any
    error: str | None
    cause: str | None
    history: tuple[Mapping[str, Any], ...]
    """Events in AWS's vocabulary."""
    calls: tuple[Mapping[str, Any], ...]
    """What each task was given, and how it was played, in the form that `calls` takes."""
    waits: tuple[float, ...]
    """Seconds before each retry, in order; where there is jitter, the most that it may be."""


def run_workflow(
    definition: Mapping[str, Any] | str | Step,
    input: Any = None,
    *,
    calls: Sequence[Mapping[str, Any]] = (),
    mocks: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    context: Mapping[str, Any] | None = None,
) -> WorkflowRun:
    """Run a document to its end.

    `definition`: the document, its JSON text, or steps. `input`: the execution's; as everywhere,
    none is an empty object. `calls`: what tasks come to, `{"state", "resource", "input", and "result" |
    "error", "cause" | "hang": True}`, used up state by state in order; where several of one state
    are left, one of the same input goes first. `mocks`: the same by state or resource, without
    `state`, `resource` and `input`; the last one repeats. `hang` lasts until the task's
    HeartbeatSeconds or TimeoutSeconds are over, or the execution's. `context`: laid over the
    context object.

    Raises DefinitionError with every mistake of the document, ValueError where mocks are none,
    LookupError where a task is called that nothing is said about.
    """
    program = asl.load(read_document(definition), foreign=True)
    cast = _Cast(calls, mocks or {})
    return play(program, input, lambda command, _snapshot: cast.answer(command), context=context)


Player = Callable[[RunTask, Snapshot], Mapping[str, Any]]
"""What a task comes to, one of the forms that `mocks` takes; and the execution as it stands then."""


def play(
    program: Program,
    input: Any,
    player: Player,
    *,
    context: Mapping[str, Any] | None = None,
    history: bool = True,
) -> WorkflowRun:
    """Run a loaded document to its end, each task played as it is called.

    history: False leaves it out, which saves half of the time.
    """
    known = laid_over(_CONTEXT, context or {})
    started = Started({} if input is None else input, STARTED_MS, "run", "workflow", context=known)
    run = _Play(player, STARTED_MS + program.timeout_seconds * 1000)
    events, end = run.run(lambda snapshot, event: machine.step(program, snapshot, event), started)
    return WorkflowRun(
        end.status,
        end.output,
        end.error,
        end.cause,
        machine.history(program, events) if history else (),
        tuple(run.calls),
        tuple(run.waits),
    )


class _Cast:
    """Who plays the tasks."""

    def __init__(
        self,
        calls: Sequence[Mapping[str, Any]],
        mocks: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> None:
        self._calls: dict[str, list[Mapping[str, Any]]] = {}
        for call in calls:
            self._calls.setdefault(call["state"], []).append(call)
        for name, answers in mocks.items():
            if not isinstance(answers, list | tuple) or not all(map(_is_answer, answers)):
                raise ValueError(
                    f'mocks[{name!r}] must be a list of {{"result": ...}}, {{"error": "Name", '
                    f'"cause": "why"}} or {{"hang": True}}, not {answers!r}'[:400]
                )
        self._mocks = {name: list(answers) for name, answers in mocks.items()}

    def answer(self, command: RunTask) -> Mapping[str, Any]:
        left = self._calls.get(command.state)
        if left:
            fitting = (call for call in left if "input" in call)
            chosen = next((call for call in fitting if same(call["input"], command.input)), left[0])
            del left[next(place for place, call in enumerate(left) if call is chosen)]
            return chosen
        for name in (command.state, command.resource, f"${{{command.resource}}}"):
            answers = self._mocks.get(name)
            if answers:
                return answers.pop(0) if len(answers) > 1 else answers[0]
        raise LookupError(
            f"Nothing is said of what state {command.state!r} ({command.resource}) comes to, "
            f"given {json.dumps(command.input)[:200]}"
        )


def _is_answer(answer: Any) -> bool:
    if not isinstance(answer, Mapping) or not answer.keys() <= set(_PLAYED):
        return False
    return all(isinstance(answer.get(name), str | None) for name in ("error", "cause"))


class _Play:
    """Performs the machine's commands, on a clock that jumps."""

    def __init__(self, player: Player, ends_ms: float) -> None:
        self._player = player
        self._coming: list[tuple[float, int, Event]] = []
        self._orders = 0
        self._cancelled: set[str] = set()
        self._expect(ends_ms, TimedOut(int(ends_ms)))
        self.calls: list[Mapping[str, Any]] = []
        self.waits: list[float] = []

    def run(self, step: Any, started: Started) -> tuple[list[Event], Finish]:
        events: list[Event] = [started]
        snapshot, commands = step(None, started)
        while True:
            for command in commands:
                if isinstance(command, Finish):
                    return events, command
                self._perform(snapshot, command, events[-1].now_ms)
            events.append(self._next())
            snapshot, commands = step(snapshot, events[-1])

    def _next(self) -> Event:
        while True:
            _, _, event = heapq.heappop(self._coming)
            if isinstance(event, TimedOut | Started) or event.ticket not in self._cancelled:
                return event

    def _expect(self, at_ms: float, event: Event) -> None:
        # First what comes first, and of what comes at once, what was begun first.
        self._orders += 1
        heapq.heappush(self._coming, (at_ms, self._orders, event._replace(now_ms=int(at_ms))))

    def _perform(self, snapshot: Snapshot, command: Command, now_ms: int) -> None:
        if isinstance(command, Cancel):
            self._cancelled.add(command.ticket)
        elif isinstance(command, StartTimer):
            if snapshot["threads"][command.ticket]["awaits"] == "retry":
                self.waits.append(command.seconds)
            self._expect(now_ms + command.seconds * 1000, TimerFired(command.ticket, 0))
        elif isinstance(command, RunTask):
            self._call(snapshot, command, now_ms)

    def _call(self, snapshot: Snapshot, command: RunTask, now_ms: int) -> None:
        answer = self._player(command, snapshot)
        played = {name: answer[name] for name in _PLAYED if name in answer}
        given = {"state": command.state, "resource": command.resource, "input": command.input}
        self.calls.append({**given, **played})
        if answer.get("hang"):
            self._hang(command, now_ms)
        elif "error" in answer:
            error, cause = answer["error"], answer.get("cause")
            self._expect(now_ms, TaskFailed(command.ticket, error, cause, 0))
        else:
            self._expect(now_ms, TaskSucceeded(command.ticket, answer.get("result"), 0))

    def _hang(self, command: RunTask, now_ms: int) -> None:
        limits = [
            (command.heartbeat_seconds, "States.HeartbeatTimeout"),
            (command.timeout_seconds, "States.Timeout"),
        ]
        set_limits = [(seconds, error) for seconds, error in limits if seconds is not None]
        if set_limits:
            seconds, error = min(set_limits)
            self._expect(now_ms + seconds * 1000, TaskFailed(command.ticket, error, None, 0))


_PLAYED: Final = ("result", "error", "cause", "hang")
