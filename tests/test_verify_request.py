"""The public check: what it takes, what it tells, and that it raises one error and no other."""

from __future__ import annotations

import base64
import hmac
import inspect
from typing import Any

import orjson
import pytest

from certificate_kit import holder
from holdfast import VerificationFailed, Verified, providers, verify_request
from holdfast.clock import ManualClock
from holdfast.errors import KeyUnavailable
from holdfast.keyring import KeyRing, Wanted
from holdfast.testing import sign

NOW = 1_700_000_000
BODY = b'{"id":"evt_1","type":"invoice.paid"}'
GITHUB = sign(
    providers.github("env:S"),
    BODY,
    secret="s3cret",
    now=NOW,
    headers={"X-GitHub-Event": "ping", "X-GitHub-Delivery": "d1"},
)


def judged(provider: Any, secret: Any, **settings: Any) -> str:
    given = {"url": None, "headers": list(GITHUB.headers), "body": BODY, "now": NOW, **settings}
    try:
        verify_request(provider, secret, **given)
    except VerificationFailed as failed:
        return failed.reason
    return "accepted"


def test_its_signature_is_a_promise() -> None:
    """Outside code drives it: names, order and defaults stay."""
    parameters = inspect.signature(verify_request).parameters.values()

    assert [each.name for each in parameters] == [
        "provider", "secret", "variant", "config", "method", "url", "headers", "body", "now", "keys",
    ]  # fmt: skip
    assert [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY] == [
        "provider",
        "secret",
    ]
    assert {each.name: each.default for each in parameters if each.default is not each.empty} == {
        "variant": None,
        "config": None,
        "method": "POST",
        "keys": None,
    }


def test_what_is_genuine_is_told_with_its_names() -> None:
    """Who sent it, how it was signed, what it is called, when it was sent and what is proven."""
    stripe = sign(providers.stripe("env:S"), BODY, secret="s3cret", now=NOW)
    gitlab = {"X-Gitlab-Token": "s3cret", "X-Gitlab-Event": "Push Hook", "Idempotency-Key": "i1"}

    def verified(provider: str, headers: Any, body: bytes = BODY) -> Verified:
        return verify_request(provider, "s3cret", url=None, headers=headers, body=body, now=NOW)

    assert verified("github", dict(GITHUB.headers)) == Verified(
        "github", None, "hmac", "d1", "ping", None, ("body",)
    )
    assert verified("stripe", list(stripe.headers)) == Verified(
        "stripe", None, "hmac", "evt_1", "invoice.paid", 1_700_000_000.0, ("body", "timestamp")
    )
    assert verified("gitlab", gitlab) == Verified(
        "gitlab", "token", "token", "i1", "Push Hook", None, ()
    )
    assert verified("mollie", {}, b"id=tr_1") == Verified(
        "mollie", None, "none", None, None, None, ()
    )


def test_it_takes_several_secrets_and_headers_in_any_form() -> None:
    """A rotation, a mapping or pairs, in any case of letters."""
    upper = {name.upper(): value for name, value in GITHUB.headers}

    assert judged("github", ["old", "s3cret"], headers=upper) == "accepted"
    assert judged("github", ("old", "older")) == "body_altered_or_wrong_secret"
    assert judged(providers.github("env:S"), "s3cret") == "accepted"
    assert judged("github", "s3cret", body=bytearray(BODY)) == "accepted"


