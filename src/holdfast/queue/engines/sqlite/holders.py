"""Who holds leases, and whether they still live.

A worker keeps a file in `holders/`, locked for as long as its process lives, and mapped into memory:
one slot of eight bytes per lease that it has begun to work. The kernel drops the lock and keeps the
pages however the process ends, `kill -9` included, so that whoever takes the lock next can read what
it had begun, at the price of a memory write per message.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Far more than ever run at once in one process. When even these are taken, the first slot says
# that everything held counts as begun.
SLOTS: Final = 8192
EVERYTHING: Final = -1
# Native order: such a slot is written with one store, so that no kill comes between its bytes.
_SLOT: Final = struct.Struct("q")
_BYTES: Final = SLOTS * _SLOT.size

Key = tuple[int, int]
"""The message's number and the token of one lease of it."""


class Begun:
    """This process's own file. Raises OSError where it cannot be made."""

    def __init__(self, directory: Path, holder: str) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self.path = directory / holder
        self._lock = threading.Lock()
        self._descriptor = _make(self.path)
        try:
            self._map = mmap.mmap(self._descriptor, _BYTES)  # it holds a copy of the descriptor
        except BaseException:
            os.close(self._descriptor)  # else this process would pass for a holder that it is not
            raise
        self._free = list(range(SLOTS - 1, 0, -1))
        # By lease and not by message: a holder can be handed the same one again while it still
        # works it, and letting go of the older lease must not hide the newer.
        self._slots: dict[Key, int] = {}
        _living.add(self)

    def add(self, keys: Iterable[Key]) -> None:
        """These are being worked from now on."""
        with self._lock:
            for key in keys:
                if key in self._slots:
                    continue
                if not self._free:
                    _SLOT.pack_into(self._map, 0, EVERYTHING)
                    return
                slot = self._free.pop()
                _SLOT.pack_into(self._map, slot * _SLOT.size, key[0])
                self._slots[key] = slot

    def remove(self, keys: Iterable[Key]) -> None:
        """These are not any more."""
        with self._lock:
            for key in keys:
                slot = self._slots.pop(key, None)
                if slot is not None:
                    _SLOT.pack_into(self._map, slot * _SLOT.size, 0)
                    self._free.append(slot)

    def close(self, *, keep_file: bool) -> None:
        """`keep_file` leaves behind what a crash would."""
        if not keep_file:
            self.path.unlink(missing_ok=True)
        self.let_go()

    def let_go(self) -> None:
        """Of the lock, and of nothing else."""
        _living.discard(self)
        self._map.close()
        os.close(self._descriptor)


_living: Final[weakref.WeakSet[Begun]] = weakref.WeakSet()


def _forked() -> None:
    """A child that a handler forked would hold the lock beyond its parent's death."""
    for begun in list(_living):
        begun.let_go()


os.register_at_fork(after_in_child=_forked)


def _make(path: Path) -> int:
    """A new file, locked before it has its name: found unlocked, its owner would pass for dead."""
    draft = path.with_name(f".{path.name}")
    while True:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _clear(descriptor)
            draft.rename(path)
        except FileNotFoundError:
            os.close(descriptor)  # swept up as somebody's leftover, before it was locked
        except BaseException:
            os.close(descriptor)
            raise
        else:
            return descriptor


def _clear(descriptor: int) -> None:
    """All slots empty, and written, not only reserved: on a full disk, the first touch of a mapped
    page that has no block would end the process."""
    written = 0
    while written < _BYTES:
        written += os.pwrite(descriptor, bytes(_BYTES - written), written)


@dataclass(frozen=True, slots=True)
class DeadHolder:
    """What a holder left behind. `begun` None: everything it held counts as begun."""

    name: str
    begun: frozenset[int] | None


@contextlib.contextmanager
def inherit(path: Path) -> Iterator[DeadHolder | None]:
    """Take a dead holder's file for the block, and remove it after; None while its owner lives."""
    with _taken(path) as descriptor:
        if descriptor is None:
            yield None
            return
        data = os.pread(descriptor, _BYTES, 0)
        whole = data[: len(data) // _SLOT.size * _SLOT.size]
        numbers = [n for (n,) in _SLOT.iter_unpack(whole)]
        everything = bool(numbers) and numbers[0] == EVERYTHING
        yield DeadHolder(path.name, None if everything else frozenset(filter(None, numbers)))
        path.unlink(missing_ok=True)


def others(directory: Path, own: str) -> list[Path]:
    """The files of all holders but one, dead or alive; drafts that nobody finishes are removed."""
    try:
        paths = [path for path in directory.iterdir() if path.name != own]
    except FileNotFoundError:
        return []
    for draft in (path for path in paths if path.name.startswith(".")):
        with _taken(draft) as descriptor:
            if descriptor is not None:
                draft.unlink(missing_ok=True)
    return [path for path in paths if not path.name.startswith(".")]


@contextlib.contextmanager
def _taken(path: Path) -> Iterator[int | None]:
    """The file's descriptor, locked; None where somebody has it, or where it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        # Another heir may have been here first, and a new file may bear the name since.
        yield descriptor if _is_still(path, descriptor) else None
    finally:
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
