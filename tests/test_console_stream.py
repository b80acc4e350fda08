"""The stream of what happens, over real HTTP: live, resumed, filtered, and with slow readers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from console_scene import TOKEN, Scene, served
from holdfast.console import stream
from holdfast.console.stream import Hub, Told
from holdfast.runtime.console_options import ConsoleOptions
from process_kit import PATIENCE_SECONDS, until


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(stream, "DEPTH_SECONDS", 0.05)
    monkeypatch.setattr(stream, "BEAT_SECONDS", 3_600)  # what never comes ends a test
    with served(tmp_path, monkeypatch) as one:
        yield one


class Listener:
    """One viewer: the events as they come."""

    def __init__(self, response: httpx.Response) -> None:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        self._lines = response.iter_lines()
        self.cursor = ""

    def next(self) -> tuple[str, Any]:
        """The next event's name and data; comments are passed over."""
        name, data = "", ""
        for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "id":
                self.cursor = value
            elif field == "event":
                name = value
            elif field == "data":
                data = value
            elif not line and name:
                return name, orjson.loads(data)
        raise AssertionError("the stream has ended")

    def until(self, kind: str, listed: str = "") -> Any:
        """The next event of this kind, in which something is listed."""
        while True:
            name, data = self.next()
            if name == kind and (not listed or data[listed]):
                return data


@contextmanager
def listening(scene: Scene, cursor: str = "", token: str = "", **params: str) -> Iterator[Listener]:
    headers = {"last-event-id": cursor} if cursor else {}
    if token:
        headers["authorization"] = f"Bearer {token}"
    url = f"http://127.0.0.1:{scene.port}/api/v1/stream"
    with httpx.stream(
        "GET", url, headers=headers, params=params, timeout=PATIENCE_SECONDS
    ) as response:
        yield Listener(response)


def test_what_happens_is_told(scene: Scene) -> None:
    """Arrivals with their type, ends with their reason, refusals, and how full it is."""
    with listening(scene) as viewer:
        hello = viewer.until("hello")
        assert hello["live"] is True
        viewer.until("depth")
        id = scene.order(b'{"id":"1","total":5,"kind":"order.paid"}')
        (arrived,) = viewer.until("changes", "arrived")["arrived"]
        assert (arrived["id"], arrived["webhook"], arrived["type"]) == (id, "orders", "order.paid")
        depth = viewer.until("depth", "webhooks")["webhooks"]
        assert next(one for one in depth if one["name"] == "orders")["waiting"] == 1
        scene.dead("orders", id=id, reason="permanent")
        (ended,) = viewer.until("changes", "ended")["ended"]
        assert (ended["id"], ended["state"], ended["reason"]) == (id, "dead", "permanent")
        refused = scene.refused()
        assert viewer.until("changes", "refused")["refused"][0]["id"] == refused
    hub = scene.console.hub
    until(lambda: not hub.viewers, "the viewer is gone")
    assert hub._looking is None, "nobody watches, so nobody looks"


def test_a_viewer_that_comes_back_is_told_what_it_missed(scene: Scene) -> None:
    """From the store and by its cursor, whatever the console remembers; once."""
    with listening(scene) as viewer:
        viewer.until("hello")
        first = scene.kept()
        viewer.until("changes", "arrived")
        cursor = viewer.cursor
    missed = scene.kept()
    until(lambda: not scene.console.hub.viewers, "the viewer is gone")

    with listening(scene, cursor) as viewer:
        assert viewer.next()[0] == "hello"
        name, since = viewer.next()
        assert (name, [one["id"] for one in since["arrived"]]) == ("changes", [missed])
        later = scene.kept()
        assert [one["id"] for one in viewer.until("changes", "arrived")["arrived"]] == [later]
    with listening(scene, cursor="nonsense") as viewer:
        assert viewer.next()[0] == "hello"
    assert first != missed


def test_how_full_it_is_does_not_go_stale(scene: Scene) -> None:
    """Who came while one waited is told that none waits, as whoever watched before was told last."""

    def waiting(viewer: Listener) -> int:
        depths = viewer.until("depth", "webhooks")["webhooks"]
        return sum(one["waiting"] + one["leased"] for one in depths)

    with listening(scene) as viewer:
        assert waiting(viewer) == 0
        id = scene.kept()
        while waiting(viewer) == 0:
            pass
        scene.engine.settle([scene.lease(id, "plain").receipt])
        while waiting(viewer):
            pass
    until(lambda: not scene.console.hub.viewers, "the viewer is gone")
    id = scene.kept()
    with listening(scene) as viewer:
        assert waiting(viewer) == 1
        scene.engine.settle([scene.lease(id, "plain").receipt])
        while waiting(viewer):
            pass


