"""Opening the two files, judging them, and keeping a connection honest after an I/O error."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
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
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.schema import FORMAT, INBOX_SCHEMA, LEDGER_SCHEMA

INBOX: Final = "inbox.db"
LEDGER: Final = "ledger.db"

Synchronous = Literal["OFF", "NORMAL", "FULL"]

APPLICATION_ID: Final = 0x484F4C44  # "HOLD", so that file(1) and we know whose it is

# Below this, two WAL connections can race on resetting the log and lose committed writes.
SQLITE_MINIMUM: Final = (3, 51, 3)

BUSY_TIMEOUT_MS: Final = 5_000
# Pages of 4 KiB. Upkeep checkpoints in the background well before; the committing connection only
# copies what is left, and lets the log start again.
CHECKPOINT_PAGES: Final = 4_000

NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs"}
)


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
        return StoreFormat(
            f"{path} is damaged ({error}); restore a backup, or move it away and see "
            "`holdfast recover`"
        )
    return StoreError(f"{path.name}: {type(error).__name__}: {error}")


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
    def write(self, *, durable: bool = False) -> Iterator[apsw.Connection]:
        """One transaction: committed at the end of the block, rolled back if it raises.

        durable: on disk when the block ends, whatever the file's own setting. Raises StoreError.
        """
        with self.lock:
            try:
                connection = self._open()
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
        """Copy the log into the database as far as nobody is in the way."""
        with self.read() as connection:
            select(connection, "PRAGMA wal_checkpoint(PASSIVE)")

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


class Store:
    """A directory with an inbox and a ledger that belong together."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        self.path = path
        self.inbox = path / INBOX
        self.ledger = path / LEDGER
        self._vfs = vfs

    def prepare(self) -> str:
        """Create what is missing in a new store, check what is there; the store's id.

        Raises SQLiteTooOld, StoreFormat, StoreMismatch, or StoreError where it cannot be written.
        """
        require_sqlite(apsw.sqlite_lib_version())
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with self._exclusively():
                return self._prepare()
        except OSError as error:
            raise StoreError(f"the store {self.path} cannot be used: {error.strerror}") from error

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Gateways and workers may all open a new store at the same moment."""
        descriptor = os.open(self.path / "open.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _prepare(self) -> str:
        has_inbox, has_ledger = self.inbox.exists(), self.ledger.exists()
        if has_ledger and not has_inbox:
            raise StoreMismatch(
                f"{self.path} has a ledger but no inbox: put {INBOX} back from a backup, or move "
                f"{LEDGER} away to start empty"
            )
        if not has_inbox:
            create(self.inbox, INBOX_SCHEMA, secrets.token_hex(16))
        inbox_id, sequence = self._judge_inbox()
        if not has_ledger:
            if sequence:
                raise StoreMismatch(
                    f"{self.path} has messages but no ledger, so nobody knows which were worked: "
                    "put it back from a backup, or `holdfast recover --all|--from TIME|--none`"
                )
            create(self.ledger, LEDGER_SCHEMA, inbox_id)
        self._judge_ledger(inbox_id, sequence)
        return inbox_id

    def _judge_inbox(self) -> tuple[str, int]:
        with self._judging(self.inbox) as connection:
            store_id = _store_id(connection)
            row = select_value(connection, "SELECT seq FROM sqlite_sequence WHERE name='message'")
            return store_id, int(row or 0)

    def _judge_ledger(self, inbox_id: str, sequence: int) -> None:
        with self._judging(self.ledger) as connection:
            if _store_id(connection) != inbox_id:
                raise StoreMismatch(
                    f"{LEDGER} belongs to another store than {INBOX}: put the right one back, or "
                    "`holdfast recover --all|--from TIME|--none`"
                )
            position = select_value(connection, "SELECT coalesce(max(position), 0) FROM queue")
            if position > sequence:
                raise StoreMismatch(
                    f"the ledger has delivered up to message {position}, the inbox ends at "
                    f"{sequence}: an older inbox was restored; put back the ledger of the same "
                    "time, or `holdfast recover --all|--from TIME|--none`"
                )

    @contextlib.contextmanager
    def _judging(self, path: Path) -> Iterator[apsw.Connection]:
        try:
            connection = connect(path, synchronous="FULL", vfs=self._vfs)
        except apsw.Error as error:
            raise translate(error, path) from error
        try:
            judge_format(connection, path)
            yield connection
        except apsw.Error as error:
            raise translate(error, path) from error
        finally:
            connection.close(force=True)


def create(path: Path, schema: str, store_id: str) -> None:
    """A new file under its final name only once it is complete and on disk."""
    draft = path.with_suffix(".new")
    for leftover in (draft, Path(f"{draft}-wal"), Path(f"{draft}-journal")):
        leftover.unlink(missing_ok=True)
    try:
        connection = apsw.Connection(str(draft))
        try:
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN")
            connection.execute(schema)
            connection.execute("INSERT INTO meta VALUES ('store_id', ?)", (store_id,))
            connection.execute(f"PRAGMA user_version={FORMAT}")
            connection.execute("COMMIT")
        finally:
            connection.close(force=True)
    except apsw.Error as error:
        raise translate(error, path) from error
    draft.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def judge_format(connection: apsw.Connection, path: Path) -> None:
    """Raises StoreFormat unless the file is ours and of our format."""
    application = select_value(connection, "PRAGMA application_id")
    version = select_value(connection, "PRAGMA user_version")
    if application != APPLICATION_ID:
        raise StoreFormat(f"{path} is not a Holdfast store; choose another directory")
    if version > FORMAT:
        raise StoreFormat(
            f"{path} has format {version}, this Holdfast knows {FORMAT}: upgrade Holdfast"
        )


def network_file_system(path: Path) -> str | None:
    """The file system's type if the path is on a network; None where unknown or local."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    place, found = str(path.resolve()), ("", "")
    for line in mounts:
        _, mount, kind, *_ = line.split(" ")
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(found[0]):
            found = (mount, kind)
    return found[1] if found[1] in NETWORK_FILE_SYSTEMS else None


def _store_id(connection: apsw.Connection) -> str:
    return str(select_value(connection, "SELECT value FROM meta WHERE key='store_id'"))
