"""The table of answers over real HTTP: our own server, and somebody else's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import orjson
import pytest

from gateway_scene import (
    ADA,
    NOT_KEPT,
    Scene,
    granian,
    read_answer,
    status,
    users,
    uvicorn_server,
    webhook,
)
from holdfast.message import Request
from holdfast.verify import FunctionVerification
from process_kit import PATIENCE_SECONDS

SERVERS = {"granian": granian, "uvicorn": uvicorn_server}
HEAD = b"POST /any HTTP/1.1\r\nHost: scene\r\n"


def broken(request: Request) -> bool:
    raise LookupError(f"a defect in the user's own function, on {request.path}")


def scene_of(**settings: Any) -> Scene:
    return Scene(
        users(),
        webhook("/any"),
        webhook("/t/{tenant}"),
        webhook("/broken", verification=FunctionVerification(broken), verify_at="gateway"),
        **settings,
    )


@pytest.fixture(params=SERVERS, scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """One server for the whole module: it must survive everything that is done to it."""
    with SERVERS[request.param](scene_of()) as scene:
        yield scene


@pytest.fixture
def scene(server: Scene) -> Iterator[Scene]:
    """The server with nothing kept yet; afterwards it must still take the reference user."""
    server.keeper.messages.clear()
    server.keeper.refusals.clear()
    server.told.events.clear()
    server.keeper.failing = None
    yield server
    server.keeper.failing = None
    assert post(server, "/users", ADA).status_code == 200


def post(scene: Scene, path: str, body: bytes, **settings: Any) -> httpx.Response:
    headers = {"content-type": "application/json", **settings.pop("headers", {})}
    url = f"http://127.0.0.1:{scene.port}{path}"
    return httpx.request(settings.pop("method", "POST"), url, content=body, headers=headers)


def test_success(scene: Scene) -> None:
    """200, the id in three places, and the message kept under it before that."""
    answer = post(scene, "/users", ADA)
    [message] = scene.keeper.messages

    assert answer.status_code == 200
    assert answer.json() == {"id": message.id}
    assert answer.headers["x-holdfast-id"] == answer.headers["x-request-id"] == message.id
    assert message.request.body == ADA
    assert message.request.remote == "127.0.0.1"
    assert message.request.url == f"http://127.0.0.1:{scene.port}/users"
    ((told, fields),) = scene.told.events
    assert told == "request.accepted"
    assert fields.pop("duration_ms") > 0
    assert fields == {"id": message.id, "webhook": "users", "bytes": len(ADA)}


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "expected"),
    [
        ("POST", "/nobody", ADA, {}, 404),
        ("GET", "/users", b"", {}, 405),
        ("HEAD", "/users", b"", {}, 405),
        ("OPTIONS", "/users", b"", {}, 405),
        ("POST", "/users", b"x" * 1001, {}, 413),
        ("POST", "/users", ADA, {"content-type": "text/plain"}, 415),
        ("POST", "/users", b'{"name":"Ada","age":3,"email":"a@b.cd"}', {}, 400),
        ("POST", "/users", b"\xff\xfe", {}, 400),
        ("POST", "/users", b"[" * 900, {}, 400),
        ("POST", "/users", b'{"a":NaN}', {}, 400),
        ("POST", "/users", b'{"a":1,"a":1}', {}, 400),
        ("POST", "/users", b"9" * 900, {}, 400),
        ("POST", "/broken", b"", {}, 500),
    ],
)
def test_refusals(
    scene: Scene, method: str, path: str, body: bytes, headers: dict[str, str], expected: int
) -> None:
    """Every refusal has its status and id, is noted, told, and keeps nothing."""
    answer = post(scene, path, body, method=method, headers=headers)
    [note] = scene.keeper.refusals

    assert answer.status_code == note.status == expected
    assert answer.headers["x-request-id"] == note.id
    assert method == "HEAD" or answer.json()["requestId"] == note.id
    assert scene.told.names()[-1] == "request.refused"
    assert scene.keeper.messages == []


def test_a_defect_never_says_success_and_is_told(scene: Scene) -> None:
    """An exception in the user's verification function is a 500 and an event with its place."""
    post(scene, "/broken", b"")
    name, fields = scene.told.events[0]

    assert name == "gateway.failed"
    assert fields["error"] == "LookupError: a defect in the user's own function, on /broken"
    assert "test_gateway_http.py" in fields["place"]


def test_not_kept_is_503(scene: Scene) -> None:
    """A full disk asks the sender to come back, and says nothing about our disk."""
    scene.keeper.failing = NOT_KEPT
    answer = post(scene, "/users", ADA)

    assert answer.status_code == 503
    assert answer.json()["error"] == "not_kept"
    assert answer.headers["retry-after"] == "5"
    assert "disk" not in answer.text
    assert "disk" in scene.keeper.refusals[0].detail


