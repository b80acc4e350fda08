"""The whole of it, as processes: starting, refusing to start, stopping, dying and coming back."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli_scene import call
from holdfast.clock import SYSTEM_CLOCK
from holdfast.errors import StoreLocked
from holdfast.message import DeadLetter
from holdfast.queue.contract import Filter, State
from holdfast.queue.engines.sqlite.recover import SupervisorLock
from holdfast.runtime.processes import RESTART_FIRST_SECONDS
from holdfast.runtime.reports import Reports
from holdfast.runtime.roles.process import DRAIN_SECONDS
from process_kit import (
    HEAD,
    PATIENCE_SECONDS,
    Gate,
    Process,
    Run,
    get,
    gone,
    holdfast,
    running,
    until,
)

FAULTS = """\
@app.webhook("/fine")
async def fine(event: Event[Any]) -> None:
    note("fine", event)

@app.webhook("/raises", queue=TWICE, pipe=QUICK)
def raises(event: Event[Any]) -> None:
    raise ValueError(f"attempt {event.attempt}")

@app.webhook("/hangs", queue=TWICE, pipe=QUICK, timeout="1s")
async def hangs(event: Event[Any]) -> None:
    await asyncio.Event().wait()

@app.webhook("/blocks", queue=TWICE, pipe=QUICK, timeout="1s")
def blocks(event: Event[Any]) -> None:
    threading.Event().wait()

@app.webhook("/leaves", queue=TWICE, pipe=QUICK)
def leaves(event: Event[Any]) -> None:
    sys.exit(3)

@app.webhook("/exits", queue=TWICE, pipe=QUICK)
def exits(event: Event[Any]) -> None:
    os._exit(3)

@app.webhook("/spawns")
def spawns(event: Event[Any]) -> None:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen(["sleep", "600"], close_fds=False, **quiet)
    (HERE / "spawned").write_text(str(child.pid))

@app.webhook("/forks")
def forks(event: Event[Any]) -> None:
    child = os.fork()
    if not child:
        os.close(1)
        os.close(2)
        signal.pause()
    (HERE / "forked").write_text(str(child))

@app.webhook("/segfaults", queue=TWICE, pipe=QUICK)
async def segfaults(event: Event[Any]) -> None:
    ctypes.string_at(0)
"""
GATED = """\
@app.webhook("/gated", pipe=Pipe(concurrency=1), queue=Queue(visibility_timeout="10m"))
def gated(event: Event[Any]) -> None:
    note("begun", event)
    pass_gate()
    note("worked", event)
"""


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run that all tests of misbehaving handlers share, as they do in real life."""
    with running(tmp_path_factory.mktemp("faults"), FAULTS, "--console-port", "0") as run:
        yield run


def rest(run: Run, id: str) -> DeadLetter:
    """Wait until this message is a dead letter."""
    assert run.ended(id).state is State.DEAD
    return run.engine.browse(Filter(id=id))[0]


@pytest.mark.parametrize(
    ("webhook", "error", "cause"),
    [
        ("raises", "ValueError", "attempt 2"),
        ("hangs", "States.Timeout", "longer than 1 seconds"),
        ("blocks", "States.Timeout", "longer than 1 seconds"),
        ("leaves", "SystemExit", "3"),
        ("exits", "Holdfast.WorkerDied", "the worker process ended"),
        ("segfaults", "Holdfast.WorkerDied", "the worker process ended"),
    ],
)
def test_a_handler_at_fault_fills_dead_letters_and_harms_nobody(
    faults: Run, webhook: str, error: str, cause: str
) -> None:
    """Its message rests after max_receive_count, every attempt told; all others are worked."""
    before = [faults.keep("/fine") for _ in range(5)]
    bad = faults.keep(f"/{webhook}")
    after = [faults.keep("/fine") for _ in range(5)]

    dead = rest(faults, bad)
    assert (dead.reason, dead.receive_count) == ("exhausted", 2)
    assert [(one.attempt, one.error) for one in dead.attempts] == [(1, error), (2, error)]
    assert dead.failure is not None
    assert dead.failure.error == error
    assert cause in dead.failure.cause
    for id in before + after:
        assert faults.ended(id).state is State.DONE
    assert set(before + after) <= set(faults.noted("fine"))


def test_a_worker_that_died_of_a_message_is_back_at_once(faults: Run) -> None:
    """However many it has died of: only a worker that cannot start is waited for longer."""
    for _ in range(2):
        faults.ended(faults.keep("/exits"))

    def heard() -> list[Any]:
        ended = [json.loads(line) for line in faults.lines if '"process.ended"' in line]
        return ended if len(ended) >= 4 else []

    ended = until(heard, "it was told of all their ends")
    assert max(one["restart_seconds"] for one in ended) <= RESTART_FIRST_SECONDS


