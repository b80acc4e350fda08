"""What a screen, or whoever prints lines, needs of the one that tells them what happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from holdfast.terminal.rows import Row, Style

Part = tuple[Style, str]
Line = tuple[Part, ...]
"""One line in its colours. Nothing in it can move the cursor."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How full it is, over all webhooks that are followed."""

    waiting: int
    dead: int
    paused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """What happened since the last look. `arrived`: how many of the rows came in just now."""

    rows: tuple[Row, ...] = ()
    counts: Counts | None = None
    arrived: int = 0
    trouble: str = ""
    """Why nothing could be told; whoever goes on looking tries it again."""
    message: str = ""
    more: bool = False
    """There is more already: look again at once."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One event in full."""

    row: Row
    lines: tuple[Line, ...]


class Feed(Protocol):
    """Tells what happens. All of it blocks, and is called from threads."""

    title: str
    note: str
    """What this one cannot tell, in a line; mostly empty."""

    def look(self) -> News:
        """What happened since. Raises HoldfastError for what waiting cannot mend."""
        ...

    def keep(self) -> None:
        """What was told has reached its reader: go on after it the next time."""
        ...

    def wait(self, seconds: float) -> None:
        """Until there may be news, or so long."""
        ...

    def show(self, row: Row, width: int) -> Shown:
        """One event in full. Raises HoldfastError."""
        ...

    def retry(self, row: Row) -> str:
        """Do it again; what was done, in a sentence. Raises HoldfastError."""
        ...

    def page(self, row: Row) -> str | None:
        """Where the console shows it; None: there is none."""
        ...

    def close(self) -> None: ...
