"""The two files themselves: after an error, under readers, in strange places, for nobody else."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from bench.disk import Disk

from holdfast.clock import ManualClock
from holdfast.errors import StoreBusy, StoreError, StoreMismatch
from holdfast.queue.engines.sqlite import INBOX, LEDGER, SQLiteEngine, files, recover
from holdfast.queue.engines.sqlite.files import File
from holdfast.queue.engines.sqlite.store import network_file_system
from process_kit import PATIENCE_SECONDS
from sqlite_kit import ids, message, opened, received, sent, upkeep


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Disk]:
    """A disk of the test's own, known to SQLite under its name."""
    disk = Disk(f"disk-{request.node.name}")
    yield disk
    disk.unregister()


def log_bytes(path: Path, name: str = INBOX) -> int:
    return (path / f"{name}-wal").stat().st_size


# After an error


def test_after_a_failed_sync_the_log_is_written_out_before_anything_is_acknowledged(
    tmp_path: Path, disk: Disk
) -> None:
    """The kernel may have dropped pages of it; a fresh log cannot lack any."""
    clock = ManualClock()
    engine = opened(tmp_path, clock, vfs=disk.name)
    for number in range(20):
        engine.send([message(number, clock, bytes(10_000))])
    long = log_bytes(tmp_path)
    disk.fail_sync_at = disk.syncs + 1
    with pytest.raises(StoreError):
        engine.send([message(20, clock)])

    engine.send([message(21, clock)])

    assert long > 200_000
    assert log_bytes(tmp_path) < 50_000
    assert len(received(engine)) == 21
    engine.close()