def test_a_secret_that_cannot_be_one_is_a_refusal_too() -> None:
    """Empty, not there, or not so encoded: nothing is accepted, and nothing else is raised."""
    standard = sign(providers.standard_webhooks("env:S"), BODY, secret="whsec_a2V5", now=NOW)
    headers = list(standard.headers)

    for secret in ("", None, [], ["", ""]):
        assert judged("github", secret) == "secret_unusable"
    assert judged("standard-webhooks", "not base64!", headers=headers) == "secret_unusable"
    assert judged("standard-webhooks", "whsec_", headers=headers) == "secret_unusable"
    assert judged("standard-webhooks", "whsec_a2V5", headers=headers) == "accepted"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"secret": b"whsec_0123"}, "secret: a text is needed, not bytes"),
        ({"secret": [b"whsec_0123"]}, "secret: a text is needed, not bytes"),
        ({"secret": 123}, "secret: a text is needed, not int"),
        ({"body": '{"id": 1}'}, "body: the bytes as they came are needed, not str"),
        ({"body": 5}, "body: the bytes as they came are needed, not int"),
        ({"provider": providers.stripe}, "provider: a text is needed, not Preset"),
        ({"now": None}, "now: seconds since 1970 are needed, not NoneType"),
        ({"now": "now"}, "now: seconds since 1970 are needed, not str"),
        ({"config": 5}, "config: a mapping is needed, not int"),
        ({"url": 5}, "url: a text is needed, not int"),
        ({"headers": None}, "headers: a mapping, or pairs of name and value, is needed"),
        ({"headers": ["x"]}, "headers: a mapping, or pairs of name and value, is needed"),
    ],
)
def test_another_type_is_told_without_what_it_holds(settings: dict[str, Any], told: str) -> None:
    """A mistake of the program's own is no refusal; and bytes(5) would be five of them."""
    given = {"secret": "s", "url": None, "headers": {}, "body": b"", "now": 0, **settings}
    with pytest.raises(TypeError) as raised:
        verify_request(given.pop("provider", "stripe"), given.pop("secret"), **given)

    assert str(raised.value) == told


def test_a_setting_that_is_not_given_is_a_refusal_too() -> None:
    """Whatever the scheme would need it for."""
    livekit = sign(providers.livekit("env:S", api_key="k"), BODY, secret="s3cret", now=NOW)
    headers = list(livekit.headers)

    assert judged("livekit", "s3cret", headers=headers, config={"api_key": "k"}) == "accepted"
    assert judged("livekit", "s3cret", headers=headers, config={"api_key": "l"}) == "claim_mismatch"
    for config in (None, {}, {"api_key": ""}, {"other": "k"}):
        assert judged("livekit", "s3cret", headers=headers, config=config) == "config_missing"
    known = {"api_key": "k", "other": "x"}
    assert judged("livekit", "s3cret", headers=headers, config=known) == "accepted"


def test_published_keys_are_fetched_where_none_is_given() -> None:
    """From the address that the delivery names; that nobody answers is told apart."""
    sender = holder("sns.test")
    fields = {"Message": "m", "MessageId": "i", "Timestamp": "t", "TopicArn": "a"}
    content = "".join(f"{name}\n{text}\n" for name, text in fields.items()) + "Type\nNotification\n"
    body = orjson.dumps(
        {
            **fields,
            "Type": "Notification",
            "SignatureVersion": "2",
            "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/x.pem",
            "Signature": base64.b64encode(sender.sign(content.encode())).decode(),
        }
    )
    asked: list[str] = []

    def published(wanted: Wanted) -> str:
        asked.append(wanted.url)
        return sender.pem

    def down(wanted: Wanted) -> str:
        raise KeyUnavailable(wanted.host)

    def judge(secret: str | None, fetch: Any) -> str:
        return judged("aws-sns", secret, body=body, keys=KeyRing(ManualClock(), fetch))

    assert judge(None, published) == "accepted"
    assert asked == ["https://sns.eu-west-1.amazonaws.com/x.pem"]
    assert judge(None, down) == "key_unavailable"
    assert judge(sender.pem, down) == "accepted"
    assert judge(holder("other.test").pem, down) == "signature_mismatch"


@pytest.mark.parametrize(
    "url",
    [
        "https://h.test/in",
        "https://h.test",
        "https://h.test/in?a=1&a=2",
        "https://h.test/in?",
        "https://u:p@h.test:8443/in?x=https://other.test/?y",
        "/in?a=1",
        "in",
        "https://[/",
        "http://h.test/%zz?%zz",
    ],
)
def test_a_url_is_signed_letter_by_letter(url: str) -> None:
    """However odd, what was called is what is compared."""
    text = base64.b64encode(hmac.digest(b"s3cret", url.encode() + BODY, "sha256")).decode()
    headers = {"x-square-hmacsha256-signature": text}

    assert judged("square", "s3cret", url=url, headers=headers) == "accepted"
    assert judged("square", "s3cret", url=url + "x", headers=headers) == "signature_mismatch"
