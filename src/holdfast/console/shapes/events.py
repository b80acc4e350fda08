"""Events, refusals, executions."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from holdfast.operate.fields import ExecutionFields, FailureFields, MessageFields
from holdfast.operate.graph import Edge


class EventRow(TypedDict):
    kind: str
    """`event` or `refusal`."""
    id: str
    webhook: str | None
    type: str | None
    received_at: str
    method: str
    path: str
    remote: str
    bytes: int
    state: str
    """waiting, leased, done, dead, purged; or refused."""
    status: int | None
    """Of a refusal: what was answered."""
    reason: str | None
    error: str | None
    """Of the last failure; null where it was done after all."""
    verification: str
    attempts: int
    finished_at: str | None
    duplicate_of: str | None
    replay_of: str | None


class EventPage(TypedDict):
    items: list[EventRow]
    after: str | None
    """Goes on from here; null: there is no more."""
    complete: bool
    """False: there was no time to look at everything down to `after`."""


class ArrivalPage(TypedDict):
    items: list[EventRow]
    """Of those that were looked at, the ones that match."""
    cursor: str
    """Goes on after the last that was looked at."""
    more: bool
    """There are further ones already."""


class ValueFields(TypedDict):
    """A value, or where it is large, its beginning."""

    value: NotRequired[Any]
    bytes: int
    cut: bool
    preview: NotRequired[str]


class VisitFields(TypedDict):
    state: str
    type: str
    came: str
    entered_at: str | None
    exited_at: str | None
    duration_ms: int | None
    input: ValueFields | None
    output: ValueFields | None
    error: str | None
    cause: str | None
    tasks: int
    resource: str | None


class MomentFields(TypedDict):
    kind: str
    came: str
    """ok, failed, neutral, pending."""
    at: str | None
    detail: dict[str, Any]
    execution: int | None
    """Of an attempt: its place among the executions, where it was kept."""
    states: list[VisitFields]


class VerificationFields(TypedDict):
    result: str
    reason: str | None
    explanation: str | None


class EventFields(MessageFields):
    type: str | None
    delivery_id: str | None
    state: str
    reason: str | None
    explanation: str | None
    """Of the reason, in a sentence."""
    receive_count: int
    visible_at: str | None
    finished_at: str | None
    duplicate_of: str | None
    parked_at: str | None
    superseded_by: str | None
    group: str | None
    attempts: list[FailureFields]
    body_omitted: bool
    """The body is larger than what is sent along; fetch `body_url`."""
    body_url: str
    verification: VerificationFields
    timeline: list[MomentFields]
    executions: int


class PassedFields(TypedDict):
    """Which states an execution passed, and by which ways."""

    states: dict[str, str]
    edges: list[Edge]


class ExecutionPage(ExecutionFields):
    event: str
    webhook: str
    index: int
    passed: PassedFields
    visits: list[VisitFields]


class ExecutionRow(TypedDict):
    event: str
    webhook: str
    attempt: int
    started_at: str
    duration_ms: float
    status: str
    error: str | None
    state: str | None


class ExecutionRows(TypedDict):
    items: list[ExecutionRow]
    after: str | None


class RefusalPageFields(TypedDict):
    id: str
    webhook: str | None
    received_at: str
    method: str
    path: str
    remote: str
    status: int
    reason: str
    detail: str
    headers: list[list[str]]
    bytes: int
    body: str | None
    body_base64: str | None
    body_url: str


class ReplayedFields(TypedDict):
    dry_run: bool
    selected: list[str]
    replayed: dict[str, str]
    """Old ids to new ones."""
