"""Readings over time: which alerts begin, grow worse, go on and end. Pure.

    (state, readings, now) -> (state, news)

An alert begins once its rule has held for `lasting`, is told again after `repeat` and not before,
and ends, told once, when its rule has been content for a minute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from holdfast.alerts import AlertSeverity
from holdfast.compiled import AlertRule
from holdfast.operate.alerts.rules import Reading

CLEAR_SECONDS: Final = 60.0
RANKS: Final[Mapping[AlertSeverity, int]] = {"warning": 0, "critical": 1}

Turn = Literal["began", "worse", "goes_on", "ended"]


class Key(NamedTuple):
    rule: str
    webhook: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule that holds for a webhook, told of already or not. Times in milliseconds since 1970."""

    since_ms: int
    severity: AlertSeverity
    value: float | None
    detail: str
    told_ms: int | None = None
    """When it last was news; None: it has not held for long enough."""
    content_since_ms: int | None = None

    @property
    def firing(self) -> bool:
        return self.told_ms is not None


@dataclass(frozen=True, slots=True)
class News:
    """Something to be told."""

    key: Key
    turn: Turn
    severity: AlertSeverity
    value: float | None
    detail: str
    since_ms: int
    at_ms: int
    groups: tuple[str, ...] = ()
    """Of dead letters: what fails most, named without any value of an event."""
    group: str | None = None
    """The id of the group that they all are of, if it is one."""


State = Mapping[Key, Standing]


def look(
    rules: Sequence[AlertRule], state: State, readings: Mapping[Key, Reading], now_ms: int
) -> tuple[dict[Key, Standing], list[News]]:
    """The state after these readings, and what is news. What no rule watches is forgotten."""
    after: dict[Key, Standing] = {}
    news: list[News] = []
    for rule in rules:
        for webhook in rule.webhooks:
            key = Key(rule.name, webhook)
            known, reading = state.get(key), readings.get(key)
            if reading is None:
                turned: tuple[Standing | None, Turn | None] = (known, None)
            elif reading.holds:
                turned = _held(rule, known, reading, now_ms)
            else:
                turned = _let_go(rule, known, reading, now_ms)
            standing, turn = turned
            if standing is not None:
                after[key] = standing
            told = standing or known
            if turn is not None and told is not None:
                news.append(_news(key, turn, told, reading, now_ms))
    return after, news


def _held(
    rule: AlertRule, known: Standing | None, reading: Reading, now_ms: int
) -> tuple[Standing, Turn | None]:
    severity, since_ms, told_ms = reading.severity, now_ms, None
    if known is not None:
        since_ms, told_ms = known.since_ms, known.told_ms
        # It does not become milder before it ends: that would be a second kind of news.
        severity = max(known.severity, severity, key=RANKS.__getitem__)
    turn: Turn | None = None
    if told_ms is None:
        turn = "began" if now_ms - since_ms >= rule.lasting_seconds * 1000 else None
    elif known is not None and severity != known.severity:
        turn = "worse"
    elif rule.repeat_seconds is not None and now_ms - told_ms >= rule.repeat_seconds * 1000:
        turn = "goes_on"
    if turn is not None:
        told_ms = now_ms
    return Standing(since_ms, severity, reading.value, reading.detail, told_ms), turn


def _let_go(
    rule: AlertRule, known: Standing | None, reading: Reading, now_ms: int
) -> tuple[Standing | None, Turn | None]:
    if known is None or not known.firing:
        return None, None
    if not reading.content:
        return replace(known, content_since_ms=None), None
    since_ms = now_ms if known.content_since_ms is None else known.content_since_ms
    # A source that is heard of again is not silent any more, whatever comes next.
    clear_ms = 0 if rule.watches == "silence" else CLEAR_SECONDS * 1000
    if now_ms - since_ms < clear_ms:
        return replace(known, content_since_ms=since_ms), None
    return None, "ended"


def _news(key: Key, turn: Turn, standing: Standing, reading: Reading | None, now_ms: int) -> News:
    now = reading if reading is not None else standing
    return News(key, turn, standing.severity, now.value, now.detail, standing.since_ms, now_ms)
