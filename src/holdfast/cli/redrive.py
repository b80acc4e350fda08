"""dead redrive."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress

from holdfast.cli import exits
from holdfast.cli.choosing import ChosenLetters
from holdfast.cli.options import (
    AllOption,
    DryRunOption,
    Output,
    OutputOption,
    ParkedOption,
    RateOption,
    StoreOption,
    book_on,
    engine_on,
    value_of,
    with_options,
)
from holdfast.cli.output import complain, console, count, errors, print_json
from holdfast.clock import SYSTEM_CLOCK
from holdfast.errors import NotSupported
from holdfast.operate.book import COMMAND_LINE, local_user
from holdfast.operate.canary import DEFAULT_STOP_AT, Plan, Stage, StopAt
from holdfast.operate.driving import Driver
from holdfast.operate.running import find_running
from holdfast.operate.runs import Run, new_owner, open_run, plan_run
from holdfast.operate.selection import CHUNK, dead_ids
from holdfast.queue.contract import Engine
from holdfast.runtime.store import DEFAULT_STORE, describe_store, is_shared, store_path


@with_options
def redrive(
    chosen: ChosenLetters,
    all: AllOption = False,
    parked: ParkedOption = False,
    rate: RateOption = None,
    try_first: Annotated[
        int,
        typer.Option(
            "--try", min=0, metavar="COUNT", help="So many first; the others once those are done."
        ),
    ] = 0,
    stop_at: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|SHARE|never",
            help="Stop once so many (5), or such a share (20%), came back dead; with --try: 20%.",
        ),
    ] = None,
    dry_run: DryRunOption = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send dead letters back to their queue.

    --id, --group, a filter or --all say which; a dry run without any lists them all. With --try or --stop-at it watches what becomes of them, and succeeds if all of them are done.
    """
    chosen.insist(all, dry_run=dry_run)
    watched = bool(try_first) or stop_at is not None
    threshold = _threshold(stop_at) if stop_at is not None else DEFAULT_STOP_AT
    if watched and is_shared(store):
        raise NotSupported(
            f"--try and --stop-at watch what becomes of the letters, and {describe_store(store)} "
            "keeps no history that would tell; without them, --limit and --rate go gently"
        )
    with engine_on(store) as engine:
        wanted = chosen.selection(engine, parked=parked)
        now = SYSTEM_CLOCK.now_ms()
        selected = dead_ids(engine, wanted, now)
        if dry_run:
            _tell_selected(selected, output)
            return
        if watched and find_running(store_path(store)) is None:
            complain("--try and --stop-at watch what becomes of the letters, and nothing runs here")
            sys.exit(exits.FAILED)

        def plan(total: int) -> Plan:
            return Plan(
                total=total,
                try_first=try_first,
                rate=rate,
                stop_at=threshold if watched else StopAt(),
                watch=watched,
            )

        who = local_user(COMMAND_LINE)
        run = plan_run(engine, wanted, plan, operator=who.name, via=who.via, now_ms=now)
        run = _driven(engine, run)
    if output is Output.JSON:
        print_json(
            {
                "dry_run": False,
                "selected": selected,
                "redriven": run.sent,
                "stopped": run.stage in (Stage.CANCELLED, Stage.STOPPED),
                "run": run.id,
                "stage": run.stage.value,
                "reason": run.reason,
                "done": run.outcome.done,
                "dead": run.outcome.dead,
            }
        )
    else:
        console.print(escape(_told(run)))
    if run.stage is Stage.CANCELLED:
        sys.exit(exits.INTERRUPTED)
    if watched and (run.stage is not Stage.FINISHED or run.outcome.dead):
        sys.exit(exits.FAILED)


def _threshold(text: str) -> StopAt:
    with value_of("--stop-at"):
        return StopAt.parse(text)


def _tell_selected(selected: list[str], output: Output) -> None:
    if output is Output.JSON:
        print_json({"dry_run": True, "selected": selected, "redriven": 0, "stopped": False})
        return
    for one in selected:
        console.print(one)
    console.print(f"{count(len(selected), 'dead letter')} would be redriven")


def _driven(engine: Engine, run: Run) -> Run:
    """Begun, written down and driven to its end, with a bar at a terminal."""
    owner = new_owner(COMMAND_LINE)

    def note() -> None:
        if run.plan.total:
            book_on(engine).note(
                "redrive",
                webhook=run.webhooks[0] if len(run.webhooks) == 1 else None,
                target=run.id,
                letters=run.plan.total,
                group=run.selection.filter.group,
            )

    open_run(engine, run, owner, SYSTEM_CLOCK.now_ms(), note)
    slow = run.plan.watch or run.plan.rate is not None or run.plan.total > CHUNK
    with Progress(console=errors, transient=True, disable=not (errors.is_terminal and slow)) as bar:
        task = bar.add_task("redriven", total=run.plan.total)

        def step(now: Run) -> None:
            word = now.stage.value
            if now.plan.watch:
                word += f", {now.outcome.done} done, {now.outcome.dead} dead again"
            bar.update(task, completed=now.turns, description=word)

        driver = Driver(engine, owner, SYSTEM_CLOCK, on_step=step)
        return asyncio.run(driver.drive(run))


def _told(run: Run) -> str:
    """How far it got, in a line."""
    told = f"{run.sent:,} of {run.plan.total:,} redriven"
    if run.plan.watch:
        told += f"; {run.outcome.done:,} done, {run.outcome.dead:,} dead again"
    if run.stage is Stage.STOPPED:
        return f"{told}; stopped: {run.reason}, the rest are as they were"
    if run.stage is Stage.CANCELLED:
        return f"{told}; stopped, the rest are as they were"
    return f"{told}; {run.reason}" if run.reason else told
