"""A webhook, a door and a keeper, small and real, for the tests of the gateway."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.compiled import Answer, Compiled, CompiledWebhook, Pipe, Queue
from holdfast.errors import StoreError
from holdfast.gateway.answers import Accept, Arrival, Greeting, Refused
from holdfast.gateway.asgi import Application
from holdfast.gateway.door import Door
from holdfast.gateway.intake import Intake
from holdfast.gateway.serve import serve
from holdfast.gateway.tokens import TokenShelf
from holdfast.gateway.visits import Visit, Visits
from holdfast.keyring import KeyRing
from holdfast.message import Headers, Message
from holdfast.queue.contract import Refusal
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry
from process_kit import PATIENCE_SECONDS

USER_SCHEMA = {
    "type": "object",
    "required": ["name", "age", "email"],
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 18},
        "email": {"type": "string", "format": "email"},
    },
}
ADA = b'{"name":"Ada","age":36,"email":"ada@example.com"}'
ID = "0123456789abcdef0123456789abcdef"
NOW_MS = 1_700_000_000_000


def webhook(path: str = "/users", **changes: Any) -> CompiledWebhook:
    settings: dict[str, Any] = {
        "name": path.strip("/").replace("/", "-") or "root",
        "path": path,
        "methods": ("POST",),
        "content_types": ("*/*",),
        "body_limit_bytes": 1000,
        "rate_limit": None,
        "allow": (),
        "verification": None,
        "verify_at": "workflow",
        "provider": None,
        "delivery_id": (),
        "event_type": (),
        "answer": Answer(200, None, ()),
        "schema": None,
        "body_model": None,
        "queue": Queue(604_800.0, 1_209_600.0, 3, 360.0),
        "pipe": Pipe(10, 0.0, 10, 1.0, 900.0),
        "timeout_seconds": 60.0,
        "workflow": {},
        "tasks": {},
        "log_level": "ERROR",
        "place": "scene",
    }
    return CompiledWebhook(**{**settings, **changes})


def users(**changes: Any) -> CompiledWebhook:
    """The reference webhook."""
    settings = {"schema": USER_SCHEMA, "content_types": ("application/json",), **changes}
    return webhook("/users", **settings)


def intake(*webhooks: CompiledWebhook, clock: Clock = SYSTEM_CLOCK) -> Intake:
    return Intake(Compiled("scene", webhooks), Secrets(), clock)


def arrival(
    path: str = "/users",
    method: str = "POST",
    headers: list[tuple[str, str]] | None = None,
    query: str = "",
    remote: str = "192.0.2.1",
) -> Arrival:
    lines = [("content-type", "application/json")] if headers is None else headers
    return Arrival(ID, NOW_MS, method, path, query, Headers.of(lines), remote, "http://scene", path)


def judge(
    judging: Intake, came: Arrival, body: bytes = b"", length: int | None = None
) -> Accept | Greeting | Refused:
    """Both steps, as a door takes them."""
    route = judging.route(came, length)
    return route if isinstance(route, Refused) else judging.decide(route, body)


class Keeper:
    """Keeps messages in a list; fails while `failing` is set; holds them back while `held` is."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.refusals: list[Refusal] = []
        self.failing: Exception | None = None
        self.arrived = threading.Event()
        self.held: asyncio.Future[None] | None = None

    async def send(self, message: Message) -> None:
        if self.failing is not None:
            raise self.failing
        self.arrived.set()
        if self.held is not None:
            await self.held
        self.messages.append(message)

    def refuse(self, refusal: Refusal) -> None:
        self.refusals.append(refusal)


class Told:
    """What telemetry said."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        telemetry.subscribe(lambda kind, fields: self.events.append((kind.name, dict(fields))))

    def names(self) -> list[str]:
        return [name for name, _ in self.events]


class Scene:
    """A door with its keeper, its telemetry, and the port it is served on."""

    def __init__(
        self,
        *webhooks: CompiledWebhook,
        body_seconds: float = 30.0,
        store: Path | None = None,
        keys: KeyRing | None = None,
        visit: Visit | None = None,
    ) -> None:
        self.telemetry = Telemetry()
        self.told = Told(self.telemetry)
        self.keeper = Keeper()
        compiled = Compiled("scene", webhooks)
        self.door = Door(
            intake(*webhooks),
            self.keeper,
            SYSTEM_CLOCK,
            self.telemetry,
            body_seconds=body_seconds,
            tokens=TokenShelf(store) if store else None,
            visits=Visits(compiled, Secrets(), self.telemetry, keys=keys, visit=visit),
        )
        self.port = 0

    def raw(self, *parts: bytes) -> bytes:
        """Send bytes as they are; what came back until the other side closed or fell silent."""
        with socket.create_connection(
            ("127.0.0.1", self.port), timeout=PATIENCE_SECONDS
        ) as connection:
            for part in parts:
                connection.sendall(part)
            return read_answer(connection)


def read_answer(connection: socket.socket) -> bytes:
    """One HTTP response with a content length, or what came before the connection closed."""
    data = b""
    while not _complete(data):
        try:
            piece = connection.recv(65_536)
        except ConnectionError:
            break
        if not piece:
            break
        data += piece
    return data


def _complete(data: bytes) -> bool:
    head, blank, body = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if blank and line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


Serving = Callable[[Scene], Any]


@contextmanager
def granian(scene: Scene, drain_seconds: float = 5.0) -> Iterator[Scene]:
    """Our own server, on a thread with its own loop."""
    ready = threading.Event()
    failures: list[BaseException] = []
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def on_ready(port: int) -> None:
        scene.port = port
        ready.set()

    async def main() -> None:
        stop = asyncio.Event()
        stops.append((asyncio.get_running_loop(), stop))
        await serve(
            scene.door,
            host="127.0.0.1",
            port=0,
            on_ready=on_ready,
            stop=stop,
            drain_seconds=drain_seconds,
        )

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(PATIENCE_SECONDS)
    try:
        yield scene
    finally:
        loop, stop = stops[0]
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert failures == []


@contextmanager
def uvicorn_server(scene: Scene, application: Any = None) -> Iterator[Scene]:
    """Somebody else's server, with our application or one that mounts it."""
    app = application or Application(scene.door)
    config = uvicorn.Config(app, lifespan="on", log_level="critical", ws="none")
    server = uvicorn.Server(config)
    started = threading.Event()
    startup = server.startup

    async def startup_told(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = startup_told  # type: ignore[method-assign] # uvicorn has no hook for it
    listener = socket.create_server(("127.0.0.1", 0))
    scene.port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    assert started.wait(PATIENCE_SECONDS)
    try:
        yield scene
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)
        listener.close()
    assert not thread.is_alive()


NOT_KEPT = StoreError("the disk is full")
