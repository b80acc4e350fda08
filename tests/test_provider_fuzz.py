"""The border, for every known sender: whatever comes is accepted or refused with a known reason."""

from __future__ import annotations

import json
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast import VerificationFailed, providers, verify_request
from holdfast.definition import Verification
from holdfast.errors import KeyUnavailable
from holdfast.keyring import KeyRing, Wanted
from holdfast.verify import REASONS
from holdfast.verify.credentials import Credentials
from holdfast.verify.encoding import encode
from holdfast.verify.signed import Signed
from holdfast.verify.webtoken import WebToken
from vector_kit import ACCEPTED, Delivery, Vector

WAYS = [
    (name, variant)
    for name in providers.names()
    for variant in providers.load(name).variants or (None,)
]
"""Every known sender, in each of its ways to sign."""

CONFIG = {key: "set" for name in providers.names() for key in providers.load(name).config} | {
    "url": "https://hooks.example.com/in"
}


def scheme_of(name: str, variant: str | None) -> Verification:
    way = providers.load(name).way(variant)
    reference = "env:SECRET" if way.takes_secret else None
    given = {key: CONFIG[key] for key in way.config()}
    return providers.load(name)(reference, variant=variant, **given).verification


SCHEMES = {way: scheme_of(*way) for way in WAYS}


def places_of(scheme: Verification) -> list[str]:
    """The headers that a scheme looks at."""
    if isinstance(scheme, Credentials | WebToken):
        return [scheme.place.name] if scheme.place.kind == "header" else []
    if not isinstance(scheme, Signed):
        return []
    places = [*scheme.signature.locators, *(place for place, _ in scheme.require)]
    places += [place for content in scheme.contents for place in content.locators]
    places += [scheme.timestamp.locator] if scheme.timestamp else []
    places += [scheme.key_id] if scheme.key_id else []
    places += [scheme.hash_from.place] if scheme.hash_from else []
    return [name for place in places if place.kind == "header" for name in place.name.split(",")]


TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJNZXNzYWdlQmlyZCIsImV4cCI6MTcwMDAwMDMwMH0." + "A" * 43
FRAGMENTS = st.sampled_from((
    "t=", "ts=", "v1=", "v1,", "v1a,", "v0=", "h1=", "sha256=", "hmac-sha256=", "HMAC ", "Basic ",
    "Bearer ", "sign=", "env=", "algorithm=", "HMAC_SHA256", "sha256", ",", ";", " ", "=", "==", "&", "|",
    "0x", "é", "☃", "\ud800", "\x00", "NaN", "1e999", "1700000000", "1700000000000",
    "2023-11-14T22:13:20.123456789Z", "ab" * 32, "ab" * 64, "A" * 43 + "=", "A" * 86, "eyJ", TOKEN,
    "eyJhbGciOiJub25lIn0.e30.", "e30=", "W10=", "https://sns.eu-west-1.amazonaws.com/x.pem", "@", "/../",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json",
))  # fmt: skip
WHOLE = st.text(st.characters(codec="utf-8"), max_size=40)
"""Texts that can stand in JSON: no half characters."""
TEXTS = st.one_of(
    st.lists(FRAGMENTS, max_size=6).map("".join),
    st.text(st.characters(), max_size=40),
    st.text(st.characters(max_codepoint=255), max_size=40),
)
JSON = st.sampled_from((
    b"", b"null", b"[]", b"{}", b"[" * 3000, b'{"Type":"Notification"}', b'{"Type":7}', b'{"Type":{}}',
    b'{"notificationItems":[]}', b'{"notificationItems":[1,null]}', b'{"notificationItems":{}}',
    b'{"notificationItems":[{"NotificationRequestItem":{"additionalData":{"hmacSignature":"x"}}}]}',
    b'{"value":[{"clientState":null},{"clientState":"a"}]}', b'{"value":"x"}', b'{"payload":',
    b'{"payload":{"a":"\\ud800"}}', b'{"signature":{"signature":"ab","timestamp":1e400,"token":[]}}',
    b'{"signature":{"timestamp":99999999999999999999999,"token":true,"signature":"\\ud800"}}',
    b'{"webhookTimestamp":-1}', b'{"webhookTimestamp":1.5}', b'{"time_ms":"x"}', b'{"Type":"\xff"}',
    b"\x1f\x8b", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03", b"json=%7B%22event%22%3A1%7D&json=2",
    b"bt_signature=set%7C&bt_payload=%", b"bt_signature=set%7C" + b"a" * 40 + b"&bt_payload=a",
    b'--b\r\nContent-Disposition: form-data; name="json"\r\n\r\n{}\r\n--b--\r\n', b"--b\r\n--b--", b"--b",
    b"&".join(b"a=1" for _ in range(1200)),
))  # fmt: skip
BODIES = st.one_of(JSON, st.binary(max_size=60), TEXTS.map(lambda t: t.encode("utf-8", "replace")))
URLS = st.one_of(
    st.none(),
    TEXTS,
    TEXTS.map(lambda text: f"https://hooks.example.com/in?{text}"),
    st.sampled_from(
        (
            "https://a:99999/x",
            "https://[::1]:443/x",
            "https://[",
            "http://u:p@h:80/?bodySHA256=00",
            "//",
            "https://h/?data.id=1&data.id=%ff",
            "https://h:x/",
            "/?",
            "https://h",
        )
    ),
)
PUBLIC = next(v.delivery.secret for v in ACCEPTED if v.delivery.provider == "aws-sns")
CURVE = next(v.delivery.secret for v in ACCEPTED if v.delivery.provider == "sendgrid")
KEY_32 = "ab" * 32
SECRETS = st.one_of(
    st.none(),
    st.sampled_from((PUBLIC, CURVE, KEY_32, "", "s", "whsec_", "whsec_a2V5", "ab" * 32, "user:pass", "{}", '{"kty":"EC"}', "[1]",
                     '{"keys":[{"kty":"oct","k":"a2V5"},{"kty":"RSA"},7]}', "-----BEGIN PUBLIC KEY-----",
                     "-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----")),
    TEXTS,
)  # fmt: skip


