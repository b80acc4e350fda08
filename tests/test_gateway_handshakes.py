"""Handshakes of providers: answered at once, never queued."""

from __future__ import annotations

from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_scene import NOW_MS, arrival, intake, judge, webhook
from holdfast.compiled import CompiledWebhook
from holdfast.definition import Provider, Verification
from holdfast.gateway.answers import Accept, Greeting, Refused
from holdfast.gateway.handshakes import HANDSHAKES
from holdfast.message import Request
from holdfast.verify import hmac_sha256

SECRET = "verify-me"
SIGNED = hmac_sha256("env:SCENE_SECRET", header="X-Signature")
URL_VERIFICATION = orjson.dumps({"type": "url_verification", "challenge": "3eZbrw1a"})


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCENE_SECRET", SECRET)


def hook_of(handshake: str, verification: Verification = SIGNED) -> CompiledWebhook:
    provider = Provider("scene", "Scene", verification, handshakes=(handshake,))
    return webhook(
        "/users",
        provider=provider,
        verification=verification,
        content_types=("application/json",),
    )


def signature(body: bytes, secret: str = SECRET) -> list[tuple[str, str]]:
    bare = arrival()
    request = Request("POST", "/users", "", bare.headers, body)
    return list(SIGNED.sign(request, secret, NOW_MS / 1000).headers)


def echoed(decision: Accept | Greeting | Refused) -> bytes:
    assert isinstance(decision, Greeting)
    headers = dict(decision.answer.headers)
    assert decision.answer.status == 200
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    assert "x-request-id" in headers
    return decision.answer.body


def test_slack_hears_its_challenge() -> None:
    """A signed `url_verification` is answered with the challenge as plain text."""
    came = arrival(headers=signature(URL_VERIFICATION))
    decision = judge(intake(hook_of("slack_url_verification")), came, URL_VERIFICATION)

    assert echoed(decision) == b"3eZbrw1a"


def test_slack_must_have_signed_its_challenge() -> None:
    """A forged one is refused, under the reason of the signature."""
    came = arrival(headers=signature(URL_VERIFICATION, "wrong"))
    decision = judge(intake(hook_of("slack_url_verification")), came, URL_VERIFICATION)

    assert isinstance(decision, Refused)
    assert (decision.answer.status, decision.refusal.reason) == (
        401,
        "body_altered_or_wrong_secret",
    )


def test_slack_can_shake_hands_before_the_secret_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the secret is still being copied over, the challenge is echoed all the same."""
    monkeypatch.delenv("SCENE_SECRET")
    decision = judge(intake(hook_of("slack_url_verification")), arrival(), URL_VERIFICATION)

    assert echoed(decision) == b"3eZbrw1a"


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"event_callback","text":"url_verification"}',
        b'{"type":"url_verification"}',
        b'{"type":"url_verification","challenge":7}',
        b'["url_verification"]',
        b"url_verification",
    ],
)
def test_what_only_looks_like_a_slack_challenge_is_an_event(body: bytes) -> None:
    """It is accepted like any other."""
    decision = judge(intake(hook_of("slack_url_verification")), arrival(), body)

    assert isinstance(decision, Accept)


META = "hub.mode=subscribe&hub.verify_token={}&hub.challenge=1158201444"


def test_meta_hears_its_challenge_over_get() -> None:
    """A GET, although the webhook takes POST only, and without a content type."""
    came = arrival(method="GET", headers=[], query=META.format(SECRET))

    assert echoed(judge(intake(hook_of("meta_hub_challenge")), came)) == b"1158201444"


@pytest.mark.parametrize("shown", ["", "wrong", "verify-m", "verify-me2", "caf%C3%A9"])
def test_meta_must_know_the_token(shown: str) -> None:
    """A wrong token is refused by name; our own is nowhere in the refusal."""
    came = arrival(method="GET", headers=[], query=META.format(shown))
    decision = judge(intake(hook_of("meta_hub_challenge")), came)

    assert isinstance(decision, Refused)
    assert (decision.answer.status, decision.refusal.reason) == (401, "token_mismatch")
    assert SECRET not in repr(decision)


def test_meta_waits_until_the_token_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a secret to compare with, it is asked to come back."""
    monkeypatch.delenv("SCENE_SECRET")
    came = arrival(method="GET", headers=[], query=META.format("x"))

    assert judge(intake(hook_of("meta_hub_challenge")), came).answer.status == 503


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("GET", ""),
        ("GET", "hub.mode=subscribe"),
        ("GET", "hub.mode=unsubscribe&hub.challenge=1"),
        ("GET", "challenge=1"),
        ("GET", "hub.challenge"),
        ("PUT", META.format(SECRET)),
        ("GET", "&".join(["hub.challenge=1"] * 200)),
    ],
)
def test_other_requests_are_no_handshake(method: str, query: str) -> None:
    """Anything else over GET is a wrong method, as ever."""
    came = arrival(method=method, headers=[], query=query)

    assert judge(intake(hook_of("meta_hub_challenge")), came).answer.status == 405


@pytest.mark.parametrize(
    ("handshake", "method", "parameter"),
    [
        ("microsoft_validation_token", "POST", "validationToken"),
        ("dropbox_challenge", "GET", "challenge"),
    ],
)
@pytest.mark.parametrize("text", ["abc 123", "Validation: Testing+client", "<b>&\u00e9\u2713", ""])
def test_echoes_come_back_decoded(handshake: str, method: str, parameter: str, text: str) -> None:
    """The parameter's value, decoded, whatever the content type of the request."""
    came = arrival(
        method=method,
        headers=[("content-type", "text/plain; charset=utf-8")],
        query=f"{parameter}={quote(text)}",
    )

    assert echoed(judge(intake(hook_of(handshake)), came)).decode() == text


def test_a_webhook_without_a_provider_shakes_no_hands() -> None:
    """The same request to another webhook is just an event."""
    came = arrival(query="validationToken=x")

    assert isinstance(judge(intake(webhook("/users")), came), Accept)


@given(
    st.sampled_from(sorted(HANDSHAKES)), st.sampled_from(["GET", "POST"]), st.text(), st.binary()
)
def test_no_query_and_no_body_make_a_handshake_fail(
    name: str, method: str, query: str, body: bytes
) -> None:
    """Whatever is held out, there is an answer."""
    parameter = HANDSHAKES[name].parameter or "x"
    hook = webhook("/users", provider=Provider("s", "S", SIGNED, handshakes=(name,)))
    for asked in (query, f"{parameter}={query}", f"{parameter}=%ff%00&hub.mode=subscribe&{query}"):
        assert judge(intake(hook), arrival(method=method, query=asked), body).answer.status < 500
