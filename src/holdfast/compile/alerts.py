"""Alert rules, each held against the webhooks that there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, cast, get_args

from holdfast.alerts import Alert, AlertSeverity, RuleSettings
from holdfast.compile.spot import Spot, quoted
from holdfast.compile.values import NAME, choice, duration, whole
from holdfast.compiled import AlertRule, CompiledWebhook
from holdfast.definition import App
from holdfast.workflow.fields import meant

USUAL: Final[Sequence[Alert]] = (
    Alert.dead(),
    Alert.oldest(over="15m"),
    Alert.failure_rate(over=0.5),
    Alert.silence(),
    Alert.provider(),
)
"""What is watched where somebody is to be told and no rule is given."""

OVER_MAX: Final = 1_000_000_000
_WINDOW: Final = {"at_least": "1m", "at_most": "1d"}
_COMMON: Final = tuple(RuleSettings.__annotations__)


def rules(spot: Spot, app: App, webhooks: Sequence[CompiledWebhook]) -> tuple[AlertRule, ...]:
    """Those of the definition, or the usual ones where only targets are given."""
    given = app.alerts
    if given is None:
        given = USUAL if app.notify else ()
    if isinstance(given, str | Mapping) or not isinstance(given, Collection):
        spot.under("alerts").wrong("not a list; write alerts=[Alert.dead(), ...]")
        return ()
    known: dict[str, AlertRule] = {}
    for alert in given:
        if not isinstance(alert, Alert):
            spot.under("alerts").wrong(
                f"{quoted(alert)} is not an alert; write Alert.depth(over=1000) or another of them"
            )
            continue
        here = spot.at(alert.place, f"Alert.{alert.watches}")
        rule = _rule(here, alert, webhooks)
        if rule.name in known:
            here.under("name").wrong(
                f"there is a rule called {quoted(rule.name)} already; give this one a name"
            )
        known.setdefault(rule.name, rule)
    return tuple(known.values())


def _rule(spot: Spot, alert: Alert, webhooks: Sequence[CompiledWebhook]) -> AlertRule:
    given = alert.settings
    _judge_settings(spot, alert)
    chosen = _webhooks(spot.under("webhook"), given.get("webhook"), webhooks)
    several = given.get("webhook") is None or len(chosen) != 1
    name = given.get("name")
    if name is None:
        name = alert.watches if several else f"{alert.watches}-{chosen[0]}"
    elif not isinstance(name, str) or not NAME.fullmatch(name):
        spot.under("name").wrong(
            f"{quoted(name)} is not a name; use 1 to 64 letters, digits, _ and -"
        )
    severity = choice(
        spot.under("severity"), given.get("severity", "warning"), get_args(AlertSeverity)
    )
    repeat = given.get("repeat", "4h")
    return AlertRule(
        name=str(name),
        watches=alert.watches,
        webhooks=chosen,
        over=_over(spot, alert),
        window_seconds=duration(spot.under("window"), given["window"], **_WINDOW)
        if "window" in given
        else 0.0,
        at_least=whole(spot.under("at_least"), given["at_least"], at_least=1, at_most=OVER_MAX)
        if "at_least" in given
        else 0,
        severity=cast(AlertSeverity, severity),
        lasting_seconds=duration(
            spot.under("lasting"), given.get("lasting", "0s"), at_least="0s", at_most="1d"
        ),
        repeat_seconds=None
        if repeat is None
        else duration(spot.under("repeat"), repeat, at_least="1m", at_most="30d"),
    )


def _judge_settings(spot: Spot, alert: Alert) -> None:
    own = {"over", "window", "at_least", "after"} & set(alert.settings)
    for name in alert.settings:
        if name not in own and name not in _COMMON:
            allowed = ", ".join(sorted({*own, *_COMMON}))
            spot.under(name).wrong(
                f"is not a setting of it{meant(name, _COMMON)}; there are {allowed}"
            )


def _over(spot: Spot, alert: Alert) -> float | None:
    """What is too much, in messages, as a share, or in seconds."""
    given: Any = alert.settings.get("over")
    here = spot.under("over")
    match alert.watches:
        case "depth" | "dead" | "new_dead":
            return whole(here, given, at_least=0, at_most=OVER_MAX)
        case "oldest":
            return duration(here, given, at_least="1s", at_most="14d")
        case "failure_rate":
            if type(given) not in (int, float) or not 0 <= given < 1:
                here.wrong(
                    f"{quoted(given)} is not a share; allowed: 0 to below 1, such as 0.2 for a fifth"
                )
                return 0.0
            return float(given)
        case "silence":
            after = alert.settings.get("after")
            if after is None:
                return None
            return duration(spot.under("after"), after, at_least="1m", at_most="30d")
        case "provider":
            return None


def _webhooks(spot: Spot, given: object, webhooks: Sequence[CompiledWebhook]) -> tuple[str, ...]:
    """Their names; all of them where none is given."""
    if given is None:
        return tuple(webhook.name for webhook in webhooks)
    wanted = [given] if isinstance(given, str) else given
    if not isinstance(wanted, Collection) or isinstance(wanted, Mapping | bytes) or not wanted:
        spot.wrong(f'{quoted(given)} is not a webhook; write "users", or ["users", "orders"]')
        return ()
    by = {webhook.path: webhook.name for webhook in webhooks}
    by |= {webhook.name: webhook.name for webhook in webhooks}
    for one in wanted:
        if one not in by:
            names = ", ".join(webhook.name for webhook in webhooks)
            spot.wrong(f"there is no webhook {quoted(one)}{meant(one, by)}; there are {names}")
    return tuple(dict.fromkeys(by[one] for one in wanted if one in by))
