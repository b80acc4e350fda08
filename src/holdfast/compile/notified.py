"""Who is told of alerts: addresses that can be reached, secrets that are references."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Final, cast, get_args

from holdfast.alerts import AlertSeverity, Email, Security, SignedWebhook, Slack
from holdfast.compile.spot import Spot, quoted
from holdfast.compile.values import NAME, choice
from holdfast.compiled import AlertTarget, EmailTarget, SlackTarget, WebhookTarget
from holdfast.definition import App
from holdfast.secrets import SecretRef
from holdfast.verify import standard_webhooks
from holdfast.workflow.urls import url_flaw

PORTS: Final[Mapping[Security, int]] = {"starttls": 587, "tls": 465, "none": 25}

_KINDS: Final = (
    'Slack("env:SLACK_URL"), SignedWebhook("https://...", "env:ALERTS_SECRET") or '
    'Email("ops@example.com", server="smtp.example.com", sender="holdfast@example.com")'
)
_ADDRESS: Final = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\]+")
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?")


def targets(spot: Spot, app: App) -> tuple[AlertTarget, ...]:
    """Each under a name of its own."""
    given = app.notify
    here = spot.under("notify")
    if isinstance(given, str | Mapping) or not isinstance(given, Collection):
        here.wrong(f"not a list; write notify=[...] with {_KINDS}")
        return ()
    known: dict[str, AlertTarget] = {}
    for written in given:
        if not isinstance(written, Slack | SignedWebhook | Email):
            # Not repeated: a slip of the pen may have put a URL of Slack's here.
            here.wrong(f"holds what cannot be told of anything; write {_KINDS}")
            continue
        there = spot.at(written.place, type(written).__name__)
        made = _target(there, written)
        if made.name in known:
            there.under("name").wrong(
                f"another target is called {quoted(made.name)}; give this one a name"
            )
        known.setdefault(made.name, made)
    return tuple(known.values())


def _target(spot: Spot, written: Slack | SignedWebhook | Email) -> AlertTarget:
    name = written.name
    if not isinstance(name, str) or not NAME.fullmatch(name):
        spot.under("name").wrong(
            f"{quoted(name)} is not a name; use 1 to 64 letters, digits, _ and -"
        )
    severities = get_args(AlertSeverity)
    least = cast(AlertSeverity, choice(spot.under("at_least"), written.at_least, severities))
    match written:
        case Slack():
            return SlackTarget(str(name), least, _reference(spot.under("url"), written.url))
        case SignedWebhook():
            _judge_url(spot.under("url"), written.url)
            scheme = standard_webhooks(written.secret)
            for mistake in scheme.mistakes():
                spot.wrong(mistake)
            return WebhookTarget(str(name), least, str(written.url), scheme)
        case Email():
            return _email(spot, written, str(name), least)


def _email(spot: Spot, written: Email, name: str, least: AlertSeverity) -> EmailTarget:
    to = [written.to] if isinstance(written.to, str) else written.to
    if not isinstance(to, Collection) or isinstance(to, Mapping | bytes) or not to:
        spot.under("to").wrong(f'{quoted(to)} is not an address; write "ops@example.com"')
        to = ()
    addresses = tuple(_address(spot.under("to"), each) for each in to)
    sender = _address(spot.under("sender"), written.sender)
    security = cast(Security, choice(spot.under("security"), written.security, get_args(Security)))
    host, port = _server(spot.under("server"), written.server, PORTS[security])
    given = written.password
    several = [given] if isinstance(given, str) else given or ()
    password = tuple(_reference(spot.under("password"), each) for each in several)
    user = written.user
    if bool(password) != (user is not None):
        missing = "password" if user is not None else "user"
        spot.under(missing).wrong("user and password go together; one of them is missing")
    if user is not None and (not isinstance(user, str) or not user):
        spot.under("user").wrong('not a name; write user="holdfast", or a reference to it')
        user = None
    if password and security == "none" and not _is_here(host):
        spot.under("security").wrong(
            '"none" would send the password in the clear; write "starttls" or "tls"'
        )
    return EmailTarget(name, least, addresses, sender, host, port, security, _user(user), password)


def _user(user: str | None) -> str | SecretRef | None:
    if user is None:
        return None
    try:
        return SecretRef.parse(user)
    except ValueError:
        return user


def _address(spot: Spot, value: object) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value) or not value.isascii():
        spot.wrong(f'{quoted(value)} is not an address; write "ops@example.com"')
        return "nobody@invalid"
    return value


def _server(spot: Spot, value: object, usual_port: int) -> tuple[str, int]:
    text = value if isinstance(value, str) else ""
    host, colon, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "")
    usable = _HOST.fullmatch(host) and (not colon or (port.isdecimal() and 0 < int(port) < 65_536))
    if not usable:
        spot.wrong(f'{quoted(value)} is not a mail server; write "smtp.example.com" or with :PORT')
        return "localhost", usual_port
    return host, int(port) if colon else usual_port


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _reference(spot: Spot, value: object) -> SecretRef:
    try:
        return SecretRef.parse(value if isinstance(value, str) else "")
    except ValueError as error:
        spot.wrong(str(error))
        return SecretRef("env", "NOTHING")


def _judge_url(spot: Spot, url: object) -> None:
    flaw = url_flaw(url)
    if flaw == "credentials":
        # Not repeated: it shows a password.
        spot.wrong("the URL carries credentials; the signature is what proves us")
    elif flaw is not None:
        spot.wrong(f'{quoted(url)} is not a URL; write "https://alerts.example.com/holdfast"')
