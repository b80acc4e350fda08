"""Checking the source at the door, and what becomes of secrets that headers carry."""

from __future__ import annotations

import base64

import orjson
import pytest

from gateway_scene import ADA, NOW_MS, arrival, intake, judge, users
from holdfast.compiled import CompiledWebhook
from holdfast.definition import Verification
from holdfast.gateway.answers import Accept, Arrival, Refused
from holdfast.message import Request
from holdfast.verify import FunctionVerification, basic, bearer, hmac_sha256, token

SECRET = "correct-horse"
HMAC = hmac_sha256("env:SCENE_SECRET", header="X-Signature-256")
TOKEN = token("env:SCENE_SECRET", header="X-Token")
BASIC = basic("ada", "env:SCENE_SECRET")
BEARER = bearer("env:SCENE_SECRET")


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCENE_SECRET", SECRET)


def hook_of(verification: Verification, verify_at: str = "workflow") -> CompiledWebhook:
    return users(verification=verification, verify_at=verify_at)


def signed(verification: Verification, secret: str = SECRET, body: bytes = ADA) -> Arrival:
    """The reference user's request, signed or with its credentials shown."""
    came = arrival()
    request = Request("POST", "/users", "", came.headers, body, "192.0.2.1", "http://scene")
    return arrival(headers=list(verification.sign(request, secret, NOW_MS / 1000).headers))


@pytest.mark.parametrize("verification", [HMAC, TOKEN, BASIC, BEARER])
def test_at_the_gateway_a_false_source_is_401(verification: Verification) -> None:
    """`verify_at="gateway"` refuses with the named reason, and takes what is genuine."""
    judging = intake(hook_of(verification, "gateway"))
    right = judge(judging, signed(verification), ADA)
    wrong = judge(judging, signed(verification, "wrong"), ADA)

    assert isinstance(right, Accept)
    assert right.message.verdict == "verified"
    assert isinstance(wrong, Refused)
    assert wrong.answer.status == 401
    assert orjson.loads(wrong.answer.body)["error"] == wrong.refusal.reason
    assert wrong.refusal.reason.endswith(("_mismatch", "_wrong_secret"))


def test_a_missing_signature_has_its_own_reason() -> None:
    """Who forgot to sign is told so."""
    decision = judge(intake(hook_of(HMAC, "gateway")), arrival(), ADA)

    assert isinstance(decision, Refused)
    assert decision.refusal.reason == "header_missing"


@pytest.mark.parametrize(
    ("verification", "challenge"),
    [
        (BASIC, 'Basic realm="users"'),
        (BEARER, 'Bearer realm="users"'),
        (TOKEN, None),
        (HMAC, None),
    ],
)
def test_a_401_names_the_scheme_where_http_has_a_name(
    verification: Verification, challenge: str | None
) -> None:
    """Basic and bearer are challenged, as HTTP asks."""
    decision = judge(intake(hook_of(verification, "gateway")), arrival(), ADA)

    assert dict(decision.answer.headers).get("www-authenticate") == challenge


def test_a_signature_is_left_to_the_first_state() -> None:
    """In the workflow's hands the door does not look at an HMAC, right or wrong."""
    decision = judge(intake(hook_of(HMAC)), signed(HMAC, "wrong"), ADA)

    assert isinstance(decision, Accept)
    assert decision.message.verdict is None
    assert "x-signature-256" in decision.message.request.headers


@pytest.mark.parametrize("verification", [TOKEN, BASIC, BEARER])
@pytest.mark.parametrize("verify_at", ["workflow", "gateway"])
@pytest.mark.parametrize("shown", [SECRET, "guessed-wrong"])
def test_a_secret_in_a_header_never_travels(
    verification: Verification, verify_at: str, shown: str
) -> None:
    """Whether accepted or refused: neither the message nor the note holds what the header held."""
    decision = judge(intake(hook_of(verification, verify_at)), signed(verification, shown), ADA)
    kept = decision.message.head() if isinstance(decision, Accept) else b""
    encoded = base64.b64encode(f"ada:{shown}".encode())

    assert shown not in repr(decision)
    assert encoded.decode() not in repr(decision)
    assert shown.encode() not in kept
    assert encoded not in kept
    assert "[redacted]" in repr(decision)


def test_the_verdict_travels_instead() -> None:
    """What the door found is there for the first state to act on."""
    judging = intake(hook_of(TOKEN))
    right = judge(judging, signed(TOKEN), ADA)
    wrong = judge(judging, signed(TOKEN, "wrong"), ADA)
    none = judge(judging, arrival(), ADA)

    assert isinstance(right, Accept)
    assert isinstance(wrong, Accept)
    assert isinstance(none, Accept)
    assert right.message.verdict == "verified"
    assert wrong.message.verdict == "token_mismatch"
    assert none.message.verdict == "header_missing"


def test_a_secret_sent_to_the_wrong_path_is_redacted_too() -> None:
    """The note of a 404 does not keep the token of a webhook that it missed."""
    came = signed(TOKEN)._replace(route="/typo", path="/typo")
    decision = judge(intake(hook_of(TOKEN)), came, ADA)

    assert isinstance(decision, Refused)
    assert SECRET not in repr(decision)


@pytest.mark.parametrize(
    ("verification", "verify_at", "status"),
    [
        (HMAC, "gateway", 503),
        (TOKEN, "gateway", 503),
        (TOKEN, "workflow", 503),
        (HMAC, "workflow", 200),
    ],
)
def test_without_its_secret_the_door_asks_to_come_back(
    monkeypatch: pytest.MonkeyPatch, verification: Verification, verify_at: str, status: int
) -> None:
    """What cannot be judged is neither accepted nor refused for good; the name of the secret stays
    with us."""
    came = signed(verification)
    monkeypatch.delenv("SCENE_SECRET")
    decision = judge(intake(hook_of(verification, verify_at)), came, ADA)

    assert decision.answer.status == status
    if isinstance(decision, Refused):
        assert decision.refusal.reason == "secret_missing"
        assert "env:SCENE_SECRET" in decision.refusal.detail
        assert b"SCENE_SECRET" not in decision.answer.body
        assert "retry-after" in dict(decision.answer.headers)


def test_a_function_decides_at_the_gateway() -> None:
    """A plain function of the request says no with False."""
    only_ada = FunctionVerification(lambda request: b"Ada" in request.body)
    judging = intake(hook_of(only_ada, "gateway"))
    decision = judge(judging, arrival(), ADA.replace(b"Ada", b"Bob"))

    assert judge(judging, arrival(), ADA).answer.status == 200
    assert isinstance(decision, Refused)
    assert decision.refusal.reason == "rejected"


def test_the_body_is_checked_before_the_source() -> None:
    """A body that does not fit is a 400, signed or not."""
    decision = judge(intake(hook_of(HMAC, "gateway")), signed(HMAC, "wrong"), b"{}")

    assert decision.answer.status == 400
