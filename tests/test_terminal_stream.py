"""A console's stream over breaks: nothing is lost between two connections, and it can be hung up."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import orjson
import pytest

from holdfast.errors import HoldfastError
from holdfast.terminal import stream
from holdfast.terminal.api import ConsoleAway, Lines
from holdfast.terminal.feed import Counts
from holdfast.terminal.stream import Stream, events
from process_kit import until


def told(name: str, id: str, **data: object) -> list[str]:
    return [f"id: {id}", f"event: {name}", f"data: {orjson.dumps(data).decode()}", ""]


def depth(waiting: int = 0) -> list[str]:
    one = {"name": "orders", "waiting": waiting, "dead": 2, "paused": True}
    return told("depth", "", webhooks=[one])[1:]


def ended(id: str, *ids: str) -> list[str]:
    rows = [{"id": one} for one in ids]
    return told("changes", id, arrived=[], ended=rows, refused=[], missed=0)


class Console:
    """Plays connections one after the other; the last one is held open. `cursors`: asked with."""

    def __init__(self, *plays: Sequence[str], error: HoldfastError | None = None) -> None:
        self.cursors: list[str | None] = []
        self._plays = list(plays)
        self._error = error or ConsoleAway("broke off")
        self._hung_up = threading.Event()

    @contextmanager
    def opened(self, cursor: str | None) -> Iterator[Lines]:
        self.cursors.append(cursor)
        yield Lines(self._lines(), self._hung_up.set)

    def _lines(self) -> Iterator[str]:
        yield from self._plays.pop(0)
        if not self._plays:
            self._hung_up.wait()
        raise self._error


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "AGAIN_SECONDS", 0.001)


def test_a_break_after_the_greeting_loses_nothing() -> None:
    """A greeting tells of now; what was missed before it comes after it, and may be cut off."""
    console = Console(
        [*told("hello", "5"), *depth()],
        told("hello", "9"),
        [*told("hello", "9"), *ended("9", "a", "b"), *depth(4)],
    )
    with closing(Stream(console.opened)) as one:
        heard: list[str] = []

        def all_heard() -> bool:
            try:
                heard.extend(one.changes(None).ids)
            except ConsoleAway:
                return False
            return heard == ["a", "b"]

        until(all_heard, "what was missed is told")
        assert console.cursors == [None, "5", "5"]
        assert one.changes(None).ids == ()
        until(lambda: one.counts("orders") == Counts(4, 2, ("orders",)), "it is counted anew")
        assert one.counts("users") == Counts(0, 0)


def test_it_begins_where_it_is_told_to() -> None:
    """And its first answer holds what was missed."""
    console = Console([*told("hello", "9"), *ended("8", "a"), *depth()])
    with closing(Stream(console.opened)) as one:
        found = one.changes("3")
        assert (found.ids, found.cursor) == (("a",), "8")
        assert console.cursors == ["3"]


def test_what_cannot_be_mended_is_raised_each_time() -> None:
    """A token that is wrong stays wrong: nobody knocks again."""
    console = Console([], [], error=HoldfastError("does not know the token"))
    with closing(Stream(console.opened)) as one:
        for _ in range(2):
            with pytest.raises(HoldfastError, match="token"):
                one.changes(None)
        assert console.cursors == [None]


def test_what_nobody_takes_does_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are kept."""
    monkeypatch.setattr(stream, "IDS_MAX", 3)
    console = Console([*told("hello", "1"), *ended("2", *"abcde"), *depth()])
    with closing(Stream(console.opened)) as one:
        assert one.changes("1").ids == ("c", "d", "e")


def test_comments_are_passed_over() -> None:
    """A console says now and then that it is still there."""
    lines = ["retry: 2000", "", ": still here", "", *ended("2", "a"), ": still here", ""]

    assert [(name, id) for name, id, _ in events(lines)] == [("changes", "2")]
