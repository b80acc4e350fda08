"""Rules, readings and targets for the tests of alerts."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from holdfast.compiled import AlertRule, AlertTarget, Compiled, SlackTarget, WebhookTarget
from holdfast.operate.alerts.rules import Reading
from holdfast.operate.alerts.standing import Key, News, Standing, look
from holdfast.secrets import SecretRef
from holdfast.verify import standard_webhooks
from workflow_kit import a_webhook

NOW_MS: Final = 1_700_000_000_000
SECRET: Final = "whsec_" + base64.b64encode(b"a secret of twenty-four b").decode()
USERS: Final = Key("depth", "users")


def a_rule(watches: str = "depth", **fields: Any) -> AlertRule:
    return AlertRule(
        **{
            "name": watches,
            "watches": watches,
            "webhooks": ("users",),
            "over": 100,
            "window_seconds": 0.0,
            "at_least": 0,
            "severity": "warning",
            "lasting_seconds": 0.0,
            "repeat_seconds": 14_400.0,
            **fields,
        }
    )


def high(value: float = 200, severity: Any = "warning") -> Reading:
    return Reading(value, holds=True, content=False, severity=severity, detail=f"{value:g} waiting")


def low(value: float = 0, *, content: bool = True) -> Reading:
    return Reading(
        value, holds=False, content=content, severity="warning", detail=f"{value:g} waiting"
    )


class Story:
    """One rule over one webhook as time passes: what is news after each reading."""

    def __init__(self, rule: AlertRule) -> None:
        self.rule = rule
        self.state: Mapping[Key, Standing] = {}
        self.now_ms = NOW_MS

    def after(self, seconds: float, reading: Reading | None) -> list[str]:
        return [one.turn for one in self.news(seconds, reading)]

    def news(self, seconds: float, reading: Reading | None) -> list[News]:
        self.now_ms += round(seconds * 1000)
        key = Key(self.rule.name, "users")
        readings = {} if reading is None else {key: reading}
        self.state, news = look([self.rule], self.state, readings, self.now_ms)
        return news


def some_news(key: Key = USERS, turn: Any = "began", at_ms: int = NOW_MS, **fields: Any) -> News:
    known = {"severity": "warning", "value": 200.0, "detail": "200 waiting", "since_ms": at_ms}
    return News(key=key, turn=turn, at_ms=at_ms, **{**known, **fields})


def a_webhook_target(url: str, **fields: Any) -> WebhookTarget:
    return WebhookTarget(
        **{
            "name": "webhook",
            "at_least": "warning",
            "url": url,
            "sign": standard_webhooks("env:ALERTS_SECRET"),
            **fields,
        }
    )


def a_slack(reference: str = "env:SLACK_URL", **fields: Any) -> SlackTarget:
    return SlackTarget(
        **{"name": "slack", "at_least": "warning", "url": SecretRef.parse(reference), **fields}
    )


def a_shop(rules: tuple[AlertRule, ...], targets: tuple[AlertTarget, ...] = ()) -> Compiled:
    """A definition with two webhooks, `users` and `orders`."""
    webhooks = tuple(
        a_webhook(_nothing, name=name, path=f"/{name}") for name in ("users", "orders")
    )
    return Compiled("shop", webhooks, rules, targets)


def _nothing(_event: Any) -> None:
    """Works."""
