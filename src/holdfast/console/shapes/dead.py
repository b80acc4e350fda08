"""Dead letters, in groups and one by one, and what would become of them."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from holdfast.console.shapes.events import PassedFields, ValueFields, VisitFields
from holdfast.operate.fields import LetterFields


class GroupRow(TypedDict):
    id: str
    webhook: str
    reason: str
    explanation: str | None
    """Of the reason, in a sentence."""
    state: str
    error: str
    message: str
    """What all of its letters say, with what differs taken out."""
    count: int
    first_at: str
    last_at: str
    example: str
    """The id of the newest."""


class GroupPage(TypedDict):
    items: list[GroupRow]
    groups: int
    letters: int


class LetterRow(TypedDict):
    id: str
    webhook: str
    type: str | None
    reason: str
    state: str | None
    error: str | None
    message: str
    died_at: str
    received_at: str
    attempts: int
    bytes: int
    group: str
    parked_at: str | None
    superseded_by: str | None


class LetterPage(TypedDict):
    items: list[LetterRow]
    after: str | None


class LetterPageFields(LetterFields):
    group: str
    body_omitted: bool
    body_url: str


class DoneFields(TypedDict):
    """Something was done to dead letters: how many were meant, and how many it was done to."""

    action: str
    selected: int
    done: int


class CalledFields(TypedDict):
    state: str
    resource: str
    input: ValueFields
    takes: str
    source: str
    """performed, mocked, recorded (from an earlier attempt), assumed (null), refused."""
    result: Any
    error: str | None
    cause: str | None


class RehearsalFields(TypedDict):
    event: str
    status: str
    would: str
    """done, retried, dead."""
    reason: str | None
    error: str | None
    cause: str | None
    state: str | None
    output: ValueFields
    assumed: bool
    calls: list[CalledFields]
    waits: list[float]
    passed: PassedFields
    visits: list[VisitFields]


class DryRunFields(TypedDict):
    items: list[RehearsalFields]
    definition: str | None
    """The file whose code, as it runs here, this is about."""
