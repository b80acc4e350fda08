"""The whole terminal: it reads keys, draws the view, and has threads do what blocks.

The only file that knows prompt_toolkit. What is drawn holds no control characters, and if it did,
the library would show them instead of sending them.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.errors import HoldfastError
from holdfast.terminal.browser import show_page
from holdfast.terminal.drawing import draw
from holdfast.terminal.feed import Feed, News
from holdfast.terminal.view import (
    Act,
    Mode,
    View,
    press,
    resized,
    saying,
    showing,
    took,
)

LOOK_SECONDS: Final = 0.5
ESCAPE_SECONDS: Final = 0.05
"""How long an escape may be the beginning of another key."""

NAMES: Final[Mapping[str, str]] = {
    Keys.Up: "up",
    Keys.Down: "down",
    Keys.PageUp: "pageup",
    Keys.PageDown: "pagedown",
    Keys.Home: "home",
    Keys.End: "end",
    Keys.ControlM: "enter",
    Keys.ControlJ: "enter",
    Keys.Escape: "escape",
    Keys.ControlH: "backspace",
    Keys.ControlU: "c-u",
    Keys.ControlC: "c-c",
    Keys.ControlD: "c-c",
    Keys.SIGINT: "c-c",
}

STYLE: Final = Style.from_dict(
    {
        "dim": "ansibrightblack",
        "good": "ansigreen",
        "bad": "ansired",
        "warn": "ansiyellow",
        "bold": "bold",
        "selected": "reverse",
        "bar": "reverse",
    }
)


class Screen:
    """One feed on the whole terminal. `input`, `output`: another one than this process's own."""

    def __init__(
        self,
        feed: Feed,
        *,
        forwards: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        input: Input | None = None,
        output: Output | None = None,
    ) -> None:
        self.view = View(feed.title, now_ms=clock.now_ms(), forwards=forwards, message=feed.note)
        self._feed = feed
        self._clock = clock
        self._over = threading.Event()
        self._failed: BaseException | None = None
        self._acting = ThreadPoolExecutor(1, "holdfast-act")
        self._app: Application[None] = Application(
            layout=Layout(
                Window(
                    FormattedTextControl(self._text, focusable=True, show_cursor=False),
                    always_hide_cursor=True,
                )
            ),
            key_bindings=self._keys(),
            style=STYLE,
            full_screen=True,
            input=input,
            output=output,
            before_render=self._measure,
        )
        self._app.ttimeoutlen = ESCAPE_SECONDS
        self._app.timeoutlen = ESCAPE_SECONDS

    def run(self) -> None:
        """Until somebody quits. Raises what the feed ended with."""
        following = threading.Thread(target=self._follow, name="holdfast-follow")
        try:
            self._app.run(pre_run=partial(self._begin, following))
        finally:
            self._over.set()
            self._feed.close()
            if following.ident is not None:
                following.join()
            self._acting.shutdown(cancel_futures=True)
        if self._failed is not None:
            raise self._failed

    def _begin(self, following: threading.Thread) -> None:
        if threading.current_thread() is threading.main_thread():
            # Whoever ends it from elsewhere must not leave a terminal without echo behind.
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self._quit)
        following.start()

    def _follow(self) -> None:
        try:
            while not self._over.is_set():
                news = self._feed.look()
                if self._over.is_set():
                    return
                self._later(partial(self._take, news))
                self._feed.keep()
                if not news.more:
                    self._feed.wait(LOOK_SECONDS)
        except BaseException as error:
            self._failed = error
            self._later(self._quit)

    def _take(self, news: News) -> None:
        self.view = took(self.view, news, self._clock.now_ms())

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add(Keys.Any, eager=True)
        def pressed(event: KeyPressEvent) -> None:
            one = event.key_sequence[0]
            if one.key in (Keys.CPRResponse, Keys.Ignore):
                return
            if one.key == Keys.BracketedPaste:
                # Pasted words are a filter, and never commands.
                typed = one.data if self.view.mode is Mode.FILTER else ""
            elif one.key == Keys.ControlZ:
                self._app.suspend_to_background()
                return
            else:
                self._press(NAMES.get(one.key, str(one.key)))
                return
            for character in typed:
                if character.isprintable():
                    self._press(character)

        return keys

    def _press(self, key: str) -> None:
        self.view, act = press(self.view, key)
        if act is not None:
            self._do(act)

    def _do(self, act: Act) -> None:
        row = act.row
        if act.what == "quit" or row is None:
            self._quit()
        elif act.what == "open":
            self._open(self._feed.page(row))
        elif act.what == "show":
            width = self.view.width
            self._aside(lambda: self._feed.show(row, width), lambda told: showing(self.view, told))
        else:
            self.view = saying(self.view, f"{row.id} ...")
            self._aside(lambda: self._feed.retry(row), lambda told: saying(self.view, told))

    def _aside(self, work: Callable[[], object], then: Callable[..., View]) -> None:
        """Do what blocks elsewhere, and go on here with what came of it."""

        def act() -> None:
            try:
                told = work()
            except HoldfastError as error:
                words = str(error)
                self._later(lambda: self._become(saying(self.view, words)))
            except Exception as error:
                self._failed = error
                self._later(self._quit)
            else:
                self._later(lambda: self._become(then(told)))

        self._acting.submit(act)

    def _become(self, view: View) -> None:
        self.view = view

    def _open(self, url: str | None) -> None:
        if url is None:
            self.view = saying(self.view, "no console runs here that could show it")
            return
        self.view = saying(self.view, url)
        self._acting.submit(show_page, url)

    def _quit(self) -> None:
        if self._app.is_running and not self._app.is_done:
            self._app.exit()

    def _later(self, act: Callable[[], None]) -> None:
        """On the loop that draws, from any thread."""
        loop = self._app.loop
        if loop is None or loop.is_closed():
            return

        def turn() -> None:
            act()
            self._app.invalidate()

        loop.call_soon_threadsafe(turn)

    def _measure(self, _app: Application[None]) -> None:
        size = self._app.output.get_size()
        if (size.columns, size.rows) != (self.view.width, self.view.height):
            self.view = resized(self.view, size.columns, size.rows)

    def _text(self) -> StyleAndTextTuples:
        parts: StyleAndTextTuples = []
        for number, line in enumerate(draw(self.view)):
            if number:
                parts.append(("", "\n"))
            parts += [(f"class:{style}" if style else "", text) for style, text in line]
        return parts
