"""What the list holds, what is selected, and how a key or news change it. Pure.

    LIST ── / ──> FILTER ── enter, escape ──> LIST
      │── d, enter ──> SHOW ── q, escape, d ──> LIST
      │── ? ──> HELP ── any ──> LIST
      '── q ──> over

The newest line is selected, and stays so as news come, until another one is; then that one stays
selected, wherever it goes. Paused, the list holds still and news wait beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal

from holdfast.terminal.feed import Counts, News, Shown
from holdfast.terminal.rows import Row

ROWS_MAX: Final = 1_000
RATE_MS: Final = 60_000
"""What came in within so long is the rate."""

FRAME: Final = 4
"""Lines around the list: a bar and the names above, a message and the keys below."""


class Mode(Enum):
    LIST = "list"
    FILTER = "filter"
    SHOW = "show"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody has to do for a key: `row` is the selected one."""

    what: Literal["quit", "retry", "show", "open"]
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Everything that is on the screen. Rows are oldest first."""

    title: str
    width: int = 80
    height: int = 24
    now_ms: int = 0
    forwards: bool = False
    """Events are handed to a program here, whose answers are told."""
    rows: tuple[Row, ...] = ()
    held: tuple[Row, ...] = ()
    """News that came while it was paused."""
    paused: bool = False
    selected: str | None = None
    """None: the newest, whichever that is."""
    top: int = 0
    """Which of the lines that fit the filter is the first on the screen."""
    filter: str = ""
    typed: str = ""
    mode: Mode = Mode.LIST
    shown: Shown | None = None
    scroll: int = 0
    counts: Counts | None = None
    came: tuple[tuple[int, int], ...] = ()
    """When so many came in, of the last minute."""
    message: str = ""
    trouble: str = ""
    """Why there are no news just now."""

    @property
    def room(self) -> int:
        """How many lines the list may take."""
        return max(1, self.height - FRAME)

    @property
    def listed(self) -> tuple[Row, ...]:
        words = self.typed if self.mode is Mode.FILTER else self.filter
        return tuple(row for row in self.rows if row.holds(words)) if words else self.rows

    @property
    def place(self) -> int | None:
        """Which of the listed is selected; None where there is none."""
        listed = self.listed
        if not listed:
            return None
        for place, row in enumerate(listed):
            if row.id == self.selected:
                return place
        return len(listed) - 1

    @property
    def row(self) -> Row | None:
        """The selected one."""
        place = self.place
        return None if place is None else self.listed[place]

    @property
    def per_second(self) -> float:
        return sum(count for at, count in self.came if at > self.now_ms - RATE_MS) * 1000 / RATE_MS


def press(view: View, key: str) -> tuple[View, Act | None]:
    """What a key does. `key`: a character, or `up`, `pagedown`, `enter`, `escape`, `backspace`."""
    view = replace(view, message="")
    if key == "c-c":
        return view, Act("quit")
    match view.mode:
        case Mode.FILTER:
            return _settled(_typed(view, key)), None
        case Mode.HELP:
            return replace(view, mode=Mode.LIST), None
        case Mode.SHOW:
            return _in_show(view, key)
        case _:
            return _in_list(view, key)


def _in_list(view: View, key: str) -> tuple[View, Act | None]:
    if (moved := _moved(view, key)) is not None:
        return moved, None
    match key:
        case "q":
            return view, Act("quit")
        case "/":
            return replace(view, mode=Mode.FILTER, typed=view.filter), None
        case "escape" if view.filter:
            return _settled(replace(view, filter="", typed="")), None
        case "p":
            return _settled(_released(view) if view.paused else replace(view, paused=True)), None
        case "?":
            return replace(view, mode=Mode.HELP), None
        case "r" | "o" | "d" | "enter" if view.row is not None:
            return view, Act(_ACTS[key], view.row)
        case _:
            return view, None


_ACTS: Final[dict[str, Literal["retry", "show", "open"]]] = {
    "r": "retry",
    "o": "open",
    "d": "show",
    "enter": "show",
}


def _in_show(view: View, key: str) -> tuple[View, Act | None]:
    lines = len(view.shown.lines) if view.shown is not None else 0
    last, page = max(0, lines - view.height + 2), max(1, view.height - 3)
    scroll = {
        "up": view.scroll - 1,
        "k": view.scroll - 1,
        "down": view.scroll + 1,
        "j": view.scroll + 1,
        "pageup": view.scroll - page,
        "pagedown": view.scroll + page,
        " ": view.scroll + page,
        "home": 0,
        "g": 0,
        "end": last,
        "G": last,
    }.get(key)
    if scroll is not None:
        return replace(view, scroll=min(max(0, scroll), last)), None
    if key in ("q", "escape", "d", "enter", "backspace"):
        return replace(view, mode=Mode.LIST, shown=None, scroll=0), None
    if key in ("r", "o") and view.shown is not None:
        return view, Act(_ACTS[key], view.shown.row)
    return view, None


def _moved(view: View, key: str) -> View | None:
    place = view.place
    to = {
        "up": -1,
        "k": -1,
        "down": 1,
        "j": 1,
        "pageup": -view.room,
        "pagedown": view.room,
        "home": -ROWS_MAX,
        "g": -ROWS_MAX,
        "end": ROWS_MAX,
        "G": ROWS_MAX,
    }.get(key)
    if to is None:
        return None
    if place is None:
        return view
    listed = view.listed
    to = min(max(0, place + to), len(listed) - 1)
    # Whoever goes down to the newest follows it again.
    selected = None if to == len(listed) - 1 else listed[to].id
    return _settled(replace(view, selected=selected))


def _typed(view: View, key: str) -> View:
    match key:
        case "enter":
            return replace(view, mode=Mode.LIST, filter=view.typed.strip())
        case "escape":
            return replace(view, mode=Mode.LIST, typed=view.filter)
        case "backspace":
            return replace(view, typed=view.typed[:-1])
        case "c-u":
            return replace(view, typed="")
        case _ if len(key) == 1 and key.isprintable():
            return replace(view, typed=view.typed + key)
        case _:
            return view


def took(view: View, news: News, now_ms: int) -> View:
    """The view after these news."""
    recent = tuple(one for one in view.came if one[0] > now_ms - RATE_MS)
    if news.arrived:
        recent = (*recent, (now_ms, news.arrived))
    view = replace(
        view,
        now_ms=now_ms,
        counts=news.counts or view.counts,
        came=recent,
        trouble=news.trouble,
        message=news.message or view.message,
    )
    if view.paused:
        known = {row.id for row in view.rows}
        changed = [row for row in news.rows if row.id in known]
        new = [row for row in news.rows if row.id not in known]
        view = replace(
            view, rows=_merged(view.rows, changed), held=_merged(view.held, new)[-ROWS_MAX:]
        )
    else:
        view = replace(view, rows=_merged(view.rows, news.rows)[-ROWS_MAX:])
    return _settled(view)


def resized(view: View, width: int, height: int) -> View:
    return _settled(replace(view, width=max(1, width), height=max(1, height)))


def showing(view: View, shown: Shown) -> View:
    """One event in full, over the list."""
    return replace(view, mode=Mode.SHOW, shown=shown, scroll=0)


def saying(view: View, message: str) -> View:
    return replace(view, message=message)


def _released(view: View) -> View:
    rows = _merged(view.rows, view.held)[-ROWS_MAX:]
    return replace(view, rows=rows, held=(), paused=False)


def _merged(rows: Sequence[Row], news: Iterable[Row]) -> tuple[Row, ...]:
    """Each once, the newer state of it, by time."""
    known = {row.id: row for row in rows}
    for row in news:
        earlier = known.get(row.id)
        # What a program said of it stays, whatever else becomes of the event.
        keep = earlier is not None and row.answer is None
        known[row.id] = replace(row, answer=earlier.answer) if keep and earlier else row
    return tuple(sorted(known.values(), key=lambda row: row.order))


def _settled(view: View) -> View:
    """With the selected line on the screen, and no emptier than it must be."""
    count, place = len(view.listed), view.place
    if place is None:
        return replace(view, top=0)
    top = min(view.top, place, max(0, count - view.room))
    top = max(top, place - view.room + 1)
    if view.selected is None:
        top = max(0, count - view.room)
    return replace(view, top=top)
