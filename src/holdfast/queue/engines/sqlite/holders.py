"""Who holds leases, and whether they still live.

A worker keeps a file in `holders/`, locked for as long as its process lives, and mapped into memory:
one slot of eight bytes per message that it has begun. The kernel drops the lock and keeps the pages
however the process ends, `kill -9` included, so that whoever takes the lock next can read what it
had begun, at the price of a memory write per message.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Far more than ever run at once in one process. When even these are taken, the first slot says
# that everything held counts as begun.
SLOTS: Final = 8192
EVERYTHING: Final = -1
_SLOT: Final = struct.Struct("<q")


class Begun:
    """This process's own file."""

    def __init__(self, directory: Path, holder: str) -> None:
        directory.mkdir(exist_ok=True)
        self.holder = holder
        self.path = directory / holder
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(self._descriptor, SLOTS * _SLOT.size)
        self._map = mmap.mmap(self._descriptor, SLOTS * _SLOT.size)
        self._free = list(range(SLOTS - 1, 0, -1))
        self._slots: dict[int, int] = {}

    def add(self, numbers: Iterable[int]) -> None:
        """These are being worked from now on."""
        for n in numbers:
            if n in self._slots:
                continue
            if not self._free:
                _SLOT.pack_into(self._map, 0, EVERYTHING)
                return
            slot = self._free.pop()
            _SLOT.pack_into(self._map, slot * _SLOT.size, n)
            self._slots[n] = slot

    def remove(self, numbers: Iterable[int]) -> None:
        """These are not any more."""
        for n in numbers:
            slot = self._slots.pop(n, None)
            if slot is not None:
                _SLOT.pack_into(self._map, slot * _SLOT.size, 0)
                self._free.append(slot)

    def close(self, *, keep_file: bool) -> None:
        """`keep_file` leaves behind what a crash would."""
        self._map.close()
        if not keep_file:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class DeadHolder:
    """What a holder left behind. `begun` None: everything it held counts as begun."""

    name: str
    begun: frozenset[int] | None


@contextlib.contextmanager
def inherit(path: Path) -> Iterator[DeadHolder | None]:
    """Take a dead holder's file for the block, and remove it after; None while its owner lives."""
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
        numbers = [n for (n,) in _SLOT.iter_unpack(_whole(os.read(descriptor, SLOTS * _SLOT.size)))]
        everything = bool(numbers) and numbers[0] == EVERYTHING
        yield DeadHolder(path.name, None if everything else frozenset(filter(None, numbers)))
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _whole(data: bytes) -> bytes:
    return data[: len(data) // _SLOT.size * _SLOT.size]
