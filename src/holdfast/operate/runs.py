"""Redriving as a run: which letters, how fast, until when; kept in the store while it goes.

    run = plan_run(bench, selection, plan, ...)    what would be sent back, and by which steps
    open_run(bench, run, owner, now_ms)            one at a time per webhook
    await Driver(...).drive(run)                   see `holdfast.operate.driving`

Letters are not listed anywhere: a run selects what had died when it was opened, in the order of
ids, and remembers the last one it sent. So another process can go on where one was lost.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from holdfast.errors import HoldfastError, NotFound, StoreError
from holdfast.message import new_message_id
from holdfast.operate import lookup
from holdfast.operate.abilities import desk_of
from holdfast.operate.book import CONSOLE
from holdfast.operate.canary import ENDS, Plan, Stage, StopAt
from holdfast.operate.groups import Bench, count_groups, group
from holdfast.operate.selection import Selection
from holdfast.queue.contract import Filter
from holdfast.queue.fingerprint import VERSION
from holdfast.queue.views import RunOutcome, RunRecord

STALE_SECONDS: Final = 15.0
"""A run whose driver was silent for so long has none."""

RESUMED_SECONDS: Final = 3_600.0
"""One that was silent for longer than that is not gone on with: the world has changed since."""


class RunInTheWay(HoldfastError):
    """Another run is active on one of the webhooks."""

    http_status = 409

    def __init__(self, id: str) -> None:
        super().__init__(f"the run {id} is under way on this webhook; wait for it, or cancel it")
        self.id = id


@dataclass(frozen=True, slots=True)
class Run:
    """One run: what was asked for, and how far it is."""

    id: str
    webhooks: tuple[str, ...]
    opened_at_ms: int
    operator: str
    via: str
    selection: Selection
    plan: Plan
    stage: Stage
    reason: str = ""
    sent: int = 0
    skipped: int = 0
    """No longer dead letters when their turn came."""
    outcome: RunOutcome = field(default_factory=RunOutcome)
    last: str | None = None
    """The id of the last letter whose turn has come."""
    ended_at_ms: int | None = None

    @property
    def active(self) -> bool:
        return self.stage not in ENDS

    @property
    def turns(self) -> int:
        """How many letters have had their turn."""
        return self.sent + self.skipped


def plan_run(
    bench: Bench,
    selection: Selection,
    plan: Callable[[int], Plan],
    *,
    operator: str,
    via: str,
    now_ms: int,
) -> Run:
    """What is selected just now, counted. Raises NotFound where an id, a group or a webhook is none.

    `plan` makes the plan for so many letters.
    """
    if selection.ids:
        letters = [lookup.dead_letter(bench, id) for id in selection.ids]
        ids = sorted({letter.message.id for letter in letters})
        chosen = Selection(ids=tuple(ids))
        webhooks = {letter.message.webhook for letter in letters}
        total = len(ids)
    else:
        lookup.known_webhook(bench, selection.filter.webhook)
        filter = selection.filter
        if filter.group is not None:
            # The beginning of its id will do; letters are found by all of it.
            filter = replace(filter, group=group(bench, filter.group).id)
        until = min(filter.until_ms or now_ms + 1, now_ms + 1)
        filter = replace(filter, until_ms=until, newest_first=False)
        if filter.id is not None:
            raise HoldfastError("a run selects by ids or by a filter, not both")
        counts = count_groups(bench, filter)
        if filter.group is not None and not counts:
            raise NotFound(f"no group {filter.group}")
        chosen = Selection(filter=filter, limit=selection.limit)
        webhooks = {count.webhook for count in counts}
        total = sum(count.count for count in counts)
        total = total if selection.limit is None else min(total, selection.limit)
    made = plan(total)
    return Run(
        id=new_message_id(now_ms),
        webhooks=tuple(sorted(webhooks)),
        opened_at_ms=now_ms,
        operator=operator,
        via=via,
        selection=chosen,
        plan=made,
        stage=Stage.TRYING if made.try_first else Stage.ROLLING,
    )


def new_owner(via: str) -> str:
    """A name for whoever drives runs in this process."""
    return f"{via}:{os.getpid()}:{secrets.token_hex(4)}"


def open_run(
    bench: Bench, run: Run, owner: str, now_ms: int, note: Callable[[], None] = lambda: None
) -> None:
    """Keep it, if no other is active on its webhooks, and write down that it is begun.

    What cannot be written down is not done: then the run is over before it began, and its webhooks
    are free. Raises RunInTheWay, StoreError.
    """
    desk = desk_of(bench)
    if desk is not None and (other := desk.open_run(to_record(run, owner, now_ms))) is not None:
        raise RunInTheWay(other)
    try:
        note()
    except StoreError as error:
        if desk is not None:
            never = replace(run, stage=Stage.CANCELLED, reason=str(error), ended_at_ms=now_ms)
            desk.keep_run(to_record(never, owner, now_ms), owner)
        raise


def ask(bench: Bench, id: str, what: str, note: Callable[[], None] = lambda: None) -> Run:
    """Ask an active run to `cancel` or to `go_on`. Raises NotFound, HoldfastError."""
    desk = desk_of(bench)
    record = desk.run(id) if desk is not None else None
    if desk is None or record is None:
        raise NotFound(f"no run {id}")
    run = from_record(record)
    check_asked(run, what)
    note()
    desk.ask_run(id, what)
    return run


def check_asked(run: Run, what: str) -> None:
    """Raises HoldfastError where a run cannot be asked that."""
    if not run.active:
        raise HoldfastError(f"the run {run.id} has ended: {run.stage}")
    if what == "go_on" and run.stage is not Stage.TRIED:
        raise HoldfastError(f"the run {run.id} does not wait to be told: {run.stage}")


def adopt(bench: Bench, record: RunRecord, owner: str, now_ms: int) -> Run | None:
    """A run that nobody drives any more: ours from here on, or cut. None: somebody was faster,
    or still drives it."""
    desk = desk_of(bench)
    if desk is None or not record.active or not _abandoned(record, now_ms):
        return None
    run = from_record(record)
    silent_seconds = (now_ms - record.beat_at_ms) / 1000
    group = run.selection.filter.group
    renamed = group is not None and not group.startswith(VERSION)
    if run.via != CONSOLE or silent_seconds > RESUMED_SECONDS:
        run = replace(run, stage=Stage.CUT, reason=_CUT, ended_at_ms=now_ms)
    elif renamed and run.stage is not Stage.SETTLING:
        # No letter is found by it: the run would end as if all of them had been sent.
        run = replace(run, stage=Stage.CUT, reason=_RENAMED, ended_at_ms=now_ms)
    # What is in the store is true, also of a step whose end nobody lived to note.
    outcome = desk.outcome(run.id)
    run = replace(run, outcome=outcome, sent=max(run.sent, outcome.sent))
    taken = desk.keep_run(to_record(run, owner, now_ms), record.owner)
    return run if taken else None


_CUT: Final = "whoever drove it ended; the letters that it had not sent are as they were"
_RENAMED: Final = (
    "its group has another name in this version; the letters that it had not sent are as they were"
)


def _abandoned(record: RunRecord, now_ms: int) -> bool:
    if abs(now_ms - record.beat_at_ms) > STALE_SECONDS * 1000:
        return True
    try:
        os.kill(int(record.owner.split(":")[1]), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError, IndexError):
        return False
    return False


def to_record(run: Run, owner: str, now_ms: int) -> RunRecord:
    """As the store keeps it."""
    filter = run.selection.filter
    document = {
        "opened_at_ms": run.opened_at_ms,
        "operator": run.operator,
        "via": run.via,
        "ids": run.selection.ids,
        "limit": run.selection.limit,
        "filter": {name: getattr(filter, name) for name in _FILTER},
        "plan": {name: getattr(run.plan, name) for name in _PLAN},
        "stop_at": str(run.plan.stop_at),
        "stage": run.stage.value,
        "reason": run.reason,
        "sent": run.sent,
        "skipped": run.skipped,
        "outcome": [run.outcome.sent, run.outcome.done, run.outcome.dead],
        "last": run.last,
        "ended_at_ms": run.ended_at_ms,
    }
    return RunRecord(run.id, run.webhooks, run.active, owner, now_ms, document)


_FILTER: Final = ("webhook", "reason", "error", "since_ms", "until_ms", "group", "parked")
_PLAN: Final = ("total", "try_first", "go_on", "rate", "watch", "patience_seconds")


def from_record(record: RunRecord) -> Run:
    """The inverse of `to_record`."""
    told = record.document
    return Run(
        id=record.id,
        webhooks=record.webhooks,
        opened_at_ms=told["opened_at_ms"],
        operator=told["operator"],
        via=told["via"],
        selection=Selection(
            ids=tuple(told["ids"]),
            filter=Filter(**told["filter"], newest_first=False),
            limit=told["limit"],
        ),
        plan=Plan(**told["plan"], stop_at=StopAt.parse(told["stop_at"])),
        stage=Stage(told["stage"]),
        reason=told["reason"],
        sent=told["sent"],
        skipped=told["skipped"],
        outcome=RunOutcome(*told["outcome"]),
        last=told["last"],
        ended_at_ms=told["ended_at_ms"],
    )
