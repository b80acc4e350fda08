"""`holdfast listen`: events of a real console, handed to a real program here, whatever gets killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from calling import Calling, calling
from cli_scene import call
from console_scene import Scene, served
from holdfast.clock import SYSTEM_CLOCK
from holdfast.message import Headers, Message, Request, new_message_id
from holdfast.operate.finding import Criteria
from holdfast.queue.contract import Filter
from holdfast.secrets import Secrets
from holdfast.terminal import stream as source_stream
from holdfast.terminal.api import ConsoleApi
from holdfast.terminal.bookmark import Bookmark
from holdfast.terminal.forward import Forward
from holdfast.terminal.forward import Target as Taker
from holdfast.terminal.remote import RemoteSource
from holdfast.terminal.source import Wanted
from http_target import Target, a_target
from listen_kit import free_port, once, scene, target, url
from process_kit import Process, holdfast, until
from terminal_pty import on_terminal

_ = scene, target
MEBIBYTE: Final = 1_048_576


def ids(target: Target) -> list[str]:
    return [one.headers["x-holdfast-id"] for one in target.received]


def unique(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))


def arguments(scene: Scene, forward: str, *options: str) -> tuple[str, ...]:
    return ("listen", "--forward", forward, "--url", url(scene), "--lines", *options)


def listening(scene: Scene, forward: str, *options: str) -> AbstractContextManager[Calling]:
    return calling(*arguments(scene, forward, *options))


def killable(scene: Scene, forward: str) -> AbstractContextManager[Process]:
    return closing(Process(holdfast(*arguments(scene, forward)), scene.path.parent))


def begun(scene: Scene, target: Target) -> None:
    """It was called before, so that it now goes on from here."""
    assert once(scene, target).code == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"a": 1.50,\r\n "b":"\xc3\xa9"}', b"\x00\xff\x1b[2J", os.urandom(MEBIBYTE)],
    ids=["empty", "short", "spaced", "binary", "a mebibyte"],
)
def test_every_byte_of_a_body_arrives(scene: Scene, target: Target, body: bytes) -> None:
    """Also where it is larger than what the API sends along."""
    begun(scene, target)
    scene.kept(body=body)

    assert once(scene, target).code == 0
    assert target.received[0].body == body


def test_a_request_arrives_as_its_sender_made_it(scene: Scene, target: Target) -> None:
    """Method, query, and every header line but the connection's own; the path is the program's."""
    begun(scene, target)
    now = SYSTEM_CLOCK.now_ms()
    lines = (
        ("host", "hooks.example.com"),
        ("content-type", "text/plain"),
        ("x-many", "1"),
        ("x-many", "2"),
        ("x-latin", "caf\xe9"),
        ("authorization", "[redacted]"),
        ("connection", "close, x-hop"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("user-agent", "sender/1"),
    )
    request = Request("PUT", "/plain", "b=%20c&b=", Headers(lines), b"x", "203.0.113.7")
    id = new_message_id(now)
    scene.engine.send([Message(id, "plain", now, request)])

    assert once(scene, target).code == 0
    (came,) = target.received
    assert (came.method, came.path) == ("PUT", "/in?a=1&b=%20c&b=")
    told = [(name.lower(), value) for name, value in came.lines]
    kept = [one for one in told if one[0] not in ("host", "content-length", "connection")]
    assert kept == [
        ("content-type", "text/plain"),
        ("x-many", "1"),
        ("x-many", "2"),
        ("x-latin", "caf\xe9"),
        ("user-agent", "sender/1"),
        ("x-holdfast-id", id),
        ("x-holdfast-replay", "1"),
    ]


def test_the_path_may_be_the_events_own(scene: Scene, target: Target) -> None:
    """Behind that of the program."""
    begun(scene, target)
    scene.kept()

    where = ("--forward", f"{target.root}/dev/", "--append-path", "--url", url(scene))
    called = call("listen", *where, "--once", "--since", "1h", now_ms=SYSTEM_CLOCK.now_ms())
    assert called.code == 0
    assert [one.path for one in target.received] == ["/dev/plain"]


def test_what_came_while_it_was_off_is_forwarded_in_order(scene: Scene, target: Target) -> None:
    """And nothing twice; the first time it begins with what comes from then on."""
    scene.kept()
    first = once(scene, target)
    assert (first.code, target.received) == (0, [])
    assert "--since" in first.err

    made = [scene.kept(body=str(n).encode()) for n in range(45)]
    told = once(scene, target)
    assert (told.code, ids(target)) == (0, made)
    assert [line.split()[1] for line in told.lines] == made
    assert once(scene, target).out == ""
    assert ids(target) == made


def test_a_webhook_and_a_time_narrow_it(scene: Scene, target: Target) -> None:
    """Each webhook, and each program, has a place of its own."""
    plain, order = scene.kept("plain"), scene.order(b'{"id":"1","total":5}')

    assert once(scene, target, "--since", "1h", "--webhook", "orders").code == 0
    assert ids(target) == [order]
    assert once(scene, target, "--since", "1h").code == 0
    assert ids(target) == [order, plain, order]
    signed = target.received[0].headers["x-signature"]
    kept = scene.client.get(f"/events/{order}")["headers"]
    assert ["x-signature", signed] in kept


def test_a_killed_listener_loses_nothing(scene: Scene, target: Target) -> None:
    """Killed in the middle of an event, between events, again and again: all arrive, in order."""
    begun(scene, target)
    made = [scene.kept() for _ in range(6)]
    target.let_go.clear()
    with killable(scene, target.url) as process:
        until(lambda: target.received, "the first is under way")
        process.send(signal.SIGKILL)
        process.code()
    target.let_go.set()
    with killable(scene, target.url) as process:
        process.hear(made[3])
        process.send(signal.SIGKILL)
        process.code()
    made += [scene.kept() for _ in range(2)]
    with listening(scene, target.url) as process:
        process.hear(made[-1])
        process.end()

    assert unique(ids(target)) == made
    assert len(ids(target)) <= len(made) + 2


def test_a_program_that_is_down_is_waited_for(scene: Scene) -> None:
    """It says so, keeps what comes, and goes on in order once something answers."""
    port = free_port()
    forward = f"http://127.0.0.1:{port}/in"
    where = ("--forward", forward, "--url", url(scene), "--once")
    assert call("listen", *where, now_ms=SYSTEM_CLOCK.now_ms()).code == 0
    made = [scene.kept()]
    down = call("listen", *where, now_ms=SYSTEM_CLOCK.now_ms())
    assert (down.code, down.out) == (1, "")
    assert f"nothing answers at {forward}; 1 wait" in down.err

    with listening(scene, forward) as process:
        process.hear("nothing answers at")
        made += [scene.kept(), scene.kept()]
        with a_target(port) as target:
            process.hear(made[-1])
            assert ids(target) == made
            process.end()


def test_any_answer_is_an_answer(scene: Scene, target: Target) -> None:
    """A failure holds up nobody, a redirect is not followed; both are told, and fail `--once`."""
    begun(scene, target)
    for status in (500, 302):
        target.status = status
        id = scene.kept()
        told = once(scene, target, "--json")
        assert told.code == 1
        row = orjson.loads(told.out)
        assert (row["id"], row["forwarded_status"]) == (id, status)
    assert [one.path for one in target.received] == ["/in?a=1", "/in?a=1"]
    target.status = 204
    assert once(scene, target).code == 0


def test_a_program_that_never_answers_holds_up_nobody(scene: Scene, target: Target) -> None:
    """After its time the next one's turn comes."""
    begun(scene, target)
    made = [scene.kept(), scene.kept()]
    target.let_go.clear()
    told = once(scene, target, "--timeout", "50ms")
    target.let_go.set()

    assert told.code == 1
    assert [line.split()[1] for line in told.lines] == made
    assert told.out.count("no answer within 50ms") == 2


