"""Alerts at work: a real store, a real receiver, time that moves by hand."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from alert_kit import SECRET, a_rule, a_shop, a_webhook_target
from alert_rig import Sums, Watcher, messages
from cli_scene import Scene, scene_in
from holdfast.clock import ManualClock
from holdfast.operate.alerts.notes import ALERTS_FILE, read_notes
from holdfast.operate.alerts.outbox import FIRST_RETRY_SECONDS, GATHER_SECONDS
from holdfast.operate.alerts.standing import CLEAR_SECONDS, Key
from holdfast.operate.groups import count_groups
from holdfast.queue.contract import Filter
from holdfast.runtime.alerting import BREAK_SECONDS, Alerting
from holdfast.runtime.run_options import RunOptions
from holdfast.runtime.supervisor import Supervisor
from holdfast.telemetry import Telemetry
from http_target import Target, a_target
from process_kit import until

DEAD: Final = a_rule("dead", over=0, webhooks=("users", "orders"))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path / "store") as scene:
        yield scene


@pytest.fixture
def target() -> Iterator[Target]:
    with a_target() as server:
        yield server


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTS_SECRET", SECRET)


def test_dead_letters_of_two_webhooks_are_one_message(scene: Scene, target: Target) -> None:
    """What was found in one look goes out as one, with what fails and where to look."""
    watcher = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    watcher.look()
    scene.dead("users", cause="no money for ada@example.com")
    scene.dead("orders", error="Timeout")
    watcher.look(1)
    assert target.received == []
    watcher.look(GATHER_SECONDS)
    watcher.arrived()

    (message,) = messages(target)
    assert message["title"] == "[shop] orders, users: dead letters" or message["title"].startswith(
        "[shop] users, orders"
    )
    assert message["console_url"] == "http://127.0.0.1:8082"
    assert [one["detail"] for one in message["alerts"]] == ["1 dead letter", "1 dead letter"]
    first, _ = message["alerts"]
    assert first["groups"][0].startswith("1 x CardDeclined in Handle (group ")
    (group,) = count_groups(scene.engine, Filter(webhook=first["webhook"]))
    assert first["url"] == f"http://127.0.0.1:8082/dead/groups/{group.fingerprint}"
    assert "ada@" not in target.received[0].body.decode()
    assert "Ada" not in target.received[0].body.decode()


def test_what_fails_is_named_without_a_word_of_an_event(scene: Scene, target: Target) -> None:
    """The largest three groups first; a workflow may take an error's name from an event, and what does
    not look like a name is told as none."""
    for error, count in (("Ada has no money", 4), ("Timeout", 3), ("KeyError", 2), ("OSError", 1)):
        for _ in range(count):
            scene.dead("users", error=error)
    watcher = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    watcher.look()
    watcher.look(GATHER_SECONDS)
    watcher.arrived()
    groups = messages(target)[0]["alerts"][0]["groups"]

    assert [one.partition(" (group")[0] for one in groups] == [
        "4 x an error without a name in Handle",
        "3 x Timeout in Handle",
        "2 x KeyError in Handle",
        "and 1 more group",
    ]
    assert messages(target)[0]["alerts"][0]["url"] == "http://127.0.0.1:8082/dead?webhook=users"
    assert b"Ada" not in target.received[0].body


def test_it_ends_with_one_message_more(scene: Scene, target: Target) -> None:
    """The letters are sent back: a minute later it is over, and told once."""
    watcher = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    id = scene.dead("users")
    watcher.look()
    watcher.look(GATHER_SECONDS)
    watcher.arrived()
    scene.engine.redrive([id])
    watcher.look(1)
    watcher.look(CLEAR_SECONDS)
    watcher.look(GATHER_SECONDS)
    watcher.arrived(count=2)

    assert [one["alerts"][0]["state"] for one in messages(target)] == ["firing", "over"]
    assert watcher.events() == ["alert.firing", "alert.sent", "alert.ended", "alert.sent"]
    assert watcher.alerting.standing == {}


def test_what_is_shown_is_not_older_than_a_few_seconds(scene: Scene) -> None:
    """Commands and the console read the note: its numbers follow what stands."""
    scene.dead("users")
    watcher = Watcher(scene, [DEAD])
    watcher.look()
    scene.dead("users")
    for _ in range(11):
        watcher.look(1)

    assert read_notes(scene.path).standing[Key("dead", "users")].detail == "2 dead letters"


def test_letters_that_were_put_aside_are_nobodys_alarm(scene: Scene) -> None:
    """Somebody looked at them already."""
    id = scene.dead("users")
    scene.engine.park([id])
    watcher = Watcher(scene, [DEAD])
    watcher.look()
    watcher.look(1)

    assert watcher.events() == []


def test_a_restart_tells_nothing_twice_and_forgets_nothing(scene: Scene, target: Target) -> None:
    """What was told stays told; what stands goes on standing, with its own beginning."""
    scene.dead("users")
    first = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    first.look()
    first.look(GATHER_SECONDS)
    first.arrived()
    began = first.alerting.standing[Key("dead", "users")].since_ms
    first.alerting.note()

    second = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    for _ in range(30):
        second.look(10)

    assert len(target.received) == 1
    assert second.events() == []
    assert second.alerting.standing[Key("dead", "users")].since_ms == began


def test_what_was_not_told_before_a_restart_is_told_after_it(scene: Scene, target: Target) -> None:
    """Under the same id, so that a receiver that has it already can tell."""
    target.status = 503
    scene.dead("users")
    first = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    first.look()
    first.look(GATHER_SECONDS)
    first.arrived("alert.unsent")

    target.status = 200
    second = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    second.look(1)
    second.arrived()

    ids = {one.headers["webhook-id"] for one in target.received}
    assert (len(target.received), len(ids)) == (2, 1)


def test_what_arrived_while_a_run_ended_is_not_told_again(scene: Scene, target: Target) -> None:
    """The last report is heard before the last note is written."""
    scene.dead("users")
    first = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    first.look()
    first.look(GATHER_SECONDS)

    def closed() -> bool:
        first.alerting.close()
        return "alert.sent" in first.events()

    until(closed, "the message arrived")
    second = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    second.look(60)
    second.look(60)

    assert len(target.received) == 1


def test_a_file_that_cannot_be_read_is_as_good_as_none(scene: Scene) -> None:
    """What still is wrong is told once more; nothing breaks."""
    for broken in (b"", b"[]", b"\xff", b'{"format":1}', b'{"format":99,"standing":[]}'):
        (scene.path / ALERTS_FILE).write_bytes(broken)
        watcher = Watcher(scene, [DEAD])
        watcher.look()
    scene.dead("users")
    watcher.look()

    assert watcher.events() == ["alert.firing"]
    assert read_notes(scene.path).standing.keys() == {Key("dead", "users")}


def test_a_target_that_fails_is_tried_again_and_again(scene: Scene, target: Target) -> None:
    """Not at once, but after ever longer waits; each failure is told, and so is the success."""
    target.status = 500
    scene.dead("users")
    watcher = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    watcher.look()
    watcher.look(GATHER_SECONDS)
    watcher.arrived("alert.unsent")
    watcher.look(FIRST_RETRY_SECONDS - 1)
    assert len(target.received) == 1
    watcher.look(1)
    watcher.arrived("alert.unsent", 2)
    target.status = 200
    watcher.look(2 * FIRST_RETRY_SECONDS)
    watcher.arrived()

    failures = [fields for name, fields in watcher.told if name == "alert.unsent"]
    assert [(one["tries"], one["retry_seconds"]) for one in failures] == [(1, 10.0), (2, 20.0)]
    assert {one["error"] for one in failures} == {"answered 500"}
    box = read_notes(scene.path).outboxes["webhook"]
    assert (box.entries, box.tries, box.failing_since_ms) == ({}, 0, None)


def test_one_target_that_hangs_holds_up_no_other(scene: Scene, target: Target) -> None:
    """Looks go on, the other target is told, and nothing piles up behind the one that hangs."""
    with a_target() as stuck:
        stuck.let_go.clear()
        targets = [a_webhook_target(stuck.url, name="stuck"), a_webhook_target(target.url)]
        watcher = Watcher(scene, [DEAD], targets)
        scene.dead("users")
        watcher.look()
        watcher.look(GATHER_SECONDS)
        watcher.arrived()
        scene.dead("orders")
        for _ in range(100):
            watcher.look(1)
        watcher.arrived(count=2)

        assert len(target.received) == 2
        assert len(stuck.received) <= 1
        names = [one.name for one in threading.enumerate()]
        assert names.count("holdfast-alerts-stuck") == 1


def test_a_defect_in_a_courier_costs_one_message_only(
    scene: Scene, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread goes on, and its text, which may hold anything, is not told."""
    scene.dead("users")
    watcher = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    with monkeypatch.context() as broken:
        broken.setattr("holdfast.operate.alerts.targets._request", _break)
        watcher.look()
        watcher.look(GATHER_SECONDS)
        watcher.arrived("alert.unsent")
    watcher.look(FIRST_RETRY_SECONDS)
    watcher.arrived()

    (failed,) = [fields for name, fields in watcher.told if name == "alert.unsent"]
    assert failed["error"] == "a defect: ZeroDivisionError"


