"""events, events show: what came in, also what was refused and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_scene import HOUR_MS, NOW_MS, Scene, scene_in

EVIL = b"\x1b[31mred\x07 and\nnew line"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path / "store") as scene:
        yield scene


def test_the_list_has_events_and_refusals_newest_first(scene: Scene) -> None:
    """One line for each thing that came in, with whole ids and the reason where it went wrong."""
    worked, dead, refused = scene.done(), scene.dead(), scene.refused()

    listed = scene.call("events")

    assert listed.code == 0
    assert [line.split()[0] for line in listed.lines] == ["id", refused, dead, worked]
    assert listed.lines[1].endswith("400 invalid_body: /age: too young")
    assert "permanent CardDeclined" in listed.lines[2]
    assert "1h" in listed.lines[3]


def test_an_empty_store_says_so(scene: Scene) -> None:
    """Nothing came in: a sentence for people, an empty list for programs."""
    assert scene.call("events").out == "nothing such came in\n"
    assert scene.call("events", "-o", "json").json == []


def test_the_json_list_tells_all(scene: Scene) -> None:
    """Every field of events and refusals, with bodies as text or in base64."""
    scene.kept(body=b"\x00\xff")
    scene.refused()

    refusal, event = scene.call("events", "--output", "json").json

    assert (event["state"], event["body"], event["body_base64"]) == ("waiting", None, "AP8=")
    assert event["received_at"] == "2023-11-14T21:13:20.001Z"
    assert (refusal["state"], refusal["status"], refusal["body"]) == ("refused", 400, '{"age":17}')


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("waiting", ["kept"]),
        ("done", ["done"]),
        ("dead", ["dead"]),
        ("refused", ["refused"]),
        ("leased", []),
        ("purged", []),
    ],
)
def test_states_filter(scene: Scene, state: str, wanted: list[str]) -> None:
    """`--state` shows what is in that state, and refusals under a state of their own."""
    ids = {
        "kept": scene.kept(),
        "done": scene.done(),
        "dead": scene.dead(),
        "refused": scene.refused(),
    }

    found = scene.call("events", "--state", state, "-o", "json").json

    assert [one["id"] for one in found] == [ids[name] for name in wanted]


def test_filters_narrow_by_webhook_reason_and_time(scene: Scene) -> None:
    """All filters given must match; times are ages or instants."""
    old = scene.dead(reason="exhausted")
    scene.clock.advance(1_800)
    young = scene.dead("orders")
    scene.refused("too_large")

    def ids(*options: str) -> list[str]:
        return [one["id"] for one in scene.call("events", "-o", "json", *options).json]

    assert ids("--webhook", "orders") == [young]
    assert ids("--reason", "exhausted") == [old]
    assert ids("--since", "45m", "--webhook", "orders") == [young]
    assert ids("--until", "45m") == [old]
    assert ids("--since", "2023-11-14T21:00+00:00", "--until", "2023-11-14T21:30+00:00") == [old]


def test_a_text_is_found_wherever_a_sender_may_put_it(scene: Scene) -> None:
    """The provider says it sent evt_7: it is looked for in path, query, headers and body."""
    by_body = scene.done(body=b'{"id":"evt_7"}')
    by_header = scene.done(headers={"x-delivery": "evt_7"})
    by_query = scene.done(query="id=evt_7")
    by_accent = scene.done(headers={"x-name": "Zo\u00eb".encode().decode("latin-1")})
    refused = scene.refused()

    def ids(text: str) -> list[str]:
        return [one["id"] for one in scene.call("events", "-o", "json", "--find", text).json]

    assert ids("evt_7") == [by_query, by_header, by_body]
    assert ids("Zoë") == [by_accent]
    assert ids('"age":17') == [refused]
    assert ids("evt_8") == []


def test_the_limit_is_said_at_a_terminal(scene: Scene) -> None:
    """Where more came in than is shown, a hint says so, on standard error alone."""
    for _ in range(3):
        scene.kept()

    listed = scene.call("events", "-n", "2", terminal=True)

    assert len(scene.call("events", "-n", "2", "-o", "json").json) == 2
    assert "these are the newest 2" in listed.err
    assert "newest" not in listed.out


def test_one_event_is_shown_as_a_timeline(scene: Scene) -> None:
    """What came, the way through the states, the failure, the end, headers and body."""
    id = scene.dead(headers={"x-id": "7"}, cause='{"errorMessage":"no","stackTrace":["at 1\\n"]}')

    shown = scene.call("events", "show", id).out

    assert f"event {id}" in shown
    assert "dead, permanent: The handler said that trying again cannot help." in shown
    assert "attempt 1 (Verify > Handle) failed in Handle after 12ms: CardDeclined: no" in shown
    assert "  at 1" in shown
    assert "  x-id: 7" in shown
    assert '  {"name":"Ada"}' in shown


def test_what_was_done_after_all_has_no_why(scene: Scene) -> None:
    """Nor a last failure: what failed on the way stands in its timeline."""
    id = scene.dead(cause='{"errorMessage":"no","stackTrace":["at 1\\n"]}')
    scene.engine.redrive([id])
    scene.engine.settle([scene.lease("users", id).receipt])

    (listed,) = scene.call("events").lines[1:]
    shown = scene.call("events", "show", id).out

    assert "done" in listed
    assert "CardDeclined" not in listed
    assert "failed in Handle after 12ms: CardDeclined: no" in shown
    assert "last failure" not in shown


def test_one_event_as_json_has_its_runs(scene: Scene) -> None:
    """Programs get the executions with their history."""
    id = scene.dead()

    shown = scene.call("events", "show", id, "-o", "json").json

    assert shown["executions"][0]["history"][0]["details"] == {"name": "Verify"}
    assert shown["attempts"][0]["error"] == "CardDeclined"


def test_a_refusal_is_shown(scene: Scene) -> None:
    """Refusals have a page of their own, with the answer that the sender got."""
    id = scene.refused()

    assert "answered      400 invalid_body" in scene.call("events", "show", id).out
    assert scene.call("events", "show", id, "-o", "json").json["detail"] == "/age: too young"


def test_the_beginning_of_an_id_is_enough(scene: Scene) -> None:
    """Eight characters or more, if only one id begins so; fewer, or several, are an error."""
    first, second = scene.kept(), scene.refused()

    assert scene.call("events", "show", first[:8], "-o", "json").json["id"] == first
    assert scene.call("events", "show", second[:12], "-o", "json").json["id"] == second
    assert scene.call("events", "show", first[:7]).code == 4


def test_an_ambiguous_beginning_is_refused(tmp_path: Path) -> None:
    """Of two ids with the same beginning neither is guessed."""
    with scene_in(tmp_path / "store") as scene:
        id = scene.kept()
        scene._count -= 1  # the next id begins like the last
        scene.kept()

        called = scene.call("events", "show", id[:8])

    assert called.code == 4
    assert "is the beginning of several ids" in called.err


def test_an_unknown_id_and_an_unknown_webhook_are_code_4(scene: Scene) -> None:
    """Nothing of that name: said on standard error, with nothing on standard output."""
    scene.kept()

    for arguments in (("events", "show", "f" * 32), ("events", "--webhook", "nobody")):
        called = scene.call(*arguments)
        assert (called.code, called.out) == (4, "")
    assert "there are orders, users" in called.err


def test_what_a_sender_wrote_cannot_move_the_cursor(scene: Scene) -> None:
    """Control characters of body, header, error and path are shown, never sent on."""
    id = scene.dead(body=EVIL, headers={"x-evil": "\x1b[2J\x9b"}, error="\x1b]0;x", cause="\x08\r")

    for arguments in (("events",), ("events", "show", id), ("dead",), ("dead", "show", id)):
        out = scene.call(*arguments).out
        assert all(character.isprintable() or character == "\n" for character in out), arguments
    assert "\\x1b[31mred\\x07 and" in scene.call("events", "show", id).out


def test_a_huge_body_is_cut_for_people_only(scene: Scene) -> None:
    """People see the beginning and the command for the rest; programs get every byte."""
    id = scene.kept(body=b"x" * 1_048_576, headers={"x-long": "y" * 5_000})

    shown = scene.call("events", "show", id).out

    assert len(shown) < 10_000
    assert "body, 1,048,576 bytes" in shown
    assert f"events show {id} --output json --store" in shown
    assert "(5,000 characters)" in shown
    assert len(scene.call("events", "show", id, "-o", "json").json["body"]) == 1_048_576


def test_a_binary_body_is_shown_in_hexadecimal(scene: Scene) -> None:
    """Sixteen bytes a line, with the readable ones beside them."""
    id = scene.kept(body=b"\x00\xff\x1b[31mAda")

    shown = scene.call("events", "show", id).out

    assert "  0000  00 ff 1b 5b 33 31 6d 41 64 61" in shown
    assert "...[31mAda" in shown


@pytest.mark.parametrize("wrong", ["5x", "yesterday", "-1d", "1e9"])
def test_a_bad_time_is_wrong_usage(scene: Scene, wrong: str) -> None:
    """Code 2, and the units that are understood."""
    called = scene.call("events", "--since", wrong)

    assert called.code == 2
    assert "ms, s, m, h, d" in called.err


def test_an_age_beyond_1970_means_everything(scene: Scene) -> None:
    """However long ago: it is before the first event."""
    id = scene.kept()

    told = scene.call("events", "--since", f"{10**12}d", "-o", "json").json
    assert [one["id"] for one in told] == [id]


def test_a_future_is_told_as_one(scene: Scene) -> None:
    """A wall clock that was set back gives no negative ages."""
    scene.kept()

    assert " in 1h " in scene.call("events", now_ms=NOW_MS - 2 * HOUR_MS).out
