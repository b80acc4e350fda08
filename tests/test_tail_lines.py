"""`holdfast tail` where there is no terminal: a line for each event, for people and programs."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from calling import Calling, calling
from cli_scene import scene_in
from console_scene import TOKEN, Scene, served
from holdfast.console import stream
from holdfast.runtime.console_options import ConsoleOptions
from holdfast.terminal import stream as source_stream
from process_kit import PATIENCE_SECONDS, Process, holdfast, until


@pytest.fixture(autouse=True)
def at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(source_stream, "AGAIN_SECONDS", 0.02)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    with served(
        tmp_path / "scene", monkeypatch, ConsoleOptions(tokens=("ada=env:ADA_TOKEN",))
    ) as one:
        yield one


@pytest.fixture(params=["store", "console"])
def where(request: pytest.FixtureRequest, scene: Scene) -> tuple[str, ...]:
    """The store itself, or the console that serves it: one is as good as the other."""
    if request.param == "store":
        definition = str(scene.path.parent / "hooks.py")
        return ("--store", str(scene.path), "--definition", definition)
    return ("--url", f"http://127.0.0.1:{scene.port}", "--token", "env:ADA_TOKEN")


def tailing(*arguments: str) -> AbstractContextManager[Calling]:
    return calling("tail", *arguments)


def ids(process: Calling | Process) -> list[str]:
    return [line.split()[1] for line in process.lines if len(line.split()) > 1]


def rows(process: Calling) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in process.lines if line.startswith("{")]


def test_each_event_has_a_line_and_another_once_it_is_over(
    scene: Scene, where: tuple[str, ...]
) -> None:
    """At once what is over already; what waits is told again with its outcome."""
    done, refused = scene.done(), scene.refused()
    with tailing(*where) as process:
        process.hear(rf"{done}  plain .* done ")
        process.hear(rf"{refused}  orders .* 400 .*invalid_body")
        waits = scene.order(b'{"id":"1","total":5,"kind":"order.paid"}')
        process.hear(rf"{waits}  orders +order.paid +waiting")
        scene.dead("orders", id=waits, error="KeyError")
        process.hear(rf"{waits}  orders +order.paid +dead .*exhausted KeyError")
        process.end()
    assert ids(process) == [done, refused, waits, waits]


def test_what_was_done_after_all_has_no_why(scene: Scene, where: tuple[str, ...]) -> None:
    """The error of an attempt before is none of it."""
    id = scene.dead(error="KeyError")
    scene.engine.redrive([id])
    scene.engine.settle([scene.lease(id, "plain").receipt])
    with tailing(*where) as process:
        process.hear(rf"{id}  plain .* done ")
        process.end()
    assert "KeyError" not in "".join(process.lines)


def test_what_came_while_it_was_off_is_told_first(scene: Scene, where: tuple[str, ...]) -> None:
    """All of it, in order, with the refusals in between; of before, at most what ended a moment ago."""
    before = scene.done()
    with tailing(*where) as process:
        process.hear(before)
        process.end()
    made = [scene.kept() if number % 3 else scene.refused() for number in range(230)]
    with tailing(*where) as process:
        process.hear(made[-1])
        later = scene.kept()
        process.hear(later)
        process.end()
    assert [id for id in ids(process) if id != before] == [*made, later]


def test_killed_it_leaves_none_out(scene: Scene) -> None:
    """What was printed is remembered afterwards; so the next one may repeat, and never skips. Ctrl-C
    is how it ends, and no failure."""
    command, folder = holdfast("tail", "--store", str(scene.path)), scene.path.parent
    with closing(Process(command, folder)) as killed:
        first = scene.kept()
        killed.hear(first)
        killed.send(signal.SIGKILL)
        killed.code()
    second = scene.kept()
    with closing(Process(command, folder)) as process:
        process.hear(second)
        process.send(signal.SIGINT)
        assert process.code() == 0, process.said
    assert [one for one in ids(process) if one != first] == [second]


def test_json_is_the_apis_own_shape(scene: Scene, where: tuple[str, ...]) -> None:
    """One object in each line, whatever a sender wrote, and nothing else on standard output."""
    evil = "\x1b[31m\x9b5m\r\n\u202e"
    id = scene.order(orjson.dumps({"id": "1", "total": 5, "kind": evil}))
    with tailing(*where, "--json") as process:
        process.hear(id)
        process.end()
    headers = {"authorization": f"Bearer {TOKEN}"}
    (row,) = rows(process)

    assert row["type"] == evil
    told = scene.client.call("GET", "/events", headers=headers).json()["items"]
    assert told == [row]
    assert all(line.isascii() and line.isprintable() for line in process.lines)


@pytest.mark.parametrize("asked", [("--state", "refused"), ("--no-catch-up", "-w", "orders")])
def test_options_narrow_it(scene: Scene, asked: tuple[str, ...]) -> None:
    """What they leave out has no line."""
    refused = scene.refused()
    scene.dead()
    with tailing("--store", str(scene.path), *asked) as process:
        if "--state" in asked:
            process.hear(refused)
        else:
            until(lambda: list((scene.path.parents[1] / "state").rglob("*.json")), "it follows")
        scene.dead()
        later = scene.refused()
        process.hear(later)
        process.end()
    assert ids(process) == ([refused, later] if "--state" in asked else [later])


def test_a_reader_that_goes_away_ends_it(scene: Scene) -> None:
    """As `| head` does: without a word."""
    scene.done()
    process = subprocess.Popen(  # noqa: S603 - our own command
        holdfast("tail", "--store", str(scene.path)),
        cwd=scene.path.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    scene.done()
    scene.done()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(PATIENCE_SECONDS) == 0


def test_a_console_that_comes_back_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that nothing answers, tries again, and leaves none out."""
    with ExitStack() as stack:
        with served(tmp_path / "scene", monkeypatch) as scene:
            port, first = scene.port, scene.kept()
            process = stack.enter_context(tailing("--url", f"http://127.0.0.1:{port}"))
            process.hear(first)
        process.hear("trying again")
        with served(tmp_path / "scene", monkeypatch, port=port) as again:
            second = again.kept()
            process.hear(second)
            process.end()
    assert ids(process).count(second) == 1


