"""status, pause, resume, recover."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from cli_scene import Scene, call, scene_in


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path / "store") as scene:
        yield scene


def test_status_tells_depth_and_age(scene: Scene) -> None:
    """A line for each webhook: what waits, since when, what is dead."""
    scene.kept()
    scene.dead("orders")

    told = scene.call("status")

    assert told.lines[0] == f"{scene.path}: not running"
    assert told.lines[2].split()[:6] == ["orders", "stopped", "0", "0", "1", "-"]
    assert told.lines[3].split()[:6] == ["users", "stopped", "1", "0", "0", "1h"]


def test_status_tells_rates_of_the_last_minutes(scene: Scene) -> None:
    """Rates in the unit that reads well; what no webhook took is counted apart."""
    scene.clock.advance(3_590)
    for _ in range(600):
        scene.kept("orders")
    scene.done()
    scene.refused(webhook=None)

    told = scene.call("status")
    fields = scene.call("status", "-o", "json").json

    assert "2.0/s" in told.lines[2]
    assert told.lines[3].split()[-4:] == ["0.2/min", "0.2/min", "-", "-"]
    assert "no webhook has the path: 0.2/min" in told.out
    assert fields["webhooks"][0]["per_second"] == {
        "received": 2.0, "done": 0.0, "dead": 0.0, "refused": 0.0,
    }  # fmt: skip
    assert fields["no_webhook_per_second"] == pytest.approx(1 / 300)


def test_status_knows_who_runs(scene: Scene) -> None:
    """The supervisor's own record is believed while its process lives."""
    record = {"pid": os.getpid(), "definition": "hooks.py", "url": "http://x:1", "ops_url": None}
    (scene.path / "run.json").write_bytes(orjson.dumps(record))

    assert scene.call("status").lines[0] == f"{scene.path}: pid {os.getpid()}, http://x:1"
    assert scene.call("status", "-o", "json").json["running"]["definition"] == "hooks.py"


@pytest.mark.parametrize("record", [b"", b"[]", b'{"pid": "x"}', b'{"pid": 999999999}'])
def test_a_broken_record_means_not_running(scene: Scene, record: bytes) -> None:
    """Half a file, another file, or a process that is gone: nobody runs."""
    (scene.path / "run.json").write_bytes(record)

    assert scene.call("status", "-o", "json").json["running"] is None


def test_pause_and_resume(scene: Scene) -> None:
    """Each says what is so now, twice as well as once; status shows it."""
    assert scene.call("pause", "users").out == "users is paused; what comes in is kept\n"
    assert scene.call("pause", "users", "-o", "json").json == {"webhook": "users", "paused": True}
    assert scene.engine.pauses() == ["users"]
    assert scene.call("status").lines[3].split()[:2] == ["users", "paused"]

    assert scene.call("resume", "users").out == "users is worked again\n"
    assert scene.call("resume", "users", "-o", "json").json == {"webhook": "users", "paused": False}
    assert scene.engine.pauses() == []


def test_an_unknown_webhook_is_code_4(scene: Scene) -> None:
    """Neither verb makes a webhook up."""
    for verb in ("pause", "resume"):
        assert scene.call(verb, "nobody").code == 4


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("events",),
        ("events", "show", "f" * 32),
        ("dead",),
        ("dead", "show", "f" * 32),
        ("dead", "redrive", "--all"),
        ("dead", "purge", "--all"),
        ("replay", "--since", "1d"),
        ("pause", "users"),
        ("resume", "users"),
        ("recover", "--all"),
    ],
)
def test_a_missing_store_is_code_3(tmp_path: Path, words: tuple[str, ...]) -> None:
    """No command makes a store by looking at one."""
    called = call(*words, "--store", f"sqlite:{tmp_path}/none")

    assert (called.code, called.out) == (3, "")
    assert not (tmp_path / "none").exists()


def test_another_kind_of_store_is_code_3() -> None:
    """What there is no engine for cannot be used, and the message says what can."""
    called = call("status", "--store", "postgresql:x")

    assert called.code == 3
    assert "sqlite:PATH" in called.err


def test_the_store_may_come_from_the_environment(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HOLDFAST_STORE names it where no option does."""
    monkeypatch.setenv("HOLDFAST_STORE", str(scene.path))

    assert call("status", "-o", "json").json["store"] == str(scene.path)


@pytest.mark.parametrize(
    ("option", "waiting"),
    [(("--all",), 2), (("--none",), 0), (("--from", "30m"), 1), (("--from", "2h"), 2)],
)
def test_recover_makes_a_new_ledger(tmp_path: Path, option: tuple[str, ...], waiting: int) -> None:
    """A lost ledger is made anew, and what is to be delivered again is what was said."""
    with scene_in(tmp_path / "store") as scene:
        scene.done()
        scene.clock.advance(2_700)
        scene.done()
    for file in (tmp_path / "store").glob("ledger.db*"):
        file.unlink()
    store = ("--store", str(tmp_path / "store"))

    assert call("status", *store).code == 3
    told = call("recover", *option, *store, "-o", "json").json

    assert told == {"waiting": waiting, "considered_done": 2 - waiting, "set_aside": None}
    assert call("status", *store, "-o", "json").json["webhooks"][0]["waiting"] == waiting


def test_recover_sets_the_old_ledger_aside(tmp_path: Path) -> None:
    """For people: how many come again, and where the old ledger is."""
    with scene_in(tmp_path / "store") as scene:
        scene.done()

    told = call("recover", "--all", "--store", str(tmp_path / "store"))

    assert told.lines[0] == "1 message to be delivered again, 0 messages taken as done"
    assert Path(told.lines[1].removeprefix("the old ledger is at ")).exists()


def test_recover_wants_to_know_which(tmp_path: Path) -> None:
    """None of the three options, or two of them, is wrong usage."""
    with scene_in(tmp_path / "store"):
        pass

    for options in ((), ("--all", "--none"), ("--all", "--from", "1d")):
        assert call("recover", *options, "--store", str(tmp_path / "store")).code == 2