CLAIMS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(("iss", "aud", "exp", "nbf", "iat", "sub", "body", "sha256", "payload_hash", "jti")),
    st.one_of(TEXTS, st.sampled_from((0, -1, 1e300, 1700000000, True, None, [], ["a"], {}))),
)  # fmt: skip


def shaped(data: st.DataObject, scheme: Verification) -> dict[str, str]:
    """Headers as the scheme writes them, with a signature that is one by its shape."""
    headers = {name: data.draw(TEXTS) for name in places_of(scheme)}
    if isinstance(scheme, Signed):
        entries = {"t": data.draw(WHOLE), "ts": "1700000000", "v": "1", "kid": data.draw(WHOLE)}
        signature = data.draw(
            st.binary(min_size=scheme.method.size or 1, max_size=scheme.method.size or 80)
        )
        place = scheme.signature.locators[0]
        if not scheme.signature.kv and scheme.signature.split:
            entries = {"0": data.draw(TEXTS), "1": data.draw(TEXTS)}
        if place.kind == "header":
            headers[place.name] = scheme.signature.write(signature, entries)
        for required, value in scheme.require:
            headers[required.name] = value
        if scheme.timestamp and scheme.timestamp.locator.kind == "header":
            headers[scheme.timestamp.locator.name] = data.draw(
                st.sampled_from(("1700000000", "1700000000000", "2023-11-14T22:13:20Z", "NaN"))
            )
    if isinstance(scheme, WebToken):
        claims = data.draw(CLAIMS)
        headers[scheme.place.name] = scheme.prefix + ".".join(
            encode(part, "base64url").rstrip("=")
            for part in (
                orjson.dumps({"alg": data.draw(st.sampled_from((*scheme.algorithms, "none", 7)))}),
                json.dumps(claims).encode("utf-8", "replace"),
                data.draw(st.binary(max_size=64)),
            )
        )
    return headers


@given(st.sampled_from(WAYS), st.data())
@settings(max_examples=500, deadline=None)
def test_any_request_is_accepted_or_refused_with_a_known_reason(
    way: tuple[str, str | None], data: st.DataObject
) -> None:
    """No header, body, URL or secret makes any sender's check raise anything but the one error."""
    scheme = SCHEMES[way]
    names = [*places_of(scheme), "Content-Type"]
    headers = data.draw(
        st.one_of(
            st.lists(st.tuples(st.sampled_from(names), TEXTS), max_size=6),
            st.builds(lambda: list(shaped(data, scheme).items())),
        )
    )
    secret = data.draw(SECRETS)

    told = ""
    try:
        verify_request(
            way[0],
            secret,
            variant=way[1],
            config=data.draw(st.sampled_from((None, CONFIG, CONFIG))),
            method=data.draw(st.sampled_from(("POST", "GET", "", "é"))),
            url=data.draw(URLS),
            headers=headers,
            body=data.draw(BODIES),
            now=data.draw(st.one_of(st.floats(0, 4e9), st.sampled_from((-1e18, 1e300)))),
            keys=KeyRing(fetch=published),
        )
    except VerificationFailed as failed:
        reason, told = failed.reason, str(failed)
    else:
        reason = "accepted"

    assert reason == "accepted" or reason in REASONS
    assert secret is None or len(secret) < 8 or secret not in told


def published(wanted: Wanted) -> str:
    """What stands behind any address: a certificate, or nothing."""
    if wanted.post is not None:
        raise KeyUnavailable("nobody answers")
    return PUBLIC


@given(st.sampled_from(ACCEPTED), st.data())
@settings(max_examples=500, deadline=None)
def test_a_genuine_request_torn_apart_is_refused_or_still_genuine(
    vector: Vector, data: st.DataObject
) -> None:
    """The same for what was genuine once: lines lost, doubled and spliced, bytes cut out."""
    delivery = vector.delivery
    request = delivery.request
    lines = list(request.headers)
    position = data.draw(st.integers(0, len(lines) - 1))
    name, value = lines[position]
    cut = data.draw(st.integers(0, len(value)))
    spliced = (name, value[:cut] + data.draw(TEXTS) + value[cut + data.draw(st.integers(0, 9)) :])
    match data.draw(st.sampled_from(("drop", "splice", "double", "body"))):
        case "drop":
            del lines[position]
        case "splice":
            lines[position] = spliced
        case "double":
            lines.insert(data.draw(st.integers(0, len(lines))), spliced)
    cut = data.draw(st.integers(0, len(request.body)))
    body = request.body[:cut] + data.draw(st.binary(max_size=3)) + request.body[cut + 1 :]

    reason = torn(delivery, lines, data.draw(st.sampled_from((request.body, body))))

    assert reason == "accepted" or reason in REASONS


def torn(delivery: Delivery, headers: list[tuple[str, str]], body: bytes) -> str:
    settings: dict[str, Any] = {
        "variant": delivery.variant,
        "config": delivery.config,
        "method": delivery.request.method,
        "url": delivery.request.url or None,
    }
    try:
        verify_request(
            delivery.provider,
            delivery.secret,
            headers=headers,
            body=body,
            now=delivery.now,
            **settings,
        )
    except VerificationFailed as failed:
        return failed.reason
    return "accepted"
