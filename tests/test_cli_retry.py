"""retry, open, and what the lists say of what is put aside."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from cli_scene import NOW_MS, Scene, call, scene_in
from holdfast.cli import options
from holdfast.queue.contract import Filter, State
from holdfast.queue.views import ActFilter


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path / "store") as scene:
        yield scene


def runs_here(scene: Scene) -> None:
    """As a supervisor that lives says of itself."""
    record = {
        "pid": os.getpid(),
        "definition": "hooks.py",
        "url": "http://127.0.0.1:8080",
        "ops_url": None,
        "console_url": "http://127.0.0.1:8082",
    }
    (scene.path / "run.json").write_bytes(orjson.dumps(record))


def test_each_is_retried_as_it_fits(scene: Scene) -> None:
    """Dead letters go back, what is done goes through again; the beginning of an id will do."""
    dead, done = scene.dead(), scene.done()

    told = scene.call("retry", dead[:12], done, dead)
    assert told.code == 1, "the second time it is no dead letter any more"
    assert told.lines[0] == f"{dead} redriven: back in its queue"
    copy = told.lines[1].rpartition(" ")[2]
    assert told.lines[1] == f"{done} replayed as {copy}"
    assert "not over yet" in told.err
    (entry,) = scene.engine.events(Filter(id=copy), None, 1)
    assert (entry.message.replay_of, entry.state) == (done, State.WAITING)
    acts = [(act.action, act.target) for act in scene.engine.acts(ActFilter())]
    assert acts[0] == ("replay", done)
    assert acts[1][0] == "redrive"


def test_one_that_cannot_be_retried_keeps_no_other_back(scene: Scene) -> None:
    """Each with its reason, for programs too; the exit code tells that one is not there."""
    waits, refused, dead = scene.kept(), scene.refused(), scene.dead()
    gone = "f" * 32

    told = scene.call("retry", waits, refused, gone, dead, "-o", "json")
    assert told.code == 4
    assert told.json["retried"] == [{"id": dead, "how": "redriven", "copy": None}]
    assert list(told.json["failed"]) == [waits, refused, gone]
    assert "only its sender" in told.json["failed"][refused]
    assert scene.call("retry", waits).code == 1


def test_the_console_is_found(scene: Scene) -> None:
    """Of an event, a refusal, or itself; where none runs, or there is no such event, that is said."""
    dead, refused = scene.dead(), scene.refused()
    assert scene.call("open").code == 4
    runs_here(scene)

    assert scene.call("open").out == "http://127.0.0.1:8082/\n"
    assert scene.call("open", dead[:8]).out == f"http://127.0.0.1:8082/events/{dead}\n"
    assert scene.call("open", refused, "-o", "json").json == {
        "url": f"http://127.0.0.1:8082/refusals/{refused}"
    }
    assert scene.call("open", "f" * 32).code == 4


def test_a_browser_is_opened_only_on_a_desktop(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a terminal, and where nobody says otherwise; never a browser of text."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    runs_here(scene)

    scene.call("open", terminal=True)
    monkeypatch.setenv("DISPLAY", ":0")
    scene.call("open")
    scene.call("open", "--no-browser", terminal=True)
    assert opened == []
    scene.call("open", terminal=True)
    assert opened == ["http://127.0.0.1:8082/"]


def test_what_is_put_aside_is_not_forgotten(scene: Scene) -> None:
    """An empty list of dead letters says how many it leaves out, and so does the status."""
    id, other = scene.dead(), scene.dead("orders")
    scene.call("dead", "park", "--id", id)

    assert scene.call("dead", "--webhook", "users").out == "no such dead letters; 1 put aside\n"
    assert scene.call("dead", "groups", "-w", "users").out == "no such dead letters; 1 put aside\n"
    assert other in scene.call("dead").out
    assert scene.call("dead", "--parked", "-w", "orders").out == "no such dead letters\n"
    assert "put aside" in scene.call("dead", "show", id).out
    assert "1 of 2 dead letters put aside" in scene.call("status").out
    parked = {
        one["webhook"]: one["parked"] for one in scene.call("status", "-o", "json").json["webhooks"]
    }
    assert parked == {"orders": 0, "users": 1}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("events",), 1, "keeps no history"),
        (("replay", "x" * 8), 1, "keeps no history"),
        (("audit",), 1, "cannot keep a book"),
        (("dead", "park", "--webhook", "orders"), 1, "cannot put dead letters aside"),
        (("dead", "redrive", "--all", "--try", "5"), 1, "keeps no history that would tell"),
        (("dead", "redrive", "--all", "--stop-at", "5"), 1, "keeps no history that would tell"),
        (("open",), 1, "has no console of Holdfast"),
        (("listen", "--forward", "http://127.0.0.1:9/"), 1, "has no console of Holdfast"),
        (("recover", "--all"), 3, "for sqlite:PATH only"),
        (("provision", "hooks.py"), 1, "made by deploying it"),
    ],
    ids=str,
)
def test_what_a_stack_cannot_do_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    """In one plain sentence, whichever verb it is."""

    class Stack:
        name = "sqs"
        abilities = frozenset({"bell"})

        def webhooks(self) -> list[str]:
            return ["orders"]

        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.chdir(tmp_path)
    (tmp_path / "hooks.py").write_text(
        "from holdfast import App\napp = App()\n@app.webhook('/x')\ndef x(event): ...\n", "utf-8"
    )
    monkeypatch.setattr(options, "open_engine", lambda _: Stack())
    monkeypatch.delenv("HOLDFAST_STORE", raising=False)
    told = call(*arguments, "--store", "aws:Hooks?region=eu-central-1", now_ms=NOW_MS)

    assert told.code == code, told
    assert said in " ".join(told.err.split())
    assert "Traceback" not in told.err
