"""Rules, what stands and who is told, as fields: for `holdfast alerts` and the API alike."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from holdfast.compiled import AlertTarget, Compiled, EmailTarget, SlackTarget
from holdfast.operate.alerts.notes import Notes
from holdfast.operate.alerts.outbox import Outbox
from holdfast.operate.alerts.standing import Key, Standing
from holdfast.operate.alerts.targets import where
from holdfast.operate.fields import instant
from holdfast.operate.overview import Warned


class AlertFields(TypedDict):
    """One rule over one webhook."""

    rule: str
    webhook: str
    watches: str
    condition: str
    state: str
    """`ok`, `pending` (not for long enough yet), `firing`, `ending` (content again, not for long
    enough yet); `unknown` where nobody looks."""
    severity: str
    over: float | None
    value: float | None
    detail: str | None
    since: str | None
    last_news: str | None
    last_sent: str | None


class TargetFields(TypedDict):
    """Who is told, and whether that works."""

    name: str
    kind: str
    where: str
    at_least: str
    last_sent: str | None
    untold: int
    """Alerts that are still to be told here."""
    failing_since: str | None
    tries: int
    next_try: str | None
    error: str | None


class AlertsFields(TypedDict):
    watching: bool
    """Whether a supervisor looks."""
    looked: str | None
    alerts: list[AlertFields]
    targets: list[TargetFields]


def alerts_fields(compiled: Compiled, notes: Notes, *, watching: bool) -> AlertsFields:
    """Every rule with each of its webhooks, in the definition's order, and every target."""
    return {
        "watching": watching,
        "looked": instant(notes.looked_ms or None),
        "alerts": _alerts(compiled, notes, watching=watching),
        "targets": [_target(one, notes.outboxes.get(one.name)) for one in compiled.notify],
    }


def _alerts(compiled: Compiled, notes: Notes, *, watching: bool) -> list[AlertFields]:
    found: list[AlertFields] = []
    for rule in compiled.alerts:
        for webhook in rule.webhooks:
            key = Key(rule.name, webhook)
            known = notes.standing.get(key)
            found.append(
                {
                    "rule": rule.name,
                    "webhook": webhook,
                    "watches": rule.watches,
                    "condition": rule.condition,
                    "state": _state(known, watching=watching),
                    "severity": known.severity if known else rule.severity,
                    "over": rule.over,
                    "value": known.value if known else None,
                    "detail": known.detail if known else None,
                    "since": instant(known.since_ms) if known else None,
                    "last_news": instant(known.told_ms) if known else None,
                    "last_sent": instant(notes.sent_ms.get(key)),
                }
            )
    return found


def _state(known: Standing | None, *, watching: bool) -> str:
    if not watching:
        return "unknown"
    if known is None:
        return "ok"
    if not known.firing:
        return "pending"
    return "firing" if known.content_since_ms is None else "ending"


def _target(target: AlertTarget, box: Outbox | None) -> TargetFields:
    box = box or Outbox()
    failing = box.failing_since_ms is not None
    return {
        "name": target.name,
        "kind": kind(target),
        "where": where(target),
        "at_least": target.at_least,
        "last_sent": instant(box.sent_ms),
        "untold": len(box.entries),
        "failing_since": instant(box.failing_since_ms),
        "tries": box.tries,
        "next_try": instant(box.next_ms) if failing and box.entries else None,
        "error": box.error or None,
    }


def kind(target: AlertTarget) -> str:
    if isinstance(target, SlackTarget):
        return "slack"
    return "email" if isinstance(target, EmailTarget) else "webhook"


def warned(compiled: Compiled, notes: Notes) -> list[Warned]:
    """What of it an operator should see on the first screen: what stands, but for what the provider
    guard shows there itself, and who cannot be told."""
    found = []
    for rule in compiled.alerts:
        if rule.over is None:
            continue
        for webhook in rule.webhooks:
            known = notes.standing.get(Key(rule.name, webhook))
            if known is not None and known.firing:
                facts: dict[str, Any] = {"rule": rule.name, "value": known.value, "over": rule.over}
                title = f"alert {rule.name}: {known.detail}"
                found.append(
                    Warned(
                        "alert",
                        known.severity,
                        title,
                        webhook,
                        rule.condition,
                        known.since_ms,
                        facts,
                    )
                )
    for target in compiled.notify:
        box = notes.outboxes.get(target.name)
        if box is not None and box.failing_since_ms is not None:
            title = f"alerts do not reach {target.name}"
            facts = {"target": target.name, "untold": len(box.entries), "tries": box.tries}
            since_ms = box.failing_since_ms
            found.append(
                Warned("alerts_untold", "warning", title, None, box.error, since_ms, facts)
            )
    return found