def test_the_operations_port_tells_what_there_is(faults: Run) -> None:
    """The three pages speak of the real processes, and count what they really did."""
    id = faults.keep("/fine")
    faults.ended(id)
    ops = faults.record["ops_url"]

    assert get(ops + "/readyz").json() == {"ready": True, "reasons": []}
    roles = [one["role"] for one in get(ops + "/healthz").json()["processes"]]
    assert roles == ["gateway", "worker", "console"]

    def counted() -> bool:
        page = get(ops + "/metrics").text
        accepted = 'holdfast_requests_accepted_total{webhook="fine"}' in page
        done = 'holdfast_messages_done_total{webhook="fine"}' in page
        return accepted and done and 'holdfast_messages{state="dead",webhook="exits"} ' in page

    until(counted, "the counts have come up from the processes")
    assert get(ops + "/else").status_code == 404


def test_a_port_in_use_is_an_error_of_its_own(tmp_path: Path) -> None:
    """Exit code 1, and the message names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = Run(tmp_path, FAULTS, ("--port", str(port), "--ops-port", "-1"))
        assert run.code() == 1
        assert f"127.0.0.1 port {port}" in run.said
        assert "in use" in run.said
        assert "Traceback" not in run.said
        run = Run(tmp_path, None, ("--port", "0", "--ops-port", str(port)))
        assert run.code() == 1
        assert f"127.0.0.1:{port}" in run.said
        assert "--ops-port" in run.said


def test_mistakes_end_it_before_it_begins(tmp_path: Path) -> None:
    """Exit code 1 with every mistake, or with the file that is not there; no store is made."""
    wrong = '@app.webhook("users", queue=Queue(retention="soon"))\ndef a(event) -> None: ...\n'
    (tmp_path / "hooks.py").write_text(HEAD + wrong, encoding="utf-8")
    store = ("--store", str(tmp_path / "store"))
    called = call("run", str(tmp_path / "hooks.py"), *store)
    assert called.code == 1
    assert "2 mistakes" in called.err
    assert "soon" in called.err

    missing = call("run", str(tmp_path / "elsewhere.py"), *store)
    assert missing.code == 1
    assert "there is no such file" in " ".join(missing.err.split())
    assert not (tmp_path / "store").exists()


def test_sigterm_lets_finish_what_has_begun(tmp_path: Path) -> None:
    """The message being worked is done; those behind it wait, and were never counted."""
    with Gate(tmp_path) as gate, running(tmp_path, GATED) as run:
        ids = [run.keep("/gated") for _ in range(3)]
        until(lambda: run.noted("begun"), "the first is being worked")
        run.send(signal.SIGTERM)
        run.hear(r"process.stopping.*role.:.worker")
        gate.open()

        assert run.code() == 0
        first, *others = (run.entry(id) for id in ids)
        assert (first.state, run.noted("worked")) == (State.DONE, [ids[0]])
        assert [(one.state, one.receive_count) for one in others] == [(State.WAITING, 0)] * 2
        assert not (run.store / "run.json").exists()


def test_a_second_sigterm_stops_at_once(tmp_path: Path) -> None:
    """It does not wait for the handler, whose message waits again, with the attempt on record."""
    with Gate(tmp_path), running(tmp_path, GATED) as run:
        id = run.keep("/gated")
        until(lambda: run.noted("begun"), "it is being worked")
        began = SYSTEM_CLOCK.monotonic()
        run.send(signal.SIGTERM)
        run.hear(r"process.stopping.*role.:.worker")
        run.send(signal.SIGTERM)

        assert run.code() == 0
        assert SYSTEM_CLOCK.monotonic() - began < DRAIN_SECONDS
        entry = run.entry(id)
        assert (entry.state, entry.receive_count) == (State.WAITING, 1)
        assert [one.error for one in entry.attempts] == ["Stopped"]


def test_a_second_sigterm_ends_a_gateway_that_waits_for_a_body(tmp_path: Path) -> None:
    """A sender that never finishes holds up the first one only."""
    with running(tmp_path, FAULTS) as run:
        url = httpx.URL(run.record["url"])
        with socket.create_connection((url.host, url.port or 0)) as sender:
            head = "POST /fine HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            sender.sendall(f"{head}Content-Length: 10\r\n\r\n{{".encode())
            run.keep("/fine")  # whoever came before is inside by now
            began = SYSTEM_CLOCK.monotonic()
            run.send(signal.SIGTERM)
            run.hear(r"process.stopping.*role.:.gateway")
            run.send(signal.SIGTERM)

            assert run.code() == 0
            assert SYSTEM_CLOCK.monotonic() - began < DRAIN_SECONDS


def test_what_a_handler_started_does_not_hold_the_store(tmp_path: Path) -> None:
    """Neither a program that outlives its worker nor a mere copy of it has the store's lock."""
    with running(tmp_path, FAULTS) as run:
        for how in ("/spawns", "/forks"):
            run.ended(run.keep(how))
    left = [int((tmp_path / name).read_text()) for name in ("spawned", "forked")]
    try:
        assert not any(map(gone, left))
        until(lambda: lockable(run.store), "the store is free")
    finally:
        for pid in left:
            os.kill(pid, signal.SIGKILL)


