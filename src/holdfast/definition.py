"""What the user writes: an `App`, its webhooks, their settings and handlers.

Nothing is checked or read here, not even the environment: a definition is only written down, each
piece with the place where it stands, so that `holdfast.compile` can judge it as a whole and name
every mistake at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from holdfast.alerts import Alert, Notified
from holdfast.message import Request
from holdfast.places import caller_place, function_place
from holdfast.secrets import SecretRef
from holdfast.steps.step import Step

Function = TypeVar("Function", bound=Callable[..., Any])

LogLevel = Literal["ALL", "ERROR", "FATAL", "OFF"]
VerifyAt = Literal["workflow", "gateway"]


class Verification(Protocol):
    """How a source proves itself. Made by `hmac_sha256(...)`, `basic(...)`, a provider, ..."""

    @property
    def name(self) -> str:
        """The scheme in a word: `hmac`, `basic`, `token`, `standard-webhooks`, `function`."""
        ...

    @property
    def secrets(self) -> Sequence[SecretRef]:
        """References; several during a rotation, any of which may match."""
        ...

    @property
    def secret_headers(self) -> Sequence[str]:
        """Headers that carry the secret itself, lower case: checked at the door, never stored."""
        ...

    def mistakes(self) -> Sequence[str]:
        """What is wrong with these settings."""
        ...

    def check(self, request: Request, secrets: Sequence[str], now_seconds: float) -> None:
        """Return if the source is genuine. Raises VerificationFailed with a named reason."""
        ...

    def sign(self, request: Request, secret: str, now_seconds: float) -> Request:
        """The request as a genuine sender would send it. Raises NotSupported where only it can."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender hears once its event is kept. `{id}` in the body becomes the message id."""

    status: int = 200
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retries:
    """What a sender does with a delivery that was not answered as it expects. None: not known.

    `count`: attempts after the first; 0: none. `delays_seconds`: before each of them.
    `period_seconds`: how long it keeps trying.
    """

    count: int | None = None
    delays_seconds: tuple[float, ...] = ()
    period_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Disabling:
    """When a sender stops sending to an address. None: not known in numbers.

    `failures`: in a row, or within `window_seconds` where there is one.
    """

    failures: int | None = None
    window_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Handshake:
    """How a sender makes sure that an address is ours before it sends.

    `kind`: echo, hmac-reply, digest-reply, fixed-reply, ping, visit-url or store-token
    (`holdfast.gateway.handshakes.kinds`). `where`: places and what stands there in a request for it;
    True: anything, False: nothing. `settings`: those of the kind.
    """

    kind: str
    when: str = ""
    """What a request for it looks like, in words."""
    answer: str = ""
    """What it is answered, in words."""
    signed: bool = False
    """The request for it carries the sender's signature, which is checked first."""
    method: str = "POST"
    where: tuple[tuple[str, Any], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[SecretRef, ...] = ()
    """References to the token that only this handshake knows, where there is one."""
    url: str = ""
    """The address as it is registered with the sender; empty: as it is called."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A known sender: how it signs, names its deliveries and shakes hands.

    `delivery_id` and `event_type` are places tried in order: `header:X-GitHub-Delivery`,
    `json:data.id`, or `json:object + json:event` where one alone would not do. What is not known of a
    sender is None or empty.
    """

    name: str
    title: str
    verification: Verification
    delivery_id: tuple[str, ...] = ()
    event_type: tuple[str, ...] = ()
    handshakes: tuple[Handshake | str, ...] = ()
    """Those that it performs; or their names, of the few that `holdfast.gateway.handshakes` has."""
    content_types: tuple[str, ...] = ("application/json",)
    variant: str | None = None
    """Which of its ways to sign; None: it has one."""
    answer: Answer | None = None
    """What it must hear; None: any success will do."""
    statuses: str = "2xx"
    """Which answers it takes for success."""
    verify_at: VerifyAt = "workflow"
    """`gateway`: it tries wrong signatures, and wants 401; the webhook must say so too."""
    deadline_seconds: float | None = None
    """How long it waits for the answer."""
    retries: Retries | None = None
    disabling: Disabling | None = None
    addresses: tuple[str, ...] = ()
    """Where it sends from, as far as it says so; for a webhook's `allow`."""
    notes: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    """Which of these facts rest on a secondary source."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `per_second` on average, `burst` at once (default: one second's worth)."""

    per_second: float
    burst: int | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """How long and how often. Durations as text: `"7d"`, `"30s"`."""

    retention: str = "7d"
    dead_retention: str = "14d"
    max_receive_count: int = 3
    visibility_timeout: str | None = None
    """Default: six times the webhook's timeout, as AWS advises."""


@dataclass(frozen=True, slots=True)
class Pipe:
    """How messages are carried to the workflow."""

    batch: int = 10
    window: str = "0s"
    concurrency: int = 10
    backoff: str = "1s"
    """The first wait after a failure; doubled each time, with full jitter."""
    max_backoff: str = "15m"


@dataclass(frozen=True, slots=True)
class Handler:
    """A function that works events: all of them, or those whose type matches `pattern`."""

    function: Callable[..., Any]
    pattern: str | None
    place: str


@dataclass(frozen=True, slots=True)
class Forward:
    """Another program that works events: they are carried there over HTTP.

    A task of a workflow, beside Python functions: `tasks={"notify": Forward("https://...")}`. The
    settings are those of `webhook.forward`.
    """

    url: str
    sign: Verification | Provider | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] | None = field(default=None, kw_only=True)
    timeout: str | None = field(default=None, kw_only=True)
    place: str = field(default_factory=caller_place, kw_only=True, repr=False)
    """Where it is written; found out by itself."""


