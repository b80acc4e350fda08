"""listen."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from typing import Annotated

import typer

from holdfast.cli import exits
from holdfast.cli.consoles import ConsoleUrlOption, TokenOption, console_at
from holdfast.cli.following import ShownAs, run_feed
from holdfast.cli.options import (
    SinceOption,
    StoreOption,
    WebhookOption,
    WrongValue,
    parse_time,
    value_of,
    with_options,
)
from holdfast.clock import SYSTEM_CLOCK, parse_duration
from holdfast.operate.finding import Criteria
from holdfast.queue.contract import Filter
from holdfast.runtime.store import DEFAULT_STORE
from holdfast.terminal.bookmark import Bookmark, state_directory
from holdfast.terminal.feed import News
from holdfast.terminal.forward import Forward, Target
from holdfast.terminal.remote import RemoteSource
from holdfast.terminal.source import Wanted


@with_options
def listen(
    forward: Annotated[
        str,
        typer.Option(
            "--forward", metavar="URL", help="A program on this machine: http://localhost:3000/in."
        ),
    ],
    url: ConsoleUrlOption = None,
    token: TokenOption = None,
    webhook: WebhookOption = None,
    since: SinceOption = None,
    append_path: Annotated[
        bool, typer.Option("--append-path", help="Put the event's own path behind that URL.")
    ] = False,
    only_verified: Annotated[
        bool, typer.Option("--only-verified", help="Leave out what no sender has proven to be its.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Forward what has come, and end; do not wait.")
    ] = False,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long an answer is waited for.")
    ] = "30s",
    store: StoreOption = DEFAULT_STORE,
    *,
    shown: ShownAs,
) -> None:
    """Hand events of a running Holdfast to a program here.

    In the order in which they came, byte for byte, from where the last call left off. Refused
    requests were never kept, and are not forwarded. With --once it succeeds if every answer was a
    success.
    """
    wanted = Wanted(Criteria(Filter(webhook=webhook, since_ms=parse_time(since))))
    target = Target(forward, append_path=append_path, timeout_seconds=_seconds(timeout))
    shown = replace(shown, lines=shown.lines or once)
    away = False
    source = RemoteSource(console_at(url, token, store), wanted, SYSTEM_CLOCK)
    with contextlib.closing(source), contextlib.closing(target):
        key = {"source": source.title, "webhook": webhook, "forward": forward}
        bookmark = Bookmark("listen", key, state_directory())
        feed = Forward(
            source, target, bookmark, since=since is not None, only_verified=only_verified
        )

        def over(news: News) -> bool:
            nonlocal away
            away = bool(news.trouble)
            return once and (away or feed.clear)

        with bookmark.held():
            run_feed(feed, shown, forwards=True, over=over)
    if once and (away or feed.failures):
        sys.exit(exits.FAILED)


def _seconds(text: str) -> float:
    with value_of("--timeout"):
        seconds = parse_duration(text)
    if seconds <= 0:
        raise WrongValue("--timeout", "it is longer than 0s: an answer takes some time")
    return seconds
