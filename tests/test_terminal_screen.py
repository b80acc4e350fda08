"""The screen over a feed that a test tells what to say, with keys from a pipe."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from holdfast.errors import StoreFormat
from holdfast.terminal.feed import News
from holdfast.terminal.screen import Screen
from holdfast.terminal.view import Mode
from process_kit import PATIENCE_SECONDS, until
from terminal_kit import Told, a_row


class Shown:
    """A screen that runs on a thread of its own."""

    def __init__(self, feed: Told, keys: PipeInput) -> None:
        self.keys = keys
        self.screen = Screen(feed, input=keys, output=DummyOutput())
        self.ended: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with create_app_session(input=self.keys, output=DummyOutput()):
                self.screen.run()
        except BaseException as error:
            self.ended = error

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> None:
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()


@contextmanager
def shown(feed: Told) -> Iterator[Shown]:
    with create_pipe_input() as keys:
        one = Shown(feed, keys)
        try:
            yield one
        finally:
            if one.alive:
                keys.send_text("\x03")
            one.end()


def test_news_are_drawn_and_remembered() -> None:
    """Each look is kept once it has reached the screen; the feed's note is told at first."""
    feed = Told(News((a_row(1),), arrived=1), note="no history here")
    with shown(feed) as one:
        assert one.screen.view.message == "no history here"
        until(lambda: len(one.screen.view.rows) == 1, "it is there")
        feed.tell(a_row(2))
        until(lambda: len(one.screen.view.rows) == 2, "the second is there")
        until(lambda: one.screen.view.counts is not None, "it is counted")
    assert one.ended is None
    assert feed.kept >= 2


def test_what_a_key_asks_for_is_done_elsewhere() -> None:
    """A retry, one event in full, its address; and what cannot be done is said."""
    feed = Told(News((a_row(1, state="refused"), a_row(2))))
    with shown(feed) as one:
        until(lambda: len(one.screen.view.rows) == 2, "they are there")
        one.keys.send_text("r")
        until(lambda: "replayed" in one.screen.view.message, "it is done")
        assert feed.retried == [a_row(2).id]
        one.keys.send_text("o")
        until(lambda: "/events/" in one.screen.view.message, "its address is told")
        one.keys.send_text("\x1b[A")
        until(lambda: one.screen.view.selected is not None, "up")
        one.keys.send_text("r")
        until(lambda: one.screen.view.message == "never kept", "it is said")
        one.keys.send_text("d")
        until(lambda: one.screen.view.mode is Mode.SHOW, "it is shown")
        one.keys.send_text(" ")
        until(lambda: one.screen.view.scroll > 0, "it is scrolled")
        one.keys.send_text("\x1b")
        until(lambda: one.screen.view.mode is Mode.LIST, "escape goes back")


def test_pasted_words_are_no_commands() -> None:
    """Only a filter takes them; in the list q, r and so on of a paste do nothing."""
    feed = Told(News((a_row(1),)))
    with shown(feed) as one:
        until(lambda: one.screen.view.rows, "it is there")
        one.keys.send_text("\x1b[200~rrrq\x1b[201~/")
        until(lambda: one.screen.view.mode is Mode.FILTER, "the filter")
        one.keys.send_text("\x1b[200~or\x1b]0;x\x07ders\n\x1b[201~")
        until(lambda: one.screen.view.typed.endswith("ders"), "it is typed")
        assert one.screen.view.typed == "or]0;xders"
        assert feed.retried == []
        assert one.alive


def test_a_feed_that_cannot_go_on_ends_the_screen() -> None:
    """With its error, and the terminal restored."""
    feed = Told(News((a_row(1),)))
    with shown(feed) as one:
        until(lambda: one.screen.view.rows, "it is there")
        feed.fail(StoreFormat("corrupt"))
        until(lambda: not one.alive, "it has ended")
    assert isinstance(one.ended, StoreFormat)


@pytest.mark.parametrize("keys", ["q", "\x03", "\x04"])
def test_it_is_left_at_once(keys: str) -> None:
    """Without waiting for news."""
    with shown(Told()) as one:
        until(lambda: one.screen._app.is_running, "it runs")
        one.keys.send_text(keys)
        until(lambda: not one.alive, "it is left")
    assert one.ended is None
