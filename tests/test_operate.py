"""What operators do, over the contracts alone: every engine gets it, the one in memory too."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from typing import Final

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.clock import ManualClock
from holdfast.errors import HoldfastError, NotFound
from holdfast.message import Failure, Headers, Message, Request
from holdfast.operate import lookup
from holdfast.operate.delivery import deliver
from holdfast.operate.finding import Criteria, Finder
from holdfast.operate.replay import replay
from holdfast.operate.selection import CHUNK, Outcome, Selection, dead_ids, event_ids, in_order
from holdfast.queue.contract import Filter, QueueLimits
from holdfast.queue.views import Query
from holdfast.testing import MemoryEngine
from process_kit import PATIENCE_SECONDS

IDS: Final = [f"{number:032x}" for number in range(250)]


def engine_with(count: int, clock: ManualClock) -> MemoryEngine:
    """So many events of the webhook `w`, all waiting, under the first of IDS."""
    engine = MemoryEngine(clock=clock)
    engine.configure({"w": QueueLimits()})
    for id in IDS[:count]:
        engine.send([Message(id, "w", clock.now_ms(), Request("POST", "/w", "", Headers(), b"{}"))])
    return engine


def bury_all(engine: MemoryEngine) -> None:
    while leases := engine.receive("w", 100, 30):
        for lease in leases:
            engine.bury(lease.receipt, Failure("E", "c", reason="permanent"))


def test_selections_walk_over_many_pages() -> None:
    """All that match, oldest first, however many pages that takes, or as many as were asked for."""
    clock = ManualClock()
    engine = engine_with(250, clock)

    assert event_ids(engine, Selection(), clock.now_ms()) == IDS
    assert event_ids(engine, Selection(limit=7), clock.now_ms()) == IDS[:7]
    bury_all(engine)
    assert dead_ids(engine, Selection(), clock.now_ms()) == IDS
    assert dead_ids(engine, Selection(limit=201), clock.now_ms()) == IDS[:201]


def test_what_comes_later_is_not_selected() -> None:
    """A selection is as of its moment: a letter that dies again meanwhile is not taken twice."""
    clock = ManualClock()
    engine = engine_with(2, clock)
    before = clock.now_ms()
    clock.advance(1)
    bury_all(engine)

    assert dead_ids(engine, Selection(), before) == []
    assert dead_ids(engine, Selection(), clock.now_ms()) == IDS[:2]


def test_replay_copies_what_is_there() -> None:
    """Old ids to new ones; a chain of replays names the original and its time of arrival."""
    clock = ManualClock()
    engine = engine_with(1, clock)
    arrived = clock.now_ms()
    clock.advance(60)

    (first,) = replay(engine, engine, [IDS[0], "gone"], clock.now_ms()).values()
    (second,) = replay(engine, engine, [first], clock.now_ms()).values()

    (copy,) = engine.events(Filter(id=second))
    assert copy.message.replay_of == IDS[0]
    assert copy.message.judged_at_ms == arrived
    assert copy.message.request == engine.events(Filter(id=IDS[0]))[0].message.request


def test_lookup_knows_whole_ids_and_beginnings() -> None:
    """An id, or a beginning that only one has; case does not matter; anything else is not found."""
    engine = engine_with(3, ManualClock())

    assert lookup.event(engine, IDS[2]).message.id == IDS[2]
    with pytest.raises(NotFound, match="beginning of several"):
        lookup.event(engine, IDS[2][:8])
    for wrong in ("", "0" * 7, "f" * 8, "f" * 32, IDS[0] + "0"):
        with pytest.raises(NotFound):
            lookup.event(engine, wrong)


@given(st.integers(1, 250), st.sampled_from([None, 0.5, 7.0, 100.0, 1e6]))
def test_everything_is_acted_on_once_and_in_order(count: int, rate: float | None) -> None:
    """At any rate, each id is handed over exactly once, in order, in chunks of a bounded size."""
    acted: list[str] = []
    sizes: list[int] = []

    def act(ids: Sequence[str]) -> int:
        acted.extend(ids)
        sizes.append(len(ids))
        clock.advance(1_000)  # so that the next chunk is due at any rate
        return len(ids)

    clock = ManualClock()
    told: list[int] = []
    outcome = asyncio.run(
        in_order(IDS[:count], act, rate=rate, clock=clock, on_progress=told.append)
    )

    assert acted == IDS[:count]
    assert outcome == Outcome(count, count)
    assert told[-1] == count
    assert max(sizes) <= (CHUNK if rate is None else max(1, min(CHUNK, int(rate))))


def test_a_rate_is_waited_for() -> None:
    """The second chunk is not begun before its time has come on the clock."""
    clock = ManualClock()
    acted: list[str] = []

    async def cancelled_while_waiting() -> Outcome:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def act(ids: Sequence[str]) -> int:
            acted.extend(ids)
            loop.call_soon_threadsafe(begun.set)
            return len(ids)

        # The clock stands still, so the wait for the second chunk would last for ever.
        work = asyncio.ensure_future(in_order(IDS[:3], act, rate=0.001, clock=clock))
        await begun.wait()
        work.cancel()
        return await work

    assert asyncio.run(cancelled_while_waiting()) == Outcome(3, 1, cancelled=True)
    assert acted == IDS[:1]


def test_cancelled_in_a_chunk_it_is_finished_and_counted() -> None:
    """What is under way cannot be called back: it is waited for, and the count tells the truth."""
    going = threading.Event()

    async def cancelled_while_acting() -> Outcome:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def act(ids: Sequence[str]) -> int:
            loop.call_soon_threadsafe(begun.set)
            assert going.wait(PATIENCE_SECONDS)
            return len(ids)

        work = asyncio.ensure_future(in_order(IDS, act, rate=None, clock=ManualClock()))
        await begun.wait()
        work.cancel()
        loop.call_soon(going.set)
        return await work

    assert asyncio.run(cancelled_while_acting()) == Outcome(250, CHUNK, cancelled=True)


def test_texts_are_looked_for_on_every_page() -> None:
    """A text deep in history is found, and only what holds it, on an engine without an index."""
    clock = ManualClock()
    engine = engine_with(249, clock)
    request = Request("POST", "/w", "", Headers(), b"the needle")
    engine.send([Message(IDS[249], "w", clock.now_ms(), request)])

    found = Finder(engine, None, clock).events(Criteria(query=Query(("Needle",))), None, 5)

    assert list(map(lookup.id_of, found.found)) == [IDS[249]]
    assert found.complete


def test_an_answer_that_comes_before_the_body_was_read_is_shown() -> None:
    """Whoever refuses a body for its size closes on the rest of it: what he said is heard."""
    said = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(said)

        host = threading.Thread(target=refuse, daemon=True)
        host.start()
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        request = Request("POST", "/w", "", Headers(), b"x" * 30_000_000, origin=origin)
        answered = deliver(request, timeout_seconds=PATIENCE_SECONDS)
        host.join()

    assert (answered.status, answered.body) == (413, "{}")


def test_a_large_body_that_nobody_read_to_its_end_is_suspected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A gateway that answers 413 early may close before the answer was read."""

    def fail(*_: object, **__: object) -> None:
        raise httpx.ReadError("reset")

    monkeypatch.setattr(httpx.Client, "request", fail)

    def told(size: int) -> str:
        request = Request("POST", "/w", "", Headers(), b"x" * size, origin="http://x")
        with pytest.raises(HoldfastError) as raised:
            deliver(request)
        return str(raised.value)

    assert told(100) == "http://x broke off (ReadError)"
    assert "perhaps it takes no body of 2,000,000 bytes (body_limit)" in told(2_000_000)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ConnectError("refused"), "nothing answers at http://x"),
        (httpx.ReadTimeout("late"), "did not answer within 30 seconds"),
        (httpx.RemoteProtocolError("broken"), r"broke off \(RemoteProtocolError\)"),
        (httpx.LocalProtocolError("bad method"), "cannot be sent: bad method"),
    ],
)
def test_what_went_wrong_on_the_way_is_told(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of failure in words that say what to do about it."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(httpx.Client, "request", fail)
    request = Request("POST", "/w", "", Headers(), b"", origin="http://x")

    with pytest.raises(HoldfastError, match=said):
        deliver(request)