def test_a_program_that_breaks_off_is_tried_three_times(scene: Scene) -> None:
    """One event that kills it does not hold up the rest for ever."""
    calls: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                head = connection.recv(65_536)
                calls.append(head)
                if b"poison" not in head:
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with listening(scene, f"http://127.0.0.1:{port}/in", "--since", "0s") as process:
            until(lambda: scene.console.hub.viewers, "it listens")
            poison = scene.kept(headers={"x-note": "poison"})
            sound = scene.kept()
            process.hear(rf"{poison}.*broke off")
            process.hear(rf"{sound}.* 200 ")
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
    assert sum(b"poison" in one for one in calls) == 3


def test_forgeries_are_left_out_where_that_is_asked(scene: Scene, target: Target) -> None:
    """What failed is passed over, what is still to be verified is waited for, in order."""
    begun(scene, target)
    forged = scene.order(b'{"id":"1","total":5}', signed=False)
    scene.dead("orders", id=forged, reason="signature_mismatch", error="VerificationFailed")
    genuine = scene.order(b'{"id":"2","total":5}')
    scene.engine.settle([scene.lease(genuine, "orders").receipt])
    plain = scene.kept()

    told = once(scene, target, "--only-verified")
    assert told.code == 0
    assert ids(target) == [genuine, plain]
    assert f"{forged} left out" in told.err

    pending = scene.order(b'{"id":"3","total":5}')
    with listening(scene, target.url, "--only-verified") as process:
        process.hear(f"{pending} waits until")
        assert pending not in ids(target)
        scene.engine.settle([scene.lease(pending, "orders").receipt])
        process.hear(rf"{pending}.* 200 ")


