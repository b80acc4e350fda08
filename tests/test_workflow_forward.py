"""Forwarding: the event as another program receives it, over a real socket."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from holdfast.compiled import CompiledWebhook, Forward
from holdfast.message import Headers, Lease, Request
from holdfast.secrets import SecretRef
from holdfast.workflow.result import Result
from workflow_kit import VERIFY_HANDLE, JumpingLoop, a_lease, a_webhook, an_express


class Target(ThreadingHTTPServer):
    """Keeps what it receives; answers as it is told, or not until it is let go."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[str, str, list[tuple[str, str]], bytes]] = []
        self.status = 200
        self.let_go = threading.Event()
        self.let_go.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/in?a=1"


class _Handler(BaseHTTPRequestHandler):
    server: Target

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.command, self.path, self.headers.items(), body))
        self.server.let_go.wait()
        self.send_response(self.server.status)
        self.send_header("location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"because of this")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Target()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.let_go.set()
    server.shutdown()
    thread.join()
    server.server_close()


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
    ((method, path, lines, body),) = target.received
    received = {name.lower(): value for name, value in lines}

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
    """A refused connection is an error with a name, and its cause shows no password of the URL."""
    target.server_close()
    url = target.url.replace("//", "//user:s3cret@")
    result = send(a_forwarding(url))

    assert result.error == "Http.ConnectError"
    assert "s3cret" not in (result.cause or "")


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
