"""Stores that are full, unwritable, damaged, foreign or too new: told apart, refused, recovered."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from cli_scene import call
from holdfast.clock import SYSTEM_CLOCK, ManualClock
from holdfast.errors import (
    SQLiteTooOld,
    StoreError,
    StoreFormat,
    StoreFull,
    StoreLocked,
    StoreMismatch,
)
from holdfast.message import Headers, Message, Request
from holdfast.queue.contract import Filter, QueueLimits, State
from holdfast.queue.engines.sqlite import INBOX, LEDGER, SQLiteEngine, recover
from holdfast.queue.engines.sqlite.files import SQLITE_MINIMUM, require_sqlite
from holdfast.queue.engines.sqlite.recover import SupervisorLock
from process_kit import Run, running

HOOKS = """\
@app.webhook("/fine")
async def fine(event: Event[Any]) -> None:
    note("fine", event)
"""
# An hour ago, because real processes, for which retention is real, open some of these stores.
START_MS = SYSTEM_CLOCK.now_ms() - 3_600_000
FILES = (INBOX, LEDGER)
NOBODY = 65534


def message(number: int, body: bytes = b"{}") -> Message:
    """The message of this number, received that many seconds after the start."""
    at = START_MS + number * 1000
    return Message(f"{at:012x}{number:020x}", "fine", at, Request("POST", "/", "", Headers(), body))


def fill(path: Path, count: int, *, done: int = 0) -> list[str]:
    """A store with so many messages, the first of them worked; their ids."""
    engine = SQLiteEngine(path, clock=ManualClock(START_MS))
    engine.configure({"fine": QueueLimits()})
    messages = [message(number) for number in range(count)]
    engine.send(messages)
    if done:
        engine.settle([lease.receipt for lease in engine.receive("fine", done, 60)])
    engine.close()
    return [one.id for one in messages]


def open_again(path: Path) -> SQLiteEngine:
    return SQLiteEngine(path, clock=ManualClock(START_MS))


def pragma(path: Path, text: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA {text}")
    connection.close()


def scribble(path: Path) -> None:
    """Someone else's bytes where SQLite's header was."""
    with path.open("r+b") as file:
        file.write(b"not what it was" * 4)


# Refused, with what to do


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (scribble, "is damaged .*; put a backup back: `holdfast restore DIR`"),
        (lambda path: pragma(path, "user_version=99"), "has format 99, .*: upgrade Holdfast"),
        (
            lambda path: pragma(path, "application_id=1"),
            "is not a Holdfast store; choose another directory",
        ),
    ],
    ids=["damaged", "newer", "foreign"],
)
def test_a_file_that_is_not_ours_to_read_is_refused(
    tmp_path: Path, name: str, damage: Callable[[Path], None], told: str
) -> None:
    """Either file; the message names it and says what to do, and the file is left as it is."""
    fill(tmp_path, 3)
    damage(tmp_path / name)
    before = (tmp_path / name).read_bytes()

    with pytest.raises(StoreFormat, match=f"{name} {told}"):
        open_again(tmp_path)

    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("name", FILES)
def test_an_empty_file_is_no_store(tmp_path: Path, name: str) -> None:
    """Nobody's tables are laid into a file that somebody made."""
    fill(tmp_path, 1)
    for path in tmp_path.glob(f"{name}*"):
        path.unlink()
    (tmp_path / name).touch()

    with pytest.raises(StoreFormat, match="is not a Holdfast store"):
        open_again(tmp_path)


def test_an_sqlite_that_can_lose_commits_is_refused() -> None:
    """One version below the first sound one is too old, and the message says what to do."""
    oldest = ".".join(map(str, SQLITE_MINIMUM))
    require_sqlite(oldest)
    require_sqlite("3.60.0")
    for version in ("3.51.2", "3.40.1", "3.9.0"):
        with pytest.raises(SQLiteTooOld, match="pip install --upgrade apsw"):
            require_sqlite(version)


