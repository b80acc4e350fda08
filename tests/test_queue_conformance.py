"""One suite over every engine: the model in memory, the embedded one, and the one on SQS."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import cast

import pytest

from holdfast.clock import Clock
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.testing.conformance import EngineUnderTest, QueueConformance
from holdfast.testing.model import MemoryEngine
from holdfast.testing.world import World
from sqs_kit import Cloud, cloud, new_prefix


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


_ = cloud


class TestSQSEngine(QueueConformance):
    """The engine on SQS keeps what SQS can keep; what it cannot is not among its abilities."""

    @pytest.fixture(autouse=True)
    def store(self, cloud: Cloud) -> None:
        """Queues of its own for each test, in a cloud that keeps the test's time."""
        self.cloud, self.prefix = cloud, new_prefix()
        cloud.follow(self.clock)

    def open(self, clock: Clock, holder: str) -> EngineUnderTest:
        return cast(EngineUnderTest, self.cloud.engine(self.prefix, clock))
