"""A console over an engine with none of the optional views: what it has works, the rest is said."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import httpx
import pytest

from console_scene import Client
from gateway_scene import webhook
from holdfast.clock import SYSTEM_CLOCK, ManualClock
from holdfast.compiled import Compiled
from holdfast.console.access import Access, Sessions, Tokens
from holdfast.console.app import Console
from holdfast.console.pages import WebPages
from holdfast.console.site import Site
from holdfast.gateway.sockets import listen
from holdfast.message import Failure, Headers, Message, Request, new_message_id
from holdfast.operate.book import CONSOLE, Who
from holdfast.queue.contract import QueueLimits
from holdfast.runtime.console import serve_console
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry
from holdfast.terminal.api import ConsoleApi
from holdfast.terminal.letters import DEPTH_SECONDS, Letters
from holdfast.terminal.remote import RemoteSource
from holdfast.terminal.source import Wanted
from holdfast.testing import MemoryEngine, World
from pages_kit import read, wrong_with
from process_kit import until

World.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a suite


PLAIN = webhook(
    "/plain",
    workflow={
        "StartAt": "Verify",
        "States": {"Verify": {"Type": "Task", "Resource": "${holdfast:verify}", "End": True}},
    },
)


class NoArchive(MemoryEngine):
    """As a cloud's queue is: it holds, and remembers nothing."""

    abilities = frozenset({"uncount"})


@pytest.fixture(params=[MemoryEngine, NoArchive], ids=["archive", "queue alone"])
def engine(request: pytest.FixtureRequest) -> MemoryEngine:
    made: MemoryEngine = request.param(clock=SYSTEM_CLOCK)
    made.configure({"plain": QueueLimits()})
    return made


