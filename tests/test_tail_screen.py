"""`holdfast tail` in a real terminal, beside a real gateway, on a real store."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from cli_scene import Scene, call, scene_in
from holdfast.clock import SYSTEM_CLOCK
from holdfast.queue.views import ActFilter
from http_target import a_target
from process_kit import Run, running, until
from terminal_pty import Terminal, on_terminal

HOOKS = """
@app.webhook("/orders", event_type="json:kind", pipe=QUICK)
def orders(event: Event[Any]) -> None:
    if event.body.get("fail") and not (HERE / event.body["fail"]).exists():
        from holdfast import Permanent
        raise Permanent(f"cannot be helped: {event.body['fail']}")
    note("done", event)
"""

EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[31m\x9b5m"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One for all, each of which tells its own events by their names."""
    with running(tmp_path_factory.mktemp("run"), HOOKS, "--console-port", "0") as one:
        yield one


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A store that nobody works, and a definition that knows types."""
    (tmp_path / "hooks.py").write_text(
        "from holdfast import App\napp = App()\n"
        "@app.webhook('/users', event_type='json:kind')\ndef users(event): ...\n",
        encoding="utf-8",
    )
    with scene_in(tmp_path / "store") as one:
        yield one


def tail_of(scene: Scene, *options: str) -> tuple[str, ...]:
    return ("tail", *scene.store, "--definition", "hooks.py", *options)


def kind(scene: Scene, name: str) -> str:
    """One more event of this type."""
    return scene.kept(body=orjson.dumps({"kind": name}))


def tail(run: Run, *options: str) -> tuple[str, ...]:
    return ("tail", "--store", str(run.store), *options)


def shows_line(terminal: Terminal, *parts: str) -> None:
    """Wait for a line with all of them."""
    until(
        lambda: any(all(part in line for part in parts) for line in terminal.lines),
        f"one line shows {parts}",
    )


def at_bottom(terminal: Terminal) -> str:
    return terminal.lines[-1]


def test_events_come_and_end_before_ones_eyes(run: Run) -> None:
    """From now on, where that is asked: with type, outcome and cause. The terminal is as it was once
    one has left."""
    run.ended(run.keep("/orders", json={"kind": "order.early"}))
    with on_terminal(*tail(run, "--no-catch-up"), folder=run.directory) as terminal:
        terminal.shows("nothing has come yet", "[q] Quit")
        terminal.shows("0 dead")  # it is begun: what comes from now on is told
        run.keep("/orders", json={"kind": "order.paid"})
        run.keep("/orders", json={"kind": "order.lost", "fail": "X-1"})
        assert run.post("/nowhere").status_code == 404
        shows_line(terminal, "order.paid", "done")
        shows_line(terminal, "order.lost", "dead", "permanent Permanent")
        shows_line(terminal, "404", "not_found")
        terminal.shows("1 dead")
        assert "order.early" not in terminal.text
        terminal.type("q")
        assert terminal.code() == 0
        until(lambda: b"\x1b[?1049l" in terminal.raw, "the terminal is as it was")


def test_a_dead_letter_is_looked_at_and_sent_back(run: Run) -> None:
    """d tells its story, r redrives it, and the list sees it done; what is done is replayed."""
    id = run.keep("/orders", json={"kind": "order.gone", "fail": "X-2"})
    run.ended(id)
    with on_terminal(*tail(run), folder=run.directory, lines=40) as terminal:
        terminal.shows("order.gone")
        terminal.type("d")
        terminal.shows(id, "timeline", "last failure", "cannot be helped: X-2")
        (run.directory / "X-2").touch()
        terminal.type("r")
        terminal.shows("redriven: back in its queue")
        terminal.type("q")
        shows_line(terminal, "order.gone", "done")
        terminal.type("r")
        copy = until(lambda: re.search(r"replayed as (\w{32})", terminal.text), "it is replayed")[1]
        assert run.ended(copy).message.replay_of == id
        terminal.shows("replay of")
        acts = [act.action for act in run.engine.acts(ActFilter())]
        assert acts[:2] == ["replay", "redrive"]
        terminal.type("o")
        terminal.shows(f"{run.record['console_url']}/events/")
        terminal.type("\x03")
        assert terminal.code() == 0


def test_what_a_sender_wrote_does_nothing_to_the_terminal(scene: Scene) -> None:
    """Not in the list, not in full, not in a header: no byte of it is sent as it is."""
    body = orjson.dumps({"kind": f"a{EVIL}b"})
    headers = {"x-note": "\x9b31mred", f"x-{EVIL}": EVIL}
    scene.dead(body=body, headers=headers, query=EVIL, error=EVIL, cause=EVIL)
    scene.refused(reason=EVIL)
    with on_terminal(*tail_of(scene), folder=scene.path.parent, lines=60) as terminal:
        terminal.shows("\\x1b]0;owned", "dead", "2/2")
        terminal.type("up", "d")
        terminal.shows("x-note", "last failure", "body,")
        terminal.type("q", "q")
        assert terminal.code() == 0
        assert b"owned\x07" not in terminal.raw
        assert b"\x1b]0;owned" not in terminal.raw
        assert b"\xc2\x9b" not in terminal.raw
        assert b"\x9b" not in terminal.raw


def test_the_next_time_it_says_what_came_meanwhile(scene: Scene) -> None:
    """It catches up, and says how much that is."""
    folder = scene.path.parent
    kind(scene, "first")
    with on_terminal(*tail_of(scene), folder=folder) as terminal:
        terminal.shows("first")
        until(lambda: list((folder / "state").rglob("tail-*.json")), "it is remembered")
        terminal.type("q")
        assert terminal.code() == 0
    scene.clock.jump((SYSTEM_CLOCK.now_ms() - scene.clock.now_ms()) / 1000)
    for number in range(3):
        kind(scene, f"missed.{number}")
    with on_terminal(*tail_of(scene), folder=folder) as terminal:
        terminal.shows("first", "missed.0", "missed.2", "3 since you left")
        terminal.type("q")
        assert terminal.code() == 0


def test_keys_filter_pause_and_move(scene: Scene) -> None:
    """As the keys below say, through a real terminal's escape sequences and a resize."""
    for number in range(30):
        kind(scene, f"k.{number:02}")
    with on_terminal(*tail_of(scene), folder=scene.path.parent, lines=12) as terminal:
        terminal.shows("k.29", "30/30")
        terminal.type("up", "up")
        until(lambda: "28/30" in at_bottom(terminal), "two lines up")
        terminal.type("g")
        until(lambda: "1/30" in at_bottom(terminal) and "k.00" in terminal.text, "the oldest")
        terminal.type("/", *"k.07", "enter")
        until(lambda: "1/1" in at_bottom(terminal), "one fits")
        terminal.hides("k.08")
        terminal.type("escape")
        until(lambda: "/30" in at_bottom(terminal), "all fit again")
        terminal.type("G", "p")
        terminal.shows("the list holds still")
        kind(scene, "late")
        terminal.shows("1 more came")
        terminal.type("p")
        terminal.shows("late")
        terminal.resize(60, 8)
        terminal.process.send_signal(signal.SIGWINCH)
        until(lambda: "31/31" in at_bottom(terminal), "it fits the smaller terminal")
        terminal.type("?")
        terminal.shows("the oldest line")
        terminal.type("x", "q")
        assert terminal.code() == 0


