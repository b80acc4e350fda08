"""Secrets that are handed over in a handshake, and addresses that are visited: done, and not misused."""

from __future__ import annotations

import base64
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from certificate_kit import Holder, holder
from gateway_scene import Scene, granian, webhook
from holdfast import providers
from holdfast.definition import Provider
from holdfast.errors import KeyUnavailable, StoreError
from holdfast.gateway.tokens import TokenShelf
from holdfast.keyring import KeyRing
from holdfast.message import Headers, Request
from process_kit import PATIENCE_SECONDS
from test_handshakes_http import ask

JSON: Final = Headers.of({"content-type": "application/json"})
FIRST: Final = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"


def hook(provider: Provider) -> Any:
    assert provider.verification.mistakes() == ()
    return webhook(
        "/hook", provider=provider, verification=provider.verification, body_limit_bytes=9_000
    )


def posted(body: bytes, headers: Headers = JSON) -> Request:
    return Request("POST", "/hook", "", headers, body, "", "http://x")


def test_a_token_is_kept_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in a file of mode 600, which telemetry names; no message, log or refusal has it."""
    monkeypatch.delenv("NOTION", raising=False)
    scene = Scene(hook(providers.notion("env:NOTION")), store=tmp_path)
    with granian(scene):
        answered = ask(scene, posted(orjson.dumps({"verification_token": FIRST})))

    file = tmp_path / "tokens" / "hook"
    assert answered[0] == 200
    assert file.read_text() == FIRST
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert ("handshake.token", str(file)) in [
        (name, fields.get("file")) for name, fields in scene.told.events
    ]
    assert FIRST not in repr((scene.told.events, scene.keeper.messages, scene.keeper.refusals))
    assert [path.name for path in file.parent.iterdir()] == ["hook"]


def test_a_second_token_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes later changes nothing, and is nowhere kept; the first may repeat itself."""
    monkeypatch.delenv("NOTION", raising=False)
    scene = Scene(hook(providers.notion("env:NOTION")), store=tmp_path)
    with granian(scene):
        first = ask(scene, posted(orjson.dumps({"verification_token": FIRST})))[0]
        forged = ask(scene, posted(orjson.dumps({"verification_token": "forged-1"})))
        again = ask(scene, posted(orjson.dumps({"verification_token": FIRST})))[0]

    assert (first, forged[0], again) == (200, 401, 200)
    assert b"token_known" in forged[2]
    assert (tmp_path / "tokens" / "hook").read_text() == FIRST
    assert "forged-1" not in repr(scene.keeper.refusals)


def test_no_token_replaces_a_secret_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the secret is there, a stranger's is refused; the genuine one is answered."""
    monkeypatch.setenv("NOTION", FIRST)
    scene = Scene(hook(providers.notion("env:NOTION")), store=tmp_path)
    with granian(scene):
        forged = ask(scene, posted(b'{"verification_token":"forged-1"}'))[0]
        genuine = ask(scene, posted(orjson.dumps({"verification_token": FIRST})))[0]

    assert (forged, genuine) == (401, 200)
    assert not (tmp_path / "tokens").exists()
    assert "forged-1" not in repr(scene.keeper.refusals)


def test_a_secret_in_a_header_comes_back_and_works_at_once(tmp_path: Path) -> None:
    """Asana's way: echoed in the same header, and a `file:` reference finds it without a restart."""
    token = "b537207f20cbfa02357cf448134da559"
    provider = providers.asana(f"file:{tmp_path}/tokens/hook")
    scene = Scene(hook(provider), store=tmp_path)
    with granian(scene):
        lines = Headers.of({"content-type": "application/json", "x-hook-secret": token})
        status, headers, body = ask(scene, posted(b"{}", lines))
        signed = provider.verification.sign(posted(b'{"events":[]}'), token, 0)
        forged = ask(scene, posted(b"{}", Headers.of({"x-hook-secret": "rival-7"})))

    assert (status, headers["x-hook-secret"], body) == (200, token, b"")
    assert forged[0] == 401
    assert "rival-7" not in repr(scene.keeper.refusals)
    provider.verification.check(signed, [(tmp_path / "tokens" / "hook").read_text()], 0)


def test_a_token_that_cannot_be_kept_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk says no: 503, so that the provider tries again."""
    monkeypatch.delenv("NOTION", raising=False)
    (tmp_path / "tokens").write_text("a file is in the way")
    scene = Scene(hook(providers.notion("env:NOTION")), store=tmp_path)
    with granian(scene):
        status = ask(scene, posted(b'{"verification_token":"t"}'))[0]

    assert status == 503
    assert scene.keeper.refusals[0].reason == "not_kept"


def test_a_shelf_can_be_emptied(tmp_path: Path) -> None:
    """What was handed over can be forgotten, and the next is then taken; errors are the store's."""
    shelf = TokenShelf(tmp_path)
    assert shelf.find("hook") is None
    assert not shelf.forget("hook")
    assert shelf.keep("hook", "one")
    assert not shelf.keep("hook", "two")
    assert shelf.forget("hook")
    assert shelf.keep("hook", "two")
    assert shelf.find("hook") == "two"
    shelf.path("hook").write_bytes(b"\xff")
    with pytest.raises(StoreError, match="no UTF-8"):
        shelf.find("hook")


