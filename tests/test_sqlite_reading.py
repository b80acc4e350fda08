"""What is read, how much of it at once, and whether what is told is true at every moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

from holdfast.clock import ManualClock
from holdfast.errors import StoreError
from holdfast.message import Failure
from holdfast.queue.contract import Execution, Filter, State
from holdfast.queue.engines.sqlite import SQLiteEngine, handout, history
from sqlite_kit import DAY, counts, failure, heard, ids, message, opened, received, sent, upkeep

ANY = Filter()
MEGABYTE = bytes(1_000_000)


def test_large_bodies_come_a_few_at_a_time(tmp_path: Path) -> None:
    """New or returned: what one receive brings into memory is bounded, and nothing is left out."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    everything = sent(engine, clock, 12, MEGABYTE)
    for _ in range(2):
        batches = []
        while leases := received(engine, 100):
            batches.append(leases)
        assert [len(batch) for batch in batches] == [5, 5, 2]
        assert sorted(id for batch in batches for id in ids(batch)) == everything
        for batch in batches:
            engine.release([lease.receipt for lease in batch])
    assert counts(engine) == (12, 0, 0)
    engine.close()


def test_large_bodies_that_came_back_leave_no_room_for_new_ones(tmp_path: Path) -> None:
    """What one receive may bring into memory is one bound, wherever it comes from."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    back = sent(engine, clock, 1, bytes(handout.BYTES_AT_ONCE + 1))
    engine.release([lease.receipt for lease in received(engine)])
    fresh = sent(engine, clock, 1)

    assert ids(received(engine)) == back
    assert ids(received(engine)) == fresh
    engine.close()


def test_one_message_comes_however_large_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is no bound on a single message."""
    monkeypatch.setattr(handout, "BYTES_AT_ONCE", 10)
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    sent(engine, clock, 2, MEGABYTE)

    assert [len(received(engine)) for _ in range(3)] == [1, 1, 0]
    engine.close()


def test_depth_is_right_at_every_moment_of_a_life(tmp_path: Path) -> None:
    """Each step of a scripted life moves exactly what it should, and an observer sees the same."""
    clock = ManualClock()
    engine, observer = opened(tmp_path, clock, "worker"), opened(tmp_path, clock, "observer")

    def at(waiting: int, leased: int, dead: int) -> None:
        assert counts(engine) == counts(observer) == (waiting, leased, dead)

    at(0, 0, 0)
    sent(engine, clock, 6)
    engine.send([message(9, clock)], delay_seconds=30)
    at(7, 0, 0)
    one, two, three, four, five, six = received(engine, lease_seconds=20)
    at(1, 6, 0)
    engine.settle([one.receipt, one.receipt])
    at(1, 5, 0)
    engine.release([two.receipt])
    at(2, 4, 0)
    engine.extend([three.receipt], 0)
    at(3, 3, 0)
    engine.extend([four.receipt], 60, failure(reason=""))
    engine.bury(five.receipt, failure())
    at(3, 2, 1)
    clock.advance(21)  # six's lease has ended, four waits out its backoff
    at(4, 1, 1)
    assert engine.settle([six.receipt]) == [True]
    at(3, 1, 1)
    assert len(received(engine, lease_seconds=20)) == 2
    at(1, 3, 1)
    clock.advance(40)
    at(4, 0, 1)
    assert len(received(engine, lease_seconds=20)) == 3  # three was handed out twice before
    at(0, 3, 2)
    engine.redrive([five.message.id])
    at(1, 3, 1)
    engine.purge([three.message.id, "unknown"])
    at(1, 3, 0)
    clock.advance(2 * DAY)
    upkeep(observer)
    assert counts(engine)[:2] == (0, 0)
    engine.close()
    observer.close()


