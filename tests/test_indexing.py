"""Indexing beside everything else: how much of the processor it takes, and that it gets done."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from holdfast.clock import SYSTEM_CLOCK, ManualClock
from holdfast.errors import StoreFull
from holdfast.queue.contract import Filter
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.queue.views import Query
from holdfast.runtime.indexing import BUSY_SHARE, IDLE_SECONDS, QUIET_SHARE, Indexer, pause
from sqlite_kit import opened, sent


def test_it_leaves_the_processor_to_reception() -> None:
    """A few percent while much comes in, half of one otherwise, and rest where nothing is left."""
    for busy, share in ((True, BUSY_SHARE), (False, QUIET_SHARE)):
        took = 0.01
        assert took / (took + pause(took, more=True, busy=busy)) == pytest.approx(share)
    assert pause(0.01, more=False, busy=True) == IDLE_SECONDS


def run_until_indexed(engine: SQLiteEngine) -> None:
    """Run the indexer until nothing is behind, then stop it."""

    async def story() -> None:
        indexer = Indexer(engine, SYSTEM_CLOCK)
        running = asyncio.ensure_future(indexer.run())
        step = engine.index
        caught_up = asyncio.Event()
        loop = asyncio.get_running_loop()

        def watched() -> bool:
            more = step()
            if not more:
                loop.call_soon_threadsafe(caught_up.set)
            return more

        engine.index = watched  # type: ignore[method-assign]  # to know when it is through
        await caught_up.wait()
        indexer.stop()
        await running

    asyncio.run(story())


def test_everything_is_indexed_in_the_end(tmp_path: Path) -> None:
    """Step by step, and stopped it ends at once."""
    engine = opened(tmp_path, ManualClock())
    sent(engine, ManualClock(), 500, b'{"a":"needle"}')

    run_until_indexed(engine)

    state = engine.index_state()
    assert (state.indexed, state.behind) == (500, 0)
    assert len(engine.search(Query(("needle",)), Filter(), limit=500).entries) == 500
    engine.close()


def test_it_goes_on_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk makes search slower, and ends nothing."""
    engine = opened(tmp_path, ManualClock())
    sent(engine, ManualClock(), 3)
    failures = [StoreFull("no room"), StoreFull("no room")]
    step = engine.index

    def stumbling() -> bool:
        if failures:
            raise failures.pop()
        return step()

    monkeypatch.setattr(engine, "index", stumbling)
    monkeypatch.setattr("holdfast.runtime.indexing.IDLE_SECONDS", 0.001)

    run_until_indexed(engine)

    assert engine.index_state().behind == 0
    engine.close()
