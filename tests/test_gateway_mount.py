"""The gateway as an ASGI application inside others."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway_scene import ADA, Scene, status, users, uvicorn_server, webhook
from holdfast import App, asgi
from holdfast.gateway.asgi import Application

Events = list[MutableMapping[str, Any]]


def fastapi_with(application: Application) -> FastAPI:
    app = FastAPI()
    app.mount("/hooks in", application)
    return app


def starlette_with(application: Application) -> Starlette:
    return Starlette(routes=[Mount("/hooks in", application)])


@pytest.mark.parametrize("mounting", [fastapi_with, starlette_with])
def test_mounted_it_answers_below_its_mount(mounting: Any) -> None:
    """Paths count from the mount; bytes, headers and the path as sent are kept."""
    scene = Scene(users(), webhook("/t/{tenant}"))
    with uvicorn_server(scene, mounting(Application(scene.door))):
        odd = b"POST /hooks%20in/t/a%2Fb HTTP/1.1\r\nHost: scene\r\nX-Odd: \xe9\r\nX-Odd: 2\r\n"
        answer = scene.raw(odd + b"Content-Length: 2\r\n\r\n\x00\xff")
        elsewhere = scene.raw(b"POST /users HTTP/1.1\r\nHost: scene\r\nContent-Length: 0\r\n\r\n")
        nobody = scene.raw(b"POST /hooks%20in/x HTTP/1.1\r\nHost: s\r\nContent-Length: 0\r\n\r\n")
    [message] = scene.keeper.messages

    assert status(answer) == 200
    assert message.request.body == b"\x00\xff"
    assert message.request.path == "/hooks%20in/t/a%2Fb"
    assert message.request.headers.all("x-odd") == ("\xe9", "2")
    assert message.params == {"tenant": "a/b"}
    assert status(elsewhere) == 404
    assert b"requestId" not in elsewhere
    assert status(nobody) == 404
    assert b"requestId" in nobody


async def call(application: Application, scope: dict[str, Any], *events: dict[str, Any]) -> Events:
    """What the application sends when it receives these events."""
    incoming, sent = list(events), Events()

    async def receive() -> MutableMapping[str, Any]:
        return incoming.pop(0)

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    await application(scope, receive, send)
    return sent


def http(path: str, **changes: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": [(b"Content-Type", b"application/json")],
        **changes,
    }


WHOLE = {"type": "http.request", "body": ADA}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (http("/users"), 200),
        (http("/users", raw_path=None, client=None), 200),
        (http("/hooks/users", root_path="/hooks"), 200),
        (http("/users", root_path="/hooks"), 200),
        (http("/hooksusers", root_path="/hooks"), 404),
        (http("/a b/users", root_path="/a b", raw_path=b"/a%20b/users"), 200),
    ],
)
def test_the_least_that_a_server_must_tell(scope: dict[str, Any], expected: int) -> None:
    """Optional keys may be absent, names in any case, and `root_path` in the path or not."""
    scene = Scene(users())
    sent = asyncio.run(call(Application(scene.door), scope, WHOLE))

    assert [event["type"] for event in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == expected


def test_a_sender_that_hangs_up_midway_is_noted() -> None:
    """Half a body is a note with its reason, and no event."""
    scene = Scene(users())
    half = {"type": "http.request", "body": ADA[:9], "more_body": True}
    gone = {"type": "http.disconnect"}
    asyncio.run(call(Application(scene.door), http("/users"), half, gone))

    assert scene.keeper.messages == []
    assert [(note.reason, note.body) for note in scene.keeper.refusals] == [
        ("body_incomplete", ADA[:9])
    ]


def test_an_answer_that_nobody_waits_for_is_dropped() -> None:
    """Servers may raise OSError when the other side is gone; the event is kept all the same."""
    scene = Scene(users())

    async def receive() -> MutableMapping[str, Any]:
        return WHOLE

    async def send(event: MutableMapping[str, Any]) -> None:
        raise BrokenPipeError(event["type"])

    asyncio.run(Application(scene.door)(http("/users"), receive, send))

    assert len(scene.keeper.messages) == 1


def test_the_lifespan_runs_the_hooks() -> None:
    """Startup first; at shutdown the door is closed before the hook runs."""
    scene = Scene(users())
    seen: list[str] = []

    async def start() -> None:
        seen.append("start")

    async def stop() -> None:
        seen.append("stop")

    async def scenario() -> tuple[Events, Events]:
        app = Application(scene.door, on_startup=start, on_shutdown=stop)
        events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        lifespan = await call(app, {"type": "lifespan"}, *events)
        return lifespan, await call(app, http("/users"), WHOLE)

    lifespan, late = asyncio.run(scenario())

    assert [event["type"] for event in lifespan] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert seen == ["start", "stop"]
    assert late[0]["status"] == 503


def test_a_start_that_fails_is_told_to_the_server() -> None:
    """It then does not serve."""

    async def start() -> None:
        raise OSError("the store cannot be opened")

    app = Application(Scene(users()).door, on_startup=start)
    sent = asyncio.run(call(app, {"type": "lifespan"}, {"type": "lifespan.startup"}))

    assert sent == [
        {"type": "lifespan.startup.failed", "message": "the store cannot be opened"},
    ]


def test_websockets_are_turned_away() -> None:
    """There are none here."""
    app = Application(Scene(users()).door)
    sent = asyncio.run(call(app, {"type": "websocket"}, {"type": "websocket.connect"}))

    assert [event["type"] for event in sent] == ["websocket.close"]


def test_it_runs_inside_a_client_without_a_server() -> None:
    """httpx can call it directly, as the tests of an application do."""
    scene = Scene(users())

    async def scenario() -> httpx.Response:
        transport = httpx.ASGITransport(Application(scene.door))
        async with httpx.AsyncClient(transport=transport, base_url="http://scene") as client:
            headers = {"content-type": "application/json"}
            return await client.post("/users", content=ADA, headers=headers)

    assert asyncio.run(scenario()).json() == {"id": scene.keeper.messages[0].id}


def test_a_body_shorter_than_announced_is_not_an_event() -> None:
    """Some servers take a connection that broke off for the end of the body."""
    scene = Scene(users())
    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    sent = asyncio.run(call(Application(scene.door), http("/users", headers=headers), WHOLE))

    assert sent[0]["status"] == 400
    assert scene.keeper.messages == []
    assert [note.reason for note in scene.keeper.refusals] == ["body_incomplete"]


@pytest.mark.parametrize("announced", [b"0", b"1", b"1000"])
def test_the_length_of_a_chunked_body_is_not_believed(announced: bytes) -> None:
    """Some servers leave the line in; the body is kept whole all the same, and never cut or empty."""
    scene = Scene(users())
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", announced),
        (b"transfer-encoding", b"chunked"),
    ]
    pieces: list[dict[str, Any]] = [
        {"type": "http.request", "body": ADA[:1], "more_body": True},
        {"type": "http.request", "body": ADA[1:]},
    ]
    sent = asyncio.run(call(Application(scene.door), http("/users", headers=headers), *pieces))

    assert sent[0]["status"] == 200
    assert [message.request.body for message in scene.keeper.messages] == [ADA]


def test_a_mounted_gateway_without_a_store_asks_senders_to_come_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """503 and not the host's own 500; told once; and kept as soon as the store is there."""
    hooks = App()

    @hooks.webhook("/users")
    def welcome() -> None:
        """Nobody works it here."""

    (tmp_path / "store").write_text("in the way", encoding="utf-8")
    gateway = asgi(hooks, store=tmp_path / "store")

    async def scenario() -> list[httpx.Response]:
        transport = httpx.ASGITransport(gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://scene") as client:
            answers = [await client.post("/users", json={}) for _ in range(2)]
            (tmp_path / "store").unlink()
            answers.append(await client.post("/users", json={}))
        await gateway.close()
        return answers

    first, second, third = asyncio.run(scenario())

    assert [first.status_code, second.status_code, third.status_code] == [503, 503, 200]
    assert first.headers["retry-after"] == "5"
    assert first.json()["error"] == "not_kept"
    assert capfd.readouterr().err.count("nothing is kept") == 1
