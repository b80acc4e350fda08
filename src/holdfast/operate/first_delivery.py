"""The first delivery of a webhook that was just set up: whether it was genuine, or why not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.message import Failure, Request
from holdfast.queue.contract import Archive, Entry, Filter, Refusal, State
from holdfast.verify import REASONS

LOOK_SECONDS: Final = 0.2

_UNJUDGED: Final = {"SecretMissing": "secret_missing", "KeyUnavailable": "key_unavailable"}
"""Errors of an attempt that could not even tell whether it is genuine."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came. `reason` empty: it is genuine. `request` and `at_ms`: to explain it with."""

    id: str
    reason: str
    failure: Failure | None
    at_ms: int
    request: Request | None = None


async def first_delivery(
    archive: Archive,
    webhook: str,
    since_ms: int,
    timeout_seconds: float,
    clock: Clock = SYSTEM_CLOCK,
) -> Arrived | None:
    """The first that came since then and was judged; None where none does in time."""
    deadline = clock.monotonic() + timeout_seconds
    while True:
        found = await asyncio.to_thread(_look, archive, webhook, since_ms)
        if found is not None or clock.monotonic() >= deadline:
            return found
        await asyncio.sleep(LOOK_SECONDS)


def _look(archive: Archive, webhook: str, since_ms: int) -> Arrived | None:
    wanted = Filter(webhook=webhook, since_ms=since_ms, newest_first=False)
    judged = [arrived for one in archive.events(wanted, None, 20) if (arrived := _judged(one))]
    refused = [_refused(one) for one in archive.refusals(wanted, None, 20)]
    return min((*judged, *refused), key=lambda one: one.at_ms, default=None)


def _judged(entry: Entry) -> Arrived | None:
    """None while nobody has looked at its signature."""
    message = entry.message
    last = entry.attempts[-1] if entry.attempts else None
    if last is None and entry.state not in (State.DONE, State.DEAD):
        return None
    reason = entry.reason if entry.reason in REASONS else ""
    if last is not None and last.error in _UNJUDGED:
        reason = _UNJUDGED[last.error]
    return Arrived(
        message.id, reason or "", last if reason else None, message.received_at_ms, message.request
    )


def _refused(refusal: Refusal) -> Arrived:
    failure = Failure(f"{refusal.status}", refusal.detail)
    return Arrived(refusal.id, refusal.reason, failure, refusal.at_ms)
