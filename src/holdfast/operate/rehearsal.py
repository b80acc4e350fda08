"""A dry run: what today's definition would do with an event, without doing any of it.

The workflow's own machine runs in this process, on a clock that jumps. Verify is performed, since
it only reads (a verification function of the user's own is called); no task is. What a task would
be called with is listed; what it comes to is what somebody said (`mocks`), else what it came to in
an earlier execution that was kept, else nothing at all, and then the dry run says that it assumed
that. Deliveries are not claimed, so nothing is a duplicate here.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import CompiledWebhook, Task
from holdfast.keyring import KeyRing
from holdfast.message import Message
from holdfast.queue.contract import Execution
from holdfast.secrets import Secrets
from holdfast.workflow import machine
from holdfast.workflow.asl import VERIFY, load
from holdfast.workflow.events import (
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
from holdfast.workflow.input import Delivery, Validator
from holdfast.workflow.outcome import Failed, Outcome, Succeeded, of_exception
from holdfast.workflow.resources import service
from holdfast.workflow.tasks import check_message

STEPS_MAX: Final = 10_000
"""A document that loops without waiting is given up after so many steps."""

Source = Literal["performed", "mocked", "recorded", "assumed", "refused"]


@dataclass(frozen=True, slots=True)
class Mock:
    """What a task is to come to."""

    result: Any = None
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """A task that would be called. `takes`: the whole `event`, its `input`, or `nothing`.

    `source`: where its outcome is from. `refused`: its own model does not take what it would get.
    """

    state: str
    resource: str
    input: Any
    takes: str
    source: Source
    result: Any = None
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How it would go. `quarantine`: the reason under which it would rest in dead letters at once.

    `assumed`: at least one task's result was assumed to be null, and what follows rests on that.
    """

    status: Literal["SUCCEEDED", "FAILED", "TIMED_OUT"]
    output: Any
    error: str | None
    cause: str | None
    state: str | None
    quarantine: str | None
    calls: tuple[Called, ...]
    history: tuple[Mapping[str, Any], ...]
    waits: tuple[float, ...]
    """Seconds that Wait states and retries would have waited, in order."""

    @property
    def assumed(self) -> bool:
        return any(call.source == "assumed" for call in self.calls)


_KEYS: Final = KeyRing(SYSTEM_CLOCK)
"""Senders' public keys, kept from one dry run to the next."""


def rehearse(
    webhook: CompiledWebhook,
    message: Message,
    secrets: Secrets,
    now_ms: int,
    *,
    mocks: Mapping[str, Mock] | None = None,
    earlier: Sequence[Execution] = (),
    keys: KeyRing = _KEYS,
) -> Rehearsal:
    """Run it. `mocks` by state or by task. `earlier`: executions whose results are taken over.
    `keys`: where a sender's published keys are fetched and kept.

    Raises DefinitionError where the workflow cannot be loaded.
    """
    return _Stage(webhook, message, secrets, mocks or {}, _recorded(earlier), keys).play(now_ms)


def _recorded(earlier: Sequence[Execution]) -> dict[tuple[str, bytes], Any]:
    """What tasks came to, by resource and input; the latest execution wins. What the history has
    left out is like nothing that will be asked for."""
    found: dict[tuple[str, bytes], Any] = {}
    for run in earlier:
        asked: dict[Any, tuple[str, bytes]] = {}
        for event in run.history:
            details: Any = event.get("details") or {}
            call = asked.get(event.get("previousEventId"))
            match event.get("type"):
                case "LambdaFunctionScheduled" if "input" in details:
                    call = str(details.get("resource")), _key(details["input"])
                case "TaskScheduled" if "parameters" in details:
                    called = f"{details.get('resourceType')}:{details.get('resource')}"
                    call = called, _key(details["parameters"])
                case "LambdaFunctionSucceeded" | "TaskSucceeded" if call and "output" in details:
                    found[call] = details["output"]
            if call is not None:
                asked[event.get("id")] = call
    return found


def _key(value: Any) -> bytes:
    """Which attempt it was makes no difference to what a task was asked."""
    if isinstance(value, dict):
        value = {name: one for name, one in value.items() if name != "attempt"}
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


