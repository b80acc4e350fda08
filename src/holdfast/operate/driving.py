"""Driving a run: taking the steps that `holdfast.operate.canary` decides, and writing down each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from holdfast.clock import Clock
from holdfast.operate import canary
from holdfast.operate.abilities import archive_of, desk_of
from holdfast.operate.canary import ENDS, Enter, Send, Stage, Standing
from holdfast.operate.groups import Bench, walk_letters
from holdfast.operate.runs import Run, to_record
from holdfast.queue.contract import Filter, State
from holdfast.queue.views import RunOutcome

LOOK_SECONDS: Final = 0.5
"""How often a run looks at what became of its letters, and says that it lives."""


class Driver:
    """Takes the steps of runs. `owner`: the name under which this process drives them.

    leave: where `drive` is cancelled the run goes on elsewhere, instead of being cancelled too.
    """

    def __init__(
        self,
        bench: Bench,
        owner: str,
        clock: Clock,
        *,
        leave: bool = False,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        on_step: Callable[[Run], None] = lambda _: None,
    ) -> None:
        self._bench = bench
        self._desk = desk_of(bench)
        self._owner = owner
        self._clock = clock
        self._leave = leave
        self._sleep = sleep
        self._on_step = on_step
        self._drive: _Drive | None = None

    def ask(self, what: str) -> None:
        """Ask the run that is being driven to `cancel` or to `go_on`, where no desk takes word."""
        if self._drive is not None:
            self._drive.asked = what

    async def drive(self, run: Run) -> Run:
        """Until it ends, or another process drives it; as it then is."""
        drive = self._drive = _Drive(self._bench, run, self._owner, self._clock)
        try:
            while True:
                step = drive.decide()
                if isinstance(step, Send):
                    await _whole(drive.send, step.count)
                elif isinstance(step, Enter):
                    drive.enter(step)
                else:
                    await self._sleep(min(step.seconds or LOOK_SECONDS, LOOK_SECONDS))
                if (isinstance(step, Enter) or drive.due()) and not await _whole(drive.look):
                    return drive.run
                self._on_step(drive.run)
                if not drive.run.active:
                    return drive.run
        except asyncio.CancelledError:
            if not self._leave:
                drive.enter(Enter(Stage.CANCELLED, "an operator stopped it"))
            await asyncio.to_thread(drive.look)
            if self._leave:
                raise
            return drive.run


async def _whole(act: Callable[..., Any], *given: Any) -> Any:
    """In a thread, and to its end: what a cancelled step has done is done, and known."""
    acting = asyncio.ensure_future(asyncio.to_thread(act, *given))
    try:
        return await asyncio.shield(acting)
    except asyncio.CancelledError:
        await asyncio.wait({acting})
        raise


class _Drive:
    """One run in the hands of its driver."""

    def __init__(self, bench: Bench, run: Run, owner: str, clock: Clock) -> None:
        self.run = run
        self.asked: str | None = None
        self._bench = bench
        self._desk = desk_of(bench)
        self._owner = owner
        self._clock = clock
        self._coming = _letters(bench, run)
        self._ended = False
        self._sent: set[str] = set()
        """By this process; all that there is to go by where the engine has no desk."""
        now = clock.monotonic()
        self._sent_at = self._heard_at = now
        self._last_sent = 0
        self._looked_at = float("-inf")

    def decide(self) -> canary.Step:
        run, now = self.run, self._clock.monotonic()
        standing = Standing(
            stage=run.stage,
            sent=run.sent,
            done=run.outcome.done,
            dead=run.outcome.dead,
            left=not self._ended and run.turns < run.plan.total,
            last_sent=self._last_sent,
            since_sent_seconds=now - self._sent_at,
            quiet_seconds=now - self._heard_at,
        )
        return canary.decide(run.plan, standing, self.asked)

    def enter(self, step: Enter) -> None:
        ended_at_ms = self._clock.now_ms() if step.stage in ENDS else None
        self.run = replace(self.run, stage=step.stage, reason=step.reason, ended_at_ms=ended_at_ms)
        self._heard_at = self._clock.monotonic()
        if self.asked == "go_on":
            self.asked = None
            if self._desk is not None:
                self._desk.ask_run(self.run.id, None)

    def send(self, count: int) -> None:
        run = self.run
        ids = list(islice(self._coming, min(count, run.plan.total - run.turns)))
        self._ended = not ids
        if not ids:
            return
        if self._desk is not None:
            answers = self._desk.redrive_for(run.id, ids)
        else:
            answers = self._bench.redrive(ids)
        done = [id for id, sent in zip(ids, answers, strict=True) if sent]
        self._sent.update(done)
        self._last_sent = len(done)
        self._sent_at = self._heard_at = self._clock.monotonic()
        self.run = replace(
            run,
            sent=run.sent + len(done),
            skipped=run.skipped + len(ids) - len(done),
            last=ids[-1],
        )

    def due(self) -> bool:
        return self._clock.monotonic() - self._looked_at >= LOOK_SECONDS

    def look(self) -> bool:
        """What became of the letters, and what was asked meanwhile. False: no longer ours."""
        self._looked_at = self._clock.monotonic()
        run = self.run
        if self._desk is None:
            outcome = _outcome(self._bench, run, self._sent)
        elif run.plan.watch or not run.active:
            outcome = self._desk.outcome(run.id)
        else:
            outcome = run.outcome
        if outcome != run.outcome:
            self._heard_at = self._clock.monotonic()
            # What is in the store is true, also of a step whose end nobody lived to note.
            self.run = run = replace(run, outcome=outcome, sent=max(run.sent, outcome.sent))
        if self._desk is None:
            return True
        record = to_record(run, self._owner, self._clock.now_ms())
        if not self._desk.keep_run(record, self._owner):
            return False
        found = self._desk.run(run.id)
        self.asked = found.asked if found else None
        return True


def _letters(bench: Bench, run: Run) -> Iterator[str]:
    """The letters whose turn is still to come, oldest first."""
    if run.selection.ids:
        return (id for id in run.selection.ids if id > (run.last or ""))
    walked = walk_letters(bench, run.selection.filter, run.last)
    return (letter.message.id for letter in walked)


def _outcome(bench: Bench, run: Run, sent: set[str]) -> RunOutcome:
    """Where no desk keeps the count: which of these are dead again, and which can be done."""
    if not run.plan.watch or not sent:
        return RunOutcome(len(sent))
    since = Filter(since_ms=run.opened_at_ms)
    dead = {one.message.id for one in walk_letters(bench, since)} & sent
    archive = archive_of(bench)
    if archive is not None:
        entries = (archive.events(Filter(id=id), None, 1) for id in sent - dead)
        done = sum(bool(found) and found[0].state is State.DONE for found in entries)
    else:
        # Nobody knows of each. Once nothing is in the queue, all that did not die is done.
        depths = [one for one in bench.depth() if one.webhook in run.webhooks]
        empty = not any(one.waiting or one.leased for one in depths)
        done = len(sent) - len(dead) if empty else 0
    return RunOutcome(len(sent), done, len(dead))
