"""A view as lines, as many as the terminal has. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from holdfast.terminal.feed import Line, Part
from holdfast.terminal.rows import (
    MARKS,
    Answer,
    Row,
    Style,
    clock_time,
    size_text,
    took_text,
)
from holdfast.terminal.text import fit, printable, took
from holdfast.terminal.view import Mode, View

KEYS: Final = "[r] Retry  [d] Show  [o] Open  [/] Filter  [p] Pause  [?] Keys  [q] Quit"
SHOWN_KEYS: Final = "[r] Retry  [o] Open  [q] Back"

HELP: Final[Sequence[tuple[str, str]]] = (
    ("up, down, k, j", "the line above, below"),
    ("page up, page down", "a screen up, down"),
    ("g, home", "the oldest line"),
    ("G, end", "the newest line, and every newer one as it comes"),
    ("d, enter", "the event in full: timeline, failure, headers, body"),
    ("r", "again: a dead letter is redriven, what is over is replayed"),
    ("o", "the event in the console"),
    ("/", "only lines with these words; escape shows all again"),
    ("p", "hold the list still; what comes waits"),
    ("q", "quit"),
)

_TITLE_MIN: Final = 12


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    width: int
    right: bool = False


def draw(view: View) -> list[Line]:
    """Exactly `height` lines, none of them wider than `width`."""
    match view.mode:
        case Mode.SHOW:
            lines = _shown(view)
        case Mode.HELP:
            lines = [((("", f"  {keys:<20}{meaning}"),)) for keys, meaning in HELP]
        case _:
            lines = _listed(view)
    body = [_title(view), *lines]
    empty: Line = (("", ""),)
    bottom = [_message(view), _keys(view)]
    room = max(0, view.height - len(bottom))
    body = (body + [empty] * room)[:room]
    return [_cut(line, view.width) for line in (body + bottom)[-view.height :]]


def _listed(view: View) -> list[Line]:
    listed, columns = view.listed, columns_for(view)
    head = "  ".join(fit(one.name, one.width, right=one.right) for one in columns)
    lines: list[Line] = [(("dim", head.rstrip()),)]
    if not listed:
        why = "nothing fits the filter" if view.rows else "nothing has come yet"
        return [*lines, (("dim", f"  {why}"),)]
    chosen = view.place
    return lines + [
        _line(listed[place], columns, view, selected=place == chosen)
        for place in range(view.top, min(len(listed), view.top + view.room))
    ]


def columns_for(view: View) -> tuple[Column, ...]:
    """As wide as what is listed needs, within bounds; the last takes what is left."""
    listed = view.listed
    names = max([7, *(cell_len(row.webhook) for row in listed)])
    types = max([4, *(cell_len(row.type) for row in listed)])
    room = max(0, view.width - 50)
    names = min(names, max(7, room // 3))
    types = min(types, max(4, room // 2))
    fixed = [
        Column("time", 8),
        Column("webhook", names),
        Column("type", types),
        Column("status", 7),
        Column("ok", 2),
    ]
    fixed += (
        [Column("local", 5, right=True), Column("took", 6, right=True)]
        if view.forwards
        else [Column("took", 6, right=True), Column("tries", 5, right=True)]
    )
    fixed.append(Column("size", 6, right=True))
    used = sum(one.width + 2 for one in fixed)
    return (*fixed, Column("why", max(0, view.width - used)))


def _line(row: Row, columns: Sequence[Column], view: View, *, selected: bool) -> Line:
    mark, mark_style = MARKS.get(row.verification, ("?", "dim"))
    cells: list[Part] = [
        ("dim", clock_time(row.at_ms, view.now_ms)),
        ("", row.webhook),
        ("bold", row.type),
        (row.state_style, row.told_state),
        (mark_style, mark),
    ]
    if view.forwards:
        cells += [
            answer_part(row.answer),
            ("", took(row.answer.milliseconds) if row.answer else ""),
        ]
        why = row.answer.trouble if row.answer is not None and row.answer.trouble else row.why
    else:
        tries = str(row.attempts) if row.attempts else ""
        cells += [("", took_text(row)), ("warn" if row.attempts > 1 else "", tries)]
        why = row.why
    cells += [("", size_text(row)), ("dim", why)]
    parts: list[Part] = []
    for (style, text), column in zip(cells, columns, strict=True):
        told = fit(text, column.width, right=column.right)
        parts.append(("selected" if selected else style, told))
        parts.append(("selected" if selected else "", "  "))
    return tuple(parts[:-1])


def answer_part(answer: Answer | None) -> Part:
    """What a program here said, and whether that is good."""
    if answer is None:
        return ("dim", "...")
    style: Style = "good" if answer.good else "bad"
    return (style, str(answer.status) if answer.status is not None else "none")


def _shown(view: View) -> list[Line]:
    lines = view.shown.lines if view.shown is not None else ()
    return list(lines[view.scroll : view.scroll + max(0, view.height - 3)])


def _title(view: View) -> Line:
    """What is followed, and how full it is."""
    facts = []
    if view.counts is not None:
        facts += [f"{view.counts.waiting:,} waiting", f"{view.counts.dead:,} dead"]
        if view.counts.paused:
            facts.append(f"{len(view.counts.paused)} paused")
    facts.append(f"{view.per_second:.1f}/s")
    right = f"{'  '.join(facts)} "
    room = view.width - cell_len(right)
    if room < _TITLE_MIN:
        return (("bar", fit(f" {printable(view.title)}", view.width)),)
    return (("bar", fit(f" {printable(view.title)}", room)), ("bar", right))


def _message(view: View) -> Line:
    if view.mode is Mode.FILTER:
        return (("bold", "/"), ("", printable(view.typed)), ("selected", " "))
    if view.trouble:
        return (("bad", f"{printable(view.trouble)}; trying again"),)
    if view.message:
        return (("bold", printable(view.message)),)
    if view.paused:
        return (("warn", f"the list holds still; {len(view.held):,} more came; p goes on"),)
    if view.filter:
        return (("dim", f"only with {printable(view.filter)}; escape shows all"),)
    return (("", ""),)


def _keys(view: View) -> Line:
    if view.mode is Mode.SHOW:
        lines = len(view.shown.lines) if view.shown is not None else 0
        last = min(lines, view.scroll + max(0, view.height - 3))
        return _bar(view, SHOWN_KEYS, f"{last:,}/{lines:,}")
    if view.mode is Mode.HELP:
        return _bar(view, "any key goes back", "")
    if view.mode is Mode.FILTER:
        return _bar(view, "enter: keep it  escape: leave it", "")
    place = view.place
    told = f"{(place or 0) + 1:,}/{len(view.listed):,}" if place is not None else "0/0"
    return _bar(view, KEYS, told)


def _bar(view: View, keys: str, right: str) -> Line:
    room = max(0, view.width - cell_len(right) - 1)
    return (("bar", fit(f" {keys}", room)), ("bar", f"{right} "))


def _cut(line: Line, width: int) -> Line:
    """No wider than the terminal, which would otherwise go on in the next line."""
    parts: list[Part] = []
    for style, text in line:
        length = cell_len(text)
        if length > width:
            parts.append((style, fit(text, width)))
            break
        parts.append((style, text))
        width -= length
    return tuple(parts)
