"""The first state, for senders whose public keys are fetched: when, how often, and what if not."""

from __future__ import annotations

import asyncio
import base64
import gzip
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from certificate_kit import Holder, holder
from holdfast import Provider, providers
from holdfast.clock import ManualClock
from holdfast.compiled import CompiledWebhook
from holdfast.errors import KeyUnavailable, VerificationFailed
from holdfast.keyring import KeyRing, Wanted
from holdfast.message import Event, Headers, Lease, Message, Receipt, Request
from holdfast.operate.rehearsal import Rehearsal, rehearse
from holdfast.secrets import Secrets
from holdfast.verify.source import check_source, fetches_keys
from holdfast.workflow.input import Delivery
from holdfast.workflow.result import Result
from workflow_kit import a_message, a_webhook, an_express

NOW_MS = 1_700_000_000_000
BEGINS, ENDS = datetime(2023, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"
SNS = providers.aws_sns()


class Published:
    """What stands behind every address, and how often it was asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[str] = []

    def __call__(self, wanted: Wanted) -> str:
        self.asked.append(wanted.url)
        if not self.text:
            raise KeyUnavailable(f"{wanted.host} is down")
        return self.text


def notification(by: Holder, url: str = URL, **change: str) -> Request:
    fields = {"Message": "hello", "MessageId": "m1", "Timestamp": "2023-11-14T22:13:20.000Z",
              "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Type": "Notification"}  # fmt: skip
    content = "".join(f"{name}\n{text}\n" for name, text in fields.items()).encode()
    body = {
        **fields,
        "SignatureVersion": "2",
        "SigningCertURL": url,
        "Signature": base64.b64encode(by.sign(content)).decode(),
        **change,
    }
    headers = Headers.of({"content-type": "text/plain; charset=UTF-8"})
    return Request("POST", "/sns", "", headers, orjson.dumps(body))


def lease(request: Request) -> Lease:
    return Lease(Message("0" * 32, "users", NOW_MS, request), Receipt("r1"), 1)


def webhook(provider: Provider, *functions: Any) -> CompiledWebhook:
    return a_webhook(
        *functions,
        verification=provider.verification,
        provider=provider,
        delivery_id=provider.delivery_id,
        event_type=provider.event_type,
    )


def test_a_notification_is_worked_once_its_certificate_was_fetched() -> None:
    """The body is JSON under another name, its id and type are found, and the next needs no asking."""
    seen: list[Event[Any]] = []

    def handle(event: Event[Any]) -> None:
        seen.append(event)

    sender = holder("sns.test", None, BEGINS, ENDS)
    published = Published(sender.pem)

    async def scene() -> list[Result]:
        with an_express(webhook(SNS, handle), keys=KeyRing(ManualClock(), published)) as express:
            return [await express.run(lease(notification(sender))) for _ in range(2)]

    assert [result.status for result in asyncio.run(scene())] == ["SUCCEEDED"] * 2
    assert [(event.type, event.delivery_id) for event in seen] == [("Notification", "m1")] * 2
    assert published.asked == [URL]


@pytest.mark.parametrize(
    ("request_", "published", "status", "why"),
    [
        (
            notification(holder("sns.test", None, BEGINS, ENDS), "https://example.net/x.pem"),
            holder("sns.test", None, BEGINS, ENDS).pem,
            "quarantined",
            "certificate_untrusted",
        ),
        (
            notification(holder("other.test", None, BEGINS, ENDS)),
            holder("sns.test", None, BEGINS, ENDS).pem,
            "quarantined",
            "signature_mismatch",
        ),
        (
            notification(holder("old.test", None, BEGINS, datetime(2023, 2, 1, tzinfo=UTC))),
            holder("old.test", None, BEGINS, datetime(2023, 2, 1, tzinfo=UTC)).pem,
            "quarantined",
            "certificate_untrusted",
        ),
        (notification(holder("sns.test", None, BEGINS, ENDS)), "", "retried", "KeyUnavailable"),
        (notification(holder("sns.test", None, BEGINS, ENDS)), "no key", "retried", "KeyUnavailable"),
    ],
)  # fmt: skip
def test_what_is_forged_is_quarantined_and_what_cannot_be_told_is_retried(
    request_: Request, published: str, status: str, why: str
) -> None:
    """A sender whose key cannot be fetched has done nothing wrong; its event waits."""

    def handle(event: Event[Any]) -> None:
        raise AssertionError(event)

    async def scene() -> Result:
        keys = KeyRing(ManualClock(), Published(published))
        with an_express(webhook(SNS, handle), keys=keys) as express:
            return await express.run(lease(request_))

    result = asyncio.run(scene())

    assert result.status == "FAILED"
    assert (result.quarantine or result.error) == why
    assert bool(result.quarantine) == (status == "quarantined")


def check(provider: Provider, request: Request, keys: KeyRing) -> str:
    try:
        check_source(webhook(provider), request, Secrets(), NOW_MS / 1000, keys)
    except VerificationFailed as failed:
        return failed.reason
    return "accepted"


def test_a_key_that_was_changed_is_fetched_anew() -> None:
    """What fits none of the keys that are kept may fit a new one; asked at most once a minute."""
    old, new = holder("old.test").public_pem, holder("new.test")
    published, clock = Published(f'{{"publicKey": "{old}"}}'.replace("\n", "\\n")), ManualClock()
    keys, dyte = KeyRing(clock, published), providers.dyte()
    signature = base64.b64encode(new.sign(b"{}")).decode()
    request = Request("POST", "/", "", Headers.of({"dyte-signature": signature}), b"{}")

    assert check(dyte, request, keys) == "body_altered_or_wrong_secret"
    published.text = f'{{"publicKey": "{new.public_pem}"}}'.replace("\n", "\\n")
    assert check(dyte, request, keys) == "body_altered_or_wrong_secret"
    clock.advance(60)
    assert check(dyte, request, keys) == "accepted"
    assert len(published.asked) == 2


def test_a_certificate_that_is_named_must_bear_the_senders_name() -> None:
    """PayPal's comes from PayPal's host, and must be issued for its messages all the same."""
    forger = holder("forger.test", None, BEGINS, ENDS)
    keys = KeyRing(ManualClock(), Published(forger.pem))
    lines = {
        "PAYPAL-TRANSMISSION-ID": "t1",
        "PAYPAL-TRANSMISSION-TIME": "2023-11-14T22:13:20Z",
        "PAYPAL-CERT-URL": "https://api.paypal.com/v1/notifications/certs/CERT-1",
        "PAYPAL-TRANSMISSION-SIG": base64.b64encode(
            forger.sign(b"t1|2023-11-14T22:13:20Z|WH-1|2745614147")
        ).decode(),
    }
    request = Request("POST", "/", "", Headers.of(lines), b"{}")
    paypal = providers.paypal(webhook_id="WH-1")

    assert check(paypal, request, keys) == "certificate_untrusted"
    paypal.verification.check(request, [forger.pem], NOW_MS / 1000)


def test_which_senders_keys_are_fetched() -> None:
    """Those that publish them, unless the definition gives the key; nobody with a shared secret."""
    fetching = {
        name
        for name in providers.names()
        if any(
            way.takes_secret and not way.needs_secret for way in providers.load(name).ways.values()
        )
    }

    assert fetching == {"adobe-io-events", "aws-sns", "dyte", "google-pubsub", "paypal"}
    assert fetches_keys(providers.aws_sns().verification)
    assert fetches_keys(providers.plaid("env:S", variant="api", client_id="c").verification)
    assert not fetches_keys(providers.aws_sns("file:cert.pem").verification)
    assert not fetches_keys(providers.github("env:S").verification)
    assert not fetches_keys(None)


def test_the_names_of_an_event_are_found_wherever_its_sender_puts_them() -> None:
    """In a form, in JSON inside a form, in a packed body; a body's content type is no matter."""

    def of(provider: Provider, body: bytes, content_type: str) -> Delivery:
        message = a_message(body, {"content-type": content_type})
        return Delivery(webhook(provider), message, 1, None)

    form = "application/x-www-form-urlencoded"
    slack = of(providers.slack("env:S"), b"payload=%7B%22type%22%3A%22block_actions%22%7D", form)
    twilio = of(providers.twilio("env:S"), b"EventType=onMessageAdded", form)
    stream = of(providers.stream_chat("env:S"), gzip.compress(b'{"type":"message.new"}'), "")
    sns = of(SNS, b'{"Type":"Notification","MessageId":"m1"}', "text/plain")

    assert [each.type for each in (slack, twilio, stream, sns)] == [
        "block_actions", "onMessageAdded", "message.new", "Notification",
    ]  # fmt: skip
    assert sns.delivery_id == "m1"
    replayed = replace(sns.message, replay_of="1" * 32)
    assert Delivery(webhook(SNS), replayed, 1, None).delivery_id is None


def test_a_dry_run_fetches_what_a_worker_would() -> None:
    """What the key says decides it, and a key that cannot be had is told as what it is."""

    def handle(event: Event[Any]) -> None:
        raise AssertionError(event)

    sender = holder("sns.test", None, BEGINS, ENDS)
    other = holder("other.test", None, BEGINS, ENDS)
    message = lease(notification(sender)).message

    def rehearsed(published: str) -> Rehearsal:
        keys = KeyRing(ManualClock(), Published(published))
        return rehearse(webhook(SNS, handle), message, Secrets(), NOW_MS, keys=keys)

    went = rehearsed(sender.pem)
    assert (went.status, [call.source for call in went.calls]) == ("SUCCEEDED", ["assumed"])
    assert rehearsed(other.pem).quarantine == "signature_mismatch"
    assert rehearsed("").error == "KeyUnavailable"
    assert rehearsed("").quarantine is None
