"""Doing one event again, in the way that fits what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from holdfast.clock import Clock
from holdfast.errors import HoldfastError, NotFound, NotSupported
from holdfast.operate import lookup
from holdfast.operate.abilities import archive_of
from holdfast.operate.book import Book, Who
from holdfast.operate.canary import Plan, StopAt
from holdfast.operate.driving import Driver
from holdfast.operate.replay import replay
from holdfast.operate.runs import new_owner, open_run, plan_run
from holdfast.operate.selection import Selection
from holdfast.queue.contract import Archive, Engine, Entry, Refusal, State


class NotRetried(HoldfastError):
    """As things are, it cannot be done again, or need not be. The message says why."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What was done. `copy`: the id under which it goes through once more, where it is a replay."""

    id: str
    how: Literal["redriven", "replayed"]
    copy: str | None = None

    def __str__(self) -> str:
        if self.copy is not None:
            return f"replayed as {self.copy}"
        return "redriven: back in its queue"


def retry(engine: Engine, id: str, who: Who, clock: Clock) -> Retried:
    """A dead letter is redriven, what is over is replayed; written down before it is done.

    id: whole, or its beginning. Raises NotRetried for what is not over yet, NotFound, StoreError,
    RunInTheWay, and NotSupported for what was refused.
    """
    archive = archive_of(engine)
    if archive is None:
        return _redrive(engine, lookup.dead_letter(engine, id).message.id, who, clock)
    found = lookup.event_or_refusal(archive, id)
    if isinstance(found, Refusal):
        raise NotSupported(
            f"{found.id} was refused, so it was never kept; only its sender can send it again"
        )
    if found.state is State.DEAD:
        return _redrive(engine, found.message.id, who, clock)
    if found.state in (State.WAITING, State.LEASED):
        raise NotRetried(f"{found.message.id} is not over yet: it is still going to be worked")
    return _replay(engine, archive, found, who, clock)


def _replay(engine: Engine, archive: Archive, entry: Entry, who: Who, clock: Clock) -> Retried:
    message = entry.message
    Book(engine, who, clock).note("replay", webhook=message.webhook, target=message.id, events=1)
    made = replay(engine, archive, [message.id], clock.now_ms())
    if message.id not in made:
        raise NotFound(f"{message.id} is no longer kept")
    return Retried(message.id, "replayed", made[message.id])


def _redrive(engine: Engine, id: str, who: Who, clock: Clock) -> Retried:
    """As a run of one letter, so that its event tells who did it."""
    now = clock.now_ms()

    def plan(total: int) -> Plan:
        return Plan(total=total, stop_at=StopAt(), watch=False)

    selection = Selection((id,))
    run = plan_run(engine, selection, plan, operator=who.name, via=who.via, now_ms=now)
    owner = new_owner(who.via)

    def note() -> None:
        webhook = run.webhooks[0] if run.webhooks else None
        Book(engine, who, clock).note("redrive", webhook=webhook, target=run.id, letters=1)

    open_run(engine, run, owner, now, note)
    ended = asyncio.run(Driver(engine, owner, clock).drive(run))
    if not ended.sent:
        raise NotRetried(f"{id} is no dead letter any more")
    return Retried(id, "redriven")
