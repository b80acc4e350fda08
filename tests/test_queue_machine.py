"""The embedded engine held against the model, step by step, through anything that can happen.

Hypothesis makes up stories: every verb, several workers, time passing and clocks set, crashes and
restarts. After each step both stores must look the same to an operator. Where the contract leaves
the engine a choice (whom it hands out first of those that came back, and so whom it buries on the
way), the model is told what the engine chose, and must find it allowed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, event, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from holdfast.clock import ManualClock
from holdfast.message import DeadLetter, Failure, Headers, Lease, Message, Receipt, Request
from holdfast.queue.contract import Filter, QueueLimits, State
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.testing import MemoryEngine, World
from holdfast.testing.world import Record

DAY = 86_400.0
WEBHOOKS = ("orders", "refunds")
LIMITS = QueueLimits(retention_seconds=2 * DAY, dead_retention_seconds=3 * DAY, max_receive_count=2)
# The same stories each time, in a few seconds. For a long run, raise the examples and let chance in.
BOUNDED = settings(
    max_examples=40,
    stateful_step_count=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

webhooks = st.sampled_from(WEBHOOKS)
which = st.integers(0, 1)
choices = st.lists(st.integers(0, 1_000), min_size=1, max_size=4)


class Follower(MemoryEngine):
    """The model, handing out what the engine chose instead of what it would have chosen."""

    chosen: Sequence[str] | None = None

    def _due(self, webhook: str) -> list[Record]:
        due = super()._due(webhook)
        if self.chosen is None:
            return due
        by_id = {record.message.id: record for record in due}
        return [by_id[id] for id in self.chosen if id in by_id]

    def due(self, webhook: str) -> list[str]:
        return [record.message.id for record in super()._due(webhook)]

    def follow(
        self, webhook: str, chosen: Sequence[str], limit: int, seconds: float
    ) -> list[Lease]:
        self.chosen = chosen
        try:
            return self.receive(webhook, limit, seconds)
        finally:
            self.chosen = None


@dataclass(frozen=True)
class Held:
    """One lease, as the engine and as the model know it."""

    holder: str
    real: Lease
    model: Lease


class Worker:
    """One process, twice: on the engine and on the model."""

    def __init__(self, holder: str, path: Path, clock: ManualClock, world: World) -> None:
        self.holder = holder
        # Nobody cuts the power here, and syncs would take most of the time.
        self.real = SQLiteEngine(path, clock=clock, holder=holder, synchronous="OFF")
        self.model = Follower(clock=clock, holder=holder, world=world)


class QueueMachine(RuleBasedStateMachine):
    """Both stores, and everything that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(tempfile.mkdtemp(prefix="machine-"))
        self.clock = ManualClock()
        self.world = World()
        self.sent: list[str] = []
        self.arrived_ms = 0
        self.held: list[Held] = []
        self.dead_holders: list[str] = []
        self.holders = 0
        self.workers = [self.hire(), self.hire()]

    def hire(self) -> Worker:
        self.holders += 1
        return Worker(f"holder-{self.holders}", self.path, self.clock, self.world)

    def teardown(self) -> None:
        for worker in self.workers:
            worker.real.close()
        shutil.rmtree(self.path)

    @initialize()
    def configured(self) -> None:
        limits = dict.fromkeys(WEBHOOKS, LIMITS)
        self.workers[0].real.configure(limits)
        self.workers[0].model.configure(limits)

    # Sender

    @rule(webhook=webhooks, who=which, count=st.integers(1, 4), delay=st.sampled_from((0, 0, 20)))
    def send(self, webhook: str, who: int, count: int, delay: float) -> None:
        # In order of arrival, whatever the clock says: expiry may rely on it.
        self.arrived_ms = max(self.arrived_ms, self.clock.now_ms())
        messages = []
        for _ in range(count):
            request = Request("POST", "/", "", Headers(), b"body")
            self.sent.append(f"{len(self.sent):032x}")
            messages.append(Message(self.sent[-1], webhook, self.arrived_ms, request))
        worker = self.workers[who]
        assert worker.real.send(messages, delay) == worker.model.send(messages, delay)

    # Receiver. Rules ask for something to act on, or most steps would do nothing.

    def due(self) -> bool:
        """Whether anybody could be handed something now."""
        return any(self.workers[0].model.due(webhook) for webhook in WEBHOOKS)

    def busy(self) -> bool:
        """Whether somebody holds something."""
        return any(record.holder for record in self.world.records.values())

    def holding(self, who: int) -> Worker:
        """The worker that is meant, or the other one where that has something in its hands."""
        holders = {record.holder for record in self.world.records.values()}
        meant, other = self.workers[who], self.workers[1 - who]
        return other if other.holder in holders and meant.holder not in holders else meant

    # Hypothesis leaves out some rules of each story; without this one there would be none.
    @rule(webhook=webhooks, who=which, count=st.integers(1, 4), begins=st.integers(0, 6))
    def send_and_receive(self, webhook: str, who: int, count: int, begins: int) -> None:
        self.send(webhook, who, count, 0)
        self.hand_out(webhook, who, 6, 40, begins)

    @precondition(due)
    @rule(webhook=webhooks, who=which, begins=st.integers(0, 6))
    def receive_all(self, webhook: str, who: int, begins: int) -> None:
        self.hand_out(webhook, who, 6, 10, begins)

    @precondition(due)
    @rule(webhook=webhooks, who=which, limit=st.integers(1, 3), begins=st.integers(0, 3))
    def receive(self, webhook: str, who: int, limit: int, begins: int) -> None:
        self.hand_out(webhook, who, limit, 40, begins)

    def hand_out(
        self, webhook: str, who: int, limit: int, lease_seconds: float, begins: int
    ) -> None:
        """Receive, and begin some of it."""
        worker = self.workers[who]
        dead = set(self.dead(worker.real))
        real = worker.real.receive(webhook, limit, lease_seconds)
        buried = [id for id in self.dead(worker.real) if id not in dead]
        chosen = buried + [lease.message.id for lease in real]
        model = worker.model.follow(webhook, chosen, limit, lease_seconds)

        assert [shown(lease) for lease in model] == [shown(lease) for lease in real]
        assert len(real) == 1 or not any(lease.alone for lease in real)
        assert real or self.world.paused & {webhook} or worker.model.due(webhook) == []
        event(f"handed out {min(len(real), 2)}, buried {min(len(buried), 2)}")
        both = [Held(worker.holder, *pair) for pair in zip(real, model, strict=True)]
        self.held = (self.held + both)[-12:]
        worker.real.begin([one.real.receipt for one in both[:begins]])
        worker.model.begin([one.model.receipt for one in both[:begins]])

    def pick(self, worker: Worker, picks: Sequence[int]) -> tuple[list[Receipt], list[Receipt]]:
        """Some of the leases that this worker was ever given, stale ones among them."""
        mine = [one for one in self.held if one.holder == worker.holder]
        picked = [mine[pick % len(mine)] for pick in picks] if mine else []
        return [one.real.receipt for one in picked], [one.model.receipt for one in picked]

    @precondition(busy)
    @rule(who=which, picks=choices, of=st.sampled_from((None, None, "another")))
    def settle(self, who: int, picks: Sequence[int], of: str | None) -> None:
        worker = self.holding(who)
        real, model = self.pick(worker, picks)
        assert worker.real.settle(real, of) == worker.model.settle(model, of)

    @precondition(busy)
    @rule(who=which, picks=choices, delay=st.sampled_from((0, 15)))
    def release(self, who: int, picks: Sequence[int], delay: float) -> None:
        worker = self.holding(who)
        real, model = self.pick(worker, picks)
        assert worker.real.release(real, delay) == worker.model.release(model, delay)

    @precondition(busy)
    @rule(who=which, picks=choices, lease_seconds=st.sampled_from((0, 5, 40)), failed=st.booleans())
    def extend(self, who: int, picks: Sequence[int], lease_seconds: float, *, failed: bool) -> None:
        worker = self.holding(who)
        real, model = self.pick(worker, sorted(set(picks))[:1])
        failure = self.failure("OSError", "") if failed else None
        ours = worker.model.extend(model, lease_seconds, failure)
        assert worker.real.extend(real, lease_seconds, failure) == ours

    @precondition(busy)
    @rule(who=which, pick=choices, reason=st.sampled_from(("permanent", "signature_mismatch")))
    def bury(self, who: int, pick: Sequence[int], reason: str) -> None:
        worker = self.holding(who)
        failure = self.failure("ValueError", reason)
        for real, model in zip(*self.pick(worker, pick[:1]), strict=True):
            assert worker.real.bury(real, failure) == worker.model.bury(model, failure)

    @precondition(busy)
    @rule(who=which, pick=choices)
    def claim(self, who: int, pick: Sequence[int]) -> None:
        worker = self.holding(who)
        mine = [one for one in self.held if one.holder == worker.holder]
        for one in [mine[pick[0] % len(mine)]] if mine else []:
            delivery_id = f"evt_{int(one.real.message.id, 16) % 2}"
            real = worker.real.claim(one.real.receipt, delivery_id)
            assert real == worker.model.claim(one.model.receipt, delivery_id)
            event(f"claim {real.answer}")

    @precondition(lambda self: self.sent)
    @rule(who=which)
    def maintain(self, who: int) -> None:
        worker = self.workers[who]
        for holder in self.dead_holders:
            worker.model.reclaim(holder)
        self.dead_holders.clear()
        worker.model.maintain()
        # Upkeep goes in small steps; only what is left when it rests is promised.
        while worker.real.maintain():
            pass

    # Operator

    @precondition(lambda self: self.dead(self.workers[0].real))
    @rule(who=which, picks=choices, purge=st.booleans())
    def redrive_or_purge(self, who: int, picks: Sequence[int], *, purge: bool) -> None:
        worker = self.workers[who]
        known = self.dead(worker.real) + self.sent[-2:]
        ids = [known[pick % len(known)] for pick in picks]
        if purge:
            assert worker.real.purge(ids) == worker.model.purge(ids)
        else:
            assert worker.real.redrive(ids) == worker.model.redrive(ids)

    @precondition(lambda self: self.world.paused or self.due())
    @rule(webhook=webhooks, who=which)
    def pause_or_resume(self, webhook: str, who: int) -> None:
        for engine in (self.workers[who].real, self.workers[who].model):
            (engine.resume if engine.paused(webhook) else engine.pause)(webhook)

    # Time

    @precondition(lambda self: self.sent)
    @rule(seconds=st.integers(1, 50))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: len(self.sent) > 5)
    @rule(days=st.sampled_from((1.0, 2.0, 3.0)))
    def days_pass(self, days: float) -> None:
        self.clock.advance(days * DAY)
        self.maintain(0)

    @precondition(busy)
    @rule(seconds=st.sampled_from((-45, -20, 20, 45)))
    def somebody_sets_the_clock(self, seconds: int) -> None:
        """Less than the engine calls a jump, and written down before the next time.

        What a real jump does is the engine's own affair, and has tests of its own.
        """
        self.clock.jump(seconds)
        self.clock.advance(2)
        self.maintain(0)
        self.maintain(1)

    # The end of a process

    @precondition(busy)
    @rule(who=which, noticed=st.booleans())
    def crash(self, who: int, *, noticed: bool) -> None:
        victim = self.holding(who)
        place = self.workers.index(victim)
        witness = self.workers[1 - place]
        victim.real.abandon()
        victim.model.abandon()
        if noticed:
            witness.real.reclaim(victim.holder)
            witness.model.reclaim(victim.holder)
        else:
            self.dead_holders.append(victim.holder)
        self.workers[place] = self.hire()

    @precondition(busy)
    @rule(who=which)
    def restart(self, who: int) -> None:
        self.workers[who].real.close()
        self.workers[who].model.close()
        self.workers[who] = self.hire()

    # What an operator sees

    @invariant()
    def the_same_depth(self) -> None:
        real, model = self.workers[0].real, self.workers[1].model
        assert counts(real) == counts(model)
        assert real.pauses() == model.pauses()

    @invariant()
    def the_same_history(self) -> None:
        assert history(self.workers[1].real) == history(self.workers[0].model)

    @invariant()
    def the_same_dead_letters(self) -> None:
        assert letters(self.workers[0].real) == letters(self.workers[1].model)

    def dead(self, engine: SQLiteEngine) -> list[str]:
        return [
            letter.message.id for letter in engine.browse(Filter(newest_first=False), None, 500)
        ]

    def failure(self, error: str, reason: str) -> Failure:
        return Failure(error, "as told", "Handle", self.clock.now_ms(), 1, reason)


