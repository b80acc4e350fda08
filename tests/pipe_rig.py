"""A pipe on the bench: a queue in memory, time in the test's hands, a target that does as told.

Nothing here sleeps. A test waits with `rig.until(condition)`, which looks again whenever something
has happened: an engine call, a telemetry event, a step of the target.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from holdfast.clock import ManualClock
from holdfast.compiled import Answer, CompiledWebhook, Pipe, Queue
from holdfast.errors import StoreError
from holdfast.message import Failure, Headers, Lease, Message, Receipt, Request
from holdfast.pipe.gate import Gate
from holdfast.pipe.runner import PipeRunner, Report
from holdfast.queue.contract import QueueLimits, State
from holdfast.queue.group_commit import GroupReceiver
from holdfast.telemetry import Kind, Telemetry
from holdfast.testing.model import MemoryEngine
from holdfast.workflow.result import Result
from process_kit import PATIENCE_SECONDS

LEASE_SECONDS = 60.0
DRAIN_SECONDS = 25.0


def message(id: str, webhook: str = "users") -> Message:
    now_ms = ManualClock().now_ms()
    return Message(id, webhook, now_ms, Request("POST", "/users", "", Headers(), b"{}"))


def webhook(
    *,
    name: str = "users",
    batch: int = 1,
    window_seconds: float = 0.0,
    concurrency: int = 2,
    max_receive_count: int = 3,
    log_level: Any = "ERROR",
) -> CompiledWebhook:
    return CompiledWebhook(
        name=name,
        path=f"/{name}",
        methods=("POST",),
        content_types=("*/*",),
        body_limit_bytes=1024,
        rate_limit=None,
        allow=(),
        verification=None,
        verify_at="workflow",
        provider=None,
        delivery_id=(),
        event_type=(),
        answer=Answer(200, None, ()),
        schema=None,
        body_model=None,
        queue=Queue(86_400.0, 86_400.0, max_receive_count, LEASE_SECONDS),
        pipe=Pipe(batch, window_seconds, concurrency, backoff_seconds=2.0, max_backoff_seconds=60),
        timeout_seconds=10.0,
        workflow={},
        tasks={},
        log_level=log_level,
        place="hooks.py:1",
    )


def worked() -> Result:
    return Result("SUCCEEDED", started_at_ms=1, duration_ms=2.0)


def broken(error: str = "ValueError", **fields: Any) -> Result:
    return Result("FAILED", 1, 2.0, error=error, cause="no such user", state="Handle", **fields)


class ManualTimer:
    """A timer that goes off when the test moves time."""

    def __init__(self, clock: ManualClock, changed: Callable[[], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._alarms: list[ManualAlarm] = []

    def __call__(self, seconds: float, callback: Callable[[], object]) -> ManualAlarm:
        alarm = ManualAlarm(seconds, self._clock.monotonic() + seconds, callback)
        self._alarms.append(alarm)
        self._changed()
        return alarm

    def waits(self, seconds: float) -> bool:
        """Whether someone has set an alarm of that length that has not gone off."""
        return any(one.seconds == seconds and not one.cancelled for one in self._alarms)

    def advance(self, seconds: float) -> None:
        """Time passes; everything due by then goes off."""
        self._clock.advance(seconds)
        due = [alarm for alarm in self._alarms if alarm.at <= self._clock.monotonic()]
        self._alarms = [alarm for alarm in self._alarms if alarm not in due]
        for alarm in due:
            if not alarm.cancelled:
                alarm.callback()


class ManualAlarm:
    def __init__(self, seconds: float, at: float, callback: Callable[[], object]) -> None:
        self.seconds = seconds
        self.at = at
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class WatchedEngine(MemoryEngine):
    """The real queue in memory; its calls can be seen, and made to fail."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock=clock)
        self.calls: list[tuple[str, Sequence[Receipt]]] = []
        self.failing: dict[str, Exception] = {}
        self.changed: Callable[[], None] = lambda: None

    def _see(self, verb: str, receipts: Sequence[Receipt] = ()) -> None:
        self.calls.append((verb, tuple(receipts)))
        self.changed()
        if verb in self.failing:
            raise self.failing[verb]

    def count(self, verb: str) -> int:
        return sum(1 for name, _ in self.calls if name == verb)

    def receive(
        self, webhook: str, limit: int, lease_seconds: float, wait_seconds: float = 0
    ) -> list[Lease]:
        self._see("receive")
        return super().receive(webhook, limit, lease_seconds, wait_seconds)

    def begin(self, receipts: Sequence[Receipt]) -> None:
        self._see("begin", receipts)
        super().begin(receipts)

    def settle(self, receipts: Sequence[Receipt], duplicate_of: str | None = None) -> list[bool]:
        self._see("settle", receipts)
        return super().settle(receipts, duplicate_of)

    def extend(
        self, receipts: Sequence[Receipt], lease_seconds: float, failure: Failure | None = None
    ) -> list[bool]:
        self._see("extend" if failure is None else "retry", receipts)
        return super().extend(receipts, lease_seconds, failure)

    def paused(self, webhook: str) -> bool:
        self._see("paused")
        return super().paused(webhook)


