"""The embedded engine's desk, watch and search: groups, what is put aside, runs, acts, changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from holdfast.clock import ManualClock
from holdfast.errors import StoreMismatch
from holdfast.message import Failure
from holdfast.queue.contract import Execution, Filter, QueueLimits, State
from holdfast.queue.engines.sqlite import SQLiteEngine, recover, watch
from holdfast.queue.fingerprint import fingerprint
from holdfast.queue.views import Act, ActFilter, RunOutcome, RunRecord, StateCount
from sqlite_kit import DAY, LIMITS, failure, in_ledger, message, opened, received, sent, upkeep

ANY = Filter()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def engine(tmp_path: Path, clock: ManualClock) -> Iterator[SQLiteEngine]:
    one = opened(tmp_path / "store", clock)
    yield one
    one.close()


def buried(engine: SQLiteEngine, clock: ManualClock, *messages: str) -> list[str]:
    """So many dead letters, each with its message in the cause; their ids."""
    made = sent(engine, clock, len(messages))
    causes = dict(zip(made, messages, strict=True))
    for lease in received(engine, len(messages)):
        why = Failure(
            "KeyError", causes[lease.message.id], "Handle", clock.now_ms(), 1, "permanent"
        )
        assert engine.bury(lease.receipt, why)
    return made


def test_letters_that_fail_alike_are_one_group(engine: SQLiteEngine, clock: ManualClock) -> None:
    """Counted, with the times of the first and the last, the newest as the example."""
    began = clock.now_ms()
    buried(engine, clock, "no order 1", "no stock")
    clock.advance(60)
    (newest,) = buried(engine, clock, "no order 2")

    latest, other = engine.groups(ANY)

    assert (latest.count, latest.first_ms, latest.last_ms) == (2, began, clock.now_ms())
    assert (latest.newest, latest.webhook, latest.reason) == (newest, "orders", "permanent")
    assert other.count == 1
    assert {one.fingerprint for one in (latest, other)} == {
        fingerprint("orders", "permanent", Failure("KeyError", cause, "Handle"))
        for cause in ("no order 9", "no stock")
    }


def test_a_group_can_be_browsed(engine: SQLiteEngine, clock: ManualClock) -> None:
    """Its letters and no others, in either order, page by page."""
    first, _, second = buried(engine, clock, "no order 1", "no stock", "no order 2")
    group = engine.browse(Filter(id=first))[0]
    name = fingerprint("orders", "permanent", group.failure)

    def page(*, newest_first: bool, after: str | None = None) -> list[str]:
        found = engine.browse(Filter(group=name, newest_first=newest_first), after, 1)
        return [letter.message.id for letter in found]

    assert page(newest_first=True) == [second]
    assert page(newest_first=True, after=second) == [first]
    assert page(newest_first=False, after=first) == [second]
    assert page(newest_first=True, after=first) == []


def test_what_is_parked_is_out_of_the_way(engine: SQLiteEngine, clock: ManualClock) -> None:
    """Not in groups unless asked for, told apart when browsed, and only parked once."""
    one, other = buried(engine, clock, "no order 1", "no order 2")

    assert engine.park([one, one, "gone"]) == [True, False, False]

    assert [group.count for group in engine.groups(Filter(parked=False))] == [1]
    assert [group.count for group in engine.groups(ANY)] == [2]
    (letter,) = engine.browse(Filter(parked=True))
    assert (letter.message.id, letter.parked_at_ms) == (one, clock.now_ms())
    assert [letter.message.id for letter in engine.browse(Filter(parked=False))] == [other]
    assert engine.parked() == {"orders": 1}
    assert engine.unpark([one, other]) == [True, False]
    assert engine.parked() == {}


def test_what_is_parked_rests_without_limit(engine: SQLiteEngine, clock: ManualClock) -> None:
    """Its retention does not run; once it is no longer parked it begins anew."""
    kept, gone = buried(engine, clock, "one", "two")
    engine.park([kept])

    clock.advance(LIMITS.dead_retention_seconds + 2 * DAY)
    upkeep(engine)
    assert [letter.message.id for letter in engine.browse(ANY)] == [kept]
    assert engine.events(Filter(id=gone)) == []

    engine.unpark([kept])
    clock.advance(LIMITS.dead_retention_seconds - 1)
    upkeep(engine)
    assert len(engine.browse(ANY)) == 1
    clock.advance(2)
    upkeep(engine)
    assert engine.browse(ANY) == []


def test_each_redrive_is_remembered(engine: SQLiteEngine, clock: ManualClock) -> None:
    """When, out of which death, and by which run; and it goes when the message goes."""
    (id,) = buried(engine, clock, "one")
    died = clock.now_ms()
    clock.advance(5)
    engine.redrive([id])
    (lease,) = received(engine)
    engine.bury(lease.receipt, failure())
    clock.advance(5)
    engine.redrive_for("run-1", [id])

    first, second = engine.redrives(id)

    assert (first.run, first.died_at_ms, first.at_ms) == (None, died, died + 5_000)
    assert (second.run, second.reason, second.at_ms) == ("run-1", "permanent", clock.now_ms())
    (lease,) = received(engine)
    engine.settle([lease.receipt])
    clock.advance(LIMITS.retention_seconds + 1)
    upkeep(engine)
    assert in_ledger(engine._shelf.store.path, "SELECT count(*) FROM redrive") == [(0,)]


def test_a_run_knows_what_became_of_its_letters(engine: SQLiteEngine, clock: ManualClock) -> None:
    """Sent, done, dead again; each letter counts once; what others sent back does not count."""
    letters = buried(engine, clock, "1", "2", "3", "4")
    engine.redrive([letters[3]])
    assert engine.redrive_for("run", letters) == [True, True, True, False]
    assert engine.outcome("run") == RunOutcome(sent=3)

    leases = {lease.message.id: lease for lease in received(engine)}
    engine.settle([leases[letters[0]].receipt, leases[letters[3]].receipt])
    engine.bury(leases[letters[1]].receipt, failure())
    assert engine.outcome("run") == RunOutcome(sent=3, done=1, dead=1)

    engine.redrive_for("run", [letters[1]])
    assert engine.outcome("run") == RunOutcome(sent=3, done=1)


def record(id: str, *webhooks: str, owner: str = "me", active: bool = True) -> RunRecord:
    return RunRecord(id, webhooks, active, owner, 0, {"n": 1})


def test_one_active_run_per_webhook(engine: SQLiteEngine) -> None:
    """A second one on any of its webhooks is told which is in the way, until that one has ended."""
    assert engine.open_run(record("a", "orders", "refunds")) is None
    assert engine.open_run(record("b", "refunds", "others")) == "a"
    assert engine.run("b") is None
    assert engine.open_run(record("c", "others")) is None

    assert engine.keep_run(record("a", "orders", "refunds", active=False))
    assert engine.open_run(record("b", "refunds")) is None

    assert [run.id for run in engine.runs()] == ["c", "b", "a"]
    assert [run.id for run in engine.runs(active=True)] == ["c", "b"]
    assert [run.id for run in engine.runs(webhook="refunds", after="c")] == ["b", "a"]


def test_only_its_driver_writes_a_run(engine: SQLiteEngine) -> None:
    """Who was replaced finds out, and changes nothing any more."""
    engine.open_run(record("a", "orders"))
    assert engine.keep_run(record("a", "orders", owner="heir"), owner="me")

    assert not engine.keep_run(replace(record("a", "orders"), beat_at_ms=9), owner="me")
    found = engine.run("a")
    assert found is not None
    assert (found.owner, found.beat_at_ms) == ("heir", 0)


def test_acts_are_written_for_good(engine: SQLiteEngine) -> None:
    """Newest first, by any field, page by page; neither changed nor removed, whoever tries."""
    acts = [
        Act(1, "ada", "console", "park", "orders", "g1", {"letters": 3}),
        Act(2, "bob", "command line", "purge", "orders", None, {"odd": "\ud800x"[1:]}),
        Act(3, "ada", "console", "pause", "refunds"),
    ]
    engine.note(acts)

    told = engine.acts(ActFilter())

    assert [replace(act, id="") for act in told] == list(reversed(acts))
    assert engine.acts(ActFilter(), after=told[0].id, limit=1) == [told[1]]
    assert engine.acts(ActFilter(operator="ada", webhook="orders")) == [told[2]]
    assert engine.acts(ActFilter(since_ms=2, until_ms=3)) == [told[1]]
    assert engine.acts(ActFilter(), after="no cursor") == []
    desk = apsw.Connection(str(engine._shelf.store.desk))
    for change in ("UPDATE act SET operator = 'eve'", "DELETE FROM act"):
        with pytest.raises(apsw.ConstraintError, match="never"):
            desk.execute(change)
    desk.close()


def test_the_desk_outlives_its_ledger(tmp_path: Path, clock: ManualClock) -> None:
    """A new ledger forgets letters, not who did what; another store's desk is refused."""
    one = opened(tmp_path / "one", clock)
    one.note([Act(1, "ada", "console", "park")])
    one.close()
    recover(tmp_path / "one", from_ms=0, clock=clock)
    again, other = opened(tmp_path / "one", clock), opened(tmp_path / "two", clock)
    assert [act.operator for act in again.acts(ActFilter())] == ["ada"]

    other.note([Act(1, "eve", "console", "park")])
    other.close()
    again.close()
    (tmp_path / "one" / "desk.db").rename(tmp_path / "two" / "desk.db")
    for left in (tmp_path / "two").glob("desk.db-*"):
        left.unlink()
    stolen = opened(tmp_path / "two", clock)
    with pytest.raises(StoreMismatch, match=r"desk\.db belongs to another store"):
        stolen.acts(ActFilter())
    stolen.close()


