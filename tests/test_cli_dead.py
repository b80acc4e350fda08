"""dead, dead show, dead redrive, dead purge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_scene import Scene, scene_in
from holdfast.operate.book import local_user


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path / "store") as scene:
        yield scene


def test_dead_letters_are_listed_newest_first(scene: Scene) -> None:
    """Id, age, webhook, reason, attempts, and the error with the state it came from."""
    old, new = scene.dead(), scene.dead("orders", reason="exhausted", error="ValueError")

    listed = scene.call("dead")

    assert [line.split()[0] for line in listed.lines] == ["id", new, old]
    assert listed.lines[1].split()[1:] == ["1h", "orders", "exhausted", "1", "ValueError",
                                           "in", "Handle"]  # fmt: skip
    assert [one["id"] for one in scene.call("dead", "-o", "json").json] == [new, old]


def test_what_died_last_is_first(scene: Scene) -> None:
    """However early it came in; or what has been dead the longest, if one asks for that."""
    early, late = scene.kept(), scene.dead()
    scene.clock.advance(60)
    scene.dead(id=early)

    def listed(*options: str) -> list[str]:
        return [one["id"] for one in scene.call("dead", *options, "-o", "json").json]

    assert listed() == [early, late]
    assert listed("--sort", "oldest") == [late, early]
    assert listed("--limit", "1") == [early]


def test_no_dead_letters_is_good_news(scene: Scene) -> None:
    """A sentence for people, an empty list for programs."""
    scene.done()

    assert scene.call("dead").out == "no dead letters\n"
    assert scene.call("dead", "-o", "json").json == []


def test_one_dead_letter_is_shown(scene: Scene) -> None:
    """Why it rests, every attempt, what came; by id or by its beginning."""
    id = scene.dead()

    assert f"dead letter {id}" in scene.call("dead", "show", id[:8]).out
    shown = scene.call("dead", "show", id, "-o", "json").json
    assert (shown["reason"], shown["error"], shown["cause"]) == (
        "permanent", "CardDeclined", "no money",
    )  # fmt: skip
    assert len(shown["executions"]) == 1


def test_a_letter_that_came_back_tells_who_had_sent_it(scene: Scene) -> None:
    """Each death and each redrive stands in the timeline between the attempts, with its operator;
    and of what took days, which."""
    id = scene.dead()
    scene.call("dead", "redrive", "--id", id)
    scene.clock.advance(2 * 86_400)
    scene.dead(id=id)
    user = local_user("command line").name

    for command in ("dead", "events"):
        lines = scene.call(command, "show", id).lines
        assert any(line.startswith("  2023-11-1") for line in lines)
        told = [line.strip().partition("  ")[2] for line in lines[lines.index("timeline") + 1 :]]
        assert f"redriven by {user}, command line: run " in "".join(told)
        end = lines.index("headers") - lines.index("timeline") - 2
        words = [line.split()[0].rstrip(":,") for line in told[:end]]
        assert words == ["received", "attempt", "dead", "redriven", "attempt", "dead"]
        (back,) = scene.call(command, "show", id, "-o", "json").json["redrives"]
        assert (back["operator"], back["via"], back["reason"]) == (
            user, "command line", "permanent",
        )  # fmt: skip


def test_an_event_that_is_not_dead_is_no_dead_letter(scene: Scene) -> None:
    """Code 4, also where the id belongs to an event that was worked."""
    id = scene.done()

    for verb in (("show", id), ("redrive", "--id", id), ("purge", "--yes", "--id", id)):
        called = scene.call("dead", *verb)
        assert (called.code, called.out) == (4, "")
        assert f"no dead letter {id}" in called.err
        assert "8 characters" not in called.err
    assert "an id has 8 characters or more" in scene.call("dead", "show", scene.dead()[:7]).err


@pytest.mark.parametrize("verb", ["redrive", "purge"])
@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), {"a", "b", "c"}),
        (("--webhook", "orders"), {"c"}),
        (("--reason", "exhausted"), {"b"}),
        (("--error", "CardDeclined"), {"a", "c"}),
        (("--since", "30m"), {"c"}),
        (("--until", "30m"), {"a", "b"}),
        (("--limit", "1"), {"a"}),
        (("--reason", "nothing"), set()),
    ],
)
def test_filters_say_which(
    scene: Scene, verb: str, options: tuple[str, ...], wanted: set[str]
) -> None:
    """Both verbs take the same filters; a dry run says which and changes nothing."""
    ids = {"a": scene.dead(), "b": scene.dead(reason="exhausted", error="Other")}
    scene.clock.advance(2_700)
    ids["c"] = scene.dead("orders")
    broad = not options or options[0] == "--limit"
    yes = ("--yes",) * (verb == "purge") + ("--all",) * broad

    told = scene.call("dead", verb, *options, "--dry-run", "-o", "json").json
    assert set(told["selected"]) == {ids[name] for name in wanted}
    assert scene.states() == {"waiting": 0, "dead": 3}

    done = scene.call("dead", verb, *yes, *options, "-o", "json").json
    assert done[{"redrive": "redriven", "purge": "purged"}[verb]] == len(wanted)
    assert scene.states()["dead"] == 3 - len(wanted)
    assert scene.states()["waiting"] == (len(wanted) if verb == "redrive" else 0)


def test_redrive_says_how_many(scene: Scene) -> None:
    """For people: done of selected. Ids may be given in part, and twice."""
    id = scene.dead()
    scene.dead()

    assert scene.call("dead", "redrive", "--dry-run").lines[-1] == (
        "2 dead letters would be redriven"
    )
    assert scene.call("dead", "redrive", "--id", id, "--id", id[:9]).out == "1 of 1 redriven\n"
    assert scene.call("dead", "redrive", "--all", "--rate", "1000").out == "1 of 1 redriven\n"
    assert scene.call("dead", "redrive", "--all").out == "0 of 0 redriven\n"


def test_redrive_of_all_has_to_be_said(scene: Scene) -> None:
    """Nothing that says which, a limit neither, sends nothing; --all does, and stands for itself."""
    id = scene.dead()

    for vague in ((), ("--parked",), ("--limit", "1"), ("--try", "1")):
        told = scene.call("dead", "redrive", *vague)
        assert told.code == 2
        assert "Error: say which: --id, --group, a filter, or --all" in told.err
    for beside in (("--id", id), ("--webhook", "users")):
        assert scene.call("dead", "redrive", "--all", *beside).code == 2
    assert scene.states() == {"waiting": 0, "dead": 1}
    assert scene.call("dead", "redrive", "--all").out == "1 of 1 redriven\n"


def test_purge_asks_first(scene: Scene) -> None:
    """At a terminal it asks and believes the answer; elsewhere it wants --yes. It wants to know which, too."""
    scene.dead()

    assert "say which" in scene.call("dead", "purge", "--yes").err
    assert scene.call("dead", "purge", "--all").code == 2
    refused = scene.call("dead", "purge", "--all", terminal=True, typed="n\n")
    assert refused.code == 1
    assert "Remove 1 dead letter for good?" in refused.err
    assert scene.states()["dead"] == 1
    assert scene.call("dead", "purge", "--all", terminal=True, typed="y\n").code == 0
    assert scene.states()["dead"] == 0


def test_purge_with_nothing_to_purge_does_not_ask(scene: Scene) -> None:
    """No question where the answer changes nothing."""
    assert scene.call("dead", "purge", "--all").out == "0 of 0 purged\n"


def test_hints_are_for_terminals_only(scene: Scene) -> None:
    """The next command is told at a terminal, on standard error, with the store's option."""
    scene.dead()

    assert scene.call("dead").err == ""
    assert f"dead show ID --store sqlite:{scene.path}" in scene.call("dead", terminal=True).err
