"""How a message gets to Slack, to a webhook and into a mailbox: over real sockets, each of them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from alert_kit import NOW_MS, SECRET, a_rule, a_slack, a_webhook_target, some_news
from holdfast.compiled import EmailTarget
from holdfast.errors import SecretMissing, VerificationFailed
from holdfast.message import Headers, Request
from holdfast.operate.alerts import targets
from holdfast.operate.alerts.letters import Letter, write
from holdfast.operate.alerts.standing import Key
from holdfast.operate.alerts.targets import Undelivered, deliver
from holdfast.secrets import SecretRef, Secrets
from http_target import Target, a_target
from mail_kit import PASSWORD, USER, a_certificate, a_mail_server

NOW_SECONDS: Final = NOW_MS / 1000
LETTER: Final[Letter] = write(
    [a_rule()],
    {Key("depth", "users"): some_news()},
    id="msg_7",
    app="shop",
    console_url="http://127.0.0.1:8082",
    now_ms=NOW_MS,
)


@pytest.fixture
def target() -> Iterator[Target]:
    with a_target() as server:
        yield server


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTS_SECRET", SECRET)
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)


def test_a_webhook_gets_a_signed_message(target: Target) -> None:
    """Any receiver of Standard Webhooks can check it; a changed byte does not pass."""
    made = a_webhook_target(target.url)
    assert deliver(made, LETTER, Secrets(), NOW_SECONDS) == ""
    (got,) = target.received
    request = Request(got.method, "/in", "a=1", Headers.of(list(got.lines)), got.body)

    assert json.loads(got.body)["data"]["title"] == "[shop] users: more than 100 waiting"
    assert got.headers["webhook-id"] == "msg_7"
    made.sign.check(request, [SECRET], NOW_SECONDS)
    forged = Request("POST", "/in", "a=1", request.headers, got.body + b" ")
    with pytest.raises(VerificationFailed):
        made.sign.check(forged, [SECRET], NOW_SECONDS)


def test_slack_gets_text_and_blocks(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fallback text is the title; what is alerted of is a link."""
    monkeypatch.setenv("SLACK_URL", f"{target.root}/services/T0/B0/secret")
    deliver(a_slack(), LETTER, Secrets(), NOW_SECONDS)
    (got,) = target.received

    assert got.path == "/services/T0/B0/secret"
    told = json.loads(got.body)
    assert told["text"] == "[shop] users: more than 100 waiting"
    assert "users: 200 waiting" in told["blocks"][1]["text"]["text"]
    assert told["blocks"][2]["text"]["text"] == (
        "<http://127.0.0.1:8082/webhooks/users|users, depth>\n<http://127.0.0.1:8082|console>"
    )