def test_ended_from_elsewhere_it_leaves_the_terminal_as_it_was(scene: Scene) -> None:
    """The alternate screen is left, and what is typed is seen again."""
    with on_terminal(*tail_of(scene), folder=scene.path.parent) as terminal:
        terminal.shows("nothing has come yet")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.code() == 0
        until(lambda: b"\x1b[?1049l" in terminal.raw, "it is left")


def test_a_console_on_another_machine_is_as_good(run: Run) -> None:
    """The same list over HTTP: what comes, one in full with its body, and a redrive."""
    url = run.record["console_url"]
    console = ("tail", "--url", url)
    id = run.keep("/orders", json={"kind": "order.away", "fail": "X-3"})
    run.ended(id)
    with on_terminal(*console, folder=run.directory, lines=40) as terminal:
        terminal.shows(url, "order.away", "dead")
        run.keep("/orders", json={"kind": "order.sent"})
        terminal.shows("order.sent", "done")
        terminal.type("up", "d")
        terminal.shows("last failure", "cannot be helped: X-3")
        (run.directory / "X-3").touch()
        terminal.type("r")
        terminal.shows("redriven: back in its queue")
        terminal.type("q")
        shows_line(terminal, "order.away", "done")
        terminal.type("q")
        assert terminal.code() == 0


def test_listen_finds_the_console_that_runs_here(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what a gateway kept arrives byte for byte at a program beside it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(run.directory / "state"))
    id = run.keep("/orders", content=b"\x00\xff", json=None)
    with a_target() as target:
        where = ("--forward", target.url, "--store", str(run.store), "--since", "1h")
        told = call("listen", *where, "--once", now_ms=SYSTEM_CLOCK.now_ms())
    assert told.code == 0, told
    assert target.received[-1].headers["x-holdfast-id"] == id
    assert target.received[-1].body == b"\x00\xff"
