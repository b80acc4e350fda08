"""A copy of a store that runs, and the way back from one.

A backup is a directory with `ledger.db`, `inbox.db` and, where operators did anything, `desk.db`: each as
it was at one moment, on disk, and without a log beside it. The ledger is copied before the inbox: one
that lags means that something is worked again, one that is ahead that something never would be.

Its files say in their header that they have no log. Files in use say that they have one; so that one
put in place by hand beside the log of what it replaced can be told, and is refused (`Store`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw

from holdfast.clock import Clock
from holdfast.errors import StoreError
from holdfast.queue.engines.sqlite.files import (
    BUSY_TIMEOUT_MS,
    require_sqlite,
    storing,
    translate,
)
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.recover import SupervisorLock
from holdfast.queue.engines.sqlite.store import (
    DESK,
    INBOX,
    LEDGER,
    SEARCH,
    Store,
    judge_log,
    make_directory,
    sync_directory,
)

BESIDE = ("", "-wal", "-shm")
"""A file and what SQLite keeps beside it. The file goes first: without its log it may be damaged, and must
not pass for whole; a log without its file is refused."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What one holds. `messages`: those that its inbox has, worked ones too."""

    path: Path
    messages: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back, and where that went which was there before; None where nothing was."""

    messages: int
    set_aside: Path | None


def back_up(path: Path, to: Path) -> Backup:
    """Copy the store at `path`, which may be running, into the new directory `to`. Raises StoreError.

    `to` has its name only once all of it is on disk. It needs as much room as the store.
    """
    require_sqlite(apsw.sqlite_lib_version())
    store, to = Store(path), to.absolute()
    if not store.inbox.exists() or not store.ledger.exists():
        raise StoreError(f"{path} is no store: there is nothing to back up")
    draft = to.with_name(f"{to.name}.part")
    with storing(to):
        if to.exists() and not (to.is_dir() and not any(to.iterdir())):
            raise StoreError(f"{to} is there already: a backup goes into a directory of its own")
        with _drafting(draft):
            _copy(store.path, draft)
            messages = _messages(draft / INBOX)
            size_bytes = sum(file.stat().st_size for file in draft.iterdir())
            draft.rename(to)
            sync_directory(to.parent)
    return Backup(to, messages, size_bytes)


def restore(backup: Path, path: Path, *, clock: Clock) -> Restored:
    """Put a backup in the place of the store at `path`, on which nothing may run. Raises StoreError.

    What was there is set aside, not deleted. The backup is judged before anything is touched, and
    stays as it is; at whatever moment this breaks off, the store is whole or is refused.
    """
    require_sqlite(apsw.sqlite_lib_version())
    store = Store(path)
    if not (backup / INBOX).exists() or not (backup / LEDGER).exists():
        raise StoreError(f"{backup} is no backup: it lacks {INBOX} or {LEDGER}")
    draft, aside = store.path / "restore.part", store.path / f"replaced.{clock.now_ms()}"
    with storing(path), SupervisorLock(path), store.exclusively(), _drafting(draft):
        _copy(backup, draft)
        Store(draft).prepare()
        found = [
            name
            for name in (INBOX, LEDGER, DESK)
            if any(Path(f"{store.path / name}{suffix}").exists() for suffix in BESIDE)
        ]
        if found:
            aside.mkdir(mode=0o700)  # one that is there already must not be written over
        # The index is made anew; one that is ahead of its inbox would find too little.
        _move(store.path / SEARCH, None)
        for name in (INBOX, LEDGER, DESK):
            _move(store.path / name, aside / name)
            if found:
                sync_directory(aside)
            if (draft / name).exists():
                (draft / name).rename(store.path / name)
            sync_directory(store.path)
    return Restored(_messages(store.inbox), aside if found else None)


@contextlib.contextmanager
def _drafting(draft: Path) -> Iterator[None]:
    """An empty directory to work in, ours alone, and gone at the end unless it has another name by then.
    What one left behind that was killed is removed."""
    make_directory(draft)
    descriptor = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = os.path.samestat(os.fstat(descriptor), draft.stat())
        except (BlockingIOError, FileNotFoundError):
            ours = False
        if not ours:
            raise StoreError(f"{draft} is being written by another backup")
        try:
            for file in draft.iterdir():
                file.unlink()
            yield
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    finally:
        os.close(descriptor)


def _copy(source: Path, to: Path) -> None:
    for name in (LEDGER, INBOX, DESK):
        # One of no bytes is nobody's: tools leave them where they were asked for what is not there.
        judge_log(source / name)
        if (source / name).exists() and (source / name).stat().st_size:
            _copy_file(source / name, to / name)
    sync_directory(to)


def _copy_file(source: Path, to: Path) -> None:
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with contextlib.closing(_open(source)) as reading, contextlib.closing(_open(to)) as writing:
            with writing.backup("main", reading, "main") as pages:
                # In one step: it reads one moment of the file, and does not begin anew at each write.
                pages.step()
            select(writing, "PRAGMA journal_mode=DELETE")
    except apsw.Error as error:
        raise translate(error, source) from error
    with to.open("rb") as file:
        os.fsync(file)


def _messages(inbox: Path) -> int:
    with contextlib.closing(_open(inbox)) as connection:
        return int(select_value(connection, "SELECT count(*) FROM message"))


def _open(path: Path) -> apsw.Connection:
    """As it is: a file without a log is not given one."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    return connection


def _move(file: Path, to: Path | None) -> None:
    for suffix in BESIDE:
        part = Path(f"{file}{suffix}")
        if not part.exists():
            continue
        if to is None:
            part.unlink()
        else:
            part.rename(f"{to}{suffix}")
