"""The HMAC scheme: every part of its language, and exact reasons."""

from __future__ import annotations

import base64
import hmac as reference
from typing import Any

import pytest

from holdfast.errors import SecretMissing, VerificationFailed
from holdfast.message import Headers, Request
from holdfast.verify import hmac, hmac_sha256, standard_webhooks
from holdfast.verify.signed import Signed

NOW = 1_700_000_000.0
SECRET = "correct horse"


def request_of(body: bytes = b'{"a":1}', query: str = "", **headers: str) -> Request:
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", "/in", query, Headers.of(lines), body, origin="https://hooks.test")


def mac(content: bytes, hash: str = "sha256", key: bytes = SECRET.encode()) -> bytes:
    return reference.new(key, content, hash).digest()


def added(
    scheme: Signed, request: Request, secret: str = SECRET, now: float = NOW
) -> dict[str, str]:
    """The headers that signing puts into a request."""
    lines = scheme.sign(request, secret, now).headers.lines
    return dict(line for line in lines if line not in request.headers.lines)


def reason(scheme: Signed, request: Request, secret: str = SECRET, now_seconds: float = NOW) -> str:
    try:
        scheme.check(request, [secret], now_seconds)
    except VerificationFailed as failed:
        return failed.reason
    return "accepted"


@pytest.mark.parametrize("hash", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64", "base64url"])
def test_hashes_and_encodings(hash: Any, encoding: Any) -> None:
    """Each hash in each encoding is what the standard library makes of it."""
    scheme = hmac("env:S", header="X-Sig", hash=hash, encoding=encoding)
    digest = mac(b'{"a":1}', hash)
    text = {
        "hex": digest.hex(),
        "base64": base64.b64encode(digest).decode(),
        "base64url": base64.urlsafe_b64encode(digest).decode(),
    }[encoding]

    assert reason(scheme, request_of(X_Sig=text)) == "accepted"
    assert added(scheme, request_of()) == {"x-sig": text}


def test_hex_in_either_case_and_base64_without_padding_are_the_same_signature() -> None:
    """What only looks different is accepted."""
    digest = mac(b'{"a":1}')
    unpadded = base64.b64encode(digest).decode().rstrip("=")

    in_hex = hmac("env:S", header="X-Sig")
    in_base64 = hmac("env:S", header="X-Sig", encoding="base64")

    assert reason(in_hex, request_of(X_Sig=digest.hex().upper())) == "accepted"
    assert reason(in_base64, request_of(X_Sig=unpadded)) == "accepted"


@pytest.mark.parametrize(
    "text",
    ["", "zz", "é" * 64, "☃" * 64, "ab" * 31, "ab" * 33, "a" * 63, "0x" + "ab" * 31, "ab " * 32],
)
def test_what_is_no_signature_is_a_malformed_header(text: str) -> None:
    """Text that no sender writes is told apart from a signature that does not match."""
    assert reason(hmac("env:S", header="X-Sig"), request_of(X_Sig=text)) == "header_malformed"


@pytest.mark.parametrize(
    "text", ["AAAA", "=" * 44, "A" * 42 + "==", "A" * 43 + "==", "-" * 43 + "="]
)
def test_broken_base64_is_a_malformed_header(text: str) -> None:
    """Wrong length, wrong padding and the other alphabet are not decoded generously."""
    scheme = hmac("env:S", header="X-Sig", encoding="base64")

    assert reason(scheme, request_of(X_Sig=text)) == "header_malformed"


def test_hmac_sha256_takes_the_prefix_or_not_and_writes_it() -> None:
    """The everyday scheme accepts both habits."""
    scheme = hmac_sha256("env:S", header="X-Signature-256")
    text = mac(b'{"a":1}').hex()

    assert reason(scheme, request_of(X_Signature_256=text)) == "accepted"
    assert reason(scheme, request_of(X_Signature_256=f"sha256={text}")) == "accepted"
    assert added(scheme, request_of()) == {"x-signature-256": f"sha256={text}"}


def test_an_empty_body_is_signed_like_any_other() -> None:
    """No bytes are bytes too."""
    scheme = hmac_sha256("env:S")

    assert reason(scheme, request_of(b"", X_Signature_256=mac(b"").hex())) == "accepted"
    altered = request_of(b" ", X_Signature_256=mac(b"").hex())
    assert reason(scheme, altered) == "body_altered_or_wrong_secret"


def test_a_missing_signature_is_named() -> None:
    """The reason says that nothing was sent, not that it was wrong."""
    assert reason(hmac_sha256("env:S"), request_of()) == "header_missing"
    assert reason(hmac("env:S", signature="query:sig"), request_of()) == "field_missing"
    assert reason(hmac("env:S", signature="json:sig"), request_of()) == "field_missing"


def test_a_signature_in_the_body_or_the_query() -> None:
    """It may stand in a JSON field, a form field or a query parameter, and sign other fields."""
    text = mac(b"1700000000:tok").hex()
    body = f'{{"signature":{{"timestamp":"1700000000","token":"tok","signature":"{text}"}}}}'
    in_json = hmac(
        "env:S",
        signature="json:signature.signature",
        message="{timestamp}:{json:signature.token}",
        timestamp="json:signature.timestamp",
    )
    in_form = hmac("env:S", signature="form:sig", message="{form:t}:{form:token}")
    in_query = hmac("env:S", signature="query:sig", message="{query:t}:{query:token}")
    fields = f"t=1700000000&token=tok&sig={text}"

    assert reason(in_json, request_of(body.encode())) == "accepted"
    assert reason(in_form, request_of(fields.encode())) == "accepted"
    assert reason(in_query, request_of(query=fields)) == "accepted"
    assert reason(in_json, request_of(b"not json")) == "field_missing"
    assert reason(in_query, request_of(query="sig=zz&t=1&token=x")) == "field_malformed"
    for scheme in (in_json, in_form, in_query):
        assert reason(scheme, scheme.sign(request_of(b""), SECRET, NOW)) == "accepted"


def test_the_signed_content_can_be_any_part_of_the_request() -> None:
    """Every placeholder stands for the sender's own bytes."""
    scheme = hmac(
        "env:S",
        header="X-Sig",
        message="v1|{method}|{path}|{url}|{header:X-Name}|{query:q}|{json:n.0}|{timestamp}|{body}",
        timestamp="header:X-Time",
    )
    signed = (
        b'v1|POST|/in|https://hooks.test/in?q=caf%C3%A9|caf\xe9|caf\xc3\xa9|7|1700000000|{"n":[7]}'
    )
    request = request_of(
        b'{"n":[7]}',
        "q=caf%C3%A9",
        X_Name="caf\xe9",
        X_Time="1700000000",
        X_Sig=mac(signed).hex(),
    )

    assert reason(scheme, request) == "accepted"


def test_several_entries_any_of_which_may_match() -> None:
    """Entries that do not count are skipped, malformed ones too while another can be read."""
    scheme = hmac("env:S", header="X-Sig", split=",", kv="=", keys=("v1", "v2"))
    good, bad = mac(b'{"a":1}').hex(), "00" * 32

    assert reason(scheme, request_of(X_Sig=f"v1={bad}, v2={good}")) == "accepted"
    assert reason(scheme, request_of(X_Sig=f"v1=zz,v1={good},,")) == "accepted"
    altered = request_of(X_Sig=f"v1={bad},v0={good}")
    assert reason(scheme, altered) == "body_altered_or_wrong_secret"
    assert reason(scheme, request_of(X_Sig=f"v0={good}")) == "header_malformed"
    assert reason(scheme, request_of(X_Sig="v1=zz,v2=")) == "header_malformed"


def test_entries_by_position() -> None:
    """Where entries have no keys, their position is their key."""
    scheme = hmac(
        "env:S",
        header="X-Sig",
        split=",",
        keys="1..",
        message="{sig:0}.{body}",
        timestamp="sig:0",
        timestamp_unit="ms",
    )
    good = mac(b'1700000000000.{"a":1}').hex()

    assert reason(scheme, request_of(X_Sig=f"1700000000000,{'00' * 32},{good}")) == "accepted"
    assert added(scheme, request_of()) == {"x-sig": f"1700000000000,{good}"}


def test_several_headers_any_of_which_may_match() -> None:
    """Some senders sign once per secret, each in a header of its own."""
    scheme = hmac("env:S", signature=("header:X-First", "header:X-Second"))
    good = mac(b'{"a":1}').hex()

    assert reason(scheme, request_of(X_Second=good)) == "accepted"
    assert reason(scheme, request_of(X_First="00" * 32, X_Second=good)) == "accepted"
    assert reason(scheme, request_of(X_First="junk", X_Second=good)) == "accepted"
    assert reason(scheme, request_of(X_First="junk")) == "header_malformed"


@pytest.mark.parametrize(
    ("encoding", "strip", "secret"),
    [
        ("utf8", "", "key bytes"),
        ("base64", "", "a2V5IGJ5dGVz"),
        ("base64", "whsec_", "whsec_a2V5IGJ5dGVz"),
        ("base64", "whsec_", "a2V5IGJ5dGVz"),
        ("nfkd", "", "key bytes"),
        ("hex", "", "6b6579206279746573"),
        ("hex", "k-", "k-6B6579206279746573"),
    ],
)
def test_the_same_key_from_secrets_in_every_form(encoding: Any, strip: str, secret: str) -> None:
    """A secret is decoded as its sender hands it out."""
    scheme = hmac("env:S", header="X-Sig", key=encoding, key_strip=strip)
    text = mac(b'{"a":1}', key=b"key bytes").hex()

    assert reason(scheme, request_of(X_Sig=text), secret) == "accepted"


@pytest.mark.parametrize("secret", ["whsec_", "", "whsec_!!", "not base64 at all"])
def test_a_secret_that_is_no_key_blames_the_secret_not_the_sender(secret: str) -> None:
    """An empty key, with which anybody could sign, never verifies; the event stays retryable."""
    scheme = standard_webhooks("env:S")
    request = request_of(
        webhook_id="m", webhook_timestamp="1700000000", webhook_signature="v1," + "A" * 43 + "="
    )

    with pytest.raises(SecretMissing) as error:
        scheme.check(request, [secret], NOW)

    assert "env:S" in str(error.value)
    assert not secret or secret not in str(error.value)


def test_a_rotation_survives_one_unusable_secret() -> None:
    """While one of two secrets is garbage, the other still verifies."""
    scheme = hmac("env:S", header="X-Sig", key="hex")
    request = request_of(X_Sig=mac(b'{"a":1}', key=b"\x01").hex())

    scheme.check(request, ["garbage", "01"], NOW)


def test_signing_replaces_and_makes_up_what_is_missing() -> None:
    """An old time is replaced, an id that is there is kept, one that is not is made up."""
    scheme = standard_webhooks("env:S")
    secret = "whsec_a2V5IGJ5dGVz"
    old = request_of(webhook_id="mine", webhook_timestamp="1", webhook_signature="v1,old")

    kept = added(scheme, old, secret)
    made_up = added(scheme, request_of(), secret)

    assert sorted(kept) == ["webhook-signature", "webhook-timestamp"]
    assert kept["webhook-timestamp"] == "1700000000"
    assert made_up["webhook-id"].startswith("msg_")
    assert made_up == added(scheme, request_of(), secret)
    assert made_up["webhook-id"] != added(scheme, request_of(), secret, NOW + 1)["webhook-id"]


def test_the_signature_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is the standard library's, over bytes of equal length."""
    seen: list[tuple[object, object]] = []

    def recorded(ours: bytes, theirs: bytes) -> bool:
        seen.append((ours, theirs))
        return reference.compare_digest(ours, theirs)

    monkeypatch.setattr("holdfast.verify.methods.compare_digest", recorded)

    assert (
        reason(hmac_sha256("env:S"), request_of(X_Signature_256="00" * 32))
        == "body_altered_or_wrong_secret"
    )
    assert seen == [(mac(b'{"a":1}'), bytes(32))]
