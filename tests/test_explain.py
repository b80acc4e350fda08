"""Why a captured request fails: what happened to it on the way is undone, and found."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import providers
from holdfast.definition import Provider
from holdfast.errors import HoldfastError
from holdfast.message import Headers, Request
from holdfast.operate.captured import captured_request
from holdfast.operate.explain import Explanation, explain
from holdfast.testing import sign
from holdfast.verify.writing import with_headers

NOW: Final = 1_700_000_000.0
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY: Final = b'{"id":"evt_1","type":"invoice.paid","url":"https://x.example/a","who":"Zo\xc3\xab"}'
STRIPE: Final = providers.stripe("env:S")
SQUARE: Final = providers.square("env:S")
GITHUB: Final = providers.github("env:S")


def sent(by: Provider = STRIPE, body: bytes = BODY, **given: Any) -> Request:
    return sign(by, body, secret=SECRET, now=NOW, **given)


def told(
    request: Request, by: Provider = STRIPE, secret: str = SECRET, now: float = NOW
) -> Explanation:
    return explain(by, request, [secret], now)


def changes(explanation: Explanation) -> list[tuple[str, ...]]:
    return [fit.changes for fit in explanation.fits]


def test_what_is_genuine_is_verified() -> None:
    """Nothing is looked for, and nothing found."""
    assert told(sent()) == Explanation(verified=True)


@pytest.mark.parametrize(
    ("arrived", "change", "advice"),
    [
        (BODY + b"\n", "body_trailing_newline", "without one"),
        (BODY + b"\r\n", "body_trailing_newline", "without one"),
        (b"\xef\xbb\xbf" + BODY, "body_bom", "byte order mark"),
        (
            orjson.dumps(orjson.loads(BODY), option=orjson.OPT_INDENT_2),
            "body_reserialised",
            "compact",
        ),
        (BODY.replace(b'":', b'": '), "body_reserialised", "compact JSON fits"),
    ],
)
def test_a_body_that_changed_on_the_way_is_found(arrived: bytes, change: str, advice: str) -> None:
    """A line break too many, a mark before it, JSON that was written anew."""
    explanation = told(replace(sent(), body=arrived))

    assert not explanation.verified
    assert explanation.reason == "signature_mismatch"
    assert changes(explanation)[0] == (change,)
    assert advice in explanation.fits[0].advice


@pytest.mark.parametrize(
    ("signed", "arrived", "change"),
    [
        (BODY + b"\n", BODY, "body_newline_lost"),
        (BODY + b"\r\n", BODY, "body_newline_lost"),
        (b'{\n "a": 1\n}', b'{\r\n "a": 1\r\n}', "body_crlf"),
        (b'{\r\n "a": 1\r\n}', b'{\n "a": 1\n}', "body_lf"),
        (b'{"who":"Zo\\u00eb"}', '{"who":"Zoë"}'.encode(), "body_reserialised"),
        (b'{"u":"https:\\/\\/x"}', b'{"u":"https://x"}', "body_reserialised"),
        (b'{"a":1,"b":2}', b'{"b":2,"a":1}', "body_reserialised"),
        (b'{\n  "a": [\n    1\n  ]\n}', b'{"a":[1]}', "body_reserialised"),
    ],
)
def test_what_the_sender_wrote_otherwise_is_found(
    signed: bytes, arrived: bytes, change: str
) -> None:
    """The other way round: escapes, slashes, keys in order, line breaks that were lost."""
    assert changes(told(replace(sent(GITHUB, signed), body=arrived), GITHUB))[0] == (change,)


@pytest.mark.parametrize(
    ("given", "change"),
    [
        (f"{SECRET}\n", "secret_whitespace"),
        (f"  {SECRET}", "secret_whitespace"),
        (f'"{SECRET}"', "secret_quotes"),
        (f"STRIPE_SECRET={SECRET}", "secret_name"),
        (f"Bearer {SECRET}", "secret_prefix"),
        (SECRET.removeprefix("whsec_"), "secret_prefix_lost"),
    ],
)
def test_a_secret_that_was_copied_badly_is_found(given: str, change: str) -> None:
    """White space, quotes, a name before it; and the explanation never shows it."""
    explanation = told(sent(), secret=given)

    assert (change,) in changes(explanation)
    assert SECRET not in repr(explanation)
    assert SECRET.removeprefix("whsec_") not in repr(explanation)


@pytest.mark.parametrize(
    ("signer", "judge", "advice"),
    [
        ({"key": "utf8"}, {"key": "base64", "key_strip": "whsec_"}, "as it stands"),
        ({"key": "base64", "key_strip": "whsec_"}, {"key": "utf8"}, "from base64 after whsec_"),
        ({"key": "hex"}, {"key": "utf8"}, "decoded from hex"),
        ({"key": "utf8"}, {"key": "hex"}, "as it stands"),
    ],
)
def test_a_secret_that_is_decoded_wrongly_is_found(
    signer: dict[str, str], judge: dict[str, str], advice: str
) -> None:
    """Base64, hex or a text: the encoding that fits is named."""
    secret = "ab" * 32 if "hex" in (signer["key"], judge["key"]) else SECRET
    by, to = (
        providers.from_mapping({"verify": {"header": "X-Sig", **way}})("env:S")
        for way in (signer, judge)
    )
    explanation = told(sign(by, BODY, secret=secret, now=NOW), to, secret)

    assert changes(explanation)[0] == ("secret_encoding",)
    assert advice in explanation.fits[0].advice


def test_what_cannot_be_a_key_is_said_and_its_encoding_found() -> None:
    """Standard Webhooks want base64: a secret that is none is unusable, and would fit as it stands."""
    by = providers.from_mapping({"verify": {"scheme": "standard_webhooks", "key": "utf8"}})("env:S")
    request = sign(by, BODY, secret="not base64!", now=NOW)
    explanation = told(request, providers.standard_webhooks("env:S"), "not base64!")

    assert explanation.reason == "secret_unusable"
    assert ("secret_encoding",) in changes(explanation)


@pytest.mark.parametrize(
    ("now", "reason", "words"),
    [
        (NOW + 3 * 86_400, "timestamp_too_old", "sent 3d before"),
        (NOW - 3_600, "timestamp_in_future", "1h ahead of this clock"),
    ],
)
def test_a_clock_that_is_off_is_told_by_how_much(now: float, reason: str, words: str) -> None:
    """The signature is right, and the time is the only thing that is not."""
    explanation = told(sent(), now=now)

    assert (explanation.reason, explanation.skew_seconds) == (reason, now - NOW)
    assert words in explanation.fits[0].advice


@pytest.mark.parametrize(
    "seen",
    [
        "http://internal:8080/hook",
        "http://shop.example/hook",
        "https://shop.example/hook/",
    ],
)
def test_another_address_behind_a_proxy_is_found(seen: str) -> None:
    """Square signs the registered URL: which one that was is said, ready to be pasted."""
    request = sent(SQUARE, url="https://shop.example/hook")
    arrived = captured_request(
        b"\n".join(f"{n}: {v}".encode() for n, v in request.headers)
        + b"\nX-Forwarded-Host: shop.example",
        request.body,
        url=seen,
    )
    explanation = told(arrived, SQUARE)

    assert changes(explanation)[0] == ("url",)
    assert 'url="https://shop.example/hook"' in explanation.fits[0].advice


def test_a_header_that_was_renamed_is_found() -> None:
    """The signature stands in another header, with or without its prefix."""
    value = sent(GITHUB).headers["x-hub-signature-256"]
    for moved in (value, value.removeprefix("sha256=")):
        headers = Headers.of({"x-amz-signature": moved, "content-type": "application/json"})
        explanation = told(replace(sent(GITHUB), headers=headers), GITHUB)
        assert explanation.reason == "header_missing"
        assert ("header",) in changes(explanation)
        assert "x-amz-signature" in explanation.fits[0].advice


def test_another_sender_and_another_variant_are_found() -> None:
    """Judged as Stripe's, signed as GitHub does it; a variant of the same sender comes first."""
    assert ("provider",) in changes(told(sent(GITHUB), STRIPE))
    assert "as github does it, not as stripe" in str(told(sent(GITHUB), STRIPE).fits)
    preset = providers.load("gitlab")
    signed = sign(preset("env:S", variant="signing-token"), BODY, secret=SECRET, now=NOW)
    explanation = told(signed, preset("env:S"))
    assert changes(explanation)[0] == ("variant",)
    assert 'variant="signing-token"' in explanation.fits[0].advice