def test_two_do_not_forward_the_same(scene: Scene, target: Target) -> None:
    """The second one is told, and does nothing."""
    begun(scene, target)
    until(lambda: not scene.console.hub.viewers, "the first one has hung up")
    with listening(scene, target.url) as process:
        until(lambda: scene.console.hub.viewers, "it listens")
        refused = once(scene, target)
        assert refused.code == 1
        assert "already forwards" in refused.err
        process.end()


def test_another_store_is_noticed(scene: Scene, target: Target, tmp_path: Path) -> None:
    """Its cursor means nothing there: that is said, with the way on, and nothing is skipped."""
    begun(scene, target)
    (place,) = (tmp_path / "state").rglob("listen-*.json")
    found = orjson.loads(place.read_bytes())
    found["place"]["cursor"] = "12.deadbeef"
    place.write_bytes(orjson.dumps(found))
    scene.kept()

    told = once(scene, target)
    assert (told.code, target.received) == (1, [])
    assert "another store" in told.err
    assert "--since" in told.err
    assert once(scene, target, "--since", "1h").code == 0
    assert len(target.received) == 1


def test_a_console_may_go_and_come_again(
    tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said that nothing answers there, and what then comes arrives."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(source_stream, "AGAIN_SECONDS", 0.02)
    with ExitStack() as stack:
        with served(tmp_path / "scene", monkeypatch) as scene:
            port = scene.port
            process = stack.enter_context(listening(scene, target.url))
            process.hear("from now on")
            first = scene.kept()
            process.hear(first)
        process.hear("trying again")
        with served(tmp_path / "scene", monkeypatch, port=port) as again:
            second = again.kept()
            process.hear(second)
            process.end()
    assert ids(target) == [first, second]


def test_at_a_terminal_one_sends_again(scene: Scene, target: Target, tmp_path: Path) -> None:
    """The list with the program's answers; r sends the selected one once more, q ends it."""
    arguments = ("listen", "--forward", target.url, "--url", url(scene))
    with on_terminal(*arguments, folder=tmp_path) as terminal:
        terminal.shows("from now on")
        target.status = 500
        id = scene.kept()
        terminal.shows("plain", " 500 ")
        target.status = 201
        terminal.type("r")
        terminal.shows("sent again: answered 201")
        terminal.shows("plain", " 201 ")
        assert ids(target) == [id, id]
        terminal.type("d")
        terminal.shows(id, "timeline")
        terminal.type("q", "q")
        assert terminal.code() == 0
    assert re.search(r"listen-[0-9a-f]{16}\.json", str(list((tmp_path / "state").rglob("*"))))


def test_how_full_it_is_is_told_with_each_event(
    scene: Scene, target: Target, tmp_path: Path
) -> None:
    """However many are handed over one after the other."""
    made = [scene.kept(), scene.kept()]
    wanted = Wanted(Criteria(Filter(since_ms=0)))
    source = RemoteSource(ConsoleApi(url(scene), None, Secrets()), wanted, SYSTEM_CLOCK)
    to = Taker(target.url, append_path=False, timeout_seconds=30)
    with closing(Forward(source, to, Bookmark("listen", {}, tmp_path), since=True)) as forward:
        told = [forward.look() for _ in made]

    assert [news.rows[0].id for news in told] == made
    assert [news.counts and news.counts.waiting for news in told] == [2, 2]


def test_a_place_is_the_users_own(scene: Scene, target: Target, tmp_path: Path) -> None:
    """Nobody else may read where somebody listens."""
    begun(scene, target)
    folder = tmp_path / "state" / "holdfast"
    found: list[Any] = list(folder.iterdir())

    assert folder.stat().st_mode & 0o077 == 0
    assert {one.suffix for one in found} == {".json", ".lock"}
    assert all(one.stat().st_mode & 0o077 == 0 for one in found)
