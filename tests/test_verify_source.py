"""Checking a webhook's source, verification by function, and hiding what must not be stored."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt as library
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm

from certificate_kit import BEGINS, WITHIN, holder, private_key
from holdfast import compiled
from holdfast.clock import ManualClock
from holdfast.definition import Verification
from holdfast.errors import KeyUnavailable, NotSupported, SecretMissing, VerificationFailed
from holdfast.keyring import KeyRing
from holdfast.message import Headers, Request
from holdfast.secrets import Secrets
from holdfast.verify import FunctionVerification, basic, hmac_sha256, jwt, rsa, token
from holdfast.verify.source import check_source, check_with_keys, redact

REQUEST = Request("POST", "/in", "", Headers(), b"body")


def webhook_of(verification: Verification | None) -> compiled.CompiledWebhook:
    return compiled.CompiledWebhook(
        name="in",
        path="/in",
        methods=("POST",),
        content_types=("*/*",),
        body_limit_bytes=1024,
        rate_limit=None,
        allow=(),
        verification=verification,
        verify_at="workflow",
        provider=None,
        delivery_id=(),
        event_type=(),
        answer=compiled.Answer(200, None, ()),
        schema=None,
        body_model=None,
        queue=compiled.Queue(1, 1, 3, 30),
        pipe=compiled.Pipe(1, 0, 1, 1, 1),
        timeout_seconds=5,
        workflow={},
        tasks={},
        log_level="ERROR",
        place="",
    )


def test_a_webhook_without_verification_asks_nothing() -> None:
    """None means anybody."""
    check_source(webhook_of(None), REQUEST, Secrets(), 0.0)


def test_secrets_are_read_through_their_references(tmp_path: Path) -> None:
    """During a rotation the new file may not be there yet; with none at all it cannot be told."""
    old, new = tmp_path / "old", tmp_path / "new"
    scheme = hmac_sha256([f"file:{new}", f"file:{old}"])
    webhook = webhook_of(scheme)
    signed = scheme.sign(REQUEST, "s3cret", 0.0)

    with pytest.raises(SecretMissing):
        check_source(webhook, signed, Secrets(), 0.0)
    old.write_text("s3cret\n", encoding="utf-8")
    check_source(webhook, signed, Secrets(), 0.0)
    new.write_text("another\n", encoding="utf-8")
    check_source(webhook, signed, Secrets(), 0.0)
    old.write_text("changed\n", encoding="utf-8")
    with pytest.raises(VerificationFailed):
        check_source(webhook, signed, Secrets(), 0.0)


def test_the_secret_a_header_carries_is_redacted() -> None:
    """Every line of that name is hidden, and nothing else."""
    headers = Headers.of([("Authorization", "a"), ("X-Other", "b"), ("authorization", "c")])

    hidden = redact(webhook_of(basic("alice", "env:P")), headers)

    assert hidden.lines == (
        ("authorization", "[redacted]"),
        ("x-other", "b"),
        ("authorization", "[redacted]"),
    )
    assert redact(webhook_of(token("env:T", header="X-OTHER")), headers)["x-other"] == "[redacted]"


@pytest.mark.parametrize("verification", [None, hmac_sha256("env:S")])
def test_where_no_header_carries_a_secret_all_are_kept(verification: Verification | None) -> None:
    """A signature is no secret."""
    headers = Headers.of({"Authorization": "a", "X-Signature-256": "b"})

    assert redact(webhook_of(verification), headers) is headers


@pytest.mark.parametrize("verdict", [None, True])
def test_a_function_accepts(verdict: bool | None) -> None:
    """True accepts, and so does returning nothing."""
    check_source(webhook_of(FunctionVerification(lambda _: verdict)), REQUEST, Secrets(), 0.0)


def test_a_function_rejects() -> None:
    """False is `rejected`; VerificationFailed keeps the reason the user gave."""

    def named(request: Request) -> None:
        raise VerificationFailed("wrong_tenant", request.path)

    with pytest.raises(VerificationFailed) as plain:
        FunctionVerification(lambda _: False).check(REQUEST, [], 0.0)
    with pytest.raises(VerificationFailed) as reasoned:
        FunctionVerification(named).check(REQUEST, [], 0.0)

    assert plain.value.reason == "rejected"
    assert reasoned.value.reason == "wrong_tenant"


def test_a_function_that_breaks_is_not_a_verdict() -> None:
    """Its own exception passes, so that the event is tried again instead of quarantined."""
    with pytest.raises(ZeroDivisionError):
        FunctionVerification(lambda _: 1 / 0).check(REQUEST, [], 0.0)


@pytest.mark.parametrize("returned", [0, 1, "", "yes", [], object()])
def test_a_function_that_returns_anything_else_is_a_bug_not_a_yes(returned: Any) -> None:
    """Only the three documented answers mean something."""
    with pytest.raises(TypeError, match="returns True, False or None"):
        FunctionVerification(lambda _: returned).check(REQUEST, [], 0.0)


def test_the_mistakes_of_a_function() -> None:
    """Async functions, async callables and things that cannot be called are told."""

    async def waits(request: Request) -> bool:
        return bool(request)

    class Waits:
        async def __call__(self, request: Request) -> bool:
            return bool(request)

    not_callable: Any = "function"

    assert FunctionVerification(lambda _: True).mistakes() == ()
    assert "async" in FunctionVerification(waits).mistakes()[0]
    assert "async" in FunctionVerification(Waits()).mistakes()[0]
    assert "verify" in FunctionVerification(not_callable).mistakes()[0]


def test_a_function_says_what_it_is_and_cannot_sign() -> None:
    """It has no secrets that Holdfast knows of."""
    verification: Verification = FunctionVerification(lambda _: True)

    assert (verification.name, verification.secrets, verification.secret_headers) == (
        "function",
        (),
        (),
    )
    with pytest.raises(NotSupported):
        verification.sign(REQUEST, "", 0.0)


def test_a_token_by_a_key_of_another_name_has_them_fetched_anew() -> None:
    """A sender that changes its keys names the new one, which is in no set that was kept."""
    old, new = private_key("old.test"), private_key("new.test")
    scheme = jwt(
        header="X-Token",
        algorithms=["RS256"],
        fetch={"url": "https://keys.test/set", "hosts": ["keys.test"]},
    )

    def named(**keys: RSAPrivateKey) -> str:
        members = [
            {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": name}
            for name, key in keys.items()
        ]
        return orjson.dumps({"keys": members}).decode()

    published = [named(old=old), named(old=old, new=new)]
    clock = ManualClock()
    ring = KeyRing(clock, lambda _: published.pop(0))

    def check(key: RSAPrivateKey, name: str) -> None:
        token = library.encode({}, key, "RS256", headers={"kid": name})
        request = replace(REQUEST, headers=Headers.of({"X-Token": token}))
        check_with_keys(scheme, request, [], clock.now_ms() / 1000, ring)

    check(old, "old")
    with pytest.raises(VerificationFailed, match="key_unknown"):
        check(new, "new")
    clock.advance(60)
    check(new, "new")


@pytest.mark.parametrize(
    "first", ["<html>Sorry</html>", holder("sns.test", None, BEGINS, BEGINS).pem]
)
def test_what_was_published_by_mistake_is_asked_for_again(first: str) -> None:
    """A page where a key should be, a certificate that has run out: both may be right by now, and a
    page says nothing against the source."""
    sender = holder("sns.test")
    scheme = rsa(
        header="X-Sig",
        encoding="base64",
        fetch={"url": "https://keys.test/k", "hosts": ["keys.test"]},
    )
    signature = base64.b64encode(sender.sign(REQUEST.body)).decode()
    request = replace(REQUEST, headers=Headers.of({"X-Sig": signature}))
    published, clock = [first, sender.pem], ManualClock()
    ring = KeyRing(clock, lambda _: published.pop(0))

    with pytest.raises((KeyUnavailable, VerificationFailed)) as told:
        check_with_keys(scheme, request, [], WITHIN, ring)
    assert isinstance(told.value, KeyUnavailable) == first.startswith("<")
    clock.advance(60)
    check_with_keys(scheme, request, [], WITHIN, ring)
