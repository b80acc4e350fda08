"""A rule over the facts of one webhook. Pure.

A reading that `holds` begins or keeps up an alert, one that is `content` lets it end. Between the
two, within a tenth below the threshold, what stands goes on and what does not stand does not begin:
a number that trembles about its threshold is told of once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from holdfast.alerts import AlertSeverity
from holdfast.clock import format_duration
from holdfast.compiled import AlertRule
from holdfast.operate.alerts.facts import Ends, Seen

CONTENT_SHARE: Final = 0.9
"""Of the threshold: what is above it is not over yet."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a rule finds. `value` in the unit of its threshold; `detail` the same for people."""

    value: float | None
    holds: bool
    content: bool
    severity: AlertSeverity
    detail: str


def read(
    rule: AlertRule, seen: Seen, ends: Ends, now_ms: int, *, watched_since_ms: int, full: bool
) -> Reading | None:
    """None: too little is known, and whatever stands goes on.

    `ends`: those within the rule's window, which is not `full` before it has passed once.
    `watched_since_ms`: time in which nobody watched is no silence.
    """
    match rule.watches:
        case "depth":
            return _above(rule, seen.waiting, f"{seen.waiting:,} waiting")
        case "oldest":
            age = _age(seen.oldest_ms, now_ms)
            return _above(rule, age, f"the oldest has waited for {format_duration(age)}")
        case "dead":
            return _above(rule, seen.dead, _letters(seen.dead))
        case "new_dead":
            if not full and ends.dead <= (rule.over or 0):
                return None
            window = format_duration(rule.window_seconds)
            return _above(rule, ends.dead, f"{_letters(ends.dead)} within {window}")
        case "failure_rate":
            return _failure_rate(rule, ends, full=full)
        case "silence":
            return _silence(rule, seen, now_ms, watched_since_ms)
        case "provider":
            return _provider(rule, seen, full=full)


def _above(rule: AlertRule, value: float, detail: str) -> Reading:
    over = rule.over or 0
    return Reading(value, value > over, value <= over * CONTENT_SHARE, rule.severity, detail)


def _failure_rate(rule: AlertRule, ends: Ends, *, full: bool) -> Reading | None:
    attempts = ends.done + ends.failed
    if attempts < rule.at_least:
        if not full:
            return None
        few = f"{attempts:,} attempts, too few to judge by"
        return Reading(None, holds=False, content=True, severity=rule.severity, detail=few)
    share = ends.failed / attempts
    told = f"{ends.failed:,} of {attempts:,} attempts failed ({share:.0%})"
    return _above(rule, share, told)


def _silence(rule: AlertRule, seen: Seen, now_ms: int, watched_since_ms: int) -> Reading:
    if rule.over is None:
        found = [one for one in seen.warnings if one.code == "provider_silent"]
        told = found[0].detail if found else ""
        value = float(found[0].facts["silent_seconds"]) if found else None
        detail = f"{found[0].title}; {told}" if found else "as usual"
        return Reading(value, bool(found), not found, rule.severity, detail)
    last_ms = max(seen.received_ms or 0, watched_since_ms)
    silent = max(0, now_ms - last_ms) / 1000
    detail = f"nothing for {format_duration(silent)}"
    return Reading(silent, silent > rule.over, silent <= rule.over, rule.severity, detail)


def _provider(rule: AlertRule, seen: Seen, *, full: bool) -> Reading | None:
    found = [one for one in seen.warnings if one.code != "provider_silent"]
    if not found:
        # The guard counts from the beginning of a run: it cannot know yet that it is over.
        calm = Reading(None, holds=False, content=True, severity=rule.severity, detail="content")
        return calm if full else None
    critical = any(one.severity == "critical" for one in found)
    severity: AlertSeverity = "critical" if critical else rule.severity
    told = "; ".join(f"{one.title} ({one.detail})" if one.detail else one.title for one in found)
    return Reading(None, holds=True, content=False, severity=severity, detail=told)


def _age(since_ms: int | None, now_ms: int) -> float:
    return 0.0 if since_ms is None else max(0, now_ms - since_ms) / 1000


def _letters(count: int) -> str:
    return f"{count:,} dead letter{'' if count == 1 else 's'}"
