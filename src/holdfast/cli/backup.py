"""backup and restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from holdfast.cli.options import Output, OutputOption, StoreOption, command
from holdfast.cli.output import console, count, hint, print_json
from holdfast.clock import SYSTEM_CLOCK
from holdfast.queue.engines.sqlite import back_up
from holdfast.queue.engines.sqlite import restore as restore_store
from holdfast.runtime.store import DEFAULT_STORE, store_path


def backup(
    to: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory for the copy.")],
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Copy the store, which may be running.

    The directory is there under its name only once all of it is on disk. The copy is as secret as the
    store: it holds what senders sent.
    """
    done = back_up(store_path(store), to)
    if output is Output.JSON:
        print_json(
            {"path": str(done.path), "messages": done.messages, "size_bytes": done.size_bytes}
        )
        return
    console.print(
        f"{count(done.messages, 'message')}, {done.size_bytes:,} bytes: {escape(str(done.path))}"
    )
    hint(f"put it back with: {command(f'restore {to}', store)}")


def restore(
    backup: Annotated[Path, typer.Argument(metavar="DIR", help="What `holdfast backup` made.")],
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Put a backup in the store's place.

    Stop everything on the store first. What is there is set aside, not deleted; what came in since the
    backup is in there, and what was worked since is worked again.
    """
    done = restore_store(backup, store_path(store), clock=SYSTEM_CLOCK)
    if output is Output.JSON:
        aside = str(done.set_aside) if done.set_aside else None
        print_json({"messages": done.messages, "set_aside": aside})
        return
    console.print(f"{count(done.messages, 'message')} as they were in {escape(str(backup))}")
    if done.set_aside:
        console.print(f"what was there is at {escape(str(done.set_aside))}")
    hint(f"go on with: {command('run FILE.py', store)}")