def test_what_happens_during_a_greeting_is_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came after the cursor of the greeting, and before whoever is greeted was among the viewers."""
    hub, read, during = scene.console.hub, Hub._read_depths, list[str]()

    def slow(self: Hub) -> Any:
        if hub.viewers and not during:
            before = hub._cursor
            during.append(scene.kept())
            until(lambda: hub._cursor != before, "the others are told")
        return read(self)

    with listening(scene) as first:
        first.until("depth")
        monkeypatch.setattr(stream, "DEPTH_SECONDS", 3_600)
        monkeypatch.setattr(Hub, "_read_depths", slow)
        with listening(scene) as second:
            assert [one["id"] for one in second.until("changes", "arrived")["arrived"]] == during


def test_the_cursor_may_stand_in_the_address(scene: Scene) -> None:
    """For those who cannot set a header."""
    with listening(scene) as viewer:
        viewer.until("hello")
        cursor = viewer.cursor
    missed = scene.kept()

    with listening(scene, cursor=cursor) as viewer:
        viewer.next()
        assert viewer.next()[1]["arrived"][0]["id"] == missed


def test_a_viewer_of_one_webhook_hears_of_that_one(scene: Scene) -> None:
    """What concerns others only is not sent to it at all."""
    with listening(scene, webhook="orders") as viewer:
        viewer.until("hello")
        scene.kept("plain")
        scene.dead("plain")
        id = scene.order(b'{"id":"1","total":5}')
        told = viewer.until("changes", "arrived")
        assert [one["id"] for one in told["arrived"]] == [id]
        assert told["ended"] == []


def test_too_much_to_tell_is_counted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are listed, the others are a number."""
    with listening(scene) as viewer:
        viewer.until("hello")
        cursor = viewer.cursor
    monkeypatch.setattr(stream, "LISTED", 5)
    made = [scene.kept() for _ in range(12)]

    with listening(scene, cursor) as viewer:
        viewer.next()
        _, told = viewer.next()
        assert [one["id"] for one in told["arrived"]] == made[-5:]
        assert told["missed"] == 7


def test_runs_are_told(scene: Scene) -> None:
    """Every stage of a run that this console drives."""
    scene.dead()
    with listening(scene) as viewer:
        viewer.until("hello")
        run = scene.client.post("/dead/redrive", 202, all=True, watch=False)
        stages = [viewer.until("run")["stage"]]
        while stages[-1] != "finished":
            told = viewer.until("run")
            assert told["id"] == run["id"]
            stages.append(told["stage"])


def test_a_slow_reader_holds_up_nobody(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never reads loses what it did not read; another one beside it hears everything."""
    monkeypatch.setattr(stream, "QUEUE", 4)
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(("127.0.0.1", scene.port))
    stuck.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{scene.port}\r\n\r\n".encode())
    hub: Hub = scene.console.hub
    until(lambda: hub.viewers == 1, "the slow reader is there")
    (slow,) = hub._viewers
    filling = Told(
        "changes", {"arrived": [], "ended": [], "refused": [], "missed": 1, "x": "y" * 500_000}
    )
    loop = hub._looking
    assert loop is not None

    def fill() -> bool:
        loop.get_loop().call_soon_threadsafe(slow.tell, filling)
        return slow.lost

    until(fill, "its queue has overflown")
    assert len(slow.waiting) <= 4
    with listening(scene) as viewer:
        viewer.until("hello")
        id = scene.kept()
        assert viewer.until("changes", "arrived")["arrived"][0]["id"] == id
    stuck.close()
    until(lambda: not hub.viewers, "both are gone")


def test_a_reader_that_was_too_slow_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap, once, and then what came after it."""
    monkeypatch.setattr(stream, "QUEUE", 2)

    async def story() -> list[str]:
        hub = Hub(scene.console.site)
        listened = hub.listen(None, None)
        await anext(listened)
        (viewer,) = hub._viewers
        viewer.waiting.clear()
        for number in range(4):
            viewer.tell(Told("depth", {"webhooks": [], "n": number}))
        heard = [(await anext(listened)).decode() for _ in range(3)]
        await hub.stop()
        heard += [text.decode() async for text in listened]
        return heard

    heard = asyncio.run(story())

    assert [text.partition("event: ")[2].partition("\n")[0] for text in heard[:2]] == [
        "gap",
        "depth",
    ]
    assert sum("event: gap" in text for text in heard) == 1
    assert '"n":3' in heard[2]


def test_streams_end_with_the_console(scene: Scene) -> None:
    """A console that stops does not wait for its viewers to go."""
    with listening(scene) as viewer:
        viewer.until("hello")
        task = scene.console.hub._looking
        assert task is not None
        loop = task.get_loop()
        asyncio.run_coroutine_threadsafe(scene.console.hub.stop(), loop).result(PATIENCE_SECONDS)
        with pytest.raises(AssertionError, match="has ended"):
            viewer.until("never")


def test_a_stream_does_not_outlive_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what happens after the token was revoked nothing is told, and nobody has to come back."""
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.02)
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="utf-8")
    options = ConsoleOptions(tokens=(f"ada=file:{token}",))
    with served(tmp_path, monkeypatch, options) as scene, listening(scene, token=TOKEN) as viewer:
        viewer.until("hello")
        kept = scene.kept()
        assert viewer.until("changes", "arrived")["arrived"][0]["id"] == kept
        token.write_text(f"{TOKEN}-the-next", encoding="utf-8")
        scene.kept()
        with pytest.raises(AssertionError, match="has ended"):
            viewer.until("changes", "arrived")