def test_history_and_dead_letters_are_found_by_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One page at a time, in id order, whichever index leads there."""
    monkeypatch.setattr(history, "PAGE", 7)
    for few in (0, 20_000):
        monkeypatch.setattr(history, "FEW", few)
        found_by_anything(tmp_path / str(few))


def found_by_anything(path: Path) -> None:
    clock = ManualClock()
    engine = opened(path, clock)
    everything = sent(engine, clock, 60)
    engine.send([message(number, clock, webhook="other") for number in range(100, 130)])
    leases = received(engine, 40)
    engine.settle([lease.receipt for lease in leases[:20]])
    for number, lease in enumerate(leases[20:35]):
        error = "KeyError" if number % 2 else "ValueError"
        engine.bury(lease.receipt, failure(error, "permanent" if number < 10 else "odd"))
    engine.extend([leases[35].receipt], 60, failure("OSError", ""))

    def walk(filter: Filter, page: int = 4) -> list[str]:
        found: list[str] = []
        while entries := engine.events(filter, found[-1] if found else None, page):
            found += ids(entries)
        return found

    oldest: dict[str, Any] = {"newest_first": False}
    assert walk(Filter(webhook="orders", **oldest)) == everything
    assert walk(Filter(webhook="orders")) == everything[::-1]
    assert walk(Filter(state=State.DONE, **oldest)) == everything[:20]
    assert walk(Filter(state=State.DEAD, **oldest)) == everything[20:35]
    assert walk(Filter(state=State.DEAD, webhook="other")) == []
    assert walk(Filter(state=State.LEASED, **oldest)) == everything[35:40]
    assert walk(Filter(state=State.WAITING, webhook="orders", **oldest)) == everything[40:]
    assert walk(Filter(reason="odd", **oldest)) == everything[30:35]
    assert walk(Filter(error="KeyError", **oldest)) == everything[21:35:2]
    assert walk(Filter(error="OSError")) == [everything[35]]
    assert walk(Filter(error="OSError", state=State.DEAD)) == []
    assert walk(Filter(reason="odd", error="KeyError", webhook="orders")) == everything[33:30:-2]
    assert walk(Filter(id=everything[3], webhook="other")) == []
    assert len(walk(ANY, 50)) == 90

    dead = engine.browse(Filter(webhook="orders", **oldest), everything[22], 3)
    assert ids(dead) == everything[23:26]
    assert ids(engine.browse(Filter(reason="odd", error="KeyError"))) == everything[33:30:-2]
    assert dead[0].attempts == (dead[0].failure,)
    engine.close()


def test_a_page_costs_the_same_number_of_queries_whatever_is_on_it(tmp_path: Path) -> None:
    """No query per row: a page of ten thousand is then ten thousand of them."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    sent(engine, clock, 60)
    for lease in received(engine, 60):
        engine.bury(lease.receipt, failure())

    def queries(limit: int) -> int:
        seen: list[str] = []

        def trace(_cursor: object, sql: str, _bindings: object) -> bool:
            seen.append(sql)
            return True

        traced = [engine._shelf.inbox._connection, engine._shelf.ledger._connection]
        for connection in traced:
            assert isinstance(connection, apsw.Connection)
            connection.exec_trace = trace
        assert len(engine.browse(ANY, None, limit)) == limit
        assert len(engine.events(Filter(state=State.DEAD), None, limit)) == limit
        return len(seen)

    assert queries(5) == queries(50)
    engine.close()


