"""Alerts in a definition: what is taken, what it becomes, and every mistake with its place."""

from __future__ import annotations

from typing import Any, Final

import pytest

from holdfast import Alert, App, Email, SignedWebhook, Slack
from holdfast.compile import check_app, compile_app
from holdfast.compiled import EmailTarget, SlackTarget, WebhookTarget
from holdfast.secrets import SecretRef

SLACK: Final = Slack("env:SLACK_URL")


def an_app(alerts: Any = None, notify: Any = ()) -> App:
    app = App("shop", alerts=alerts, notify=notify)
    for name in ("users", "orders"):
        app.webhook(f"/{name}")(_work)
    return app


def _work(_event: Any) -> None:
    """Any event."""


def mistakes(alerts: Any = None, notify: Any = ()) -> list[str]:
    """As `holdfast check` prints them, without the file."""
    return [str(one).partition(" ")[2] for one in check_app(an_app(alerts, notify))]


def test_rules_become_numbers() -> None:
    """Durations in seconds, all webhooks where none is named, a name of its own for each."""
    compiled = compile_app(
        an_app(
            [
                Alert.depth(over=1_000, lasting="1m"),
                Alert.oldest(over="10m", webhook="/orders", repeat=None),
                Alert.failure_rate(over=0.2, window="10m", at_least=5, severity="critical"),
                Alert.silence(after="1h", webhook=["users"], name="users-quiet"),
                Alert.silence(),
                Alert.new_dead(over=3),
                Alert.dead(),
                Alert.provider(repeat="1d"),
            ]
        )
    )
    told = {
        rule.name: (rule.over, rule.webhooks, rule.lasting_seconds, rule.repeat_seconds)
        for rule in compiled.alerts
    }

    both = ("users", "orders")
    assert told == {
        "depth": (1_000, both, 60.0, 14_400.0),
        "oldest-orders": (600.0, ("orders",), 0.0, None),
        "failure_rate": (0.2, both, 0.0, 14_400.0),
        "users-quiet": (3_600.0, ("users",), 0.0, 14_400.0),
        "silence": (None, both, 0.0, 14_400.0),
        "new_dead": (3, both, 0.0, 14_400.0),
        "dead": (0, both, 0.0, 14_400.0),
        "provider": (None, both, 0.0, 86_400.0),
    }
    rate = compiled.alerts[2]
    assert (rate.window_seconds, rate.at_least, rate.severity) == (600.0, 5, "critical")


def test_targets_become_addresses_and_references() -> None:
    """Ports follow from how it is secured; a user's name may be a reference or not."""
    compiled = compile_app(
        an_app(
            [Alert.dead()],
            [
                SLACK,
                SignedWebhook(
                    "https://alerts.example.com/in", "env:ALERTS_SECRET", at_least="critical"
                ),
                Email("ops@example.com", server="smtp.example.com", sender="holdfast@example.com"),
                Email(
                    ["ops@example.com", "ada@example.com"],
                    server="mail.example.com:2465",
                    sender="holdfast@example.com",
                    security="tls",
                    user="env:MAIL_USER",
                    password="file:/run/secrets/mail",
                    name="night",
                ),
            ],
        )
    )
    slack, webhook, email, night = compiled.notify

    assert isinstance(slack, SlackTarget)
    assert slack.url == SecretRef("env", "SLACK_URL")
    assert isinstance(webhook, WebhookTarget)
    assert (webhook.name, webhook.at_least) == ("webhook", "critical")
    assert isinstance(email, EmailTarget)
    assert (email.host, email.port, email.to) == ("smtp.example.com", 587, ("ops@example.com",))
    assert isinstance(night, EmailTarget)
    assert (night.port, night.user) == (2_465, SecretRef("env", "MAIL_USER"))


def test_whoever_is_to_be_told_is_told_of_the_usual() -> None:
    """Without rules of its own; without anybody to tell there are none."""
    usual = compile_app(an_app(None, [SLACK])).alerts

    assert [rule.name for rule in usual] == [
        "dead",
        "oldest",
        "failure_rate",
        "silence",
        "provider",
    ]
    assert compile_app(an_app()).alerts == ()
    assert compile_app(an_app([], [SLACK])).alerts == ()


