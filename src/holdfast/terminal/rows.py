"""One line of the list: an event, a refusal or a dead letter, and what stands in it. Pure.

Rows are made of what the console's API answers with, whether it was asked or the store itself was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from holdfast.terminal.text import printable, size, took

Style = Literal["", "dim", "good", "bad", "warn", "bold", "selected", "bar"]

OVER: Final = frozenset({"done", "dead", "purged", "refused"})
"""States in which nothing more happens by itself."""

_STYLES: Final[Mapping[str, Style]] = {
    "done": "good",
    "dead": "bad",
    "refused": "bad",
    "waiting": "warn",
    "leased": "warn",
    "purged": "dim",
}

MARKS: Final[Mapping[str, tuple[str, Style]]] = {
    "verified": ("✓", "good"),
    "failed": ("✗", "bad"),
    "pending": ("·", "dim"),
    "none": ("-", "dim"),
    "unknown": ("?", "dim"),
}
"""Of the check of the source."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the program that an event was handed to said of it. `status` None: nothing yet."""

    status: int | None
    milliseconds: float
    trouble: str = ""

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Row:
    """`fields`: all of it, for programs."""

    id: str
    at_ms: int
    webhook: str
    type: str
    state: str
    status: int | None
    why: str
    verification: str
    attempts: int
    took_ms: int | None
    bytes: int
    fields: Mapping[str, Any] = field(default_factory=dict, compare=False)
    answer: Answer | None = None

    @property
    def order(self) -> tuple[int, str]:
        return self.at_ms, self.id

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def told_state(self) -> str:
        """The state in a word; of a refusal, what was answered."""
        return str(self.status) if self.status is not None else self.state

    @property
    def state_style(self) -> Style:
        return _STYLES.get(self.state, "")

    def holds(self, words: str) -> bool:
        """Whether each of the words stands somewhere in the line, in any case of letters."""
        parts = (self.id, self.webhook, self.type, self.state, self.told_state, self.why)
        told = " ".join(parts).lower()
        return all(word in told for word in words.lower().split())

    def answered(self, answer: Answer) -> Row:
        fields = {
            "forwarded_status": answer.status,
            "forwarded_ms": round(answer.milliseconds, 1),
            "forwarded_error": answer.trouble or None,
        }
        return replace(self, answer=answer, fields={**self.fields, **fields})


def event_row(fields: Mapping[str, Any]) -> Row:
    """Of an item of `GET /events` or `GET /arrivals`."""
    at, finished = moment_ms(fields["received_at"]), moment_ms(fields["finished_at"])
    why = [fields["reason"], fields["error"]]
    if fields["duplicate_of"]:
        why.append(f"duplicate of {fields['duplicate_of']}")
    if fields["replay_of"]:
        why.append(f"replay of {fields['replay_of']}")
    return Row(
        id=str(fields["id"]),
        at_ms=at or 0,
        webhook=printable(fields["webhook"] or fields["path"]),
        type=printable(fields["type"] or ""),
        state=str(fields["state"]),
        status=fields["status"],
        why=printable(" ".join(str(part) for part in why if part)),
        verification=str(fields["verification"]),
        attempts=int(fields["attempts"]),
        took_ms=finished - at if at is not None and finished is not None else None,
        bytes=int(fields["bytes"]),
        fields=fields,
    )


def letter_row(fields: Mapping[str, Any]) -> Row:
    """Of an item of `GET /dead/letters`: all that there is where no history is kept."""
    at, died = moment_ms(fields["received_at"]), moment_ms(fields["died_at"])
    where = f"in {fields['state']}" if fields["state"] else ""
    parts = (fields["reason"], fields["error"], where, fields["message"])
    return Row(
        id=str(fields["id"]),
        at_ms=died or 0,
        webhook=printable(fields["webhook"]),
        type=printable(fields["type"] or ""),
        state="dead",
        status=None,
        why=printable(" ".join(str(part) for part in parts if part)),
        verification="unknown",
        attempts=int(fields["attempts"]),
        took_ms=died - at if at is not None and died is not None else None,
        bytes=int(fields["bytes"]),
        fields={"kind": "letter", **fields},
    )


def moment_ms(text: str | None) -> int | None:
    """From ISO 8601, as the API writes it."""
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)


def clock_time(at_ms: int, now_ms: int) -> str:
    """Here, in eight characters: the time of day, or the day where that was another one."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone()
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone()
    if at.date() == now.date():
        return at.strftime("%H:%M:%S")
    return at.strftime("%d %b  ") if at.year == now.year else at.strftime("%b %Y")


def took_text(row: Row) -> str:
    return "" if row.took_ms is None else took(max(0, row.took_ms))


def size_text(row: Row) -> str:
    return size(row.bytes)