class _Stage:
    """One dry run."""

    def __init__(
        self,
        webhook: CompiledWebhook,
        message: Message,
        secrets: Secrets,
        mocks: Mapping[str, Mock],
        recorded: Mapping[tuple[str, bytes], Any],
        keys: KeyRing,
    ) -> None:
        model = None if webhook.body_model is None else Validator(webhook.body_model)
        self._webhook = webhook
        self._message = message
        self._secrets = secrets
        self._mocks = mocks
        self._recorded = recorded
        self._keys = keys
        self._delivery = Delivery(webhook, message, 1, model)
        self._calls: list[Called] = []
        self._failures: list[Failed] = []
        self._waits: list[float] = []
        self._coming: list[tuple[float, int, Event]] = []
        self._order = itertools.count()

    def play(self, now_ms: int) -> Rehearsal:
        program = load(self._webhook.workflow)
        id = self._message.id
        event: Event = Started({"messageId": id}, now_ms, f"{id}-dry", self._webhook.name)
        self._expect(now_ms + program.timeout_seconds * 1000, TimedOut(0))
        events: list[Event] = [event]
        snapshot: Snapshot | None = None
        while True:
            snapshot, commands = machine.step(program, snapshot, event)
            for command in commands:
                if isinstance(command, Finish):
                    return self._told(command, machine.history(program, events))
                if isinstance(command, StartTimer):
                    self._waits.append(command.seconds)
                    at = event.now_ms + command.seconds * 1000
                    self._expect(at, TimerFired(command.ticket, 0))
                elif isinstance(command, RunTask):
                    self._perform(command, event.now_ms)
            event = self._next(event.now_ms, given_up=len(events) > STEPS_MAX)
            events.append(event)

    def _expect(self, at_ms: float, event: Event) -> None:
        due = event._replace(now_ms=int(at_ms))
        heapq.heappush(self._coming, (at_ms, next(self._order), due))

    def _next(self, now_ms: int, *, given_up: bool) -> Event:
        return TimedOut(now_ms) if given_up else heapq.heappop(self._coming)[-1]

    def _perform(self, command: RunTask, now_ms: int) -> None:
        outcome = self._verified() if command.resource == VERIFY else self._called(command)
        if isinstance(outcome, Failed):
            self._failures.append(outcome)
            self._expect(now_ms, TaskFailed(command.ticket, outcome.error, outcome.cause, 0))
        else:
            self._expect(now_ms, TaskSucceeded(command.ticket, outcome.output, 0))

    def _verified(self) -> Outcome:
        message = self._message
        try:
            check_message(self._webhook, message, self._secrets, self._keys)
            self._delivery.validate()
            built, size = self._delivery.input()
        except Exception as error:
            outcome = of_exception(error)
            self._calls.append(
                Called(
                    self._webhook.workflow["StartAt"],
                    VERIFY,
                    None,
                    "event",
                    "performed",
                    error=outcome.error,
                    cause=outcome.cause,
                )
            )
            return outcome
        return Succeeded(built, size)

    def _called(self, command: RunTask) -> Outcome:
        task = self._webhook.tasks.get(command.resource)
        takes = task.takes if isinstance(task, Task) else "input" if task is None else "event"
        misfit = self._misfit(task, command.input)
        source, mock = self._cast(command) if misfit is None else ("refused", misfit)
        self._calls.append(
            Called(
                command.state,
                command.resource,
                command.input,
                takes,
                source,
                mock.result,
                mock.error,
                mock.cause,
            )
        )
        if mock.error is not None:
            return Failed(mock.error, mock.cause or "", _quarantine(mock.error))
        return Succeeded(mock.result, len(orjson.dumps(mock.result)))

    def _misfit(self, task: Any, given: Any) -> Mock | None:
        """Whether the task's own model takes what it would get; that much can be told."""
        if not isinstance(task, Task) or task.model is None:
            return None
        try:
            if task.takes == "event":
                self._delivery.event(Validator(task.model))
            elif task.takes == "input":
                Validator(task.model).json(orjson.dumps(given))
        except Exception as error:
            failed = of_exception(error)
            return Mock(error=failed.error, cause=failed.cause)
        return None

    def _cast(self, command: RunTask) -> tuple[Source, Mock]:
        for name in (command.state, command.resource):
            if name in self._mocks:
                return "mocked", self._mocks[name]
        key = service(command.resource) or command.resource, _key(command.input)
        if key in self._recorded:
            return "recorded", Mock(self._recorded[key])
        return "assumed", Mock()

    def _told(self, end: Finish, history: tuple[Mapping[str, Any], ...]) -> Rehearsal:
        ended = (end.error, end.cause)
        failure = next(
            (one for one in reversed(self._failures) if (one.error, one.cause) == ended), None
        )
        return Rehearsal(
            status=end.status,
            output=end.output,
            error=end.error,
            cause=end.cause,
            state=end.state,
            quarantine=failure.quarantine if failure else None,
            calls=tuple(self._calls),
            history=history,
            waits=tuple(self._waits),
        )


def _quarantine(error: str) -> str | None:
    """Under which reason an event rests at once where a task is said to raise this."""
    return {"SchemaInvalid": "schema_invalid", "Permanent": "permanent"}.get(error)
