"""Published deliveries of real senders: accepted as they are, refused with any one bit changed."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.definition import Verification
from holdfast.errors import VerificationFailed
from holdfast.message import Headers, Request
from holdfast.verify.presets import PRESETS

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "verify_vectors.json").read_text(encoding="utf-8")
)
ACCEPTED = [vector for vector in VECTORS if vector["expect"] == "accept"]
REJECTED = [vector for vector in VECTORS if vector["expect"] == "reject"]
TIMESTAMPED = [vector for vector in ACCEPTED if vector["provider"] not in ("github", "shopify")]

SIGNATURE = re.compile(r"[0-9a-f]{64}|[A-Za-z0-9+/]{43}=")


def label(vector: dict[str, Any]) -> str:
    return f"{vector['provider']}/{vector['name']}"


def verification_of(vector: dict[str, Any]) -> Verification:
    return PRESETS[vector["provider"]]("env:SECRET").verification


def request_of(vector: dict[str, Any]) -> Request:
    headers = Headers.of(vector["headers"])
    return Request("POST", "/hook", "", headers, base64.b64decode(vector["body"]))


def reason_of(vector: dict[str, Any], request: Request, secret: str | None = None) -> str:
    """Why the request is refused; `accepted` where it is not."""
    secrets = [vector["secret"] if secret is None else secret]
    try:
        verification_of(vector).check(request, secrets, vector["at_time"])
    except VerificationFailed as failed:
        return failed.reason
    return "accepted"


def flipped(data: bytes) -> Iterator[bytes]:
    """The same bytes with one bit changed, for every bit."""
    for position in range(len(data) * 8):
        changed = bytearray(data)
        changed[position // 8] ^= 1 << position % 8
        yield bytes(changed)


def with_headers(request: Request, pattern: re.Pattern[str], into: str) -> Request:
    lines = tuple((name, pattern.sub(into, value)) for name, value in request.headers)
    return replace(request, headers=Headers(lines))


def flip_signature(text: str, bit: int) -> str:
    is_hex = len(text) == 64
    data = bytearray(bytes.fromhex(text) if is_hex else base64.b64decode(text))
    data[bit // 8] ^= 1 << bit % 8
    return data.hex() if is_hex else base64.b64encode(data).decode()


@pytest.mark.parametrize("vector", ACCEPTED, ids=label)
def test_genuine_deliveries_are_accepted(vector: dict[str, Any]) -> None:
    """What a sender's documentation or SDK signed is genuine."""
    assert reason_of(vector, request_of(vector)) == "accepted"


@pytest.mark.parametrize("vector", REJECTED, ids=label)
def test_false_deliveries_are_refused_with_the_exact_reason(vector: dict[str, Any]) -> None:
    """What a sender's documentation or SDK calls false is refused, and the reason is named."""
    assert reason_of(vector, request_of(vector)) == vector["reason"]


def test_every_preset_has_a_genuine_vector() -> None:
    """No preset rests on our reading of the documentation alone."""
    assert set(PRESETS) == {vector["provider"] for vector in ACCEPTED}


@pytest.mark.parametrize("vector", ACCEPTED, ids=label)
def test_one_changed_bit_of_the_body_is_noticed(vector: dict[str, Any]) -> None:
    """Every bit of the raw body is signed."""
    request = request_of(vector)

    reasons = {reason_of(vector, replace(request, body=body)) for body in flipped(request.body)}

    assert reasons == {"signature_mismatch"}


@pytest.mark.parametrize("vector", ACCEPTED, ids=label)
def test_one_changed_bit_of_the_signature_is_noticed(vector: dict[str, Any]) -> None:
    """Every bit of the signature is compared."""
    request = request_of(vector)

    for bit in range(256):
        lines = tuple(
            (name, SIGNATURE.sub(lambda found: flip_signature(found[0], bit), value))  # noqa: B023 - called at once
            for name, value in request.headers
        )
        changed = replace(request, headers=Headers(lines))
        assert reason_of(vector, changed) == "signature_mismatch"


@pytest.mark.parametrize("vector", TIMESTAMPED, ids=label)
def test_one_changed_bit_of_the_timestamp_is_noticed(vector: dict[str, Any]) -> None:
    """A replay cannot be made to look fresh."""
    request = request_of(vector)
    written = re.compile(r"\b1[4-7]\d{8}\b")
    sent_at = next(int(found[0]) for _, text in request.headers if (found := written.search(text)))

    for bit in range(31):
        changed = with_headers(request, written, str(sent_at ^ (1 << bit)))
        assert reason_of(vector, changed) == "signature_mismatch"


@pytest.mark.parametrize("vector", ACCEPTED, ids=label)
def test_one_changed_bit_of_the_secret_is_noticed(vector: dict[str, Any]) -> None:
    """Every bit of the decoded secret matters."""
    request, secret = request_of(vector), vector["secret"]
    if vector["provider"] == "standard-webhooks":
        bare = secret.removeprefix("whsec_")
        key = base64.b64decode(bare + "=" * (-len(bare) % 4))
        changed = [base64.b64encode(other).decode() for other in flipped(key)]
    else:
        key = secret.encode()
        changed = [other.decode("utf-8", "surrogateescape") for other in flipped(key)]

    assert {reason_of(vector, request, other) for other in changed} == {"signature_mismatch"}


@pytest.mark.parametrize("vector", ACCEPTED, ids=label)
def test_signing_writes_what_the_sender_wrote(vector: dict[str, Any]) -> None:
    """At the sender's own time, with its own id, our signature is among the sender's, letter by
    letter."""
    request, verification = request_of(vector), verification_of(vector)
    sent_at = vector["at_time"] - (299 if vector["name"] == "tolerance-edge-old" else 0)

    added = Headers.of(verification.sign(request, vector["secret"], sent_at))

    ours = [found for _, value in added for found in SIGNATURE.findall(value)]
    theirs = [found for _, value in request.headers for found in SIGNATURE.findall(value)]
    assert len(ours) == 1
    assert ours[0] in theirs


@pytest.mark.parametrize("vector", ACCEPTED, ids=label)
def test_a_rotation_accepts_either_secret(vector: dict[str, Any]) -> None:
    """While two secrets are configured, a signature by either is genuine, in any order."""
    request, verification = request_of(vector), verification_of(vector)
    other = base64.b64encode(b"a quite different secret").decode()

    verification.check(request, [other, vector["secret"]], vector["at_time"])
    verification.check(request, [vector["secret"], other], vector["at_time"])