def test_text_that_is_none_spoils_nothing(tmp_path: Path) -> None:
    """Half of a surrogate pair, as Python reads it from an odd file name, in whatever is kept."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    odd = "caf\udce9"
    good, bad = message(1, clock), message(2, clock, path=f"/{odd}")
    kept = engine.send([good, bad, message(3, clock)])
    assert [type(outcome) for outcome in kept] == [type(None), StoreError, type(None)]
    first, second = received(engine)
    assert engine.claim(first.receipt, odd).answer == "granted"
    engine.extend([second.receipt], 0, Failure(odd, odd, odd, 1, 1, ""))
    assert engine.bury(first.receipt, Failure("OSError", odd, odd, 1, 1, "permanent"))
    engine.record([Execution(good.id, "orders", 1, 1, 1.0, "FAILED", "OSError", odd, odd)])

    (letter,) = engine.browse(ANY)
    assert letter.failure is not None
    assert letter.failure.cause == "caf\\udce9"
    assert [one.cause for one in engine.executions(good.id)] == ["caf\\udce9"]
    engine.close()


@pytest.mark.parametrize("receipt", ["", "1", "x.y", "1.-1", f"{10**30}.1", f"1.{10**30}"])
def test_a_receipt_of_nobodys_is_stale_whatever_it_says(tmp_path: Path, receipt: Any) -> None:
    """It neither raises nor spoils the ones beside it."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    sent(engine, clock, 1)
    (lease,) = received(engine)
    engine.begin([receipt, lease.receipt])

    assert engine.extend([receipt, lease.receipt], 60) == [False, True]
    assert engine.settle([receipt, lease.receipt, lease.receipt]) == [False, True, False]
    assert not engine.bury(receipt, failure())
    engine.close()


def test_an_older_lease_beside_a_newer_one_in_one_call(tmp_path: Path) -> None:
    """Calls are grouped: each receipt answers for itself, not for its message."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    sent(engine, clock, 1)
    (old,) = received(engine)
    clock.advance(61)
    (new,) = received(engine)

    assert engine.extend([old.receipt, new.receipt], 60) == [False, True]
    assert engine.settle([old.receipt, new.receipt]) == [False, True]
    engine.close()


def test_death_is_told_only_once_it_is_committed(tmp_path: Path) -> None:
    """A commit that fails has buried nobody."""
    clock = ManualClock()
    telemetry, told = heard("message.dead")
    engine = opened(tmp_path, clock, telemetry=telemetry)
    sent(engine, clock, 1)
    for _ in range(2):
        (lease,) = received(engine)
        engine.extend([lease.receipt], 0)
    ledger = engine._shelf.ledger._connection
    assert ledger is not None
    ledger.set_commit_hook(lambda: True)  # refuses
    with pytest.raises(StoreError):
        received(engine)
    assert told == []

    assert received(engine) == []
    assert [fields["reason"] for fields in told] == ["exhausted"]
    engine.close()


def test_a_webhook_that_nobody_configured_is_worked_all_the_same(tmp_path: Path) -> None:
    """What was sent to it is handed out by the default numbers; a pause before that holds."""
    clock = ManualClock()
    engine = SQLiteEngine(tmp_path, clock=clock)
    assert engine.receive("orders", 10, 60) == []
    engine.pause("orders")
    assert engine.pauses() == ["orders"]
    everything = sent(engine, clock, 2)
    assert engine.receive("orders", 10, 60) == []
    engine.resume("orders")
    assert ids(engine.receive("orders", 10, 60)) == everything
    engine.send([message(9, clock, webhook="renamed")])
    assert [row.webhook for row in engine.depth()] == ["orders", "renamed"]

    assert len(engine.receive("renamed", 10, 60)) == 1
    assert engine.webhooks() == ["orders", "renamed"]
    engine.close()


def test_a_webhook_that_left_the_definition_is_seen_expires_and_can_come_back(
    tmp_path: Path,
) -> None:
    """Its messages stay where they are, by its own numbers, until it is there again."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    everything = sent(engine, clock, 2)
    engine.close()
    engine = SQLiteEngine(tmp_path, clock=clock)  # of a definition without `orders`
    assert counts(engine) == (2, 0, 0)
    clock.advance(2 * DAY)
    upkeep(engine)
    assert counts(engine) == (0, 0, 2)
    assert all(engine.redrive(everything))
    engine.close()

    engine = opened(tmp_path, clock)
    assert ids(received(engine)) == everything
    engine.close()
