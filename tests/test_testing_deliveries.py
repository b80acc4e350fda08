"""Signed test deliveries are genuine, and only under their own secret."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast import providers
from holdfast.clock import SYSTEM_CLOCK, ManualClock
from holdfast.definition import Provider, Verification
from holdfast.errors import VerificationFailed
from holdfast.testing import delivery, key_pair, sign
from holdfast.verify import hmac_sha256, token

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = ManualClock().now_ms() / 1000

SENDERS: list[Verification | Provider] = [
    hmac_sha256("env:SECRET"),
    providers.github("env:SECRET"),
    providers.shopify("env:SECRET"),
    providers.slack("env:SECRET"),
    providers.standard_webhooks("env:SECRET"),
    providers.stripe("env:SECRET"),
]


@pytest.mark.parametrize("by", SENDERS, ids=lambda by: by.name)
def test_a_signed_delivery_is_genuine(by: Verification | Provider) -> None:
    """The verification that signed it accepts it, and no other secret would do."""
    verification = by.verification if isinstance(by, Provider) else by
    request = sign(by, {"type": "invoice.paid"}, secret=SECRET, now=NOW)

    verification.check(request, [SECRET], NOW)
    with pytest.raises(VerificationFailed):
        verification.check(request, [SECRET.replace("M", "N")], NOW)


def test_without_a_time_it_is_signed_now() -> None:
    """The simplest call gives what verification takes, whose age is judged too."""
    request = sign("stripe", b"{}", secret=SECRET)

    scheme = providers.stripe("env:S").verification
    scheme.check(request, [SECRET], SYSTEM_CLOCK.now_ms() / 1000)


def test_credentials_in_a_header_sign_too() -> None:
    """A static token is a signature that does not depend on the body."""
    verification = token("env:SECRET", header="X-Token")
    request = sign(verification, b"", secret=SECRET, now=NOW)

    verification.check(request, [SECRET], NOW)


def test_a_delivery_says_what_it_carries() -> None:
    """Bytes as they are, text as UTF-8, the rest as JSON; a content type of yours stands."""
    assert delivery(b"\x00").headers.lines == ()
    assert delivery("é").body == "é".encode()
    assert delivery({"a": 1}).headers["content-type"] == "application/json"
    assert delivery({"a": 1}).body == b'{"a":1}'
    assert delivery("{}", headers={"Content-Type": "text/x"}).headers.lines == (
        ("content-type", "text/x"),
    )


def test_a_delivery_knows_its_address() -> None:
    """Some schemes sign the whole URL."""
    request = delivery(method="PUT", url="https://hooks.example.com/orders?a=1")

    assert request.url == "https://hooks.example.com/orders?a=1"
    assert (request.method, request.path, request.query) == ("PUT", "/orders", "a=1")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"by": 5}, 'by: a sender\'s id such as "stripe", or'),
        ({"by": providers.stripe}, "with, is needed, not Preset"),
        ({"secret": None}, "secret: a text is needed, not NoneType"),
        ({"secret": ""}, "secret: empty, or nothing that stripe signs with"),
        ({"now": "today"}, "now: seconds since 1970 are needed, not str"),
        ({"now": float("nan")}, "now: seconds since 1970 are needed"),
        ({"now": 10**400}, "now: seconds since 1970 are needed"),
        ({"headers": [5]}, "headers: a mapping, or pairs of name and value, is needed"),
        ({"headers": {b"a": b"b"}}, "headers: names and values are texts"),
        ({"url": 5}, "url: a text is needed, not int"),
        ({"event_type": 5}, "event_type: a text is needed, not int"),
        ({"delivery_id": 5}, "delivery_id: a text is needed, not int"),
    ],
)
def test_an_argument_of_no_use_is_told_by_its_name(given: dict[str, Any], told: str) -> None:
    """Where it is given, not where something deep inside could do nothing with it."""
    arguments = {"by": "stripe", "body": {}, "secret": SECRET, "now": NOW, **given}

    with pytest.raises((TypeError, ValueError)) as raised:
        sign(**arguments)

    assert told in str(raised.value)


def test_a_pair_is_made_for_a_sender() -> None:
    """A description that was not called yet is none."""
    with pytest.raises(TypeError, match=r"^by: .* not Preset$"):
        key_pair(providers.discord)  # type: ignore[arg-type]  # as an untyped test would
