"""Carries one webhook's messages from the queue to its workflow.

      receive           batch             report             settle, bury, extend, release
    queue ────> stock ────────> running ────────> endings ────> queue
                  └── heartbeat ──┘

Everything held here is in one of three places: the stock (leased, not started), running (with the
target) or endings (decided, not yet told to the queue). `pipe.concurrency` bounds what runs. Leases
of the first two are renewed by a heartbeat; where one has passed to another holder all the same,
the message is forgotten, or its result dropped.

There is a task for a batch and none for a message, and every verb goes to the queue in groups.
Measured with a target and an engine that do nothing: 13 us a message from receive to settle at the
default batch and concurrency of ten, 5 us at a concurrency of a hundred.

An engine that fails is told about (`pipe.failed`), waited for and asked again; nothing here ends
because the store does.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol

from holdfast.clock import Clock
from holdfast.compiled import CompiledWebhook
from holdfast.errors import StoreError
from holdfast.message import Failure, Lease, Receipt
from holdfast.pipe.batch import conclude
from holdfast.pipe.bell import Alarm, Bell, Timer, loop_timer
from holdfast.pipe.endings import Endings
from holdfast.pipe.gate import Gate
from holdfast.pipe.stock import Stock
from holdfast.pipe.tasks import Tasks
from holdfast.queue.group_commit import GroupReceiver
from holdfast.telemetry import Telemetry
from holdfast.workflow.result import Result

IDLE_SECONDS: Final = 0.25
"""How often to look for mail when nobody rings."""

BEGIN_TRIES: Final = 5
"""Past these, messages that cannot be begun here are given back, for another process to try."""

PAUSED_SECONDS: Final = 1.0
"""How often to ask whether an operator paused the pipe."""

FAREWELL_SECONDS: Final = 1.0
"""What cancelled work and the queue are each given when there is no time left to drain."""

Report = Callable[[Lease, Result], None]


class Target(Protocol):
    """What a pipe carries messages to."""

    async def invoke(self, leases: Sequence[Lease], report: Report) -> object:
        """Work these messages at the same time, each on its own; `report` each when it has ended.

        `report` is called on the event loop. What was not reported is judged by the answer, which
        names failures as AWS does: `{"batchItemFailures": [{"itemIdentifier": id}]}`. Raising
        keeps all of it.
        """
        ...


class _Batch:
    """Messages that go to the target together."""

    __slots__ = ("begun", "leases")

    def __init__(self, leases: list[Lease]) -> None:
        self.leases = leases
        self.begun = False

    def receipts(self) -> list[Receipt]:
        return [lease.receipt for lease in self.leases]


class PipeRunner:
    """One webhook's pipe in one process.

    gate: the same for all pipes of the process. drain_seconds: how long work that has started may
    take to end once asked to stop. timer, uniform: where waiting and jitter come from.
    """

    def __init__(
        self,
        webhook: CompiledWebhook,
        receiver: GroupReceiver,
        target: Target,
        *,
        clock: Clock,
        telemetry: Telemetry,
        gate: Gate,
        drain_seconds: float = 30.0,
        timer: Timer = loop_timer,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._webhook = webhook
        self._receiver = receiver
        self._target = target
        self._clock = clock
        self._telemetry = telemetry
        self._gate = gate
        self._drain_seconds = drain_seconds
        self._timer = timer

        pipe = webhook.pipe
        self._lease_seconds = webhook.queue.visibility_timeout_seconds
        # A batch larger than what may run at once would never be complete.
        self._stock = Stock(min(pipe.batch, pipe.concurrency), pipe.window_seconds)
        self._running: dict[Receipt, _Batch] = {}
        self._stale: set[Receipt] = set()
        self._endings = Endings(
            webhook,
            receiver,
            clock=clock,
            telemetry=telemetry,
            timer=timer,
            uniform=uniform,
            on_told=self._told,
        )
        self._tasks = Tasks(clock=clock, timer=timer, uniform=uniform, failed=self._failed)
        self._stopping = False
        self._paused: bool | None = None  # not known yet
        self._dispatch_due = False
        self._window: Alarm | None = None
        self._beat_in_seconds = self._lease_seconds / 3
        self._mail, self._room, self._stop = Bell(timer), Bell(timer), Bell(timer)

    def wake(self) -> None:
        """There may be new mail."""
        self._mail.ring()

    async def run(self, stop: asyncio.Event) -> None:
        """Carry messages until `stop` is set; then end what has started, and give back the rest.

        Cancelling it is the way to leave at once: started work is cancelled and given back too.
        """
        again = self._tasks.again
        self._tasks.start(again(self._feed, until=lambda: self._stopping))
        self._tasks.start(again(self._watch, until=lambda: self._stopping))
        keepers = [
            asyncio.create_task(again(self._endings.tell)),
            asyncio.create_task(again(self._beat)),
        ]
        try:
            await stop.wait()
            self._ask_to_stop()
            await self._release(self._stock.clear(), "stopping")
            await self._tasks.quiet(self._drain_seconds, busy=self._endings.__len__)
        finally:
            await self._leave()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    # Taking

    async def _feed(self) -> None:
        """Receive once, or wait until that makes sense."""
        if self._paused is not False:
            await self._room.heard()
            return
        free = self._webhook.pipe.concurrency - len(self._running) - len(self._endings)
        order = self._stock.order(free)
        if order < 1:
            await self._room.heard()
            return
        leases = await self._receiver.receive(self._webhook.name, order, self._lease_seconds)
        if self._stopping or self._paused:
            await self._release(leases, "stopping" if self._stopping else "paused")
        elif leases:
            self._stock.add(leases, order, self._clock.monotonic())
            self._dispatch()
        else:
            await self._mail.heard(IDLE_SECONDS)

    async def _watch(self) -> None:
        """See whether an operator paused or resumed the pipe."""
        paused = await self._receiver.paused(self._webhook.name)
        before, self._paused = self._paused, paused
        if paused != bool(before):
            self._telemetry.emit(
                "pipe.paused" if paused else "pipe.resumed", webhook=self._webhook.name
            )
        if paused:
            await self._release(self._stock.clear(), "paused")
        else:
            self._room.ring()
        await self._stop.heard(PAUSED_SECONDS)

    async def _beat(self) -> None:
        """Renew the leases of all that has not ended, before they run out."""
        if self._beat_in_seconds > 0:
            await Bell(self._timer).heard(self._beat_in_seconds)
        self._beat_in_seconds = 0.0  # should this one fail, the next comes as soon as it may
        receipts = [*(lease.receipt for lease in self._stock), *self._running]
        if receipts:
            answers = await self._receiver.extend(receipts, self._lease_seconds)
            for receipt, current in zip(receipts, answers, strict=True):
                if not current:
                    self._lost(receipt)
        self._beat_in_seconds = self._lease_seconds / 3

    def _lost(self, receipt: Receipt) -> None:
        """Its lease has passed on: forget the message, or the result that it may still have."""
        if (batch := self._running.get(receipt)) is not None:
            if receipt in self._stale:
                return
            self._stale.add(receipt)
            lease = next(lease for lease in batch.leases if lease.receipt == receipt)
        elif (found := self._stock.remove(receipt)) is not None:
            lease = found
        else:
            return  # it ended while the heartbeat was under way
        self._emit("message.stale", lease)

    # Working

    def _dispatch(self) -> None:
        """Start as many batches as may go now."""
        self._dispatch_due = False
        if self._stopping or self._paused:
            return
        now = self._clock.monotonic()
        concurrency = self._webhook.pipe.concurrency
        while leases := self._stock.take(concurrency - len(self._running), now):
            batch = _Batch(leases)
            for lease in leases:
                self._running[lease.receipt] = batch
            self._tasks.start(self._work(batch))
        if self._window is not None:
            self._window.cancel()
            self._window = None
        if (due_seconds := self._stock.due_seconds(now)) is not None:
            self._window = self._timer(due_seconds, self._dispatch)
        self._room.ring()

    async def _work(self, batch: _Batch) -> None:
        await self._gate.enter(alone=batch.leases[0].alone)
        try:
            if await self._begin(batch):
                await self._invoke(batch)
        finally:
            self._gate.leave()

    async def _begin(self, batch: _Batch) -> bool:
        """Say that these are being worked, right before they are. False: they are not to be."""
        stumbles = 0
        while not self._stopping:
            batch.leases = [lease for lease in batch.leases if not self._forgotten(lease)]
            if not batch.leases:
                return False
            try:
                self._receiver.begin(batch.receipts())
            except StoreError as error:
                stumbles += 1
                if stumbles == BEGIN_TRIES:
                    self._failed(error)
                    break
                await self._tasks.stumbled(error, stumbles)
            else:
                batch.begun = True
                return True
        for lease in batch.leases:
            del self._running[lease.receipt]
        await self._release(batch.leases, "stopping" if self._stopping else "not begun")
        return False

    def _forgotten(self, lease: Lease) -> bool:
        if lease.receipt not in self._stale:
            return False
        self._stale.discard(lease.receipt)
        del self._running[lease.receipt]
        return True

    async def _invoke(self, batch: _Batch) -> None:
        started_at_ms, started = self._clock.now_ms(), self._clock.monotonic()
        for lease in batch.leases:
            self._emit("message.received", lease, attempt=lease.receive_count)
        raised: BaseException | None = None
        answer: object = None
        try:
            answer = await self._target.invoke(batch.leases, self._report)
        except asyncio.CancelledError as error:
            if _being_cancelled():
                raise
            raised = error  # a handler's own: it must not end the pipe's task
        except (Exception, SystemExit) as error:  # `sys.exit()` in a handler is a failure like any
            raised = error
        left = [lease for lease in batch.leases if self._running.get(lease.receipt) is batch]
        if not left:
            return
        duration_ms = (self._clock.monotonic() - started) * 1000
        results = conclude(
            [lease.message.id for lease in batch.leases], answer, raised, started_at_ms, duration_ms
        )
        for lease in left:
            self._report(lease, results[lease.message.id])

    def _report(self, lease: Lease, result: Result) -> None:
        """One message has ended; what is reported twice, or is not ours, changes nothing."""
        if self._running.pop(lease.receipt, None) is None:
            return
        if self._stale and lease.receipt in self._stale:
            self._stale.discard(lease.receipt)
        else:
            self._endings.add(lease, result)
        # Not at once: a target that reports ten in a row should make one batch of ten, not ten.
        if not self._dispatch_due:
            self._dispatch_due = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    # Leaving

    def _ask_to_stop(self) -> None:
        self._stopping = True
        for bell in (self._mail, self._room, self._stop):
            bell.ring()

    async def _leave(self) -> None:
        """Cancel whatever still runs; give back what can be given back."""
        self._ask_to_stop()
        self._tasks.cancel()
        await self._tasks.quiet(FAREWELL_SECONDS, busy=self._endings.__len__)
        unstarted = self._stock.clear()
        started: list[Lease] = []
        for receipt, batch in self._running.items():
            lease = next(lease for lease in batch.leases if lease.receipt == receipt)
            (started if batch.begun else unstarted).append(lease)
        self._running.clear()  # what is reported from here on is too late
        if self._window is not None:
            self._window.cancel()
        if not unstarted and not started:
            return
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._release(unstarted, "stopping")
                await asyncio.gather(*(self._abandon(lease) for lease in started))
        except TimeoutError:
            return  # their leases run out by themselves

    async def _abandon(self, lease: Lease) -> None:
        """Give back what had started: counted, because half of it may be done."""
        failure = Failure(
            error="Stopped",
            cause="the process was stopped before the execution ended",
            at_ms=self._clock.now_ms(),
            attempt=lease.receive_count,
        )
        try:
            await self._receiver.extend([lease.receipt], 0, failure)
        except StoreError as error:
            self._failed(error)
        else:
            self._emit("message.released", lease, why="stopped")

    async def _release(
        self, leases: Sequence[Lease], why: Literal["stopping", "paused", "not begun"]
    ) -> None:
        """Give back what never started. Where that fails, the leases run out by themselves."""
        if not leases:
            return
        try:
            answers = await self._receiver.release([lease.receipt for lease in leases])
        except StoreError as error:
            self._failed(error)
            return
        for lease, current in zip(leases, answers, strict=True):
            if current:
                self._emit("message.released", lease, why=why)

    def _told(self) -> None:
        self._room.ring()
        self._tasks.changed.ring()

    def _failed(self, error: BaseException) -> None:
        text = f"{type(error).__name__}: {error}"
        self._telemetry.emit("pipe.failed", webhook=self._webhook.name, error=text)

    def _emit(self, name: str, lease: Lease, **fields: object) -> None:
        self._telemetry.emit(name, id=lease.message.id, webhook=lease.message.webhook, **fields)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
