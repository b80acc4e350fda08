"""Forwarding: the event as another program receives it, over a real socket."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from holdfast.compiled import CompiledWebhook, Forward
from holdfast.message import Headers, Lease, Request
from holdfast.secrets import SecretRef
from holdfast.verify import bearer
from holdfast.workflow.http_answer import CAUSE_MAX
from holdfast.workflow.result import Result
from http_target import Target, a_target
from workflow_kit import VERIFY_HANDLE, JumpingLoop, a_lease, a_webhook, an_express


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with a_target() as server:
        yield server


@dataclasses.dataclass(frozen=True)
class Length:
    """A verification that signs with the length of body and secret."""

    name: str = "length"
    secrets: Sequence[SecretRef] = (SecretRef("env", "LENGTH_SECRET"),)
    secret_headers: Sequence[str] = ()

    def mistakes(self) -> Sequence[str]:
        return ()

    def check(self, request: Request, secrets: Sequence[str], now_seconds: float) -> None: ...

    def sign(self, request: Request, secret: str, now_seconds: float) -> Request:
        kept = [line for line in request.headers if line[0] != "x-signature"]
        shown = ("x-signature", f"{len(request.body)}+{len(secret)}")
        return replace(request, headers=Headers.of([*kept, shown]))


def a_forwarding(url: str, **fields: Any) -> CompiledWebhook:
    task = Forward("handle", url, fields.pop("sign", None), (("X-Mine", "1"),), 5.0)
    return a_webhook(tasks={"handle": task}, workflow=VERIFY_HANDLE)


def send(webhook: CompiledWebhook, lease: Lease | None = None, *, jump: bool = False) -> Result:
    async def scene() -> Result:
        with an_express(webhook) as express:
            try:
                return await express.run(lease or a_lease())
            finally:
                await express.aclose()

    loop_factory = JumpingLoop if jump else None
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(scene())


def test_an_event_is_carried_as_it_came(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Method, query, body bytes and headers arrive; what is the connection's or secret does not."""
    monkeypatch.setenv("LENGTH_SECRET", "12345")
    headers = {
        "host": "public.example",
        "authorization": "[redacted]",
        "connection": "close, x-hop",
        "x-hop": "1",
        "x-signature": "the sender's",
        "x-kept": "yes",
    }
    lease = a_lease(b"\x00raw\xff", headers)
    result = send(a_forwarding(target.url, sign=Length()), lease)
    ((method, path, _, body),) = target.received
    received = target.received[0].headers

    assert result.status == "SUCCEEDED"
    assert (method, path, body) == ("POST", "/in?a=1", b"\x00raw\xff")
    assert received["x-signature"] == "5+5"
    assert (received["x-holdfast-id"], received["x-holdfast-attempt"]) == ("0" * 32, "1")
    assert (received["x-kept"], received["x-mine"]) == ("yes", "1")
    assert received["host"].startswith("127.0.0.1")
    assert not {"authorization", "x-hop"} & received.keys()


@pytest.mark.parametrize("status", [302, 404, 503])
def test_anything_but_2xx_is_a_failure(target: Target, status: int) -> None:
    """The status names the error, the answer's beginning is the cause, no redirect is followed."""
    target.status = status
    result = send(a_forwarding(target.url))

    assert (result.status, result.error) == ("FAILED", f"Http.StatusCode.{status}")
    assert json.loads(result.cause or "")["errorMessage"] == "because of this"
    assert len(target.received) == 1


def test_a_target_that_is_not_there(target: Target) -> None:
    """A refused connection is an error with a name, and its cause says where, with no password."""
    target.server_close()
    url = target.url.replace("//", "//user:s3cret@")
    result = send(a_forwarding(url))

    assert result.error == "Http.ConnectError"
    assert "s3cret" not in (result.cause or "")
    assert f"127.0.0.1:{target.server_port}: " in (result.cause or "")


def test_a_target_that_does_not_answer(target: Target) -> None:
    """The whole exchange has one limit."""
    target.let_go.clear()
    result = send(a_forwarding(target.url), jump=True)

    assert result.error == "Http.Timeout"
    assert "5 seconds" in (result.cause or "")


def test_a_missing_secret_is_named(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its secret nothing is sent, and the reference is named."""
    monkeypatch.delenv("LENGTH_SECRET", raising=False)
    result = send(a_forwarding(target.url, sign=Length()))

    assert result.error == "SecretMissing"
    assert "env:LENGTH_SECRET" in (result.cause or "")
    assert target.received == []


@pytest.mark.parametrize(("status", "seconds"), [(429, 7.0), (503, 7.0), (500, None), (404, None)])
def test_a_busy_target_says_when_to_come_back(
    target: Target, status: int, seconds: float | None
) -> None:
    """Retry-After of 429 and 503 is the queue's delay, as Retryable's is."""
    target.status, target.headers = status, [("Retry-After", "7")]
    result = send(a_forwarding(target.url))

    assert (result.error, result.retry_after_seconds) == (f"Http.StatusCode.{status}", seconds)


def test_a_secret_that_the_target_repeats_stays_hidden(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause shows what the target says, without the token that was sent along."""
    monkeypatch.setenv("LENGTH_SECRET", "t0p-s3cret")
    target.status, target.echoes = 403, True
    result = send(a_forwarding(target.url, sign=bearer("env:LENGTH_SECRET")))

    assert target.received[0].headers["authorization"] == "Bearer t0p-s3cret"
    assert "t0p-s3cret" not in (result.cause or "")
    assert "[redacted]" in (result.cause or "")


def test_a_long_answer_is_heard_to_its_end(target: Target) -> None:
    """However much the target has to say, it is not cut off, and only its beginning is kept."""
    target.body = b"x" * 1_000_000
    done = send(a_forwarding(target.url))
    target.status = 500
    failed = send(a_forwarding(target.url))

    assert done.status == "SUCCEEDED"
    assert len(failed.cause or "") < 10_000


@pytest.mark.parametrize("seen", [1, 5, 9, 10])
def test_a_secret_that_is_cut_in_two_stays_hidden(
    target: Target, seen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only its beginning fits into the cause, that is left out too."""
    monkeypatch.setenv("LENGTH_SECRET", "t0p-s3cret")
    target.status, target.body = 403, b"x" * (CAUSE_MAX - seen) + b"t0p-s3cret and more"
    result = send(a_forwarding(target.url, sign=bearer("env:LENGTH_SECRET")))
    said = json.loads(result.cause or "")["errorMessage"]

    assert said.removesuffix("[redacted]") == "x" * (CAUSE_MAX - seen)
