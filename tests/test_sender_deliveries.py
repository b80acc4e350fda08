"""One code path signs: for tests, for `send --as` and for forwards; whatever it signs is genuine."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any, Final

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from holdfast import App, VerificationFailed, providers, verify_request
from holdfast.compile import check_app, compile_app
from holdfast.compiled import Forward
from holdfast.definition import Provider
from holdfast.errors import NotSupported, UnknownProvider
from holdfast.keyring import KeyRing, Wanted
from holdfast.providers.delivering import with_some_delivery_id
from holdfast.testing import delivery, key_pair, sign
from holdfast.verify import hmac_sha256, jwt
from holdfast.verify.encoding import decode
from holdfast.verify.keypairs import KeyPair, pair_of
from holdfast.verify.webtoken import Algorithm

NOW: Final = 1_700_000_000.0
URL: Final = "https://x.example/hook"
SECRET: Final = "ab" * 32
"""Hex, and base64, and a text: a key for everybody."""

ONLY_THE_SENDER: Final = {
    "adobe-io-events", "aws-sns", "bitso", "chip", "discord", "dyte", "ebay", "google-pubsub",
    "paypal", "plaid", "sendgrid", "standard-webhooks-ed25519", "telnyx",
}  # fmt: skip
"""Those with a private key of their own."""

BODIES_OF_THEIRS: Final[dict[str, Any]] = {
    "aws-sns": {"Type": "Notification", "Message": "m"},
    "bitso": {"payload": {"id": 1}},
}

BODIES: Final[dict[str, Any]] = {
    "adyen": {
        "notificationItems": [{"NotificationRequestItem": {"amount": {}, "additionalData": {}}}]
    },
    "microsoft-graph": {"value": [{"changeType": "updated"}]},
}


def made(name: str) -> tuple[Provider, dict[str, str]]:
    preset = providers.load(name)
    way = preset.way(None)
    config = {key: "x" for key, needed in way.config().items() if needed}
    return preset("env:S" if way.needs_secret else None, **config), config


@pytest.mark.parametrize("name", sorted(set(providers.names()) - ONLY_THE_SENDER))
def test_what_is_signed_for_a_sender_is_genuine(name: str) -> None:
    """Every sender that has no private key can be played, and `verify_request` believes it."""
    provider, config = made(name)
    takes_secret = providers.load(name).way(None).takes_secret
    secret = "user:password" if provider.verification.name == "basic" else SECRET

    def verify(secret: str, now: float = NOW) -> None:
        verify_request(
            name,
            secret if takes_secret else None,
            config=config,
            url=request.url,
            headers=request.headers.lines,
            body=request.body,
            now=now,
        )

    body = BODIES.get(name, {"id": "evt_1", "type": "thing.done"})
    request = sign(provider, body, secret=secret, now=NOW, url=URL)

    verify(secret)
    if takes_secret:
        with pytest.raises(VerificationFailed):
            verify("user:passwort" if ":" in secret else "ba" * 32)


@cache
def private_keys() -> tuple[str, ...]:
    """Two of each kind: making one of RSA takes a tenth of a second."""
    return tuple(key_pair(name).private for name in ("discord", "ebay", "google-pubsub") * 2)


def pairs_for(provider: Provider) -> list[KeyPair]:
    """Those whose kind is the sender's."""
    found = []
    for private in private_keys():
        with suppress(NotSupported):
            found.append(pair_of(provider.verification, private))
    return found


@pytest.mark.parametrize("name", sorted(ONLY_THE_SENDER))
def test_who_has_a_private_key_is_played_with_a_pair_of_ones_own(name: str) -> None:
    """Signed with the private half, believed with the other in the place of the sender's key, on one
    line as an environment holds it; and with nobody else's."""
    provider, config = made(name)
    pair, other = pairs_for(provider)
    body = BODIES_OF_THEIRS.get(name, {"id": "evt_1", "type": "thing.done"})
    request = sign(provider, body, secret=pair.private, now=NOW, url=URL)

    def verify(public: str) -> None:
        verify_request(
            name,
            public,
            config=config,
            url=URL,
            headers=request.headers.lines,
            body=request.body,
            now=NOW,
        )

    verify(pair.public)
    assert "\n" not in pair.public
    assert pair.private not in repr(pair)
    with pytest.raises(
        VerificationFailed, match=r"signature_mismatch|body_altered_or_wrong_secret"
    ):
        verify(other.public)
    for unusable in (pair.private, pair.private.splitlines()[1]):
        with pytest.raises(VerificationFailed, match="secret_unusable"):
            verify(unusable)


