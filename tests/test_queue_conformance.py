"""One suite over every engine: the model in memory, and the embedded one."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import pytest

from holdfast.clock import Clock
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.testing.conformance import QueueConformance
from holdfast.testing.model import MemoryEngine
from holdfast.testing.world import World


class TestMemoryEngine(QueueConformance):
    """The model itself keeps the contract."""

    @cached_property
    def world(self) -> World:
        """The store of one test."""
        return World()

    def open(self, clock: Clock, holder: str) -> MemoryEngine:
        return MemoryEngine(clock=clock, holder=holder, world=self.world)


class TestSQLiteEngine(QueueConformance):
    """The embedded engine does too."""

    @pytest.fixture(autouse=True)
    def store(self, tmp_path: Path) -> None:
        """A directory of its own for each test."""
        self.path = tmp_path / "store"

    def open(self, clock: Clock, holder: str) -> SQLiteEngine:
        return SQLiteEngine(self.path, clock=clock, holder=holder)

    @pytest.mark.xfail(strict=True, reason="slots of begun work are keyed by message, not by lease")
    def test_a_stale_receipt_does_not_hide_what_is_being_worked(self) -> None:
        """Known and marked, not skipped: a fix turns this red until the mark is gone."""
        super().test_a_stale_receipt_does_not_hide_what_is_being_worked()

    @pytest.mark.xfail(strict=True, reason="a claim remembers one dead letter that it supersedes")
    def test_every_dead_letter_of_an_event_is_superseded(self) -> None:
        """Known and marked, as above."""
        super().test_every_dead_letter_of_an_event_is_superseded()

    @pytest.mark.xfail(reason="two threads may both make the holder's file, at the first receive")
    def test_receivers_in_several_threads_share_a_queue_without_overlap(self) -> None:
        """Known and marked, as above; whether it shows is a matter of timing."""
        super().test_receivers_in_several_threads_share_a_queue_without_overlap()
