"""Running a feed until somebody has seen enough: on a screen, as lines, or as lines of JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.text import Text

from holdfast.cli.options import Output, OutputOption
from holdfast.cli.output import console, errors
from holdfast.terminal.feed import Feed, News
from holdfast.terminal.lines import as_json, as_line, follow_lines
from holdfast.terminal.rows import Row
from holdfast.terminal.text import printable

_STYLES = {"good": "green", "bad": "red", "warn": "yellow", "dim": "dim", "bold": "bold"}


@dataclass(frozen=True, slots=True)
class ShownAs:
    """A screen at a terminal, lines elsewhere, unless the options say otherwise."""

    lines: Annotated[
        bool, typer.Option("--lines", help="Lines instead of a screen, at a terminal too.")
    ] = False
    json: Annotated[
        bool, typer.Option("--json", help="Lines of JSON; the same as --output json.")
    ] = False
    output: OutputOption = Output.TEXT

    @property
    def in_json(self) -> bool:
        return self.json or self.output is Output.JSON

    @property
    def on_screen(self) -> bool:
        return not (self.in_json or self.lines) and sys.stdin.isatty() and sys.stdout.isatty()


def run_feed(
    feed: Feed,
    shown: ShownAs,
    *,
    forwards: bool = False,
    over: Callable[[News], bool] = lambda _: False,
) -> None:
    """Ctrl-C, and a reader that went away, are how such a list ends: neither is a failure."""
    try:
        if shown.on_screen:
            from holdfast.terminal.screen import Screen  # noqa: PLC0415 - a tenth of a second, for screens only

            Screen(feed, forwards=forwards).run()
            return
        if feed.note:
            _say(feed.note)
        follow_lines(feed, _tell_json if shown.in_json else _tell, _say, over=over)
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        # What Python still holds for the reader that went away must not fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(row: Row) -> None:
    line = Text()
    for style, text in as_line(row):
        line.append(text, _STYLES.get(style, ""))
    line.rstrip()
    with console.capture() as captured:
        console.print(line)
    # Written here: where nobody reads any more, the console would end the process as a failure.
    sys.stdout.write(captured.get())
    sys.stdout.flush()


def _tell_json(row: Row) -> None:
    sys.stdout.buffer.write(as_json(row))
    sys.stdout.buffer.flush()


def _say(words: str) -> None:
    """Beside the lines, on standard error: a program that reads them is not disturbed."""
    errors.print(Text(printable(words), "dim"))
