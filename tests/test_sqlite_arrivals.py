"""What was kept, in the order in which it was kept: all of it, once, whatever the ids say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.clock import ManualClock
from holdfast.errors import CursorUnknown
from holdfast.message import Headers, Message, Request, new_message_id
from holdfast.queue.contract import QueueLimits, State
from holdfast.queue.engines.sqlite import SQLiteEngine
from sqlite_kit import opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def engine(tmp_path: Path, clock: ManualClock) -> Iterator[SQLiteEngine]:
    one = opened(tmp_path / "store", clock)
    yield one
    one.close()


def keep(engine: SQLiteEngine, at_ms: int, webhook: str = "orders", id: str = "") -> str:
    request = Request("POST", f"/{webhook}", "", Headers(), b"{}")
    id = id or new_message_id(at_ms)
    assert engine.send([Message(id, webhook, at_ms, request)]) == [None]
    return id


def all_after(engine: SQLiteEngine, cursor: str | None, limit: int = 2, **asked: str) -> list[str]:
    found: list[str] = []
    while True:
        page = engine.arrivals(cursor, limit=limit, **asked)  # type: ignore[arg-type]  # webhook
        found += [entry.message.id for entry in page.entries]
        cursor = page.cursor
        if not page.more:
            return found


def test_a_smaller_id_that_is_kept_later_is_not_missed(
    engine: SQLiteEngine, clock: ManualClock
) -> None:
    """Two gateways make ids, and the earlier one may commit last: order is that of the commits."""
    now = clock.now_ms()
    begin = engine.arrivals(None).cursor
    later = keep(engine, now + 5)
    first = engine.arrivals(begin)
    earlier = keep(engine, now)

    assert earlier < later
    assert [entry.message.id for entry in first.entries] == [later]
    assert all_after(engine, first.cursor) == [earlier]
    assert all_after(engine, begin) == [later, earlier]


def test_pages_leave_none_out_and_repeat_none(engine: SQLiteEngine, clock: ManualClock) -> None:
    """Also where what comes meanwhile is another webhook's, and where a page is just full."""
    begin = engine.arrivals(None).cursor
    made = [keep(engine, clock.now_ms(), "users" if n % 3 else "orders") for n in range(10)]

    for limit in (1, 2, 5, 10, 11):
        assert all_after(engine, begin, limit) == made
        assert all_after(engine, begin, limit, webhook="orders") == made[::3]
    page = engine.arrivals(begin, limit=10)
    assert (len(page.entries), page.more) == (10, True)
    last = engine.arrivals(page.cursor)
    assert (last.entries, last.more, last.cursor) == ((), False, page.cursor)


def test_the_cursor_of_one_webhook_passes_over_the_others(engine: SQLiteEngine) -> None:
    """What it need not look at again is behind it."""
    keep(engine, 1, "users")
    here = engine.arrivals(engine.arrivals(None, since_ms=0).cursor, webhook="orders").cursor

    assert here == engine.arrivals(None).cursor


def test_one_may_begin_at_a_time(engine: SQLiteEngine, clock: ManualClock) -> None:
    """With the first that came in then; without a time, with what comes from now on."""
    now = clock.now_ms()
    keep(engine, now)
    wanted = [keep(engine, now + 1_000), keep(engine, now + 2_000)]

    found = engine.arrivals(None, since_ms=now + 500)
    assert [entry.message.id for entry in found.entries] == wanted
    assert engine.arrivals(None).entries == ()
    assert engine.arrivals(None, since_ms=now + 9_000).entries == ()


def test_a_time_is_found_where_ids_do_not_tell_it(engine: SQLiteEngine, clock: ManualClock) -> None:
    """Ids of others are any text: then the time itself is looked at."""
    now = clock.now_ms()
    keep(engine, now, id="zz")
    keep(engine, now + 1_000, id="aa")

    found = engine.arrivals(None, since_ms=now + 500)
    assert [entry.message.id for entry in found.entries] == ["aa"]


def test_an_arrival_is_told_with_what_became_of_it(
    engine: SQLiteEngine, clock: ManualClock
) -> None:
    """As history tells it."""
    begin = engine.arrivals(None).cursor
    keep(engine, clock.now_ms())
    (lease,) = engine.receive("orders", 1, 30)
    engine.settle([lease.receipt])

    assert engine.arrivals(begin).entries[0].state is State.DONE


@pytest.mark.parametrize("cursor", ["", "1", "x.y", "-1.00000000", "1.00000000"])
def test_a_cursor_of_another_store_is_refused(engine: SQLiteEngine, cursor: str) -> None:
    """It would leave out what it has no idea of."""
    with pytest.raises(CursorUnknown, match="another store"):
        engine.arrivals(cursor)


def test_a_cursor_ahead_of_a_restored_store_is_refused(
    engine: SQLiteEngine, tmp_path: Path, clock: ManualClock
) -> None:
    """An older inbox was put back: what came since would be left out."""
    keep(engine, 1)
    n, _, store = engine.arrivals(None).cursor.partition(".")

    with pytest.raises(CursorUnknown, match="ahead"):
        engine.arrivals(f"{int(n) + 1}.{store}")
    other = SQLiteEngine(tmp_path / "other", clock=clock)
    other.configure({"orders": QueueLimits()})
    with pytest.raises(CursorUnknown, match="another store"):
        other.arrivals(f"{n}.{store}")
    other.close()
