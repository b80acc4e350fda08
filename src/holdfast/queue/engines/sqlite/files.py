"""A connection to one file, kept honest after an I/O error, and its log kept short."""

from __future__ import annotations

import contextlib
import errno
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import apsw

from holdfast.errors import (
    SQLiteTooOld,
    StoreBusy,
    StoreError,
    StoreFormat,
    StoreFull,
    StoreMismatch,
)
from holdfast.queue.engines.sqlite.query import select

Synchronous = Literal["OFF", "NORMAL", "FULL"]

# Below this, two WAL connections can race on resetting the log and lose committed writes.
SQLITE_MINIMUM: Final = (3, 51, 3)

BUSY_TIMEOUT_MS: Final = 5_000
# Pages of 4 KiB. Upkeep checkpoints in the background well before; the committing connection only
# copies what is left, and lets the log start again.
CHECKPOINT_PAGES: Final = 4_000
# A log starts again only in a moment without readers. Under load such a moment may not come by
# itself; beyond this size it is waited for, and writers with it, but not for long.
LOG_BYTES_MAX: Final = 64 * 1024 * 1024
SHORTEN_TIMEOUT_MS: Final = 100


def require_sqlite(version: str) -> None:
    """Raises SQLiteTooOld for a library with the WAL-reset race."""
    numbers = tuple(int(part) for part in version.split("."))
    if numbers < SQLITE_MINIMUM:
        wanted = ".".join(map(str, SQLITE_MINIMUM))
        raise SQLiteTooOld(
            f"SQLite {version} can lose committed writes when two connections reset the WAL at "
            f"once; at least {wanted} is needed: pip install --upgrade apsw"
        )


def translate(error: Exception, path: Path) -> StoreError:
    """An apsw error in our words."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return StoreBusy(f"{path.name} is held by another writer")
    if isinstance(error, apsw.FullError):
        return StoreFull(f"no room left on the disk of {path.name}")
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        # Nothing can be made anew from the inbox but the ledger.
        anew = ", or move it away and see `holdfast recover`" if path.name == "ledger.db" else ""
        return StoreFormat(
            f"{path} is damaged ({error}); put a backup back: `holdfast restore DIR`{anew}"
        )
    return StoreError(f"{path.name}: {type(error).__name__}: {error}")


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """What goes wrong with files of our own in the block is a StoreError too."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(f"no room left on the disk of {path.name}") from error
        raise StoreError(f"the store {path} cannot be used: {error.strerror}") from error


class File:
    """One connection to one file, used by one thread at a time.

    After any error but a busy one the connection is closed; the next use opens it anew and writes
    out and truncates the log first. A failed fsync may have dropped pages of the log that an
    earlier, unsynced commit wrote; copying them into the database again makes them dirty again.
    """

    def __init__(self, path: Path, *, synchronous: Synchronous, vfs: str | None = None) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._synchronous: Synchronous = synchronous
        self._vfs = vfs
        self._connection: apsw.Connection | None = None
        self._suspect = False
        self._identity: tuple[int, int] | None = None
        self._shorten_bytes = LOG_BYTES_MAX

    @contextlib.contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """The connection, for statements that change nothing. Raises StoreError."""
        with self.lock:
            try:
                yield self._open()
            except apsw.Error as error:
                self._distrust(error)
                raise translate(error, self.path) from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """Like `read`, but all statements see the file as it was at the first of them."""
        with self.read() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def write(self, *, durable: bool = False) -> Iterator[apsw.Connection]:
        """One transaction: committed at the end of the block, rolled back if it raises.

        durable: on disk when the block ends, whatever the file's own setting. Raises StoreError.
        """
        with self.lock:
            try:
                connection = self._open()
                self._check_identity()
                promote = durable and self._synchronous == "NORMAL"
                if promote:
                    connection.execute("PRAGMA synchronous=FULL")
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    try:
                        yield connection
                        connection.execute("COMMIT")
                    except BaseException:
                        self._roll_back(connection)
                        raise
                finally:
                    if promote and self._connection is connection:
                        connection.execute("PRAGMA synchronous=NORMAL")
            except apsw.Error as error:
                self._distrust(error)
                raise translate(error, self.path) from error

    def checkpoint(self) -> None:
        """Copy the log into the database as far as nobody is in the way; cut off a very long one."""
        with self.read() as connection:
            select(connection, "PRAGMA wal_checkpoint(PASSIVE)")
            if self.log_bytes() <= self._shorten_bytes:
                return
            connection.set_busy_timeout(SHORTEN_TIMEOUT_MS)
            try:
                select(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            # Where a reader stayed in the way, not again before there is much more to cut off.
            self._shorten_bytes = self.log_bytes() + LOG_BYTES_MAX

    def log_bytes(self) -> int:
        """The size of the write-ahead log."""
        try:
            return Path(f"{self.path}-wal").stat().st_size
        except OSError:
            return 0

    def close(self) -> None:
        with self.lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(apsw.Error):
                    connection.close(force=True)

    def _open(self) -> apsw.Connection:
        if self._connection is None:
            connection = connect(self.path, synchronous=self._synchronous, vfs=self._vfs)
            if self._suspect:
                try:
                    busy, *_ = select(connection, "PRAGMA wal_checkpoint(TRUNCATE)")[0]
                    if busy:
                        raise apsw.BusyError("the log is still being read after an I/O error")
                except BaseException:
                    connection.close(force=True)
                    raise
                self._suspect = False
            self._connection = connection
        return self._connection

    def _check_identity(self) -> None:
        """A commit to a file that was moved away or replaced would be a promise to nobody."""
        try:
            status = self.path.stat()
        except OSError:
            identity = None
        else:
            identity = (status.st_dev, status.st_ino)
        self._identity = self._identity or identity
        if identity is None or identity != self._identity:
            self.close()
            raise StoreMismatch(
                f"{self.path} was moved or replaced while in use; stop Holdfast, put the store in "
                "order, and start again"
            )

    def _roll_back(self, connection: apsw.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except apsw.Error as error:
            self._distrust(error)

    def _distrust(self, error: apsw.Error) -> None:
        if isinstance(error, apsw.BusyError | apsw.LockedError):
            return
        self._suspect = True
        self.close()


def connect(path: Path, *, synchronous: Synchronous, vfs: str | None = None) -> apsw.Connection:
    """A connection with our settings. Raises apsw errors; the file must exist."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    try:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        select(connection, "PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        select(connection, f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        connection.execute("PRAGMA temp_store=MEMORY")
        if sys.platform == "darwin":
            # A plain fsync on macOS leaves the data in the drive's cache.
            connection.execute("PRAGMA fullfsync=1")
            connection.execute("PRAGMA checkpoint_fullfsync=1")
    except BaseException:
        connection.close(force=True)
        raise
    return connection
