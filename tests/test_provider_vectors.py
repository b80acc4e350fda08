"""Published deliveries of real senders: accepted as they are, refused with any one bit changed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest

from holdfast import VerificationFailed, providers
from holdfast.errors import NotSupported
from holdfast.verify import REASONS
from holdfast.verify.signed import Signed
from holdfast.verify.webtoken import WebToken
from vector_kit import (
    ACCEPTED,
    REJECTED,
    VECTORS,
    Delivery,
    Vector,
    changed_bodies,
    changed_places,
    changed_secrets,
    changed_signatures,
    changed_times,
    changed_urls,
)

WITHOUT_A_SCHEME = ("gitlab/token/token",)
"""A static token: nothing is signed, and the secret itself is what is shown."""

SIGNED = [vector for vector in ACCEPTED if str(vector) not in WITHOUT_A_SCHEME]


def covering(part: str) -> list[Vector]:
    return [vector for vector in SIGNED if part in vector.delivery.verified().covers]


def refused(changes: Iterator[Delivery]) -> set[str]:
    """The reasons why all of these are refused, none of them `accepted`; and there are some."""
    reasons = {changed.reason() for changed in changes}
    assert reasons
    assert reasons <= set(REASONS)
    return reasons


@pytest.mark.parametrize("vector", ACCEPTED, ids=str)
def test_genuine_deliveries_are_accepted(vector: Vector) -> None:
    """What a sender's documentation or SDK signed is genuine, and said to be that sender's."""
    verified = vector.delivery.verified()

    assert verified.provider == vector.delivery.provider
    assert vector.delivery.variant in (verified.variant, None)


@pytest.mark.parametrize("vector", REJECTED, ids=str)
def test_false_deliveries_are_refused_with_the_exact_reason(vector: Vector) -> None:
    """What a sender's documentation or SDK calls false is refused, and the reason is named."""
    with pytest.raises(VerificationFailed) as failed:
        vector.delivery.verified()

    assert failed.value.reason == vector.reason


def test_the_vectors_are_all_there() -> None:
    """None was lost on the way: as many as were published, of as many senders."""
    assert len(VECTORS) == 210
    assert len(ACCEPTED) == 119
    assert len({vector.delivery.provider for vector in VECTORS}) == 70
    assert {vector.delivery.provider for vector in VECTORS} <= set(providers.names())


@pytest.mark.parametrize("vector", covering("body"), ids=str)
def test_one_changed_bit_of_the_body_is_noticed(vector: Vector) -> None:
    """Where the body is signed, every bit of it is; and an empty one cannot be filled."""
    delivery = vector.delivery
    if delivery.request.body:
        refused(changed_bodies(delivery))
    else:
        filled = replace(delivery.request, body=b"x")
        assert delivery.with_request(filled).reason() in REASONS


@pytest.mark.parametrize("vector", SIGNED, ids=str)
def test_one_changed_bit_of_any_other_signed_place_is_noticed(vector: Vector) -> None:
    """Ids, fields of the body and parameters of the query, each where the scheme covers it."""
    covers = vector.delivery.verified().covers
    for covered in covers:
        if covered.startswith(("header:", "json:", "form:", "query:")):
            for changed in changed_places(vector.delivery, covered):
                assert changed.reason() in REASONS, covered


@pytest.mark.parametrize("vector", covering("url"), ids=str)
def test_one_changed_bit_of_the_url_is_noticed(vector: Vector) -> None:
    """Path and query count letter by letter."""
    refused(changed_urls(vector.delivery))


@pytest.mark.parametrize("vector", covering("method"), ids=str)
def test_another_method_is_noticed(vector: Vector) -> None:
    """A signed POST is no PUT."""
    other = replace(vector.delivery.request, method="PUT")

    assert vector.delivery.with_request(other).reason() in REASONS


TIMED = [
    vector
    for vector in covering("timestamp")
    if isinstance(vector.delivery.verification, Signed)
    and vector.delivery.verification.timestamp is not None
    and vector.delivery.verification.timestamp.locator.kind in ("header", "sig")
]


@pytest.mark.parametrize("vector", TIMED, ids=str)
def test_another_time_is_noticed(vector: Vector) -> None:
    """A replay cannot be made to look fresh."""
    assert vector.delivery.verified().timestamp is not None
    refused(changed_times(vector.delivery))


@pytest.mark.parametrize("vector", SIGNED, ids=str)
def test_one_changed_bit_of_the_signature_is_noticed(vector: Vector) -> None:
    """Every bit of the signature counts."""
    refused(changed_signatures(vector.delivery))


@pytest.mark.parametrize("vector", ACCEPTED, ids=str)
def test_one_changed_bit_of_the_secret_is_noticed(vector: Vector) -> None:
    """Every bit of the key counts, a public one's too."""
    refused(changed_secrets(vector.delivery))


@pytest.mark.parametrize("vector", ACCEPTED, ids=str)
def test_what_we_sign_is_genuine(vector: Vector) -> None:
    """Where the secret is shared, our own signature over the sender's request is accepted at once,
    and refused under another secret; where it is not, nobody but the sender can sign."""
    delivery, scheme = vector.delivery, vector.delivery.verification
    asymmetric = isinstance(scheme, Signed) and scheme.method.kind in ("rsa", "ecdsa", "ed25519")
    if asymmetric:
        with pytest.raises(NotSupported):
            scheme.sign(delivery.request, delivery.secret, delivery.now)
        return

    signed = delivery.with_request(
        scheme.sign(delivery.request, delivery.secret, int(delivery.now))
    )

    assert signed.reason() == "accepted"
    other = base64.b64encode(b"a quite different secret").decode()
    if delivery.preset.way(delivery.variant).settings.get("key") == "hex":
        other = "00ff"
    assert replace(signed, secret=other).reason() in REASONS


@pytest.mark.parametrize("vector", ACCEPTED, ids=str)
def test_a_rotation_accepts_either_secret(vector: Vector) -> None:
    """While two secrets are configured, a signature by either is genuine, in any order."""
    delivery, scheme = vector.delivery, vector.delivery.verification
    other = base64.b64encode(b"a quite different secret").decode()

    scheme.check(delivery.request, [other, delivery.secret], delivery.now)
    scheme.check(delivery.request, [delivery.secret, other], delivery.now)


def test_tokens_are_judged_claim_by_claim() -> None:
    """Every vector of a token covers what its claims hash."""
    covers = {
        vector.delivery.provider: set(vector.delivery.verified().covers)
        for vector in ACCEPTED
        if isinstance(vector.delivery.verification, WebToken)
    }

    assert covers == {
        "livekit": {"body", "timestamp"},
        "messagebird": {"body", "timestamp", "url"},
        "upstash-qstash": {"body", "timestamp", "url"},
        "vonage": {"timestamp"},
    }
