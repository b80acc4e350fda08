"""A disk that can lose its power, its space, or a single fsync, under SQLite.

SQLite talks to files through a VFS, and apsw lets one be written in Python. `Disk` is one: it passes
everything on to the real file system, and keeps beside it, per file, what would survive a power cut
(the content as of the last sync) and the writes since. `restore` then turns the real files into what
a machine could find after the cut.

Limits of the simulation: creating and deleting a file is durable at once, without a sync of its
directory; what does not go through SQLite (lock files, the file that lists what a worker had begun)
survives; the shared-memory index (`-shm`) never does.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Literal

import apsw

Mode = Literal["forget", "subset"]
"""After a cut, `forget` every write that was not synced, or keep an arbitrary `subset` of them, one
of which is torn."""

SECTOR_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that the file system has, and the disk may not have yet."""

    offset: int
    data: bytes

    def apply(self, content: bytearray) -> None:
        content.extend(bytes(max(0, self.offset - len(content))))
        content[self.offset : self.offset + len(self.data)] = self.data

    def torn(self, uniform: random.Random) -> Write:
        """The same up to a sector's boundary, which is where a disk stops."""
        end = self.offset + len(self.data)
        first = self.offset // SECTOR_BYTES + 1
        boundaries = range(first * SECTOR_BYTES, end, SECTOR_BYTES)
        keep = uniform.choice(boundaries) - self.offset if boundaries else 0
        return Write(self.offset, self.data[:keep])


@dataclass(frozen=True, slots=True)
class Truncate:
    """The file ends here."""

    size: int

    def apply(self, content: bytearray) -> None:
        del content[self.size :]


@dataclass(slots=True)
class Platter:
    """One file: what is durable, and what was changed since, in order."""

    durable: bytearray
    since: list[Write | Truncate] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.since:
            change.apply(self.durable)
        self.since.clear()

    def after_power_cut(self, mode: Mode, uniform: random.Random) -> bytes:
        content = bytearray(self.durable)
        if mode == "subset":
            kept = [change for change in self.since if uniform.random() < 0.5]
            writes = [index for index, change in enumerate(kept) if isinstance(change, Write)]
            torn = uniform.choice(writes) if writes else None
            for index, change in enumerate(kept):
                if index == torn and isinstance(change, Write):
                    change.torn(uniform).apply(content)
                else:
                    change.apply(content)
        return bytes(content)


class Disk(apsw.VFS):
    """A file system for SQLite that goes wrong when told to. Pass `name` as the connection's vfs.

    Writes, truncations and syncs are counted together as `operations`, syncs alone as `syncs`.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.platters: dict[str, Platter] = {}
        self.operations = 0
        self.syncs = 0
        self.cut_at: int | None = None
        """The operation during which the power goes."""
        self.fail_sync_at: int | None = None
        """The sync that fails, once. The kernel then drops what it could not write, and says the
        pages are clean: the file shows them, the disk never gets them."""
        self.full = False
        """Whether every write finds the disk full."""
        self.dark = False
        """Whether the power is gone."""

    # What can go wrong

    def step(self) -> None:
        """One more operation; the power may go during it. Raises an I/O error in the dark."""
        self.light()
        self.operations += 1
        if self.operations == self.cut_at:
            self.dark = True

    def light(self) -> None:
        """Raises an I/O error once the power is gone."""
        if self.dark:
            raise apsw.exception_for(apsw.SQLITE_IOERR)

    def restore(self, mode: Mode, seed: int) -> None:
        """Make the real files what a machine would find after the cut. Close everything first."""
        uniform = random.Random(seed)
        for name, platter in sorted(self.platters.items()):
            path = Path(name)
            if path.exists():
                path.write_bytes(platter.after_power_cut(mode, uniform))
        for directory in {Path(name).parent for name in self.platters}:
            for index in directory.glob("*-shm"):
                index.unlink()

    # What SQLite asks for

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> DiskFile:
        self.light()
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        file = DiskFile(self, name, flags)
        if path is not None:
            real = Path(path)
            self.platters.setdefault(path, Platter(bytearray(real.read_bytes())))
            file.platter = self.platters[path]
        return file

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.step()
        self.light()
        super().xDelete(filename, syncdir)
        self.platters.pop(filename, None)

    def excepthook(
        self,
        etype: type[BaseException] | None,
        evalue: BaseException | None,
        etraceback: TracebackType | None,
    ) -> bool:
        """Errors are raised on purpose here; SQLite reports them to whoever made the call."""
        return True


class DiskFile(apsw.VFSFile):
    """One open file. Several may be open on one platter."""

    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self.disk = disk
        self.platter = Platter(bytearray())

    def xRead(self, amount: int, offset: int) -> bytes:
        self.disk.light()
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.light()
        if self.disk.full:
            raise apsw.exception_for(apsw.SQLITE_FULL)
        self.disk.step()
        self.platter.since.append(Write(offset, bytes(data)))
        super().xWrite(data, offset)
        self.disk.light()

    def xTruncate(self, newsize: int) -> None:
        self.disk.step()
        self.platter.since.append(Truncate(newsize))
        super().xTruncate(newsize)
        self.disk.light()

    def xSync(self, flags: int) -> None:
        self.disk.step()
        self.disk.light()
        self.disk.syncs += 1
        if self.disk.syncs == self.disk.fail_sync_at:
            self.platter.since.clear()
            raise apsw.exception_for(apsw.SQLITE_IOERR_FSYNC)
        self.platter.sync()

    def excepthook(
        self,
        etype: type[BaseException] | None,
        evalue: BaseException | None,
        etraceback: TracebackType | None,
    ) -> bool:
        """As for the disk."""
        return True
