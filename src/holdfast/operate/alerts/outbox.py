"""What is to be told to one target, until it was. Pure.

News of one moment go out as one message: the first waits a little for others. While a target does
not take messages, what is news of an alert replaces what was, so that an outbox never holds more than
one entry for each rule and webhook, however long that lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from holdfast.alerts import AlertSeverity
from holdfast.clock import backoff_seconds
from holdfast.operate.alerts.standing import RANKS, Key, News

GATHER_SECONDS: Final = 5.0
"""How long the first news wait for others."""
FIRST_RETRY_SECONDS: Final = 10.0
MAX_RETRY_SECONDS: Final = 900.0
ASKED_RETRY_SECONDS_MAX: Final = 3_600.0
"""As long as a target may ask us to wait."""
GIVE_UP_SECONDS: Final = 86_400.0
"""After a day of failures what is untold is dropped: the alerts that still stand are told again anyway."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """Of one target. Times in milliseconds since 1970."""

    entries: Mapping[Key, News] = field(default_factory=dict)
    id: str = ""
    """Of the message that these entries make; another one when they change."""
    since_ms: int = 0
    """When the first of them came."""
    next_ms: int = 0
    """Not before."""
    tries: int = 0
    sent_ms: int | None = None
    """When a message last arrived."""
    failing_since_ms: int | None = None
    error: str = ""


def put(
    outbox: Outbox,
    news: Sequence[News],
    least: AlertSeverity,
    now_ms: int,
    new_id: Callable[[], str],
) -> Outbox:
    """With all that its target is told of."""
    entries = dict(outbox.entries)
    for one in news:
        if RANKS[one.severity] >= RANKS[least]:
            entries[one.key] = _merged(entries.get(one.key), one)
    if entries == outbox.entries:
        return outbox
    since_ms = outbox.since_ms if outbox.entries else now_ms
    next_ms = max(outbox.next_ms, since_ms + round(GATHER_SECONDS * 1000))
    return replace(outbox, entries=entries, id=new_id(), since_ms=since_ms, next_ms=next_ms)


def due(outbox: Outbox, now_ms: int) -> bool:
    return bool(outbox.entries) and now_ms >= outbox.next_ms


def sent(outbox: Outbox, told: Mapping[Key, News], now_ms: int) -> Outbox:
    """Those entries arrived. What came meanwhile stays."""
    left = {key: one for key, one in outbox.entries.items() if told.get(key) != one}
    since_ms = min((one.at_ms for one in left.values()), default=0)
    return replace(
        outbox,
        entries=left,
        since_ms=since_ms,
        next_ms=now_ms + round(GATHER_SECONDS * 1000) if left else 0,
        tries=0,
        sent_ms=now_ms,
        failing_since_ms=None,
        error="",
    )


def failed(
    outbox: Outbox,
    error: str,
    asked_seconds: float | None,
    now_ms: int,
    uniform: Callable[[float, float], float],
) -> Outbox:
    """Tried again later, or dropped after a day. `asked_seconds`: what the target asked us to wait."""
    since_ms = now_ms if outbox.failing_since_ms is None else outbox.failing_since_ms
    if now_ms - since_ms >= GIVE_UP_SECONDS * 1000:
        return Outbox(sent_ms=outbox.sent_ms, failing_since_ms=since_ms, error=error)
    tries = outbox.tries + 1
    ceiling = backoff_seconds(
        tries,
        first_seconds=FIRST_RETRY_SECONDS,
        max_seconds=MAX_RETRY_SECONDS,
        uniform=lambda _low, high: high,
    )
    # Half of it at least: a target that is down is not asked again at once.
    wait = uniform(ceiling / 2, ceiling)
    if asked_seconds is not None:
        wait = max(wait, min(asked_seconds, ASKED_RETRY_SECONDS_MAX))
    return replace(
        outbox,
        next_ms=now_ms + round(wait * 1000),
        tries=tries,
        failing_since_ms=since_ms,
        error=error,
    )


def _merged(before: News | None, now: News) -> News:
    """What is told of an alert that was not told of before."""
    if before is not None and before.turn == "began" and now.turn in ("worse", "goes_on"):
        return replace(now, turn="began")
    return now
