"""Where senders differ in ways that break receivers: each trap, sprung on purpose."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from holdfast import Provider, VerificationFailed, Verified, providers, verify_request
from holdfast.message import Headers, Request

NOW = 1_700_000_000
STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"id":"evt_1","type":"invoice.paid"}'


def signed(
    provider: str, secret: str, body: bytes = BODY, *, url: str = "", now: float = NOW, **lines: str
) -> Request:
    """What the sender itself would send."""
    scheme = providers.load(provider)("env:SECRET").verification
    origin, _, query = url.partition("?")
    headers = Headers.of({name.replace("_", "-"): text for name, text in lines.items()})
    return scheme.sign(Request("POST", "", query, headers, body, origin=origin), secret, now)


def judged(
    provider: str | Provider,
    secret: str | None,
    request: Request,
    now: float = NOW,
    **settings: Any,
) -> str:
    """`accepted`, or the reason why not."""
    try:
        verified(provider, secret, request, now, **settings)
    except VerificationFailed as failed:
        return failed.reason
    return "accepted"


def verified(
    provider: str | Provider,
    secret: str | None,
    request: Request,
    now: float = NOW,
    **settings: Any,
) -> Verified:
    return verify_request(
        provider,
        secret,
        **{
            "method": request.method,
            "url": request.url or None,
            "headers": list(request.headers),
            "body": request.body,
            "now": now,
            **settings,
        },
    )


def test_the_same_whsec_is_base64_for_one_and_text_for_another() -> None:
    """Standard Webhooks decodes what follows `whsec_`; Stripe and Emailit take it whole."""
    decoded = base64.b64decode(STANDARD.removeprefix("whsec_"))

    def by(key: bytes, content: bytes) -> bytes:
        return hmac.digest(key, content, "sha256")

    content = f"{NOW}.".encode() + BODY
    stripe = {
        key: Headers.of({"Stripe-Signature": f"t={NOW},v1={by(key, content).hex()}"})
        for key in (decoded, STANDARD.encode())
    }
    emailit = {
        key: Headers.of(
            {"X-Emailit-Signature": by(key, content).hex(), "X-Emailit-Timestamp": str(NOW)}
        )
        for key in (decoded, STANDARD.encode())
    }
    standard = {
        key: Headers.of(
            {
                "webhook-id": "m",
                "webhook-timestamp": str(NOW),
                "webhook-signature": "v1," + base64.b64encode(by(key, b"m." + content)).decode(),
            }
        )
        for key in (decoded, STANDARD.encode())
    }

    def judge(provider: str, headers: Headers) -> str:
        return judged(provider, STANDARD, Request("POST", "", "", headers, BODY))

    assert judge("stripe", stripe[STANDARD.encode()]) == "accepted"
    assert judge("stripe", stripe[decoded]) == "signature_mismatch"
    assert judge("emailit", emailit[STANDARD.encode()]) == "accepted"
    assert judge("emailit", emailit[decoded]) == "signature_mismatch"
    assert judge("standard-webhooks", standard[decoded]) == "accepted"
    assert judge("standard-webhooks", standard[STANDARD.encode()]) == "signature_mismatch"


def test_githubs_sha1_header_proves_nothing() -> None:
    """A correct signature of the old kind is not looked at, alone or beside a wrong new one."""
    old = "sha1=" + hmac.new(b"s3cret", BODY, "sha1").hexdigest()
    alone = Request("POST", "", "", Headers.of({"X-Hub-Signature": old}), BODY)
    beside = Request(
        "POST",
        "",
        "",
        Headers.of({"X-Hub-Signature": old, "X-Hub-Signature-256": "sha256=" + "0" * 64}),
        BODY,
    )

    assert judged("github", "s3cret", alone) == "header_missing"
    assert judged("github", "s3cret", beside) == "body_altered_or_wrong_secret"


FORM = "application/x-www-form-urlencoded"
REGISTERED = "https://hooks.example.com/in?shop=1"
SEEN = "http://10.0.0.7:8080/in?shop=1"


@pytest.mark.parametrize("provider", ["square", "twilio", "hubspot-v2", "hubspot", "plivo"])
def test_behind_a_proxy_the_url_is_the_registered_one(provider: str) -> None:
    """What is seen behind a proxy is not what was signed; told the registered URL, it fits."""
    body = b"a=1&b=2"
    came = signed(provider, "s3cret", body, url=REGISTERED, Content_Type=FORM)
    told = providers.load(provider)("env:SECRET", url=REGISTERED)
    bare = providers.load(provider)("env:SECRET", url=REGISTERED.partition("?")[0])

    assert judged(provider, "s3cret", came, url=REGISTERED) == "accepted"
    assert judged(provider, "s3cret", came, url=SEEN) == "signature_mismatch"
    assert judged(provider, "s3cret", came, url=None) in ("url_missing", "signature_mismatch")
    assert judged(provider, "s3cret", came, url=SEEN, config={"url": REGISTERED}) == "accepted"
    assert judged(told, "s3cret", came, url=SEEN) == "accepted"
    # Registered without a query, the one that comes is added: some senders write their own into it.
    assert judged(bare, "s3cret", came, url=SEEN) == "accepted"


def test_squares_url_counts_to_the_last_letter() -> None:
    """A slash at the end makes another URL."""
    came = signed("square", "s3cret", url="https://hooks.example.com/square")

    for url in ("https://hooks.example.com/square/", "https://hooks.example.com/Square"):
        assert judged("square", "s3cret", came, url=url) == "signature_mismatch"


def test_paddle_tolerates_five_seconds() -> None:
    """Its own tolerance is that short; a definition may be kinder, or stricter."""
    came = signed("paddle", "s3cret")
    kinder = providers.paddle("env:SECRET", tolerance="1m")

    assert judged("paddle", "s3cret", came, NOW + 5) == "accepted"
    assert judged("paddle", "s3cret", came, NOW + 6) == "timestamp_too_old"
    assert judged(kinder, "s3cret", came, NOW + 60) == "accepted"
    assert judged(kinder, "s3cret", came, NOW + 61) == "timestamp_too_old"


def test_box_signs_the_escapes_on_the_wire() -> None:
    """The same JSON with its escapes resolved is other bytes, and does not fit."""
    wire = b'{"name":"\\u30d5\\u30a1\\u30a4\\u30eb","path":"a\\/b"}'
    came = signed("box", "s3cret", wire)
    parsed = orjson.dumps(json.loads(wire))

    assert judged("box", "s3cret", came) == "accepted"
    assert parsed != wire
    assert judged("box", "s3cret", came, body=parsed) == "signature_mismatch"


def test_of_segments_batch_only_the_first_event_is_signed() -> None:
    """So that a batch is refused; whoever wants it all the same asks for that variant."""
    first, forged = b'{"messageId":"m1","type":"track"}', b'{"messageId":"m2","type":"forged"}'
    signature = {"X-Signature": hmac.new(b"s3cret", first, "sha1").hexdigest()}
    batch = Request("POST", "", "", Headers.of(signature), b"[" + first + b", " + forged + b"]")
    alone = Request("POST", "", "", Headers.of(signature), first)

    assert judged("segment", "s3cret", alone) == "accepted"
    assert judged("segment", "s3cret", batch) == "body_altered_or_wrong_secret"
    assert judged("segment", "s3cret", batch, variant="first-event") == "accepted"
    assert verified("segment", "s3cret", batch, variant="first-event").covers == ("json:0",)


@pytest.mark.parametrize(
    ("provider", "url", "body"),
    [
        (
            "mercado-pago",
            "https://h.example/in?data.id=7&type=payment",
            b'{"action":"payment.updated"}',
        ),
        ("mailgun", "", b'{"event-data":{"id":"e1","event":"delivered"}}'),
        ("dropbox-sign", "", b"json=%7B%22account%22%3A%22mine%22%7D"),
    ],
)
def test_a_body_that_is_not_signed_is_said_not_to_be(provider: str, url: str, body: bytes) -> None:
    """Mercado Pago signs ids, Mailgun a token, Dropbox Sign a time: `covers` never claims more."""
    came = signed(provider, "s3cret", body, url=url)
    other = came.body.replace(b"payment.updated", b"payment.forged")
    other = other.replace(b"delivered", b"forged").replace(b"mine", b"yours")

    assert other != came.body
    assert judged(provider, "s3cret", came, body=other) == "accepted"
    assert "body" not in verified(provider, "s3cret", came).covers


def test_mercado_pago_leaves_out_what_is_not_there() -> None:
    """A pair whose value is missing does not stand in what is signed, not even its name."""
    manifest = f"request-id:r1;ts:{NOW};".encode()
    text = hmac.new(b"s3cret", manifest, "sha256").hexdigest()
    headers = Headers.of({"x-signature": f"ts={NOW},v1={text}", "x-request-id": "r1"})
    came = Request("POST", "", "type=payment", headers, BODY)
    with_id = Request("POST", "", "data.id=8", headers, BODY)

    assert judged("mercado-pago", "s3cret", came) == "accepted"
    assert judged("mercado-pago", "s3cret", with_id) == "signature_mismatch"


TIMES: Mapping[str, tuple[str, str, str]] = {
    "slack": ("X-Slack-Request-Timestamp", "1700000000", "1700000000000"),
    "hubspot": ("X-HubSpot-Request-Timestamp", "1700000000000", "1700000000"),
    "twitch": ("Twitch-Eventsub-Message-Timestamp", "2023-11-14T22:13:20.123456789Z", "1700000000"),
    "orb": ("X-Orb-Timestamp", "2023-11-14T22:13:20.999999", "2023-11-14T22:13:20+05:00"),
    "box": ("BOX-DELIVERY-TIMESTAMP", "2023-11-14T14:13:20-08:00", "2023-11-14"),
}


@pytest.mark.parametrize("provider", TIMES)
def test_times_come_in_seconds_milliseconds_and_iso8601(provider: str) -> None:
    """Each in its own unit, nanoseconds and missing zones included; in another unit it is no time
    near ours."""
    header, right, wrong = TIMES[provider]

    for text, expected in ((right, {"accepted"}), (wrong, {"timestamp_malformed", *FAR})):
        request = Request("POST", "", "", Headers.of({header: text, "Content-Type": "x/y"}), BODY)
        request = stamped(provider, request, text)
        assert judged(provider, "s3cret", request, url="https://h.example/") in expected


FAR = ("timestamp_too_old", "timestamp_in_future")


def stamped(provider: str, request: Request, text: str) -> Request:
    """Correctly signed with that time, whatever it is."""
    url, body, id = b"https://h.example/", BODY, b"m1"
    content = {
        "slack": b"v0:" + text.encode() + b":" + body,
        "hubspot": b"POST" + url + body + text.encode(),
        "twitch": id + text.encode() + body,
        "orb": b"v1:" + text.encode() + b":" + body,
        "box": body + text.encode(),
    }[provider]
    digest = hmac.digest(b"s3cret", content, "sha256")
    added = {
        "slack": {"X-Slack-Signature": "v0=" + digest.hex()},
        "hubspot": {"X-HubSpot-Signature-v3": base64.b64encode(digest).decode()},
        "twitch": {
            "Twitch-Eventsub-Message-Id": "m1",
            "Twitch-Eventsub-Message-Signature": "sha256=" + digest.hex(),
        },
        "orb": {"X-Orb-Signature": "v1=" + digest.hex()},
        "box": {
            "BOX-SIGNATURE-PRIMARY": base64.b64encode(digest).decode(),
            "BOX-SIGNATURE-VERSION": "1",
            "BOX-SIGNATURE-ALGORITHM": "HmacSHA256",
        },
    }[provider]
    headers = Headers.of([*request.headers, *added.items()])
    return Request("POST", "", "", headers, body)


def test_every_item_of_adyens_list_must_be_signed() -> None:
    """A genuine item does not carry a forged one along, and an empty list proves nothing."""
    item = {"NotificationRequestItem": {"pspReference": "p1", "amount": {"value": 1130, "currency": "EUR"},
            "eventCode": "AUTHORISATION", "success": "true"}}  # fmt: skip
    forged = {"NotificationRequestItem": {**item["NotificationRequestItem"], "pspReference": "p2"}}
    secret = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
    scheme = providers.adyen("env:SECRET").verification
    came = scheme.sign(
        Request("POST", "", "", Headers(), orjson.dumps({"notificationItems": [item, item]})),
        secret,
        NOW,
    )
    document = orjson.loads(came.body)
    copied = document["notificationItems"][0]["NotificationRequestItem"]["additionalData"]
    forged["NotificationRequestItem"]["additionalData"] = copied
    mixed = orjson.dumps({"notificationItems": [document["notificationItems"][0], forged]})

    assert judged("adyen", secret, came) == "accepted"
    assert judged("adyen", secret, came, body=mixed) == "signature_mismatch"
    for empty in (b'{"notificationItems":[]}', b"{}", b"[]"):
        assert judged("adyen", secret, came, body=empty) == "field_missing"


def test_microsoft_graphs_token_must_stand_in_every_item() -> None:
    """One item with the right clientState does not speak for its neighbour."""

    def of(*states: object) -> Request:
        items = [{"clientState": state} for state in states]
        return Request("POST", "", "", Headers(), orjson.dumps({"value": items}))

    assert judged("microsoft-graph", "s3cret", of("s3cret", "s3cret")) == "accepted"
    assert judged("microsoft-graph", "s3cret", of("s3cret", "other")) == "token_mismatch"
    assert judged("microsoft-graph", "s3cret", of("s3cret", None)) == "field_missing"
    assert judged("microsoft-graph", "s3cret", of()) == "field_missing"


def test_a_packed_body_is_signed_as_it_is_unpacked() -> None:
    """GetStream packs some bodies; what unpacks to far more than a body has is refused."""
    came = signed("stream-chat", "s3cret")
    packed = gzip.compress(came.body)
    bomb = gzip.compress(bytes(17 * 1024 * 1024), 9)

    assert judged("stream-chat", "s3cret", came, body=packed) == "accepted"
    assert verified("stream-chat", "s3cret", came, body=packed).event_type == "invoice.paid"
    assert judged("stream-chat", "s3cret", came, body=packed[:-9]) == "body_malformed"
    assert judged("stream-chat", "s3cret", came, body=bomb) == "body_malformed"


def test_twilios_body_must_be_the_one_that_the_url_names() -> None:
    """With the body's hash in the signed URL another body is told from a wrong secret, and without
    it no body goes unsigned."""
    url = "https://hooks.example.com/in"
    came = signed("twilio", "s3cret", b'{"a":1}', url=url)
    bare = Request("POST", "", "", Headers.of({"X-Twilio-Signature": _twilio(url)}), b"")

    assert judged("twilio", "s3cret", came) == "accepted"
    assert judged("twilio", "s3cret", came, body=b'{"a":2}') == "body_altered"
    assert judged("twilio", "s3cret", bare, url=url) == "accepted"
    assert judged("twilio", "s3cret", bare, url=url, body=b'{"a":1}') == "signature_mismatch"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"a=1&" * 1001 + b"From=%2B1"),
        ("application/x-www-form-urlencoded", b"&&"),
        ("multipart/form-data; boundary=x", b"From=%2B1"),
        ("multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: x; name="a"\r\n\r\n1'),
    ],
)
@pytest.mark.parametrize("provider", ["twilio", "plivo"])
def test_a_body_that_is_no_form_does_not_pass_for_an_empty_one(
    provider: str, content_type: str, body: bytes
) -> None:
    """Where the fields are signed, what has none that can be read is not vouched for."""
    empty = signed(provider, "secret", b"", url="https://shop.example/hook")
    headers = [*empty.headers, ("content-type", content_type)]

    assert judged(provider, "secret", empty) == "accepted"
    assert judged(provider, "secret", empty, headers=headers, body=body) == "field_malformed"


def _twilio(content: str) -> str:
    return base64.b64encode(hmac.digest(b"s3cret", content.encode(), "sha1")).decode()


def test_moralis_hashes_with_keccak_not_with_sha3() -> None:
    """The standard's SHA3-256 of the same content is another hash."""
    sha3 = "0x" + hashlib.sha3_256(BODY + b"s3cret").hexdigest()
    came = signed("moralis", "s3cret")

    assert judged("moralis", "s3cret", came) == "accepted"
    request = Request("POST", "", "", Headers.of({"x-signature": sha3}), BODY)
    assert judged("moralis", "s3cret", request) == "body_altered_or_wrong_secret"


@pytest.mark.parametrize("names", ["svix", "webhook"])
def test_svix_sends_either_name(names: str) -> None:
    """Its customers' headers begin with svix- or with webhook-."""
    came = signed("standard-webhooks", STANDARD)
    headers = [(name.replace("webhook-", f"{names}-"), text) for name, text in came.headers]

    assert judged("svix", STANDARD, came, headers=headers) == "accepted"


def test_an_empty_secret_proves_nothing_to_anybody() -> None:
    """Anybody can sign with an empty key: not one sender accepts it."""
    for name in providers.names():
        preset = providers.load(name)
        for variant in preset.variants or (None,):
            way = preset.way(variant)
            if not way.needs_secret:
                continue
            config = dict.fromkeys(way.config(), "x")
            request = Request("POST", "", "", Headers(), BODY)
            reason = judged(name, "", request, variant=variant, config=config)
            assert reason != "accepted"
