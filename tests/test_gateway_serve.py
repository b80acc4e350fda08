"""Starting and stopping our own server."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket

import httpx
import pytest

from gateway_scene import ADA, Scene, granian, read_answer, status, users
from holdfast.errors import HoldfastError
from holdfast.gateway.serve import listen, serve
from process_kit import PATIENCE_SECONDS

POST_ADA = (
    b"POST /users HTTP/1.1\r\nHost: scene\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(ADA)
)


def test_a_port_in_use_is_named() -> None:
    """Whoever asks for a taken port is told which one, and that it is taken."""
    taken = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with taken, pytest.raises(HoldfastError, match=rf"127\.0\.0\.1 port {port}.*in use") as raised:
        listen("127.0.0.1", port)

    assert isinstance(raised.value, OSError)


def test_two_servers_never_share_a_port() -> None:
    """The second one fails, instead of taking half of the first one's requests."""
    with granian(Scene(users())) as scene:
        with pytest.raises(HoldfastError, match="in use"):
            listen("127.0.0.1", scene.port)
        assert status(scene.raw(POST_ADA + ADA)) == 200


def test_a_host_that_is_not_here_is_named() -> None:
    """So is an address of another machine."""
    with pytest.raises(HoldfastError, match=r"cannot listen on 192\.0\.2\.1 port 0"):
        listen("192.0.2.1", 0)


def test_the_port_is_free_again_afterwards() -> None:
    """Served, stopped, and at once served again."""
    with granian(Scene(users())) as scene:
        assert status(scene.raw(POST_ADA + ADA)) == 200
    with listen("127.0.0.1", scene.port) as again:
        assert again.getsockname()[1] == scene.port


def test_signals_stay_ours(capfd: pytest.CaptureFixture[str]) -> None:
    """Serving installs no handlers and prints nothing."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with granian(Scene(users())) as scene:
        scene.raw(POST_ADA + ADA)
        during = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    assert during == before
    assert capfd.readouterr() == ("", "")
    assert not logging.getLogger("_granian").isEnabledFor(logging.CRITICAL)


def test_stopping_finishes_what_is_inside_and_refuses_what_is_new() -> None:
    """The one being kept is answered 200, one that comes meanwhile 503, and then it ends."""
    scene = Scene(users())

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        stop, ready = asyncio.Event(), loop.create_future()
        scene.keeper.held = loop.create_future()
        serving = asyncio.create_task(
            serve(
                scene.door,
                host="127.0.0.1",
                port=0,
                on_ready=ready.set_result,
                stop=stop,
                drain_seconds=PATIENCE_SECONDS,
            )
        )
        url = f"http://127.0.0.1:{await ready}/users"
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
            json = {"content-type": "application/json"}
            inside = asyncio.create_task(client.post(url, content=ADA, headers=json))
            await loop.run_in_executor(None, scene.keeper.arrived.wait, PATIENCE_SECONDS)
            stop.set()
            refused = await client.post(url, content=ADA, headers=json)

            assert refused.status_code == 503
            assert refused.json()["error"] == "shutting_down"
            assert "retry-after" in refused.headers
            assert not serving.done()

            scene.keeper.held.set_result(None)

            assert (await inside).status_code == 200
        await asyncio.wait_for(serving, PATIENCE_SECONDS)

    asyncio.run(scenario())

    assert len(scene.keeper.messages) == 1


def test_stopping_does_not_wait_for_ever() -> None:
    """What is not kept within the limit is abandoned, and was never answered with success."""
    scene = Scene(users())

    async def scenario() -> bytes:
        loop = asyncio.get_running_loop()
        stop, ready = asyncio.Event(), loop.create_future()
        scene.keeper.held = loop.create_future()
        serving = asyncio.create_task(
            serve(
                scene.door,
                host="127.0.0.1",
                port=0,
                on_ready=ready.set_result,
                stop=stop,
                drain_seconds=0.05,
            )
        )
        connection = socket.create_connection(("127.0.0.1", await ready), timeout=PATIENCE_SECONDS)
        with connection:
            connection.sendall(POST_ADA + ADA)
            await loop.run_in_executor(None, scene.keeper.arrived.wait, PATIENCE_SECONDS)
            stop.set()
            await asyncio.wait_for(serving, PATIENCE_SECONDS)
            scene.keeper.held.cancel()
            return await loop.run_in_executor(None, read_answer, connection)

    answer = asyncio.run(scenario())

    assert b"200 OK" not in answer
    assert scene.keeper.messages == []


def test_a_sender_that_hangs_up_has_sent_all_the_same() -> None:
    """The event was complete; that nobody waits for the answer does not lose it."""
    scene = Scene(users())

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        stop, ready = asyncio.Event(), loop.create_future()
        scene.keeper.held = loop.create_future()
        serving = asyncio.create_task(
            serve(
                scene.door,
                host="127.0.0.1",
                port=0,
                on_ready=ready.set_result,
                stop=stop,
                drain_seconds=PATIENCE_SECONDS,
            )
        )
        with socket.create_connection(
            ("127.0.0.1", await ready), timeout=PATIENCE_SECONDS
        ) as connection:
            connection.sendall(POST_ADA + ADA)
            await loop.run_in_executor(None, scene.keeper.arrived.wait, PATIENCE_SECONDS)
        scene.keeper.held.set_result(None)
        stop.set()
        await asyncio.wait_for(serving, PATIENCE_SECONDS)

    asyncio.run(scenario())

    assert len(scene.keeper.messages) == 1