class Webhook:
    """One endpoint. Call it with a function to make that its handler."""

    def __init__(self, path: str, place: str, settings: Mapping[str, Any]) -> None:
        self.path = path
        self.place = place
        self.settings = dict(settings)
        self.handlers: list[Handler] = []
        self.forwards: list[Forward] = []

    def __call__(self, function: Function) -> Function:
        """Decorate the function that works every event (or, beside `on`, every other one)."""
        place = function_place(function) or caller_place()
        self.handlers.append(Handler(function, None, place))
        return function

    handler = __call__

    def on(self, pattern: str) -> Callable[[Function], Function]:
        """Decorate the function for events of this type; `*` stands for any run of characters."""

        def decorate(function: Function) -> Function:
            place = function_place(function) or caller_place()
            self.handlers.append(Handler(function, pattern, place))
            return function

        return decorate

    def forward(
        self,
        url: str,
        *,
        sign: Verification | Provider | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: str | None = None,
    ) -> Webhook:
        """Carry every event to `url`: same method, body and headers, plus `sign`'s signature: a
        scheme, or a known sender whose deliveries the other program takes.

        Any answer but 2xx is a failure, and is tried again.
        """
        place = caller_place()
        written = Forward(url, sign=sign, headers=headers, timeout=timeout, place=place)
        self.forwards.append(written)
        return self


class App:
    """A definition: webhooks under one roof, and who is told when they are not well.

    `alerts`: the rules; default: the usual ones (`holdfast.compile.alerts.USUAL`) where there is
    anybody to `notify`.
    """

    def __init__(
        self,
        name: str = "holdfast",
        *,
        alerts: Sequence[Alert] | None = None,
        notify: Sequence[Notified] = (),
    ) -> None:
        self.name = name
        self.alerts = alerts
        self.notify = notify
        self.place = caller_place()
        self.webhooks: list[Webhook] = []

    def webhook(
        self,
        path: str,
        *,
        name: str | None = None,
        body: Any = None,
        schema: str | Mapping[str, Any] | None = None,
        verify: Verification | Callable[[Request], Any] | None = None,
        provider: Provider | None = None,
        verify_at: VerifyAt = "workflow",
        methods: Sequence[str] = ("POST",),
        content_types: Sequence[str] | None = None,
        body_limit: int = 1024 * 1024,
        rate_limit: RateLimit | None = None,
        allow: Sequence[str] = (),
        answer: Answer | None = None,
        queue: Queue | None = None,
        pipe: Pipe | None = None,
        timeout: str = "60s",
        delivery_id: str | None = None,
        event_type: str | None = None,
        workflow: str | Mapping[str, Any] | Step | None = None,
        tasks: Sequence[Callable[..., Any]] | Mapping[str, Callable[..., Any] | Forward] = (),
        connections: Mapping[str, Verification | None] | None = None,
        log_level: LogLevel = "ERROR",
    ) -> Webhook:
        """Define one endpoint.

        path: `/users` or, with parameters, `/tenants/{tenant}/orders`.
        body: the type of the body: a pydantic model or any type pydantic knows. Taken from the
            handler's annotation (`Event[User]`) where absent.
        schema: a JSON Schema instead: a mapping, or the path of a file beside the definition.
        verify: a scheme such as `hmac_sha256(...)`, or a function of the `Request` that returns
            False or raises `VerificationFailed` where the source is not genuine.
        provider: a known sender (`providers.stripe(...)`), instead of `verify`.
        verify_at: `"workflow"` keeps first and quarantines what fails; `"gateway"` answers 401.
        content_types: media types accepted (`text/*` and `*/*` match too); default: JSON where
            there is a schema, the provider's where there is one, anything otherwise.
        body_limit: bytes; a larger body is answered 413.
        allow: addresses or networks (CIDR) that may send; empty: all.
        timeout: how long one attempt may take.
        delivery_id, event_type: locators (`header:X-Id`, `json:data.id`) where no provider says.
        workflow: steps (`holdfast.steps`), or an Amazon States Language document: a mapping, or a
            file beside the definition.
        tasks: the Python functions that the document's Task states name, by name also `Forward`;
            steps bring their own.
        connections: how its HTTP tasks prove themselves, by the names that they call them by:
            `{"payments": bearer("env:PAYMENTS_TOKEN")}`; None for an API that asks for nothing.
        """
        settings = {
            "name": name,
            "body": body,
            "schema": schema,
            "verify": verify,
            "provider": provider,
            "verify_at": verify_at,
            "methods": methods,
            "content_types": content_types,
            "body_limit": body_limit,
            "rate_limit": rate_limit,
            "allow": allow,
            "answer": answer,
            "queue": queue,
            "pipe": pipe,
            "timeout": timeout,
            "delivery_id": delivery_id,
            "event_type": event_type,
            "workflow": workflow,
            "tasks": tasks,
            "connections": connections,
            "log_level": log_level,
        }
        webhook = Webhook(path, caller_place(), settings)
        self.webhooks.append(webhook)
        return webhook