def _break(*_: object) -> None:
    raise ZeroDivisionError("s3cret")


def test_the_failure_rate_comes_from_what_the_workers_counted(scene: Scene) -> None:
    """Totals that grow; those of an earlier hour do not count any more."""
    rule = a_rule("failure_rate", over=0.2, window_seconds=300.0, at_least=20)
    watcher = Watcher(scene, [rule])
    sums: dict[tuple[str, ...], float] = {("messages_done", "users"): 1_000}
    watcher.look(0, sums)
    for _ in range(60):
        watcher.look(10, sums)
    assert watcher.events() == []

    sums |= {("messages_done", "users"): 1_010, ("messages_retried", "users"): 10}
    watcher.look(10, sums)
    (_, fields) = watcher.told[0]
    assert fields["detail"] == "10 of 20 attempts failed (50%)"
    for _ in range(60):
        watcher.look(10, sums)
    assert watcher.events() == ["alert.firing", "alert.ended"]


def test_silence_is_counted_from_the_last_event_in_the_store(scene: Scene) -> None:
    """An hour and a little after it; the next event ends it."""
    rule = a_rule("silence", over=3_600.0)
    scene.kept("users")
    watcher = Watcher(scene, [rule])
    watcher.look(1)
    watcher.look(3_599)
    assert watcher.events() == []
    watcher.look(11)
    assert watcher.events() == ["alert.firing"]

    scene.kept("users")
    watcher.look(11)
    assert watcher.events() == ["alert.firing", "alert.ended"]


