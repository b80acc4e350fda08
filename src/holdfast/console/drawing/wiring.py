"""The way of a webhook's events as a row of stations: gateway, queue, pipe, workflow, dead letters.

    gateway ──> queue ──> pipe ──> workflow
                 │ ^
                 v │
             dead letters

`upright` draws the same from the top down, for a narrow screen.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from holdfast.console.drawing.routes import Point
from holdfast.console.drawing.svg import BOLD, element, fitted
from holdfast.console.drawing.workflow import rounded

_WIDE: Final = 176.0
_TALL: Final = 66.0
_GAP: Final = 60.0
_DROP: Final = 40.0
_UPRIGHT_WIDE: Final = 156.0
_UPRIGHT_GAP: Final = 34.0
_BESIDE: Final = 36.0
_MARGIN: Final = 5.0


@dataclass(frozen=True, slots=True)
class Station:
    """One of them: what it is called, two lines about it, how it is (a tone of the pages), and
    where it leads to."""

    name: str
    first: str
    second: str = ""
    tone: Literal["", "warn", "bad"] = ""
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Wiring:
    """`paused`: nothing goes from the queue to the pipe."""

    gateway: Station
    queue: Station
    pipe: Station
    workflow: Station
    dead: Station
    paused: bool = False
    busy: bool = False
    """Something is being worked."""


def wiring(told: Wiring, *, title: str, upright: bool = False) -> Markup:
    """The drawing, in its natural size."""
    row = (told.gateway, told.queue, told.pipe, told.workflow)
    if upright:
        corners = [(0.0, at * (_TALL + _UPRIGHT_GAP)) for at in range(4)]
        rest = (_UPRIGHT_WIDE + _BESIDE, corners[1][1])
        wide = _UPRIGHT_WIDE
    else:
        corners = [(at * (_WIDE + _GAP), 0.0) for at in range(4)]
        rest = (corners[1][0], _TALL + _DROP)
        wide = _WIDE
    boxes = [*zip(row, corners, strict=True), (told.dead, rest)]
    width = max(x for _, (x, _) in boxes) + wide + 2 * _MARGIN
    height = max(y for _, (_, y) in boxes) + _TALL + 2 * _MARGIN
    lines = _ways(told, corners, wide, upright=upright)
    drawn = element(
        "g",
        *lines,
        *(_station(station, corner, wide) for station, corner in boxes),
        transform=f"translate({_MARGIN:g} {_MARGIN:g})",
    )
    return element(
        "svg",
        element("title", title),
        element("desc", _said(told)),
        drawn,
        class_="wiring wiring-upright" if upright else "wiring",
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
        role="group",
        aria_label=title,
    )


def _ways(told: Wiring, corners: Sequence[Point], wide: float, *, upright: bool) -> list[Markup]:
    lines = []
    for place, (a, b) in enumerate(itertools.pairwise(corners)):
        kind = ("", "w-halted" if told.paused else "", "w-busy" if told.busy else "")[place]
        if upright:
            x = a[0] + wide / 2
            lines.append(_arrow(((x, a[1] + _TALL), (x, b[1])), kind))
        else:
            y = a[1] + _TALL / 2
            lines.append(_arrow(((a[0] + wide, y), (b[0], y)), kind))
    x, y = corners[1]
    if upright:
        there = x + wide
        lines.append(_arrow(((there, y + 24), (there + _BESIDE, y + 24)), "w-failing"))
        lines.append(_arrow(((there + _BESIDE, y + 44), (there, y + 44)), "w-back"))
    else:
        there = y + _TALL
        lines.append(
            _arrow(((x + wide / 2 - 12, there), (x + wide / 2 - 12, there + _DROP)), "w-failing")
        )
        lines.append(
            _arrow(((x + wide / 2 + 12, there + _DROP), (x + wide / 2 + 12, there)), "w-back")
        )
    return lines


def _arrow(points: Sequence[Point], kind: str) -> Markup:
    (ax, ay), (bx, by) = points[-2], points[-1]
    length = abs(bx - ax) + abs(by - ay)
    ux, uy = (bx - ax) / length, (by - ay) / length
    foot = bx - 8 * ux, by - 8 * uy
    head = (
        f"M{foot[0] - 4 * uy:.1f} {foot[1] - 4 * ux:.1f} L{bx:.1f} {by:.1f} "
        f"L{foot[0] + 4 * uy:.1f} {foot[1] + 4 * ux:.1f} Z"
    )
    line = rounded((*points[:-1], (bx - 4 * ux, by - 4 * uy)))
    parts = [element("path", class_="g-line", d=line), element("path", class_="g-head", d=head)]
    if kind == "w-halted":
        x, y = (ax + bx) / 2 - 3 * ux, (ay + by) / 2 - 3 * uy
        parts.append(element("rect", class_="g-stop", x=x - 8, y=y - 8, width=16, height=16, rx=4))
        parts.append(
            element("path", class_="g-stop-sign",
                    d=f"M{x - 2.5:.1f} {y - 4:.1f} v8 M{x + 2.5:.1f} {y - 4:.1f} v8")
        )  # fmt: skip
    return element("g", *parts, class_=f"g-way {kind}".strip())


def _station(station: Station, corner: Point, wide: float) -> Markup:
    x, y = corner
    room = wide - 24
    parts = [
        element("title", f"{station.name}: {station.first}. {station.second}".strip()),
        element("rect", class_="g-box", x=x, y=y, width=wide, height=_TALL, rx=8),
        element("text", station.name, class_="g-kind", x=x + 12, y=y + 18),
        element(
            "text", fitted(station.first, 14 * BOLD, room), class_="g-first", x=x + 12, y=y + 37
        ),
        element("text", fitted(station.second, 11, room), class_="g-small", x=x + 12, y=y + 54),
    ]
    tone = f" tone-{station.tone}" if station.tone else ""
    group = element("g", *parts, class_=f"g-station{tone}")
    if station.href is None:
        return group
    said = f"{station.name}: {station.first} {station.second}".strip()
    return element("a", group, href=station.href, aria_label=said)


def _said(told: Wiring) -> str:
    row = (told.gateway, told.queue, told.pipe, told.workflow, told.dead)
    parts = (f"{one.name}: {one.first} {one.second}".strip() for one in row)
    paused = " The pipe is paused." if told.paused else ""
    return "; ".join(parts) + "." + paused
