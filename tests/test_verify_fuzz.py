"""The border: any headers, query and bytes are accepted or refused with a reason in the table."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast import providers, verify
from holdfast.definition import Verification
from holdfast.errors import VerificationFailed
from holdfast.message import Headers, Request
from holdfast.verify import (
    REASONS,
    basic,
    bearer,
    digest,
    hmac,
    hmac_sha256,
    jwt,
    standard_webhooks,
    token,
)
from holdfast.verify.encoding import ENCODINGS, Encoding, decode, encode

SECRET = "whsec_a2V5IGJ5dGVz"
HEADER_SCHEMES: dict[str, Verification] = {
    "github": providers.github("env:S").verification,
    "shopify": providers.shopify("env:S").verification,
    "slack": providers.slack("env:S").verification,
    "standard-webhooks": standard_webhooks("env:S"),
    "stripe": providers.stripe("env:S").verification,
    "hmac_sha256": hmac_sha256("env:S"),
    "positions": hmac(
        "env:S", header="X-Sig", split=",", keys="1..", message="{sig:0}{body}", timestamp="sig:0"
    ),
    "everything": hmac(
        "env:S",
        header="X-Sig",
        hash="sha512",
        encoding="base64url",
        prefix="p=",
        message="{method}{url}{path}{header:X-Name}{timestamp}{body}",
        timestamp="header:X-Time",
        timestamp_unit="iso8601",
    ),
    "digest": digest("env:S", header="X-Sig", message="{secret}{body}"),
    "jwt": jwt("env:S", header="X-Sig", algorithms=["HS256"], claims={"h": "{body|sha256hex}"}),
    "basic": basic("alice", "env:S"),
    "bearer": bearer("env:S"),
    "token": token("env:S", header="X-Token"),
}
SCHEMES: dict[str, Verification] = {
    **HEADER_SCHEMES,
    "json": hmac(
        "env:S",
        signature="json:s.0",
        message="{json:t}",
        timestamp="json:t",
        timestamp_unit="ms",
    ),
    "form": hmac("env:S", signature="form:s", message="{form:t}"),
    "query": hmac("env:S", signature="query:s", message="{query:t}", prefix="x"),
}

NAMES = (
    "X-Hub-Signature-256", "X-Signature-256", "X-Shopify-Hmac-Sha256", "X-Slack-Signature",
    "X-Slack-Request-Timestamp", "Stripe-Signature", "webhook-id", "webhook-timestamp",
    "webhook-signature", "Authorization", "X-Token", "X-Sig", "X-Time", "X-Name",
)  # fmt: skip
FRAGMENTS = st.sampled_from((
    "t=", "v1=", "v1,", "v0=", "p=", "sha256=", "Basic ", "Bearer ", ",", " ", "=", "==", "é", "☃",
    "1700000000", "2023-11-14T22:13:20Z", "NaN", "ab" * 32, "A" * 43 + "=", "A" * 86, "\ud800",
))  # fmt: skip
VALUES = st.one_of(
    st.lists(FRAGMENTS, max_size=5).map("".join),
    st.text(st.characters(), max_size=60),
    st.text(st.characters(max_codepoint=255), max_size=60),
)
BODIES = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [b"", b"[" * 5000, b'{"s":["ab"],"t":1e999}', b'{"t":NaN}', b"s=%ff&t=%", b'{"t":' + b"9" * 40]
    ),
    st.builds(lambda s, t: f'{{"s":[{s}],"t":{t}}}'.encode(), *[st.sampled_from(
        ['"' + "ab" * 32 + '"', "1700000000000", "1.5", "null", "true", "{}", '"\\ud800"']
    )] * 2),
    st.builds(lambda s, t: f"s={s}&t={t}".encode("utf-8", "replace"), VALUES, VALUES),
)  # fmt: skip
REQUESTS = st.builds(
    Request,
    method=st.text(max_size=5),
    path=VALUES,
    query=st.one_of(VALUES, st.builds(lambda s: f"s=x{s}&t=%ff%zz", VALUES)),
    headers=st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=8).map(Headers.of),
    body=BODIES,
)


@given(REQUESTS, st.floats(0, 4e9))
@settings(max_examples=700, deadline=None)
def test_any_request_is_accepted_or_refused_with_a_known_reason(
    request_: Request, now_seconds: float
) -> None:
    """No header and no bytes make a check raise anything but the one documented error."""
    failures: list[VerificationFailed] = []

    for scheme in SCHEMES.values():
        try:
            scheme.check(request_, [SECRET], now_seconds)
        except VerificationFailed as failed:
            failures.append(failed)

    assert {failed.reason for failed in failures} <= set(REASONS)
    assert SECRET not in "".join(map(str, failures))


@pytest.mark.parametrize("name", HEADER_SCHEMES)
@given(body=st.binary(max_size=200), now_seconds=st.floats(0, 4e9))
@settings(max_examples=40, deadline=None)
def test_what_is_signed_checks(name: str, body: bytes, now_seconds: float) -> None:
    """Signing round-trips for every scheme, and shows no secret it does not carry."""
    scheme = HEADER_SCHEMES[name]
    request = Request("POST", "/in", "a=b", Headers.of({"X-Name": "n"}), body)

    signed = scheme.sign(request, SECRET, now_seconds)
    scheme.check(signed, [SECRET], now_seconds)

    shown = {name for name, value in signed.headers if SECRET in value}
    assert shown <= set(scheme.secret_headers)


@given(st.binary(max_size=80), st.sampled_from(ENCODINGS))
def test_encodings_round_trip(data: bytes, encoding: Encoding) -> None:
    """What is written is read, with its padding or without."""
    text = encode(data, encoding)

    assert data == decode(text, encoding)
    assert data == decode(text.rstrip("="), encoding)


@given(st.text(max_size=40), st.sampled_from(ENCODINGS))
def test_what_is_decoded_is_written_the_same(text: str, encoding: Encoding) -> None:
    """Whatever is not the encoding is refused with ValueError, never skipped over."""
    try:
        data = decode(text, encoding)
    except ValueError:
        return
    again = encode(data, encoding).rstrip("=")
    assert len(again) == len(text.rstrip("="))
    # The last character of base64 may hold bits that belong to no byte.
    assert again.lower()[:-1] == text.rstrip("=").lower()[:-1]


def test_the_table_of_reasons_is_complete_and_used() -> None:
    """Every reason the package raises is in the table, and no other."""
    sources = Path(verify.__file__).parent, Path(providers.__file__).parent
    raised = {
        constant.value
        for folder in sources
        for file in folder.glob("*.py")
        if file.name != "reasons.py"
        for constant in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(constant, ast.Constant)
        and isinstance(constant.value, str)
        and (constant.value in REASONS or constant.value.endswith(("_missing", "_mismatch")))
    }

    assert raised == set(REASONS)
    assert all(sentence.endswith(".") for sentence in REASONS.values())
