"""What the API answers with, as types: the document that describes it is made from these."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from holdfast.operate.fields import ExecutionFields, FailureFields, LetterFields, MessageFields
from holdfast.operate.graph import Edge, Graph

# -- The console itself


class RunningFields(TypedDict):
    pid: int
    url: str | None
    ops_url: str | None
    definition: str


class StoreFields(TypedDict):
    engine: str
    abilities: list[str]
    """What the engine can beyond the ten verbs: `archive`, `desk`, `watch`, `search`, ..."""


class AboutFields(TypedDict):
    name: str
    version: str
    now: str
    app: str | None
    definition: str | None
    store: StoreFields
    running: RunningFields | None
    operator: str
    token_needed: bool
    read_only: bool


class SessionFields(TypedDict):
    operator: str
    token_needed: bool
    read_only: bool
    csrf: str
    """To be sent as X-Holdfast-CSRF with everything that changes something."""
    until: str | None


# -- Overview


class RatesFields(TypedDict):
    """Events a second, over the last five minutes."""

    received: float
    refused: float
    done: float
    dead: float


class CountsFields(TypedDict):
    """One number per step of the series."""

    received: list[int]
    refused: list[int]
    done: list[int]
    duplicate: list[int]
    retried: list[int]
    dead: list[int]


class OverviewWebhook(TypedDict):
    name: str
    path: str | None
    defined: bool
    paused: bool
    waiting: int
    leased: int
    dead: int
    parked: int
    oldest: str | None
    last_seen: str | None
    rates: RatesFields | None
    series: CountsFields | None


class TotalsFields(TypedDict):
    waiting: int
    leased: int
    dead: int
    parked: int
    oldest: str | None


class WarningFields(TypedDict):
    """Something that an operator should know of, such as a provider that is about to give up."""

    code: str
    severity: str
    title: str
    webhook: str | None
    detail: str
    since: str | None
    facts: dict[str, Any]


class IndexFields(TypedDict):
    indexed: int
    behind: int
    bytes: int


class WindowFields(TypedDict):
    name: str
    start: str
    step_seconds: int
    steps: int


class GroupRow(TypedDict):
    id: str
    webhook: str
    reason: str
    state: str
    error: str
    message: str
    """What all of its letters say, with what differs taken out."""
    count: int
    first_at: str
    last_at: str
    example: str
    """The id of the newest."""


class OverviewFields(TypedDict):
    now: str
    window: WindowFields
    totals: TotalsFields
    webhooks: list[OverviewWebhook]
    unrouted: CountsFields | None
    """Requests for which there is no webhook."""
    groups: list[GroupRow]
    group_count: int
    runs: list[RunFields]
    warnings: list[WarningFields]
    index: IndexFields | None


# -- Webhooks


class SecretFields(TypedDict):
    """A reference and whether it resolves; never what it resolves to."""

    reference: str
    purpose: str
    there: bool
    problem: str


class StateFields(TypedDict):
    name: str
    running: int
    succeeded: int
    failed: int
    mean_ms: float | None


class WebhookRow(OverviewWebhook):
    provider: str | None
    verification: str | None
    methods: list[str]


class TaskFields(TypedDict):
    name: str
    kind: str
    """`function` or `forward`."""
    takes: str | None
    url: str | None


class WebhookFields(WebhookRow):
    place: str | None
    settings: dict[str, Any] | None
    body_schema: Any
    secrets: list[SecretFields]
    workflow: Any
    graph: Graph | None
    tasks: list[TaskFields]
    states: list[StateFields] | None
    """Since `states_since`; null where the engine does not count them."""
    states_since: str | None


class PausedFields(TypedDict):
    webhook: str
    paused: bool


class SampleFields(TypedDict):
    method: str
    path: str
    content_type: str
    body: str
    signed: bool
    """Whether what is sent will be signed as the webhook expects."""
    url: str | None
    """Where it would go: the running gateway; null where none runs."""


class SentFields(TypedDict):
    """What the gateway, or another program, answered."""

    accepted: bool
    status: int
    headers: list[list[str]]
    body: str | None
    body_base64: str | None
    cut: bool
    milliseconds: float | None
    id: str | None
    """The new event's id, or the refusal's."""


# -- Events


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


# -- Dead letters


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


class RunFields(TypedDict):
    id: str
    webhooks: list[str]
    stage: str
    active: bool
    reason: str
    operator: str
    via: str
    opened_at: str
    ended_at: str | None
    selection: dict[str, Any]
    total: int
    try_first: int
    go_on: bool
    rate: float | None
    stop_at: str
    watch: bool
    sent: int
    skipped: int
    done: int
    dead: int
    pending: int
    left: int


class RunPage(TypedDict):
    items: list[RunFields]
    after: str | None


class ActFields(TypedDict):
    id: str
    at: str
    operator: str
    via: str
    action: str
    meaning: str
    webhook: str | None
    target: str | None
    detail: dict[str, Any]


class ActPage(TypedDict):
    items: list[ActFields]
    after: str | None