def test_where_the_log_cannot_be_written_out_nothing_is_acknowledged(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader in the way is a reason to refuse, not to trust; when it is gone, all goes on."""
    monkeypatch.setattr(files, "BUSY_TIMEOUT_MS", 20)
    clock = ManualClock()
    engine = opened(tmp_path, clock, vfs=disk.name)
    sent(engine, clock, 1)
    reader = apsw.Connection(str(tmp_path / INBOX), vfs=disk.name)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM message").get == 1
    disk.fail_sync_at = disk.syncs + 1
    with pytest.raises(StoreError):
        engine.send([message(1, clock)])

    with pytest.raises(StoreBusy, match=r"still being read|held by another"):
        engine.send([message(2, clock)])
    reader.close()
    engine.send([message(3, clock)])

    assert len(received(engine)) == 2
    engine.close()


def test_a_block_that_raises_is_rolled_back(tmp_path: Path) -> None:
    """Whatever it raises, and the file goes on."""
    opened(tmp_path, ManualClock()).close()
    file = File(tmp_path / LEDGER, synchronous="NORMAL")

    def interrupted() -> None:
        with file.write() as ledger:
            ledger.execute("INSERT INTO meta VALUES ('a', 1)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with file.write(durable=True) as ledger:
        ledger.execute("INSERT INTO meta VALUES ('b', 1)")
    with file.read() as ledger:
        assert ledger.execute("SELECT key FROM meta WHERE key IN ('a', 'b')").fetchall() == [("b",)]
        assert ledger.execute("PRAGMA synchronous").get == 1  # NORMAL again
    file.close()


def test_a_snapshot_is_one_moment(tmp_path: Path) -> None:
    """What others commit meanwhile is not in it; the next one has it."""
    opened(tmp_path, ManualClock()).close()
    one, two = (File(tmp_path / LEDGER, synchronous="NORMAL") for _ in range(2))
    query = "SELECT count(*) FROM meta WHERE key = 'new'"
    with one.snapshot() as ledger:
        assert ledger.execute(query).get == 0
        with two.write() as other:
            other.execute("INSERT INTO meta VALUES ('new', 1)")
        assert ledger.execute(query).get == 0
    with one.snapshot() as ledger:
        assert ledger.execute(query).get == 1
    one.close()
    two.close()


def test_a_long_log_is_cut_off_in_spite_of_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader keeps it from starting again; once it has gone, upkeep cuts the log off."""
    monkeypatch.setattr(files, "LOG_BYTES_MAX", 5 * 1024 * 1024)
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    reader = apsw.Connection(str(tmp_path / INBOX))
    sent(engine, clock, 1)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM message").fetchall()
    for number in range(1, 13):
        engine.send([message(number, clock, bytes(1_000_000))])
    upkeep(engine)
    assert log_bytes(tmp_path) > 10_000_000  # and nobody was stopped

    reader.close()
    engine.send([message(50, clock, bytes(6_000_000))])
    upkeep(engine)
    upkeep(engine)

    assert log_bytes(tmp_path) < 5 * 1024 * 1024
    engine.close()


def test_an_idle_store_leaves_the_disk_alone(tmp_path: Path, disk: Disk) -> None:
    """The ledger is synced a second after anybody's commit, and not once a second for ever."""
    clock = ManualClock()
    engine = opened(tmp_path, clock, "upkeep", vfs=disk.name)
    worker = opened(tmp_path, clock, "worker", vfs=disk.name)

    def syncs() -> int:
        before = disk.syncs
        clock.advance(1)
        upkeep(engine)
        return disk.syncs - before

    syncs()
    assert [syncs() for _ in range(3)] == [0, 0, 0]
    sent(worker, clock, 1)
    (lease,) = received(worker)
    assert [syncs() for _ in range(3)] == [1, 0, 0]
    worker.settle([lease.receipt])
    assert [syncs() for _ in range(3)] == [1, 0, 0]
    engine.pause("orders")
    assert [syncs() for _ in range(2)] == [1, 0]
    worker.close()
    engine.close()


# Moved, lost, left over


@pytest.mark.parametrize("replaced", [False, True])
def test_a_store_that_is_moved_away_while_in_use_keeps_nothing_more(
    tmp_path: Path, *, replaced: bool
) -> None:
    """SQLite would go on writing to a file that nobody will ever open again."""
    clock = ManualClock()
    store, away = tmp_path / "store", tmp_path / "away"
    engine = opened(store, clock)
    kept = sent(engine, clock, 1)
    store.rename(away)
    if replaced:
        opened(store, clock).close()

    for _ in range(2):
        with pytest.raises(StoreError):
            engine.send([message(1, clock)])
    engine.close()

    assert ids(received(opened(away, clock))) == kept


def test_a_store_is_where_it_was_when_the_process_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler may change the directory of its whole process; the store's path may be relative."""
    clock = ManualClock()
    monkeypatch.chdir(tmp_path)
    engine = opened(Path("store"), clock)
    everything = sent(engine, clock, 2)
    assert engine.bell() is not None
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    everything += sent(engine, clock, 1)
    leases = received(engine)
    assert ids(leases) == everything
    assert engine.settle([lease.receipt for lease in leases]) == [True] * 3
    engine.close()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("name", [INBOX, LEDGER])
def test_a_log_without_its_file_is_not_given_to_a_new_one(tmp_path: Path, name: str) -> None:
    """SQLite would read another file's pages into it."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    sent(engine, clock, 1)
    log = (tmp_path / f"{name}-wal").read_bytes()
    engine.close()
    (tmp_path / name).unlink()
    (tmp_path / f"{name}-wal").write_bytes(log)
    if name == INBOX:
        (tmp_path / LEDGER).unlink()

    with pytest.raises(StoreMismatch, match=f"has {name}-wal but no {name}"):
        SQLiteEngine(tmp_path, clock=clock)


def test_recover_sets_a_lone_log_aside_too(tmp_path: Path) -> None:
    """What a recovery that was killed halfway leaves behind does not spoil the next one."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    everything = sent(engine, clock, 3)
    engine.settle([lease.receipt for lease in received(engine)])
    log = (tmp_path / f"{LEDGER}-wal").read_bytes()
    engine.close()
    (tmp_path / LEDGER).unlink()
    (tmp_path / f"{LEDGER}-wal").write_bytes(log)

    assert recover(tmp_path, from_ms=0, clock=clock).waiting == 3

    assert len(list(tmp_path.glob("*.aside-wal"))) == 1
    engine = opened(tmp_path, clock)
    assert ids(received(engine)) == everything
    engine.close()


def test_a_recovery_that_is_killed_leaves_no_ledger_that_knows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken for a ledger, an empty one would deliver everything again, whatever was asked for."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    sent(engine, clock, 3)
    engine.close()
    real, renamed = Path.rename, list[str]()

    def power_cut(self: Path, target: Path) -> Path:
        if self.name == "ledger.new":
            connection = apsw.Connection(str(self))
            renamed.append(str(connection.execute("SELECT position FROM queue").get))
            connection.close()
            raise KeyboardInterrupt
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", power_cut)
        with pytest.raises(KeyboardInterrupt):
            recover(tmp_path, from_ms=None, clock=clock)

    assert renamed == ["3"]
    with pytest.raises(StoreMismatch, match="has messages but no ledger"):
        SQLiteEngine(tmp_path, clock=clock)


def test_nobody_opens_a_store_while_it_is_recovered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application's gateway may start at any moment; it would make a ledger of its own."""
    clock = ManualClock()
    opened(tmp_path, clock).close()
    real, refused = Path.rename, list[str]()

    def look_first(self: Path, target: Path) -> Path:
        with (tmp_path / "open.lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        refused.append(self.name)
        return real(self, target)

    monkeypatch.setattr(Path, "rename", look_first)
    recover(tmp_path, from_ms=0, clock=clock)

    assert refused == ["ledger.db", "ledger.new"]


# For nobody else's eyes, and in strange places


def test_the_store_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds what senders sent. Directories 0700, files 0600, SQLite's own among them."""
    clock = ManualClock()
    before = os.umask(0)
    try:
        engine = opened(tmp_path / "deep" / "store", clock)
        sent(engine, clock, 1)
        received(engine)
        engine.bell()
        found = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep").rglob("*")
        }
        engine.close()
    finally:
        os.umask(before)

    directories = {"store", "holders", "bells"}
    assert {found[name] for name in directories} == {0o700}
    assert {mode for name, mode in found.items() if name not in directories} == {0o600}
    assert {INBOX, LEDGER, f"{INBOX}-wal", f"{LEDGER}-shm"} <= found.keys()


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/", None),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/store", "nfs4"),
        ("/mnt/shared", None),
        ("/mnt/share/local/store", None),
        ("/mnt/my share/store", "fuse.sshfs"),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(
    tmp_path: Path, place: str, kind: str | None
) -> None:
    """The longest mount that holds the path decides, with spaces in it or without."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\n"
        "server:/x /mnt/share nfs4 rw 0 0\n"
        "/dev/sdb1 /mnt/share/local xfs rw 0 0\n"
        "me@host:/ /mnt/my\\040share fuse.sshfs rw 0 0\n"
    )

    assert network_file_system(Path(place), mounts) == kind
    assert network_file_system(Path(place), tmp_path / "none") is None


def test_a_new_store_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    """Gateways and workers start together; one makes it, and all agree on what it is."""
    found, threads = list[str](), list[threading.Thread]()

    def open_it() -> None:
        engine = SQLiteEngine(tmp_path / "store", clock=ManualClock())
        found.append(engine.store_id)
        engine.close()

    for _ in range(6):
        threads.append(threading.Thread(target=open_it))
        threads[-1].start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    assert len(found) == 6
    assert len(set(found)) == 1