def test_two_things_at_once_are_found() -> None:
    """A line break after the secret, and one after the body."""
    explanation = told(replace(sent(), body=BODY + b"\n"), secret=f"{SECRET}\n")

    assert changes(explanation)[0] == ("secret_whitespace", "body_trailing_newline")


def test_what_is_found_is_told_once() -> None:
    """Two changes of the secret fit in either order, and are one finding."""
    source = providers.standard_webhooks("env:S")
    by = providers.from_mapping({"verify": {"scheme": "standard_webhooks", "key": "utf8"}})("env:S")
    secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
    explanation = told(sign(by, BODY, secret=secret, now=NOW), source, secret=f"whsec_{secret}")

    assert list(map(set, changes(explanation))) == [{"secret_prefix", "secret_encoding"}]


def test_a_wrong_secret_is_not_explained_away() -> None:
    """Nothing fits, and nothing is made up."""
    explanation = told(sent(), secret="whsec_another")

    assert (explanation.verified, explanation.fits) == (False, ())


@given(
    st.binary(max_size=200),
    st.text(max_size=40),
    st.dictionaries(st.text(max_size=9), st.text(max_size=40), max_size=4),
)
def test_whatever_was_captured_there_is_an_explanation(
    body: bytes, secret: str, headers: dict[str, str]
) -> None:
    """Any bytes, headers and secret: a verdict with a reason, and never an exception."""
    request = with_headers(replace(sent(), body=body), headers)
    explanation = told(request, secret=secret)

    assert explanation.verified or explanation.reason


