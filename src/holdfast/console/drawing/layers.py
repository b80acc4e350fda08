"""A directed graph in layers, from the top down, as flowcharts are read. Pure.

The method is Sugiyama's, in four steps: links that lead back are found and ranks given (here),
cells within a row are put into an order with few crossings (here), columns are given
(`columns.py`), links are routed around corners (`routes.py`).

Boxes lie in even rows, and odd rows between them belong to links: every link has a cell in each row
that it passes, as wide as its label in one of them, so that no line runs through a box and no label
lies upon anything. Links of a kind that lead to the same box are one line as soon as they have left
their sources: forty states that share a handler would else be forty lines beside each other, each
of them through every row.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

SWEEPS: Final = 12
LINE_WIDTH: Final = 8.0


@dataclass(frozen=True, slots=True)
class Box:
    """Something that is drawn as a rectangle. The first of all is where one begins to read."""

    id: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Link:
    """From one box to another. `label_width` 0: nothing stands on it. `aside`: it leaves its source
    beside the middle, as what is taken by errors does."""

    source: str
    target: str
    label_width: float = 0.0
    aside: bool = False


@dataclass(slots=True, eq=False)
class Cell:
    """A place in a row: of a box, or of a link that passes."""

    row: int
    width: float
    height: float
    box: Box | None = None
    x: float = 0.0
    """Of its middle."""
    up: list[Cell] = field(default_factory=list)
    down: list[Cell] = field(default_factory=list)
    beside: Cell | None = None
    """The box whose link goes back up from here: best next to it."""
    weight: float = 1.0
    """How much it matters that its line is straight."""


@dataclass(slots=True)
class Chain:
    """The cells of a link in the order of its rows, boxes left out. `back`: from its target's row
    down to its source's. `own`: those that no link before it has brought."""

    link: Link
    source: Cell
    target: Cell
    cells: list[Cell]
    own: list[Cell]
    labelled: Cell | None
    back: bool


@dataclass(slots=True)
class Rows:
    """The graph in rows, each in its order."""

    rows: list[list[Cell]]
    chains: list[Chain]


def arranged(boxes: Sequence[Box], links: Sequence[Link], label_height: float) -> Rows:
    """Ranks and order. Links between unknown boxes are no links."""
    ranks, back = _ranked(boxes, links)
    cells = {box.id: Cell(2 * ranks[box.id] + 1, box.width, box.height, box) for box in boxes}
    rows: list[list[Cell]] = [[] for _ in range(2 * max(ranks.values(), default=0) + 3)]
    trunks: dict[tuple[str, bool, bool], dict[int, Cell]] = defaultdict(dict)
    chains = []
    for place, link in enumerate(links):
        ends = cells[link.source], cells[link.target]
        trunk = trunks[link.target, link.aside, place in back]
        chains.append(_chain(link, ends, trunk, label_height, back=place in back))
    by_source: dict[int, list[Chain]] = defaultdict(list)
    for chain in chains:
        by_source[id(chain.source)].append(chain)
    # As a reader meets them: what follows the first way on stands further left.
    for box in _depth_first(boxes, links):
        cell = cells[box]
        rows[cell.row].append(cell)
        for chain in by_source[id(cell)]:
            for one in chain.own:
                rows[one.row].append(one)
    _ordered(rows)
    return Rows(rows, chains)


def _ranked(boxes: Sequence[Box], links: Sequence[Link]) -> tuple[dict[str, int], set[int]]:
    """How deep each box lies: below everything that leads to it. And which links lead back up."""
    out: dict[str, list[tuple[int, str]]] = {box.id: [] for box in boxes}
    for place, link in enumerate(links):
        out[link.source].append((place, link.target))
    back: set[int] = set()
    on_way: set[str] = set()
    finished: list[str] = []
    seen: set[str] = set()
    for box in boxes:
        if box.id in seen:
            continue
        seen.add(box.id)
        on_way.add(box.id)
        way = [(box.id, iter(out[box.id]))]
        while way:
            here, others = way[-1]
            for place, other in others:
                if other in on_way:
                    back.add(place)
                elif other not in seen:
                    seen.add(other)
                    on_way.add(other)
                    way.append((other, iter(out[other])))
                    break
            else:
                way.pop()
                on_way.discard(here)
                finished.append(here)
    ranks = dict.fromkeys(finished, 0)
    for here in reversed(finished):
        for place, other in out[here]:
            if place not in back:
                ranks[other] = max(ranks[other], ranks[here] + 1)
    return ranks, back


def _depth_first(boxes: Sequence[Box], links: Sequence[Link]) -> list[str]:
    out: dict[str, list[str]] = {box.id: [] for box in boxes}
    for link in links:
        out[link.source].append(link.target)
    found: dict[str, None] = {}
    for box in boxes:
        waiting = [box.id]
        while waiting:
            here = waiting.pop()
            if here not in found:
                found[here] = None
                waiting.extend(reversed(out[here]))
    return list(found)


