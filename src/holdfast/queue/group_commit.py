"""Many concurrent calls become one: what gathers while the engine works is its next group.

A commit costs one fsync whether it keeps one message or five hundred, so nobody commits alone. Each
desk here owns one thread. Callers on an event loop leave their item in a line and await a future;
the thread takes everything that stands in line, makes one engine call, and wakes all of those
callers with one `call_soon_threadsafe`. There is no timer and nothing to tune: the slower the disk,
the larger the groups.

What a caller hears is what the engine said about that caller's item. An engine call that fails
fails exactly its group; the next group tries again, and that is how a store recovers without a
restart. A caller who goes away changes nothing: the item stays in its group.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, cast

from holdfast.clock import Clock
from holdfast.errors import StoreBusy, StoreError
from holdfast.message import Failure, Lease, Message, Receipt
from holdfast.queue.contract import Archive, Claim, Execution, Receiver, Refusal, Sender
from holdfast.queue.lines import Waiter, as_store_error, emptied, gather, rest, wake
from holdfast.telemetry import Telemetry

PENDING_BYTES: Final = 64 * 1024 * 1024
"""Bodies that wait to be kept. A count alone would let a slow disk fill the memory."""

NOTES_MAX: Final = 1000
"""Refusals or executions held for writing; beyond it the oldest are dropped."""

NOTE_SECONDS: Final = 0.25
"""Under load, refusals are written at most this often: they must not slow what is accepted."""


class GroupSender:
    """`send` for event loops: durable when it returns, and one fsync for everyone waiting.

    Telemetry is emitted from the writer's thread: `store.unavailable` when a group fails, and
    `store.recovered` when the next one is kept.
    """

    def __init__(
        self,
        sender: Sender,
        telemetry: Telemetry,
        clock: Clock,
        *,
        max_pending: int = 10_000,
        max_pending_bytes: int = PENDING_BYTES,
    ) -> None:
        self._sender = sender
        self._telemetry = telemetry
        self._clock = clock
        self._max_pending = max_pending
        self._max_pending_bytes = max_pending_bytes
        self._pending_bytes = 0
        self._counting = threading.Lock()
        self._line: SimpleQueue[tuple[Message, Waiter, float] | None] = SimpleQueue()
        self._refusals: deque[Refusal] = deque(maxlen=NOTES_MAX)
        self._noted_at = 0.0
        self._failing_since: float | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="holdfast-sender", daemon=True)
        self._thread.start()

    async def send(self, message: Message, delay_seconds: float = 0) -> None:
        """Return once the message is durable; it can be received after the delay.

        Raises StoreBusy at once where too many wait, StoreError where it may not have been kept.
        """
        if self._closed:
            raise StoreError("shutting down")
        if self._line.qsize() >= self._max_pending:
            raise StoreBusy(f"{self._max_pending} messages are waiting to be kept")
        self._count(len(message.request.body))
        kept = asyncio.get_running_loop().create_future()
        self._line.put((message, kept, delay_seconds))
        await kept

    def _count(self, size: int) -> None:
        with self._counting:
            # One that is larger than all that may wait is kept if it waits alone.
            if self._pending_bytes and self._pending_bytes + size > self._max_pending_bytes:
                raise StoreBusy(f"{self._pending_bytes} bytes are waiting to be kept")
            self._pending_bytes += size

    def refuse(self, refusal: Refusal) -> None:
        """Note what was not accepted, some time soon. Never blocks; drops the oldest if swamped."""
        self._refusals.append(refusal)
        if len(self._refusals) == 1:
            self._line.put(None)

    def close(self) -> None:
        """Keep what is still in line, then end the thread."""
        self._closed = True
        self._line.put(None)
        self._thread.join()
        wake([(waiter, StoreError("shutting down")) for _, waiter, _ in rest(self._line)])

    def _run(self) -> None:
        while True:
            group = [entry for entry in gather(self._line) if entry is not None]
            for delay in {delay for _, _, delay in group}:  # one, unless a workflow sends
                alike = [entry for entry in group if entry[2] == delay]
                self._keep([entry[0] for entry in alike], [entry[1] for entry in alike], delay)
            if self._refusals:
                self._note(idle=self._line.empty())
            # Asked anew: keeping notes takes time, in which more may have come.
            if self._closed and self._line.empty():
                return

    def _keep(self, messages: list[Message], waiters: list[Waiter], delay_seconds: float) -> None:
        outcomes: Sequence[StoreError | None]
        try:
            outcomes = self._sender.send(messages, delay_seconds)
            if len(outcomes) != len(messages):
                raise StoreError(f"{len(outcomes)} results for {len(messages)} messages")
        except BaseException as error:  # whatever ends this thread would leave its callers hanging
            failure = as_store_error(error)
            outcomes = [failure] * len(messages)
            self._failed(failure, len(messages))
        else:
            self._worked()
        with self._counting:
            self._pending_bytes -= sum(len(one.request.body) for one in messages)
        wake(list(zip(waiters, outcomes, strict=True)))

    def _failed(self, error: StoreError, waiting: int) -> None:
        # Once per outage: at thousands of refusals a second, more would only fill a disk.
        if self._failing_since is None:
            self._failing_since = self._clock.monotonic()
            self._telemetry.emit("store.unavailable", error=str(error), waiting=waiting)

    def _worked(self) -> None:
        if self._failing_since is not None:
            after_seconds = self._clock.monotonic() - self._failing_since
            self._failing_since = None
            self._telemetry.emit("store.recovered", after_seconds=after_seconds)

    def _note(self, *, idle: bool) -> None:
        now = self._clock.monotonic()
        if not idle and now - self._noted_at < NOTE_SECONDS:
            return
        self._noted_at = now
        refusals = emptied(self._refusals)
        try:
            self._sender.refuse(refusals)
        except Exception:
            return  # best effort: what was refused is lost to nobody but the curious


class _Call(NamedTuple):
    """One verb that somebody awaits. Calls that are `alike` are made, or at least woken, together."""

    verb: Callable[..., Any]
    receipts: Sequence[Receipt] | None
    """Those of all calls in the group go into one engine call. None: `rest` is all it takes."""
    rest: tuple[Any, ...]
    alike: object
    waiter: Waiter


class GroupReceiver:
    """The receiver's verbs for event loops, all that may block on one thread.

    Calls are made in the order in which they came, except that one joins an earlier one that is
    alike and still in line. An `extend` with a failure never joins: it could overtake a heartbeat,
    which would then undo its delay.

    Executions are kept where the engine has the ability `archive`, and dropped where it has not.
    """

    def __init__(self, engine: Receiver) -> None:
        self._engine = engine
        can_archive = "archive" in getattr(engine, "abilities", ())
        self._archive = cast(Archive, engine) if can_archive else None
        self._line: SimpleQueue[_Call | None] = SimpleQueue()
        self._executions: deque[Execution] = deque(maxlen=NOTES_MAX)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="holdfast-receiver", daemon=True)
        self._thread.start()

    async def receive(self, webhook: str, limit: int, lease_seconds: float) -> list[Lease]:
        """What there is now, never waiting: a wait would keep every other verb waiting too.

        Where the caller has gone before the answer came, what was leased is released.
        """
        waiter = self._alone(self._engine.receive, webhook, limit, lease_seconds)
        try:
            leases: list[Lease] = await asyncio.shield(waiter)
        except asyncio.CancelledError:
            waiter.add_done_callback(self._give_back)
            raise
        return leases

    def begin(self, receipts: Sequence[Receipt]) -> None:
        """These are being worked now. At once, without the thread: a note in memory costs less than
        the way there. Raises StoreError."""
        try:
            self._engine.begin(receipts)
        except StoreError:
            raise
        except Exception as error:
            raise as_store_error(error) from error

    async def settle(
        self, receipts: Sequence[Receipt], duplicate_of: str | None = None
    ) -> list[bool]:
        """Done. Per receipt: settled, or stale."""
        answers: list[bool] = await self._together(self._engine.settle, receipts, duplicate_of)
        return answers

    async def release(self, receipts: Sequence[Receipt], delay_seconds: float = 0) -> list[bool]:
        """Give back what was never worked; the receive is not counted."""
        answers: list[bool] = await self._together(self._engine.release, receipts, delay_seconds)
        return answers

    async def extend(
        self, receipts: Sequence[Receipt], lease_seconds: float, failure: Failure | None = None
    ) -> list[bool]:
        """Per receipt: extended, or stale."""
        answers: list[bool]
        if failure is None:
            answers = await self._together(self._engine.extend, receipts, lease_seconds)
        else:
            answers = await self._alone(self._engine.extend, receipts, lease_seconds, failure)
        return answers

    async def bury(self, receipt: Receipt, failure: Failure) -> bool:
        """To dead letters now; durable when it returns. False: stale."""
        answer: bool = await self._alone(self._engine.bury, receipt, failure)
        return answer

    async def claim(self, receipt: Receipt, delivery_id: str) -> Claim:
        """Ask to be the one message that is worked under this delivery id."""
        verb = self._engine.claim
        # One engine call each, but one wake-up for all: where deliveries carry an id, every
        # message claims.
        answer: Claim = await self._put(verb, None, (receipt, delivery_id), alike="claim")
        return answer

    async def paused(self, webhook: str) -> bool:
        """Whether an operator paused this webhook's pipe."""
        answer: bool = await self._alone(self._engine.paused, webhook)
        return answer

    async def maintain(self) -> bool:
        """One small step of upkeep. True: more to do."""
        answer: bool = await self._alone(self._engine.maintain)
        return answer

    def record(self, execution: Execution) -> None:
        """Keep a finished run, some time soon. Never blocks; drops the oldest if swamped."""
        if self._archive is None:
            return
        self._executions.append(execution)
        if len(self._executions) == 1:
            self._line.put(None)

    def close(self) -> None:
        """Make the calls that are still in line, then end the thread."""
        self._closed = True
        self._line.put(None)
        self._thread.join()
        wake([(call.waiter, StoreError("shutting down")) for call in rest(self._line)])

    def _together(
        self, verb: Callable[..., Any], receipts: Sequence[Receipt], *rest: Any
    ) -> Waiter:
        return self._put(verb, receipts, rest, alike=(verb, rest))

    def _alone(self, verb: Callable[..., Any], *rest: Any) -> Waiter:
        return self._put(verb, None, rest, alike=object())

    def _put(
        self,
        verb: Callable[..., Any],
        receipts: Sequence[Receipt] | None,
        rest: tuple[Any, ...],
        alike: object,
    ) -> Waiter:
        if self._closed:
            raise StoreError("shutting down")
        waiter = asyncio.get_running_loop().create_future()
        self._line.put(_Call(verb, receipts, rest, alike, waiter))
        return waiter

    def _give_back(self, received: Waiter) -> None:
        if self._closed or received.exception() is not None or not received.result():
            return
        receipts = [lease.receipt for lease in received.result()]
        released = self._together(self._engine.release, receipts, 0)
        released.add_done_callback(lambda done: done.exception())  # else their leases run out

    def _run(self) -> None:
        while True:
            calls = [call for call in gather(self._line) if call is not None]
            groups: dict[object, list[_Call]] = {}
            for call in calls:
                groups.setdefault(call.alike, []).append(call)
            for group in groups.values():
                wake(_made(group))
            if self._executions:
                self._record()
            if self._closed and self._line.empty():
                return

    def _record(self) -> None:
        executions = emptied(self._executions)
        try:
            if self._archive is not None:
                self._archive.record(executions)
        except Exception:
            return  # best effort: why a message failed is kept with the message itself


def _made(group: list[_Call]) -> list[tuple[Waiter, Any]]:
    """Make these calls, which are alike; what each of them is to hear."""
    first = group[0]
    if first.receipts is None:
        return [(call.waiter, _outcome(call.verb, *call.rest)) for call in group]
    receipts = [receipt for call in group for receipt in call.receipts or ()]
    answers = _outcome(first.verb, receipts, *first.rest)
    if not isinstance(answers, list):  # a failure concerns everyone
        return [(call.waiter, answers) for call in group]
    if len(answers) != len(receipts):
        wrong = StoreError(f"{len(answers)} answers for {len(receipts)} receipts")
        return [(call.waiter, wrong) for call in group]
    heard = iter(answers)
    return [(call.waiter, [next(heard) for _ in call.receipts or ()]) for call in group]


def _outcome(verb: Callable[..., Any], *args: Any) -> Any:
    """What the engine answers, or the StoreError that it comes to."""
    try:
        return verb(*args)
    except BaseException as error:  # whatever ends this thread would leave its callers hanging
        return as_store_error(error)
