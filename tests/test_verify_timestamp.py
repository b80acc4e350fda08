"""The time of sending: its units, its boundary to the millisecond, and what is no time at all."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.errors import VerificationFailed
from holdfast.message import Headers, Request
from holdfast.verify import hmac
from holdfast.verify.signed import Signed

NOW = 1_700_000_000.0


def scheme_of(unit: Any, tolerance: str | None = "5m") -> Signed:
    return hmac(
        "env:S",
        header="X-Sig",
        message="{timestamp}.{body}",
        timestamp="header:X-Time",
        timestamp_unit=unit,
        tolerance=tolerance,
    )


def signed(text: str) -> Request:
    """A request that is correctly signed, whatever its timestamp says."""
    headers = {"X-Time": text}
    request = Request("POST", "/in", "", Headers.of(headers), b"body")
    plain = hmac("env:S", header="X-Sig", message="{header:X-Time}.{body}")
    return plain.sign(request, "s", NOW)


def reason(scheme: Signed, request: Request, now_seconds: float = NOW) -> str:
    try:
        scheme.check(request, ["s"], now_seconds)
    except VerificationFailed as failed:
        return failed.reason
    return "accepted"


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("s", "1700000000"),
        ("s", "1700000000.000"),
        ("ms", "1700000000000"),
        ("ms", "1700000000000.5"),
        ("iso8601", "2023-11-14T22:13:20Z"),
        ("iso8601", "2023-11-14T22:13:20.000000001Z"),
        ("iso8601", "2023-11-14T23:13:20+01:00"),
        ("iso8601", "2023-11-14T22:13:20"),
    ],
)
def test_the_boundary_is_inclusive_in_every_unit(unit: str, text: str) -> None:
    """Exactly the tolerance off is accepted either way, a millisecond more is not."""
    scheme, request = scheme_of(unit), signed(text)

    assert reason(scheme, request, NOW) == "accepted"
    assert reason(scheme, request, NOW + 300) == "accepted"
    assert reason(scheme, request, NOW + 300.001) == "timestamp_too_old"
    assert reason(scheme, request, NOW - 300) == "accepted"
    assert reason(scheme, request, NOW - 300.001) == "timestamp_in_future"


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        *[("s", text) for text in ("", " ", "NaN", "inf", "-1", "+1", "1e9", "0x1", "1_0", "1.")],
        *[("s", text) for text in ("9" * 16, "9" * 5000, "1700000000.0000000001", "hello", "²")],
        ("ms", "1700000000000Z"),
        *[("iso8601", text) for text in ("2023-11-14", "1700000000", "2023-13-01T00:00:00Z")],
        *[("iso8601", text) for text in ("T", "2023-11-14T99:00:00Z", "0000-00-00T00:00:00")],
    ],
)
def test_what_is_no_time_is_named_so(unit: str, text: str) -> None:
    """Nothing but digits, or a date with a time, is a time."""
    assert reason(scheme_of(unit), signed(text)) == "timestamp_malformed"


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [
        ("s", "0", "timestamp_too_old"),
        ("s", "9" * 15, "timestamp_in_future"),
        ("ms", "9" * 15, "timestamp_in_future"),
        ("iso8601", "0001-01-01T00:00:00+23:59", "timestamp_too_old"),
        ("iso8601", "9999-12-31T23:59:59.999999999-23:59", "timestamp_in_future"),
    ],
)
def test_far_off_times_are_only_far_off(unit: str, text: str, expected: str) -> None:
    """The ends of what can be written are judged like any other time."""
    assert reason(scheme_of(unit), signed(text)) == expected


def test_too_old_means_genuine_but_old() -> None:
    """A false signature is called that, however old it claims to be."""
    request = signed("1")
    changed = Request("POST", "/in", "", request.headers, b"other")

    assert reason(scheme_of("s"), request) == "timestamp_too_old"
    assert reason(scheme_of("s"), changed) == "signature_mismatch"


def test_a_missing_time_is_named_so() -> None:
    """Without a time there is nothing that could be checked."""
    request = Request("POST", "/in", "", Headers.of({"X-Sig": "00" * 32}), b"")

    assert reason(scheme_of("s"), request) == "timestamp_missing"


def test_without_a_tolerance_any_time_will_do() -> None:
    """Some senders retry with the first attempt's timestamp for days."""
    assert reason(scheme_of("s", None), signed("0")) == "accepted"


@pytest.mark.parametrize("unit", ["s", "ms", "iso8601"])
def test_signing_writes_a_time_that_checks(unit: str) -> None:
    """In every unit, what is signed now is accepted now and until the tolerance ends."""
    scheme = scheme_of(unit)
    request = Request("POST", "/in", "", Headers(), b"body")

    request = scheme.sign(request, "s", NOW)

    assert reason(scheme, request, NOW) == "accepted"
    assert reason(scheme, request, NOW + 300) == "accepted"
    assert reason(scheme, request, NOW + 301) == "timestamp_too_old"
