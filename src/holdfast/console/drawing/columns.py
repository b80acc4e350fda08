"""Where in its row each cell of a layered graph lies, so that lines are straight. Pure.

Row after row, up and down, each cell is drawn to the middle of those it is tied to, and no further
than its neighbours leave room: the least squares of all of a row at once, which isotonic regression
finds by pooling whoever stands in another's way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from holdfast.console.drawing.layers import Cell

ROUNDS: Final = 24
SNAP: Final = 18.0
"""A bend of less than that is taken out where there is room."""

_BOX_GAP: Final = 36.0
_LINE_GAP: Final = 14.0


def place(rows: Sequence[Sequence[Cell]]) -> float:
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
    _straighten(rows)
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
        weight = 8.0 if cell.box is None and one.box is None else 2.0
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


def _straighten(rows: Sequence[Sequence[Cell]]) -> None:
    """Take out small bends: once down, once up."""
    for upward in (False, True, False):
        for row in reversed(rows) if upward else rows:
            for place, cell in enumerate(row):
                ties = cell.down if upward else cell.up
                if len(ties) != 1 or abs(ties[0].x - cell.x) > SNAP or ties[0].x == cell.x:
                    continue
                # Whoever is straight already on its other side stays so.
                others = cell.up if upward else cell.down
                if cell.box is None and any(one.x == cell.x for one in others if not one.box):
                    continue
                least = row[place - 1].x + gap(row[place - 1], cell) if place else -1e9
                most = row[place + 1].x - gap(cell, row[place + 1]) if row[place + 1 :] else 1e9
                if least <= ties[0].x <= most:
                    cell.x = ties[0].x
