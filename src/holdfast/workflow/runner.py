"""Runs workflows: performs the machine's commands and brings back what came of them.

Every decision is the machine's. What this file adds is time (a task's and the execution's limit,
waits between retries) and the two ends that are not the language's: a delivery that is somebody
else's, and what the pipe should know of a failure.
"""

from __future__ import annotations

import asyncio
import random
import secrets as entropy
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final

from holdfast.clock import Clock
from holdfast.compiled import CompiledWebhook
from holdfast.definition import LogLevel
from holdfast.keyring import KeyRing
from holdfast.message import Lease
from holdfast.queue.contract import ClaimAnswer
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry
from holdfast.workflow import machine
from holdfast.workflow.asl import load
from holdfast.workflow.chronicle import logged
from holdfast.workflow.crew import Crew
from holdfast.workflow.events import (
    Asked,
    Cancel,
    Event,
    Finish,
    Record,
    RunTask,
    Snapshot,
    Started,
    StartTimer,
    TaskFailed,
    TaskSucceeded,
    TimedOut,
    TimerFired,
)
from holdfast.workflow.forward import Forwarder
from holdfast.workflow.http_call import HttpCaller
from holdfast.workflow.http_client import HttpClient
from holdfast.workflow.input import Delivery, Validator
from holdfast.workflow.outcome import Failed, Outcome, describe, of_exception
from holdfast.workflow.queues import Queues
from holdfast.workflow.recovery import HEARTBEAT, TIMEOUT
from holdfast.workflow.result import Result
from holdfast.workflow.retained import retained
from holdfast.workflow.states import TaskState
from holdfast.workflow.tally import StateTally
from holdfast.workflow.tasks import Claimant, NotOurs, Unclaimed, Work, assemble
from holdfast.workflow.traced import WorkTraces
from holdfast.workflow.underway import UnderWay
from holdfast.workflow.within import OutOfTime, within

_SALT: Final = entropy.token_hex(16)
"""Makes what a workflow draws unknown to whoever knows the ids of its messages."""

_INLINE_MAX: Final = 1_000
"""Events of a history that is told at once; a longer one in a thread, or nobody else gets on."""

Wait = Callable[[float], Awaitable[None]]
Uniform = Callable[[float, float], float]
_History = tuple[dict[str, Any], ...]


class Express:
    """One webhook's workflow, ready to run any number of executions at once on one event loop."""

    def __init__(
        self,
        webhook: CompiledWebhook,
        *,
        secrets: Secrets,
        claim: Claimant,
        crew: Crew,
        clock: Clock,
        telemetry: Telemetry,
        queues: Queues | None = None,
        wait: Wait = asyncio.sleep,
        uniform: Uniform = random.uniform,
        tally: StateTally | None = None,
        keys: KeyRing | None = None,
        traces: WorkTraces | None = None,
    ) -> None:
        """`queues`: those of the other webhooks, where this one's workflow may send to them.

        Raises DefinitionError where the workflow cannot run.
        """
        self._webhook = webhook
        self._program = load(webhook.workflow)
        self._model = None if webhook.body_model is None else Validator(webhook.body_model)
        self._client, self._traces = HttpClient(traces), traces
        states = self._program.states.values()
        self._runs = assemble(
            webhook,
            {state.resource for state in states if isinstance(state, TaskState)},
            secrets=secrets,
            claim=claim,
            crew=crew,
            forwarder=Forwarder(self._client, secrets, clock),
            caller=HttpCaller(self._client, webhook.connections, secrets, clock),
            queues=queues or Queues((), clock),
            keys=keys or KeyRing(clock),
        )
        self._clock = clock
        self._telemetry = telemetry
        self._wait = wait
        self._uniform = uniform
        self._tally = StateTally(clock) if tally is None else tally

    async def invoke(
        self, leases: Sequence[Lease], report: Callable[[Lease, Result], None]
    ) -> object:
        """Run a batch, each record its own execution, and report each as it finishes.

        The answer names those that did not succeed, as AWS wants a partial batch answered.
        """
        failed: list[str] = []

        async def work(lease: Lease) -> None:
            result = await self.run(lease)
            if result.status != "SUCCEEDED":
                failed.append(lease.message.id)
            report(lease, result)

        if len(leases) == 1:
            await work(leases[0])
        else:
            async with asyncio.TaskGroup() as group:
                for lease in leases:
                    group.create_task(work(lease))
        return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}

    async def run(self, lease: Lease) -> Result:
        """One execution from start to end. Raises nothing but CancelledError."""
        work = self._run(lease)
        return await (work if self._traces is None else self._traces.attempt(lease, work))

    async def _run(self, lease: Lease) -> Result:
        execution = _Execution(self, lease)
        try:
            return await execution.run()
        except NotOurs as other:
            return execution.given_up(other)
        except Unclaimed as error:
            self._telemetry.emit("pipe.failed", webhook=self._webhook.name, error=str(error))
            return execution.unworked("DeliveryUnclaimed", f"not claimed: {error}")
        except Exception as error:  # ours, not the handler's
            return execution.broken(error)

    async def aclose(self) -> None:
        """Close the connections to other programs."""
        await self._client.aclose()


