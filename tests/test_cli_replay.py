"""replay: past events once more, each under a new id."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_scene import Scene, scene_in
from holdfast.queue.contract import Filter


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path / "store") as scene:
        yield scene


def test_a_replay_waits_under_a_new_id(scene: Scene) -> None:
    """The copy says what it repeats; the original stays what it was."""
    id = scene.done()

    told = scene.call("replay", id[:8], "-o", "json").json

    (copy,) = scene.engine.events(Filter(id=told["replayed"][id]))
    assert copy.message.replay_of == id
    assert copy.state == "waiting"
    assert scene.engine.events(Filter(id=id))[0].state == "done"


def test_the_new_ids_are_printed(scene: Scene) -> None:
    """For people: one new id a line, then how many."""
    id = scene.done()

    told = scene.call("replay", id)

    assert len(told.lines[0]) == 32
    assert told.lines[0] != id
    assert told.lines[1].startswith("1 of 1 replayed")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--since", "2h"), {"a", "b", "c"}),
        (("--webhook", "users"), {"a", "b"}),
        (("--webhook", "users", "--state", "dead"), {"b"}),
        (("--since", "2h", "--until", "30m"), {"a", "b"}),
        (("--since", "2h", "--limit", "2", "--rate", "1000"), {"a", "b"}),
    ],
)
def test_filters_say_which(scene: Scene, options: tuple[str, ...], wanted: set[str]) -> None:
    """A dry run says which and sends nothing; without it exactly those are sent."""
    ids = {"a": scene.done(), "b": scene.dead()}
    scene.clock.advance(2_700)
    ids["c"] = scene.done("orders")

    dry = scene.call("replay", *options, "--dry-run", "-o", "json").json
    assert set(dry["selected"]) == {ids[name] for name in wanted}
    assert scene.states()["waiting"] == 0

    done = scene.call("replay", *options, "-o", "json").json
    assert set(done["replayed"]) == {ids[name] for name in wanted}
    assert scene.states()["waiting"] == len(wanted)


def test_a_dry_run_lists_them_for_people(scene: Scene) -> None:
    """One id a line, then how many."""
    id = scene.done()

    assert scene.call("replay", id, "--dry-run").lines == [id, "1 event would be replayed"]


def test_everything_is_never_meant_by_saying_nothing(scene: Scene) -> None:
    """Without ids, webhook or time it is wrong usage, as is a state that does not exist."""
    scene.done()

    assert scene.call("replay").code == 2
    assert scene.call("replay", "--since", "1d", "--state", "bogus").code == 2
    assert scene.states()["waiting"] == 0


def test_unknown_things_are_code_4(scene: Scene) -> None:
    """An id or a webhook that is not there; a refusal cannot be replayed, as it was not kept."""
    refused = scene.refused()

    assert scene.call("replay", "f" * 32).code == 4
    assert scene.call("replay", refused).code == 4
    assert scene.call("replay", "--webhook", "nobody").code == 4
