"""What requests carry, as models that several endpoints share."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from holdfast.clock import Clock
from holdfast.console.problems import misfit
from holdfast.operate.finding import Criteria
from holdfast.operate.selection import Selection
from holdfast.operate.times import parse_time
from holdfast.queue.contract import Filter, State
from holdfast.queue.matching import read_path
from holdfast.queue.views import Query

PAGE_MAX: Final = 200
IDS_MAX: Final = 10_000

Id = Annotated[str, Field(min_length=1, max_length=64)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Limit = Annotated[int, Field(ge=1, le=PAGE_MAX)]
Parked = Literal["no", "only", "any"]


def _time(text: str) -> str:
    parse_time(text, 0)
    return text


Time = Annotated[
    str,
    AfterValidator(_time),
    Field(max_length=64, description="An age (2h, 7d) or a time (2026-11-23T10:00Z)."),
]


class Asked(BaseModel):
    """Nothing beside what is named: a misspelt filter would match everything."""

    model_config = ConfigDict(extra="forbid")


class Paged(Asked):
    after: Annotated[str, Field(max_length=64)] | None = None
    limit: Limit = 50


def ms(text: str | None, clock: Clock) -> int | None:
    return None if text is None else parse_time(text, clock.now_ms())


def parked(word: Parked) -> bool | None:
    return {"no": False, "only": True, "any": None}[word]


class EventsNarrowed(Asked):
    """Which events. All that are given must match."""

    webhook: Name | None = None
    state: Literal["waiting", "leased", "done", "dead", "purged", "refused"] | None = None
    type: Annotated[str, Field(max_length=256, description="May hold * for anything.")] | None = (
        None
    )
    reason: Name | None = None
    error: Name | None = None
    since: Time | None = None
    until: Time | None = None
    text: tuple[Annotated[str, Field(min_length=1, max_length=1_024)], ...] = Field(
        default=(), description="Held by path, query, headers or body; may be repeated."
    )
    where: tuple[Annotated[str, Field(max_length=1_024)], ...] = Field(
        default=(), description="PATH=VALUE in a JSON body; may be repeated."
    )
    inside: bool = Field(default=False, description="Find text within words too; slower.")
    verification: Literal["verified", "failed", "none", "pending", "unknown"] | None = None

    def criteria(self, clock: Clock) -> Criteria:
        """Raises Problem."""
        paths = []
        for written in self.where:
            path, equals, value = written.partition("=")
            try:
                read_path(path)
            except ValueError as error:
                raise misfit("/where", str(error)) from None
            if not equals:
                raise misfit("/where", f"{written!r} names no value; write PATH=VALUE")
            paths.append((path, value))
        state = State(self.state) if self.state not in (None, "refused") else None
        return Criteria(
            Filter(
                webhook=self.webhook,
                state=state,
                reason=self.reason,
                error=self.error,
                since_ms=ms(self.since, clock),
                until_ms=ms(self.until, clock),
            ),
            Query(self.text, tuple(paths), inside=self.inside),
            self.type,
            self.verification,
        )


class EventsAsked(EventsNarrowed, Paged):
    id: tuple[Id, ...] = Field(
        default=(),
        max_length=PAGE_MAX,
        description="Only these, in this order, and all at once; may be repeated.",
    )
    refused: bool = Field(default=True, description="False: without refusals.")


class ArrivalsAsked(EventsNarrowed):
    """What was kept after a cursor."""

    cursor: Annotated[str, Field(max_length=64)] | None = Field(
        default=None,
        description="Of an earlier answer. Without it: from `since` on; without that either,"
        " nothing yet, only the cursor of now.",
    )
    limit: Limit = Field(default=50, description="So many are looked at.")


class LettersChosen(Asked):
    """Which dead letters: ids, or a filter. Nothing at all must be said as `all`."""

    ids: tuple[Id, ...] = Field(default=(), max_length=IDS_MAX)
    group: Id | None = None
    webhook: Name | None = None
    reason: Name | None = None
    error: Name | None = None
    since: Time | None = None
    until: Time | None = None
    parked: Parked = "no"
    limit: Annotated[int, Field(ge=1)] | None = None
    all: bool = Field(default=False, description="Yes, every dead letter there is.")

    def selection(self, clock: Clock) -> Selection:
        """Raises Problem."""
        narrowed = (self.group, self.webhook, self.reason, self.error, self.since, self.until)
        filtered = any(one is not None for one in narrowed)
        if self.ids and (filtered or self.all):
            raise misfit("/ids", "either ids or a filter, not both")
        if not self.ids and not filtered and not self.all:
            raise misfit("/", "say which: ids, a group, a filter, or all")
        return Selection(
            self.ids,
            Filter(
                webhook=self.webhook,
                reason=self.reason,
                error=self.error,
                since_ms=ms(self.since, clock),
                until_ms=ms(self.until, clock),
                group=self.group,
                parked=parked(self.parked),
            ),
            self.limit,
        )

    def told(self) -> dict[str, Any]:
        """For the book: what was chosen, in short."""
        told = self.model_dump(exclude_defaults=True)
        if len(self.ids) > 20:
            told["ids"] = [*self.ids[:20], f"and {len(self.ids) - 20} more"]
        return told
