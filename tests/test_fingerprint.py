"""Which failures are the same failure: what varies from event to event is taken out, no more."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.message import Failure
from holdfast.queue.fingerprint import (
    DIGITS,
    MESSAGE_CHARACTERS,
    VERSION,
    failure_message,
    fingerprint,
    normalised,
)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("no order 4711 for 'ada@example.com'", "no order <n> for <value>"),
        ("timeout after 12.5s at 10.0.0.7:5432", "timeout after <n>s at <ip>"),
        ("/items/3/sku: Field required", "/items/<n>/sku: Field required"),
        ("'customer'", "customer"),
        ("'no order 4711'", "no order <n>"),
        ("user ada@example.com is gone", "user <email> is gone"),
        ("https://api.example.com:8443/v1/7?x=1 said 503", "https://api.example.com said <n>"),
        ("https://ada:secret@10.0.0.1/x", "https://<ip>"),
        ("card in_1A2b3C4d for cus_00012345", "card <id> for <id>"),
        ("<object at 0x7F3a2b>", "<object at <hex>>"),
        ("commit deadbeef00 at 2026-01-02T03:04:05.1Z", "commit <hex> at <time>"),
        ("line 1 column 3 (char 2)", "line <n> column <n> (char <n>)"),
        ("don't know what's what", "don't know what's what"),
        ("invalid x509, use v2 of sha256", "invalid x509, use v2 of sha256"),
        ("no header X-Hub-Signature-256", "no header X-Hub-Signature-256"),
        ("x-signature-ed25519: 7 bytes", "x-signature-ed25519: <n> bytes"),
        ("X-Amz-Content-Sha256 of 4711", "X-Amz-Content-Sha256 of <n>"),
        ("HMAC-SHA-512, sha1_hex", "HMAC-SHA-512, sha1_hex"),
        ("x-order-4711, sha256sum1", "x-order-<n>, <id>"),
        ("one\n  two\tthree", "one two three"),
        ("", ""),
    ],
)
def test_what_varies_is_taken_out(message: str, told: str) -> None:
    """Numbers, ids, hex, addresses, times and quoted values go; words stay."""
    assert normalised(message) == told


@given(st.text(max_size=400))
def test_what_was_normalised_stays_as_it_is(message: str) -> None:
    """Twice is once, whatever the message, and the result is short."""
    once = normalised(message)

    assert len(once) <= MESSAGE_CHARACTERS
    if len(once) < MESSAGE_CHARACTERS:
        assert normalised(once) == once


@given(st.integers(), st.integers(), st.uuids(), st.uuids(), st.emails(), st.emails())
def test_events_that_differ_only_in_their_data_fail_alike(
    one: int, two: int, first: UUID, second: UUID, sender: str, other: str
) -> None:
    """Whatever number, UUID or quoted address an event carries, the group is the same."""

    def group(number: int, id: UUID, quoted: str) -> str:
        cause = f"order {abs(number)} ({id}) of `{quoted.replace('`', '')}` is gone"
        return fingerprint("orders", "exhausted", Failure("Gone", cause, "Ship"))

    assert group(one, first, sender) == group(two, second, other)


@pytest.mark.parametrize(
    ("webhook", "reason", "failure"),
    [
        ("refunds", "exhausted", Failure("Gone", "no order 1", "Ship")),
        ("orders", "expired", Failure("Gone", "no order 1", "Ship")),
        ("orders", "exhausted", Failure("Lost", "no order 1", "Ship")),
        ("orders", "exhausted", Failure("Gone", "no stock 1", "Ship")),
        ("orders", "exhausted", Failure("Gone", "no order 1", "Charge")),
        ("orders", "exhausted", None),
    ],
)
def test_each_part_tells_groups_apart(webhook: str, reason: str, failure: Failure | None) -> None:
    """Webhook, reason, error, message and state, and whether anything was attempted at all."""
    known = fingerprint("orders", "exhausted", Failure("Gone", "no order 2", "Ship"))

    assert fingerprint(webhook, reason, failure) != known
    assert len(known) == DIGITS
    assert known.startswith(VERSION)


def test_the_message_is_read_out_of_a_cause() -> None:
    """Lambda's form has it in a field, and its stack makes no other group; other causes are it."""
    lambdas = '{"errorMessage":"no order 7","errorType":"Gone","stackTrace":["at 1"]}'

    assert failure_message(lambdas) == "no order 7"
    for cause in ("plain", '{"other":1}', '{"errorMessage":7}', "{", '["errorMessage"]'):
        assert failure_message(cause) == cause
    assert fingerprint("w", "r", Failure("Gone", lambdas)) == fingerprint(
        "w", "r", Failure("Gone", "no order 8")
    )


def test_no_message_takes_long() -> None:
    """Hostile ones are cut before they are looked at: all of these are done in no time."""
    for part in ("a", "1.", "a.a@", '"', "0-", "ab1_", "x://", "'a"):
        assert len(normalised(part * 100_000)) <= MESSAGE_CHARACTERS
