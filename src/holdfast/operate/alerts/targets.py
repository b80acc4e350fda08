"""How a message gets to a target. Blocks, for a bounded time, and raises what went wrong."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from holdfast.compiled import AlertTarget, EmailTarget, SlackTarget, WebhookTarget
from holdfast.errors import HoldfastError
from holdfast.message import Headers, Request
from holdfast.operate.alerts.letters import Letter
from holdfast.secrets import SecretRef, Secrets
from holdfast.workflow import http_answer
from holdfast.workflow.http_client import ExchangeFailed, HttpClient
from holdfast.workflow.signing import signed
from holdfast.workflow.urls import url_flaw

LIMIT_SECONDS: Final = 15.0
"""For one message over HTTP, from connecting to the answer."""
MAIL_LIMIT_SECONDS: Final = 30.0
"""Servers greet late on purpose, to be rid of senders who do not wait."""

SLACK_TEXT_MAX: Final = 2_900
"""Characters of one block; Slack refuses 3,000."""

ANSWER_BYTES_MAX: Final = 1_024
_JSON: Final = ("content-type", "application/json")
_AGENT: Final = ("user-agent", "holdfast")


class Undelivered(HoldfastError):
    """A message did not arrive. Never holds a secret. `after_seconds`: as the target asked us to wait."""

    retryable = True

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


def deliver(target: AlertTarget, letter: Letter, secrets: Secrets, now_seconds: float) -> str:
    """Return once the target has taken it, with what is to be said beside. Raises Undelivered,
    SecretMissing."""
    match target:
        case SlackTarget():
            url = secrets.value(target.url)
            if url_flaw(url) is not None:
                raise Undelivered(f"the secret {target.url} is not a URL of an incoming webhook")
            _post(_request(url, slack_document(letter), ()), now_seconds, slack=True)
        case WebhookTarget():
            lines = (("webhook-id", letter.id),)
            request = _request(target.url, letter.document(), lines)
            _post(signed(request, target.sign, secrets, now_seconds).request, now_seconds)
        case EmailTarget():
            return _mail(target, letter, secrets)
    return ""


def where(target: AlertTarget) -> str:
    """Where it is, for people; a URL of Slack's is a secret, its reference is not."""
    match target:
        case SlackTarget():
            return f"Slack, by {target.url}"
        case WebhookTarget():
            return target.url
        case EmailTarget():
            return f"{', '.join(target.to)} by {target.host}:{target.port}"


def secrets_of(target: AlertTarget) -> tuple[SecretRef, ...]:
    """The references that it needs."""
    match target:
        case SlackTarget():
            return (target.url,)
        case WebhookTarget():
            return tuple(target.sign.secrets)
        case EmailTarget():
            user = (target.user,) if isinstance(target.user, SecretRef) else ()
            return (*user, *target.password)


def slack_document(letter: Letter) -> dict[str, Any]:
    """Its title, everything else in one block of fixed width, and links to where it is looked at."""
    told = _fitting(_escaped("\n".join(letter.lines)))
    blocks = [_block(f"*{_escaped(letter.title)}*"), _block(f"```{told}```")]
    if letter.links:
        links = [f"<{_escaped(one.url)}|{_escaped(one.name)}>" for one in letter.links]
        blocks.append(_block(_fitting("\n".join(links))))
    return {"text": _escaped(letter.title), "blocks": blocks}


def mail(target: EmailTarget, letter: Letter) -> EmailMessage:
    """The message as it is sent."""
    made = EmailMessage()
    made["From"] = target.sender
    made["To"] = ", ".join(target.to)
    made["Subject"] = letter.title
    made["Date"] = format_datetime(datetime.fromtimestamp(letter.at_ms / 1000, UTC))
    made["Message-ID"] = f"<{letter.id}@{target.sender.rpartition('@')[2]}>"
    # Nobody's absence is to be told to us.
    made["Auto-Submitted"] = "auto-generated"
    made["X-Priority"] = "1" if letter.severity == "critical" and not letter.over else "3"
    made.set_content(letter.text + "\n")
    return made


def _block(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _fitting(text: str) -> str:
    """As many lines as a block holds: Slack would refuse the message for one that is too long."""
    if len(text) <= SLACK_TEXT_MAX:
        return text
    return text[:SLACK_TEXT_MAX].rpartition("\n")[0] + "\n..."


def _escaped(text: str) -> str:
    """Slack's own three; the fence of a block cannot be closed from within."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("```", "'''")


def _request(url: str, document: Any, lines: tuple[tuple[str, str], ...]) -> Request:
    parts = urlsplit(url)
    return Request(
        "POST",
        parts.path or "/",
        parts.query,
        Headers.of([_JSON, _AGENT, *lines]),
        orjson.dumps(document),
        origin=f"{parts.scheme}://{parts.netloc}",
    )


def _post(request: Request, now_seconds: float, *, slack: bool = False) -> None:
    async def exchange() -> http_answer.Answer:
        client = HttpClient()
        try:
            return await client.exchange(
                request, limit_seconds=LIMIT_SECONDS, bytes_max=ANSWER_BYTES_MAX
            )
        finally:
            await client.aclose()

    try:
        answer = asyncio.run(exchange())
    except ExchangeFailed as failure:
        raise Undelivered(f"{failure.kind}: {failure}") from None
    if http_answer.is_success(answer):
        return
    # Slack says why in a word, such as `no_service`; whatever else a body holds is not repeated.
    word = answer.body[:60].decode("ascii", "replace") if slack else ""
    why = f" {word}" if word.replace("_", "").isalpha() else ""
    raise Undelivered(
        f"answered {answer.status}{why}", http_answer.retry_after_seconds(answer, now_seconds)
    )


def _mail(target: EmailTarget, letter: Letter, secrets: Secrets) -> str:
    user = secrets.value(target.user) if isinstance(target.user, SecretRef) else target.user
    password = secrets.values(target.password)[0] if target.password else ""
    try:
        with _connected(target) as server:
            if user is not None:
                server.login(user, password)
            refused = server.send_message(mail(target, letter), target.sender, target.to)
    except smtplib.SMTPResponseException as error:
        # The text may repeat who logs in; the code says what a postmaster asks for.
        raise Undelivered(f"{type(error).__name__}: answered {error.smtp_code}") from None
    except smtplib.SMTPRecipientsRefused:
        raise Undelivered("the mail server refused every recipient") from None
    except (OSError, smtplib.SMTPException) as error:
        raise Undelivered(f"{type(error).__name__}: {error}") from None
    # The others have it: to send it again would be to send it to them twice.
    return f"refused for {', '.join(sorted(refused))}" if refused else ""


@contextmanager
def _connected(target: EmailTarget) -> Iterator[smtplib.SMTP]:
    """A connection that is as safe as it must be before anything else is said, and that ends."""
    context = ssl.create_default_context()
    made: smtplib.SMTP
    if target.security == "tls":
        made = smtplib.SMTP_SSL(target.host, target.port, timeout=LIMIT_SECONDS, context=context)
    else:
        made = smtplib.SMTP(target.host, target.port, timeout=LIMIT_SECONDS)
    with made as server:
        # Each read has a limit of its own; a server that drips would otherwise hold us for ever.
        late = threading.Timer(MAIL_LIMIT_SECONDS, _hang_up, (server,))
        late.daemon = True
        late.start()
        try:
            if target.security == "starttls":
                server.starttls(context=context)
            yield server
        finally:
            late.cancel()


def _hang_up(server: smtplib.SMTP) -> None:
    if server.sock is not None:
        with suppress(OSError):
            server.sock.shutdown(socket.SHUT_RDWR)
