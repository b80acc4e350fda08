"""A gateway, a worker and upkeep on a disk whose syncs fail and which is full now and then, until the
power goes: what was acknowledged is there afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from bench.disk import Disk, Mode

from holdfast.clock import ManualClock
from holdfast.errors import StoreError
from holdfast.message import Lease
from holdfast.queue.contract import Filter
from holdfast.queue.engines.sqlite import SQLiteEngine, files, upkeep
from sqlite_kit import failure, ids, message, opened, received

ALL = 10_000
SIZES = (10, 3_000, 20_000)


class Story:
    """Some sixty steps, each of which may fail; the seed decides which, and on what."""

    def __init__(self, path: Path, disk: Disk, seed: int) -> None:
        self.chance = random.Random(seed)
        self.disk = disk
        self.clock = ManualClock()
        names = ("gateway", "worker", "upkeep")
        self.engines = [opened(path, self.clock, name, vfs=disk.name) for name in names]
        self.sent = 0
        self.held: list[Lease] = []
        self.kept: set[str] = set()
        self.ended: set[str] = set()
        """Or perhaps: whoever settles it hears an error, and it is settled all the same."""
        self.errors = 0

    def live(self) -> None:
        steps: list[Callable[[], object]] = [self.send, self.receive, self.settle, self.bury]
        steps += [self.send, self.receive, self.redrive, self.maintain]
        for _ in range(60):
            if self.chance.random() < 0.15:
                self.disk.fail_sync_at = self.disk.syncs + self.chance.randint(1, 3)
            self.disk.full = self.chance.random() < 0.1
            try:
                self.chance.choice(steps)()
            except StoreError:
                self.errors += 1
            self.clock.advance(1)

    def send(self) -> None:
        size = self.chance.choice(SIZES)
        messages = [message(self.sent + n, self.clock, bytes(size)) for n in range(3)]
        self.sent += 3
        outcomes = self.engines[0].send(messages)
        self.kept |= {one.id for one, bad in zip(messages, outcomes, strict=True) if bad is None}

    def receive(self) -> None:
        self.held += received(self.engines[1], 3)

    def settle(self) -> None:
        if self.held:
            lease = self.held.pop()
            self.ended.add(lease.message.id)
            if self.engines[1].settle([lease.receipt]) == [False]:
                self.ended.discard(lease.message.id)

    def bury(self) -> None:
        if self.held:
            self.engines[1].bury(self.held.pop(0).receipt, failure())

    def redrive(self) -> None:
        self.engines[2].redrive(ids(self.engines[2].browse(Filter(), None, 3)))

    def maintain(self) -> None:
        self.engines[2].maintain()

    def end(self, mode: Mode, seed: int) -> None:
        self.disk.dark = True
        for engine in self.engines:
            with suppress(StoreError):
                engine.abandon()
        self.disk.restore(mode, seed)


@pytest.mark.parametrize("mode", ["forget", "subset"])
def test_what_was_acknowledged_outlives_failing_syncs_and_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    """It is worked, or was, or is a dead letter, whatever became of the calls around it."""
    monkeypatch.setattr(files, "CHECKPOINT_PAGES", 30)
    monkeypatch.setattr(upkeep, "LOG_BYTES", 40_000)
    errors = 0
    for seed in range(5):
        path, disk = tmp_path / str(seed), Disk(f"trouble-{mode}-{seed}")
        story = Story(path, disk, seed)
        story.live()
        story.end(mode, seed)
        disk.unregister()
        errors += story.errors

        after = SQLiteEngine(path, clock=story.clock)
        worked = set[str]()
        story.clock.advance(120)
        while leases := received(after):
            worked |= set(ids(leases))
        dead = set(ids(after.browse(Filter(), None, ALL)))
        after.close()
        assert story.kept - story.ended - worked - dead == set(), seed
    assert errors > 20
