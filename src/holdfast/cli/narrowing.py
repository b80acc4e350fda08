"""Options that say which events, and what they turn into."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from holdfast.cli.options import ReasonOption, SinceOption, WebhookOption, parse_time, value_of
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


@dataclass(frozen=True, slots=True)
class EventOptions:
    """What events and refusals are narrowed by."""

    webhook: WebhookOption = None
    state: StateOption = None
    reason: ReasonOption = None
    find: FindOption = None
    where: WhereOption = None
    inside: InsideOption = False
    since: SinceOption = None

    def criteria(self, until: str | None = None) -> Criteria:
        """What of them a store can be asked; that refusals are asked for says the state alone.

        Raises BadParameter.
        """
        kept = State(self.state.value) if self.state and self.state is not Came.REFUSED else None
        wanted = Filter(
            webhook=self.webhook,
            state=kept,
            reason=self.reason,
            since_ms=parse_time(self.since),
            until_ms=parse_time(until, "--until"),
        )
        texts = (self.find,) if self.find else ()
        places = tuple(map(_place, self.where or ()))
        return Criteria(wanted, Query(texts, places, inside=self.inside))


def _place(written: str) -> tuple[str, str]:
    path, equals, value = written.partition("=")
    with value_of("--where"):
        read_path(path)
        if not equals:
            raise ValueError(f"{written!r} names no value; write PATH=VALUE")
    return path, value
