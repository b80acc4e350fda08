"""Long work with a bar on standard error, that Ctrl-C ends cleanly."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.progress import Progress

from holdfast.cli import exits
from holdfast.cli.output import errors
from holdfast.clock import SYSTEM_CLOCK
from holdfast.operate.selection import CHUNK, Outcome, in_order

One = TypeVar("One")


def work_through(
    ids: Sequence[str],
    act: Callable[[Sequence[str]], int],
    *,
    what: str,
    rate: float | None = None,
) -> Outcome:
    """`act` on all ids at that rate; how far it got. `what`: the word for done, `redriven`."""
    shown = errors.is_terminal and (rate is not None or len(ids) > CHUNK)
    with Progress(console=errors, transient=True, disable=not shown) as bar:
        task = bar.add_task(what, total=len(ids))
        return asyncio.run(
            in_order(
                ids,
                act,
                rate=rate,
                clock=SYSTEM_CLOCK,
                on_progress=lambda done: bar.update(task, completed=done),
            )
        )


def tell(outcome: Outcome, what: str) -> str:
    """How far it got, in a line."""
    told = f"{outcome.done:,} of {outcome.selected:,} {what}"
    return f"{told}; stopped, the rest are as they were" if outcome.cancelled else told


def end(outcome: Outcome) -> None:
    """Exit as interrupted if it was."""
    if outcome.cancelled:
        sys.exit(exits.INTERRUPTED)


@contextmanager
def counted(several: Iterable[One], what: str) -> Iterator[Iterator[One]]:
    """Each of them, counted at a terminal while it is taken; nobody knows how many there are."""
    columns = Progress.get_default_columns()[:1]
    with Progress(
        *columns,
        "{task.completed:,}",
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    ) as bar:
        task = bar.add_task(what, total=None)

        def each() -> Iterator[One]:
            for one in several:
                bar.advance(task)
                yield one

        yield each()
