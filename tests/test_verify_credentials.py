"""Basic, bearer and token: the header carries the secret itself."""

from __future__ import annotations

import base64

import pytest

from holdfast.errors import SecretMissing, VerificationFailed
from holdfast.message import Headers, Request
from holdfast.verify import basic, bearer, token
from holdfast.verify.credentials import Credentials

SECRET = "pa:ss"


def request_of(headers: dict[str, str]) -> Request:
    return Request("POST", "/in", "", Headers.of(headers), b"body")


def reason(scheme: Credentials, headers: dict[str, str], secret: str = SECRET) -> str:
    try:
        scheme.check(request_of(headers), [secret], 0.0)
    except VerificationFailed as failed:
        return failed.reason
    return "accepted"


def login(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BASIC = basic("alice", "env:PASSWORD")
BEARER = bearer("env:TOKEN")
TOKEN = token("env:TOKEN", header="X-Gitlab-Token")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"Basic {login('alice:pa:ss')}", "accepted"),
        (f"bAsIc  {login('alice:pa:ss')}", "accepted"),
        (f"Basic {login('alice:pa:ss').rstrip('=')}", "accepted"),
        (f"Basic {login('alice:pa:s')}", "credentials_mismatch"),
        (f"Basic {login('alicia:pa:ss')}", "credentials_mismatch"),
        (f"Basic {login('alice')}", "credentials_mismatch"),
        ("Basic", "credentials_mismatch"),
        ("Basic !!", "header_malformed"),
        ("Basic é", "header_malformed"),
        ("Bearer pa:ss", "header_malformed"),
        ("", "header_malformed"),
    ],
)
def test_basic(value: str, expected: str) -> None:
    """User and password must both fit; a colon belongs to the password."""
    assert reason(BASIC, {"Authorization": value}) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Bearer pa:ss", "accepted"),
        ("bearer pa:ss", "accepted"),
        ("Bearer pa:sS", "token_mismatch"),
        ("Bearer pa:ss, Bearer pa:ss", "token_mismatch"),
        ("Bearer", "token_mismatch"),
        ("Bearer ☃", "header_malformed"),
        ("pa:ss", "header_malformed"),
    ],
)
def test_bearer(value: str, expected: str) -> None:
    """The scheme's name is in any case, the token is not."""
    assert reason(BEARER, {"Authorization": value}) == expected


def test_token() -> None:
    """The whole value is the token."""
    assert reason(TOKEN, {"X-Gitlab-Token": "pa:ss"}) == "accepted"
    assert reason(TOKEN, {"X-Gitlab-Token": "pa:ss2"}) == "token_mismatch"


@pytest.mark.parametrize("scheme", [BASIC, BEARER, TOKEN], ids=lambda scheme: scheme.name)
def test_what_holds_for_all_of_them(scheme: Credentials) -> None:
    """Signing round-trips, either secret of a rotation fits, and an empty one never does."""
    signed = dict(scheme.sign(request_of({}), "sécret", 0.0).headers)

    assert reason(scheme, {}) == "header_missing"
    assert reason(scheme, signed, "sécret") == "accepted"
    scheme.check(request_of(signed), ["other", "sécret"], 0.0)
    assert reason(scheme, signed, "other") in ("token_mismatch", "credentials_mismatch")
    assert scheme.secret_headers == tuple(name.lower() for name in signed)
    assert scheme.mistakes() == ()
    with pytest.raises(SecretMissing):
        scheme.check(request_of({scheme.place.name: f"{scheme.word} "}), [""], 0.0)


def test_one_changed_bit_is_noticed() -> None:
    """Every bit of what is shown is compared."""
    shown = bytearray(b"alice:pa:ss")
    for bit in range(len(shown) * 8):
        shown[bit // 8] ^= 1 << bit % 8
        value = f"Basic {base64.b64encode(shown).decode()}"
        assert reason(BASIC, {"Authorization": value}) == "credentials_mismatch"
        shown[bit // 8] ^= 1 << bit % 8
