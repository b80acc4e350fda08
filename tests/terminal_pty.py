"""A command in a real pseudo-terminal, and what stands on its screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyte

from process_kit import PATIENCE_SECONDS, until

KEYS = {"up": b"\x1b[A", "down": b"\x1b[B", "pageup": b"\x1b[5~", "enter": b"\r", "escape": b"\x1b"}


class Terminal:
    """One command on a terminal of its own. `raw` is every byte that it sent to it."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        columns: int = 120,
        lines: int = 20,
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self.raw = b""
        self._master, slave = pty.openpty()
        self.resize(columns, lines, tell=False)
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "holdfast", *arguments],
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={
                **{k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")},
                "TERM": "xterm-256color",
                "XDG_STATE_HOME": str(folder / "state"),
                **(environment or {}),
            },
        )
        os.close(slave)
        self._over = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while not self._over.is_set():
            ready, _, _ = select.select([self._master], [], [], 0.05)
            if not ready:
                continue
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # its other end is closed
                return
            if not data:
                return
            with self._lock:
                self.raw += data
                self._stream.feed(data)

    @property
    def lines(self) -> list[str]:
        with self._lock:
            return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def shows(self, *parts: str) -> str:
        """Wait until all of them stand on the screen at once; the line of the last."""

        def found() -> str | None:
            lines = self.lines
            whole = "\n".join(lines)
            if not all(part in whole for part in parts):
                assert self.process.poll() is None, whole
                return None
            return next((line for line in lines if parts[-1] in line), whole)

        try:
            return until(found, f"the screen shows {parts}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows\n{self.text}") from None

    def hides(self, part: str) -> None:
        until(lambda: part not in self.text, f"the screen no longer shows {part!r}")

    def type(self, *keys: str) -> None:
        """Names of keys, or the characters themselves."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key.encode()))

    def resize(self, columns: int, lines: int, *, tell: bool = True) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)
        if tell:
            with self._lock:
                self._screen.resize(lines, columns)

    def code(self) -> int:
        """Wait for its end."""
        return self.process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._over.set()
        self._reader.join()
        with contextlib.suppress(OSError):
            os.close(self._master)


@contextmanager
def on_terminal(
    *arguments: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    columns: int = 120,
    lines: int = 20,
) -> Iterator[Terminal]:
    terminal = Terminal(
        *arguments, folder=folder, environment=environment, columns=columns, lines=lines
    )
    try:
        yield terminal
    finally:
        terminal.close()
