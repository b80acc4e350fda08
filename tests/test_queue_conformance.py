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