def test_a_list_of_signed_headers_is_made_of_those_that_are_there() -> None:
    """Contentful's, itself among them; but not the signature that it is going to be, and a list that
    is given stays."""
    was = {"X-Contentful-Topic": "a.b", "X-Contentful-Signature": "old", "Content-Type": "text/x"}
    name = "x-contentful-signed-headers"

    def listed(**more: str) -> str:
        headers = {**was, **{key.replace("_", "-"): text for key, text in more.items()}}
        request = sign("contentful", b"{}", secret=SECRET, now=NOW, headers=headers)
        lines = request.headers.lines
        verify_request("contentful", SECRET, url="/", headers=lines, body=b"{}", now=NOW)
        return request.headers[name]

    assert listed() == f"content-type,{name},x-contentful-timestamp,x-contentful-topic"
    assert listed(x_contentful_signed_headers="content-type") == "content-type"


def test_a_private_key_is_read_as_it_is_written() -> None:
    """PEM, or bare base64 on one line; one of another kind or another curve signs nothing."""
    discord, ebay = made("discord")[0], made("ebay")[0]
    pair = key_pair(discord)
    bare = "".join(pair.private.splitlines()[1:-1])
    curve = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
    )

    assert sign(discord, {}, secret=bare, now=NOW) == sign(
        discord, {}, secret=pair.private, now=NOW
    )
    assert pair_of(discord.verification, bare).public == pair.public
    for wrong in (pair.private, curve.decode(), locked.decode(), "", "é", "-----BEGIN"):
        with pytest.raises(NotSupported, match="only the sender has the private key"):
            sign(ebay, {}, secret=wrong, now=NOW)
        with pytest.raises(NotSupported, match="cannot sign with it"):
            pair_of(ebay.verification, wrong)


def test_a_token_is_signed_with_the_algorithm_of_the_key() -> None:
    """Of several that a scheme allows, the one that the private key is for."""
    allowed: list[Algorithm] = ["RS256", "ES256", "EdDSA"]
    for algorithm in allowed:
        pair = key_pair(jwt("env:S", header="X-Token", algorithms=[algorithm]))
        several = jwt("env:S", header="X-Token", algorithms=allowed)
        request = sign(several, b"", secret=pair.private, now=NOW)

        several.check(request, [pair.public], NOW)
        assert orjson.loads(decode(request.headers["x-token"].split(".")[0], "base64url")) == {
            "alg": algorithm,
            "typ": "JWT",
        }


def test_who_is_asked_for_its_key_believes_no_pair() -> None:
    """The exact reason is told: Plaid's API is asked, by the key's id, and the secret is for that."""
    by_api = providers.plaid("env:S", variant="api", client_id="x")

    with pytest.raises(NotSupported, match=r"'api': a webhook asks production\.plaid\.com for the"):
        sign(by_api, {}, secret="the API's", now=NOW)
    for by in ("stripe", "livekit", "gitlab"):
        with pytest.raises(NotSupported, match="has no private key"):
            key_pair(by)


@pytest.mark.parametrize("name", sorted(ONLY_THE_SENDER))
def test_who_has_a_private_key_cannot_be_played(name: str) -> None:
    """That is told by name, not by a signature that nobody would believe."""
    helps = (
        rf"{name} cannot sign with .* `holdfast providers key {name}` .* --as {name} --secret-from"
    )
    with pytest.raises(NotSupported, match=helps):
        sign(made(name)[0], {}, secret=SECRET, now=NOW, url=URL)


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("stripe", "invoice.paid"),
        ("github", "pull_request"),
        ("shopify", "orders/create"),
        ("slack", "app_mention"),
        ("segment", "track"),
        ("dropbox-sign", "signature_request_signed"),
        ("strava", "activity.create"),
    ],
)
def test_type_and_id_stand_where_the_sender_has_them(name: str, type: str) -> None:
    """In a header, deep in the body, in two fields, in a form's JSON; found again by the verifier."""
    body: Any = b"" if name == "dropbox-sign" else {}
    provider, _ = made(name)
    request = sign(provider, body, secret=SECRET, now=NOW, event_type=type)
    secret = SECRET if providers.load(name).way(None).takes_secret else None
    verified = verify_request(
        name, secret, url=None, headers=request.headers.lines, body=request.body, now=NOW
    )

    assert verified.event_type == type


