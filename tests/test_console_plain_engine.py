"""A console over an engine with none of the optional views: what it has works, the rest is said."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import httpx
import pytest

from console_scene import Client, serving
from gateway_scene import webhook
from holdfast.clock import SYSTEM_CLOCK, ManualClock
from holdfast.compiled import Compiled
from holdfast.console.access import Access, Sessions, Tokens
from holdfast.console.app import Console
from holdfast.console.pages import WebPages
from holdfast.console.site import Site
from holdfast.message import Failure, Headers, Message, Request, new_message_id
from holdfast.operate.book import CONSOLE, Who
from holdfast.queue.contract import QueueLimits
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry
from holdfast.terminal.api import ConsoleApi
from holdfast.terminal.letters import DEPTH_SECONDS, Letters
from holdfast.terminal.remote import RemoteSource
from holdfast.terminal.source import Wanted
from holdfast.testing import MemoryEngine, World
from pages_kit import attributes, shown, visitor
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
        access=Access(Tokens([], secrets), Sessions(lambda _: b"k"), Who("ada", CONSOLE)),
        clock=SYSTEM_CLOCK,
        telemetry=Telemetry(),
        secrets=secrets,
        find_running=lambda: None,
        version="test",
    )
    with serving(Console(site, WebPages(site))) as port:
        one = Client(port)
        yield one
        one.close()


@pytest.fixture
def http(client: Client) -> Iterator[httpx.Client]:
    with visitor(client.port) as one:
        yield one


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


def test_its_pages_show_what_there_is(
    engine: MemoryEngine, client: Client, http: httpx.Client
) -> None:
    """The first screen, the dead letters and the webhooks on any engine; what it has no memory for is
    said on a page, with a way on."""
    id = dead(engine, "no order 7")
    kept(engine)
    archive = "archive" in engine.abilities
    for path in ("/", "/dead", "/webhooks", "/runs"):
        shown(http, path)
    for path in ("/events", f"/events/{id}"):
        shown(http, path, 200 if archive else 501)
    assert shown(http, "/executions", 501).has("cannot list executions")
    assert shown(http, "/audit", 501).has("cannot keep a book")
    assert shown(http, "/webhooks/plain").has("This engine does not count what states come to.")
    assert shown(http, "/").has("no order <n>")
    client.post("/dead/purge", ids=[id], expect=1)
    engine.settle([one.receipt for one in engine.receive("plain", 10, 60)])
    assert not shown(http, "/").has("Nothing has come in yet")
    assert archive or shown(http, "/events", 501).has("keeps no history")


def test_its_dead_letters_can_be_worked(engine: MemoryEngine, http: httpx.Client) -> None:
    """From the groups to the letter: what the engine can is offered, what it cannot is not."""
    id = dead(engine, "no")
    (group,) = {one for one in shown(http, "/dead").links() if one.startswith("/dead/groups/")}
    acts = attributes(shown(http, group), "data-act")
    assert "POST /api/v1/dead/redrive" in acts
    assert "POST /api/v1/dead/park" not in acts
    letter = shown(http, f"/dead/letters/{id}")
    assert (f"/events/{id}" in letter.links()) is ("archive" in engine.abilities)


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
