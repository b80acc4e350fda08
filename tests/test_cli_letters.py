"""dead groups, dead dry-run, dead park, dead unpark, dead redrive as a run, audit."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import orjson
import pytest

from cli_run import HMAC, write_hooks
from cli_scene import NOW_MS, Scene, scene_in
from holdfast.clock import ManualClock
from holdfast.message import Failure
from holdfast.queue.contract import Filter, QueueLimits
from holdfast.queue.engines.sqlite import SQLiteEngine


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path / "store") as scene:
        yield scene


def groups(scene: Scene, *options: str) -> list[dict[str, object]]:
    told: list[dict[str, object]] = scene.call("dead", "groups", "-o", "json", *options).json
    return told


def test_dead_letters_as_few_problems(scene: Scene) -> None:
    """A line for each group: how many, since when, what they have in common."""
    for number in range(3):
        scene.dead(cause=f"no order {number}")
    scene.dead("orders", cause="no stock")

    listed = scene.call("dead", "groups")

    assert len(listed.lines) == 3
    assert "CardDeclined in Handle: no order <n>" in listed.out
    told = next(one for one in groups(scene) if one["count"] == 3)
    assert (told["webhook"], told["message"]) == ("users", "no order <n>")
    assert [one["count"] for one in groups(scene, "--webhook", "orders")] == [1]
    letters = scene.call("dead", "--group", str(told["id"])[:6], "-o", "json").json
    assert len(letters) == 3
    assert scene.call("dead", "--group", "1ffff").code == 4
    assert scene.call("dead", "groups", "--reason", "nothing").out == "no such dead letters\n"


def test_groups_come_in_the_order_that_is_asked_for(scene: Scene) -> None:
    """What failed last is first, however early its event came in; or the largest, or the oldest."""
    early = scene.kept("orders")
    for number in range(3):
        scene.dead(cause=f"no order {number}")
    scene.clock.advance(60)
    scene.dead("users", cause="no stock")
    scene.clock.advance(60)
    lease = scene.lease("orders", early)
    scene.engine.bury(lease.receipt, Failure("Late", "at last", "Handle", scene.clock.now_ms(), 1))

    def messages(*options: str) -> list[object]:
        return [one["message"] for one in groups(scene, *options)]

    assert messages() == ["at last", "no stock", "no order <n>"]
    assert messages("--sort", "largest") == ["no order <n>", "at last", "no stock"]
    assert messages("--sort", "oldest") == ["no order <n>", "no stock", "at last"]
    assert messages("--sort", "largest", "--limit", "1") == ["no order <n>"]
    assert scene.call("dead", "groups", "--sort", "smallest").code == 2


def test_letters_are_put_aside_and_taken_out(scene: Scene) -> None:
    """They leave list and groups, are not redriven or purged with the others, and come back."""
    aside = scene.dead(cause="no stock")
    other = scene.dead(cause="no order 1")
    group = next(one for one in groups(scene) if one["message"] == "no stock")

    assert scene.call("dead", "park", "--group", str(group["id"])).out == "1 of 1 parked\n"

    assert [one["id"] for one in scene.call("dead", "-o", "json").json] == [other]
    assert [one["id"] for one in scene.call("dead", "--parked", "-o", "json").json] == [aside]
    assert len(groups(scene)) == len(groups(scene, "--parked")) == 1
    assert scene.call("dead", "redrive", "--all", "-o", "json").json["selected"] == [other]
    assert scene.call("dead", "purge", "--all", "--yes").out == "0 of 0 purged\n"
    assert scene.call("dead", "purge", "--parked", "--dry-run", "-o", "json").json["selected"] == [
        aside
    ]
    assert scene.call("dead", "unpark", "--id", aside, "-o", "json").json["unparked"] == 1
    assert [one["id"] for one in scene.call("dead", "-o", "json").json] == [aside]
    assert scene.call("dead", "park").code == 2


def test_what_is_put_aside_by_a_filter_is_taken_out_by_it(scene: Scene) -> None:
    """A filter means those that rest for park, and those that are aside for unpark; the book has it."""
    aside = [scene.dead("orders"), scene.dead("orders", cause="no stock")]
    scene.dead("users")
    (group,) = groups(scene, "--webhook", "users")

    assert scene.call("dead", "park", "--webhook", "orders").out == "2 of 2 parked\n"
    assert scene.call("dead", "unpark", "--webhook", "users").out == "0 of 0 unparked\n"
    assert scene.call("dead", "park", "--group", str(group["id"])).out == "1 of 1 parked\n"
    told = scene.call("dead", "unpark", "--webhook", "orders", "--limit", "1", "-o", "json").json
    assert told == {"selected": aside[:1], "unparked": 1, "stopped": False}

    acts = scene.call("audit", "-o", "json").json
    assert [(act["action"], act["webhook"], act["target"]) for act in acts] == [
        ("unpark", "orders", aside[0]),
        ("park", None, group["id"]),
        ("park", "orders", None),
    ]


def test_what_would_be_passed_over_is_wrong_usage(scene: Scene) -> None:
    """A filter beside an id narrows nothing: it is told, and nothing is done."""
    id = scene.dead("users")

    for verb in (["purge", "--yes"], ["redrive"], ["park"], ["unpark"]):
        for beside in (["--webhook", "orders"], ["--group", "ab"], ["--since", "1h"]):
            told = scene.call("dead", *verb, "--id", id, *beside)
            assert told.code == 2
            assert "Error: either --id, or --group and filters; not both" in told.err
    assert scene.call("replay", id, "--until", "1h").code == 2

    assert [one["id"] for one in scene.call("dead", "-o", "json").json] == [id]


def test_what_was_done_is_in_the_book(scene: Scene) -> None:
    """Who, when, with what, newest first; by operator, action and webhook."""
    id = scene.dead()
    scene.done()
    scene.call("dead", "park", "--id", id)
    scene.call("dead", "unpark", "--id", id)
    scene.call("dead", "redrive", "--all")
    scene.call("dead", "purge", "--all", "--yes")
    scene.call("pause", "users")
    scene.call("resume", "users")
    scene.call("replay", "--webhook", "users")

    told = scene.call("audit", "-o", "json").json

    assert [act["action"] for act in told] == [
        "replay", "resume", "pause", "redrive", "unpark", "park",
    ]  # fmt: skip
    assert {act["via"] for act in told} == {"command line"}
    assert told[-1]["target"] == id
    (act,) = scene.call("audit", "--action", "redrive", "-o", "json").json
    assert act["detail"]["letters"] == 1
    assert scene.call("audit", "--operator", "nobody").out == "nothing such was done here\n"
    shown = scene.call("audit", "-n", "1", terminal=True)
    assert "events=2" in shown.out
    assert "newest 1" in shown.err
    assert scene.call("audit", "--action", "dance").code == 2


def test_a_run_that_watches_needs_somebody_who_works(scene: Scene) -> None:
    """Without a supervisor nothing would ever come to an end, so nothing is sent."""
    scene.dead()

    refused = scene.call("dead", "redrive", "--all", "--try", "1")

    assert refused.code == 1
    assert "nothing runs here" in refused.err
    assert scene.states()["dead"] == 1
    for wrong in ("often", "0", "0%"):
        assert scene.call("dead", "redrive", "--all", "--stop-at", wrong).code == 2


class Working:
    """A supervisor by its record, and a worker that works what is sent back."""

    def __init__(self, scene: Scene, failing: set[str]) -> None:
        self._over = threading.Event()
        self._failing = failing
        record = {"pid": os.getpid(), "definition": "hooks.py", "url": None, "ops_url": None}
        (scene.path / "run.json").write_bytes(orjson.dumps(record))
        self._engine = SQLiteEngine(scene.path, clock=ManualClock(NOW_MS), holder="worker")
        self._engine.configure({"users": QueueLimits()})
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._engine.close()

    def _run(self) -> None:
        while not self._over.wait(0.01):
            for lease in self._engine.receive("users", 10, 60):
                if lease.message.id in self._failing:
                    again = Failure("CardDeclined", "no", "Handle", NOW_MS, 1, "permanent")
                    self._engine.bury(lease.receipt, again)
                else:
                    self._engine.settle([lease.receipt])


def test_a_few_first_then_the_others(scene: Scene) -> None:
    """All of the group is done, and the line says so."""
    for number in range(8):
        scene.dead(cause=f"no order {number}")
    (group,) = groups(scene)

    with Working(scene, set()):
        told = scene.call("dead", "redrive", "--group", str(group["id"]), "--try", "2")

    assert (told.code, told.out) == (0, "8 of 8 redriven; 8 done, 0 dead again\n")
    assert scene.states() == {"waiting": 0, "dead": 0}


def test_it_stops_by_itself(scene: Scene) -> None:
    """The first few came back dead: code 1, and the others are as they were."""
    ids = [scene.dead(cause=f"no order {number}") for number in range(8)]

    with Working(scene, set(ids)):
        told = scene.call("dead", "redrive", "--all", "--try", "2", "--stop-at", "1", "-o", "json")

    assert told.code == 1
    assert (told.json["stage"], told.json["redriven"], told.json["stopped"]) == ("stopped", 2, True)
    assert "came back dead" in told.json["reason"]
    assert scene.states() == {"waiting": 0, "dead": 8}
    again = scene.engine.runs()[0]
    assert (again.active, again.document["via"]) == (False, "command line")


def test_one_that_comes_back_dead_is_no_success(scene: Scene) -> None:
    """Also where that stops nothing: all are sent, the line says how many, and it is code 1."""
    ids = [scene.dead(cause=f"no order {number}") for number in range(3)]

    with Working(scene, {ids[0]}):
        told = scene.call("dead", "redrive", "--all", "--stop-at", "never")

    assert (told.code, told.out) == (1, "3 of 3 redriven; 2 done, 1 dead again\n")


def test_a_dry_run_lists_what_would_be_called(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By id or group, with the running definition or another; it is code 1 where it would fail."""
    write_hooks(tmp_path)
    monkeypatch.setenv("USERS_SECRET", HMAC)
    forged = scene.dead(body=b'{"name":"Ada","age":36}')
    fine = scene.dead("any", reason="exhausted")
    hooks = ("--definition", str(tmp_path / "hooks.py"))

    told = scene.call("dead", "dry-run", "--id", fine, *hooks)

    assert told.code == 0
    assert told.lines[0].startswith(f"{fine} would be done, if every task")
    assert told.lines[1].startswith('  Handle: anything({"id":')
    mocked = scene.call(
        "dead", "dry-run", "--id", fine, "--mock", "anything=null", *hooks, "-o", "json"
    )
    assert mocked.json[0]["assumed"] is False
    assert told.lines[-2].startswith("no task was called")
    assert f"backtest {hooks[1]} --webhook any --safe anything --store" in told.lines[-1]
    later = scene.call("dead", "dry-run", "--id", fine, *hooks, now_ms=NOW_MS + 9 * 86_400_000)
    assert "--safe anything --since 10d" in later.lines[-1]
    mocked = scene.call("dead", "dry-run", "--id", fine, "--mock", "anything=null", *hooks)
    assert "no task was called" not in mocked.out
    group = next(one for one in groups(scene) if one["webhook"] == "users")
    refused = scene.call("dead", "dry-run", "--group", str(group["id"]), *hooks)
    assert refused.code == 1
    assert f"{forged} would rest again, header_missing in Verify" in refused.out
    assert scene.engine.browse(Filter(id=forged))
    for wrong in (
        (),
        ("--id", fine, "--group", "1"),
        ("--id", fine, "--mock", "x"),
        ("--id", fine, "--mock", "anythin=1"),
    ):
        assert scene.call("dead", "dry-run", *wrong, *hooks).code == 2
    assert scene.call("dead", "dry-run", "--id", scene.dead("orders"), *hooks).code == 4