def test_a_keeper_that_breaks_is_no_success(scene: Scene) -> None:
    """Whatever it raises, the answer is a failure."""
    scene.keeper.failing = RuntimeError("unforeseen")

    assert post(scene, "/users", ADA).status_code == 500


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"a=1&b=%20+&a=2"),
        ("application/xml", b"<?xml version='1.0' encoding='latin-1'?><a>\xe9</a>"),
        ("application/octet-stream", bytes(range(256))),
        ("text/plain; charset=utf-16", "\u00e9".encode("utf-16")),
        ("application/json", b""),
        ("application/json", b'{"a" : 1.0e0 ,\r\n "a":1}'),
    ],
)
def test_bodies_are_kept_byte_for_byte(scene: Scene, content_type: str, body: bytes) -> None:
    """Form, XML, binary, other charsets, nothing at all."""
    assert post(scene, "/any", body, headers={"content-type": content_type}).status_code == 200
    assert scene.keeper.messages[0].request.body == body
    assert scene.keeper.messages[0].request.headers["content-type"] == content_type


def test_headers_and_path_are_kept_as_sent(scene: Scene) -> None:
    """Repeated lines, bytes beyond ASCII, encoded slashes: nothing is lost or tidied up."""
    answer = scene.raw(
        b"POST /t/a%2Fb?x=%20&x=2 HTTP/1.1\r\nHost: scene\r\nX-Tag: 1\r\nX-Odd: caf\xe9 \xff\r\n"
        b"x-tag: 2\r\nContent-Length: 2\r\n\r\nhi"
    )
    [message] = scene.keeper.messages

    assert status(answer) == 200
    assert message.request.headers.all("x-tag") == ("1", "2")
    assert message.request.headers["x-odd"].encode("latin-1") == b"caf\xe9 \xff"
    assert (message.request.path, message.request.query) == ("/t/a%2Fb", "x=%20&x=2")
    assert message.params == {"tenant": "a/b"}


def test_a_chunked_body_is_put_together(scene: Scene) -> None:
    """However it was cut."""
    answer = scene.raw(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nab\r\n", b"1\r\nc\r\n0\r\n\r\n"
    )

    assert status(answer) == 200
    assert scene.keeper.messages[0].request.body == b"abc"


def test_a_chunked_body_is_stopped_at_the_limit(scene: Scene) -> None:
    """Without a length it is counted as it comes, and never cut to fit."""
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    answer = scene.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk)

    assert status(answer) == 413
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["limit"] == 1000
    assert scene.keeper.messages == []


def test_an_announced_length_is_refused_unread(scene: Scene) -> None:
    """A gigabyte is turned down before its first byte."""
    answer = scene.raw(HEAD + b"Content-Length: 1073741824\r\n\r\n")

    assert status(answer) == 413
    assert scene.keeper.refusals[0].body == b""


def test_pipelined_requests_are_answered_in_turn(scene: Scene) -> None:
    """Three requests in one write, three answers on one connection."""
    one = HEAD + b"Content-Length: 1\r\n\r\n"
    with socket.create_connection(
        ("127.0.0.1", scene.port), timeout=PATIENCE_SECONDS
    ) as connection:
        connection.sendall(
            one
            + b"1"
            + one
            + b"2"
            + one.replace(b"1.1\r\n", b"1.1\r\nConnection: close\r\n")
            + b"3"
        )
        received = b""
        while piece := connection.recv(65_536):
            received += piece

    assert received.count(b"HTTP/1.1 200") == 3
    assert [message.request.body for message in scene.keeper.messages] == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GARBAGE\r\n\r\n",
        b"POST /any HTTP/X\r\nHost: scene\r\n\r\n",
        b"POST /any HTTP/1.1\r\nNo colon here\r\n\r\n",
        b"POST /any HTTP/1.1\r\nHost: scene\r\nBad Name: x\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nnot-hex\r\nab\r\n",
        HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + b"\r\n",
        HEAD + b"X-Long: " + b"y" * 1_000_000 + b"\r\n\r\n",
    ],
)
def test_malformed_http_keeps_nothing(scene: Scene, request_bytes: bytes) -> None:
    """A 4xx or a closed connection; the server lives on, as the fixture checks."""
    try:
        answer = scene.raw(request_bytes)
    except ConnectionError:
        answer = b""

    assert answer == b"" or 400 <= status(answer) < 500
    assert scene.keeper.messages == []


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 9\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"]
)
def test_a_body_that_breaks_off_is_not_an_event(scene: Scene, framing: bytes) -> None:
    """Half a body, then silence for good: not kept, not even where no length was announced."""
    with socket.create_connection(
        ("127.0.0.1", scene.port), timeout=PATIENCE_SECONDS
    ) as connection:
        connection.sendall(HEAD + framing)
        connection.shutdown(socket.SHUT_WR)
        read_answer(connection)

    assert scene.keeper.messages == []
    assert [note.reason for note in scene.keeper.refusals] in ([], ["body_incomplete"])


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize(
    "framing", [b"Content-Length: 9\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"]
)
def test_a_slow_sender_is_cut_off(name: str, framing: bytes) -> None:
    """Who does not finish the body in time hears 408, and what came of it is in the note."""
    serving: AbstractContextManager[Scene] = SERVERS[name](scene_of(body_seconds=0.5))
    with serving as scene:
        answer = scene.raw(HEAD + framing)

        assert status(answer) == 408
        assert scene.keeper.messages == []
        assert scene.keeper.refusals[0].reason == "too_slow"
        assert scene.keeper.refusals[0].body == b"ab"