@pytest.fixture
def client(engine: MemoryEngine) -> Iterator[Client]:
    secrets = Secrets()
    site = Site(
        store=engine,
        depths=engine,
        compiled=Compiled("plain", (PLAIN,)),
        definition=None,
        access=Access(Tokens([], secrets), Sessions(b"k"), Who("ada", CONSOLE)),
        clock=SYSTEM_CLOCK,
        telemetry=Telemetry(),
        secrets=secrets,
        find_running=lambda: None,
        version="test",
    )
    listener = listen("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    ready = threading.Event()
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        stop = asyncio.Event()
        stops.append((asyncio.get_running_loop(), stop))
        await serve_console(
            Console(site, WebPages(site)),
            listener,
            stop=stop,
            drain_seconds=5,
            on_ready=lambda _: ready.set(),
        )

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(20)
    one = Client(port)
    yield one
    one.close()
    loop, stop = stops[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(20)


def kept(engine: MemoryEngine, body: bytes = b"{}") -> str:
    now = SYSTEM_CLOCK.now_ms()
    id = new_message_id(now)
    engine.send([Message(id, "plain", now, Request("POST", "/plain", "", Headers(), body))])
    return id


def dead(engine: MemoryEngine, cause: str) -> str:
    id = kept(engine)
    (lease,) = engine.receive("plain", 1, 60)
    engine.bury(lease.receipt, Failure("KeyError", cause, "Handle", 1, 1, "permanent"))
    return id


def test_what_it_has_not_is_said(engine: MemoryEngine, client: Client) -> None:
    """By name, with 501; the overview shows what there is, and nothing made up."""
    id = dead(engine, "no")
    archive = "archive" in engine.abilities
    told = client.get("/overview")
    assert (told["index"], told["unrouted"]) == (None, None)
    (row,) = told["webhooks"]
    assert (row["series"], row["last_seen"], row["dead"]) == (None, None, 1)
    assert (row["rates"] is not None) is archive
    assert client.get("/webhooks/plain")["states"] is None
    for method, path in (
        ("GET", "/audit"),
        ("GET", "/executions"),
        ("POST", "/dead/park"),
        ("POST", "/dead/unpark"),
    ):
        given = {"json": {"ids": [id]}} if method == "POST" else {}
        error = client.fails(method, path, 501, **given)
        assert error["code"] == "not_supported"
        assert "the memory engine cannot" in error["message"]
    if archive:
        assert client.get("/events")["items"][0]["id"] == id
        assert client.get(f"/events/{id}")["timeline"][-1]["kind"] == "dead"
        assert client.get("/events", where="a=1")["items"] == []
    else:
        assert client.fails("GET", "/events", 501)["message"].startswith(
            "the memory engine keeps no history"
        )
        client.fails("GET", f"/events/{id}", 501)
        client.fails("POST", f"/events/{id}/replay", 501, json={})
    assert client.get(f"/dead/letters/{id}")["reason"] == "permanent"
    assert len(client.post("/dead/dry-run", ids=[id])["items"]) == 1


def test_groups_and_redrives_work_on_any_engine(engine: MemoryEngine, client: Client) -> None:
    """By walking, and with the run remembered by the console for as long as it lives."""
    letters = [dead(engine, f"no order {n}") for n in range(6)]
    dead(engine, "no stock")
    group = next(one for one in client.get("/dead/groups")["items"] if one["count"] == 6)
    assert len(client.get("/dead/letters", group=group["id"])["items"]) == 6
    over = threading.Event()
    worked: list[str] = []

    def work() -> None:
        while not over.is_set():
            for lease in engine.receive("plain", 10, 60, 0.05):
                worked.append(lease.message.id)
                engine.settle([lease.receipt])

    working = threading.Thread(target=work)
    working.start()
    try:
        run = client.post("/dead/redrive", 202, group=group["id"], try_first=2, go_on=False)
        until(lambda: client.get(f"/runs/{run['id']}")["stage"] == "tried", "it has tried")
        assert len(worked) == 2
        busy = client.fails("POST", "/dead/redrive", 409, json={"group": group["id"]})
        assert busy["detail"] == {"run": run["id"]}
        client.post(f"/runs/{run['id']}/go-on")
        until(lambda: not client.get(f"/runs/{run['id']}")["active"], "the run has ended")
    finally:
        over.set()
        working.join()

    told = client.get(f"/runs/{run['id']}")
    assert (told["stage"], told["sent"], told["done"], told["dead"]) == ("finished", 6, 6, 0)
    assert sorted(worked) == sorted(letters)
    assert client.get("/runs")["items"] == [told]
    client.fails("POST", f"/runs/{run['id']}/cancel", 409, json={})
    assert client.post("/dead/purge", webhook="plain", expect=1)["done"] == 1


def test_a_run_can_be_cancelled(engine: MemoryEngine, client: Client) -> None:
    """What was not sent stays where it was."""
    for n in range(9):
        dead(engine, f"no order {n}")
    run = client.post("/dead/redrive", 202, all=True, rate=1)

    client.post(f"/runs/{run['id']}/cancel")
    until(lambda: not client.get(f"/runs/{run['id']}")["active"], "the run has ended")

    told = client.get(f"/runs/{run['id']}")
    assert told["stage"] == "cancelled"
    assert engine.depth()[0].dead == 9 - told["sent"]


def test_the_stream_tells_depths_alone(engine: MemoryEngine, client: Client) -> None:
    """It says that it is not live, and still tells how full everything is."""
    heard: list[str] = []
    with client.raw().stream("GET", "/stream") as response:
        lines = response.iter_lines()
        for line in lines:
            heard.append(line)
            if line == "event: depth":
                break
        assert '"live":false' in "".join(heard)
        assert '"dead":0' in next(lines)
        dead(engine, "no")
        for line in lines:
            if '"dead":1' in line:
                return
    raise AssertionError("the stream has ended")


def test_its_pages_show_what_there_is(engine: MemoryEngine, client: Client) -> None:
    """The first screen, the dead letters and the webhooks on any engine; what it has no memory for is
    said on a page, with a way on."""
    id = dead(engine, "no order 7")
    kept(engine)
    archive = "archive" in engine.abilities
    with httpx.Client(base_url=f"http://127.0.0.1:{client.port}", timeout=30) as http:
        for path, expected in (
            ("/", 200),
            ("/dead", 200),
            ("/webhooks", 200),
            ("/events", 200 if archive else 501),
            (f"/events/{id}", 200 if archive else 501),
            ("/runs", 200),
            ("/executions", 501),
            ("/audit", 501),
        ):
            answer = http.get(path)
            assert (path, answer.status_code) == (path, expected)
            assert wrong_with(answer.text) == []
        assert read(http.get("/").text).has("no order <n>")
        client.post("/dead/purge", ids=[id], expect=1)
        engine.settle([one.receipt for one in engine.receive("plain", 10, 60)])
        assert not read(http.get("/").text).has("Nothing has come in yet")
        assert archive or read(http.get("/events").text).has("keeps no history")


def test_its_dead_letters_can_be_followed(engine: MemoryEngine, client: Client) -> None:
    """From another machine's terminal: each once, one in full, and back to the queue."""
    id = dead(engine, "no order 1")
    source = RemoteSource(
        ConsoleApi(f"http://127.0.0.1:{client.port}", None, Secrets()), Wanted(), SYSTEM_CLOCK
    )
    clock = ManualClock()
    with contextlib.closing(source):
        assert "watch" not in source.abilities
        feed = Letters(source, "no history", clock=clock)
        (row,) = feed.look().rows
        assert (row.id, row.state, row.why) == (
            id,
            "dead",
            "permanent KeyError in Handle no order 1",
        )
        told = "\n".join(text for line in feed.show(row, 80).lines for _, text in line)
        assert "no order 1" in told
        assert feed.retry(row) == "redriven: back in its queue"
        until(lambda: engine.depth()[0].waiting == 1, "it waits again")
        clock.advance(DEPTH_SECONDS)
        assert feed.look().rows == ()
