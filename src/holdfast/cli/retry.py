"""retry, open: what the console's buttons of those names do."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape

from holdfast.cli import exits
from holdfast.cli.options import Output, OutputOption, StoreOption, command, engine_on
from holdfast.cli.output import complain, console, hint, print_json
from holdfast.clock import SYSTEM_CLOCK
from holdfast.errors import HoldfastError, NotFound, NotSupported, StoreError
from holdfast.operate import lookup
from holdfast.operate.abilities import archive_of
from holdfast.operate.book import COMMAND_LINE, local_user
from holdfast.operate.front import front
from holdfast.operate.retrying import Retried
from holdfast.operate.retrying import retry as retry_one
from holdfast.operate.running import find_running
from holdfast.queue.contract import Refusal
from holdfast.runtime.store import DEFAULT_STORE, describe_store, is_deployed, run_directory
from holdfast.terminal.browser import show_page


def retry(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Ids, or their beginnings.")],
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Do events again: redrive a dead letter, replay what is over.

    Succeeds if each of them was; one that cannot be does not keep the others back.
    """
    done: list[Retried] = []
    failed: dict[str, str] = {}
    missing = False
    with engine_on(store) as engine:
        for id in dict.fromkeys(ids):
            try:
                done.append(retry_one(engine, id, local_user(COMMAND_LINE), SYSTEM_CLOCK))
            except StoreError:
                raise
            except HoldfastError as error:
                failed[id] = str(error)
                missing = missing or isinstance(error, NotFound)
    if output is Output.JSON:
        print_json(
            {
                "retried": [{"id": one.id, "how": one.how, "copy": one.copy} for one in done],
                "failed": failed,
            }
        )
    else:
        for one in done:
            console.print(f"{one.id} {escape(str(one))}")
        for told in failed.values():
            complain(told)
        if done:
            hint(f"what becomes of it: {command('tail', store)}")
    if failed:
        sys.exit(exits.NOT_FOUND if missing else exits.FAILED)


def open_page(
    id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="An event, refusal or dead letter; none: the console."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it, where there is a desktop.")
    ] = True,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show an event in the console."""
    if is_deployed(store):
        raise NotSupported(
            "a stack on AWS has no console of Holdfast; its dashboard is CloudWatch's"
        )
    running = find_running(run_directory(store))
    if running is None or running.console_url is None:
        raise NotFound(
            f"no console runs on {describe_store(store)} here; `holdfast run` starts one"
        )
    url = front(running.console_url) if id is None else _page(store, running.console_url, id)
    if output is Output.JSON:
        print_json({"url": url})
    else:
        console.print(escape(url))
    if browser and console.is_terminal:
        show_page(url)


def _page(store: str, console_url: str, id: str) -> str:
    with engine_on(store) as engine:
        archive = archive_of(engine)
        if archive is None:
            found_id = lookup.dead_letter(engine, id).message.id
            return front(console_url, "letter", found_id)
        found = lookup.event_or_refusal(archive, id)
    kind = "refusal" if isinstance(found, Refusal) else "event"
    return front(console_url, kind, lookup.id_of(found))
