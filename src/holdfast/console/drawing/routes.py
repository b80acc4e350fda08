"""Links of a layered graph as lines around corners: down, across between two rows, down. Pure.

What crosses between two rows runs on tracks, one for each box that it leaves or enters, so that two
lines lie upon each other only where they come from the same box or lead into the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from holdfast.console.drawing.columns import place
from holdfast.console.drawing.layers import Box, Cell, Chain, Link, arranged

LABEL_HEIGHT: Final = 18.0
TRACK: Final = 10.0
_ABOVE: Final = 8.0
_BELOW: Final = 10.0
"""Between a row and the nearest track; below there is an arrow's head."""

_ASIDE: Final = 0.32
_NEAR: Final = 6.0
_ON: Final = 2.0
"""Lines that are so near run too close, or look like one."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Route:
    """From the lower side of its source to the upper side of its target."""

    points: tuple[Point, ...]
    label: Point | None
    """The middle of what stands on it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`corners`: the upper left of each box. `routes`: in the order of the links."""

    width: float
    height: float
    corners: dict[str, Point]
    routes: tuple[Route, ...]


def layout(boxes: Sequence[Box], links: Sequence[Link]) -> Layout:
    """Where everything lies. Each link's ends must be among the boxes."""
    told = arranged(boxes, links, LABEL_HEIGHT)
    width = place(told.rows, told.chains)
    channels = [_Channel() for _ in told.rows]
    crossings = [_crossing(chain, channels) for chain in told.chains]
    tops, height = _heights(told.rows, channels)
    corners = {}
    middles: dict[Cell, float] = {}
    for row, top in zip(told.rows, tops, strict=True):
        tall = max((cell.height for cell in row), default=0.0)
        for cell in row:
            middles[cell] = top + tall / 2
            if cell.box is not None:
                corners[cell.box.id] = (cell.x - cell.width / 2, middles[cell] - cell.height / 2)
    routes = []
    for chain, crossed in zip(told.chains, crossings, strict=True):
        source, target = chain.source, chain.target
        points = [(_port(chain), middles[source] + source.height / 2)]
        for group, start, end in crossed:
            points += [(start, group.y), (end, group.y)]
        points.append((target.x, middles[target] - target.height / 2))
        label = chain.labelled
        routes.append(Route(_plain(points), (label.x, middles[label]) if label else None))
    return Layout(width, height, corners, tuple(routes))


@dataclass(slots=True, eq=False)
class _Group:
    """What shares a track: `above` and `below`, where its lines leave the track."""

    above: set[float] = field(default_factory=set)
    below: set[float] = field(default_factory=set)
    track: int = 0
    y: float = 0.0

    @property
    def left(self) -> float:
        return min(*self.above, *self.below)

    @property
    def right(self) -> float:
        return max(*self.above, *self.below)

    @property
    def straight(self) -> bool:
        return self.right - self.left < 0.01

    def spans(self, x: float) -> bool:
        return self.left - 0.01 <= x <= self.right + 0.01


@dataclass(slots=True)
class _Channel:
    """Between a row and the next one."""

    groups: dict[tuple[Cell, float], _Group] = field(default_factory=dict)
    tracks: int = 0

    def group(self, cell: Cell, port: float) -> _Group:
        return self.groups.setdefault((cell, port), _Group())

    def assign(self) -> None:
        """Each group its track, above each other where they would meet, with few crossings."""
        order = sorted((one for one in self.groups.values() if not one.straight),
                       key=lambda one: one.left)  # fmt: skip
        changed, left = True, len(order)
        while changed and left:
            changed, left = False, left - 1
            for at in range(len(order) - 1):
                upper, lower = order[at], order[at + 1]
                if _cost(lower, upper) < _cost(upper, lower):
                    order[at], order[at + 1], changed = lower, upper, True
        placed: list[_Group] = []
        for group in order:
            met = (one.track for one in placed
                   if one.left - _NEAR <= group.right and group.left - _NEAR <= one.right)  # fmt: skip
            group.track = max(met, default=-1) + 1
            placed.append(group)
        self.tracks = max((one.track + 1 for one in placed), default=0)


def _cost(upper: _Group, lower: _Group) -> int:
    """Crossings, and lines upon each other, with `upper` above `lower`."""
    cost = sum(lower.spans(x) for x in upper.below) + sum(upper.spans(x) for x in lower.above)
    apart = [abs(a - b) for a in upper.below for b in lower.above]
    return cost + sum(30 if one < _ON else 10 for one in apart if one < _NEAR)


Crossed = list[tuple[_Group, float, float]]


def _crossing(chain: Chain, channels: Sequence[_Channel]) -> Crossed:
    """Where a link runs across, from its source on, and between which columns."""
    source, target, cells = chain.source, chain.target, chain.cells
    port = _port(chain)
    if chain.back:
        below = channels[source.row].group(source, port)
        below.above |= {port, cells[-1].x}
        crossed: Crossed = [(below, port, cells[-1].x)]
        for upper, lower in reversed(list(itertools.pairwise(cells))):
            group = channels[upper.row].group(upper, upper.x)
            group.above.add(upper.x)
            group.below.add(lower.x)
            crossed.append((group, lower.x, upper.x))
        above = channels[target.row - 1].group(target, target.x)
        above.below |= {cells[0].x, target.x}
        return [*crossed, (above, cells[0].x, target.x)]
    crossed = []
    way = [(source, port), *((cell, cell.x) for cell in cells), (target, target.x)]
    for (upper, start), (lower, end) in itertools.pairwise(way):
        # Lines that leave a box share a track, and so do those that enter one.
        key = (lower, end) if lower.box is not None else (upper, start)
        group = channels[upper.row].group(*key)
        group.above.add(start)
        group.below.add(end)
        crossed.append((group, start, end))
    return crossed


def _port(chain: Chain) -> float:
    """Where a link leaves its source."""
    source = chain.source
    if not chain.link.aside:
        return source.x
    first = chain.cells[-1] if chain.back else chain.cells[0]
    shift = source.width * _ASIDE
    return source.x + (shift if first.x >= source.x else -shift)


def _heights(
    rows: Sequence[Sequence[Cell]], channels: Sequence[_Channel]
) -> tuple[list[float], float]:
    """Where each row begins, and where the last one ends; gives the tracks their place too."""
    tops, y = [], 0.0
    for at, (row, channel) in enumerate(zip(rows, channels, strict=True)):
        tops.append(y)
        y += max((cell.height for cell in row), default=0.0)
        channel.assign()
        last = at == len(rows) - 1
        if not channel.groups or last:
            continue
        y += _ABOVE
        for group in channel.groups.values():
            group.y = y + group.track * TRACK
        y += max(0, channel.tracks - 1) * TRACK + _BELOW
    return tops, y


def _plain(points: Sequence[Point]) -> tuple[Point, ...]:
    """Without points that lie on a line between their neighbours."""
    kept: list[Point] = []
    for x, y in points:
        if kept and abs(kept[-1][0] - x) < 0.01 and abs(kept[-1][1] - y) < 0.01:
            continue
        while len(kept) > 1 and (
            abs(kept[-2][0] - kept[-1][0]) < 0.01 and abs(kept[-1][0] - x) < 0.01
        ):
            kept.pop()
        kept.append((x, y))
    return tuple(kept)
