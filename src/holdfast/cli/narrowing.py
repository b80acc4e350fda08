"""Options that say which events, and what they turn into."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from holdfast.cli.options import parse_time
from holdfast.operate.finding import Criteria
from holdfast.queue.contract import Filter, State
from holdfast.queue.matching import read_path
from holdfast.queue.views import Query


class Came(StrEnum):
    """What became of a request: the states of a message, and one for what was not kept."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"
    PURGED = "purged"
    REFUSED = "refused"


StateOption = Annotated[Came | None, typer.Option("--state", help="Only these.")]
FindOption = Annotated[
    str | None,
    typer.Option(
        "--find", metavar="TEXT", help="Only with this in path, query, a header or the body."
    ),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="PATH=VALUE",
        help="Only with this value in a JSON body: data.lines[0].sku=A-1; may be repeated.",
    ),
]
InsideOption = Annotated[
    bool, typer.Option("--inside", help="Find the text within words too; slower.")
]


def criteria_of(
    webhook: str | None,
    state: Came | None,
    reason: str | None,
    find: str | None,
    where: list[str] | None,
    *,
    inside: bool,
    since: str | None,
    until: str | None = None,
) -> Criteria:
    """What of the options a store can be asked; that refusals are asked for says the state alone.

    Raises BadParameter.
    """
    kept = State(state.value) if state and state is not Came.REFUSED else None
    wanted = Filter(
        webhook=webhook,
        state=kept,
        reason=reason,
        since_ms=parse_time(since),
        until_ms=parse_time(until),
    )
    texts = (find,) if find else ()
    return Criteria(wanted, Query(texts, tuple(map(_place, where or ())), inside=inside))


def _place(written: str) -> tuple[str, str]:
    path, equals, value = written.partition("=")
    try:
        read_path(path)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not equals:
        raise typer.BadParameter(f"{written!r} names no value; write PATH=VALUE")
    return path, value