def test_what_slack_says_is_told_and_its_url_is_not(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`no_service` helps whoever mends it; the URL would help everybody."""
    monkeypatch.setenv("SLACK_URL", f"{target.root}/services/T0/B0/secret")
    target.status, target.body = 404, b"no_service"
    with pytest.raises(Undelivered) as failed:
        deliver(a_slack(), LETTER, Secrets(), NOW_SECONDS)

    assert str(failed.value) == "answered 404 no_service"


@pytest.mark.parametrize("body", [b"secret token: abc", b"\xff\xfe", b""])
def test_any_other_body_is_not_repeated(target: Target, body: bytes) -> None:
    """A target may repeat what it was sent."""
    target.status, target.body = 500, body
    with pytest.raises(Undelivered) as failed:
        deliver(a_webhook_target(target.url), LETTER, Secrets(), NOW_SECONDS)

    assert str(failed.value) == "answered 500"


def test_a_target_that_asks_for_patience_is_heard(target: Target) -> None:
    """Its Retry-After travels with the failure."""
    target.status, target.headers = 429, [("Retry-After", "120")]
    with pytest.raises(Undelivered) as failed:
        deliver(a_webhook_target(target.url), LETTER, Secrets(), NOW_SECONDS)

    assert failed.value.after_seconds == 120


def test_redirects_are_not_followed(target: Target) -> None:
    """What is signed for one address is shown to no other."""
    target.status = 302
    with pytest.raises(Undelivered, match="answered 302"):
        deliver(a_webhook_target(target.url), LETTER, Secrets(), NOW_SECONDS)
    assert len(target.received) == 1


def test_one_that_hangs_is_left(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit it is a failure like any other."""
    monkeypatch.setattr(targets, "LIMIT_SECONDS", 0.1)
    target.let_go.clear()
    with pytest.raises(Undelivered, match="Timeout"):
        deliver(a_webhook_target(target.url), LETTER, Secrets(), NOW_SECONDS)


def test_nobody_there_is_said_without_more_than_the_host() -> None:
    """A URL may hold what others must not see."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Undelivered) as failed:
        deliver(
            a_webhook_target(f"http://127.0.0.1:{port}/key/s3cret"), LETTER, Secrets(), NOW_SECONDS
        )

    assert "ConnectError" in str(failed.value)
    assert "s3cret" not in str(failed.value)


def test_a_missing_secret_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent unsigned."""
    monkeypatch.delenv("ALERTS_SECRET")
    with pytest.raises(SecretMissing, match="env:ALERTS_SECRET"):
        deliver(a_webhook_target("http://127.0.0.1:9"), LETTER, Secrets(), NOW_SECONDS)


def test_what_slacks_secret_holds_must_be_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not repeated where it is none."""
    monkeypatch.setenv("SLACK_URL", "xoxb-a-token")
    with pytest.raises(Undelivered) as failed:
        deliver(a_slack(), LETTER, Secrets(), NOW_SECONDS)
    assert "xoxb" not in str(failed.value)


def an_email(port: int, security: Any = "none", **fields: Any) -> EmailTarget:
    return EmailTarget(
        **{
            "name": "email",
            "at_least": "warning",
            "to": ("ops@example.com", "ada@example.com"),
            "sender": "holdfast@example.com",
            "host": "localhost",
            "port": port,
            "security": security,
            "user": None,
            "password": (),
            **fields,
        }
    )


LOGIN: Final = {"user": USER, "password": (SecretRef("env", "MAIL_PASSWORD"),)}


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_out_encrypted_and_logged_in(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With STARTTLS and with TLS from the first byte on, by a certificate that is checked."""
    context, trusted = a_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with a_mail_server(context, implicit=security == "tls", login=True) as box:
        assert deliver(an_email(box.port, security, **LOGIN), LETTER, Secrets(), NOW_SECONDS) == ""

    (got,) = box.letters
    assert got["Subject"] == "[shop] users: more than 100 waiting"
    assert got["To"] == "ops@example.com, ada@example.com"
    assert "users: 200 waiting" in got.get_content()
    assert box.encrypted == [True]
    assert box.logins == [USER]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_stranger_is_told_nothing(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose certificate nobody vouches for sees neither login nor message."""
    context, _ = a_certificate(tmp_path)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with a_mail_server(context, implicit=security == "tls", login=True) as box:
        with pytest.raises(Undelivered, match="certificate"):
            deliver(an_email(box.port, security, **LOGIN), LETTER, Secrets(), NOW_SECONDS)
        assert (box.letters, box.logins) == ([], [])


def test_without_starttls_there_is_no_message() -> None:
    """A server that cannot encrypt, or somebody in between, does not get us to go on in the clear."""
    with a_mail_server() as box:
        with pytest.raises(Undelivered):
            deliver(an_email(box.port, "starttls"), LETTER, Secrets(), NOW_SECONDS)
        assert box.letters == []


def test_a_wrong_password_is_a_code_not_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server says may repeat who logs in."""
    context, trusted = a_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    monkeypatch.setenv("MAIL_PASSWORD", "another one")
    with (
        a_mail_server(context, login=True) as box,
        pytest.raises(Undelivered) as failed,
    ):
        deliver(an_email(box.port, "starttls", **LOGIN), LETTER, Secrets(), NOW_SECONDS)

    assert str(failed.value) == "SMTPAuthenticationError: answered 535"


def test_who_logs_in_may_be_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some providers' user names are keys."""
    context, trusted = a_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    monkeypatch.setenv("MAIL_USER", USER)
    told = {**LOGIN, "user": SecretRef("env", "MAIL_USER")}
    with a_mail_server(context, login=True) as box:
        deliver(an_email(box.port, "starttls", **told), LETTER, Secrets(), NOW_SECONDS)

    assert box.logins == [USER]


def test_one_refused_recipient_does_not_keep_it_from_the_others() -> None:
    """It is said, and not sent again to those who have it; refused for all, it is a failure."""
    with a_mail_server() as box:
        box.refuses = {"ada@example.com"}
        said = deliver(an_email(box.port), LETTER, Secrets(), NOW_SECONDS)
        assert (said, len(box.letters)) == ("refused for ada@example.com", 1)

        box.refuses.add("ops@example.com")
        with pytest.raises(Undelivered, match="refused every recipient"):
            deliver(an_email(box.port), LETTER, Secrets(), NOW_SECONDS)


def test_a_server_that_is_busy_is_a_failure() -> None:
    """Its code is what a postmaster asks for."""
    with a_mail_server() as box:
        box.answer = "451 try again later"
        with pytest.raises(Undelivered, match="answered 451"):
            deliver(an_email(box.port), LETTER, Secrets(), NOW_SECONDS)


@contextmanager
def a_dripping_server() -> Iterator[int]:
    """Greets for ever, a line at a time, as fast as anybody reads."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            caller, _ = server.accept()
            with caller:
                try:
                    caller.sendall(b"220 here\r\n")
                    while True:
                        caller.sendall(b"250-more to come\r\n")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_a_mail_server_that_never_comes_to_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line arrives in time, and yet the whole has a limit."""
    monkeypatch.setattr(targets, "MAIL_LIMIT_SECONDS", 0.2)
    with a_dripping_server() as port, pytest.raises(Undelivered):
        deliver(an_email(port, host="127.0.0.1"), LETTER, Secrets(), NOW_SECONDS)


def test_it_works_beside_a_loop_of_its_own(target: Target) -> None:
    """A courier's thread is no loop's thread: from there it is called."""
    made = a_webhook_target(target.url)
    asyncio.run(asyncio.to_thread(deliver, made, LETTER, Secrets(), NOW_SECONDS))

    assert len(target.received) == 1