def test_it_goes_on_over_a_restart_of_everything_else(tmp_path: Path) -> None:
    """Whoever else has the store open closes it, and opens it again; tail stays."""
    with ExitStack() as stack:
        with scene_in(tmp_path / "store") as before:
            first = before.kept()
            process = stack.enter_context(tailing(*before.store))
            process.hear(first)
        with scene_in(tmp_path / "store") as after:
            after.clock.advance(60)
            second = after.done()
            process.hear(f"{second} .* done ")
            process.end()


def test_a_wrong_token_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its reference."""
    monkeypatch.setenv("OTHER", "x" * 20)
    arguments = ("--url", f"http://127.0.0.1:{scene.port}", "--token", "env:OTHER")
    with tailing(*arguments) as process:
        assert process.code() == 1
        assert "does not know the token env:OTHER" in process.said
    with tailing("--token", "env:OTHER", "--store", str(scene.path)) as process:
        assert process.code() == 2


def test_a_store_that_is_not_there_is_told(scene: Scene) -> None:
    """With the exit code of all commands; an unknown webhook too."""
    with tailing("--store", "nowhere") as process:
        assert process.code() == 3
    remote = ("--url", f"http://127.0.0.1:{scene.port}", "--token", "env:ADA_TOKEN")
    for where in (("--store", str(scene.path)), remote):
        with tailing(*where, "--webhook", "nobody") as process:
            assert process.code() == 4
            assert "no webhook nobody; there are orders, partner, plain" in process.said


def test_a_definition_that_cannot_be_loaded_only_costs_the_types(
    scene: Scene, tmp_path: Path
) -> None:
    """It is said, and the list goes on; what a definition prints is no line of the list."""
    broken = tmp_path / "broken.py"
    broken.write_text("print('hello')\nraise RuntimeError('not today')\n", encoding="utf-8")
    id = scene.order(b'{"id":"1","total":5,"kind":"order.paid"}')
    arguments = ("--store", str(scene.path), "--definition", str(broken), "--json")
    with tailing(*arguments) as process:
        process.hear(id)
        process.end()
    assert "types are not told" in process.said
    assert rows(process)[0]["type"] is None
