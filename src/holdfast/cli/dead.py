"""dead, dead show, dead purge; the other commands below `dead` stand beside this."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated, Any

import typer

from holdfast.cli import letters
from holdfast.cli.choosing import ChosenLetters, LetterOptions, noted
from holdfast.cli.options import (
    AllOption,
    DryRunOption,
    GroupOption,
    ListLimitOption,
    Output,
    OutputOption,
    ParkedOption,
    StoreOption,
    WrongUsage,
    command,
    engine_on,
    with_options,
)
from holdfast.cli.output import age, console, count, hint, print_json, print_rows
from holdfast.cli.pages import print_letter
from holdfast.cli.progress import end, tell, work_through
from holdfast.cli.redrive import redrive
from holdfast.clock import SYSTEM_CLOCK
from holdfast.message import DeadLetter
from holdfast.operate import lookup
from holdfast.operate.abilities import archive_of
from holdfast.operate.fields import letter_fields
from holdfast.operate.groups import LetterOrder
from holdfast.operate.groups import group as find_group
from holdfast.operate.groups import letters as browse_letters
from holdfast.operate.selection import dead_ids
from holdfast.operate.sent_back import sent_back
from holdfast.runtime.store import DEFAULT_STORE

app = typer.Typer(rich_markup_mode=None, add_completion=False)
app.command("groups")(letters.groups)
app.command("dry-run")(letters.dry_run)
app.command("redrive")(redrive)
app.command("park")(letters.park)
app.command("unpark")(letters.unpark)


@app.callback(invoke_without_command=True)
@with_options
def list_dead(
    context: typer.Context,
    filters: LetterOptions,
    group: GroupOption = None,
    parked: ParkedOption = False,
    sort: Annotated[
        LetterOrder,
        typer.Option("--sort", help="First: what died last, or what has been dead the longest."),
    ] = LetterOrder.RECENT,
    limit: ListLimitOption = 20,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """What could not be worked, why, and the way back.

    What died last comes first.
    """
    if context.invoked_subcommand is not None:
        return
    wanted = sort.over(filters.filter(parked=parked))
    with engine_on(store) as engine:
        lookup.known_webhook(engine, wanted.webhook)
        if group is not None:
            wanted = replace(wanted, group=find_group(engine, group).id)
        # One more than shown tells whether there are more.
        found = browse_letters(engine, wanted, None, limit + 1)
        aside = 0 if found or parked else letters.count_parked(engine, wanted.webhook)
    if output is Output.JSON:
        print_json([letter_fields(letter) for letter in found[:limit]])
        return
    none = letters.none_told(aside, such=filters.given or group is not None)
    print_rows([_row(letter) for letter in found[:limit]], none)
    if len(found) > limit:
        hint(f"these are the first {limit}; more with --limit")
    if found:
        hint(f"as few problems:   {command('dead groups', store)}")
        hint(f"one in full:       {command('dead show ID', store)}")
        hint(f"back to the queue: {command('dead redrive --dry-run', store)}")
    elif aside:
        hint(f"those:             {command('dead --parked', store)}")


def _row(letter: DeadLetter) -> dict[str, Any]:
    failure = letter.failure
    error = failure.error if failure else ""
    where = f" in {failure.state}" if failure and failure.state else ""
    later = f", superseded by {letter.superseded_by}" if letter.superseded_by else ""
    return {
        "id": letter.message.id,
        "died": age(letter.died_at_ms),
        "webhook": letter.message.webhook,
        "reason": letter.reason,
        "attempts": letter.receive_count,
        "error": f"{error}{where}{later}".lstrip(" ,"),
    }


@app.command("show")
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="The message id, or its beginning.")],
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """One dead letter in full, with every attempt."""
    with engine_on(store) as engine:
        letter = lookup.dead_letter(engine, id)
        # Without a history, the letter's own attempts have to tell.
        archive = archive_of(engine)
        runs = archive.executions(letter.message.id) if archive else []
        redrives = sent_back(engine, letter.message.id)
    if output is Output.JSON:
        print_json(letter_fields(letter, runs, redrives))
        return
    id = letter.message.id
    print_letter(letter, runs, redrives, command(f"dead show {id} --output json", store))
    hint(f"\nsend it back:     {command(f'dead redrive --id {id}', store)}")
    hint(f"out of the way:   {command(f'dead park --id {id}', store)}")
    hint(f"in the console:   {command(f'open {id}', store)}")


@app.command("purge")
@with_options
def purge(
    chosen: ChosenLetters,
    all: AllOption = False,
    parked: ParkedOption = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: DryRunOption = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Remove dead letters for good. Asks first.

    --id, --group, a filter or --all say which; a dry run without any lists them all.
    """
    chosen.insist(all, dry_run=dry_run)
    with engine_on(store) as engine:
        selection = chosen.selection(engine, parked=parked)
        selected = dead_ids(engine, selection, SYSTEM_CLOCK.now_ms())
        if selected and not yes and not dry_run:
            _confirm(len(selected))
        if not dry_run:
            noted(engine, "purge", selection, selected)
        outcome = work_through(
            [] if dry_run else selected, lambda chunk: sum(engine.purge(chunk)), what="purged"
        )
    if output is Output.JSON:
        print_json(
            {
                "dry_run": dry_run,
                "selected": selected,
                "purged": outcome.done,
                "stopped": outcome.cancelled,
            }
        )
    elif dry_run:
        for one in selected:
            console.print(one)
        console.print(f"{count(len(selected), 'dead letter')} would be removed for good")
    else:
        console.print(tell(outcome, "purged"))
    end(outcome)


def _confirm(number: int) -> None:
    if not sys.stdin.isatty():
        raise WrongUsage("nobody is there to ask; say --yes")
    typer.confirm(f"Remove {count(number, 'dead letter')} for good?", abort=True, err=True)
