"""One difference between the two homes, and whether it is one for an event or for its operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EVENT_TOPICS: Final = frozenset(
    (
        *("size", "schema", "content type", "rate limit", "signed URL", "verification function"),
        *("invalid UTF-8", "repeated headers", "query", "path", "empty body"),
        *("backoff", "timeout", "batch", "duplicates", "expiry", "dead letters"),
        *("order", "headers"),
        *("forward", "foreign function", "sending", "context object"),
    )
)
"""Under these an event may end otherwise than here: refused or let in, worked later, again or not at
all, or with something else in it. All others are about who runs it and what that takes."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`topic`: one of a few words, to search by. `todo`: empty where nothing helps or none is needed."""

    topic: str
    here: str
    aws: str
    todo: str = ""

    @property
    def changes_events(self) -> bool:
        """Whether it can change what happens to an event."""
        return self.topic in EVENT_TOPICS
