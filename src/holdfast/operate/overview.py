"""The first screen: what came in, what waits, what failed, and whether anything needs a hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from holdfast.clock import format_duration
from holdfast.compiled import Compiled, CompiledWebhook, Forward
from holdfast.definition import Handshake
from holdfast.errors import HoldfastError
from holdfast.queue.contract import Depth
from holdfast.queue.views import Bucket
from holdfast.secrets import SecretRef, Secrets

WINDOWS: Final[Mapping[str, tuple[int, int]]] = {
    "15m": (15 * 60, 60),
    "1h": (3_600, 60),
    "6h": (6 * 3_600, 300),
    "24h": (86_400, 900),
    "7d": (7 * 86_400, 7_200),
}
"""By name: how long, and the step of its series, in seconds."""

OUTCOMES: Final = ("received", "refused", "done", "duplicate", "retried", "dead")

Severity = Literal["info", "warning", "critical"]

Purpose = Literal["verification", "handshake", "forward", "connection"]
"""What a secret is for."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that an operator should know of. `code` names the kind, for programs."""

    code: str
    severity: Severity
    title: str
    webhook: str | None = None
    detail: str = ""
    since_ms: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the kind has to tell beside, such as when a provider gives up."""


@dataclass(frozen=True, slots=True)
class Series:
    """Counts in equal steps, the first at `start_ms`, the last not over yet."""

    start_ms: int
    step_ms: int
    steps: int
    counts: Mapping[str, Mapping[str, tuple[int, ...]]]
    """By webhook and outcome. What no webhook was found for is counted under the empty name."""


def series(buckets: Iterable[Bucket], webhooks: Iterable[str], now_ms: int, window: str) -> Series:
    """The buckets that begin at `series_start`, with a zero where nothing was."""
    start_ms, step_ms, steps = series_start(now_ms, window)
    counts: dict[str, dict[str, list[int]]] = {
        name: {outcome: [0] * steps for outcome in OUTCOMES} for name in webhooks
    }
    for bucket in buckets:
        place = (bucket.at_ms - start_ms) // step_ms
        if 0 <= place < steps and bucket.outcome in OUTCOMES:
            known = counts.setdefault(
                bucket.webhook, {outcome: [0] * steps for outcome in OUTCOMES}
            )
            known[bucket.outcome][place] += bucket.count
    frozen = {
        name: {outcome: tuple(values) for outcome, values in told.items()}
        for name, told in counts.items()
    }
    return Series(start_ms, step_ms, steps, frozen)


def series_start(now_ms: int, window: str) -> tuple[int, int, int]:
    """Where a window begins, in whole steps; the length of a step; how many. Raises KeyError."""
    seconds, step_seconds = WINDOWS[window]
    step_ms = step_seconds * 1000
    steps = seconds // step_seconds
    return (now_ms // step_ms - steps + 1) * step_ms, step_ms, steps


@dataclass(frozen=True, slots=True)
class SecretState:
    """A reference, and whether it resolves here. Never what it resolves to."""

    reference: str
    purpose: Purpose
    name: str
    """Of the forward task, the connection, or the handshake's kind; empty for the signature."""
    there: bool
    problem: str = ""


def secret_states(webhook: CompiledWebhook, secrets: Secrets) -> list[SecretState]:
    """Every secret that a webhook needs, each once for a purpose."""
    return [
        _state(ref, purpose, name, secrets)
        for purpose, name, ref in dict.fromkeys(_needed(webhook))
    ]


def _needed(webhook: CompiledWebhook) -> Iterator[tuple[Purpose, str, SecretRef]]:
    if webhook.verification is not None:
        yield from (("verification", "", ref) for ref in webhook.verification.secrets)
    for handshake in webhook.provider.handshakes if webhook.provider else ():
        # One that is known by its name alone takes the webhook's own secret.
        if isinstance(handshake, Handshake):
            yield from (("handshake", handshake.kind, ref) for ref in handshake.secrets)
    for name, task in webhook.tasks.items():
        if isinstance(task, Forward) and task.sign is not None:
            yield from (("forward", name, ref) for ref in task.sign.secrets)
    for name, connection in webhook.connections.items():
        if connection is not None:
            yield from (("connection", name, ref) for ref in connection.secrets)


def _state(ref: SecretRef, purpose: Purpose, name: str, secrets: Secrets) -> SecretState:
    try:
        secrets.value(ref)
    except HoldfastError as error:
        return SecretState(str(ref), purpose, name, there=False, problem=str(error))
    return SecretState(str(ref), purpose, name, there=True)


def warnings(
    compiled: Compiled | None,
    secrets: Secrets,
    depths: Sequence[Depth],
    pauses: Sequence[str],
    now_ms: int,
) -> list[Warned]:
    """What can be told from here: secrets that are missing, and pauses behind which mail piles up."""
    found = []
    for webhook in compiled.webhooks if compiled else ():
        found += [
            Warned(
                "secret_missing",
                "critical",
                f"the secret {one.reference} is not there",
                webhook.name,
                one.problem,
                facts={"reference": one.reference, "purpose": one.purpose},
            )
            for one in secret_states(webhook, secrets)
            # During a rotation one of two may be missing.
            if not one.there and not _another_is_there(webhook, secrets, one)
        ]
    for depth in depths:
        if depth.webhook in pauses and depth.waiting:
            oldest = depth.oldest_ms
            waits = (
                f", the oldest for {format_duration((now_ms - oldest) / 1000)}" if oldest else ""
            )
            found.append(
                Warned(
                    "paused",
                    "warning",
                    f"paused, and {depth.waiting:,} wait",
                    depth.webhook,
                    f"what comes in is kept, and not worked until it is resumed{waits}",
                    oldest,
                    {"waiting": depth.waiting},
                )
            )
    return found


def _another_is_there(webhook: CompiledWebhook, secrets: Secrets, missing: SecretState) -> bool:
    use = (missing.purpose, missing.name)
    return any(
        one.there for one in secret_states(webhook, secrets) if (one.purpose, one.name) == use
    )