@pytest.mark.parametrize(("down_seconds", "told"), [(60, ["alert.firing"]), (BREAK_SECONDS, [])])
def test_a_source_is_not_blamed_for_our_own_absence(
    scene: Scene, down_seconds: float, told: list[str]
) -> None:
    """A short restart is no break; after a long one the silence begins anew."""
    rule = a_rule("silence", over=3_600.0)
    scene.kept("users")
    first = Watcher(scene, [rule])
    for _ in range(59):
        first.look(60)
    first.alerting.note()
    scene.clock.advance(down_seconds)
    second = Watcher(scene, [rule])
    second.look(11)
    second.look(60)

    assert second.events() == told


def test_a_rule_that_was_taken_out_leaves_nothing(scene: Scene, target: Target) -> None:
    """Neither what stood nor what was still to be told of it."""
    target.status = 500
    scene.dead("users")
    first = Watcher(scene, [DEAD], [a_webhook_target(target.url)])
    first.look()
    first.look(GATHER_SECONDS)
    first.arrived("alert.unsent")

    second = Watcher(scene, [a_rule(over=1_000)], [a_webhook_target(target.url)])
    second.look(3_600)
    second.look(3_600)
    assert len(target.received) == 1
    assert second.alerting.standing == {}


def test_an_engine_that_knows_less_is_watched_all_the_same() -> None:
    """Without groups, parking and memory of arrivals: what was counted here says what came."""
    from holdfast.queue.contract import Depth  # noqa: PLC0415 - for this test alone

    class Plain:
        abilities: frozenset[str] = frozenset()
        name = "plain"

    clock, told = ManualClock(), []
    telemetry = Telemetry()
    telemetry.subscribe(lambda kind, _: told.append(kind.name))
    rules = (DEAD, a_rule("silence", over=600.0))
    path = Path("/nonexistent/store")
    alerting = Alerting(a_shop(rules), path, telemetry, clock)
    store: Any = Plain()
    sums: Sums = {("requests_accepted", "users"): 1.0}
    more: Sums = {("requests_accepted", "users"): 2.0}
    alerting.look(store, sums, [Depth("users", 0, 0, 1, None)], ())
    clock.advance(601)
    alerting.look(store, sums, [Depth("users", 0, 0, 1, None)], ())
    clock.advance(1)
    alerting.look(store, more, [], ())

    assert told == ["alert.firing", "alert.firing", "alert.ended"]


def test_alerts_that_break_do_not_make_the_store_look_ill(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once, upkeep goes on, and what is asked of readiness has nothing to do with it."""
    told: list[str] = []
    telemetry = Telemetry()
    telemetry.subscribe(lambda kind, fields: told.append(f"{kind.name} {fields['message']}"))
    options = RunOptions(Path("hooks.py"), f"sqlite:{scene.path}")
    supervisor = Supervisor(options, a_shop((DEAD,)), telemetry, clock=scene.clock)
    supervisor._alerting = Alerting(a_shop((DEAD,)), scene.path, telemetry, scene.clock)
    monkeypatch.setattr("holdfast.runtime.alerting.ends", _break)

    async def twice() -> None:
        for _ in range(2):
            await supervisor._watch(scene.engine)

    asyncio.run(twice())

    assert told == ["store.warning alerts: ZeroDivisionError: s3cret"]
    assert json.loads(supervisor._readyz().body) == {"ready": True, "reasons": []}
