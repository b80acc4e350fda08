"""The function at the door, called as API Gateway calls it: what it keeps, refuses, and leaves undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from certificate_kit import holder
from holdfast import providers
from holdfast.aws.contract import DOOR
from holdfast.aws.worker.door import DoorFunction
from holdfast.compile import compile_app, load
from holdfast.envelope import decode, encode
from holdfast.keyring import KeyRing
from holdfast.message import Headers, Message, Request
from holdfast.queue.contract import QueueLimits
from holdfast.queue.engines.sqs.api import Api
from holdfast.secrets import Secrets
from holdfast.testing import sign
from holdfast.workflow.asl import VERIFY
from sqs_kit import Cloud, cloud  # noqa: F401 - a fixture
from test_handshakes_handed_over import SNS_URL, confirmation
from worker_kit import HMAC, NOW_MS, SECRET, Shop, a_record, opened, proxied


@pytest.fixture
def shop(
    tmp_path: Path,
    cloud: Cloud,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shop]:
    with opened(tmp_path, cloud, monkeypatch) as made:
        yield made


def signed(secret: str = SECRET, body: Any = None) -> Request:
    sent = {"n": 1} if body is None else body
    return sign(HMAC, sent, secret=secret, now=NOW_MS / 1000, url="/door")


def test_the_door_keeps_before_it_answers(shop: Shop, cloud: Cloud) -> None:  # noqa: F811 - the fixture
    """What it keeps is the envelope of what was sent, byte for byte, under the id that the sender is
    told."""
    shop.engine.create({"door": QueueLimits()})
    url = shop.engine._queues.urls("door").queue
    door = shop.function("door", DOOR, queue=url)

    event = proxied(signed())
    event["multiValueHeaders"]["X-Name"] = ["Zoë", "Zoë 😀"]

    answer = door(event, None)

    assert answer["statusCode"] == 200
    (lease,) = shop.engine.receive("door", 1, 0, 30)
    assert lease.message.id == json.loads(answer["body"])["id"]
    assert lease.message.request.body == b'{"n":1}'
    assert lease.message.request.path == "/live/door"
    names = [value for name, value in lease.message.request.headers if name == "x-name"]
    assert [each.encode("latin-1") for each in names] == [b"Zo\xeb", "Zoë 😀".encode()]
    assert decode(encode(lease.message), "door") == lease.message
    assert cloud.asked("SendMessage")


def test_the_door_refuses_a_forgery_and_what_is_too_large(
    shop: Shop,
    cloud: Cloud,  # noqa: F811 - the fixture
) -> None:
    """401 with its reason, 413; neither is kept."""
    shop.engine.create({"door": QueueLimits()})
    door = shop.function("door", DOOR, queue=shop.engine._queues.urls("door").queue)

    forged = door(proxied(signed("a guess")), None)
    large = door(proxied(signed(body={"n": "x" * 200_000})), None)

    assert (forged["statusCode"], large["statusCode"]) == (401, 413)
    assert json.loads(forged["body"])["error"] == "body_altered_or_wrong_secret"
    assert cloud.asked("SendMessage") == []


@pytest.mark.parametrize("answer", ["refused", "silent"])
def test_the_door_says_no_success_that_sqs_has_not_said(
    shop: Shop,
    cloud: Cloud,  # noqa: F811 - the fixture
    answer: str,
) -> None:
    """Where SQS refuses, or answers without an id, the sender is told to come back."""
    shop.engine.create({"door": QueueLimits()})
    door = shop.function("door", DOOR, queue=shop.engine._queues.urls("door").queue)
    if answer == "refused":
        cloud.fail("SendMessage", "AccessDenied", status=403, times=9)
    else:
        cloud.alter("SendMessage", lambda _asked, _told: {}, times=9)

    told = door(proxied(signed()), None)

    assert told["statusCode"] == 503
    assert "retry-after" in told["multiValueHeaders"]


def handed(shop: Shop, webhook: str, reference: str) -> dict[str, Any]:
    """Settings of the function at this door: where the secret is to be kept that it is handed."""
    name = f"/{shop.engine.location.prefix}/{webhook}"
    shop.engine.create({webhook: QueueLimits()})
    return {
        "queue": shop.engine._queues.urls(webhook).queue,
        "secrets": {reference: name},
        "keeps": reference,
    }


def posted(body: bytes, headers: dict[str, str] | None = None) -> Request:
    lines = {"content-type": "application/json", **(headers or {})}
    return Request("POST", "/", "", Headers.of(lines), body)


@pytest.mark.parametrize(
    ("webhook", "reference", "hello"),
    [
        ("notion", "env:NOTION_SECRET", posted(b'{"verification_token":"t-0-k-e-n"}')),
        ("asana", "aws-ssm:/shop/asana", posted(b"", {"X-Hook-Secret": "t-0-k-e-n"})),
    ],
)
def test_a_secret_that_is_handed_over_is_kept_once(
    shop: Shop,
    webhook: str,
    reference: str,
    hello: Request,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In Secrets Manager or Parameter Store; it may be repeated and not replaced, and events that it
    signs are genuine from then on."""
    given = handed(shop, webhook, reference)
    door = shop.function(webhook, DOOR, **given)
    stranger = replace(
        hello,
        body=hello.body.replace(b"t-0-k-e-n", b"rival"),
        headers=Headers(
            tuple((name, value.replace("t-0-k-e-n", "rival")) for name, value in hello.headers)
        ),
    )

    answers = [door(proxied(each, f"/{webhook}"), None) for each in (hello, hello, stranger)]

    assert [each["statusCode"] for each in answers] == [200, 200, 401]
    assert "token_known" in answers[2]["body"]
    provider = getattr(providers, webhook)(reference)
    event = sign(provider, {"id": "e-1"}, secret="t-0-k-e-n", now=NOW_MS / 1000, url=f"/{webhook}")
    record = a_record(Message("m-1", webhook, NOW_MS, event))
    assert shop.function(webhook, VERIFY, secrets=given["secrets"])(record, None)["id"] == "m-1"
    written = capsys.readouterr().out
    assert given["secrets"][reference] in written
    assert "t-0-k-e-n" not in written


