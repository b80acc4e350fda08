"""The compiled definition: plain frozen data that every home of a webhook reads.

`holdfast.compile` makes it from what the user wrote. The gateway, the pipe, the workflow and the
AWS stack take their numbers from here and from nowhere else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from holdfast.alerts import AlertSeverity, Security, Subject
from holdfast.clock import format_duration
from holdfast.definition import LogLevel, Provider, Verification, VerifyAt
from holdfast.secrets import SecretRef

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class RateLimit:
    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` None: `{"id": "<message id>"}` as JSON."""

    status: int
    body: str | None
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Queue:
    retention_seconds: float
    dead_retention_seconds: float
    max_receive_count: int
    visibility_timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Pipe:
    batch: int
    window_seconds: float
    concurrency: int
    backoff_seconds: float
    max_backoff_seconds: float


@dataclass(frozen=True, slots=True)
class Task:
    """A Python function that a Task state names as `${name}`.

    `takes` says what it is called with: the whole `Event`, the state's effective `input`, or
    nothing. `model` is what the body (or the input) is validated as first; None: nothing.
    """

    name: str
    function: Callable[..., Any]
    is_async: bool
    takes: Literal["event", "input", "nothing"]
    model: Any = None


@dataclass(frozen=True, slots=True)
class Forward:
    """A worker task that carries the event to another program."""

    name: str
    url: str
    sign: Verification | None
    headers: tuple[tuple[str, str], ...]
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class CompiledWebhook:
    """One webhook, ready to run anywhere."""

    name: str
    path: str
    methods: tuple[str, ...]
    content_types: tuple[str, ...]
    """Lower case; `*/*` accepts anything, a missing type included."""
    body_limit_bytes: int
    rate_limit: RateLimit | None
    allow: tuple[Network, ...]
    verification: Verification | None
    verify_at: VerifyAt
    provider: Provider | None
    delivery_id: tuple[str, ...]
    event_type: tuple[str, ...]
    answer: Answer
    schema: Mapping[str, Any] | None
    """JSON Schema 2020-12 that the door holds bodies against; None: bodies of any kind."""
    body_model: Any
    """The type of the body as pydantic knows it; `bytes` and `str`: as it came; None: parsed JSON,
    text or bytes, as the content type says."""
    queue: Queue
    pipe: Pipe
    timeout_seconds: float
    workflow: Mapping[str, Any]
    """The Amazon States Language document, first state `Verify`."""
    tasks: Mapping[str, Task | Forward]
    log_level: LogLevel
    place: str
    connections: Mapping[str, Verification | None] = field(default_factory=dict)
    """How its HTTP tasks prove themselves, by name; None: the API asks for nothing."""


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When somebody is told of a webhook; each of `webhooks` is judged by itself."""

    name: str
    watches: Subject
    webhooks: tuple[str, ...]
    over: float | None
    """So many messages, such a share, or so many seconds; None: the provider guard knows."""
    window_seconds: float
    at_least: int
    severity: AlertSeverity
    lasting_seconds: float
    repeat_seconds: float | None

    @property
    def condition(self) -> str:
        """When it holds, in words."""
        over, window = self.over or 0, format_duration(self.window_seconds)
        match self.watches:
            case "depth":
                return f"more than {over:,.0f} waiting"
            case "oldest":
                return f"the oldest has waited for longer than {format_duration(over)}"
            case "dead":
                return f"more than {over:,.0f} dead letters" if over else "dead letters"
            case "new_dead":
                many = f"more than {over:,.0f} new" if over else "new"
                return f"{many} dead letters within {window}"
            case "failure_rate":
                few = f"at least {self.at_least:,} attempts within {window}"
                return f"more than {over:.0%} of {few} fail"
            case "silence":
                long = "usual" if self.over is None else format_duration(over)
                return f"nothing comes for longer than {long}"
            case "provider":
                return "a sender may give up"


@dataclass(frozen=True, slots=True)
class SlackTarget:
    name: str
    at_least: AlertSeverity
    url: SecretRef


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    name: str
    at_least: AlertSeverity
    url: str
    sign: Verification


@dataclass(frozen=True, slots=True)
class EmailTarget:
    name: str
    at_least: AlertSeverity
    to: tuple[str, ...]
    sender: str
    host: str
    port: int
    security: Security
    user: str | SecretRef | None
    password: tuple[SecretRef, ...]


AlertTarget = SlackTarget | WebhookTarget | EmailTarget
"""Who is told: `at_least` this severity, under a `name` of its own."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A whole definition."""

    name: str
    webhooks: tuple[CompiledWebhook, ...]
    alerts: tuple[AlertRule, ...] = ()
    notify: tuple[AlertTarget, ...] = ()

    def webhook(self, name_or_path: str) -> CompiledWebhook | None:
        """By name, or by path."""
        for webhook in self.webhooks:
            if name_or_path in (webhook.name, webhook.path):
                return webhook
        return None
