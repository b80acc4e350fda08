"""Three rules, each a pure function: numbers in, a warning or none out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from holdfast.clock import format_duration
from holdfast.operate.guard.facts import Sender
from holdfast.operate.overview import Severity, Warned

SLOW_SHARE: Final = 0.5
"""Of the deadline, at the 99th percentile: twice as long, and one in a hundred comes too late."""
SLOW_CRITICAL: Final = 0.9
SLOW_REQUESTS: Final = 20
"""Fewer have no 99th percentile worth the name."""

REFUSED_SHARE: Final = 0.5
"""Of the failures that make the sender stop, or of all requests where their number is not known."""
REFUSED_CRITICAL: Final = 0.9
REFUSED_REQUESTS: Final = 20

SILENT_FACTOR: Final = 2.0
"""Times the longest silence of the last days."""
SILENT_SECONDS_MIN: Final = 300.0


def slow(
    sender: Sender, bounds_ms: Sequence[float], waits: Sequence[int], since_ms: int
) -> Warned | None:
    """The 99th percentile of how long answers took comes near the sender's deadline.

    `waits`: requests of the last minutes by the upper bound of their bucket, the last without one.
    """
    total = sum(waits)
    if sender.deadline_seconds is None or total < SLOW_REQUESTS:
        return None
    p99_ms = percentile(bounds_ms, waits, 0.99)
    deadline_ms = sender.deadline_seconds * 1000
    if p99_ms < deadline_ms * SLOW_SHARE:
        return None
    took = format_duration(p99_ms / 1000)
    waited = format_duration(sender.deadline_seconds)
    return Warned(
        "provider_slow",
        _severity(p99_ms / deadline_ms, SLOW_CRITICAL),
        f"answers take {took} at the 99th percentile; {sender.title} waits {waited}",
        sender.webhook,
        f"what is answered later counts as failed there{_tries(sender, since_ms)}",
        since_ms,
        {
            "p99_ms": round(p99_ms),
            "deadline_ms": round(deadline_ms),
            "requests": total,
            "until": _until(sender, since_ms),
        },
    )


def refused(sender: Sender, failures: int, requests: int, since_ms: int) -> Warned | None:
    """Refusals come near the number at which the sender stops sending, or are most of what comes.

    `failures`: in a row, or within the sender's window. `requests`: with those that were accepted;
    only looked at where the sender's number is not known.
    """
    if sender.failures is not None:
        share, of = failures / sender.failures, sender.failures
        title = f"{failures:,} refused; {sender.title} stops sending after {of:,}"
    elif requests >= REFUSED_REQUESTS:
        share, of = failures / requests, requests
        title = f"{failures:,} of {requests:,} requests of {sender.title} were refused"
    else:
        return None
    if not failures or share < REFUSED_SHARE:
        return None
    return Warned(
        "provider_refused",
        _severity(share, REFUSED_CRITICAL) if sender.failures is not None else "warning",
        title,
        sender.webhook,
        f"`holdfast events --state refused` says why{_tries(sender, since_ms)}",
        since_ms,
        {
            "refused": failures,
            "threshold": sender.failures,
            "requests": requests,
            "until": _until(sender, since_ms),
        },
    )


def silent(
    sender: Sender, silence_seconds: float, usual_seconds: float, last_ms: int
) -> Warned | None:
    """Nothing has come for much longer than it ever does. `usual_seconds`: the longest silence."""
    if silence_seconds < max(SILENT_SECONDS_MIN, usual_seconds * SILENT_FACTOR):
        return None
    return Warned(
        "provider_silent",
        "warning",
        f"nothing from {sender.title} for {format_duration(silence_seconds)}",
        sender.webhook,
        f"its longest silence was {format_duration(usual_seconds)}: is the address still registered there?",
        last_ms,
        {
            "silent_seconds": round(silence_seconds),
            "usual_seconds": round(usual_seconds),
            "until": _until(sender, last_ms),
        },
    )


def percentile(bounds_ms: Sequence[float], counts: Sequence[int], share: float) -> float:
    """In milliseconds: linear within its bucket, and the last bound for what lies beyond it."""
    wanted = sum(counts) * share
    below, passed = 0.0, 0
    for bound, count in zip(bounds_ms, counts, strict=False):
        if count and passed + count >= wanted:
            return below + (bound - below) * (wanted - passed) / count
        below, passed = bound, passed + count
    return below


def _severity(share: float, critical: float) -> Severity:
    return "critical" if share >= critical else "warning"


def _until(sender: Sender, since_ms: int) -> str | None:
    if sender.retry_seconds is None:
        return None
    moment = datetime.fromtimestamp(since_ms / 1000 + sender.retry_seconds, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _tries(sender: Sender, since_ms: int) -> str:
    until = _until(sender, since_ms)
    return f"; what failed first is tried again until {until}" if until else ""
