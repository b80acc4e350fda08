"""What the user writes about alerts: rules that watch, and targets that are told.

As in `holdfast.definition`, nothing is checked here: each piece is written down with the place where
it stands, and `holdfast.compile` judges it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from typing_extensions import TypedDict, Unpack

from holdfast.places import caller_place

AlertSeverity = Literal["warning", "critical"]
Subject = Literal["depth", "oldest", "dead", "new_dead", "failure_rate", "silence", "provider"]
"""What a rule watches."""
Security = Literal["starttls", "tls", "none"]


class RuleSettings(TypedDict, total=False):
    """What every rule takes beside its own settings."""

    webhook: str | Sequence[str] | None
    """The webhooks that it watches, by name or path; default: all, each by itself."""
    name: str | None
    """How messages call it; default: what it watches."""
    severity: AlertSeverity
    """Default: `"warning"`."""
    lasting: str
    """How long it must hold before anybody is told; default: `"0s"`."""
    repeat: str | None
    """An alert that goes on is told again after so long, and not before; None: never. Default:
    `"4h"`."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule. Made by `Alert.depth(...)` and the others."""

    watches: Subject
    settings: Mapping[str, Any]
    place: str = field(repr=False)

    @classmethod
    def depth(cls, *, over: int, **settings: Unpack[RuleSettings]) -> Alert:
        """More than `over` messages wait."""
        return cls("depth", {"over": over, **settings}, caller_place())

    @classmethod
    def oldest(cls, *, over: str, **settings: Unpack[RuleSettings]) -> Alert:
        """The oldest message has waited for longer than `over`, such as `"10m"`."""
        return cls("oldest", {"over": over, **settings}, caller_place())

    @classmethod
    def dead(cls, *, over: int = 0, **settings: Unpack[RuleSettings]) -> Alert:
        """More than `over` dead letters rest, not counting those that were put aside."""
        return cls("dead", {"over": over, **settings}, caller_place())

    @classmethod
    def new_dead(
        cls, *, over: int = 0, window: str = "15m", **settings: Unpack[RuleSettings]
    ) -> Alert:
        """More than `over` messages died within the `window`."""
        return cls("new_dead", {"over": over, "window": window, **settings}, caller_place())

    @classmethod
    def failure_rate(
        cls,
        *,
        over: float,
        window: str = "5m",
        at_least: int = 20,
        **settings: Unpack[RuleSettings],
    ) -> Alert:
        """Of the attempts that ended within the `window`, `at_least` so many, a larger share than
        `over` failed: 0.2 for a fifth."""
        given = {"over": over, "window": window, "at_least": at_least, **settings}
        return cls("failure_rate", given, caller_place())

    @classmethod
    def silence(cls, *, after: str | None = None, **settings: Unpack[RuleSettings]) -> Alert:
        """No event for `after`, such as `"1h"`; None: for far longer than ever in the last days."""
        return cls("silence", {"after": after, **settings}, caller_place())

    @classmethod
    def provider(cls, **settings: Unpack[RuleSettings]) -> Alert:
        """The provider guard warns: answers are too slow for a sender, or too many are refused."""
        return cls("provider", dict(settings), caller_place())


@dataclass(frozen=True, slots=True)
class Slack:
    """A channel of Slack, by the reference to the URL of an incoming webhook: the URL is a secret."""

    url: str = field(repr=False)
    name: str = field(default="slack", kw_only=True)
    at_least: AlertSeverity = field(default="warning", kw_only=True)
    """`"critical"`: only that is told here."""
    place: str = field(default_factory=caller_place, kw_only=True, repr=False)


@dataclass(frozen=True, slots=True)
class SignedWebhook:
    """Another program, told by a POST that is signed as Standard Webhooks says."""

    url: str
    secret: str | Sequence[str] = field(repr=False)
    """A reference; base64, with or without `whsec_` before it. The first of several signs."""
    name: str = field(default="webhook", kw_only=True)
    at_least: AlertSeverity = field(default="warning", kw_only=True)
    place: str = field(default_factory=caller_place, kw_only=True, repr=False)


@dataclass(frozen=True, slots=True)
class Email:
    """People, by e-mail over SMTP."""

    to: str | Sequence[str]
    server: str = field(kw_only=True)
    """The name of the mail server, with `:PORT` where it is not the usual one."""
    sender: str = field(kw_only=True)
    """The address that it comes from."""
    security: Security = field(default="starttls", kw_only=True)
    """`"starttls"` (port 587), `"tls"` from the first byte on (465), `"none"` (25)."""
    user: str | None = field(default=None, kw_only=True)
    """Who logs in: the name, or a reference to it."""
    password: str | Sequence[str] | None = field(default=None, kw_only=True, repr=False)
    """A reference."""
    name: str = field(default="email", kw_only=True)
    at_least: AlertSeverity = field(default="warning", kw_only=True)
    place: str = field(default_factory=caller_place, kw_only=True, repr=False)


Notified = Slack | SignedWebhook | Email
"""Who can be told."""
