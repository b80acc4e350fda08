"""events, events show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, cast

import typer

from holdfast.cli.narrowing import Came, EventOptions
from holdfast.cli.options import (
    ListLimitOption,
    Output,
    OutputOption,
    StoreOption,
    UntilOption,
    command,
    engine_on,
    with_options,
)
from holdfast.cli.output import age, hint, print_json, print_rows
from holdfast.cli.pages import print_entry, print_refusal
from holdfast.clock import SYSTEM_CLOCK
from holdfast.operate import lookup
from holdfast.operate.abilities import need_archive
from holdfast.operate.fields import entry_fields, fields_of, refusal_fields
from holdfast.operate.finding import Criteria, Finder, History, Page
from holdfast.operate.sent_back import sent_back
from holdfast.queue.contract import Entry, Refusal, State
from holdfast.runtime.store import DEFAULT_STORE

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.callback(invoke_without_command=True)
@with_options
def list_events(
    context: typer.Context,
    options: EventOptions,
    until: UntilOption = None,
    limit: ListLimitOption = 20,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """What came in, newest first, also what was refused and why."""
    if context.invoked_subcommand is not None:
        return
    criteria = options.criteria(until)
    with engine_on(store) as engine:
        need_archive(engine)
        lookup.known_webhook(engine, options.webhook)
        finder = Finder(cast(History, engine), None, SYSTEM_CLOCK)
        pages = {
            None: finder.both,
            Came.REFUSED: finder.refusals,
        }.get(options.state, finder.events)
        # One more than shown tells whether there are more.
        found = _found(pages, criteria, limit + 1)
    newest = found[:limit]
    if output is Output.JSON:
        print_json([fields_of(one) for one in newest])
        return
    print_rows([_row(one) for one in newest], "nothing such came in")
    if len(found) > len(newest):
        hint(f"these are the newest {limit}; older ones with --limit or --until")
    if newest:
        hint(f"one in full: {command('events show ID', store)}")


def _found(
    pages: Callable[[Criteria, str | None, int], Page], criteria: Criteria, limit: int
) -> list[Entry | Refusal]:
    """As many as are wanted, however long that takes: somebody waits who can press Ctrl-C."""
    found: list[Entry | Refusal] = []
    after: str | None = None
    while True:
        page = pages(criteria, after, limit - len(found))
        found += page.found
        after = page.after
        if after is None or len(found) >= limit:
            return found


def _row(one: Entry | Refusal) -> dict[str, Any]:
    if isinstance(one, Refusal):
        return {
            "id": one.id,
            "age": age(one.at_ms),
            "webhook": one.webhook or one.path,
            "state": "refused",
            "attempts": None,
            "bytes": len(one.body) or None,
            "why": f"{one.status} {one.reason}: {one.detail}",
        }
    why = one.reason or (f"duplicate of {one.duplicate_of}" if one.duplicate_of else "")
    last = one.failure.error if one.failure else ""
    return {
        "id": one.message.id,
        "age": age(one.message.received_at_ms),
        "webhook": one.message.webhook,
        "state": one.state.value,
        "attempts": one.receive_count,
        "bytes": len(one.message.request.body),
        "why": f"{why} {last}".strip(),
    }


@app.command("show")
def show(
    id: Annotated[
        str,
        typer.Argument(metavar="ID", help="The event's or the refusal's id, or its beginning."),
    ],
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """One event, or refusal, in full: what came, and what happened to it."""
    with engine_on(store) as engine:
        archive = need_archive(engine)
        found = lookup.event_or_refusal(archive, id)
        runs = archive.executions(found.message.id) if isinstance(found, Entry) else []
        redrives = sent_back(engine, found.message.id) if isinstance(found, Entry) else []
    if isinstance(found, Refusal):
        if output is Output.JSON:
            print_json(refusal_fields(found))
        else:
            print_refusal(found, command(f"events show {found.id} --output json", store))
    elif output is Output.JSON:
        print_json(entry_fields(found, runs, redrives))
    else:
        whole = command(f"events show {found.message.id} --output json", store)
        print_entry(found, runs, redrives, whole)
        _suggest(found, store)


def _suggest(entry: Entry, store: str) -> None:
    if entry.state is State.DEAD:
        hint(f"\nsend it back: {command(f'dead redrive --id {entry.message.id}', store)}")
    else:
        hint(f"\nsend it through again: {command(f'replay {entry.message.id}', store)}")
    hint(f"in the console: {command(f'open {entry.message.id}', store)}")
