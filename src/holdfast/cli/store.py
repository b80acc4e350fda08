"""recover."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from holdfast.cli.options import Output, OutputOption, StoreOption, parse_time
from holdfast.cli.output import console, print_json
from holdfast.clock import SYSTEM_CLOCK
from holdfast.queue.engines.sqlite import recover as recover_store
from holdfast.runtime.assembly import DEFAULT_STORE, store_path


def recover(
    everything: Annotated[
        bool, typer.Option("--all", help="Deliver every kept message again.")
    ] = False,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Deliver those from then on.")
    ] = None,
    nothing: Annotated[bool, typer.Option("--none", help="Take all of them as done.")] = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make a new ledger for an inbox whose own is lost or does not fit."""
    if everything + (since is not None) + nothing != 1:
        raise typer.BadParameter("give one of --all, --from TIME or --none")
    from_ms = 0 if everything else parse_time(since)
    done = recover_store(store_path(store), from_ms=from_ms, clock=SYSTEM_CLOCK)
    if output is Output.JSON:
        print_json(
            {
                "waiting": done.waiting,
                "considered_done": done.considered_done,
                "set_aside": str(done.set_aside) if done.set_aside else None,
            }
        )
        return
    console.print(f"{done.waiting} messages wait again, {done.considered_done} count as done")
    if done.set_aside:
        console.print(f"the old ledger is at {escape(str(done.set_aside))}")
