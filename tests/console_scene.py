"""A console served for real, over a real store, and a client that holds every answer against the
document that describes it."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import jsonschema_rs
import orjson
import pytest

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import compile_app, load
from holdfast.compiled import Compiled
from holdfast.console.app import Console
from holdfast.console.openapi import document
from holdfast.console.routes import ENDPOINTS
from holdfast.gateway.sockets import listen
from holdfast.message import Failure, Headers, Lease, Message, Request, new_message_id
from holdfast.queue.contract import Execution, QueueLimits, Refusal
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.runtime.console import close_console, make_console, serve_console
from holdfast.runtime.console_options import ConsoleOptions
from holdfast.telemetry import Telemetry
from process_kit import PATIENCE_SECONDS

SECRET: Final = "s3cr3t-hmac-4711-0815"
TOKEN: Final = "t0k3n-of-ada-0123456789"

HOOKS: Final = """
from typing import Annotated, Any

from pydantic import BaseModel, Field

from holdfast import App, Event, bearer, hmac_sha256

app = App("shop")


class Order(BaseModel):
    id: str
    total: Annotated[float, Field(ge=0)]


def charge(event: Event[Order]) -> dict[str, Any]:
    raise AssertionError("no task is called here")


def ship(input: dict[str, Any]) -> None:
    raise AssertionError("no task is called here")


app.webhook(
    "/orders",
    verify=hmac_sha256("env:ORDERS_SECRET", header="X-Signature"),
    event_type="json:kind",
    delivery_id="header:X-Delivery",
    tasks=[charge, ship],
    workflow={
        "StartAt": "Charge",
        "States": {
            "Charge": {"Type": "Task", "Resource": "${charge}", "ResultPath": "$.payment",
                       "Retry": [{"ErrorEquals": ["Busy"]}], "Next": "Large"},
            "Large": {"Type": "Choice", "Default": "Ship", "Choices": [
                {"Variable": "$.body.total", "NumericGreaterThan": 100, "Next": "Stop"}]},
            "Ship": {"Type": "Task", "Resource": "${ship}", "End": True},
            "Stop": {"Type": "Fail", "Error": "TooLarge", "Cause": "a person has to look"},
        },
    },
)


@app.webhook("/plain")
def plain(event: Event[Any]) -> None: ...


@app.webhook("/partner", verify=bearer("env:NOT_SET"))
def partner(event: Event[Any]) -> None: ...
"""


@cache
def described() -> dict[str, Any]:
    """The document, as it is served."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(document(ENDPOINTS, "test")))
    return found


@cache
def _validator(template: str, method: str, status: str) -> jsonschema_rs.Validator | None:
    operation = described()["paths"][template][method]
    told = operation["responses"].get(status)
    assert told is not None, f"{method} {template} does not say that it answers {status}"
    schema = told.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return None
    return jsonschema_rs.validator_for({**schema, "components": described()["components"]})


def check(response: httpx.Response) -> httpx.Response:
    """What was answered is what the document says."""
    path, method = response.request.url.path, response.request.method.lower()
    for template, operations in described()["paths"].items():
        pattern = re.sub(
            r"\{\w+\}", "[^/]+", re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
        )
        if re.fullmatch(pattern, path) and method in operations:
            validator = _validator(template, method, str(response.status_code))
            if validator is not None:
                validator.validate(response.json())
            return response
    assert response.status_code in (404, 405), f"{method} {path} is not in the document"
    return response


