"""The directory of a store: made, judged, and kept from strangers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import apsw

from holdfast.errors import StoreFormat, StoreMismatch
from holdfast.queue.engines.sqlite.files import connect, require_sqlite, storing, translate
from holdfast.queue.engines.sqlite.query import select_value
from holdfast.queue.engines.sqlite.schema import (
    INBOX_FORMAT,
    INBOX_SCHEMA,
    LEDGER_FORMAT,
    LEDGER_SCHEMA,
    LEDGER_UPGRADES,
)

INBOX: Final = "inbox.db"
LEDGER: Final = "ledger.db"
DESK: Final = "desk.db"
SEARCH: Final = "search.db"

APPLICATION_ID: Final = 0x484F4C44  # "HOLD", so that file(1) and we know whose it is

# Of SQLite's file format: the byte that says whether changes go through a write-ahead log.
_WRITE_VERSION: Final = 18
_WITHOUT_LOG: Final = b"\x01"

MOUNTS: Final = Path("/proc/self/mounts")
NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "beegfs"}
    | {f"fuse.{kind}" for kind in ("sshfs", "glusterfs", "ceph", "s3fs", "rclone")}
)


class Store:
    """A directory with an inbox and a ledger that belong together."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        # Absolute: a handler may change the directory of the whole process.
        self.path = path = path.absolute()
        self.inbox = path / INBOX
        self.ledger = path / LEDGER
        self.desk = path / DESK
        self.search = path / SEARCH
        self._vfs = vfs

    def prepare(self) -> str:
        """Create what is missing in a new store, check what is there; the store's id.

        Raises SQLiteTooOld, StoreFormat, StoreMismatch, or StoreError where it cannot be written.
        """
        require_sqlite(apsw.sqlite_lib_version())
        with storing(self.path):
            make_directory(self.path)
            with self.exclusively():
                return self._prepare()

    @contextlib.contextmanager
    def exclusively(self) -> Iterator[None]:
        """Gateways and workers may all open a new store at the same moment, and one be recovered."""
        descriptor = os.open(self.path / "open.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _prepare(self) -> str:
        for path in (self.inbox, self.ledger):
            judge_log(path)
        has_inbox, has_ledger = self.inbox.exists(), self.ledger.exists()
        if has_ledger and not has_inbox:
            raise StoreMismatch(
                f"{self.path} has a ledger but no inbox: put {INBOX} back from a backup, or move "
                f"{LEDGER} away to start empty"
            )
        if not has_inbox:
            create(self.inbox, INBOX_SCHEMA, secrets.token_hex(16), format=INBOX_FORMAT)
        inbox_id, sequence = self._judge_inbox()
        if not has_ledger:
            if sequence:
                raise StoreMismatch(
                    f"{self.path} has messages but no ledger, so nobody knows which were worked: "
                    "put it back from a backup, or `holdfast recover --all|--from TIME|--none`"
                )
            create(self.ledger, LEDGER_SCHEMA, inbox_id, format=LEDGER_FORMAT)
        position = self._judge_ledger(inbox_id)
        # The inbox once more, after the ledger: in a store that is in use both have gone on.
        if position > sequence and position > (sequence := self._judge_inbox()[1]):
            raise StoreMismatch(
                f"the ledger has delivered up to message {position}, the inbox ends at "
                f"{sequence}: an older inbox was restored; put back the ledger of the same "
                "time, or `holdfast recover --all|--from TIME|--none`"
            )
        return inbox_id

    def _judge_inbox(self) -> tuple[str, int]:
        with self._judging(self.inbox, INBOX_FORMAT) as connection:
            store_id = _store_id(connection)
            row = select_value(connection, "SELECT seq FROM sqlite_sequence WHERE name='message'")
            return store_id, int(row or 0)

    def _judge_ledger(self, inbox_id: str) -> int:
        """The position up to which it has delivered."""
        with self._judging(self.ledger, LEDGER_FORMAT) as connection:
            if _store_id(connection) != inbox_id:
                raise StoreMismatch(
                    f"{LEDGER} belongs to another store than {INBOX}: put the right one back, or "
                    "`holdfast recover --all|--from TIME|--none`"
                )
            position = select_value(connection, "SELECT coalesce(max(position), 0) FROM queue")
            upgrade(connection, LEDGER_UPGRADES)
            return int(position)

    def add(self, path: Path, schema: str, format: int) -> None:
        """See to it that one of the files beside inbox and ledger is there, and of this store.

        Raises StoreFormat, StoreMismatch.
        """
        with storing(self.path), self.exclusively():
            with self._judging(self.inbox, INBOX_FORMAT) as connection:
                store_id = _store_id(connection)
            judge_log(path)
            # One of no bytes is nobody's: tools leave them where they were asked for what is not there.
            if not path.exists() or not path.stat().st_size:
                create(path, schema, store_id, format=format)
            with self._judging(path, format) as connection:
                if _store_id(connection) != store_id:
                    raise StoreMismatch(
                        f"{path.name} belongs to another store than {INBOX}: move it away, or put "
                        "the right one back"
                    )

    @contextlib.contextmanager
    def _judging(self, path: Path, format: int) -> Iterator[apsw.Connection]:
        try:
            connection = connect(path, synchronous="FULL", vfs=self._vfs)
        except apsw.Error as error:
            raise translate(error, path) from error
        try:
            judge_format(connection, path, format)
            yield connection
        except apsw.Error as error:
            raise translate(error, path) from error
        finally:
            connection.close(force=True)


def make_directory(path: Path) -> None:
    """The store's directory, for nobody else's eyes: it holds what senders sent."""
    path = path.absolute()
    missing = [place for place in (path, *path.parents) if not place.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    # A new directory outlives a power cut only once the one that names it is on disk.
    for place in missing:
        sync_directory(place.parent)


def sync_directory(path: Path) -> None:
    """The names in this directory are on disk when this returns, as far as we may see to it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return  # not ours, so nothing in it is new
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create(
    path: Path,
    schema: str,
    store_id: str,
    fill: Callable[[apsw.Connection], object] = lambda _: None,
    *,
    format: int,
) -> None:
    """A new file, under its name only once it is filled and on disk. Readable to its owner alone,
    and so are the files that SQLite makes beside it."""
    draft = path.with_suffix(".new")
    for leftover in (draft, Path(f"{draft}-wal"), Path(f"{draft}-journal")):
        leftover.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        connection = apsw.Connection(str(draft))
        try:
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN")
            connection.execute(schema)
            connection.execute("INSERT INTO meta VALUES ('store_id', ?)", (store_id,))
            fill(connection)
            connection.execute(f"PRAGMA user_version={format}")
            connection.execute("COMMIT")
        finally:
            connection.close(force=True)
    except apsw.Error as error:
        raise translate(error, path) from error
    draft.rename(path)
    sync_directory(path.parent)


def judge_log(path: Path) -> None:
    """Raises StoreMismatch where SQLite would take another file's log for the file's own."""
    log = Path(f"{path}-wal")
    if not log.exists() or not log.stat().st_size:
        return
    if not path.exists():
        raise StoreMismatch(
            f"{path.parent} has {log.name} but no {path.name}: the two belong together; put "
            f"{path.name} back, or move {log.name} to where it went"
        )
    with path.open("rb") as file:
        header = file.read(_WRITE_VERSION + 1)
    if header[_WRITE_VERSION:] == _WITHOUT_LOG:
        raise StoreMismatch(
            f"{path.name} was put into {path.parent} beside the log of another file: put "
            f"{log.name} back with its own, or use `holdfast restore`"
        )


def judge_format(connection: apsw.Connection, path: Path, format: int) -> None:
    """Raises StoreFormat unless the file is ours, and of this format or an earlier one."""
    application = select_value(connection, "PRAGMA application_id")
    version = select_value(connection, "PRAGMA user_version")
    if application != APPLICATION_ID:
        raise StoreFormat(f"{path} is not a Holdfast store; choose another directory")
    if version > format:
        raise StoreFormat(
            f"{path} has format {version}, this Holdfast knows {format}: upgrade Holdfast"
        )


def upgrade(connection: apsw.Connection, steps: Mapping[int, str]) -> None:
    """Bring a file of an earlier format up to date, in one transaction per step."""
    while (version := select_value(connection, "PRAGMA user_version")) in steps:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(steps[version])
            connection.execute(f"PRAGMA user_version={version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def network_file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The file system's type if the path is on a network; None where unknown or local."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place, found = str(path.resolve()), ("", "")
    for line in lines:
        _, mount, kind, *_ = line.split(" ")
        mount = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mount)
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(found[0]):
            found = (mount, kind)
    return found[1] if found[1] in NETWORK_FILE_SYSTEMS else None


def _store_id(connection: apsw.Connection) -> str:
    return str(select_value(connection, "SELECT value FROM meta WHERE key='store_id'"))
