"""News as one message: for people as text, for programs as JSON. Pure.

A message holds names, counts and times. Nothing of an event is in it: an alert goes to places that
must not see what senders sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.alerts import AlertSeverity
from holdfast.clock import format_duration
from holdfast.compiled import AlertRule
from holdfast.operate.alerts.standing import RANKS, Key, News, Turn
from holdfast.operate.fields import instant
from holdfast.operate.front import failing_at, front

EVENT: Final = "holdfast.alerts"
"""The type of the message for programs."""
TEST: Final = "holdfast.alerts.test"

TITLE_CHARACTERS: Final = 150
LINKS_MAX: Final = 10

_SECTIONS: Final[Sequence[tuple[str, tuple[Turn, ...]]]] = (
    ("", ("began", "worse")),
    ("still", ("goes_on",)),
    ("over", ("ended",)),
)


@dataclass(frozen=True, slots=True)
class Link:
    """A page of the console, and what it shows."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one target. `id` is the same however often it is tried."""

    id: str
    at_ms: int
    app: str
    title: str
    lines: tuple[str, ...]
    severity: AlertSeverity
    over: bool
    """All that it tells of has ended."""
    event: str
    alerts: tuple[Mapping[str, Any], ...]
    console_url: str | None
    links: tuple[Link, ...]

    @property
    def text(self) -> str:
        """All of it, for people."""
        links = [f"{one.name}: {one.url}" for one in self.links]
        return "\n".join((self.title, "", *self.lines, *([""] if links else ()), *links))

    def document(self) -> dict[str, Any]:
        """All of it, for programs: the envelope that Standard Webhooks advises."""
        return {
            "type": self.event,
            "timestamp": instant(self.at_ms),
            "data": {
                "app": self.app,
                "severity": self.severity,
                "title": self.title,
                "console_url": self.console_url,
                "alerts": list(self.alerts),
            },
        }


def write(
    rules: Sequence[AlertRule],
    entries: Mapping[Key, News],
    *,
    id: str,
    app: str,
    console_url: str | None,
    now_ms: int,
) -> Letter:
    """A message that tells of these, by rule; what began first, what is over last."""
    by_name = {rule.name: rule for rule in rules}
    told = [one for one in entries.values() if one.key.rule in by_name]
    lines: list[str] = []
    for word, turns in _SECTIONS:
        for rule in rules:
            here = [one for one in told if one.key.rule == rule.name and one.turn in turns]
            if here:
                lines += _section(rule, word, here, now_ms)
    standing = [one for one in told if one.turn != "ended"]
    severities = [one.severity for one in standing or told]
    return Letter(
        id,
        now_ms,
        app,
        _title(app, by_name, standing, told),
        tuple(lines),
        max(severities, key=RANKS.__getitem__, default="warning"),
        bool(told) and not standing,
        EVENT,
        tuple(_fields(by_name[one.key.rule], one, console_url) for one in told),
        console_url,
        _links([(by_name[one.key.rule], one) for one in standing], console_url),
    )


def trial(app: str, target: str, *, id: str, console_url: str | None, now_ms: int) -> Letter:
    """A message that only shows that messages arrive."""
    lines = (f"This is a test: alerts of {app} arrive here, as {target}.", "Nothing is wrong.")
    title, links = f"[{app}] a test of alerts", _links((), console_url)
    return Letter(
        id, now_ms, app, title, lines, "warning", False, TEST, (), console_url, links
    )  # fmt: skip


def _section(rule: AlertRule, word: str, news: Sequence[News], now_ms: int) -> Iterator[str]:
    mark = f"{word}: " if word else ""
    yield f"{mark}{rule.condition} ({rule.name})"
    for one in sorted(news, key=lambda each: each.key.webhook):
        lasted = format_duration(max(1.0, (now_ms - one.since_ms) / 1000))
        if one.turn == "ended":
            yield f"  {one.key.webhook}: over after {lasted}; now {one.detail}"
            continue
        critical = " (critical)" if one.severity == "critical" else ""
        since = f", since {lasted}" if now_ms - one.since_ms >= 60_000 else ""
        yield f"  {one.key.webhook}: {one.detail}{critical}{since}"
        yield from (f"    {group}" for group in one.groups)


def _title(
    app: str, rules: Mapping[str, AlertRule], standing: Sequence[News], told: Sequence[News]
) -> str:
    """What is worst, where, and how much there is beside it."""
    if not told:
        return f"[{app}] nothing to tell"
    ordered = sorted(standing or told, key=lambda one: -RANKS[one.severity])
    first = ordered[0]
    same = [one.key.webhook for one in ordered if one.key.rule == first.key.rule]
    many = f" and {len(same) - 2} more" if len(same) > 2 else ""
    where = ", ".join(same[:2]) + many
    others = len({one.key.rule for one in ordered}) - 1
    more = f" (+{others} more rule{'' if others == 1 else 's'})" if others else ""
    word = "" if standing else "over: "
    critical = "critical: " if standing and first.severity == "critical" else ""
    title = f"[{app}] {critical}{word}{where}: {rules[first.key.rule].condition}{more}"
    return title if len(title) <= TITLE_CHARACTERS else f"{title[: TITLE_CHARACTERS - 3]}..."


def _links(standing: Sequence[tuple[AlertRule, News]], console_url: str | None) -> tuple[Link, ...]:
    """Where what stands is looked at, each page once, then the console itself."""
    if console_url is None:
        return ()
    names: dict[str, str] = {}
    for rule, one in standing:
        names.setdefault(_page(rule, one, console_url), f"{one.key.webhook}, {rule.name}")
    links = [Link(name, url) for url, name in names.items()]
    return (*links[:LINKS_MAX], Link("console", console_url))


def _page(rule: AlertRule, one: News, console_url: str) -> str:
    if one.group is not None:
        return front(console_url, "group", one.group)
    if one.groups or rule.watches in ("dead", "new_dead"):
        return failing_at(console_url, one.key.webhook)
    return front(console_url, "webhook", one.key.webhook)


def _fields(rule: AlertRule, one: News, console_url: str | None) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "watches": rule.watches,
        "webhook": one.key.webhook,
        "state": "over" if one.turn == "ended" else "firing",
        "turn": one.turn,
        "severity": one.severity,
        "value": one.value,
        "over": rule.over,
        "detail": one.detail,
        "groups": list(one.groups),
        "url": None if console_url is None else _page(rule, one, console_url),
        "since": instant(one.since_ms),
        "at": instant(one.at_ms),
    }
