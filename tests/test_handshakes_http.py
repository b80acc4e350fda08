"""Every known sender's handshake, over HTTP against a real gateway: the reply byte for byte."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_scene import Scene, granian, webhook
from holdfast import providers
from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import CompiledWebhook
from holdfast.definition import Answer, Provider
from holdfast.message import Headers, Request
from process_kit import PATIENCE_SECONDS

SECRET: Final = "9f86d081884c7d65"
TOKEN: Final = "chosen-in-the-console-7c1"
BODY: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass(frozen=True)
class Case:
    """What is sent, and what comes back."""

    id: str
    reply: bytes
    method: str = "POST"
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    content_type: str | None = TEXT
    given: Mapping[str, Any] = field(default_factory=dict)
    """What the provider is made with beside its secret."""

    @property
    def signed(self) -> bool:
        return any(getattr(each, "signed", False) for each in made(self).handshakes)


def mac(text: str, hash: str = "sha256") -> bytes:
    return hmac.digest(SECRET.encode(), text.encode(), hash)


def _json(**members: Any) -> bytes:
    return orjson.dumps(members)


META: Final = f"hub.mode=subscribe&hub.verify_token={TOKEN}&hub.challenge=1158201444"
CASES: Final = (
    Case(
        "asana",
        b"",
        headers={"X-Hook-Secret": "b537207f20cbfa02"},
        content_type=None,
        given={"secret": "env:NOT_THERE_YET"},
    ),
    Case(
        "monday",
        b'{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}',
        body=b'{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}',
        content_type=BODY,
    ),
    Case(
        "strava",
        b'{"hub.challenge":"15f7d1a91c1f40f8a748fd134752feb3"}',
        "GET",
        f"hub.verify_token={TOKEN}&hub.challenge=15f7d1a91c1f40f8a748fd134752feb3&hub.mode=subscribe",
        content_type=BODY,
        given={"verify_token": "env:TOKEN"},
    ),
    Case("whatsapp", b"1158201444", "GET", META, given={"verify_token": "env:TOKEN"}),
    Case(
        "xero",
        b"",
        body=b'{"events":[],"lastEventSequence":0,"firstEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}',
        content_type=None,
    ),
    Case("adobe-io-events", b"8ec8d794-e0ab", "GET", "challenge=8ec8d794-e0ab"),
    Case(
        "braintree",
        b"integration_public_key|d9b899556c966b3f06945ec21311865d35df3ce4",
        "GET",
        "bt_challenge=20f9f8ed05f77439fe955c977e4c8a53",
        given={"public_key": "integration_public_key", "secret": "env:BRAINTREE"},
    ),
    Case(
        "discord",
        b'{"type":1}',
        body=b'{"type":1,"id":"1"}',
        content_type=BODY,
        given={"secret": "env:DISCORD"},
    ),
    Case("dropbox", b"a b+c", "GET", "challenge=a%20b%2Bc"),
    Case(
        "ebay",
        _json(
            challengeResponse=hashlib.sha256(
                f"a8628072{TOKEN}https://shop.example/ebay".encode()
            ).hexdigest()
        ),
        "GET",
        "challenge_code=a8628072",
        content_type=BODY,
        given={"verification_token": "env:TOKEN", "url": "https://shop.example/ebay"},
    ),
    Case(
        "github",
        b"",
        body=b'{"zen":"Keep it logically awesome."}',
        headers={"X-GitHub-Event": "ping"},
        content_type=None,
    ),
    Case("line", b"", body=b'{"destination":"U1","events":[]}', content_type=None),
    Case("meta", b"1158201444", "GET", META, given={"verify_token": "env:TOKEN"}),
    Case(
        "microsoft-graph",
        b"Validation: a+b <c>",
        query="validationToken=Validation%3A+a%2Bb+%3Cc%3E",
    ),
    Case(
        "moralis",
        b"",
        body=b'{"block":{"hash":"","number":""},"confirmed":true}',
        content_type=None,
    ),
    Case(
        "notion",
        b"",
        body=b'{"verification_token":"secret_tMrlL1qK"}',
        content_type=None,
        given={"secret": "env:NOT_THERE_YET"},
    ),
    Case(
        "okta",
        b'{"verification":"xYz-7"}',
        "GET",
        headers={"X-Okta-Verification-Challenge": "xYz-7"},
        content_type=BODY,
    ),
    Case("slack", b"3eZbrw1a", body=b'{"type":"url_verification","challenge":"3eZbrw1a"}'),
    Case(
        "smartcar",
        _json(challenge=mac("1a2b-3c").hex()),
        body=b'{"eventType":"VERIFY","data":{"challenge":"1a2b-3c"}}',
        content_type=BODY,
    ),
    Case(
        "twitch",
        b"pogchamp-kappa-360noscope-vohiyo",
        body=b'{"challenge":"pogchamp-kappa-360noscope-vohiyo"}',
        headers={
            "Twitch-Eventsub-Message-Type": "webhook_callback_verification",
            "Twitch-Eventsub-Message-Id": "1",
        },
    ),
    Case("viber", b"", body=b'{"event":"webhook","message_token":1}', content_type=None),
    Case(
        "woocommerce",
        b"",
        body=b"webhook_id=7",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        content_type=None,
    ),
    Case(
        "x-twitter",
        _json(response_token=f"sha256={base64.b64encode(mac('YjQ2ZDc=')).decode()}"),
        "GET",
        "crc_token=YjQ2ZDc%3D",
        content_type=BODY,
    ),
    Case(
        "zoom",
        _json(
            plainToken="qgg8vlvZRS6UYooatFL8Aw", encryptedToken=mac("qgg8vlvZRS6UYooatFL8Aw").hex()
        ),
        body=b'{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}',
        content_type=BODY,
    ),
)
ELSEWHERE: Final = {"aws-sns"}
"""Tested where visits are."""


def made(case: Case) -> Provider:
    preset = providers.load(case.id)
    given = dict(case.given)
    takes = next(iter(preset.ways.values())).needs_secret
    secret = given.pop("secret", "env:SECRET" if takes else None)
    return preset(secret, **given)


def hook(case: Case) -> CompiledWebhook:
    provider = made(case)
    assert provider.verification.mistakes() == ()
    return webhook(f"/{case.id}", provider=provider, verification=provider.verification)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scene = Scene(*map(hook, CASES), store=tmp_path_factory.mktemp("store"))
    with granian(scene):
        yield scene


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setenv("TOKEN", TOKEN)
    monkeypatch.setenv("BRAINTREE", "integration_private_key")
    monkeypatch.setenv("DISCORD", KEY.public_key().public_bytes_raw().hex())


def request_of(case: Case, secret: str = SECRET) -> Request:
    """Signed, where the sender signs its handshakes."""
    headers = {"content-type": BODY, **case.headers}
    request = Request(
        case.method, f"/{case.id}", case.query, Headers.of(headers), case.body, "", "http://x"
    )
    now = SYSTEM_CLOCK.now_ms() / 1000
    if case.id == "discord":
        key = KEY if secret == SECRET else Ed25519PrivateKey.generate()
        signature = key.sign(f"{int(now)}".encode() + case.body).hex()
        lines = {"x-signature-ed25519": signature, "x-signature-timestamp": f"{int(now)}"}
        return Request(**{**_fields(request), "headers": Headers.of({**headers, **lines})})
    return made(case).verification.sign(request, secret, now) if case.signed else request


def _fields(request: Request) -> dict[str, Any]:
    return {name: getattr(request, name) for name in Request.__dataclass_fields__}


def ask(scene: Scene, request: Request) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", scene.port, timeout=PATIENCE_SECONDS)
    try:
        path = request.path + (f"?{request.query}" if request.query else "")
        connection.request(request.method, path, request.body or None, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_every_sender_with_a_handshake_is_tried() -> None:
    """Whoever adds a sender that shakes hands adds the proof."""
    shaking = {name for name in providers.names() if providers.load(name)._provider.handshakes}

    assert {case.id for case in CASES} | ELSEWHERE == shaking


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_sender_hears_what_it_documents(case: Case, gateway: Scene) -> None:
    """Status, type and body, byte for byte; nothing is queued, and nothing refused."""
    status, headers, body = ask(gateway, request_of(case))

    assert (status, body) == (case.status, case.reply)
    assert headers.get("content-type") == case.content_type
    if case.reply:
        assert headers["x-content-type-options"] == "nosniff"
    assert "transfer-encoding" not in headers
    assert gateway.keeper.messages == []


@pytest.mark.parametrize("case", [c for c in CASES if c.signed], ids=lambda case: case.id)
def test_a_forged_handshake_is_refused(case: Case, gateway: Scene) -> None:
    """Where the sender signs its handshakes, another secret's signature is answered 401."""
    status, _, body = ask(gateway, request_of(case, secret="another"))

    assert status == 401
    assert case.reply == b"" or case.reply not in body
    assert gateway.keeper.messages == []


