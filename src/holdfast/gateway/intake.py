"""The decision at the door: a request comes to an acceptance, an answer or a refusal.

In two steps, so that a door need not read a body that nobody wants: `route` judges what stands
before the body, `decide` the whole. The checks come in the order of their cost and of what they
reveal to a stranger:

    headers 431 > path 404 > method 405 > address 403 > length 413 > type 415 > rate 429   (route)
    length 413 > handshake > body 400 > source 401, secret missing 503 > accept           (decide)

Pure but for the buckets of the rate limits: nothing here reads or writes anything, and time comes
from the clock that was handed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from holdfast.clock import Clock
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.errors import SecretMissing, VerificationFailed
from holdfast.gateway.answers import (
    CLOSE,
    HEADERS_MAX,
    RETRY_SECONDS,
    Accept,
    Arrival,
    Greeting,
    HeaderLines,
    Refused,
    refuse,
    refuse_body,
)
from holdfast.gateway.gate import Gate
from holdfast.gateway.greeting import announced, greet
from holdfast.gateway.handshakes import Handshake
from holdfast.gateway.routes import Router
from holdfast.message import Headers, Message, Request
from holdfast.secrets import Secrets
from holdfast.verify.reasons import REASONS
from holdfast.verify.source import check_source, redact

VERIFIED: Final = "verified"


class Route(NamedTuple):
    """A request that may go on, its body still unread."""

    arrival: Arrival
    gate: Gate
    params: Mapping[str, str]
    handshake: Handshake | None
    """The one that stands in the request line and the headers."""

    @property
    def limit_bytes(self) -> int:
        return self.gate.webhook.body_limit_bytes


class Intake:
    """Judges requests against one compiled definition."""

    def __init__(self, compiled: Compiled, secrets: Secrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock
        gates = [Gate(webhook) for webhook in compiled.webhooks]
        self._router = Router((gate.webhook.path, gate) for gate in gates)
        # All of them, because a secret that was sent to the wrong path is still a secret.
        self.secret_headers = frozenset(
            name for gate in gates for name in (*gate.secret_headers, *gate.token_headers)
        )

    def route(self, arrival: Arrival, content_length: int | None) -> Route | Refused:
        """Judge what stands before the body. `content_length` is None where it is not announced."""
        if len(arrival.headers) > HEADERS_MAX:
            message = f"a request has up to {HEADERS_MAX} headers here"
            return self._refuse(arrival, None, 431, "too_many_headers", message)
        found = self._router.find(arrival.route)
        if found is None:
            return self._refuse(arrival, None, 404, "not_found", "no webhook has this path")
        gate, params = found
        handshake = announced(gate, arrival)
        if handshake is None and arrival.method not in gate.webhook.methods:
            return self._refuse_method(arrival, gate)
        if not gate.allows(arrival.remote):
            return self._refuse(
                arrival,
                gate,
                403,
                "address_not_allowed",
                "this address is not on the webhook's allow-list",
            )
        if content_length is not None and content_length > gate.webhook.body_limit_bytes:
            return self.too_large(Route(arrival, gate, params, handshake))
        content_type = arrival.headers.get("content-type")
        if handshake is None and not gate.media.accepts(content_type):
            return self._refuse_type(arrival, gate)
        wait = gate.bucket.take(self._clock.monotonic()) if gate.bucket else 0.0
        if wait:
            return self._refuse_rate(arrival, gate, wait)
        return Route(arrival, gate, params, handshake)

    def decide(self, route: Route, body: bytes) -> Accept | Greeting | Refused:
        """Judge the whole request. What a verification function raises by mistake goes through."""
        arrival, gate = route.arrival, route.gate
        if len(body) > route.limit_bytes:
            return self.too_large(route, body)
        request = Request(
            arrival.method,
            arrival.path,
            arrival.query,
            arrival.headers,
            body,
            arrival.remote,
            arrival.origin,
        )
        if route.handshake is not None or gate.body_handshakes:
            greeting = self._greet(route, request)
            if greeting is not None:
                return greeting
        if gate.schema is not None:
            violations = gate.schema.violations(body)
            if violations:
                name = gate.webhook.name
                return refuse_body(arrival, name, violations, body, self.secret_headers)
        verdict = None
        if gate.asks_source:
            answer = self._verdict(route, request)
            if isinstance(answer, Refused):
                return answer
            verdict = answer
            if gate.secret_headers:
                request = _redacted(gate.webhook, request)
        message = Message(
            arrival.id, gate.webhook.name, arrival.now_ms, request, route.params, verdict
        )
        return Accept(message, gate.success.of(arrival.id))

    def too_large(self, route: Route, body: bytes = b"") -> Refused:
        """The body exceeds the limit, by its own account or as far as it was read."""
        limit = route.limit_bytes
        return self._refuse(
            route.arrival,
            route.gate,
            413,
            "payload_too_large",
            f"this webhook takes bodies of up to {limit} bytes",
            headers=(CLOSE,),
            facts={"limit": limit},
            body=body,
        )

    def token_known(self, arrival: Arrival, webhook: str) -> Refused:
        """A provider, or whoever it was, handed over a secret where another one is already.

        The body is not kept with the refusal: it may hold the provider's next secret.
        """
        return refuse(
            arrival,
            webhook,
            401,
            "token_known",
            "a secret is there already, and no other one is taken",
            detail="another one was handed over before; `holdfast providers token` shows it",
            secret_headers=self.secret_headers,
        )

    def _verdict(self, route: Route, request: Request) -> str | Refused:
        """`verified`, the reason why not where the first state is to act on it, or the refusal."""
        webhook = route.gate.webhook
        try:
            check_source(webhook, request, self._secrets, _seconds(route.arrival))
        except VerificationFailed as failure:
            if webhook.verify_at == "gateway":
                return self._refuse_source(route, request, failure)
            return failure.reason
        except SecretMissing as missing:
            return self._refuse_secret(route, request, missing)
        return VERIFIED

    def _greet(self, route: Route, request: Request) -> Greeting | Refused | None:
        gate = route.gate
        try:
            greeting = greet(gate, route.handshake, route.arrival, request, self._secrets)
        except VerificationFailed as failure:
            if failure.reason == "token_known":
                return self.token_known(route.arrival, gate.webhook.name)
            return self._refuse_source(route, request, failure)
        except SecretMissing as missing:
            return self._refuse_secret(route, request, missing)
        if greeting is None and request.method not in gate.webhook.methods:
            return self._refuse_method(route.arrival, gate)
        return greeting

    def _refuse(
        self,
        arrival: Arrival,
        gate: Gate | None,
        status: int,
        reason: str,
        message: str,
        *,
        detail: str = "",
        headers: HeaderLines = (),
        facts: dict[str, object] | None = None,
        body: bytes = b"",
    ) -> Refused:
        return refuse(
            arrival,
            gate.webhook.name if gate else None,
            status,
            reason,
            message,
            detail=detail,
            headers=headers,
            facts=facts,
            body=body,
            secret_headers=self.secret_headers,
        )

    def _refuse_method(self, arrival: Arrival, gate: Gate) -> Refused:
        methods = ", ".join(gate.webhook.methods)
        message = f"this webhook takes {methods}"
        allow = (("allow", methods),)
        return self._refuse(arrival, gate, 405, "method_not_allowed", message, headers=allow)

    def _refuse_type(self, arrival: Arrival, gate: Gate) -> Refused:
        accepted = list(gate.webhook.content_types)
        return self._refuse(
            arrival,
            gate,
            415,
            "unsupported_media_type",
            f"this webhook takes {', '.join(accepted)}",
            facts={"accepts": accepted},
        )

    def _refuse_rate(self, arrival: Arrival, gate: Gate, wait_seconds: float) -> Refused:
        seconds = int(wait_seconds) + 1
        return self._refuse(
            arrival,
            gate,
            429,
            "rate_limited",
            f"too many requests; try again in {seconds} s",
            headers=(("retry-after", str(seconds)),),
            facts={"retryAfter": seconds},
        )

    def _refuse_source(
        self, route: Route, request: Request, failure: VerificationFailed
    ) -> Refused:
        return self._refuse(
            route.arrival,
            route.gate,
            401,
            failure.reason,
            REASONS.get(failure.reason, "The source could not prove itself."),
            detail=failure.detail,
            headers=route.gate.challenge,
            body=request.body,
        )

    def _refuse_secret(self, route: Route, request: Request, missing: SecretMissing) -> Refused:
        """Without the secret nothing can be judged; told to come back, the sender loses nothing."""
        return self._refuse(
            route.arrival,
            route.gate,
            503,
            "secret_missing",
            "the source cannot be checked just now",
            detail=str(missing),
            headers=(("retry-after", str(RETRY_SECONDS)),),
            body=request.body,
        )


def _seconds(arrival: Arrival) -> float:
    """When it came in, as signatures count time."""
    return arrival.now_ms / 1000


def _redacted(webhook: CompiledWebhook, request: Request) -> Request:
    headers: Headers = redact(webhook, request.headers)
    return Request(
        request.method,
        request.path,
        request.query,
        headers,
        request.body,
        request.remote,
        request.origin,
    )
