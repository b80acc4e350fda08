"""What the guard knows of a webhook's sender, and what was counted of its requests."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.compiled import Compiled, CompiledWebhook


@dataclass(frozen=True, slots=True)
class Sender:
    """One webhook, and what its sender does when it does not hear what it wants. None: not known."""

    webhook: str
    title: str
    deadline_seconds: float | None = None
    retry_seconds: float | None = None
    """How long it tries again."""
    failures: int | None = None
    """As many make it stop sending: in a row, or within `window_seconds`."""
    window_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Totals of one webhook since this run began. `waits`: requests by how long their answer took,
    in the buckets of `holdfast.telemetry.ANSWER_BOUNDS_MS`."""

    accepted: int = 0
    refused: int = 0
    waits: tuple[int, ...] = ()


def senders_of(compiled: Compiled) -> tuple[Sender, ...]:
    """Every webhook: whatever its sender, it may fall silent."""
    return tuple(map(_sender, compiled.webhooks))


def _sender(webhook: CompiledWebhook) -> Sender:
    provider = webhook.provider
    if provider is None:
        return Sender(webhook.name, webhook.name)
    retries, disabling = provider.retries, provider.disabling
    period = None
    if retries is not None:
        period = retries.period_seconds or sum(retries.delays_seconds) or None
    return Sender(
        webhook.name,
        provider.title,
        provider.deadline_seconds,
        period,
        disabling.failures if disabling else None,
        disabling.window_seconds if disabling else None,
    )
