"""events, events show."""

from __future__ import annotations

import heapq
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any

import typer

from holdfast.cli.fields import entry_fields, fields_of, refusal_fields
from holdfast.cli.options import (
    ListLimitOption,
    Output,
    OutputOption,
    ReasonOption,
    SinceOption,
    StoreOption,
    UntilOption,
    WebhookOption,
    command,
    engine_on,
    parse_time,
)
from holdfast.cli.output import age, hint, print_json, print_rows
from holdfast.cli.pages import print_entry, print_refusal
from holdfast.operate import lookup
from holdfast.queue.contract import Entry, Filter, Refusal, State
from holdfast.runtime.store import DEFAULT_STORE

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class Came(StrEnum):
    """What became of a request: the states of a message, and one for what was not kept."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"
    PURGED = "purged"
    REFUSED = "refused"


@app.callback(invoke_without_command=True)
def list_events(
    context: typer.Context,
    webhook: WebhookOption = None,
    state: Annotated[Came | None, typer.Option("--state", help="Only these.")] = None,
    reason: ReasonOption = None,
    find: Annotated[
        str | None,
        typer.Option(
            "--find", metavar="TEXT", help="Only with this in path, query, a header or the body."
        ),
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ListLimitOption = 20,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """What came in, newest first, also what was refused and why."""
    if context.invoked_subcommand is not None:
        return
    kept = State(state.value) if state and state is not Came.REFUSED else None
    wanted = Filter(
        webhook=webhook,
        state=kept,
        reason=reason,
        since_ms=parse_time(since),
        until_ms=parse_time(until),
    )
    with engine_on(store) as engine:
        archive = lookup.archive_of(engine)
        lookup.known_webhook(engine, webhook)
        # One more than shown tells whether there are more.
        came: list[Entry] = []
        refused: list[Refusal] = []
        if state is not Came.REFUSED:
            came = _found(archive.events, wanted, find, limit + 1)
        if kept is None:
            refused = _found(archive.refusals, wanted, find, limit + 1)
    both: list[Entry | Refusal] = [*came, *refused]
    newest = heapq.nlargest(limit, both, key=lookup.id_of)
    if output is Output.JSON:
        print_json([fields_of(one) for one in newest])
        return
    print_rows([_row(one) for one in newest], "nothing such came in")
    if len(both) > len(newest):
        hint(f"these are the newest {limit}; older ones with --limit or --until")
    if newest:
        hint(f"one in full: {command('events show ID', store)}")


def _found(pages: Any, filter: Filter, text: str | None, limit: int) -> list[Any]:
    if text is None:
        found: list[Any] = pages(filter, None, limit)
        return found
    return list(islice(lookup.holding(pages, filter, text), limit))


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
    last = one.attempts[-1].error if one.attempts else ""
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
    id: Annotated[str, typer.Argument(help="The event's or the refusal's id, or its beginning.")],
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """One event, or refusal, in full: what came, and what happened to it."""
    with engine_on(store) as engine:
        archive = lookup.archive_of(engine)
        found = lookup.event_or_refusal(archive, id)
        runs = archive.executions(found.message.id) if isinstance(found, Entry) else []
    if isinstance(found, Refusal):
        if output is Output.JSON:
            print_json(refusal_fields(found))
        else:
            print_refusal(found, command(f"events show {found.id} --output json", store))
    elif output is Output.JSON:
        print_json(entry_fields(found, runs))
    else:
        print_entry(found, runs, command(f"events show {found.message.id} --output json", store))
        _suggest(found, store)


def _suggest(entry: Entry, store: str) -> None:
    if entry.state is State.DEAD:
        hint(f"\nsend it back: {command(f'dead redrive --id {entry.message.id}', store)}")
    else:
        hint(f"\nsend it through again: {command(f'replay {entry.message.id}', store)}")
