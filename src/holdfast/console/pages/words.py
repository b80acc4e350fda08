"""What things are called on the pages, and in which tone they are said. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from holdfast.queue.fingerprint import failure_message

TONES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("done", "succeeded", "ok", "verified", "finished", "SUCCEEDED"), "ok"),
    **dict.fromkeys(
        ("dead", "failed", "critical", "stopped", "FAILED", "TIMED_OUT", "ABORTED"), "bad"
    ),
    **dict.fromkeys(("waiting", "retried", "caught", "pending", "warning", "tried"), "warn"),
    **dict.fromkeys(("leased", "running", "trying", "rolling", "settling", "RUNNING"), "busy"),
    "refused": "refused",
}
"""The tone of a state; whatever else there is is said quietly."""

WORDS: Final[Mapping[str, str]] = {
    "leased": "working",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timed out",
    "ABORTED": "aborted",
    "RUNNING": "running",
}

MOMENTS: Final[Mapping[str, str]] = {
    "received": "Received",
    "schema": "Schema",
    "stored": "Stored",
    "verification": "Verification",
    "attempt": "Attempt",
    "dead": "Dead letter",
    "redriven": "Redriven",
    "parked": "Parked",
    "done": "Done",
    "duplicate": "Duplicate",
    "purged": "Purged",
    "waiting": "Waiting",
    "leased": "Working",
    "superseded": "Superseded",
}
"""What the steps of a timeline are called."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What a failure says of itself: its message, and the way there, where it has one."""

    message: str
    trace: str = ""


def cause(text: str) -> Cause:
    """Of an error, as a task tells it: mostly as Lambda does, in JSON."""
    message = failure_message(text)
    if message == text:
        return Cause(text)
    trace = orjson.loads(text).get("stackTrace")
    lines = [str(line).rstrip("\n") for line in trace] if isinstance(trace, list) else []
    return Cause(message, "\n".join(lines))


def tone(state: str) -> str:
    """One of ok, bad, warn, busy, refused, quiet."""
    return TONES.get(state, "quiet")


def word(state: str) -> str:
    """What a state is called."""
    return WORDS.get(state, state)
