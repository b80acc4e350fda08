"""Where in its row each cell of a layered graph lies, so that lines are straight. Pure.

Row after row, up and down, each cell is drawn to the middle of those it is tied to, and no further
than its neighbours leave room: the least squares of all of a row at once, which isotonic regression
finds by pooling whoever stands in another's way.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.console.drawing.layers import Cell, Chain

ROUNDS: Final = 4
"""Down and up by turns. What comes of it repeats itself from the third on."""
BOTH_ROUNDS: Final = 4
"""Then with both sides in view."""
SNAP: Final = 18.0
"""A bend of less than that is taken out where there is room."""

_BOX_GAP: Final = 36.0
_LINE_GAP: Final = 14.0


def place(rows: Sequence[Sequence[Cell]], chains: Sequence[Chain]) -> float:
    """Give every cell its `x`. How wide all of it is; the leftmost side is 0."""
    strung = [_strung(row) for row in rows]
    for turn in range(ROUNDS + BOTH_ROUNDS):
        downward = turn % 2 == 0
        both = turn >= ROUNDS
        for row in strung if downward else reversed(strung):
            row.settle(up=both or downward, down=both or not downward)
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


Ties = tuple[Sequence[tuple[Cell, float]], float]
"""What a cell is tied to on one side, each with its weight; and all those weights together."""


@dataclass(frozen=True, slots=True)
class _Strung:
    """A row with all that does not change while it moves. `offsets`: where its cells are when they
    stand as close as they can."""

    row: Sequence[Cell]
    offsets: Sequence[float]
    up: Sequence[Ties]
    down: Sequence[Ties]

    def settle(self, *, up: bool, down: bool) -> None:
        wanted, weights = [], []
        for cell, offset, above, below in zip(
            self.row, self.offsets, self.up, self.down, strict=True
        ):
            total = at = 0.0
            for ties, weight in ((above if up else _NONE), (below if down else _NONE)):
                total += weight
                for one, pull in ties:
                    at += pull * one.x
            if cell.beside is not None:
                total += 1.0
                at += cell.beside.x + (cell.beside.width + cell.width) / 2 + _LINE_GAP
            wanted.append((at / total if total else cell.x) - offset)
            weights.append(total or 0.1)
        for cell, offset, at in zip(self.row, self.offsets, isotonic(wanted, weights), strict=True):
            cell.x = at + offset


_NONE: Final[Ties] = ((), 0.0)


def _strung(row: Sequence[Cell]) -> _Strung:
    """And its cells are put as close as they can be."""
    gaps = (gap(before, cell) for before, cell in itertools.pairwise(row))
    offsets = list(itertools.accumulate(gaps, initial=0.0))[: len(row)]
    for cell, offset in zip(row, offsets, strict=True):
        cell.x = offset
    return _Strung(
        row,
        offsets,
        [_ties(cell, cell.up) for cell in row],
        [_ties(cell, cell.down) for cell in row],
    )


def _ties(cell: Cell, others: Sequence[Cell]) -> Ties:
    # A line that passes shall be straight before anything else is.
    weighed = [
        (one, 8.0 if cell.box is None and one.box is None else max(cell.weight, one.weight))
        for one in others
    ]
    return weighed, sum(weight for _, weight in weighed)


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
_NOTHING: Final = 1e-6


def _room(
    cell: Cell, rows: Sequence[Sequence[Cell]], at: Mapping[Cell, int]
) -> tuple[float, float]:
    """Between its neighbours, where they are now; what fits but for a rounding error fits."""
    row, place = rows[cell.row], at[cell]
    least = row[place - 1].x + gap(row[place - 1], cell) - _NOTHING if place else _FAR[0]
    most = (
        row[place + 1].x - gap(cell, row[place + 1]) + _NOTHING if place + 1 < len(row) else _FAR[1]
    )
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
