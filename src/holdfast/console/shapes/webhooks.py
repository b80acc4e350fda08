"""Webhooks, and what is sent to them."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from holdfast.console.shapes.front import OverviewWebhook
from holdfast.operate.graph import Graph


class SecretFields(TypedDict):
    """A reference and whether it resolves; never what it resolves to."""

    reference: str
    purpose: str
    """`verification`, `handshake`, `forward`, `connection`."""
    name: str
    """Of the handshake's kind, the task, the connection."""
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


class RetriesFields(TypedDict):
    """What a sender does with a delivery that was not answered as it expects. null: not known."""

    count: int | None
    delays_seconds: list[float]
    """Before each attempt after the first."""
    period_seconds: float | None
    note: str


class DisablingFields(TypedDict):
    """When a sender stops sending; `failures` in a row, or within `window_seconds`."""

    failures: int | None
    window_seconds: float | None
    note: str


class HandshakeFields(TypedDict):
    kind: str
    when: str
    answer: str


class SenderFields(TypedDict):
    """What is known of a provider, as data."""

    name: str
    title: str
    variant: str | None
    statuses: str
    """Which answers it takes for success."""
    deadline_seconds: float | None
    """How long it waits for the answer."""
    retries: RetriesFields | None
    disabling: DisablingFields | None
    handshakes: list[HandshakeFields]
    addresses: list[str]
    notes: list[str]
    unconfirmed: list[str]
    """Which of these facts rest on a secondary source."""


class WebhookFields(WebhookRow):
    sender: SenderFields | None
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
    event_type: str | None
    """A type that one of its functions asks for; null: none, or nobody knows where it stands."""
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
