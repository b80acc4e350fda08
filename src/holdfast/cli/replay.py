"""replay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from holdfast.cli.options import (
    DryRunOption,
    Output,
    OutputOption,
    RateOption,
    SinceOption,
    StoreOption,
    UntilOption,
    WebhookOption,
    WorkLimitOption,
    WrongUsage,
    book_on,
    command,
    engine_on,
    parse_time,
)
from holdfast.cli.output import console, count, hint, print_json
from holdfast.cli.progress import end, tell, work_through
from holdfast.clock import SYSTEM_CLOCK
from holdfast.operate import lookup, selection
from holdfast.operate.abilities import need_archive
from holdfast.operate.replay import replay as replay_events
from holdfast.queue.contract import Filter, State
from holdfast.runtime.store import DEFAULT_STORE


def replay(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Event ids, or their beginnings.")
    ] = None,
    webhook: WebhookOption = None,
    state: Annotated[State | None, typer.Option("--state", help="Only these.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: WorkLimitOption = None,
    rate: RateOption = None,
    dry_run: DryRunOption = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send past events through again, each under a new id."""
    if not ids and webhook is None and since is None:
        raise WrongUsage("say which: event ids, --webhook or --since")
    if ids and any(one is not None for one in (webhook, state, since, until)):
        raise WrongUsage("either event ids, or filters; not both")
    wanted = selection.Selection(
        ids=tuple(ids or ()),
        filter=Filter(
            webhook=webhook,
            state=state,
            since_ms=parse_time(since),
            until_ms=parse_time(until, "--until"),
        ),
        limit=limit,
    )
    made: dict[str, str] = {}
    with engine_on(store) as engine:
        archive = need_archive(engine)
        lookup.known_webhook(engine, webhook)
        selected = selection.event_ids(archive, wanted, SYSTEM_CLOCK.now_ms())

        def act(chunk: Sequence[str]) -> int:
            copies = replay_events(engine, archive, chunk, SYSTEM_CLOCK.now_ms())
            made.update(copies)
            return len(copies)

        if selected and not dry_run:
            target = selected[0] if len(selected) == 1 else None
            book_on(engine).note("replay", webhook=webhook, target=target, events=len(selected))
        outcome = work_through([] if dry_run else selected, act, what="replayed", rate=rate)
    if output is Output.JSON:
        print_json(
            {
                "dry_run": dry_run,
                "selected": selected,
                "replayed": made,
                "stopped": outcome.cancelled,
            }
        )
    elif dry_run:
        for id in selected:
            console.print(id)
        console.print(f"{count(len(selected), 'event')} would be replayed")
    else:
        for new in made.values():
            console.print(new)
        console.print(tell(outcome, "replayed, under these new ids" if made else "replayed"))
        hint(f"what becomes of them: {command('events', store)}")
    end(outcome)
