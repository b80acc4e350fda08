"""What one execution came to: all that the pipe needs to know in order to settle a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple


class Result(NamedTuple):
    """The end of one execution.

    At most one of `quarantine`, `duplicate_of` and `unworked` is set: what retrying cannot help,
    what was already worked, and what cannot be worked just now.
    """

    status: Literal["SUCCEEDED", "FAILED", "TIMED_OUT"]
    started_at_ms: int
    duration_ms: float
    output: Any = None
    error: str | None = None
    cause: str | None = None
    state: str | None = None
    """The state that failed."""
    quarantine: str | None = None
    """The named reason: to dead letters at once."""
    duplicate_of: str | None = None
    """The id of the message that was done under the same delivery id."""
    unworked: str | None = None
    """Why nothing of it was done: another message is in progress under the same delivery id, or the
    store could not tell."""
    retry_after_seconds: float | None = None
    """What the task asked for, instead of the backoff."""
    history: tuple[Mapping[str, Any], ...] = ()
    """Events in AWS's vocabulary, as far as the log level keeps them."""
