"""What the tests of runs share: letters that died, a run over them, and workers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from holdfast.clock import ManualClock
from holdfast.message import Failure
from holdfast.operate.book import CONSOLE
from holdfast.operate.canary import Plan
from holdfast.operate.groups import Bench
from holdfast.operate.runs import Run, plan_run
from holdfast.operate.selection import Selection
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.testing import MemoryEngine
from sqlite_kit import message

Engine = SQLiteEngine | MemoryEngine


def buried(
    engine: Engine, clock: ManualClock, count: int, cause: str = "no", webhook: str = "orders"
) -> list[str]:
    first = engine.depth()[0].dead * 1000 + len(cause)
    made = [message(first + n, clock, webhook=webhook) for n in range(count)]
    engine.send(made)
    for lease in engine.receive(webhook, count, 60):
        engine.bury(lease.receipt, Failure("Gone", cause, "Ship", clock.now_ms(), 1, "permanent"))
    clock.advance(1)
    return [one.id for one in made]


class Workers:
    """Stands in for the workers while a run sleeps: what is waiting is worked, in order."""

    def __init__(self, engine: Engine, clock: ManualClock, failing: tuple[str, ...] = ()) -> None:
        self._engine = engine
        self._clock = clock
        self._failing = failing
        self.worked: list[str] = []
        self.before: list[int] = []
        """How many were sent before each look."""
        self.ten = asyncio.Event()
        """Set once as many were worked."""

    async def __call__(self, seconds: float) -> None:
        self._clock.advance(seconds)
        leases = self._engine.receive("orders", 1000, 60)
        self.before.append(len(leases))
        for lease in leases:
            self.worked.append(lease.message.id)
            if lease.message.id in self._failing:
                again = Failure("Gone", "no", "Ship", self._clock.now_ms(), 1, "permanent")
                self._engine.bury(lease.receipt, again)
            else:
                self._engine.settle([lease.receipt])
        if len(self.worked) >= 10:
            self.ten.set()
        await asyncio.to_thread(lambda: None)


def planned(engine: Bench, clock: ManualClock, selection: Selection, **plan: object) -> Run:
    def make(total: int) -> Plan:
        return replace(Plan(total), **plan)  # type: ignore[arg-type]  # fields by name

    return plan_run(engine, selection, make, operator="ada", via=CONSOLE, now_ms=clock.now_ms())
