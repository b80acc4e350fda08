"""What every claim of the suite stands on: a clock, two holders over one store, some messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

import pytest

from holdfast.clock import Clock, ManualClock
from holdfast.message import DeadLetter, Failure, Headers, Lease, Message, Request
from holdfast.queue.contract import ABILITIES, Archive, Engine, Entry, Filter, QueueLimits, walk

ORDERS = "orders"
REFUNDS = "refunds"
DAY = 86_400.0
LIMITS = QueueLimits(retention_seconds=7 * DAY, dead_retention_seconds=14 * DAY)


class EngineUnderTest(Engine, Archive, Protocol):
    """An engine with all its views, and with the two verbs that stage a crash.

    An engine without the ability `archive` or `alone` is never asked for what belongs to it.
    """

    def reclaim(self, holder: str) -> None:
        """Free what a dead holder held."""
        ...

    def abandon(self) -> None:
        """End as a crash would: drop everything, tell nobody."""
        ...


class Ground(ABC):
    """The parts that tests are written with. Subclasses say how to open the engine."""

    @abstractmethod
    def open(self, clock: Clock, holder: str) -> EngineUnderTest:
        """Open the store of this test as the process called `holder` would.

        Called several times in one test, always over the same store; every test has its own.
        """

    @cached_property
    def clock(self) -> ManualClock:
        return ManualClock()

    @cached_property
    def opened(self) -> list[EngineUnderTest]:
        return []

    @cached_property
    def engine(self) -> EngineUnderTest:
        """The first holder."""
        return self.another("first", LIMITS)

    @cached_property
    def other(self) -> EngineUnderTest:
        """A second holder over the same store."""
        assert self.engine
        return self.another("second")

    def another(self, holder: str, limits: QueueLimits | None = None) -> EngineUnderTest:
        """One more holder over the same store. Limits, if given, are set for both webhooks."""
        engine = self.open(self.clock, holder)
        self.opened.append(engine)
        if limits is not None:
            engine.configure({ORDERS: limits, REFUNDS: limits})
        return engine

    def teardown_method(self) -> None:
        for engine in self.opened:
            engine.close()

    def needs(self, ability: str) -> None:
        """Skip what this engine says it cannot do, and name it."""
        assert ability in ABILITIES
        if ability not in self.engine.abilities:
            pytest.skip(f"{self.engine.name} does not have the ability {ability!r}")

    # -- Messages

    @cached_property
    def made(self) -> list[Message]:
        return []

    def message(self, body: bytes = b"{}", webhook: str = ORDERS) -> Message:
        """A message that arrives now. Ids follow one another."""
        now_ms = self.clock.now_ms()
        headers = Headers.of({"content-type": "application/json"})
        request = Request("POST", f"/{webhook}", "", headers, body)
        message = Message(f"{now_ms:012x}{len(self.made):020x}", webhook, now_ms, request)
        self.made.append(message)
        return message

    def send(
        self, count: int = 1, webhook: str = ORDERS, delay_seconds: float = 0
    ) -> list[Message]:
        """Send that many new messages in one call."""
        messages = [self.message(webhook=webhook) for _ in range(count)]
        kept = self.engine.send(messages, delay_seconds)
        assert kept == [None] * count
        return messages

    def receive(
        self, engine: EngineUnderTest | None = None, limit: int = 10, lease_seconds: float = 30
    ) -> list[Lease]:
        """What the first holder, or another, is handed out now."""
        return (engine or self.engine).receive(ORDERS, limit, lease_seconds)

    def lease(self, engine: EngineUnderTest | None = None, lease_seconds: float = 30) -> Lease:
        """The one message that is handed out now."""
        (lease,) = self.receive(engine, lease_seconds=lease_seconds)
        return lease

    def sent_and_leased(self) -> Lease:
        """A new message, in the hands of the first holder."""
        self.send()
        return self.lease()

    def stale(self) -> Lease:
        """A lease of the first holder whose message is now in the hands of the second."""
        lease = self.sent_and_leased()
        self.clock.advance(31)
        assert ids(self.receive(self.other)) == [lease.message.id]
        return lease

    def failure(self, error: str = "ValueError", reason: str = "", attempt: int = 1) -> Failure:
        return Failure(error, f"{error} was raised", "Handle", self.clock.now_ms(), attempt, reason)

    def buried(self, reason: str = "permanent", error: str = "ValueError") -> Message:
        """A new message, in dead letters."""
        lease = self.sent_and_leased()
        assert self.engine.bury(lease.receipt, self.failure(error, reason))
        return lease.message

    def in_order(self, received: Sequence[str]) -> list[str]:
        """These ids as they came, if this engine hands out in order; else sorted, as they are sent."""
        return list(received) if "ordered" in self.engine.abilities else sorted(received)

    # -- What became of them

    def dead(self) -> list[DeadLetter]:
        """All dead letters, oldest first."""
        return list(walk(self.engine, Filter(newest_first=False)))

    def counts(self, webhook: str = ORDERS) -> tuple[int, int, int]:
        """Waiting, leased, dead."""
        (depth,) = (depth for depth in self.engine.depth() if depth.webhook == webhook)
        return depth.waiting, depth.leased, depth.dead

    def entry(self, message: Message) -> Entry:
        """What the archive says about it."""
        (entry,) = self.engine.events(Filter(id=message.id))
        return entry

    def upkeep(self) -> None:
        """Let the engine finish its upkeep."""
        for _ in range(1000):
            if not self.engine.maintain():
                return
        pytest.fail("maintain() said a thousand times that there is more to do")

    def crash(self, engine: EngineUnderTest, holder: str) -> None:
        """The process called `holder` dies, and somebody notices."""
        survivor = self.other if engine is self.engine else self.engine
        engine.abandon()
        self.opened.remove(engine)
        survivor.reclaim(holder)


def ids(found: Sequence[Lease] | Sequence[DeadLetter] | Sequence[Entry]) -> list[str]:
    return [one.message.id for one in found]


def sent_ids(messages: Sequence[Message]) -> list[str]:
    return [message.id for message in messages]


def settled(answers: Sequence[bool]) -> Mapping[bool, int]:
    """How many were, how many were not."""
    return {answer: list(answers).count(answer) for answer in (True, False)}
