"""recover."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from holdfast.cli.options import Output, OutputOption, StoreOption, WrongUsage, command, parse_time
from holdfast.cli.output import console, count, hint, print_json
from holdfast.clock import SYSTEM_CLOCK
from holdfast.queue.engines.sqlite import recover as recover_store
from holdfast.runtime.store import DEFAULT_STORE, store_path


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
    """Make a new ledger where it is lost or does not fit.

    For a store that refuses to start. Messages are in the inbox; the ledger says what became of
    them. Say which of the kept messages are to be delivered again. The old ledger is set aside.
    """
    if everything + (since is not None) + nothing != 1:
        raise WrongUsage("give one of --all, --from TIME or --none")
    from_ms = 0 if everything else parse_time(since, "--from")
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
    console.print(
        f"{count(done.waiting, 'message')} to be delivered again, "
        f"{count(done.considered_done, 'message')} taken as done"
    )
    if done.set_aside:
        console.print(f"the old ledger is at {escape(str(done.set_aside))}")
    hint(f"work them with: {command('run FILE.py', store)}")