class Workbench:
    """A target whose every execution starts when the pipe says so and ends when the test says so."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.batches: list[list[str]] = []
        self.running: dict[str, asyncio.Future[Result]] = {}
        self.most_running = 0
        self.most_beside_alone = 0
        self.automatic: Callable[[Lease], Result] | None = None
        """What each execution comes to at once; None: it runs until the test ends it."""

    async def invoke(self, leases: Sequence[Lease], report: Report) -> object:
        self.batches.append([lease.message.id for lease in leases])
        await asyncio.gather(*(self._work(lease, report) for lease in leases))
        return None

    async def _work(self, lease: Lease, report: Report) -> None:
        id = lease.message.id
        ending: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.running[id] = ending
        self.most_running = max(self.most_running, len(self.running))
        if self.automatic is not None:
            ending.set_result(self.automatic(lease))
        self._rig.changed()
        try:
            result = await ending
        finally:
            del self.running[id]
            self._rig.changed()
        report(lease, result)

    def end(self, id: str, result: Result | None = None) -> None:
        self.running[id].set_result(worked() if result is None else result)

    @property
    def started(self) -> list[str]:
        return [id for batch in self.batches for id in batch]


class Rig:
    """One process: an engine, a receiver, a gate, and pipes. Made and closed inside a test's loop."""

    def __init__(self, *ids: str, max_receive_count: int = 3) -> None:
        self._waiting: deque[tuple[Callable[[], object], asyncio.Future[None]]] = deque()
        self.clock = ManualClock()
        self.timer = ManualTimer(self.clock, self.changed)
        self.engine = WatchedEngine(self.clock)
        limits = QueueLimits(max_receive_count=max_receive_count)
        self.engine.configure({"users": limits, "orders": limits})
        self.engine.send([message(id) for id in ids])
        self._loop = asyncio.get_running_loop()
        self.engine.changed = lambda: void(self._loop.call_soon_threadsafe(self.changed))
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.telemetry = Telemetry()
        self.telemetry.subscribe(self._heard)
        self.receiver = GroupReceiver(self.engine)
        self.gate = Gate()
        self.stop = asyncio.Event()
        self._limit = asyncio.timeout(PATIENCE_SECONDS)  # instead of hanging
        self.bench = Workbench(self)

    def pipe(self, settings: CompiledWebhook | None = None, target: Any = None) -> PipeRunner:
        return PipeRunner(
            settings or webhook(),
            self.receiver,
            target or self.bench,
            clock=self.clock,
            telemetry=self.telemetry,
            gate=self.gate,
            drain_seconds=DRAIN_SECONDS,
            timer=self.timer,
            uniform=lambda _low, high: high,
        )

    def start(self, pipe: PipeRunner) -> asyncio.Task[None]:
        """Run it until the test ends, or sooner."""
        return asyncio.create_task(pipe.run(self.stop))

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if left := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=1)
        self.engine.changed = lambda: None
        self.receiver.close()
        await self._limit.__aexit__(kind, error, trace)

    def changed(self) -> None:
        """Something happened: look again whether anyone's condition holds now."""
        for condition, found in tuple(self._waiting):
            if not found.done() and condition():
                found.set_result(None)

    async def until(self, condition: Callable[[], object]) -> None:
        """Return once the condition holds."""
        if condition():
            return
        found = asyncio.get_running_loop().create_future()
        entry = (condition, found)
        self._waiting.append(entry)
        try:
            await found
        finally:
            self._waiting.remove(entry)

    async def pass_time(self, seconds: float, until: Callable[[], object]) -> None:
        """Let `seconds` pass whenever someone waits that long, until the condition holds."""
        while not until():
            await self.until(lambda: until() or self.timer.waits(seconds))
            if not until():
                self.timer.advance(seconds)

    async def done(self, count: int) -> None:
        """Return once so many messages have been settled as worked."""
        await self.until(lambda: len(self.told("message.done")) >= count)

    def told(self, name: str) -> list[Mapping[str, Any]]:
        """The fields of every telemetry event of that name."""
        return [fields for event, fields in self.events if event == name]

    def ids(self, name: str) -> list[str]:
        return [fields["id"] for fields in self.told(name)]

    def states(self) -> dict[str, State]:
        now_ms = self.clock.now_ms()
        return {id: record.state_at(now_ms) for id, record in self.engine.world.records.items()}

    def receives(self, id: str) -> int:
        return self.engine.world.records[id].receive_count

    def _heard(self, kind: Kind, fields: Mapping[str, Any]) -> None:
        self.events.append((kind.name, fields))
        self._loop.call_soon_threadsafe(self.changed)


def void(_: object) -> None:
    """For callbacks whose answer nobody wants."""


STORE_FAILS = StoreError("the disk is gone")
