"""Rows, views and feeds for tests of the terminal."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from holdfast.errors import NotSupported
from holdfast.terminal.feed import Counts, Line, News, Shown
from holdfast.terminal.rows import Row
from holdfast.terminal.view import View, press, took

NOW_MS = 1_700_000_000_000


def a_row(number: int = 1, **given: Any) -> Row:
    """The event that came in as number so many."""
    fields: dict[str, Any] = {
        "id": f"{number:032x}",
        "at_ms": NOW_MS + number * 1_000,
        "webhook": "orders",
        "type": "order.paid",
        "state": "done",
        "status": None,
        "why": "",
        "verification": "verified",
        "attempts": 1,
        "took_ms": 12,
        "bytes": 100,
        "fields": {"kind": "event"},
    }
    return Row(**{**fields, **given})


def a_view(count: int = 0, height: int = 10, **given: Any) -> View:
    """A list of so many events, of which the newest is selected."""
    view = View("store", width=100, height=height, now_ms=NOW_MS, **given)
    return took(view, News(tuple(map(a_row, range(1, count + 1))), arrived=count), NOW_MS)


def pressed(view: View, *keys: str) -> View:
    for key in keys:
        view, _ = press(view, key)
    return view


def text_of(lines: tuple[Line, ...] | list[Line]) -> list[str]:
    return ["".join(text for _, text in line) for line in lines]


class Told:
    """A feed that tells what a test gives it, and remembers what it was asked for."""

    def __init__(self, *news: News, note: str = "") -> None:
        self.title = "told"
        self.note = note
        self.kept = 0
        self.retried: list[str] = []
        self.failure: Exception | None = None
        self._news = deque(news)
        self._there = threading.Condition()
        self._over = False

    def tell(self, *rows: Row, **given: Any) -> None:
        with self._there:
            self._news.append(News(rows, arrived=len(rows), **given))
            self._there.notify_all()

    def fail(self, failure: Exception) -> None:
        with self._there:
            self.failure = failure
            self._there.notify_all()

    def look(self) -> News:
        with self._there:
            if self.failure is not None:
                raise self.failure
            return self._news.popleft() if self._news else News(counts=Counts(3, 2))

    def keep(self) -> None:
        self.kept += 1

    def wait(self, seconds: float) -> None:
        with self._there:
            self._there.wait_for(lambda: self._news or self._over or self.failure, seconds)

    def show(self, row: Row, width: int) -> Shown:
        return Shown(row, tuple((("", f"line {number} of {row.id}"),) for number in range(60)))

    def retry(self, row: Row) -> str:
        if row.state == "refused":
            raise NotSupported("never kept")
        self.retried.append(row.id)
        return f"replayed {row.id}"

    def page(self, row: Row) -> str | None:
        return f"http://127.0.0.1:8082/events/{row.id}"

    def close(self) -> None:
        with self._there:
            self._over = True
            self._there.notify_all()
