"""What a console tells by itself, read by a thread, and taken from it when somebody looks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

import orjson

from holdfast.errors import HoldfastError
from holdfast.terminal.api import Lines
from holdfast.terminal.feed import Counts
from holdfast.terminal.source import Changed

FIRST_SECONDS: Final = 10.0
"""How long the first word of a console is waited for."""

AGAIN_SECONDS: Final = 1.0
IDS_MAX: Final = 2_000
"""Changes that wait to be taken; beyond it, the oldest are found out otherwise, or not told."""

Opened = AbstractContextManager[Lines]


class Stream:
    """Follows a console's stream over breaks, by its cursor. `opened`: opens it from a cursor on."""

    def __init__(self, opened: Callable[[str | None], Opened]) -> None:
        self._opened = opened
        self._news = threading.Condition()
        self._ids: dict[str, None] = {}
        self._cursor: str | None = None
        self._counts: dict[str, Any] = {}
        self._heard = False
        self._error: HoldfastError | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._hang_up: Callable[[], None] = lambda: None

    def changes(self, cursor: str | None) -> Changed:
        """What it told since the last time. Raises what the stream broke with, until it is back."""
        with self._news:
            if self._thread is None:
                self._cursor = cursor
                self._thread = threading.Thread(target=self._follow, daemon=True)
                self._thread.start()
            self._news.wait_for(lambda: self._heard or self._error, FIRST_SECONDS)
            if self._error is not None:
                raise self._error
            told = Changed(tuple(self._ids), self._cursor)
            self._ids = {}
            return told

    def counts(self, webhook: str | None) -> Counts | None:
        """As it told last; None: nothing yet."""
        with self._news:
            if not self._counts:
                return None
            depths = [one for one in self._counts["webhooks"] if webhook in (None, one["name"])]
        return Counts(
            sum(one["waiting"] for one in depths),
            sum(one["dead"] for one in depths),
            tuple(one["name"] for one in depths if one["paused"]),
        )

    def wait(self, seconds: float) -> None:
        """Until it tells something, or so long."""
        with self._news:
            if not self._ids and not self._over.is_set():
                self._news.wait(seconds)

    def close(self) -> None:
        """Ends its thread, whatever that waits for."""
        self._over.set()
        with self._news:
            self._news.notify_all()
        if self._thread is None:
            return
        while self._thread.is_alive():
            # Again where it was just opening another one.
            with contextlib.suppress(OSError):
                self._hang_up()
            self._thread.join(0.1)

    def _follow(self) -> None:
        while not self._over.is_set():
            try:
                with self._opened(self._cursor) as opened:
                    self._hang_up = opened.hang_up
                    for name, id, data in events(opened.lines):
                        if self._over.is_set():
                            return
                        self._take(name, id, data)
            except HoldfastError as error:
                with self._news:
                    self._error = error
                    self._news.notify_all()
                if not error.retryable:
                    return
            self._over.wait(AGAIN_SECONDS)

    def _take(self, name: str, id: str, data: Any) -> None:
        with self._news:
            self._error = None
            # A greeting tells of now; what was missed before comes after it, and may be cut off.
            if id and (name != "hello" or self._cursor is None):
                self._cursor = id
            if name == "depth":
                # The last of what a greeting consists of: what was missed came before it.
                self._counts, self._heard = data, True
            elif name == "changes":
                for one in (*data["ended"], *data["refused"]):
                    self._ids.pop(one["id"], None)
                    self._ids[one["id"]] = None
                while len(self._ids) > IDS_MAX:
                    del self._ids[next(iter(self._ids))]
            self._news.notify_all()


def events(lines: Iterable[str]) -> Iterator[tuple[str, str, Any]]:
    """Server-sent events as (name, id, data), data as JSON; comments are passed over."""
    name, id, data = "", "", ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "id":
            id = value
        elif field == "event":
            name = value
        elif field == "data":
            data = value
        elif not line and name:
            yield name, id, orjson.loads(data)
            name, id, data = "", "", ""
