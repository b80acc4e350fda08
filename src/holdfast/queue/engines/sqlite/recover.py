"""A new ledger for an inbox whose own is gone, or is not its own."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import apsw

from holdfast.clock import Clock
from holdfast.errors import StoreLocked, StoreMismatch
from holdfast.queue.contract import QueueLimits
from holdfast.queue.engines.sqlite.files import connect, require_sqlite, storing, translate
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.schema import INBOX_FORMAT, LEDGER_FORMAT, LEDGER_SCHEMA
from holdfast.queue.engines.sqlite.store import Store, create, judge_format, make_directory


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done, in messages that the inbox still has. `set_aside`: where the old ledger went,
    if there was one."""

    waiting: int
    considered_done: int
    set_aside: Path | None


def recover(path: Path, *, from_ms: int | None, clock: Clock) -> Recovery:
    """Make a ledger in which messages received at or after `from_ms` wait, earlier ones are done.

    0: everything is delivered again. None: nothing is. Dead letters, leases and claims are not
    brought along; the old ledger is set aside, not deleted. Raises StoreError.
    """
    require_sqlite(apsw.sqlite_lib_version())
    store = Store(path)
    if not store.inbox.exists():
        raise StoreMismatch(f"{path} has no inbox, so there is nothing to recover")
    with storing(path), SupervisorLock(path), store.exclusively():
        try:
            return _recover(store, from_ms, clock)
        except apsw.Error as error:
            raise translate(error, store.ledger) from error


def _recover(store: Store, from_ms: int | None, clock: Clock) -> Recovery:
    inbox = connect(store.inbox, synchronous="FULL")
    try:
        judge_format(inbox, store.inbox, INBOX_FORMAT)
        store_id = select_value(inbox, "SELECT value FROM meta WHERE key = 'store_id'")
        totals = dict(select(inbox, "SELECT webhook, total FROM sent"))
        queues = []
        kept = 0
        for webhook, total in totals.items():
            position, waiting, passed = _position(inbox, webhook, from_ms)
            kept += passed
            # Not what the inbox still has of them: retention may have removed most.
            queues.append((webhook, position, total - waiting, waiting))
    finally:
        inbox.close(force=True)
    limits = QueueLimits()
    rows = [
        (
            webhook,
            position,
            passed,
            round(limits.retention_seconds * 1000),
            round(limits.dead_retention_seconds * 1000),
            limits.max_receive_count,
        )
        for webhook, position, passed, _ in queues
    ]
    set_aside = _set_aside(store, clock)
    # Filled before it has its name: an empty ledger would mean that nothing was ever worked.
    create(
        store.ledger,
        LEDGER_SCHEMA,
        store_id,
        lambda ledger: ledger.executemany("INSERT INTO queue VALUES (?, ?, ?, ?, ?, ?, 0)", rows),
        format=LEDGER_FORMAT,
    )
    return Recovery(
        waiting=sum(waiting for *_, waiting in queues), considered_done=kept, set_aside=set_aside
    )


def _position(inbox: apsw.Connection, webhook: str, from_ms: int | None) -> tuple[int, int, int]:
    """The position from which messages wait, how many do, and how many there are before it."""
    # Not the last message but the sequence: the last ones may have been removed already.
    position = select_value(inbox, "SELECT seq FROM sqlite_sequence WHERE name = 'message'") or 0
    if from_ms is not None:
        first = select_value(
            inbox,
            "SELECT min(n) FROM message WHERE webhook = ? AND received_at >= ?",
            (webhook, from_ms),
        )
        position = position if first is None else first - 1
    waiting, passed = select(
        inbox,
        "SELECT count(*) FILTER (WHERE n > ?1), count(*) FILTER (WHERE n <= ?1) FROM message"
        " WHERE webhook = ?2",
        (position, webhook),
    )[0]
    return position, waiting, passed


def _set_aside(store: Store, clock: Clock) -> Path | None:
    aside = store.path / f"{store.ledger.name}.{clock.now_ms()}.aside"
    found = store.ledger.exists()
    # The file before its log: without its log it may be damaged, and must not pass for whole.
    for suffix in ("", "-wal", "-shm"):
        part = Path(f"{store.ledger}{suffix}")
        if part.exists():
            part.rename(f"{aside}{suffix}")
    return aside if found else None


class SupervisorLock:
    """Hold the supervisor's lock. Raises StoreLocked while another process does.

    `descriptor` may be handed to child processes: the lock is free when the last copy is closed,
    so that it covers the workers of a supervisor that was killed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = -1

    def __enter__(self) -> Self:
        with storing(self._path):
            make_directory(self._path)
            self.descriptor = os.open(self._path / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            finishing = not _lives(os.pread(self.descriptor, 32, 0))
            os.close(self.descriptor)
            if finishing:
                raise StoreLocked(
                    f"workers of an earlier run still finish on {self._path}", finishing=True
                ) from None
            raise StoreLocked(
                f"another Holdfast already runs on {self._path}; stop it, or choose another store"
            ) from None
        try:
            with storing(self._path):
                os.ftruncate(self.descriptor, 0)
                os.pwrite(self.descriptor, str(os.getpid()).encode(), 0)
        except BaseException:
            os.close(self.descriptor)
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self.descriptor)


def _lives(pid: bytes) -> bool:
    """Whether that process is there. Only its heirs hold the lock where it is not."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:
        return True  # somebody else's, and alive
    return True