def test_a_sender_goes_by_its_id() -> None:
    """`sign("stripe", ...)` needs no definition; an unknown one is told with the known ones."""
    request = sign(
        "stripe", secret="whsec_1", now=NOW, event_type="invoice.paid", delivery_id="evt_9"
    )

    assert orjson.loads(request.body) == {"type": "invoice.paid", "id": "evt_9"}
    assert request.headers["stripe-signature"].startswith("t=1700000000,v1=")
    with pytest.raises(UnknownProvider, match=r"did you mean stripe\?"):
        sign("strype", secret="s", now=NOW)
    with pytest.raises(NotSupported, match="livekit needs api_key"):
        sign("livekit", secret="s", now=NOW)


@pytest.mark.parametrize(
    ("by", "given", "why"),
    [
        (hmac_sha256("env:S"), {"event_type": "x"}, "hmac is a scheme"),
        ("line", {"event_type": "message"}, r"at json:events\.\*\.type, and is not written there"),
        ("x-twitter", {"event_type": "tweet"}, "carry no type that is known"),
        ("strava", {"event_type": "activity"}, "has 2 parts, joined by dots"),
        ("braintree", {"delivery_id": "1"}, "braintree needs public_key"),
        ("vonage", {"delivery_id": "1"}, "is not written there"),
    ],
)
def test_what_cannot_be_written_is_told(by: Any, given: dict[str, Any], why: str) -> None:
    """A type or an id that the sender has nowhere, or in every item of a list."""
    with pytest.raises(NotSupported, match=why):
        sign(by, {}, secret=SECRET, now=NOW, **given)


def test_an_id_that_is_there_stays() -> None:
    """Only a delivery without one is given one, and only where that is possible."""
    stripe, line = providers.stripe("env:S"), providers.line("env:S")
    assert with_some_delivery_id(delivery({"id": "evt_1"}), stripe, "x").body == b'{"id":"evt_1"}'
    assert with_some_delivery_id(delivery({}), stripe, "x").body == b'{"id":"x"}'
    assert with_some_delivery_id(delivery({}), line, "x").body == b"{}"


def test_a_forward_is_signed_as_a_known_sender() -> None:
    """`forward(sign=providers.github(...))` is that sender's scheme; its mistakes are told."""
    app = App("scene")
    app.webhook("/a").forward("http://localhost:1/", sign=providers.github("env:S"))
    (task,) = compile_app(app).webhooks[0].tasks.values()

    assert isinstance(task, Forward)
    assert task.sign == providers.github("env:S").verification
    app.webhook("/b").forward("http://localhost:1/", sign=providers.github("literal"))
    (mistake,) = check_app(app)
    assert "/b forward.sign" in mistake.place
    assert "never as the secret itself" in mistake.message


def test_a_sender_that_is_asked_for_its_key_is_played_where_another_is_asked() -> None:
    """Plaid's API, in a test: the ring of keys is the test's own, and gives the pair's other half."""
    config = {"client_id": "c"}
    by_api = providers.plaid("env:S", variant="api", **config)
    pair = key_pair(by_api)
    request = sign(by_api, {"webhook_type": "ITEM"}, secret=pair.private, now=NOW)
    asked: list[str] = []

    def answers(wanted: Wanted) -> str:
        asked.append(wanted.host)
        return pair.public

    verified = verify_request(
        "plaid",
        "the API's",
        variant="api",
        config=config,
        url=None,
        headers=request.headers.lines,
        body=request.body,
        now=NOW,
        keys=KeyRing(fetch=answers),
    )

    assert (verified.variant, asked) == ("api", ["production.plaid.com"])