@pytest.mark.parametrize("below", [".", "deeper"])
def test_a_directory_that_cannot_be_one_is_named(tmp_path: Path, below: str) -> None:
    """A file where the directory should be, or above it: an error of the store, no traceback."""
    (tmp_path / "store").write_text("a file")

    with pytest.raises(StoreError, match=r"the store .*store.* cannot be used"):
        SQLiteEngine(tmp_path / "store" / below)
    with pytest.raises(StoreError, match=r"the store .*store.* cannot be used"):
        SupervisorLock(tmp_path / "store" / below).__enter__()


def test_a_directory_without_permission_is_named(tmp_path: Path) -> None:
    """One in which nothing may be made."""
    tmp_path.chmod(0o500)
    root = os.geteuid() == 0
    if root:  # who may write everywhere, and so has to be somebody else for the moment
        os.seteuid(NOBODY)
    try:
        with pytest.raises(StoreError, match="cannot be used: Permission denied"):
            SQLiteEngine(tmp_path / "store")
    finally:
        if root:
            os.seteuid(0)


# Files that do not belong together


def lose_ledger(path: Path) -> None:
    for file in path.glob(f"{LEDGER}*"):
        file.unlink()


def foreign_ledger(path: Path) -> None:
    fill(path / "other", 4)
    lose_ledger(path)
    shutil.copy(path / "other" / LEDGER, path / LEDGER)


def restore_inbox(path: Path) -> None:
    """An inbox of yesterday: the one message that the ledger delivered since is not in it."""
    (path / "yesterday").mkdir()
    shutil.copy(path / INBOX, path / "yesterday")
    engine = open_again(path)
    engine.send([message(4)])
    assert len(engine.receive("fine", 10, 60)) == 4
    engine.close()
    shutil.copy(path / "yesterday" / INBOX, path / INBOX)


MISFITS = [
    (lose_ledger, "has messages but no ledger"),
    (foreign_ledger, "belongs to another store"),
    (restore_inbox, "an older inbox was restored"),
]


@pytest.mark.parametrize(("misfit", "told"), MISFITS, ids=["lost", "foreign", "restored"])
@pytest.mark.parametrize(
    ("from_ms", "waiting"), [(0, 4), (START_MS + 2000, 2), (None, 0)], ids=["all", "from", "none"]
)
def test_files_that_do_not_fit_are_refused_until_recovered(
    tmp_path: Path,
    misfit: Callable[[Path], None],
    told: str,
    from_ms: int | None,
    waiting: int,
) -> None:
    """Every kind of misfit, every way out: what waits then is what was asked for."""
    ids = fill(tmp_path, 4, done=1)
    misfit(tmp_path)
    with pytest.raises(StoreMismatch, match=f"{told}.*holdfast recover"):
        open_again(tmp_path)

    done = recover(tmp_path, from_ms=from_ms, clock=SYSTEM_CLOCK)

    assert (done.waiting, done.considered_done) == (waiting, 4 - waiting)
    assert (done.set_aside is None) == (misfit is lose_ledger)
    engine = open_again(tmp_path)
    assert [row.waiting for row in engine.depth()] == [waiting]
    engine.configure({"fine": QueueLimits()})
    leases = engine.receive("fine", 10, 60)
    assert [lease.message.id for lease in leases] == ids[4 - waiting :]
    new = message(9)
    engine.send([new])
    assert [lease.message.id for lease in engine.receive("fine", 10, 60)] == [new.id]
    engine.close()


def test_a_ledger_without_inbox_is_refused(tmp_path: Path) -> None:
    """There is nothing to recover from, and the message says so."""
    fill(tmp_path, 2)
    for file in tmp_path.glob(f"{INBOX}*"):
        file.unlink()

    with pytest.raises(StoreMismatch, match=f"put {INBOX} back from a backup, or move"):
        open_again(tmp_path)
    with pytest.raises(StoreMismatch, match="nothing to recover"):
        recover(tmp_path, from_ms=0, clock=SYSTEM_CLOCK)


def test_a_store_that_runs_is_not_recovered(tmp_path: Path) -> None:
    """Its ledger would be taken from under its workers."""
    fill(tmp_path, 2)
    with SupervisorLock(tmp_path), pytest.raises(StoreLocked, match="stop it"):
        recover(tmp_path, from_ms=0, clock=SYSTEM_CLOCK)


