"""What was measured against what was promised, as a table that Markdown can read too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement. `met` None: told for information, or too short a run to judge."""

    what: str
    measured: str
    budget: str = ""
    met: bool | None = None


def show(rows: Iterable[Row], *, judge: bool = True) -> str:
    """The rows under their headings. `judge` False leaves the verdicts out."""
    verdicts = {True: "yes", False: "NO", None: ""}
    cells = [
        (row.what, row.measured, row.budget, verdicts[row.met] if judge else "") for row in rows
    ]
    return lines(("what", "measured", "budget", "met?"), cells)


def lines(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A table with columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    table = [headings, ["-" * width for width in widths], *cells]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in table
    )
