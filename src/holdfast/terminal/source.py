"""What a feed of history needs of whoever keeps it: the store itself, or a console over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from holdfast.operate.fields import instant
from holdfast.operate.finding import Criteria
from holdfast.terminal.feed import Counts, Shown
from holdfast.terminal.rows import Row


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are followed."""

    criteria: Criteria = field(default_factory=Criteria)
    only_refused: bool = False

    @property
    def webhook(self) -> str | None:
        return self.criteria.filter.webhook

    @property
    def since_ms(self) -> int | None:
        return self.criteria.filter.since_ms

    @property
    def params(self) -> dict[str, Any]:
        """As the API is asked for them."""
        filter, query = self.criteria.filter, self.criteria.query
        state = filter.state.value if filter.state is not None else None
        return {
            "webhook": filter.webhook,
            "state": "refused" if self.only_refused else state,
            "reason": filter.reason,
            "error": filter.error,
            "since": instant(filter.since_ms),
            "until": instant(filter.until_ms),
            "text": query.texts,
            "where": tuple(f"{path}={value}" for path, value in query.paths),
            "inside": "true" if query.inside else None,
            "type": self.criteria.type,
            "verification": self.criteria.verification,
        }


@dataclass(frozen=True, slots=True)
class Came:
    """What was kept after a cursor, oldest first."""

    rows: tuple[Row, ...]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """Which ended or were refused since a cursor: the newest, where it was very many."""

    ids: tuple[str, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """A page of history, newest first. `after` goes on; None: there is no more."""

    rows: tuple[Row, ...]
    after: str | None


class Source(Protocol):
    """All of it blocks, and may be called from several threads. What is asked for is narrowed by
    what is wanted. Raises HoldfastError; a `retryable` one may be over soon."""

    title: str

    def here(self) -> str:
        """The cursor of now, for `arrivals`."""
        ...

    def arrivals(self, cursor: str | None, limit: int) -> Came:
        """None: from what is wanted `since` on. Raises CursorUnknown."""
        ...

    def changes(self, cursor: str | None) -> Changed:
        """None: nothing yet, only where one is now."""
        ...

    def named(self, ids: tuple[str, ...]) -> list[Row]:
        """Those of them that are wanted."""
        ...

    def past(self, after: str | None, limit: int) -> Past: ...

    def refusals(self, after: str | None, limit: int) -> Past:
        """Those alone; none where what is wanted is no refusal's."""
        ...

    def counts(self) -> Counts: ...

    def wait(self, seconds: float) -> None:
        """Until there may be something new, or so long."""
        ...

    def show(self, row: Row, width: int) -> Shown: ...

    def retry(self, row: Row) -> str: ...

    def page(self, row: Row) -> str | None: ...

    def close(self) -> None: ...