def test_recovery_from_the_command_line(tmp_path: Path) -> None:
    """`run` refuses with exit code 3 and the remedy; `recover` applies it; `run` works it off."""
    ids = fill(tmp_path / "store", 3)
    lose_ledger(tmp_path / "store")

    refused = Run(tmp_path, HOOKS)
    assert refused.code() == 3
    assert "holdfast recover" in refused.said
    command = call("recover", "--all", "--store", str(tmp_path / "store"))
    assert command.code == 0
    assert "3 messages to be delivered again" in command.out + command.err
    with running(tmp_path) as run:
        for id in ids:
            assert run.ended(id).state is State.DONE


# No room


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run that survives all of these."""
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux can take away another process' right to write")
    with running(tmp_path_factory.mktemp("full"), HOOKS) as run:
        yield run


def no_room(pid: int) -> tuple[int, int]:
    """From now on every write to a file fails in this process; what to give back afterwards."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    return before


def test_a_gateway_without_room_refuses_and_recovers_without_a_restart(live: Run) -> None:
    """503 with Retry-After and nothing kept; with room again, the same process keeps again."""
    first = live.keep("/fine")
    (gateway,) = live.pids("gateway")
    before = no_room(gateway)
    try:
        refused = [live.post("/fine") for _ in range(3)]
    finally:
        resource.prlimit(gateway, resource.RLIMIT_FSIZE, before)

    assert [answer.status_code for answer in refused] == [503] * 3
    assert all(int(answer.headers["retry-after"]) >= 0 for answer in refused)
    second = live.keep("/fine")
    assert live.pids("gateway") == [gateway]
    live.hear("store.unavailable")
    live.hear("store.recovered")
    assert {live.ended(id).state for id in (first, second)} == {State.DONE}
    kept = {entry.message.id for entry in live.engine.events(Filter())}
    assert kept.isdisjoint(answer.headers.get("x-holdfast-id", "") for answer in refused)
    assert kept == {first, second}


def test_a_worker_without_room_waits_and_recovers_without_a_restart(live: Run) -> None:
    """What cannot be counted is not handed out; with room again, it is worked, once."""
    (worker,) = live.pids("worker")
    before = no_room(worker)
    try:
        id = live.keep("/fine")
        live.hear("pipe.failed")
        assert live.entry(id).state is State.WAITING
    finally:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, before)

    assert live.ended(id).state is State.DONE
    assert live.noted("fine").count(id) == 1
    assert live.pids("worker") == [worker]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    command = [mount or "", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)]
    if not mount or not umount or subprocess.run(command, capture_output=True).returncode:  # noqa: S603, PLW1510 - our own command, and its failure is an answer
        pytest.skip("only root may mount a small file system")
    try:
        yield tmp_path
    finally:
        subprocess.run([umount, "--lazy", str(tmp_path)], check=True)  # noqa: S603 - our own


def fill_up(path: Path) -> None:
    """One file of all the room that is left."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            continue


def test_a_disk_without_room_is_told_by_name(small_disk: Path) -> None:
    """StoreFull from the kernel's own ENOSPC; room again, and the same engine goes on."""
    engine = open_again(small_disk / "store")
    engine.configure({"fine": QueueLimits()})
    engine.send([message(0)])
    filler = small_disk / "filler"
    fill_up(filler)

    with pytest.raises(StoreFull, match=r"no room left on the disk of inbox\.db"):
        engine.send([message(1, body=bytes(100_000))])
    leases = []
    with contextlib.suppress(StoreError):  # or there was room for that much; but no SIGBUS
        leases += engine.receive("fine", 1, 60)
    filler.unlink()
    engine.send([message(2)])

    leases += engine.receive("fine", 10, 60)
    assert [lease.message.id for lease in leases] == [message(0).id, message(2).id]
    engine.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is full")
def test_a_lock_that_cannot_be_written_is_told_and_let_go(tmp_path: Path) -> None:
    """The file takes a lock but no byte: one StoreError, and no descriptor that still holds it."""
    (tmp_path / "supervisor.lock").symlink_to("/dev/full")
    before = open_descriptors()

    with pytest.raises(StoreError, match="cannot be used"), SupervisorLock(tmp_path):
        pass

    assert before == open_descriptors()


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
