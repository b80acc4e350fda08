"""tail."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.consoles import ConsoleUrlOption, TokenOption, console_at
from holdfast.cli.definitions import DefinitionOption, load_definition
from holdfast.cli.following import ShownAs, run_feed
from holdfast.cli.narrowing import Came, EventOptions
from holdfast.cli.options import StoreOption, engine_on, with_options
from holdfast.cli.output import warn
from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import Compiled
from holdfast.errors import HoldfastError
from holdfast.operate import lookup
from holdfast.operate.abilities import archive_of, watch_of
from holdfast.operate.book import COMMAND_LINE, local_user
from holdfast.operate.running import find_running
from holdfast.queue.views import WATCH
from holdfast.runtime.store import (
    DEFAULT_STORE,
    describe_store,
    is_deployed,
    is_shared,
    run_directory,
    store_path,
)
from holdfast.terminal.bookmark import Bookmark, state_directory
from holdfast.terminal.feed import Feed
from holdfast.terminal.follow import Follow, Start
from holdfast.terminal.letters import Letters
from holdfast.terminal.remote import RemoteSource
from holdfast.terminal.rows import Row
from holdfast.terminal.source import Source, Wanted
from holdfast.terminal.store import StoreSource


@with_options
def tail(
    options: EventOptions,
    catch_up: Annotated[
        bool,
        typer.Option(
            "--catch-up/--no-catch-up",
            help="Begin with what came since the last time; no: with what comes from now on.",
        ),
    ] = True,
    limit: Annotated[
        int,
        typer.Option(
            "--limit",
            "-n",
            min=0,
            metavar="COUNT",
            help="So many past events, where it was never called before.",
        ),
    ] = 20,
    url: ConsoleUrlOption = None,
    token: TokenOption = None,
    definition: DefinitionOption = None,
    store: StoreOption = DEFAULT_STORE,
    *,
    shown: ShownAs,
) -> None:
    """What comes in and what becomes of it, as it happens.

    At a terminal: up and down, d shows, r retries, o opens it in the console, / filters, p holds
    still, q quits. Elsewhere: a line for each event.
    """  # fmt: skip
    wanted = Wanted(options.criteria(), only_refused=options.state is Came.REFUSED)
    start = Start(catch_up, options.since is not None, not shown.on_screen, limit)

    def feed_of(source: Source, key: str) -> Feed:
        told = {name: str(value) for name, value in wanted.params.items() if value}
        told.pop("since", None)
        place = {"store": key, "as": "screen" if shown.on_screen else "lines", **told}
        return Follow(source, start, Bookmark("tail", place, state_directory()))

    if url is not None:
        source = RemoteSource(console_at(url, token, store), wanted, SYSTEM_CLOCK)
        with contextlib.closing(source):
            if WATCH in source.abilities and "archive" in source.abilities:
                feed = feed_of(source, source.title)
            else:
                engine_name = str(source.about["store"]["engine"])
                feed = Letters(source, _note(engine_name), wanted=_letter_fits(wanted))
            run_feed(feed, shown)
        return
    if token is not None:
        raise typer.BadParameter("--token is for --url")
    with _store_feed(wanted, definition, store, feed_of) as feed:
        run_feed(feed, shown)


@contextlib.contextmanager
def _store_feed(
    wanted: Wanted,
    definition: Path | None,
    store: str,
    feed_of: Callable[[Source, str], Feed],
) -> Iterator[Feed]:
    running = find_running(run_directory(store))
    with engine_on(store) as engine:
        lookup.known_webhook(engine, wanted.webhook)
        source = StoreSource(
            engine,
            wanted,
            title=describe_store(store),
            compiled=_definition(definition or (running.definition if running else None)),
            who=local_user(COMMAND_LINE),
            clock=SYSTEM_CLOCK,
            console_url=running.console_url if running else None,
        )
        with contextlib.closing(source):
            if archive_of(engine) is None or watch_of(engine) is None:
                note = _note(engine.name, deployed=is_deployed(store))
                yield Letters(source, note, wanted=_letter_fits(wanted))
            else:
                yield feed_of(source, _key(store))


def _key(store: str) -> str:
    """The same for a store from wherever it is looked at."""
    return store if is_shared(store) else str(store_path(store).resolve())


def _definition(path: Path | None) -> Compiled | None:
    """The definition, which knows types; without it a list is a list still."""
    if path is None:
        return None
    try:
        # What it prints is not what was asked for.
        with contextlib.redirect_stdout(sys.stderr):
            return load_definition(path)
    except (HoldfastError, OSError) as error:
        warn(f"types are not told: {str(error).partition(chr(10))[0]}")
        return None


def _note(engine: str, *, deployed: bool = False) -> str:
    elsewhere = "; what came in stands in CloudWatch" if deployed else ""
    return (
        f"the {engine} engine keeps no history: new dead letters and how many wait are what it "
        f"can tell{elsewhere}"
    )


def _letter_fits(wanted: Wanted) -> Callable[[Row], bool]:
    """What letters have of what is asked for. Raises BadParameter for what they have not."""
    filter, query = wanted.criteria.filter, wanted.criteria.query
    if query.texts or query.paths or wanted.only_refused or filter.state not in (None, "dead"):
        raise typer.BadParameter("this engine only tells of dead letters, by webhook and reason")

    def fits(row: Row) -> bool:
        return filter.since_ms is None or row.at_ms >= filter.since_ms

    return fits
