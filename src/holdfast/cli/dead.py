"""dead, dead show, dead redrive, dead purge."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from holdfast.cli.fields import letter_fields
from holdfast.cli.options import (
    DryRunOption,
    ErrorOption,
    IdOption,
    ListLimitOption,
    Output,
    OutputOption,
    RateOption,
    ReasonOption,
    SinceOption,
    StoreOption,
    UntilOption,
    WebhookOption,
    WorkLimitOption,
    command,
    engine_on,
    parse_time,
)
from holdfast.cli.output import age, console, count, hint, print_json, print_rows
from holdfast.cli.pages import print_letter
from holdfast.cli.progress import end, tell, work_through
from holdfast.clock import SYSTEM_CLOCK
from holdfast.message import DeadLetter
from holdfast.operate import lookup
from holdfast.operate.selection import Selection, dead_ids
from holdfast.queue.contract import Filter
from holdfast.runtime.store import DEFAULT_STORE

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.callback(invoke_without_command=True)
def list_dead(
    context: typer.Context,
    webhook: WebhookOption = None,
    reason: ReasonOption = None,
    error: ErrorOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ListLimitOption = 20,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """What could not be worked, newest first: why, and the way back."""
    if context.invoked_subcommand is not None:
        return
    wanted = _filter(webhook, reason, error, since, until)
    with engine_on(store) as engine:
        lookup.known_webhook(engine, webhook)
        # One more than shown tells whether there are more.
        letters = engine.browse(wanted, None, limit + 1)
    if output is Output.JSON:
        print_json([letter_fields(letter) for letter in letters[:limit]])
        return
    print_rows([_row(letter) for letter in letters[:limit]], "no dead letters")
    if len(letters) > limit:
        hint(f"these are the newest {limit}; older ones with --limit or --until")
    if letters:
        hint(f"one in full:       {command('dead show ID', store)}")
        hint(f"back to the queue: {command('dead redrive --dry-run', store)}")


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
    id: Annotated[str, typer.Argument(help="The message id, or its beginning.")],
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """One dead letter in full, with every attempt."""
    with engine_on(store) as engine:
        letter = lookup.dead_letter(engine, id)
        # Without a history, the letter's own attempts have to tell.
        archive = lookup.archive_of(engine) if "archive" in engine.abilities else None
        runs = archive.executions(letter.message.id) if archive else []
    if output is Output.JSON:
        print_json(letter_fields(letter, runs))
        return
    id = letter.message.id
    print_letter(letter, runs, command(f"dead show {id} --output json", store))
    hint(f"\nsend it back: {command(f'dead redrive --id {id}', store)}")


@app.command("redrive")
def redrive(
    id: IdOption = None,
    webhook: WebhookOption = None,
    reason: ReasonOption = None,
    error: ErrorOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: WorkLimitOption = None,
    rate: RateOption = None,
    dry_run: DryRunOption = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send dead letters back to their queue. Without a filter: all of them."""
    wanted = Selection(tuple(id or ()), _filter(webhook, reason, error, since, until), limit)
    with engine_on(store) as engine:
        selected = dead_ids(engine, wanted, SYSTEM_CLOCK.now_ms())
        outcome = work_through(
            [] if dry_run else selected,
            lambda chunk: sum(engine.redrive(chunk)),
            what="redriven",
            rate=rate,
        )
    if output is Output.JSON:
        print_json(
            {
                "dry_run": dry_run,
                "selected": selected,
                "redriven": outcome.done,
                "stopped": outcome.cancelled,
            }
        )
    elif dry_run:
        for one in selected:
            console.print(one)
        console.print(f"{count(len(selected), 'dead letter')} would be redriven")
    else:
        console.print(tell(outcome, "redriven"))
    end(outcome)


@app.command("purge")
def purge(
    id: IdOption = None,
    webhook: WebhookOption = None,
    reason: ReasonOption = None,
    error: ErrorOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: WorkLimitOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: DryRunOption = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Remove dead letters for good. Asks first. Without a filter: all of them."""
    wanted = Selection(tuple(id or ()), _filter(webhook, reason, error, since, until), limit)
    with engine_on(store) as engine:
        selected = dead_ids(engine, wanted, SYSTEM_CLOCK.now_ms())
        if selected and not yes and not dry_run:
            _confirm(len(selected))
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
        raise typer.BadParameter("nobody is there to ask; say --yes")
    typer.confirm(f"Remove {count(number, 'dead letter')} for good?", abort=True, err=True)


def _filter(
    webhook: str | None,
    reason: str | None,
    error: str | None,
    since: str | None,
    until: str | None,
) -> Filter:
    return Filter(
        webhook=webhook,
        reason=reason,
        error=error,
        since_ms=parse_time(since),
        until_ms=parse_time(until),
    )