def test_changes_since_a_cursor(engine: SQLiteEngine, clock: ManualClock) -> None:
    """What arrived, ended and was refused since, oldest first; from now on where there is none."""
    sent(engine, clock, 1)
    here = engine.changes(None)
    assert (here.arrived, here.ended, here.missed) == ((), (), 0)
    clock.advance(10)
    new = message(7, clock, b"12345")
    engine.send([new])
    done, dead = received(engine)
    engine.settle([done.receipt])
    clock.advance(0.001)
    engine.bury(dead.receipt, failure())

    changes = engine.changes(here.cursor)

    assert [(one.id, one.bytes, one.webhook) for one in changes.arrived] == [(new.id, 5, "orders")]
    assert [(one.id, one.state, one.reason) for one in changes.ended] == [
        (done.message.id, State.DONE, None),
        (dead.message.id, State.DEAD, "permanent"),
    ]
    clock.advance(10)
    later = engine.changes(changes.cursor)
    assert later.arrived == ()
    assert later.ended == changes.ended, "within a moment of the cursor: told twice"
    assert engine.changes(later.cursor).ended == ()
    for wrong in ("", "x", "1.2", "-1.0.0", "9999.0.0", "1.1.1.1"):
        assert engine.changes(wrong).arrived == ()


def test_too_many_changes_are_counted(engine: SQLiteEngine, clock: ManualClock) -> None:
    """The newest of each kind, and how many there were beside."""
    here = engine.changes(None).cursor
    clock.advance(10)
    made = sent(engine, clock, 30)
    engine.settle([lease.receipt for lease in received(engine)])

    changes = engine.changes(here, 10)

    assert [one.id for one in changes.arrived] == made[-10:]
    assert len(changes.ended) == 10
    assert changes.missed == 40