def lockable(store: Path) -> bool:
    """Whether a new supervisor could have this store."""
    try:
        with SupervisorLock(store):
            return True
    except StoreLocked:
        return False


def test_a_supervisor_that_does_not_listen_holds_nobody_up() -> None:
    """Reports never block; what was left out is made up for, and no line is broken."""
    reading, writing = os.pipe()
    lifeline, _ = ends = os.pipe()
    try:
        reports = Reports(writing, lifeline)
        for number in range(10_000):
            reports.say(number=number, padding="x" * 100)
        heard = b""
        while b"last" not in heard:
            heard += os.read(reading, 1 << 20)
            reports.say(last=True)

        lines = [json.loads(line) for line in heard.splitlines()]
        assert [one["number"] for one in lines[:100]] == list(range(100))
        assert lines[-1] == {"last": True}
    finally:
        for descriptor in (reading, writing, *ends):
            os.close(descriptor)


def test_a_killed_worker_is_replaced_and_its_message_comes_again(tmp_path: Path) -> None:
    """Long before its lease of ten minutes would have run out."""
    with Gate(tmp_path) as gate, running(tmp_path, GATED) as run:
        id = run.keep("/gated")
        until(lambda: run.noted("begun"), "it is being worked")
        (worker,) = run.pids("worker")
        os.kill(worker, signal.SIGKILL)
        gate.open()

        entry = run.ended(id)
        assert (entry.state, entry.receive_count) == (State.DONE, 2)
        assert [one.error for one in entry.attempts] == ["Holdfast.WorkerDied"]
        assert run.noted("worked") == [id]
        assert run.pids("worker") != [worker]


def test_a_killed_gateway_comes_back_where_it_was(tmp_path: Path) -> None:
    """On the same port, though nobody chose it; whoever kept trying is served again."""
    with running(tmp_path, FAULTS) as run:
        (gateway,) = run.pids("gateway")
        os.kill(gateway, signal.SIGKILL)
        until(lambda: gone(gateway), "it is gone")

        def accepted() -> bool:
            try:
                return run.post("/fine").status_code == 200
            except httpx.TransportError:
                return False

        until(accepted, "it accepts again")


def test_children_of_a_killed_supervisor_end_by_themselves(tmp_path: Path) -> None:
    """They finish first; the next supervisor waits for them, and only then has the store."""
    with Gate(tmp_path) as gate, running(tmp_path, GATED) as run:
        id = run.keep("/gated")
        until(lambda: run.noted("begun"), "it is being worked")
        children = run.pids("worker") + run.pids("gateway")
        run.send(signal.SIGKILL)
        run.popen.wait()

        second = Run(tmp_path)
        try:
            until(lambda: "still finish" in second.said, "it waits for the lock")
            assert second.popen.poll() is None
            gate.open()
            for pid in children:
                until(lambda pid=pid: gone(pid), "it has ended")  # type: ignore[misc] # bound now
            second.ready()
            assert second.ended(id).state is State.DONE
            assert second.noted("worked") == [id]
            assert second.entry(second.keep("/gated")).message.webhook == "gated"
        finally:
            second.close()


def test_a_second_supervisor_is_refused_and_the_first_goes_on(faults: Run) -> None:
    """Exit code 3, and a message that says what to do."""
    second = Run(faults.directory)
    assert second.code() == 3
    assert "stop it, or choose another store" in second.said
    assert faults.ended(faults.keep("/fine")).state is State.DONE


def test_an_application_receives_and_workers_beside_it_work(tmp_path: Path) -> None:
    """The gateway mounted in FastAPI keeps what `holdfast run --no-gateway` then works."""
    host = (
        "from fastapi import FastAPI\nfrom hooks import app as hooks\nimport holdfast\n"
        "app = FastAPI()\napp.mount('/hooks', holdfast.asgi(hooks, store='store'))\n"
    )
    (tmp_path / "host.py").write_text(host, encoding="utf-8")
    with running(tmp_path, FAULTS, "--no-gateway") as run:
        assert run.record["url"] is None
        command = [*holdfast()[:2], "uvicorn", "host:app", "--port", "0"]
        server = Process(command, tmp_path)
        try:
            url = server.hear(r"running on (http://\S+)")[1]
            answer = httpx.post(f"{url}/hooks/fine", json={}, timeout=PATIENCE_SECONDS)
            assert answer.status_code == 200
            id = answer.json()["id"]
            assert run.ended(id).state is State.DONE
            assert run.noted("fine") == [id]
        finally:
            server.close()
