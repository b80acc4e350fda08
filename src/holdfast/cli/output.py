"""How things look: one line or a table for people, JSON for programs.

Standard output carries what was asked for and nothing else; mistakes, warnings, hints and progress
go to standard error.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from rich.console import Console
from rich.markup import escape

from holdfast.clock import SYSTEM_CLOCK, format_duration
from holdfast.terminal.text import printable

console = Console(highlight=False, soft_wrap=True, emoji=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

# Below this a wrapped last column is harder to read than one on a line of its own.
_WRAP_MIN: Final = 24
_PROSE: Final = ("why", "error", "detail")


def complain(text: str) -> None:
    """What went wrong."""
    errors.print(f"[red]error:[/red] {escape(printable(text, keep_lines=True))}")


def warn(text: str) -> None:
    """What will go wrong."""
    errors.print(f"[yellow]warning:[/yellow] {escape(printable(text, keep_lines=True))}")


def hint(text: str) -> None:
    """A next step, for people at a terminal."""
    if errors.is_terminal and console.is_terminal:
        errors.print(f"[dim]{escape(text)}[/dim]")


def print_json(value: Any) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def print_text(text: str) -> None:
    """A text for another program, as it is: nothing folded, coloured or escaped."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def print_rows(rows: Sequence[Mapping[str, Any]], empty: str) -> None:
    """A table: a column per key, numbers to the right, nothing ever cut off.

    A last column of prose takes what room is left, and goes on under itself, or on the next line.
    """
    if not rows:
        console.print(empty)
        return
    names = list(rows[0])
    lines = [[name.replace("_", " ") for name in names]]
    lines += [[visible(value) for value in row.values()] for row in rows]
    numbers = [any(isinstance(row[name], int | float) for row in rows) for name in names]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = [
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(line, widths, numbers, strict=True)
        ]
        told = "  ".join(padded).rstrip()
        if names[-1] in _PROSE and console.is_terminal:
            told = _folded("  ".join(padded[:-1]), line[-1], console.width)
        console.print(f"[dim]{escape(told)}[/dim]" if line is lines[0] else escape(told))


def _folded(columns: str, prose: str, width: int) -> str:
    lead = columns + "  "
    room = width - len(lead)
    if len(prose) <= room:
        return lead + prose
    if room >= _WRAP_MIN:
        return lead + f"\n{' ' * len(lead)}".join(textwrap.wrap(prose, room))
    return (
        columns.rstrip() if prose in _PROSE or prose == "-" else f"{columns.rstrip()}\n    {prose}"
    )


def count(number: int, what: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def visible(value: Any) -> str:
    """A value in one line."""
    if value is None or value == "":
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return printable(str(value))


def age(ms: int | None) -> str | None:
    """How long ago, which is what an operator asks about."""
    if ms is None:
        return None
    seconds = (SYSTEM_CLOCK.now_ms() - ms) / 1000
    return format_duration(seconds) if seconds >= 0 else f"in {format_duration(-seconds)}"


def local_times(moments: Sequence[int]) -> list[str]:
    """The times of day here, to the millisecond; with the day where they are of several."""
    here = [datetime.fromtimestamp(ms / 1000, UTC).astimezone() for ms in moments]
    day = "%Y-%m-%d " if len({one.date() for one in here}) > 1 else ""
    return [one.strftime(f"{day}%H:%M:%S.%f")[:-3] for one in here]


def local_instant(ms: int | None) -> str | None:
    """Day and time here, with the zone, and how long ago."""
    if ms is None:
        return None
    moment = datetime.fromtimestamp(ms / 1000, UTC).astimezone()
    text = moment.isoformat(sep=" ", timespec="milliseconds")
    return f"{text} ({age(ms)} ago)"


def rate(per_second: float) -> str | None:
    """Events in the unit that gives a number worth reading; None: none at all."""
    if not per_second:
        return None
    return f"{per_second:,.1f}/s" if per_second >= 1 else f"{per_second * 60:.1f}/min"
