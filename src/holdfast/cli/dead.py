"""dead, dead show, dead redrive, dead purge."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from holdfast.cli.options import (
    LimitOption,
    Output,
    OutputOption,
    SinceOption,
    StoreOption,
    WebhookOption,
    engine_on,
    parse_time,
)
from holdfast.cli.output import console, letter_fields, print_json, print_page, print_rows, when
from holdfast.cli.progress import work_through
from holdfast.clock import SYSTEM_CLOCK
from holdfast.errors import NotFound
from holdfast.operate.selection import Selection, dead_ids
from holdfast.queue.contract import Filter
from holdfast.runtime.assembly import DEFAULT_STORE

app = typer.Typer(help="What could not be worked: why, and the way back.", no_args_is_help=False)

IdOption = Annotated[list[str] | None, typer.Option("--id", help="This one; repeatable.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="exhausted, expired, ...")]
ErrorOption = Annotated[str | None, typer.Option("--error", help="The last error's name.")]
AtMostOption = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="At most so many.")]


@app.callback(invoke_without_command=True)
def list_dead(
    context: typer.Context,
    webhook: WebhookOption = None,
    reason: ReasonOption = None,
    error: ErrorOption = None,
    since: SinceOption = None,
    limit: LimitOption = 20,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """The newest dead letters."""
    if context.invoked_subcommand is not None:
        return
    wanted = Filter(webhook=webhook, reason=reason, error=error, since_ms=parse_time(since))
    with engine_on(store) as engine:
        letters = engine.browse(wanted, None, limit)
    if output is Output.JSON:
        print_json([letter_fields(letter) for letter in letters])
        return
    rows = [
        {
            "id": letter.message.id,
            "died": when(letter.died_at_ms),
            "webhook": letter.message.webhook,
            "reason": letter.reason,
            "attempts": letter.receive_count,
            "error": letter.failure.error if letter.failure else None,
            "state": letter.failure.state or None if letter.failure else None,
            "superseded_by": letter.superseded_by,
        }
        for letter in letters
    ]
    print_rows(output, rows, "no dead letters")


@app.command("show")
def show(
    id: Annotated[str, typer.Argument(help="The message id.")],
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """One dead letter in full, with every attempt."""
    with engine_on(store) as engine:
        letters = engine.browse(Filter(id=id), None, 1)
    if not letters:
        raise NotFound(f"no dead letter {id}")
    print_page(output, letter_fields(letters[0]))


@app.command("redrive")
def redrive(
    id: IdOption = None,
    webhook: WebhookOption = None,
    reason: ReasonOption = None,
    error: ErrorOption = None,
    since: SinceOption = None,
    limit: AtMostOption = None,
    rate: Annotated[
        float | None, typer.Option("--rate", min=0.01, help="Letters a second.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which.")] = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send dead letters back to their queue. Without a filter: all of them."""
    selection = _selection(id, webhook, reason, error, since, limit)
    with engine_on(store) as engine:
        ids = dead_ids(engine, selection, SYSTEM_CLOCK.now_ms())
        done = 0
        if not dry_run:
            outcome = work_through(
                ids,
                lambda chunk: sum(engine.redrive(chunk)),
                rate=rate,
                what="redriven",
                output=output,
            )
            done = outcome.done
    if output is Output.JSON:
        print_json({"selected": ids, "redriven": done, "dry_run": dry_run})
    elif dry_run:
        for one in ids:
            console.print(one)
        console.print(f"{len(ids)} dead letters would be redriven")


@app.command("purge")
def purge(
    id: IdOption = None,
    webhook: WebhookOption = None,
    reason: ReasonOption = None,
    error: ErrorOption = None,
    since: SinceOption = None,
    limit: AtMostOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Remove dead letters for good. Asks first; without a filter: all of them."""
    selection = _selection(id, webhook, reason, error, since, limit)
    with engine_on(store) as engine:
        ids = dead_ids(engine, selection, SYSTEM_CLOCK.now_ms())
        if ids and not yes:
            if not sys.stdin.isatty():
                raise typer.BadParameter("nobody is there to ask; say --yes")
            typer.confirm(f"Remove {len(ids)} dead letters for good?", abort=True)
        outcome = work_through(
            ids,
            lambda chunk: sum(engine.purge(chunk)),
            rate=None,
            what="purged",
            output=output,
        )
    if output is Output.JSON:
        print_json({"selected": ids, "purged": outcome.done})


def _selection(
    id: list[str] | None,
    webhook: str | None,
    reason: str | None,
    error: str | None,
    since: str | None,
    limit: int | None,
) -> Selection:
    wanted = Filter(webhook=webhook, reason=reason, error=error, since_ms=parse_time(since))
    return Selection(ids=tuple(id or ()), filter=wanted, limit=limit)
