"""A dry run: what today's definition would do with an event, without doing any of it.

The workflow's own machine runs in this process, on a clock that jumps. Verify is performed, since
it only reads (a verification function of the user's own is called); no task is, but for those that
somebody declared safe. What a task would be called with is listed; what it comes to is what somebody
said, else what it came to in an earlier execution that was kept, else nothing at all, and then the
dry run says that it assumed that (`holdfast.operate.casting`). Deliveries are not claimed, so nothing
is a duplicate here.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import CompiledWebhook, Task
from holdfast.keyring import KeyRing
from holdfast.message import Lease, Message, Receipt
from holdfast.operate.casting import Cast, Mock, Source, recorded
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
from holdfast.workflow.limits import compact, measure
from holdfast.workflow.outcome import Failed, Outcome, Succeeded, of_exception, of_result
from holdfast.workflow.tasks import SchemaOfSent, Work, arguments_of, check_message

STEPS_MAX: Final = 10_000
"""A document that loops without waiting is given up after so many steps."""

Safe = Callable[[str], bool]
"""Whether a task of this name may be called."""


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
    input: Any = None
    """What the workflow goes on with once the source is verified; None: it was not."""

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
    cast = Cast(mocks or {}, recorded(earlier))
    return Stage(webhook, secrets, keys=keys).rehearse(message, now_ms, cast)


class Stage:
    """One webhook, ready for any number of dry runs.

    `safe`: which tasks may be called for real; none where nothing is said. Raises DefinitionError
    where the workflow cannot be loaded.
    """

    def __init__(
        self,
        webhook: CompiledWebhook,
        secrets: Secrets,
        *,
        keys: KeyRing = _KEYS,
        safe: Safe = lambda _name: False,
    ) -> None:
        self.webhook = webhook
        self.secrets = secrets
        self.keys = keys
        self.program = load(webhook.workflow)
        self.body_model = None if webhook.body_model is None else Validator(webhook.body_model)
        self.schema = None if webhook.schema is None else SchemaOfSent(webhook.schema)
        tasks = [task for task in webhook.tasks.values() if isinstance(task, Task)]
        # Those of the webhook's own model have been held against it by Verify.
        self.models = {
            task.name: Validator(task.model)
            for task in tasks
            if task.model is not None
            and not (task.takes == "event" and task.model == webhook.body_model)
        }
        self.safe = {task.name: _Callable(webhook, task) for task in tasks if safe(task.name)}

    def rehearse(
        self, message: Message, now_ms: int, cast: Cast, *, attempt: int = 1, history: bool = True
    ) -> Rehearsal:
        """Run it as attempt number `attempt`. `history`: tell it; that costs as much again."""
        return _Run(self, message, cast, attempt).play(now_ms, history=history)

    def misfit(self, name: str, delivery: Delivery, given: Any) -> Mock | None:
        """What a task comes to whose own model does not take what it would get."""
        task, model = self.webhook.tasks.get(name), self.models.get(name)
        if model is None or not isinstance(task, Task):
            return None
        try:
            if task.takes == "event":
                delivery.event(model)
            elif task.takes == "input":
                model.json(compact(given))
        except Exception as error:
            failed = of_exception(error)
            return Mock(error=failed.error, cause=failed.cause, quarantine=failed.quarantine)
        return None


class _Callable:
    """A task that is called."""

    def __init__(self, webhook: CompiledWebhook, task: Task) -> None:
        self._task = task
        self._arguments = arguments_of(webhook, task)

    def __call__(self, work: Work, given: Any) -> Outcome:
        try:
            value = self._task.function(*self._arguments(work, given))
            if self._task.is_async:
                value = asyncio.run(value)
            return of_result(value)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            return of_exception(error)


class _Run:
    """One dry run."""

    def __init__(self, stage: Stage, message: Message, cast: Cast, attempt: int) -> None:
        self._stage = stage
        self._message = message
        self._cast = cast
        self._attempt = attempt
        self._delivery = Delivery(stage.webhook, message, attempt, stage.body_model)
        self._input: Any = None
        self._calls: list[Called] = []
        self._failures: list[Failed] = []
        self._waits: list[float] = []
        self._coming: list[tuple[float, int, Event]] = []
        self._order = itertools.count()

    def play(self, now_ms: int, *, history: bool) -> Rehearsal:
        program = self._stage.program
        id = self._message.id
        event: Event = Started({"messageId": id}, now_ms, f"{id}-dry", self._stage.webhook.name)
        self._expect(now_ms + program.timeout_seconds * 1000, TimedOut(0))
        events: list[Event] = [event]
        snapshot: Snapshot | None = None
        while True:
            snapshot, commands = machine.step(program, snapshot, event)
            for command in commands:
                if isinstance(command, Finish):
                    told = machine.history(program, events) if history else ()
                    return self._told(command, told)
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
        stage, message = self._stage, self._message
        try:
            check_message(stage.webhook, message, stage.secrets, stage.keys)
            if stage.schema is not None:
                stage.schema.check(message.request)
            self._delivery.validate()
            built, size = self._delivery.input()
        except Exception as error:
            outcome = of_exception(error)
            self._calls.append(
                Called(
                    stage.webhook.workflow["StartAt"],
                    VERIFY,
                    None,
                    "event",
                    "performed",
                    error=outcome.error,
                    cause=outcome.cause,
                )
            )
            return outcome
        self._input = built
        return Succeeded(built, size)

    def _called(self, command: RunTask) -> Outcome:
        task = self._stage.webhook.tasks.get(command.resource)
        takes = task.takes if isinstance(task, Task) else "input" if task is None else "event"
        source, outcome = self._outcome(command)
        failed = outcome if isinstance(outcome, Failed) else None
        self._calls.append(
            Called(
                command.state,
                command.resource,
                command.input,
                takes,
                source,
                None if isinstance(outcome, Failed) else outcome.output,
                failed.error if failed else None,
                failed.cause if failed else None,
            )
        )
        return outcome

    def _outcome(self, command: RunTask) -> tuple[Source, Outcome]:
        misfit = self._stage.misfit(command.resource, self._delivery, command.input)
        if misfit is not None:
            return "refused", played(misfit)
        source, mock = self._cast.play(command.state, command.resource, command.input)
        real = self._stage.safe.get(command.resource)
        if real is None or source == "mocked":
            return source, played(mock)
        lease = Lease(self._message, Receipt(""), self._attempt)
        return "performed", real(Work(lease, self._delivery), command.input)

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
            input=self._input,
        )


def played(mock: Mock) -> Outcome:
    """As a task comes to it."""
    if mock.error is not None:
        return Failed(mock.error, mock.cause or "", mock.reason)
    return Succeeded(mock.result, measure(mock.result))