class _Execution:
    """One run: its events, kept so that its history can be told, and what is under way for it."""

    __slots__ = (
        "_began",
        "_begun",
        "_called",
        "_caught",
        "_events",
        "_express",
        "_failures",
        "_lease",
        "_snapshot",
        "_started_ms",
        "_underway",
        "_work",
    )

    def __init__(self, express: Express, lease: Lease) -> None:
        self._express = express
        self._lease = lease
        self._events: list[Event] = []
        self._called = 0
        """Tasks so far, Verify among them."""
        self._failures: list[Failed] = []
        self._caught: list[dict[str, Any]] = []
        """What AWS logs of failures at level ERROR, as far as the execution has come."""
        self._snapshot: Snapshot | None = None
        self._begun: list[RunTask | StartTimer] = []
        """Not awaited yet."""
        self._underway: UnderWay | None = None
        """None: never yet several at once."""
        self._began = express._clock.monotonic()
        self._started_ms = express._clock.now_ms()
        delivery = Delivery(express._webhook, lease.message, lease.receive_count, express._model)
        self._work = Work(lease, delivery)

    async def run(self) -> Result:
        program, clock = self._express._program, self._express._clock
        message = self._lease.message
        started: dict[str, Any] = {"messageId": message.id}
        name = f"{message.id}-{self._lease.receive_count}"
        asked: Asked = "failures" if self._express._webhook.log_level == "ERROR" else "none"
        seed = _SALT + name
        event: Event = Started(
            started, self._started_ms, name, message.webhook, history=asked, seed=seed
        )
        try:
            end = await within(clock, program.timeout_seconds, self._to_its_end(event))
        except OutOfTime:
            last = self._step(TimedOut(clock.now_ms()))
            if last is None:
                raise RuntimeError("An execution that timed out went on.") from None
            end = last
        finally:
            if self._underway is not None:
                await self._underway.end()
        return await self._finished(end)

    async def _to_its_end(self, event: Event) -> Finish:
        while (end := self._step(event)) is None:
            # With one line of control there is one thing to await, and no task to make.
            if len(self._begun) == 1 and not self._underway:
                event = await self._perform(self._begun.pop())
                continue
            if self._underway is None:
                self._underway = UnderWay()
            for command in self._begun:
                self._underway.begin(command.ticket, self._perform(command))
            self._begun.clear()
            event = await self._underway.next()
        return end

    def _step(self, event: Event) -> Finish | None:
        """What the event sets in motion is begun; the end, if it has come."""
        self._events.append(event)
        self._snapshot, commands = machine.step(self._express._program, self._snapshot, event)
        end: Finish | None = None
        for command in commands:
            if isinstance(command, Finish):
                end = command
            elif isinstance(command, Record):
                self._caught.append(command.event)
            elif isinstance(command, Cancel):
                if self._underway is not None:
                    self._underway.call_off(command.ticket)
            else:
                self._begun.append(command)
        return end

    def _perform(self, command: RunTask | StartTimer) -> Coroutine[Any, Any, Event]:
        return self._wait(command) if isinstance(command, StartTimer) else self._call(command)

    async def _wait(self, command: StartTimer) -> Event:
        seconds = command.seconds
        if command.jitter:
            seconds = self._express._uniform(0.0, seconds)
        await self._express._wait(seconds)
        return TimerFired(command.ticket, self._express._clock.now_ms())

    async def _call(self, command: RunTask) -> Event:
        self._called += 1
        ticket, tally = command.ticket, self._express._tally
        began = tally.begin(command.state)
        outcome: Outcome | None = None
        try:
            outcome = await self._outcome(command)
        finally:
            tally.end(command.state, began, outcome)
        now_ms = self._express._clock.now_ms()
        if isinstance(outcome, Failed):
            self._failures.append(outcome)
            return TaskFailed(ticket, outcome.error, outcome.cause, now_ms)
        return TaskSucceeded(ticket, outcome.output, now_ms, outcome.size)

    def _outcome(self, command: RunTask) -> Awaitable[Outcome]:
        """What comes of the task within its limits of time, traced where anybody traces."""
        express = self._express
        work = express._runs[command.resource](self._work, command.input)
        seconds, error = command.timeout_seconds, TIMEOUT
        # A task here is one call, which sends no heartbeats: the first that is due is missed.
        heartbeat = command.heartbeat_seconds
        if heartbeat is not None and (seconds is None or heartbeat < seconds):
            seconds, error = heartbeat, HEARTBEAT
        if seconds is not None:
            work = _limited(express._clock, seconds, error, work)
        if express._traces is None:
            return work
        return express._traces.task(command.state, command.resource, work)

    async def _finished(self, end: Finish) -> Result:
        if end.status == "SUCCEEDED" and self._called <= 1:
            message, type = self._lease.message, self._work.delivery.type
            telemetry = self._express._telemetry
            telemetry.emit("message.ignored", id=message.id, webhook=message.webhook, type=type)
        # Only the failure that ended it: one that was caught steers nothing any more.
        ended = (end.error, end.cause)
        failure = next(
            (each for each in reversed(self._failures) if (each.error, each.cause) == ended), None
        )
        return Result(
            status=end.status,
            started_at_ms=self._started_ms,
            duration_ms=self._duration_ms(),
            output=end.output,
            error=end.error,
            cause=end.cause,
            state=end.state,
            quarantine=failure.quarantine if failure else None,
            retry_after_seconds=failure.retry_after_seconds if failure else None,
            history=await self._history(failed=end.status != "SUCCEEDED"),
        )

    def given_up(self, other: NotOurs) -> Result:
        """Settled as a duplicate, or to be tried again once its holder is through."""
        holder = other.claim.holder or ""
        if other.claim.answer is ClaimAnswer.DUPLICATE:
            return Result("SUCCEEDED", self._started_ms, self._duration_ms(), duplicate_of=holder)
        return self.unworked("DeliveryHeld", f"held by {holder}")

    def unworked(self, error: str, why: str) -> Result:
        """To be tried again soon, and not counted."""
        return Result(
            "FAILED", self._started_ms, self._duration_ms(), error=error, cause=why, unworked=why
        )

    def broken(self, error: Exception) -> Result:
        failed = of_exception(error)
        return Result(
            "FAILED",
            self._started_ms,
            self._duration_ms(),
            error=failed.error,
            cause=failed.cause,
        )

    def _duration_ms(self) -> float:
        return (self._express._clock.monotonic() - self._began) * 1000

    async def _history(self, *, failed: bool) -> tuple[dict[str, Any], ...]:
        """Every step at ALL, and at ERROR of what failed; else what AWS logs at the level.

        All of it is emitted at ALL; what is kept has bounds (`retained`).
        """
        level = self._express._webhook.log_level
        if level == "OFF" or not (failed or level == "ALL" or self._caught):
            return ()
        if self._snapshot is None or self._snapshot["event_id"] <= _INLINE_MAX:
            told, kept = self._told(level, failed=failed)
        else:
            told, kept = await asyncio.to_thread(self._told, level, failed=failed)
        if level == "ALL":
            for first in range(0, len(told), _INLINE_MAX):
                if first:
                    await asyncio.sleep(0)
                self._emit(told[first : first + _INLINE_MAX])
        return kept

    def _told(self, level: LogLevel, *, failed: bool) -> tuple[_History, _History]:
        """The history, and what of it is kept."""
        told: _History
        if level == "ERROR" and not failed:
            told = tuple(self._caught)
        else:
            told = machine.history(self._express._program, self._events)
            if level == "FATAL":
                told = tuple(event for event in told if logged(level, event["type"]))
        return told, retained(told)

    def _emit(self, told: Sequence[dict[str, Any]]) -> None:
        message = self._lease.message
        for event in told:
            self._express._telemetry.emit(
                "execution.event",
                id=message.id,
                webhook=message.webhook,
                event=event["type"],
                state=event["details"].get("name"),
            )


async def _limited(
    clock: Clock, seconds: float, error: str, work: Coroutine[Any, Any, Outcome]
) -> Outcome:
    try:
        return await within(clock, seconds, work)
    except OutOfTime:
        message = f"The task took longer than {seconds:g} seconds."
        return Failed(error, describe(error, message, []))
