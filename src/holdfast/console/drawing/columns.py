"""Where in its row each cell of a layered graph lies, so that lines are straight. Pure.

Row after row, up and down, each cell is drawn to the middle of those it is tied to, and no further
than its neighbours leave room: the least squares of all of a row at once, which isotonic regression
finds by pooling whoever stands in another's way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from holdfast.console.drawing.layers import Cell, Chain

ROUNDS: Final = 24
SNAP: Final = 18.0
"""A bend of less than that is taken out where there is room."""

_BOX_GAP: Final = 36.0
_LINE_GAP: Final = 14.0


def place(rows: Sequence[Sequence[Cell]], chains: Sequence[Chain]) -> float:
    """Give every cell its `x`. How wide all of it is; the leftmost side is 0."""
    for row in rows:
        at = 0.0
        for before, cell in zip((None, *row), row, strict=False):
            at += gap(before, cell) if before else 0.0
            cell.x = at
    for turn in range(ROUNDS):
        downward = turn % 2 == 0
        both = turn >= ROUNDS - 4
        for row in rows if downward else reversed(rows):
            _settle(row, up=both or downward, down=both or not downward)
    _straighten(rows, chains)
    _snap(rows)
    cells = [cell for row in rows for cell in row]
    left = min((cell.x - cell.width / 2 for cell in cells), default=0.0)
    for cell in cells:
        cell.x -= left
    return max((cell.x + cell.width / 2 for cell in cells), default=0.0)


def gap(before: Cell, after: Cell) -> float:
    """From one middle to the next, at the least."""
    boxes = before.box is not None and after.box is not None
    return (before.width + after.width) / 2 + (_BOX_GAP if boxes else _LINE_GAP)


def _settle(row: Sequence[Cell], *, up: bool, down: bool) -> None:
    wanted, weights, shift = [], [], 0.0
    for before, cell in zip((None, *row), row, strict=False):
        shift += gap(before, cell) if before else 0.0
        at, weight = _drawn_to(cell, up=up, down=down)
        wanted.append(at - shift)
        weights.append(weight)
    shift = 0.0
    fitted = isotonic(wanted, weights)
    for before, cell, at in zip((None, *row), row, fitted, strict=False):
        shift += gap(before, cell) if before else 0.0
        cell.x = at + shift


def _drawn_to(cell: Cell, *, up: bool, down: bool) -> tuple[float, float]:
    """Where a cell would be best, and how much that matters."""
    ties = [*(cell.up if up else ()), *(cell.down if down else ())]
    total = at = 0.0
    for one in ties:
        # A line that passes shall be straight before anything else is.
        lines = cell.box is None and one.box is None
        weight = 8.0 if lines else max(cell.weight, one.weight)
        total += weight
        at += weight * one.x
    if cell.beside is not None:
        total += 1.0
        at += cell.beside.x + (cell.beside.width + cell.width) / 2 + _LINE_GAP
    return (at / total, total) if total else (cell.x, 0.1)


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The non-decreasing sequence that is nearest to `values`, in weighted least squares."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        mean, total, count = value, weight, 1
        while pools and pools[-1][0] >= mean:
            other, others, many = pools.pop()
            mean = (mean * total + other * others) / (total + others)
            total, count = total + others, count + many
        pools.append((mean, total, count))
    return [mean for mean, _, count in pools for _ in range(count)]


def _straighten(rows: Sequence[Sequence[Cell]], chains: Sequence[Chain]) -> None:
    """Make one straight line of as many cells of each link as there is room for, from one side to
    the other and back: whoever stands outermost moves out of the others' way first."""
    at = {cell: place for row in rows for place, cell in enumerate(row)}
    order = list(chains)
    for turn in range(4):
        order.sort(key=lambda chain: sum(one.x for one in chain.own) / len(chain.own),
                  reverse=turn % 2 == 0)  # fmt: skip
        for chain in order:
            run: list[Cell] = []
            least, most = _FAR
            for cell in chain.own:
                low, high = _room(cell, rows, at)
                if max(low, least) > min(high, most):
                    _align(run, least, most)
                    run, (least, most) = [], _FAR
                run.append(cell)
                least, most = max(low, least), min(high, most)
            _align(run, least, most)


_FAR: Final = (-1e9, 1e9)


def _room(
    cell: Cell, rows: Sequence[Sequence[Cell]], at: Mapping[Cell, int]
) -> tuple[float, float]:
    """Between its neighbours, where they are now."""
    row, place = rows[cell.row], at[cell]
    least = row[place - 1].x + gap(row[place - 1], cell) if place else _FAR[0]
    most = row[place + 1].x - gap(cell, row[place + 1]) if place + 1 < len(row) else _FAR[1]
    return least, most


def _align(run: Sequence[Cell], least: float, most: float) -> None:
    """In line with what is above or below it, if that fits; else where most of it is."""
    if not run:
        return
    middle = sorted(cell.x for cell in run)[len(run) // 2]
    ends = [one for one in (*run[0].up, *run[-1].down) if least <= one.x <= most]
    # Where a box has many lines on that side, the bend is there anyway.
    ends.sort(key=lambda one: (_lines(one, run), abs(one.x - middle)))
    wanted = ends[0].x if ends else middle
    for cell in run:
        cell.x = min(max(wanted, least), most)


def _lines(end: Cell, run: Sequence[Cell]) -> int:
    """How many lines a box has where this one meets it; of a cell of the same line, none beside."""
    if end.box is None:
        return 0
    return len(end.up) if end in run[-1].down else len(end.down)


def _snap(rows: Sequence[Sequence[Cell]]) -> None:
    """Take out small bends, by moving whatever hangs straight together on one side of them."""
    at = {cell: place for row in rows for place, cell in enumerate(row)}
    for upward in (False, True, False):
        for row in reversed(rows) if upward else rows:
            for cell in row:
                ties = cell.down if upward else cell.up
                if len(ties) != 1 or not 0 < abs(ties[0].x - cell.x) <= SNAP:
                    continue
                stack, wanted = _stack(cell, upward=upward), ties[0].x
                rooms = [_room(one, rows, at) for one in stack]
                if stack and all(least <= wanted <= most for least, most in rooms):
                    for one in stack:
                        one.x = wanted


def _stack(cell: Cell, *, upward: bool) -> list[Cell]:
    """The cell, and what lies straight behind it; nothing where that would get a new bend."""
    found = [cell]
    while True:
        behind = found[-1].up if upward else found[-1].down
        straight = [one for one in behind if abs(one.x - found[-1].x) < 0.01]
        if not straight:
            return found
        back = straight[0].down if upward else straight[0].up
        if len(behind) > 1 or len(back) > 1:
            return []
        found.append(straight[0])
