"""A cloud for tests: SQS and DynamoDB over real HTTP, in a thread, by the test's own clock.

The server is MiniStack, which is more orderly than SQS. Two things are made as they are there:
messages come in no order, and a delete with an old receipt is answered as if it had worked.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import pytest
import uvicorn

from holdfast.clock import Clock, ManualClock
from holdfast.queue.engines.sqs import Location
from holdfast.queue.engines.sqs.engine import SQSEngine

KEYS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
}

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One request that the server got."""

    operation: str
    request: Json

    @property
    def queue(self) -> str:
        """The name of the queue that it is about."""
        return str(self.request.get("QueueUrl", "")).rpartition("/")[2]


@dataclass
class Fault:
    """Takes the place of an answer. `left`: so many times; `respond` gets the real answer."""

    operation: str
    respond: Callable[[Json, Json], tuple[int, Json]]
    left: int = 1
    queue: str | None = None
    heard: bool = True
    """Whether what was asked is done all the same."""


@dataclass
class Cloud:
    """A running server. `calls` is everything that it was asked."""

    port: int
    time: SimpleNamespace
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    server: Server | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def location(self, prefix: str) -> Location:
        return Location(prefix, "eu-central-1", self.endpoint)

    def url(self, prefix: str) -> str:
        return str(self.location(prefix))

    def follow(self, clock: Clock) -> None:
        """From now on time passes here as it does there; setting that clock changes nothing here."""
        start = clock.now_ms() / 1000 - clock.monotonic()
        self.time.time = lambda: start + clock.monotonic()

    def tick(self) -> None:
        """From now on real time passes."""
        self.time.time = time.time

    def hurry(self, times: float) -> None:
        """From now on time passes that much faster than it does: waits of SQS are over soon."""
        start = time.time()
        self.time.time = lambda: start + (time.time() - start) * times

    def asked(self, operation: str, queue: str | None = None) -> list[Call]:
        return [
            call
            for call in self.calls
            if call.operation == operation and queue in (None, call.queue)
        ]

    def fail(
        self,
        operation: str,
        code: str,
        *,
        status: int = 400,
        times: int = 1,
        queue: str | None = None,
        heard: bool = False,
    ) -> None:
        """Answer these calls with an error; `heard`: after doing what they ask."""
        error = {"__type": code, "message": f"{code} was asked for"}
        self.faults.append(Fault(operation, lambda *_: (status, error), times, queue, heard))

    def alter(
        self, operation: str, change: Callable[[Json, Json], Json], *, times: int = 1
    ) -> None:
        """Do what is asked, and answer something else."""
        self.faults.append(Fault(operation, lambda a, b: (200, change(a, b)), times))

    def engine(self, prefix: str, clock: Clock | None = None, **options: Any) -> SQSEngine:
        """One process's engine. Nothing is waited for that a test could wait for itself."""
        settings = {"create": True, "last_look_seconds": 0, "attempts": 1} | options
        return SQSEngine(self.location(prefix), clock=clock or ManualClock(), **settings)

    @contextlib.contextmanager
    def gone(self) -> Iterator[None]:
        """Nobody listens on the port while the block lasts; what was kept is kept."""
        assert self.server is not None
        self.server.stop()
        try:
            yield
        finally:
            self.server = Server(self)


class Server:
    """MiniStack behind a port, in a thread."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", cloud.port))
        listening.listen(64)
        cloud.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._answer, lifespan="off", interface="asgi3", log_level="error", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._listening = listening
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()
        self._listening.close()

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        from ministack.app import app  # noqa: PLC0415 - once its time is ours

        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        target = headers.get(b"x-amz-target", "")
        operation = target.rpartition(".")[2]
        body = b""
        more = True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        request = json.loads(body) if target else {}
        call = Call(operation, request)
        self._cloud.calls.append(call)
        fault = self._fault(call)
        status, answer_headers, answer = (
            200,
            [(b"content-type", b"application/x-amz-json-1.0")],
            b"",
        )
        if fault is None or fault.heard:
            status, answer_headers, answer = await _ask(app, scope, body)
        if fault is not None:
            told = json.loads(answer) if answer else {}
            status, told = fault.respond(request, told)
            answer = json.dumps(told).encode()
        elif operation == "DeleteMessageBatch" and status == 200:
            answer = _late_deletes_succeed(answer)
        answer_headers = [
            (name, value)
            for name, value in answer_headers
            if name.lower() not in (b"content-length", b"x-amz-crc32")
        ]
        answer_headers.append((b"content-length", str(len(answer)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": answer_headers})
        await send({"type": "http.response.body", "body": answer})

    def _fault(self, call: Call) -> Fault | None:
        for fault in self._cloud.faults:
            if fault.left and (fault.operation, fault.queue or call.queue) == (
                call.operation,
                call.queue,
            ):
                fault.left -= 1
                return fault
        return None


async def _ask(app: Any, scope: Any, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """What MiniStack answers."""
    told: list[Json] = []

    async def receive() -> Json:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Json) -> None:
        told.append(event)

    await app(scope, receive, send)
    answer = b"".join(event.get("body", b"") for event in told)
    return told[0]["status"], list(told[0]["headers"]), answer


def _late_deletes_succeed(answer: bytes) -> bytes:
    told = json.loads(answer)
    late = [one for one in told.get("Failed", ()) if one["Code"] == "ReceiptHandleIsInvalid"]
    told["Failed"] = [one for one in told.get("Failed", ()) if one not in late]
    told["Successful"] = [*told.get("Successful", ()), *({"Id": one["Id"]} for one in late)]
    return json.dumps(told).encode()


def _open() -> Cloud:
    handlers, level = [*logging.root.handlers], logging.root.level
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    import ministack.app  # noqa: F401, PLC0415 - it sets up logging for everybody
    from ministack.services import dynamodb, sqs  # noqa: PLC0415 - a fifth of a second

    logging.root.handlers, logging.root.level = handlers, level
    ours = SimpleNamespace(time=time.time, sleep=time.sleep)
    collect = sqs._collect_msgs

    def unordered(queue: Json, *rest: Any) -> Any:
        random.shuffle(queue["messages"])
        return collect(queue, *rest)

    for module in (sqs, dynamodb):
        vars(module)["time"] = ours
    vars(sqs)["_collect_msgs"] = unordered
    cloud = Cloud(0, ours)
    cloud.server = Server(cloud)
    return cloud


_running: list[Cloud] = []


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The server, by real time until it follows a clock. Only one for all tests of a process."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    if not _running:
        _running.append(_open())
    running = _running[0]
    running.calls.clear()
    running.faults.clear()
    running.tick()
    yield running
    running.faults.clear()


def new_prefix() -> str:
    """A store of its own for each test."""
    return f"test-{secrets.token_hex(6)}"