def test_a_secret_that_cannot_be_kept_is_not_acknowledged(
    shop: Shop,
    cloud: Cloud,  # noqa: F811 - the fixture
) -> None:
    """The sender is told to come back with it."""
    door = shop.function("notion", DOOR, **handed(shop, "notion", "env:NOTION_SECRET"))
    cloud.fail("CreateSecret", "AccessDeniedException", times=9)

    told = door(proxied(posted(b'{"verification_token":"t"}'), "/notion"), None)

    assert told["statusCode"] == 503


def test_a_subscription_is_visited_before_the_answer(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lambda freezes what is left running; a forged one is answered alike and not visited."""
    sns = holder("sns.amazonaws.com", ends=datetime(2099, 1, 1, tzinfo=UTC))
    compiled = compile_app(load(shop.definition))
    webhook = compiled.webhook("sns")
    assert webhook is not None
    visited: list[str] = []
    door = DoorFunction(
        compiled,
        webhook,
        Secrets(),
        shop.clock,
        Api(shop.engine.location),
        "",
        keys=KeyRing(shop.clock, lambda _wanted: sns.pem),
        visit=visited.append,
    )
    shop.made.append(door)

    genuine = door(proxied(posted(confirmation(sns)), "/sns"), None)
    forged = door(proxied(posted(confirmation(sns, Token="another")), "/sns"), None)

    assert (genuine["statusCode"], forged["statusCode"]) == (200, 200)
    assert visited == [SNS_URL]
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["event"] for each in told if each["event"].startswith("handshake.")] == [
        "handshake.confirmed",
        "handshake.failed",
    ]