def _chain(
    link: Link, ends: tuple[Cell, Cell], trunk: dict[int, Cell], label_height: float, *, back: bool
) -> Chain:
    """`trunk`: by row, what links like this one share; what it lacks is added. Up to where a link has
    left its source, and has its label, it runs alone."""
    source, target = ends
    first, last = (target.row, source.row) if back else (source.row + 1, target.row - 1)
    weight = 1.0 if link.aside or back else 3.0
    alone = range(max(first, last - 1), last + 1) if back else range(first, first + 1)
    cells, own = [], []
    for row in range(first, last + 1):
        cell = None if row in alone else trunk.get(row)
        if cell is None:
            cell = Cell(row, LINE_WIDTH, 0.0, weight=weight)
            own.append(cell)
            if row not in alone:
                trunk[row] = cell
        cells.append(cell)
    labelled: Cell | None = None
    if link.label_width:
        # Near its source; of a link that goes back, in the last row between boxes, if there is one.
        labelled = cells[max(0, len(cells) - 2)] if back else cells[0]
        labelled.width, labelled.height = max(LINE_WIDTH, link.label_width), label_height
    for above, below in itertools.pairwise(cells):
        _tie(above, below)
    if back:
        cells[-1].beside, cells[0].beside = source, target
    else:
        _tie(source, cells[0])
        _tie(cells[-1], target)
    return Chain(link, source, target, cells, own, labelled, back)


def _tie(above: Cell, below: Cell) -> None:
    if below not in above.down:
        above.down.append(below)
        below.up.append(above)


def _ordered(rows: list[list[Cell]]) -> None:
    """Each cell near the mean of those it is tied to, sweep by sweep; the best order is kept."""
    best, fewest = [list(row) for row in rows], _crossings(rows)
    before: list[list[Cell]] = []
    for sweep in range(SWEEPS):
        if not fewest or (sweep % 2 == 0 and rows == before):
            break
        if sweep % 2 == 0:
            before = [list(row) for row in rows]
        downward = sweep % 2 == 0
        for row in rows if downward else reversed(rows):
            _sort(row, rows, downward=downward)
        for row in rows:
            _exchange(row, rows)
        crossings = _crossings(rows)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    rows[:] = best


def _sort(row: list[Cell], rows: list[list[Cell]], *, downward: bool) -> None:
    if not row:
        return
    at = row[0].row
    other = rows[at - 1] if downward and at else rows[at + 1] if at + 1 < len(rows) else []
    there = _places(other)
    here = _places(row)
    mean = {}
    for cell in row:
        ties = cell.up if downward else cell.down
        if ties:
            mean[cell] = sum(there[one] for one in ties) / len(ties)
    for cell in row:
        if cell not in mean:
            beside = cell.beside
            mean[cell] = mean.get(beside, here[beside]) + 1e-3 if beside else here[cell]
    row.sort(key=lambda cell: (mean[cell], here[cell]))


def _exchange(row: list[Cell], rows: Sequence[Sequence[Cell]]) -> None:
    """Let neighbours change places as long as that takes out crossings."""
    if len(row) < 2:
        return
    at = row[0].row
    sides = [rows[one] for one in (at - 1, at + 1) if 0 <= one < len(rows)]
    there = {cell: place for side in sides for place, cell in enumerate(side)}
    ties = [([there[one] for one in cell.up], [there[one] for one in cell.down]) for cell in row]
    changed, left = True, SWEEPS
    while changed and left:
        changed, left = False, left - 1
        for place in range(len(row) - 1):
            (up, down), (other_up, other_down) = ties[place], ties[place + 1]
            before = _between(up, other_up) + _between(down, other_down)
            if before and _between(other_up, up) + _between(other_down, down) < before:
                row[place], row[place + 1] = row[place + 1], row[place]
                ties[place], ties[place + 1] = ties[place + 1], ties[place]
                changed = True


def _between(ones: Sequence[int], others: Sequence[int]) -> int:
    """Crossings of lines to these places, from two cells the first of which is left of the second."""
    if len(ones) == len(others) == 1:
        return int(ones[0] > others[0])
    return sum(one > other for one in ones for other in others)


def _places(row: Sequence[Cell]) -> Mapping[Cell, float]:
    """As shares of the row, so that long and short ones compare."""
    return {cell: place / max(1, len(row) - 1) for place, cell in enumerate(row)}


def _crossings(rows: Sequence[Sequence[Cell]]) -> int:
    count = 0
    for above, below in itertools.pairwise(rows):
        there = {cell: place for place, cell in enumerate(below)}
        met: list[int] = []
        for cell in above:
            # Those of one cell, in their order, do not cross each other.
            for end in sorted([there[one] for one in cell.down]):
                at = bisect_right(met, end)
                count += len(met) - at
                met.insert(at, end)
    return count
