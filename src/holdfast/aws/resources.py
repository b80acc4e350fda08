"""The words of a plan: every resource of a stack as frozen data, each number in it. No AWS needed.

`holdfast.aws.stack` translates them one by one and decides nothing. What belongs together refers to
each other by `Ref`: the name of a part of the same webhook (`queue`, `function:charge`), or of the
whole stack (`table`, `topic`), and which of its attributes is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from holdfast.aws.answers import GatewayResponse, IntegrationResponse


@dataclass(frozen=True, slots=True)
class Ref:
    """`attribute` of the resource `part`; `webhook` where it is another one's. `id`: of a role, by
    which AWS tells who did something."""

    part: str
    attribute: Literal["arn", "id", "name", "url"]
    webhook: str | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """A text of several parts, some of which only the deployment knows."""

    parts: tuple[str | Ref, ...]


Value = str | Ref | Joined


@dataclass(frozen=True, slots=True)
class Statement:
    """What a role may do. A `*` in `resources` stands by itself only where AWS knows no narrower.

    `secret:NAME`, `parameter:NAME`, `function:NAME`, `states:PATTERN`: the ARN of one that is not the
    stack's. `new-secret:NAME`: of
    one that is not there yet, and has none of the characters that Secrets Manager adds.
    """

    actions: tuple[str, ...]
    resources: tuple[Value, ...]
    conditions: Mapping[str, Mapping[str, tuple[Value, ...]]] = field(default_factory=dict)
    """As IAM writes them: by operator, then by key."""


@dataclass(frozen=True, slots=True)
class Role:
    """`same_account`: assumed only on behalf of the stack's own account (`aws:SourceAccount`).

    `apart`: its rights are a resource of their own, because somebody they are about is told its id.
    """

    part: str
    service: str
    statements: tuple[Statement, ...]
    same_account: bool = False
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """Encrypted by SQS, reached over TLS only, kept when the stack is deleted."""

    retention_seconds: int
    visibility_timeout_seconds: int
    max_receive_count: int
    maximum_message_bytes: int
    receive_wait_seconds: int


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The same, and nothing moves on from here by itself."""

    retention_seconds: int
    maximum_message_bytes: int


PipeLevel = Literal["OFF", "ERROR", "INFO"]


@dataclass(frozen=True, slots=True)
class Pipe:
    batch: int
    window_seconds: int
    log_level: PipeLevel
    invocation: Literal["REQUEST_RESPONSE"] = "REQUEST_RESPONSE"
    desired_state: Literal["RUNNING"] = "RUNNING"


@dataclass(frozen=True, slots=True)
class StateMachine:
    """Type EXPRESS. `definition`: the text, in which `${name}` stands for a value of `substitutions`.

    `include_execution_data` stays False: the log would hold what senders sent.
    """

    definition: str
    substitutions: Mapping[str, Value]
    timeout_seconds: int
    log_level: Literal["ALL", "ERROR", "FATAL", "OFF"]
    include_execution_data: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """Somebody puts its value into `store` under `name`; no template ever holds it.

    `ssm`: the Parameter Store of Systems Manager, as a SecureString.
    """

    reference: str
    name: str
    store: Literal["secretsmanager", "ssm"] = "secretsmanager"


@dataclass(frozen=True, slots=True)
class Function:
    """One function in Lambda; all have the same asset, and find in the environment which they are."""

    part: str
    task: str
    timeout_seconds: int
    environment: Mapping[str, Value]
    secrets: tuple[Secret, ...] = ()
    keeps: Secret | None = None
    """The one of them that it puts there itself, once, when a sender hands it over."""
    memory_mb: int = 256
    architecture: Literal["arm64"] = "arm64"


@dataclass(frozen=True, slots=True)
class Connection:
    """How states call an HTTP API: a connection of EventBridge.

    `header`: where a key goes; None: HTTP Basic with `user`. `secret` None: nothing is asked for,
    and a header that means nothing is sent, because AWS knows no connection without one.
    """

    part: str
    header: str | None
    user: str | None
    prefix: str
    secret: Secret | None


@dataclass(frozen=True, slots=True)
class Integration:
    """What stands behind a method.

    `sqs`: the queue itself, by its path and the query protocol. `mock`: nothing. `lambda`: the
    function `door`, as a proxy. `templates`: of the request, by content type; any other is 415.
    """

    kind: Literal["sqs", "mock", "lambda"]
    templates: Mapping[str, str] = field(default_factory=dict)
    responses: tuple[IntegrationResponse, ...] = ()
    request_headers: Mapping[str, str] = field(default_factory=dict)
    content_handling: Literal["CONVERT_TO_TEXT"] | None = None
    passthrough: Literal["NEVER"] = "NEVER"
    timeout_ms: int = 5_000


@dataclass(frozen=True, slots=True)
class Method:
    """`models`: content type to the webhook's model, against which a validator holds bodies; empty:
    any body. `verb` ANY: all those that have no method of their own."""

    verb: str
    integration: Integration
    models: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Throttle:
    """Requests a second on average, and at once. For one webhook, all senders together."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """Metric `statistic` over `period_seconds`, at `threshold` or above. Silence is no alarm."""

    name: str
    why: str
    namespace: str
    metric: str
    dimensions: Mapping[str, Value]
    statistic: Literal["Maximum", "Sum"]
    threshold: float
    period_seconds: int = 60
    periods: int = 1


@dataclass(frozen=True, slots=True)
class LogGroup:
    """Under a name that needs no resource policy; kept when the stack is deleted."""

    part: str
    name: str
    retention_days: int


@dataclass(frozen=True, slots=True)
class Table:
    """DynamoDB, on demand, with point-in-time recovery, kept when the stack is deleted."""

    partition_key: str = "pk"
    ttl_attribute: str = "ttl"


@dataclass(frozen=True, slots=True)
class Allow:
    """A statement of the API's resource policy: this path, from these networks and no others.

    `resources`: the path under each of its methods, a `*` for each parameter, as IAM has them after
    `execute-api:/`. A `*` for the method would stand for the beginning of any longer path as well.
    """

    path: str
    networks: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Api:
    """One REST API for all webhooks, Regional, with one stage."""

    name: str
    stage: str
    binary_types: tuple[str, ...]
    responses: tuple[GatewayResponse, ...]
    allow: tuple[Allow, ...]
    throttle: Throttle
    access_log: Mapping[str, str]
    access_log_days: int
