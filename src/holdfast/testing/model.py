"""The queue contract in the plainest possible Python: the specification in executable form.

`MemoryEngine` keeps everything in lists and dicts, so that each verb reads as what it promises. The
real engines are held against it step by step, and it serves as a queue in tests that need no disk.
Two engines over one `World` are two processes over one store.

    one_worker = MemoryEngine(clock=clock, holder="one", world=world)
    another = MemoryEngine(clock=clock, holder="two", world=world)

That a lease ends is no event: nobody does anything. A leased message whose time has come simply
counts as waiting, and its receipt stays good until somebody else receives or buries it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from holdfast.clock import Clock
from holdfast.errors import StoreError
from holdfast.message import DeadLetter, Failure, Lease, Message, Receipt
from holdfast.queue.contract import (
    ABILITIES,
    Claim,
    ClaimAnswer,
    Depth,
    Entry,
    Execution,
    Filter,
    QueueLimits,
    Refusal,
    State,
    letters_page,
)
from holdfast.testing.world import CLAIM_ANSWERS, Record, World, fits, page, refusal_fits

OUTCOMES: Final = ("received", "done", "dead", "refused")


class MemoryEngine:
    """A queue in memory. See `holdfast.queue.contract` for what each verb promises."""

    name = "memory"
    abilities = frozenset(ABILITIES) - {"bell"}

    def __init__(self, *, clock: Clock, holder: str = "h1", world: World | None = None) -> None:
        self.world = World() if world is None else world
        self.holder = holder
        self._clock = clock

    # -- Sender

    def send(
        self, messages: Sequence[Message], delay_seconds: float = 0
    ) -> list[StoreError | None]:
        with self.world.news:
            for message in messages:
                self.world.arrivals += 1
                self.world.known.add(message.webhook)
                self.world.records[message.id] = Record(
                    message,
                    number=self.world.arrivals,
                    kept_from_ms=message.received_at_ms,
                    visible_at_ms=self._in(delay_seconds) if delay_seconds else None,
                )
            self.world.news.notify_all()
            return [None for _ in messages]

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        with self.world.news:
            self.world.refusals.extend(refusals)

    # -- Receiver

    def configure(self, limits: Mapping[str, QueueLimits]) -> None:
        with self.world.news:
            self.world.limits.update(limits)
            self.world.known.update(limits)

    def receive(
        self, webhook: str, limit: int, lease_seconds: float, wait_seconds: float = 0
    ) -> list[Lease]:
        with self.world.news:
            leases: list[Lease] = []

            def found() -> bool:
                leases.extend(self._hand_out(webhook, limit, lease_seconds))
                return bool(leases)

            if not found() and wait_seconds > 0:
                self.world.news.wait_for(found, wait_seconds)
            return leases

    def begin(self, receipts: Sequence[Receipt]) -> None:
        with self.world.news:
            self.world.begun.update((self.holder, receipt) for receipt in receipts)

    def settle(self, receipts: Sequence[Receipt], duplicate_of: str | None = None) -> list[bool]:
        with self.world.news:
            self._let_go(receipts)
            return [self._settle(receipt, duplicate_of) for receipt in receipts]

    def release(self, receipts: Sequence[Receipt], delay_seconds: float = 0) -> list[bool]:
        with self.world.news:
            self._let_go(receipts)
            return [self._release(receipt, delay_seconds) for receipt in receipts]

    def extend(
        self, receipts: Sequence[Receipt], lease_seconds: float, failure: Failure | None = None
    ) -> list[bool]:
        with self.world.news:
            answers = [self._extend(receipt, lease_seconds, failure) for receipt in receipts]
            works_on = failure is None and lease_seconds > 0
            pairs = zip(receipts, answers, strict=True)
            self._let_go([receipt for receipt, current in pairs if not (works_on and current)])
            return answers

    def bury(self, receipt: Receipt, failure: Failure) -> bool:
        with self.world.news:
            self._let_go([receipt])
            record = self.world.holding(receipt)
            if record is None:
                return False
            record.attempts += (failure,)
            record.die(self._now(), failure.reason)
            return True

    def claim(self, receipt: Receipt, delivery_id: str) -> Claim:
        with self.world.news:
            record = self.world.holding(receipt)
            if record is None:
                # Whoever lost its lease is not the one: somebody else works this message.
                return Claim(ClaimAnswer.HELD)
            return self._claim(record, delivery_id)

    def paused(self, webhook: str) -> bool:
        with self.world.news:
            return webhook in self.world.paused

    def bell(self) -> int | None:
        return None

    def maintain(self) -> bool:
        with self.world.news:
            for record in tuple(self.world.records.values()):
                self._age(record)
            return False

    # -- Operator

    def webhooks(self) -> list[str]:
        with self.world.news:
            return sorted(self.world.known)

    def depth(self) -> list[Depth]:
        with self.world.news:
            return [self._depth(webhook) for webhook in sorted(self.world.known)]

    def browse(self, filter: Filter, after: str | None = None, limit: int = 50) -> list[DeadLetter]:
        with self.world.news:
            return letters_page(self._found_dead(filter), filter, after, limit)

    def redrive(self, ids: Sequence[str]) -> list[bool]:
        with self.world.news:
            return [self._redrive(id) for id in ids]

    def purge(self, ids: Sequence[str]) -> list[bool]:
        with self.world.news:
            return [self._purge(id) for id in ids]

    def pause(self, webhook: str) -> None:
        with self.world.news:
            self.world.paused.add(webhook)

    def resume(self, webhook: str) -> None:
        with self.world.news:
            self.world.paused.discard(webhook)
            self.world.news.notify_all()

    def pauses(self) -> list[str]:
        with self.world.news:
            return sorted(self.world.paused)

    # -- Archive

    def record(self, executions: Sequence[Execution]) -> None:
        with self.world.news:
            self.world.executions.extend(executions)

    def executions(self, message_id: str) -> list[Execution]:
        with self.world.news:
            runs = [run for run in self.world.executions if run.message_id == message_id]
            return sorted(runs, key=lambda run: run.started_at_ms)

    def events(self, filter: Filter, after: str | None = None, limit: int = 50) -> list[Entry]:
        with self.world.news:
            found = page(self._found(filter), filter, after, limit)
            return [record.entry(self._now()) for record in found]

    def refusals(self, filter: Filter, after: str | None = None, limit: int = 50) -> list[Refusal]:
        with self.world.news:
            found = [(one.id, one) for one in self.world.refusals if refusal_fits(one, filter)]
            return page(found, filter, after, limit)

    def rates(self, window_seconds: float) -> dict[str, dict[str, float]]:
        with self.world.news:
            since_ms = self._in(-window_seconds)
            rates = {webhook: dict.fromkeys(OUTCOMES, 0.0) for webhook in self.world.known}
            for webhook, outcome, at_ms in self.world.outcomes():
                if at_ms > since_ms and webhook in rates:
                    rates[webhook][outcome] += 1 / window_seconds
            return rates

    # -- Upkeep, and the end

    def reclaim(self, holder: str) -> None:
        """Free what a dead holder held. What it had begun is counted, and comes back alone."""
        with self.world.news:
            begun = self.world.begun_by(holder)
            self.world.begun -= {(holder, receipt) for receipt in begun}
            working = {self.world.leased[receipt] for receipt in begun}
            for id, record in self.world.records.items():
                if record.holder != holder:
                    continue
                if id in working:
                    record.attempts += (record.worker_died(self._now()),)
                    record.alone = True
                else:
                    record.receive_count -= 1
                record.wait(self._now())

    def abandon(self) -> None:
        """End as a crash would: say nothing to anyone."""

    def close(self) -> None:
        """Nothing more is worked here. Leases still held run out by themselves."""
        with self.world.news:
            self._let_go(self.world.begun_by(self.holder))

    # -- The decisions behind the verbs, one message at a time

    def _hand_out(self, webhook: str, limit: int, lease_seconds: float) -> list[Lease]:
        leases: list[Lease] = []
        if webhook in self.world.paused:
            return leases
        for record in self._due(webhook):
            if len(leases) == limit or (record.alone and leases):
                break
            self._age(record)
            if record.state is State.DEAD:
                continue
            if record.receive_count >= self.world.limits_of(webhook).max_receive_count:
                record.die(self._now(), "exhausted")
                continue
            leases.append(self._lease(record, lease_seconds))
            if record.alone:
                break
        return leases

    def _due(self, webhook: str) -> list[Record]:
        """What can be handed out: first what came back, the longest due before the others."""
        now_ms = self._now()
        due = [
            record
            for record in self.world.queue(webhook)
            if record.state_at(now_ms) is State.WAITING and record.visible(now_ms)
        ]
        back = [record for record in due if record.visible_at_ms is not None]
        back.sort(key=lambda record: (record.visible_at_ms, record.number))
        return back + [record for record in due if record.visible_at_ms is None]

    def _lease(self, record: Record, lease_seconds: float) -> Lease:
        self.world.receipts += 1
        record.receipt = Receipt(f"{self.holder}:{self.world.receipts}")
        record.holder = self.holder
        self.world.leased[record.receipt] = record.message.id
        record.state, record.visible_at_ms = State.LEASED, self._in(lease_seconds)
        record.receive_count += 1
        return Lease(record.message, record.receipt, record.receive_count, record.alone)

    def _let_go(self, receipts: Sequence[Receipt]) -> None:
        """Whether they were current or not, this holder works them no longer."""
        self.world.begun.difference_update([(self.holder, receipt) for receipt in receipts])

    def _settle(self, receipt: Receipt, duplicate_of: str | None) -> bool:
        record = self.world.holding(receipt)
        if record is None:
            return False
        record.duplicate_of = duplicate_of
        record.finish(State.DONE, self._now())
        if duplicate_of is None:
            self._supersede(record)
        return True

    def _supersede(self, done: Record) -> None:
        """Dead letters of the same event need nobody's attention any more."""
        if done.delivery_id is None or not self.world.holds(done):
            return
        for record in self.world.queue(done.message.webhook):
            if record.state is State.DEAD and record.delivery_id == done.delivery_id:
                record.superseded_by = done.message.id

    def _release(self, receipt: Receipt, delay_seconds: float) -> bool:
        record = self.world.holding(receipt)
        if record is None:
            return False
        record.receive_count -= 1
        record.wait(self._in(delay_seconds))
        return True

    def _extend(self, receipt: Receipt, lease_seconds: float, failure: Failure | None) -> bool:
        record = self.world.holding(receipt)
        if record is None:
            return False
        record.state, record.visible_at_ms = State.LEASED, self._in(lease_seconds)
        if failure is not None:
            record.attempts += (failure,)
        if failure is not None or lease_seconds == 0:
            # This attempt is over, and its holder lived to say so.
            record.holder, record.alone = None, False
        return True

    def _claim(self, record: Record, delivery_id: str) -> Claim:
        key = (record.message.webhook, delivery_id)
        if done := self.world.done_before(key, self._now()):
            return Claim(ClaimAnswer.DUPLICATE, done)
        other = self.world.records.get(self.world.claims.get(key, record.message.id))
        if other is not None and other is not record and other.state in CLAIM_ANSWERS:
            return Claim(CLAIM_ANSWERS[other.state], other.message.id)
        self.world.claims[key] = record.message.id
        record.delivery_id = delivery_id
        return Claim(ClaimAnswer.GRANTED)

    def _redrive(self, id: str) -> bool:
        record = self.world.records.get(id)
        if record is None or record.state is not State.DEAD:
            return False
        record.receive_count, record.kept_from_ms = 0, self._now()
        record.reason = record.finished_at_ms = record.superseded_by = None
        record.wait(self._now())
        return True

    def _purge(self, id: str) -> bool:
        record = self.world.records.get(id)
        if record is None or record.state is not State.DEAD:
            return False
        self.world.unclaim(record)
        record.finish(State.PURGED, self._now())
        return True

    def _age(self, record: Record) -> None:
        """What time alone does: waiting too long kills, resting or remembered too long removes."""
        limits = self.world.limits_of(record.message.webhook)
        state = record.state_at(self._now())
        if state is State.WAITING:
            if self._past(record.kept_from_ms, limits.retention_seconds):
                record.die(self._now(), "expired")
        elif record.finished_at_ms is not None:
            dead = state is State.DEAD
            rest_seconds = limits.dead_retention_seconds if dead else limits.retention_seconds
            if self._past(record.finished_at_ms, rest_seconds):
                self.world.unclaim(record)
                del self.world.records[record.message.id]

    # -- What the verbs read

    def _found(self, filter: Filter) -> list[tuple[str, Record]]:
        records = self.world.records.items()
        return [(id, record) for id, record in records if fits(record, filter, self._now())]

    def _found_dead(self, filter: Filter) -> list[DeadLetter]:
        """Their times are those of death."""
        records, now_ms = self.world.records.values(), self._now()
        found = (one for one in records if fits(one, filter, now_ms, one.finished_at_ms))
        return [one.dead_letter() for one in found if one.state is State.DEAD]

    def _depth(self, webhook: str) -> Depth:
        queue = self.world.queue(webhook)
        states = [record.state_at(self._now()) for record in queue]
        waiting = [
            record.message.received_at_ms
            for record, state in zip(queue, states, strict=True)
            if state is State.WAITING
        ]
        return Depth(
            webhook,
            waiting=len(waiting),
            leased=states.count(State.LEASED),
            dead=states.count(State.DEAD),
            oldest_ms=min(waiting, default=None),
        )

    def _now(self) -> int:
        return self._clock.now_ms()

    def _in(self, seconds: float) -> int:
        return self._now() + round(seconds * 1000)

    def _past(self, since_ms: int, seconds: float) -> bool:
        return since_ms + round(seconds * 1000) <= self._now()