class Client:
    """Calls the API as a program on this machine does, unless told otherwise."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        self.port = port
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1",
            headers={"x-holdfast-csrf": "1"} if headers is None else headers,
            timeout=PATIENCE_SECONDS,
        )

    def call(self, method: str, path: str, **given: Any) -> httpx.Response:
        return check(self._client.request(method, path, **given))

    def get(self, path: str, **params: Any) -> Any:
        """The answer of a 200."""
        response = self.call("GET", path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        response = self.call("POST", path, json=body)
        assert response.status_code == status, response.text
        return response.json()

    def fails(self, method: str, path: str, status: int, **given: Any) -> dict[str, Any]:
        """The error, in its one shape."""
        response = self.call(method, path, **given)
        assert response.status_code == status, response.text
        error: dict[str, Any] = response.json()["error"]
        assert error["status"] == status
        return error

    def raw(self) -> httpx.Client:
        return self._client

    def close(self) -> None:
        self._client.close()


class Scene:
    """A store with a history, a definition, and a console over both."""

    def __init__(self, path: Path, compiled: Compiled, console: Console, port: int) -> None:
        self.path = path
        self.compiled = compiled
        self.console = console
        self.port = port
        self.client = Client(port)
        self._last_ms = 0
        self.engine = SQLiteEngine(path, holder="scene")
        self.engine.configure({one.name: QueueLimits() for one in compiled.webhooks})

    def kept(
        self,
        webhook: str = "plain",
        body: bytes = b"{}",
        headers: Mapping[str, str] | None = None,
        **given: Any,
    ) -> str:
        """An event that waits; its id."""
        now = self._moment()
        request = Request(
            "POST", f"/{webhook}", given.pop("query", ""), Headers.of(headers or {}), body,
            "203.0.113.7",
        )  # fmt: skip
        id = new_message_id(now)
        self.engine.send([Message(id, webhook, now, request, **given)])
        return id

    def order(self, body: bytes, signed: bool = True) -> str:
        """An event of the webhook `orders`, with its sender's signature."""
        webhook = self.compiled.webhook("orders")
        assert webhook is not None
        assert webhook.verification is not None
        headers = Headers.of({"content-type": "application/json", "x-delivery": "d-1"})
        request = Request("POST", "/orders", "", headers, body)
        if signed:
            request = webhook.verification.sign(request, SECRET, SYSTEM_CLOCK.now_ms() / 1000)
        return self.kept("orders", body, dict(request.headers.lines))

    def done(self, webhook: str = "plain", **given: Any) -> str:
        id = self.kept(webhook, **given)
        self.engine.settle([self.lease(id, webhook).receipt])
        return id

    def dead(
        self,
        webhook: str = "plain",
        error: str = "KeyError",
        cause: str = "no order 1",
        state: str = "Handle",
        reason: str = "exhausted",
        id: str | None = None,
        history: tuple[Mapping[str, Any], ...] = (),
        **given: Any,
    ) -> str:
        """An event whose only attempt ended in dead letters; `id`: one that waits already."""
        id = id or self.kept(webhook, **given)
        lease = self.lease(id, webhook)
        now = SYSTEM_CLOCK.now_ms()
        run = Execution(id, webhook, 1, now, 0.0, "FAILED", error, cause, state, history)
        self.engine.record([run])
        self.engine.bury(lease.receipt, Failure(error, cause, state, now, 1, reason))
        return id

    def refused(
        self, reason: str = "invalid_body", body: bytes = b'{"age":17}', **given: Any
    ) -> str:
        now = self._moment()
        note = Refusal(
            new_message_id(now), now, "orders", "POST", "/orders", "203.0.113.9", 400, reason,
            "/age: too young", (("content-type", "application/json"),), body,
        )  # fmt: skip
        self.engine.refuse([replace(note, **given)])
        return note.id

    def _moment(self) -> int:
        """Now, and later than any before: what comes in a millisecond has no order."""
        self._last_ms = max(self._last_ms + 1, SYSTEM_CLOCK.now_ms())
        return self._last_ms

    def lease(self, id: str, webhook: str) -> Lease:
        leases = self.engine.receive(webhook, 100, 60)
        self.engine.release([lease.receipt for lease in leases if lease.message.id != id])
        return next(lease for lease in leases if lease.message.id == id)

    def indexed(self) -> None:
        while self.engine.index():
            pass


@contextmanager
def serving(console: Console, port: int = 0) -> Iterator[int]:
    """On this port, or a free one, on a thread with its own loop: which one."""
    listener = listen("127.0.0.1", port)
    bound: int = listener.getsockname()[1]
    ready = threading.Event()
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        stop = asyncio.Event()
        stops.append((asyncio.get_running_loop(), stop))
        await serve_console(
            console, listener, stop=stop, drain_seconds=5.0, on_ready=lambda _: ready.set()
        )

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(PATIENCE_SECONDS)
    try:
        yield bound
    finally:
        loop, stop = stops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


@contextmanager
def served(
    path: Path,
    monkeypatch: Any,
    options: ConsoleOptions | None = None,
    *,
    telemetry: Telemetry | None = None,
    port: int = 0,
) -> Iterator[Scene]:
    """A console over a new store in `path`."""
    monkeypatch.setenv("ORDERS_SECRET", SECRET)
    monkeypatch.setenv("ADA_TOKEN", TOKEN)
    monkeypatch.delenv("NOT_SET", raising=False)
    definition = path / "hooks.py"
    path.mkdir(parents=True, exist_ok=True)
    definition.write_text(HOOKS, encoding="utf-8")
    compiled = compile_app(load(definition))
    store = path / "store"
    console = make_console(
        options or ConsoleOptions(), compiled, definition, str(store), telemetry or Telemetry()
    )
    try:
        with serving(console, port) as bound:
            scene = Scene(store, compiled, console, bound)
            try:
                yield scene
            finally:
                scene.client.close()
                scene.engine.close()
    finally:
        close_console(console)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Of one's own."""
    with served(tmp_path, monkeypatch) as one:
        yield one
