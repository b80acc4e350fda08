"""Who lives, who died, and what the dead had begun: across real processes."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from holdfast.clock import SYSTEM_CLOCK, ManualClock
from holdfast.errors import StoreError, StoreFull
from holdfast.message import Receipt
from holdfast.queue.contract import QueueLimits
from holdfast.queue.engines.sqlite import SQLiteEngine, holders
from holdfast.queue.engines.sqlite.bell import Bell, Ringer
from holdfast.queue.engines.sqlite.holders import Begun, inherit, others
from process_kit import PATIENCE_SECONDS
from sqlite_kit import Process, counts, failure, ids, opened, processes, received, sent

WORKER = """
engine = opened(path, SYSTEM_CLOCK, holder)
leases = received(engine, 10)
engine.begin([lease.receipt for lease in leases[:2]])
say(ids(leases))
hear()
"""
PARENT = """
begun = Begun(path / "holders", holder)
begun.add([(7, 1)])
child = os.fork()
if not child:
    say("forked")
    hear()
    os._exit(0)
hear()
""".replace("begun = ", "from holdfast.queue.engines.sqlite.holders import Begun\nbegun = ", 1)


def test_what_a_killed_worker_had_begun_comes_alone_and_the_rest_uncounted(tmp_path: Path) -> None:
    """A real `kill -9`; the next upkeep frees everything at once, without waiting for a lease."""
    engine = opened(tmp_path, SYSTEM_CLOCK, "survivor")
    everything = sent(engine, SYSTEM_CLOCK, 5)
    with processes(WORKER, tmp_path, "victim") as [victim]:
        assert victim.hear() == everything
        engine.maintain()
        assert received(engine) == []  # it lives
        victim.kill()
        engine.maintain()

        handed = [received(engine) for _ in range(4)]

    assert not (tmp_path / "holders" / "victim").exists()
    suspects = [leases for leases in handed if leases and leases[0].alone]
    assert sorted(id for leases in suspects for id in ids(leases)) == everything[:2]
    assert all(len(leases) == 1 and leases[0].receive_count == 2 for leases in suspects)
    innocent = [lease for leases in handed for lease in leases if not lease.alone]
    assert sorted(ids(innocent)) == everything[2:]
    assert {lease.receive_count for lease in innocent} == {1}
    engine.close()


def test_a_forked_child_does_not_keep_its_parent_alive(tmp_path: Path) -> None:
    """A handler may fork and not exec: the lock must end with the worker all the same."""
    parent = Process(PARENT, tmp_path, "parent")
    try:
        assert parent.hear() == "forked"
        path = tmp_path / "holders" / "parent"
        with inherit(path) as living:
            assert living is None
        parent.kill()
        with inherit(path) as dead:
            assert dead is not None
            assert dead.begun == frozenset({7})
    finally:
        parent.tell("end")
        parent.close()


def test_upkeep_never_takes_a_worker_that_is_just_starting_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even in the moment between making the file and locking it."""
    deaths: list[str] = []
    real, looked = fcntl.flock, list[bool]()

    def look_first(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX and not looked:
            looked.append(True)
            for path in others(tmp_path, ""):
                with inherit(path) as dead:
                    if dead is not None:
                        deaths.append(dead.name)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", look_first)
    begun = Begun(tmp_path, "worker")

    assert (looked, deaths) == ([True], [])
    assert [path.name for path in others(tmp_path, "")] == ["worker"]
    with inherit(begun.path) as dead:
        assert dead is None
    begun.close(keep_file=False)


def test_leftovers_are_swept(tmp_path: Path) -> None:
    """A file that nobody finished making, and bells of workers that are gone."""
    engine = opened(tmp_path, ManualClock(), "sweeper")
    sent(engine, ManualClock(), 1)
    received(engine)
    assert engine.bell() is not None
    (tmp_path / "holders" / ".half-made").touch()
    os.mkfifo(tmp_path / "bells" / "gone")

    engine.maintain()

    assert [path.name for path in (tmp_path / "holders").iterdir()] == ["sweeper"]
    assert [path.name for path in (tmp_path / "bells").iterdir()] == ["sweeper"]
    engine.close()
    assert list((tmp_path / "holders").iterdir()) == list((tmp_path / "bells").iterdir()) == []


def test_more_than_there_are_slots_for_counts_as_everything(tmp_path: Path) -> None:
    """Better one suspect too many than one too few."""
    begun = Begun(tmp_path, "busy")
    begun.add((n, 1) for n in range(1, holders.SLOTS + 1))
    begun.close(keep_file=True)

    with inherit(tmp_path / "busy") as dead:
        assert dead is not None
        assert dead.begun is None


ENDS: dict[str, Callable[[SQLiteEngine, Receipt], object]] = {
    "settle": lambda engine, receipt: engine.settle([receipt]),
    "release": lambda engine, receipt: engine.release([receipt]),
    "retry": lambda engine, receipt: engine.extend([receipt], 5, failure()),
    "give back": lambda engine, receipt: engine.extend([receipt], 0),
    "bury": lambda engine, receipt: engine.bury(receipt, failure()),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_has_ended_is_no_longer_begun(
    tmp_path: Path, end: Callable[[SQLiteEngine, Receipt], object]
) -> None:
    """In whatever way; else the slots would run out, and after a crash everything be suspect."""
    clock = ManualClock()
    engine = opened(tmp_path, clock, "worker")
    sent(engine, clock, 1)
    (lease,) = received(engine)
    engine.begin([lease.receipt])
    end(engine, lease.receipt)
    engine.abandon()

    with inherit(tmp_path / "holders" / "worker") as dead:
        assert dead is not None
        assert dead.begun == frozenset()


def test_two_leases_of_one_message_are_two(tmp_path: Path) -> None:
    """Letting go of the older one leaves the newer, and slots are given back."""
    begun = Begun(tmp_path, "twice")
    for _ in range(holders.SLOTS):
        begun.add([(5, 1), (5, 2)])
        begun.remove([(5, 1)])
        begun.add([(6, 3)])
        begun.remove([(6, 3), (9, 9)])
    begun.close(keep_file=True)

    with inherit(tmp_path / "twice") as dead:
        assert dead is not None
        assert dead.begun == frozenset({5})


def test_a_name_that_comes_back_frees_its_earlier_life(tmp_path: Path) -> None:
    """And two that live under one name are one too many."""
    clock = ManualClock()
    first = opened(tmp_path, clock, "same")
    sent(first, clock, 1)
    (lease,) = received(first)
    second = opened(tmp_path, clock, "same")
    with pytest.raises(StoreError, match="already leases as same"):
        received(second)
    first.begin([lease.receipt])
    first.abandon()

    (again,) = received(second)

    assert (again.receive_count, again.alone) == (2, True)
    second.close()


def test_who_fails_without_dying_is_no_suspect_any_more(tmp_path: Path) -> None:
    """A message that killed its holder comes alone, until it has ended in some other way."""
    clock = ManualClock()
    first, second = opened(tmp_path, clock, "first"), opened(tmp_path, clock, "second")
    second.configure({"orders": QueueLimits(max_receive_count=9)})
    sent(first, clock, 1)
    first.begin([lease.receipt for lease in received(first)])
    first.abandon()
    second.maintain()
    (suspect,) = received(second)
    second.extend([suspect.receipt], 0, failure())

    (again,) = received(second)

    assert (suspect.alone, again.alone) == (True, False)
    second.close()


def test_a_lease_that_has_passed_on_is_nobodys_beginning(tmp_path: Path) -> None:
    """Its heartbeat hears so, and what was handed out again and not begun is then not counted."""
    clock = ManualClock()
    worker, witness = opened(tmp_path, clock, "worker"), opened(tmp_path, clock, "witness")
    sent(worker, clock, 1)
    (old,) = received(worker)
    worker.begin([old.receipt])
    clock.advance(61)
    (new,) = received(worker)
    assert worker.extend([old.receipt], 60) == [False]
    worker.abandon()
    witness.maintain()

    (again,) = received(witness)

    assert (new.receive_count, again.receive_count, again.alone) == (2, 2, False)
    witness.close()


@pytest.mark.parametrize(
    ("module", "call", "number", "told"),
    [(os, "pwrite", errno.ENOSPC, StoreFull), (mmap, "mmap", errno.EMFILE, StoreError)],
)
def test_a_full_disk_is_told_before_anything_is_handed_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    call: str,
    number: int,
    told: type[StoreError],
) -> None:
    """Too many open files too; and the next try is as good as the first. The file's blocks are there
    before it is mapped; a touch without a block would be a crash."""
    clock = ManualClock()
    engine = opened(tmp_path, clock, "worker")
    sent(engine, clock, 1)

    def full(*_: object) -> int:
        raise OSError(number, "no more")

    with monkeypatch.context() as patched:
        patched.setattr(module, call, full)
        with pytest.raises(told):
            received(engine)
    assert counts(engine) == (1, 0, 0)
    begun = received(engine)
    status = (tmp_path / "holders" / "worker").stat()

    assert len(begun) == 1
    assert status.st_blocks * 512 >= holders.SLOTS * 8
    engine.close()


def test_every_worker_hears_the_bell_and_a_dead_one_hurts_nobody(tmp_path: Path) -> None:
    """Rings go to all that listen; pipes that nobody reads are passed over; full ones too."""
    clock = ManualClock()
    one, two = Bell(tmp_path, "one"), Bell(tmp_path, "two")
    os.mkfifo(tmp_path / "dead")
    ringer = Ringer(tmp_path, clock)
    for _ in range(20_000):  # more than a pipe holds, were it read once only
        ringer.ring()

    for bell in (one, two):
        bell.wait(PATIENCE_SECONDS)
        with pytest.raises(BlockingIOError):
            os.read(bell.descriptor, 1)  # drained
    two.close()
    ringer.ring()
    clock.advance(1)
    three = Bell(tmp_path, "three")
    ringer.ring()

    assert os.read(three.descriptor, 10) == b"!"
    assert os.read(one.descriptor, 10) == b"!!"
    ringer.close()
    one.close()
    three.close()


def test_two_threads_never_ring_at_once(tmp_path: Path) -> None:
    """A descriptor that one closes while the other writes may be a database's by then."""
    inside, leave = threading.Semaphore(0), threading.Event()

    class Halting(ManualClock):
        """Whoever asks for the time in the middle of a ring is held up."""

        def monotonic(self) -> float:
            inside.release()
            assert leave.wait(PATIENCE_SECONDS)
            return 0.0

    ringer = Ringer(tmp_path, Halting())
    threads = [threading.Thread(target=ringer.ring) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert inside.acquire(timeout=PATIENCE_SECONDS)
    assert not inside.acquire(timeout=0.1)
    leave.set()
    assert inside.acquire(timeout=PATIENCE_SECONDS)
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    ringer.close()