def test_counts_over_time(engine: SQLiteEngine, clock: ManualClock) -> None:
    """Per webhook, outcome and step; a retry counts as such; the last arrival is known."""
    began = clock.now_ms() // 60_000 * 60_000
    sent(engine, clock, 3)
    leases = received(engine)
    engine.settle([leases[0].receipt])
    engine.bury(leases[1].receipt, failure())
    engine.extend([leases[2].receipt], 0, failure())
    clock.advance(120)
    sent(engine, clock, 2)

    buckets = engine.series(began, 60_000)

    assert [(one.at_ms - began, one.outcome, one.count) for one in buckets] == [
        (0, "dead", 1),
        (0, "done", 1),
        (0, "received", 3),
        (0, "retried", 1),
        (120_000, "received", 2),
    ]
    wide = engine.series(began, 300_000)
    assert [one.count for one in wide if one.outcome == "received"] == [5]
    assert engine.last_seen() == {"orders": clock.now_ms()}


def test_states_are_counted_over_all_workers(
    engine: SQLiteEngine, clock: ManualClock, tmp_path: Path
) -> None:
    """Sums of what ended, and what runs now by those who still say so."""
    other = opened(tmp_path / "store", clock, "other")
    engine.count_states([StateCount("orders", "Charge", 2, 3, 1, 40.0)])
    engine.count_states([StateCount("orders", "Charge", 1, 1, 0, 2.0)])
    other.count_states([StateCount("orders", "Charge", 5, 0, 0, 0.0)])

    assert engine.states(0) == [StateCount("orders", "Charge", 6, 4, 1, 42.0)]
    clock.advance(watch.RUNNING_MS / 1000 + 1)
    assert engine.states(0) == [StateCount("orders", "Charge", 0, 4, 1, 42.0)]
    assert engine.states(clock.now_ms() + 60_000) == []
    other.close()


