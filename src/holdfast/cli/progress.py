"""Long work with a bar, that Ctrl-C ends cleanly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from rich.progress import Progress

from holdfast.cli.options import Output
from holdfast.cli.output import console, errors
from holdfast.clock import SYSTEM_CLOCK
from holdfast.operate.selection import Outcome, in_order

Item = TypeVar("Item")


def work_through(
    items: Sequence[Item],
    act: Callable[[Sequence[Item]], int],
    *,
    rate: float | None,
    what: str,
    output: Output,
) -> Outcome:
    """`act` on all items at that rate, and say how far it got."""
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(what, total=len(items))
        outcome = asyncio.run(
            in_order(
                items,
                act,
                rate=rate,
                clock=SYSTEM_CLOCK,
                on_progress=lambda done: bar.update(task, completed=done),
            )
        )
    if output is Output.TEXT:
        stopped = " (stopped)" if outcome.cancelled else ""
        console.print(f"{outcome.done} of {outcome.selected} {what}{stopped}")
    return outcome