@pytest.mark.parametrize(
    "id", ["zoom", "x-twitter", "smartcar", "ebay", "braintree", "discord", "strava", "xero"]
)
def test_what_needs_a_secret_says_when_it_lacks(
    id: str, gateway: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 and a refusal that names the reference, so that the sender tries again and we know why."""
    for name in ("SECRET", "TOKEN", "BRAINTREE", "DISCORD"):
        monkeypatch.delenv(name)
    (case,) = (case for case in CASES if case.id == id)
    gateway.keeper.refusals.clear()
    request = request_of(case)
    status, _, _ = ask(gateway, request)

    (refusal,) = gateway.keeper.refusals
    assert (status, refusal.reason) == (503, "secret_missing")
    assert "env:" in refusal.detail


def test_the_token_that_is_chosen_there_is_the_one_that_counts(gateway: Scene) -> None:
    """With verify_token given, Meta's app secret is no verify token."""
    (case,) = (case for case in CASES if case.id == "meta")
    forged = Request("GET", "/meta", META.replace(TOKEN, SECRET), Headers(), b"", "", "http://x")

    assert ask(gateway, forged)[0] == 401
    assert ask(gateway, request_of(case))[0] == 200


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        ("/x-twitter", "crc_token=%7B%22for_user_id%22%3A%221%22%7D", b""),
        ("/smartcar", "", b'{"eventType":"VERIFY","data":{"challenge":"{\\"eventType\\":1}"}}'),
        ("/braintree", "bt_challenge=PD94bWwgdmVyc2lvbj0iMS4wIj8%2B", b""),
        ("/x-twitter", "crc_token=", b""),
    ],
)
def test_no_challenge_gets_an_event_signed(
    path: str, query: str, body: bytes, gateway: Scene
) -> None:
    """A stranger's "challenge" that could be the body of an event is refused, not signed for him."""
    method = "POST" if body else "GET"
    headers = Headers.of({"content-type": BODY} if body else {})
    status, _, told = ask(gateway, Request(method, path, query, headers, body, "", "http://x"))

    assert status == 401
    assert b"sha256=" not in told
    assert b"field_malformed" in told


