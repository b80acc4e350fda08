"""The runs that this process drives, and those that it takes over from one that is gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from holdfast.clock import Clock
from holdfast.errors import HoldfastError, NotFound, StoreError
from holdfast.operate.abilities import desk_of
from holdfast.operate.book import CONSOLE, Book
from holdfast.operate.canary import Stage
from holdfast.operate.driving import Driver
from holdfast.operate.groups import Bench
from holdfast.operate.runs import Run, RunInTheWay, adopt, ask, from_record, new_owner, open_run

LOOK_SECONDS: Final = 5.0
KEPT: Final = 50
"""Runs of this process that are remembered where the engine remembers none."""


class Keeper:
    """Lives on one event loop, from `start` to `stop`. `on_step` hears of every step."""

    def __init__(
        self, bench: Bench, clock: Clock, on_step: Callable[[Run], None] = lambda _: None
    ) -> None:
        self._bench = bench
        self._clock = clock
        self._on_step = on_step
        self._owner = new_owner(CONSOLE)
        self._runs: dict[str, Run] = {}
        self._driving: dict[str, asyncio.Task[Run]] = {}
        self._drivers: dict[str, Driver] = {}
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take over what nobody drives, now and later."""
        self._looking = asyncio.get_running_loop().create_task(self._look())

    async def stop(self) -> None:
        """Let go of everything: what the store keeps is gone on with by the next console."""
        tasks: list[asyncio.Task[Any]] = list(self._driving.values())
        if self._looking is not None:
            tasks.append(self._looking)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def runs(self) -> list[Run]:
        """Those of this process, newest first."""
        return sorted(self._runs.values(), key=lambda run: run.id, reverse=True)

    async def begin(self, run: Run, book: Book, told: Mapping[str, Any]) -> Run:
        """Write it down, claim its webhooks, drive it. Raises RunInTheWay."""
        if desk_of(self._bench) is None:
            for other in self._runs.values():
                if other.active and set(other.webhooks) & set(run.webhooks):
                    raise RunInTheWay(other.id)
        now = self._clock.now_ms()
        await asyncio.to_thread(open_run, self._bench, run, self._owner, now)
        try:
            await asyncio.to_thread(
                book.note,
                "redrive",
                webhook=run.webhooks[0] if len(run.webhooks) == 1 else None,
                target=run.id,
                letters=run.plan.total,
                chosen=dict(told),
            )
        except StoreError:
            # What cannot be written down is not done, and the webhook is free for another try.
            await asyncio.to_thread(self._forget, run)
            raise
        self._stepped(run)
        self._drive(run)
        return run

    async def ask(self, id: str, what: str, book: Book) -> Run:
        """Leave word for whoever drives it. Raises NotFound, HoldfastError."""
        mine = self._runs.get(id)
        if desk_of(self._bench) is None:
            if mine is None:
                raise NotFound(f"no run {id}")
            if not mine.active or (what == "go_on" and mine.stage is not Stage.TRIED):
                raise HoldfastError(f"the run {id} cannot be asked that: {mine.stage}")
            self._drivers[id].ask(what)
            return mine
        run = await asyncio.to_thread(ask, self._bench, id, what)
        await asyncio.to_thread(book.note, f"redrive.{what}", target=id)
        return run

    def _forget(self, run: Run) -> None:
        desk = desk_of(self._bench)
        record = desk.run(run.id) if desk is not None else None
        if desk is not None and record is not None:
            desk.keep_run(replace(record, active=False), self._owner)

    def _drive(self, run: Run) -> None:
        for id in sorted(self._runs)[:-KEPT]:
            if not self._runs[id].active:
                del self._runs[id]
        # Where the store keeps no runs, there is no other console that could go on with one.
        leave = desk_of(self._bench) is not None
        driver = Driver(self._bench, self._owner, self._clock, leave=leave, on_step=self._stepped)
        task = asyncio.get_running_loop().create_task(self._driven(driver, run))
        self._driving[run.id], self._drivers[run.id] = task, driver

        def ended(_: object) -> None:
            del self._driving[run.id], self._drivers[run.id]

        task.add_done_callback(ended)

    async def _driven(self, driver: Driver, run: Run) -> Run:
        try:
            ended = await driver.drive(run)
        except Exception as error:
            # The store went away in the middle: it is still active there, and looked for again.
            ended = replace(self._runs[run.id], reason=f"{type(error).__name__}: {error}")
            if desk_of(self._bench) is None:
                ended = replace(ended, stage=Stage.CUT, ended_at_ms=self._clock.now_ms())
        self._stepped(ended)
        return ended

    def _stepped(self, run: Run) -> None:
        if self._runs.get(run.id) != run:
            self._runs[run.id] = run
            self._on_step(run)

    async def _look(self) -> None:
        while True:
            with contextlib.suppress(StoreError):
                for run in await asyncio.to_thread(self._adopted):
                    self._stepped(run)
                    if run.active:
                        self._drive(run)
            await asyncio.sleep(LOOK_SECONDS)

    def _adopted(self) -> list[Run]:
        desk = desk_of(self._bench)
        if desk is None:
            return []
        found = []
        for record in desk.runs(active=True):
            if record.id in self._driving:
                continue
            if record.owner == self._owner:
                found.append(from_record(record))
            elif (run := adopt(self._bench, record, self._owner, self._clock.now_ms())) is not None:
                found.append(run)
        return found
