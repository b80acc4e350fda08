"""events, events show, replay."""

from __future__ import annotations

import heapq
from typing import Annotated, Any

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
from holdfast.cli.output import (
    console,
    entry_fields,
    print_json,
    print_page,
    print_rows,
    refusal_fields,
    when,
)
from holdfast.cli.progress import work_through
from holdfast.clock import SYSTEM_CLOCK
from holdfast.errors import NotFound
from holdfast.operate.replay import replay as replay_entries
from holdfast.operate.selection import Selection
from holdfast.operate.selection import events as select_events
from holdfast.queue.contract import Entry, Filter, Refusal, State
from holdfast.runtime.assembly import DEFAULT_STORE

app = typer.Typer(help="What came in, also what was refused and why.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def list_events(
    context: typer.Context,
    webhook: WebhookOption = None,
    state: Annotated[
        str | None, typer.Option(help="waiting, leased, done, dead, purged or refused.")
    ] = None,
    since: SinceOption = None,
    limit: LimitOption = 20,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """The newest events and refusals."""
    if context.invoked_subcommand is not None:
        return
    known = [one.value for one in State]
    if state is not None and state not in (*known, "refused"):
        raise typer.BadParameter(f"--state is one of {', '.join(known)} or refused")
    wanted = Filter(
        webhook=webhook,
        state=State(state) if state in known else None,
        since_ms=parse_time(since),
    )
    with engine_on(store) as engine:
        came = [] if state == "refused" else engine.events(wanted, None, limit)
        refused = [] if state in known else engine.refusals(wanted, None, limit)
    rows: list[tuple[int, Entry | Refusal]] = [(one.message.received_at_ms, one) for one in came]
    rows += [(one.at_ms, one) for one in refused]
    newest = heapq.nlargest(limit, rows, key=lambda row: row[0])
    if output is Output.JSON:
        print_json([_fields(one) for _, one in newest])
    else:
        print_rows(output, [_row(one) for _, one in newest], "nothing came in yet")


def _fields(one: Entry | Refusal) -> dict[str, Any]:
    return entry_fields(one) if isinstance(one, Entry) else refusal_fields(one)


def _row(one: Entry | Refusal) -> dict[str, Any]:
    if isinstance(one, Refusal):
        return {
            "id": one.id,
            "received": when(one.at_ms),
            "webhook": one.webhook or one.path,
            "state": "refused",
            "attempts": 0,
            "bytes": len(one.body),
            "why": f"{one.status} {one.reason}: {one.detail}",
        }
    last = one.attempts[-1] if one.attempts else None
    why = one.reason or (f"duplicate of {one.duplicate_of}" if one.duplicate_of else None)
    return {
        "id": one.message.id,
        "received": when(one.message.received_at_ms),
        "webhook": one.message.webhook,
        "state": one.state.value,
        "attempts": one.receive_count,
        "bytes": len(one.message.request.body),
        "why": " ".join(filter(None, (why, last.error if last else None))) or None,
    }


@app.command("show")
def show(
    id: Annotated[str, typer.Argument(help="The event's or the refusal's id.")],
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """One event, or refusal, in full."""
    with engine_on(store) as engine:
        entries = engine.events(Filter(id=id), None, 1)
        if entries:
            print_page(output, entry_fields(entries[0], engine.executions(id)))
            return
        refusals = engine.refusals(Filter(id=id), None, 1)
    if not refusals:
        raise NotFound(f"no event and no refusal {id}")
    print_page(output, refusal_fields(refusals[0]))


def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Event ids.")] = None,
    webhook: WebhookOption = None,
    state: Annotated[str | None, typer.Option(help="Only events in this state.")] = None,
    since: SinceOption = None,
    until: Annotated[str | None, typer.Option("--until", help="Only before then.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="At most.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", min=0.01, help="Events a second.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which.")] = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send past events through again, each under a new id."""
    if not ids and webhook is None and since is None:
        raise typer.BadParameter("say which: event ids, --webhook or --since")
    selection = Selection(
        ids=tuple(ids or ()),
        filter=Filter(
            webhook=webhook,
            state=State(state) if state else None,
            since_ms=parse_time(since),
            until_ms=parse_time(until),
        ),
        limit=limit,
    )
    new: list[str] = []
    with engine_on(store) as engine:
        entries = select_events(engine, selection)

        def act(chunk: Any) -> int:
            made = replay_entries(engine, chunk, SYSTEM_CLOCK.now_ms())
            new.extend(made)
            return len(made)

        if not dry_run:
            work_through(entries, act, rate=rate, what="replayed", output=output)
    if output is Output.JSON:
        selected = [entry.message.id for entry in entries]
        print_json({"selected": selected, "replayed": new, "dry_run": dry_run})
    elif dry_run:
        console.print(f"{len(entries)} events would be replayed")
