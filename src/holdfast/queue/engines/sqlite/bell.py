"""How workers learn of new messages without polling: one named pipe per worker.

A sender writes a byte to each after its commit. A pipe and not a socket, because a socket's path may
not exceed 108 bytes; and not polling `PRAGMA data_version`, because at the interval that the latency
budget needs that costs an idle machine two percent of a core per worker. A lost ring costs one poll
interval, never a message: the pipe polls too, slowly.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from pathlib import Path
from typing import Final

from holdfast.clock import Clock

REFRESH_SECONDS: Final = 0.5


class Bell:
    """The listening end. Raises OSError where it cannot be made."""

    def __init__(self, directory: Path, holder: str) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self.path = directory / holder
        self.path.unlink(missing_ok=True)
        os.mkfifo(self.path, 0o600)
        # Open for writing too, so that it never reads as ended when the last ringer goes.
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def wait(self, seconds: float) -> None:
        """Until it rings, or the time is over."""
        poll = select.poll()  # `select` itself fails beyond 1024 open files
        poll.register(self.descriptor, select.POLLIN)
        poll.poll(seconds * 1000)
        self.drain()

    def drain(self) -> None:
        """Forget all rings so far."""
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self.descriptor, 4096)) == 4096:
                pass

    def close(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


class Ringer:
    """The ringing end: knows all bells of the store, and looks for new ones now and then."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._looked_at = float("-inf")
        self._bells: dict[str, int] = {}
        # Two threads that ring must not meet over a closed descriptor: its number may be a
        # database's by then, and a stray byte in that would be the end of it.
        self._lock = threading.Lock()

    def ring(self) -> None:
        """Wake every worker. Never blocks for long, never raises."""
        with self._lock:
            now = self._clock.monotonic()
            if now - self._looked_at >= REFRESH_SECONDS or not self._bells:
                self._look()
                self._looked_at = now
            for name, descriptor in list(self._bells.items()):
                try:
                    # A full pipe has rings enough.
                    with contextlib.suppress(BlockingIOError):
                        os.write(descriptor, b"!")
                except OSError:
                    self._forget(name)

    def close(self) -> None:
        with self._lock:
            for name in list(self._bells):
                self._forget(name)

    def _look(self) -> None:
        try:
            names = [path.name for path in self._directory.iterdir()]
        except OSError:
            names = []
        for name in self._bells.keys() - set(names):
            self._forget(name)
        for name in names:
            if name in self._bells:
                continue
            # ENXIO: nobody listens any more. Upkeep removes it.
            with contextlib.suppress(OSError):
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
                self._bells[name] = os.open(self._directory / name, flags)

    def _forget(self, name: str) -> None:
        os.close(self._bells.pop(name))
