"""Decides how each message ended, and tells the queue, many at a time, until it has heard.

Losing a settle to a store that fails for a moment would mean that the message is worked twice. So
an ending is told again until the queue answers, or until the lease is surely over and the message
may be somebody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from holdfast.clock import Clock
from holdfast.compiled import CompiledWebhook
from holdfast.errors import StoreError
from holdfast.message import Failure, Lease, Receipt
from holdfast.pipe.bell import Bell, Timer
from holdfast.pipe.disposition import SETTLE, Bury, GiveBack, Outcome, Retry, Settle, dispose
from holdfast.queue.contract import Execution
from holdfast.queue.group_commit import GroupReceiver
from holdfast.telemetry import Telemetry
from holdfast.workflow.result import Result

GIVEN_BACK_MAX: Final = 10_000
"""Messages whose being given back is remembered; the others stand back as if for the first time."""


class Ending(NamedTuple):
    """One message, how it went, what is to become of it, and when that was decided."""

    lease: Lease
    result: Result
    outcome: Outcome
    at: float


class Endings:
    """What has ended and is not yet settled, buried, extended or given back.

    uniform: draws jitter. on_told: called when the queue has heard of some.
    """

    def __init__(
        self,
        webhook: CompiledWebhook,
        receiver: GroupReceiver,
        *,
        clock: Clock,
        telemetry: Telemetry,
        timer: Timer,
        uniform: Callable[[float, float], float],
        on_told: Callable[[], None],
    ) -> None:
        self._webhook = webhook
        self._receiver = receiver
        self._clock = clock
        self._telemetry = telemetry
        self._bell = Bell(timer)
        self._uniform = uniform
        self._on_told = on_told
        self._untold: list[Ending] = []
        self._count = 0
        self._given_back: dict[str, int] = {}
        """How often in a row, by message; the queue counts no receive for it."""

    def __len__(self) -> int:
        """How many the queue has not heard of yet, those it is hearing of included."""
        return self._count

    def add(self, lease: Lease, result: Result) -> None:
        """Tell the queue soon; keep the execution too, where somebody may want to read it."""
        outcome = self._outcome(lease, result)
        failed = result.status != "SUCCEEDED" or result.quarantine is not None
        if failed or result.history or self._webhook.log_level == "ALL":
            self._receiver.record(_execution(lease, result))
        self._untold.append(Ending(lease, result, outcome, self._clock.monotonic()))
        self._count += 1
        self._bell.ring()

    def _outcome(self, lease: Lease, result: Result) -> Outcome:
        id, webhook = lease.message.id, self._webhook
        before = self._given_back.pop(id, 0)
        outcome = dispose(
            result,
            lease.receive_count,
            webhook.queue,
            webhook.pipe,
            self._uniform,
            given_back=before,
        )
        if type(outcome) is GiveBack:
            self._given_back[id] = before + 1
            if len(self._given_back) > GIVEN_BACK_MAX:
                del self._given_back[next(iter(self._given_back))]
        return outcome

    async def tell(self) -> None:
        """Wait until something has ended, then tell the queue of everything that has.

        Raises the first StoreError; what it concerned is told again next time.
        """
        if not self._untold:
            await self._bell.heard()
        endings, self._untold = self._untold, []
        groups: dict[Outcome, list[Ending]] = {}
        for ending in endings:
            outcome = ending.outcome
            groups.setdefault(SETTLE if type(outcome) is Settle else outcome, []).append(ending)
        rounds = [self._tell_group(outcome, group) for outcome, group in groups.items()]
        problems = [await rounds[0]] if len(rounds) == 1 else await asyncio.gather(*rounds)
        self._on_told()
        for problem in problems:
            if problem is not None:
                raise problem

    async def _tell_group(self, outcome: Outcome, group: list[Ending]) -> StoreError | None:
        try:
            current = await self._verb(outcome, [ending.lease.receipt for ending in group])
        except StoreError as error:
            self._untold += [ending for ending in group if not self._over(ending)]
            self._told([(ending, False) for ending in group if self._over(ending)])
            return error
        self._told(list(zip(group, current, strict=True)))
        return None

    async def _verb(self, outcome: Outcome, receipts: list[Receipt]) -> list[bool]:
        match outcome:
            case Settle():
                return await self._receiver.settle(receipts)
            case Bury(failure):
                return [await self._receiver.bury(receipt, failure) for receipt in receipts]
            case Retry(delay_seconds, failure):
                return await self._receiver.extend(receipts, delay_seconds, failure)
            case GiveBack(delay_seconds):
                return await self._receiver.release(receipts, delay_seconds)
            case _:
                return await self._receiver.settle(receipts, outcome.of)

    def _over(self, ending: Ending) -> bool:
        """Its lease was last renewed before it ended, so it has run out by now."""
        return self._clock.monotonic() - ending.at >= (
            self._webhook.queue.visibility_timeout_seconds
        )

    def _told(self, answers: list[tuple[Ending, bool]]) -> None:
        self._count -= len(answers)
        for ending, current in answers:
            if current:
                self._emit(ending)
            else:
                message = ending.lease.message
                self._telemetry.emit("message.stale", id=message.id, webhook=message.webhook)

    def _emit(self, ending: Ending) -> None:
        lease, result, outcome, _ = ending
        message = lease.message
        id, webhook, attempt = message.id, message.webhook, lease.receive_count
        emit = self._telemetry.emit
        match outcome:
            case Settle():
                emit(
                    "message.done",
                    id=id,
                    webhook=webhook,
                    attempt=attempt,
                    duration_ms=result.duration_ms,
                )
            case Bury(failure):
                emit(
                    "message.dead",
                    id=id,
                    webhook=webhook,
                    reason=failure.reason,
                    **_why(failure),
                )
            case Retry(delay_seconds, failure):
                emit(
                    "message.retry",
                    id=id,
                    webhook=webhook,
                    retry_seconds=delay_seconds,
                    **_why(failure),
                )
            case GiveBack():
                emit("message.released", id=id, webhook=webhook, why=result.unworked)
            case _:
                emit("message.duplicate", id=id, webhook=webhook, duplicate_of=outcome.of)


def _why(failure: Failure) -> dict[str, str | int]:
    return {
        "attempt": failure.attempt,
        "error": failure.error,
        "cause": failure.cause,
        "state": failure.state,
    }


def _execution(lease: Lease, result: Result) -> Execution:
    return Execution(
        message_id=lease.message.id,
        webhook=lease.message.webhook,
        attempt=lease.receive_count,
        started_at_ms=result.started_at_ms,
        duration_ms=result.duration_ms,
        status=result.status,
        error=result.error,
        cause=result.cause,
        state=result.state,
        history=result.history,
    )