# -- Visits

SNS_URL: Final = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37"


class Network:
    """Serves SNS's certificate, and notes who is visited."""

    def __init__(self, certificate: str, *, down: bool = False) -> None:
        self.visited: list[str] = []
        self.keys = KeyRing(fetch=lambda _wanted: certificate)
        self._down = down

    def visit(self, url: str) -> None:
        if self._down:
            raise KeyUnavailable("sns cannot be asked")
        self.visited.append(url)


@pytest.fixture(scope="module")
def sns() -> Holder:
    return holder("sns.amazonaws.com", ends=datetime(2099, 1, 1, tzinfo=UTC))


def confirmation(sns: Holder, url: str = SNS_URL, **changes: str) -> bytes:
    fields = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9",
        "Token": "2336412f37",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:orders",
        "Message": "You have chosen to subscribe",
        "SubscribeURL": url,
        "Timestamp": "2023-11-14T22:13:20.000Z",
    }
    names = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    content = "".join(f"{name}\n{fields[name]}\n" for name in names).encode()
    signed = {
        **fields,
        "SignatureVersion": "2",
        "Signature": base64.b64encode(sns.sign(content)).decode(),
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
    }
    return orjson.dumps({**signed, **changes})


@contextmanager
def sns_scene(network: Network, **given: str) -> Iterator[Scene]:
    scene = Scene(hook(providers.aws_sns(**given)), keys=network.keys, visit=network.visit)
    with granian(scene):
        yield scene


def told(scene: Scene, *names: str) -> dict[str, Any]:
    """The first of these events, once it is there."""
    there = threading.Event()
    scene.telemetry.subscribe(lambda kind, _: there.set() if kind.name in names else None)
    found = [fields for name, fields in scene.told.events if name in names]
    if not found:
        assert there.wait(PATIENCE_SECONDS)
        found = [fields for name, fields in scene.told.events if name in names]
    return found[0]


def test_a_subscription_is_confirmed_in_the_background(sns: Holder) -> None:
    """SNS hears 200; its signature is checked, and its link visited; nothing is queued."""
    network = Network(sns.pem)
    with sns_scene(network) as scene:
        status, _, body = ask(
            scene, posted(confirmation(sns), Headers.of({"content-type": "text/plain"}))
        )
        confirmed = told(scene, "handshake.confirmed")

    assert (status, body) == (200, b"")
    assert confirmed["host"] == "sns.eu-west-1.amazonaws.com"
    assert network.visited == [SNS_URL]
    assert scene.keeper.messages == []


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
        "https://sns.eu-west-1.amazonaws.com.evil.example/",
        "https://evil.example/?sns.eu-west-1.amazonaws.com",
        "https://user@sns.eu-west-1.amazonaws.com/",
        "https://sns.eu-west-1.amazonaws.com:8443/",
        "https://169.254.169.254/latest/meta-data",
        "",
    ],
)
def test_no_other_host_is_ever_visited(url: str, sns: Holder) -> None:
    """Whatever the link, even correctly signed: refused at once."""
    network = Network(sns.pem)
    with sns_scene(network) as scene:
        status = ask(scene, posted(confirmation(sns, url)))[0]

    assert status == 401
    assert network.visited == []


def test_a_forged_subscription_is_not_visited(sns: Holder) -> None:
    """The link is genuine, the signature is not."""
    network = Network(sns.pem)
    with sns_scene(network) as scene:
        ask(scene, posted(confirmation(sns, Token="another")))
        failed = told(scene, "handshake.failed")

    assert failed["reason"] == "signature_mismatch"
    assert network.visited == []


def test_another_topic_cannot_subscribe_us(sns: Holder) -> None:
    """With topic_arn given, a subscription of anybody else's topic is not confirmed."""
    network = Network(sns.pem)
    with sns_scene(network, topic_arn="arn:aws:sns:eu-west-1:123456789012:invoices") as scene:
        ask(scene, posted(confirmation(sns)))
        failed = told(scene, "handshake.failed")

    assert failed["reason"] == "field_malformed"
    assert network.visited == []


def test_an_unreachable_link_is_told(sns: Holder) -> None:
    """The operator learns that the subscription is still pending."""
    with sns_scene(Network(sns.pem, down=True)) as scene:
        ask(scene, posted(confirmation(sns)))
        failed = told(scene, "handshake.failed")

    assert (failed["reason"], failed["error"]) == ("unreachable", "sns cannot be asked")