@pytest.mark.parametrize(
    ("text", "method", "url", "pairs"),
    [
        (b"A: 1\r\nB: x: y\r\n\r\n", "POST", "", [("a", "1"), ("b", "x: y")]),
        (
            b"PUT /hook?a=1 HTTP/1.1\nHost: h.example\nA: 1\n",
            "PUT",
            "https://h.example/hook?a=1",
            [("host", "h.example"), ("a", "1")],
        ),
        (
            b"> POST /hook HTTP/2\n> Host: h.example\n> X-Forwarded-Proto: http\n>\n",
            "POST",
            "http://h.example/hook",
            [("host", "h.example"), ("x-forwarded-proto", "http")],
        ),
        (b"POST /hook\nA: 1", "POST", "/hook", [("a", "1")]),
        (b":method: POST\nA: 1", "POST", "", [("a", "1")]),
        (b'{"A": "1", "B": ["2", "3"]}', "POST", "", [("a", "1"), ("b", "2"), ("b", "3")]),
        (b'[["A", "1"]]', "POST", "", [("a", "1")]),
        (b'[{"name": "A", "value": "1"}]', "POST", "", [("a", "1")]),
        (b'{"headers": {"A": "1"}, "body": "x"}', "POST", "", [("a", "1")]),
    ],
)
def test_headers_are_read_as_people_have_them(
    text: bytes, method: str, url: str, pairs: list[tuple[str, str]]
) -> None:
    """Raw lines, a whole request, curl's marks, an object or a list in JSON."""
    request = captured_request(text, b"{}")

    assert (request.method, request.url, list(request.headers)) == (method, url, pairs)


@pytest.mark.parametrize("text", [b"whsec_MfKQ9r8G", b"a b: c", b"[1]", b'{"a"', b"[[1,2,3]]"])
def test_what_is_no_header_is_told_without_repeating_it(text: bytes) -> None:
    """A secret may stand in the wrong file."""
    with pytest.raises(HoldfastError, match="headers") as raised:
        captured_request(text, b"")
    assert "MfKQ" not in str(raised.value)


def test_a_url_is_put_together_as_it_was() -> None:
    """Letter by letter, port and query included."""
    url = "https://h.example:8443/a%2Fb?x=1&y=%20"
    request = captured_request(b"", base64.b64decode(""), url=url)

    assert (request.url, request.origin, request.path) == (url, "https://h.example:8443", "/a%2Fb")
