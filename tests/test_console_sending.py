"""Sending over the API: again, elsewhere, changed, a sample."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from console_scene import Scene, scene
from holdfast.queue.contract import Filter, State
from holdfast.verify.source import REDACTED

_ = scene


ORDER = b'{"id":"1","total":5,"kind":"order.paid"}'


def dry(scene: Scene, **asked: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = scene.client.post("/dead/dry-run", **asked)["items"]
    return items


def test_events_are_sent_through_again(scene: Scene) -> None:
    """One, or all that match, each under a new id that names the old one."""
    id = scene.done(body=b"one")
    other = scene.done(body=b"two")

    made = scene.client.post(f"/events/{id}/replay")
    (new,) = made["replayed"].values()
    assert scene.client.get(f"/events/{new}")["replay_of"] == id
    seen = scene.client.post("/replays", webhook="plain", state="done", dry_run=True)
    assert seen["selected"] == [id, other]
    many = scene.client.post("/replays", webhook="plain", state="done")
    assert sorted(many["replayed"]) == sorted([id, other])
    scene.client.fails("POST", "/replays", 400, json={})
    scene.client.fails("POST", "/events/ffffffff/replay", 404, json={})


class Target(BaseHTTPRequestHandler):
    """Another program, that notes what it is sent."""

    heard: list[tuple[str, dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.heard.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(418)
        self.end_headers()
        self.wfile.write(b"\xff" + b"x" * 100_000)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def target() -> Iterator[str]:
    Target.heard = []
    server = HTTPServer(("127.0.0.1", 0), Target)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_event_is_sent_to_another_program(scene: Scene, target: str) -> None:
    """As it came, without what belonged to its connection or was redacted; its answer is shown."""
    lines = {
        "x-shop": "ada",
        "authorization": REDACTED,
        "host": "old.example.com",
        "connection": "x",
    }
    id = scene.done(body=b"\x00raw", headers=lines, query="a=1")

    told = scene.client.post(f"/events/{id}/replay-to", url=f"{target}/hook?b=2")

    ((path, headers, body),) = Target.heard
    assert (path, body) == ("/hook?b=2&a=1", b"\x00raw")
    assert headers["x-shop"] == "ada"
    assert headers["x-holdfast-id"] == id
    assert "authorization" not in headers
    assert headers["host"] == target.removeprefix("http://")
    assert (told["status"], told["accepted"], told["cut"], told["body"]) == (418, False, True, None)
    for wrong in ("ftp://x", "nonsense", "http://", "http://u:p@127.0.0.1/", "http://[x"):
        scene.client.fails("POST", f"/events/{id}/replay-to", 409, json={"url": wrong})
    error = scene.client.fails(
        "POST", f"/events/{id}/replay-to", 409, json={"url": "http://127.0.0.1:1/"}
    )
    assert "127.0.0.1:1" in error["message"]


def test_a_changed_copy_is_signed_anew(scene: Scene) -> None:
    """It is a new event, nobody's duplicate, verified like its sender's; the secret stays out."""
    id = scene.order(ORDER)

    told = scene.client.post(f"/events/{id}/edit", body='{"id":"1","total":7,"kind":"order.paid"}')

    assert told["accepted"] is True
    copy = scene.client.get(f"/events/{told['id']}")
    assert (copy["body"], copy["replay_of"]) == ('{"id":"1","total":7,"kind":"order.paid"}', id)
    assert copy["delivery_id"] is None
    (went,) = dry(scene, ids=[told["id"]])
    assert went["would"] == "done"
    forged = scene.client.post(f"/events/{id}/edit", body=ORDER.decode(), headers=[], signed=False)
    (went,) = dry(scene, ids=[forged["id"]])
    assert went["reason"] == "header_missing"
    error = scene.client.fails("POST", f"/events/{id}/edit", 400, json={"body": '{"id":1}'})
    assert error["code"] == "body_refused"
    assert {one["path"] for one in error["detail"]} == {"/", "/id"}
    for wrong in (
        {"body": "x", "body_base64": "eA=="},
        {"body_base64": "?"},
        {"headers": [["bad name", "x"]]},
        {"headers": [["x", "a\r\nb: c"]]},
    ):
        scene.client.fails("POST", f"/events/{id}/edit", 400, json=wrong)
    (act, *_) = scene.client.get("/audit", action="edit")["items"]
    assert act["target"] == id


def test_a_copy_holds_no_secret_of_a_header(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a header is the secret, the copy carries the verdict instead."""
    monkeypatch.setenv("NOT_SET", "b34rer-t0ken")
    id = scene.kept("partner", headers={"authorization": REDACTED}, verdict="verified")

    told = scene.client.post(f"/events/{id}/edit", headers=[["authorization", "Bearer mine"]])

    copy = scene.client.get(f"/events/{told['id']}")
    assert copy["headers"] == [["authorization", REDACTED]]
    assert copy["verdict"] == "verified"
    entry = scene.engine.events(Filter(id=told["id"]))[0]
    assert entry.state is State.WAITING
    assert b"b34rer" not in entry.message.head()


def test_a_sample_needs_a_gateway(scene: Scene) -> None:
    """What it would be is shown; where nothing runs it is said that there is nowhere to send it."""
    shown = scene.client.get("/webhooks/orders/sample")
    assert (shown["method"], shown["path"], shown["signed"], shown["url"]) == (
        "POST", "/orders", True, None,
    )  # fmt: skip
    assert (
        scene.client.fails("POST", "/webhooks/orders/sample", 409, json={})["code"] == "no_gateway"
    )
    scene.client.fails("GET", "/webhooks/none/sample", 404)