def test_discord_events_get_an_empty_204(gateway: Scene) -> None:
    """Its other handshake, of webhook events; and the events themselves."""
    assert providers.discord("env:DISCORD").answer == Answer(status=204)
    case = Case("discord", b"", body=b'{"type":0}', given={"secret": "env:DISCORD"})
    status, _, body = ask(gateway, request_of(case))

    assert (status, body) == (204, b"")


@pytest.mark.parametrize(
    ("id", "body"),
    [
        (
            "slack",
            b'{"type":"event_callback","event":{"type":"message","text":"url_verification"}}',
        ),
        ("discord", b'{"version":1,"type":1,"event":{"type":"ENTITLEMENT_CREATE","data":{}}}'),
        ("woocommerce", b'{"id":7,"source_url":"https://x.example/?a=b&webhook_id=3&c"}'),
    ],
)
def test_an_event_of_a_sender_that_shakes_hands_is_kept(id: str, body: bytes) -> None:
    """What only mentions the words of a handshake, or shares its type, goes into the queue."""
    given = {"secret": "env:DISCORD"} if id == "discord" else {}
    case = Case(id, b"", body=body, given=given)
    scene = Scene(hook(case))
    with granian(scene):
        assert ask(scene, request_of(case))[0] == 200

    assert [message.request.body for message in scene.keeper.messages] == [body]