def shown(lease: Lease) -> tuple[str, int, bool]:
    """Receipts are each store's own; all else must agree."""
    return lease.message.id, lease.receive_count, lease.alone


def counts(engine: SQLiteEngine | MemoryEngine) -> list[Any]:
    """Of several that came in while the clock was set, which is the oldest is left open."""
    return [
        (depth.webhook, depth.waiting, depth.leased, depth.dead, depth.oldest_ms is None)
        for depth in engine.depth()
    ]


def history(engine: SQLiteEngine | MemoryEngine) -> dict[str, Any]:
    """What became of each message. When the purged ones vanish is left to the engine."""
    return {
        entry.message.id: (
            entry.state,
            entry.receive_count,
            entry.duplicate_of,
            errors(entry.attempts),
            entry.reason,
        )
        for entry in engine.events(Filter(newest_first=False), None, 1_000)
        if entry.state is not State.PURGED
    }


def letters(engine: SQLiteEngine | MemoryEngine) -> list[Any]:
    found: Sequence[DeadLetter] = engine.browse(Filter(newest_first=False), None, 1_000)
    return [
        (
            letter.message,
            letter.reason,
            errors(letter.attempts),
            letter.died_at_ms,
            letter.receive_count,
            letter.superseded_by,
        )
        for letter in found
    ]


def errors(attempts: Sequence[Failure]) -> list[tuple[str, int, int]]:
    return [(failure.error, failure.at_ms, failure.attempt) for failure in attempts]


def test_the_embedded_engine_does_what_the_model_does() -> None:
    """Whatever the story, both stores look the same after every step."""
    run_state_machine_as_test(QueueMachine, settings=BOUNDED)