@pytest.mark.parametrize(
    ("alert", "told"),
    [
        (Alert.depth(over=-1), "Alert.depth.over: -1 is out of range"),
        (Alert.depth(over="many"), 'Alert.depth.over: "many" is not a whole number'),  # type: ignore[arg-type]  # the mistake under test
        (Alert.oldest(over="soon"), 'Alert.oldest.over: "soon" is not a duration'),
        (Alert.failure_rate(over=20), "Alert.failure_rate.over: 20 is not a share"),
        (Alert.failure_rate(over=0.2, window="2s"), "Alert.failure_rate.window: "),
        (Alert.failure_rate(over=0.2, at_least=0), "Alert.failure_rate.at_least: 0 is out of range"),
        (Alert.silence(after="1s"), "Alert.silence.after: "),
        (Alert.silence(webhook="user"), 'Alert.silence.webhook: there is no webhook "user" (did you mean "users"?)'),
        (Alert.dead(webhook=[]), "Alert.dead.webhook: [] is not a webhook"),
        (Alert.dead(severity="loud"), 'Alert.dead.severity: "loud" is not known'),  # type: ignore[arg-type]  # the mistake under test
        (Alert.dead(repeat="1s"), "Alert.dead.repeat: "),
        (Alert.dead(lasting="2d"), "Alert.dead.lasting: "),
        (Alert.dead(name="a b"), 'Alert.dead.name: "a b" is not a name'),
        (Alert.dead(repeet="1h"), 'Alert.dead.repeet: is not a setting of it (did you mean "repeat"?)'),  # type: ignore[call-arg]  # the mistake under test
    ],
)  # fmt: skip
def test_a_mistake_in_a_rule_has_its_place(alert: Alert, told: str) -> None:
    """The rule, the setting, and what would be right."""
    found = mistakes([alert])

    assert len(found) == 1
    assert found[0].startswith(told)


def test_every_mistake_is_told_at_once() -> None:
    """Of rules and targets alike, with the line where each stands."""
    app = an_app(
        [Alert.depth(over=1), Alert.depth(over=2), "dead"],
        [SLACK, Slack("env:OTHER"), "https://hooks.slack.example/services/secret"],
    )
    found = check_app(app)

    assert [one.place.partition(" ")[2] for one in found] == [
        "Alert.depth.name",
        "App.alerts",
        "Slack.name",
        "App.notify",
    ]
    assert all("test_compile_alerts.py:" in one.place for one in found)
    assert "services/secret" not in "".join(map(str, found))


@pytest.mark.parametrize("given", ["dead", {"dead": 1}, 7])
def test_a_list_is_a_list(given: Any) -> None:
    """Anything else in its place is one mistake."""
    assert mistakes(given)[0].startswith("App.alerts: not a list")
    assert mistakes(None, given)[-1].startswith("App.notify: not a list")


def an_email(**fields: Any) -> Email:
    known = {"server": "smtp.example.com", "sender": "holdfast@example.com", **fields}
    return Email(known.pop("to", "ops@example.com"), **known)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (Slack("https://hooks.slack.example/secret"), "Slack.url: a secret is written as a reference"),
        (Slack("env:A", at_least="info"), 'Slack.at_least: "info" is not known'),  # type: ignore[arg-type]  # the mistake under test
        (SignedWebhook("ftp://x", "env:A"), 'SignedWebhook.url: "ftp://x" is not a URL'),
        (SignedWebhook("https://u:p4ss@x.example/", "env:A"), "SignedWebhook.url: the URL carries credentials"),
        (SignedWebhook("https://x.example/", "whsec_abc"), "SignedWebhook: secret: a secret is written"),
        (an_email(to="ops"), 'Email.to: "ops" is not an address'),
        (an_email(to=[]), "Email.to: [] is not an address"),
        (an_email(to="a@b\nBcc: c@d"), "Email.to: "),
        (an_email(sender="x"), 'Email.sender: "x" is not an address'),
        (an_email(server="smtp.example.com:0"), "Email.server: "),
        (an_email(server="http://smtp.example.com"), "Email.server: "),
        (an_email(security="ssl"), 'Email.security: "ssl" is not known'),
        (an_email(user="holdfast"), "Email.password: user and password go together"),
        (an_email(password="env:P"), "Email.user: user and password go together"),
        (an_email(user="u", password="literal"), "Email.password: a secret is written as a reference"),
        (an_email(user="u", password="env:P", security="none"), 'Email.security: "none" would send'),
    ],
)  # fmt: skip
def test_a_mistake_in_a_target_has_its_place(target: Any, told: str) -> None:
    """And what may be a secret is repeated in none."""
    found = mistakes([Alert.dead()], [target])

    assert len(found) == 1
    assert found[0].startswith(told)
    for secret in ("hooks.slack", "p4ss", "whsec_abc", "literal"):
        assert secret not in found[0]


def test_a_password_may_travel_in_the_clear_within_this_machine() -> None:
    """A relay on loopback is reached by nobody else."""
    local = an_email(server="localhost", user="u", password="env:P", security="none")

    assert mistakes([Alert.dead()], [local]) == []


def test_no_repr_shows_what_may_be_a_secret() -> None:
    """A slip of the pen must not end in a log."""
    shown = repr(
        [Slack("literal"), SignedWebhook("https://x", "literal"), an_email(password="literal")]
    )

    assert "literal" not in shown