def test_executions_are_listed_newest_first(engine: SQLiteEngine, clock: ManualClock) -> None:
    """Of every message, by webhook and status, without their history."""
    ids = sent(engine, clock, 3)
    received(engine)
    for id, status in zip(ids, ("FAILED", "SUCCEEDED", "FAILED"), strict=True):
        run = Execution(id, "orders", 1, 5, 1.5, status, history=({"type": "x"},))  # type: ignore[arg-type]  # from a tuple of texts
        engine.record([run])

    listed = engine.latest_executions(status="FAILED", webhook="orders")

    assert [one.message_id for _, one in listed] == [ids[2], ids[0]]
    assert listed[0][1].history == ()
    assert engine.latest_executions(status="FAILED", after=listed[0][0]) == listed[1:]
    assert engine.latest_executions(webhook="others") == []


def test_a_ledger_of_the_first_format_is_brought_up_to_date(
    tmp_path: Path, clock: ManualClock
) -> None:
    """What it holds stays; its letters get their groups from upkeep."""
    one = opened(tmp_path, clock)
    (id,) = buried(one, clock, "no order 4711")
    group = one.groups(ANY)
    one.close()
    new = in_ledger(tmp_path, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    ledger = apsw.Connection(str(tmp_path / "ledger.db"))
    for name in ("dead_of_webhook", "dead_resting", "dead_of_group"):
        ledger.execute(f"DROP INDEX {name}")
    for column in ("fingerprint", "parked_at", "since"):
        ledger.execute(f"ALTER TABLE dead DROP COLUMN {column}")
    for table in ("redrive", "state_tally", "state_running"):
        ledger.execute(f"DROP TABLE {table}")
    ledger.execute("CREATE INDEX dead_of_webhook ON dead (webhook, at); PRAGMA user_version = 1")
    ledger.execute("DELETE FROM meta WHERE key = 'fingerprints'")
    ledger.close()

    again = opened(tmp_path, clock)

    assert again.groups(ANY) == []
    upkeep(again)
    assert again.groups(ANY) == group
    assert again.browse(ANY)[0].message.id == id
    clock.advance(LIMITS.dead_retention_seconds + 1)
    upkeep(again)
    assert again.browse(ANY) == []
    again.close()
    upgraded = in_ledger(
        tmp_path, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    )
    assert [_plain(sql) for sql in upgraded] == [_plain(sql) for sql in new]


def test_groups_of_another_holdfast_get_new_names(engine: SQLiteEngine, clock: ManualClock) -> None:
    """An earlier one, or a later one that was taken back."""
    buried(engine, clock, "no order 1", "no stock")
    groups, store = engine.groups(ANY), engine._shelf.store.path
    in_ledger(store, "UPDATE dead SET fingerprint = substr('19', n, 1) || substr(fingerprint, 2)")
    upkeep(engine)
    assert engine.groups(ANY) == groups


def _plain(row: tuple[str, ...]) -> str:
    """A definition without comments and line breaks."""
    lines = (line.partition("--")[0] for line in row[0].splitlines())
    return "".join("".join(lines).split())


def test_few_of_a_state_are_found_among_many(tmp_path: Path, clock: ManualClock) -> None:
    """Waiting, done, or purged: asked by state, history knows them as it does when walked."""
    engine = opened(tmp_path, clock)
    engine.configure({"others": QueueLimits()})
    engine.send([message(number, clock, webhook="unknown") for number in range(2)])
    sent(engine, clock, 6)
    leases = received(engine, 5)
    engine.settle([lease.receipt for lease in leases[:2]])
    engine.extend([leases[2].receipt], 100, failure())
    engine.bury(leases[3].receipt, failure())
    engine.purge([leases[3].message.id])

    everything = engine.events(ANY, limit=100)
    for state in State:
        told = [one for one in everything if one.state is state]
        assert engine.events(Filter(state=state), limit=100) == told, state
        assert engine.events(Filter(state=state, webhook="orders"), limit=100) == [
            one for one in told if one.message.webhook == "orders"
        ]
    engine.close()
