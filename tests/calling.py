"""A command that goes on until it is ended, called in this process: a start costs a second less.

What only a process of its own can show, such as signals and pipes that close, is for `process_kit`.
"""

from __future__ import annotations

import io
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from holdfast.cli import following, main
from holdfast.terminal import lines
from holdfast.terminal.feed import News
from process_kit import PATIENCE_SECONDS


class _Heard(io.BytesIO):
    """Tells each line as it is written."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell
        self._rest = b""

    def write(self, written: Any) -> int:
        *whole, self._rest = (self._rest + bytes(written)).split(b"\n")
        for line in whole:
            self._tell(line.decode())
        return len(written)


class Calling:
    """`holdfast ARGUMENTS` on a thread: what it says line by line, and its exit code."""

    def __init__(self, *arguments: str) -> None:
        self.lines: list[str] = []
        """Of both streams."""
        self._arguments = arguments
        self._news = threading.Condition()
        self._ending = threading.Event()
        self._code: Any = None
        self._thread = threading.Thread(target=self._call)
        self._thread.start()

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.lines).split())

    def hear(self, pattern: str) -> str:
        """Wait for a line in which the pattern is found."""

        def found() -> str | None:
            return next((line for line in self.lines if re.search(pattern, line)), None)

        with self._news:
            self._news.wait_for(lambda: found() or self._code is not None, PATIENCE_SECONDS)
            heard = found()
        assert heard is not None, f"no {pattern!r} in:\n{self.said}"
        return heard

    def end(self) -> None:
        """As soon as it has nothing more to tell; that is no failure."""
        self._ending.set()
        assert self.code() == 0, self.said

    def code(self) -> int:
        """Wait for the end."""
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), self.said
        return int(self._code)

    def close(self) -> None:
        self._ending.set()
        self._thread.join(PATIENCE_SECONDS)

    def _call(self) -> None:
        out, err = (
            io.TextIOWrapper(_Heard(self._tell), encoding="utf-8", write_through=True)
            for _ in range(2)
        )
        follow = lines.follow_lines

        def until_ended(
            *given: Any, over: Callable[[News], bool] = lambda _: False, **more: Any
        ) -> None:
            follow(*given, **more, over=lambda news: over(news) or self._ending.is_set())

        code: Any = 0
        with (
            mock.patch.object(sys, "stdout", out),
            mock.patch.object(sys, "stderr", err),
            mock.patch.object(sys, "stdin", io.StringIO()),
            mock.patch.object(following, "follow_lines", until_ended),
            mock.patch.object(lines, "LOOK_SECONDS", 0.02),
        ):
            try:
                main(self._arguments)
            except SystemExit as ended:
                code = ended.code or 0
        with self._news:
            self._code = code
            self._news.notify_all()

    def _tell(self, line: str) -> None:
        with self._news:
            self.lines.append(line)
            self._news.notify_all()


@contextmanager
def calling(*arguments: str) -> Iterator[Calling]:
    """Ended at the end, if it was not before."""
    one = Calling(*arguments)
    try:
        yield one
    finally:
        one.close()
