"""A workflow as operators know it: states as boxes, ways as lines, the path that was taken in colour.

Each state can be a link, so that it is reached by keyboard and opened without a script. What a
screen reader is told stands in `desc`, and in the links' own words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from holdfast.console.drawing.icons import again_icon, came_icon, type_icon
from holdfast.console.drawing.routes import Point
from holdfast.console.drawing.scale import compact
from holdfast.console.drawing.scopes import (
    HEADER,
    LABEL_SIZE,
    LABEL_WIDTH,
    Line,
    Mark,
    Plan,
    Size,
    State,
    plan,
)
from holdfast.console.drawing.svg import BOLD, element, fitted, text_width
from holdfast.console.shapes.events import PassedFields
from holdfast.console.shapes.webhooks import StateFields
from holdfast.operate.graph import Edge, Graph, Node

NAME_SIZE: Final = 13.0 * BOLD
SMALL_SIZE: Final = 11.0
_WIDEST: Final = 240.0
_NARROWEST: Final = 136.0
_TALL: Final = 46.0
_BADGES: Final = 20.0
_LEFT: Final = 34.0
"""Room for the icon."""

_MARGIN: Final = 6.0
_CORNER: Final = 8.0
_SAID: Final = 60
"""So many states are told one by one in the description."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is shown of each state, beside what it is.

    passed: the way that an execution went. counts: how many are in each state and came through it.
    notes: a few words each, such as how long it took. link: where a state leads to.
    """

    passed: PassedFields | None = None
    counts: Sequence[StateFields] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    link: Callable[[str], str] | None = None
    selected: str | None = None


def workflow_graph(graph: Graph, look: Look | None = None, *, title: str = "Workflow") -> Markup:
    """The drawing, in its natural size."""
    look = look or Look()
    drawing = _Drawing(graph, look)
    told = drawing.plan()
    width, height = told.width + 2 * _MARGIN, told.height + 2 * _MARGIN
    return element(
        "svg",
        element("title", title),
        element("desc", drawing.said()),
        element("g", *drawing.parts(told), transform=f"translate({_MARGIN:g} {_MARGIN:g})"),
        class_="graph passed" if look.passed else "graph",
        viewBox=f"0 0 {width:.1f} {height:.1f}",
        width=width,
        height=height,
        role="group" if look.link else "img",
        aria_label=title,
    )


def planned(graph: Graph, look: Look | None = None) -> Plan:
    """Where everything lies that `workflow_graph` draws."""
    return _Drawing(graph, look or Look()).plan()


@lru_cache(maxsize=64)
def _plan(told: str) -> Plan:
    """Of the same graph with the same sizes once, however many look at it: counts change more often
    than how much room they need."""
    graph, sizes = json.loads(told)
    return plan(graph, lambda node: tuple(sizes[node["name"]]))


class _Drawing:
    def __init__(self, graph: Graph, look: Look) -> None:
        self._graph = graph
        self._look = look
        self._came: Mapping[str, str] = look.passed["states"] if look.passed else {}
        self._gone = {_key(edge) for edge in look.passed["edges"]} if look.passed else set()
        self._counts = {one["name"]: one for one in look.counts or ()}
        self._holds = {node["parent"] for node in graph["nodes"]}

    def plan(self) -> Plan:
        sizes = {node["name"]: self._measure(node) for node in self._graph["nodes"]}
        return _plan(json.dumps([self._graph, sizes]))

    def _measure(self, node: Node) -> Size:
        """How much room its texts need."""
        name = text_width(node["name"], NAME_SIZE) + self._right(node)
        small = text_width(self._small(node), SMALL_SIZE) + self._note_width(node)
        badges = self._badges_width(node)
        if node["name"] in self._holds:
            return min(320.0, _LEFT + max(name, small) + 14) + badges, 0.0
        wide = _LEFT + max(name, small, badges - 20) + 14
        tall = _TALL + (_BADGES if self._look.counts is not None else 0.0)
        return min(_WIDEST, max(_NARROWEST, wide)), tall

    def parts(self, told: Plan) -> list[Markup]:
        """From the back to the front."""
        lines = sorted(told.lines, key=lambda one: (self._is_gone(one), one.kind != "catch"))
        return [
            *(_back(one) for one in told.states if one.holds),
            *(self._line(one) for one in lines),
            *(self._label(one) for one in lines if one.label_at),
            *(_mark(one) for one in told.marks),
            # In the document's order, which is the Tab key's.
            *(self._state(one) for one in told.states),
        ]

    def _state(self, state: State) -> Markup:
        node, look = state.node, self._look
        name = node["name"]
        came = self._came.get(name, "none") if look.passed else None
        kinds = ["g-state", f"type-{node['type'].lower()}" if node["type"].isalpha() else ""]
        kinds += ["g-holder"] if state.holds else []
        kinds += [f"came-{came}"] if came else []
        kinds += ["selected"] if name == look.selected else []
        x, y, right = state.x, state.y, state.x + state.width
        box = element(
            "rect", class_="g-box", x=x, y=y, width=state.width, height=state.height,
            rx=10 if state.holds else 7,
        )  # fmt: skip
        parts = [
            element("title", self._said(node)),
            box,
            *([_heading(state)] if state.holds else []),
            *(
                element("line", class_="g-wall", x1=wall, x2=wall, y1=y + 44,
                        y2=y + state.height - 10)
                for wall in state.walls
            ),
            type_icon(node["type"], x + 10, y + 14),
            *self._texts(node, state),
        ]  # fmt: skip
        if node["retry"]:
            side = right - (42 if came and came != "none" else 22)
            parts.append(again_icon(f"tried again: {node['retry']}", side, y + 7))
        if came and came != "none":
            parts.append(came_icon(came, right - 22, y + 7))
        group = element("g", *parts, class_=" ".join(filter(None, kinds)), data_state=name)
        if look.link is None:
            return group
        current = "true" if name == look.selected else None
        return element("a", group, href=look.link(name), aria_label=self._said(node),
                       aria_current=current)  # fmt: skip

    def _texts(self, node: Node, state: State) -> list[Markup]:
        x, y, right = state.x + _LEFT, state.y, state.x + state.width - 10
        badges = self._badges_width(node) if state.holds else 0.0
        room = right - x - badges
        name = fitted(node["name"], NAME_SIZE, room - self._right(node))
        note = self._look.notes.get(node["name"], "")
        small = fitted(self._small(node), SMALL_SIZE, room - self._note_width(node))
        parts = [
            element("text", name, class_="g-name", x=x, y=y + 20),
            element("text", small, class_="g-small", x=x, y=y + 36),
        ]
        if note:
            parts.append(
                element("text", note, class_="g-note", x=right, y=y + 36, text_anchor="end")
            )
        if state.holds:
            parts += self._badges(node, right - badges + 4, y + 14)
        else:
            parts += self._badges(node, state.x + 10, y + _TALL - 3)
        return parts

    def _right(self, node: Node) -> float:
        """Room for what stands right of its name."""
        return (20 if node["retry"] else 0) + (20 if self._look.passed else 0)

    def _note_width(self, node: Node) -> float:
        note = self._look.notes.get(node["name"])
        return text_width(note, SMALL_SIZE) + 12 if note else 0.0

    def _small(self, node: Node) -> str:
        resource = node["resource"] or ""
        if resource.startswith("${") and resource.endswith("}"):
            return f"{node['type']} {resource[2:-1]}"
        return f"{node['type']} {resource.removeprefix('arn:aws:states:::')}".strip()

    def _badges_width(self, node: Node) -> float:
        return sum(_badge_width(told) + 4 for _, told in self._numbers(node))

    def _numbers(self, node: Node) -> list[tuple[str, str]]:
        count = self._counts.get(node["name"])
        if count is None:
            return []
        told = (
            ("running", "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}", count["running"]),
            ("ok", "\N{CHECK MARK}", count["succeeded"]),
            ("bad", "\N{MULTIPLICATION X}", count["failed"]),
        )
        return [(kind, f"{sign} {compact(value)}") for kind, sign, value in told if value]

    def _badges(self, node: Node, x: float, y: float) -> list[Markup]:
        parts = []
        for kind, told in self._numbers(node):
            wide = _badge_width(told)
            parts.append(
                element(
                    "g",
                    element("rect", x=x, y=y, width=wide, height=15, rx=7.5),
                    element("text", told, x=x + wide / 2, y=y + 11, text_anchor="middle"),
                    class_=f"g-badge g-{kind}",
                )
            )
            x += wide + 4
        return parts

    def _is_gone(self, line: Line) -> bool:
        if not self._look.passed:
            return False
        if line.edge is not None:
            return _key(line.edge) in self._gone
        if line.kind == "end":
            return self._came.get(line.source or "") == "succeeded"
        return line.target in self._came

    def _line(self, line: Line) -> Markup:
        kinds = ["g-way", f"way-{line.kind}", *(["gone"] if self._is_gone(line) else [])]
        x, y = line.points[-1]
        return element(
            "g",
            element("path", class_="g-line", d=rounded((*line.points[:-1], (x, y - 4)))),
            element("path", class_="g-head", d=f"M{x - 4:.1f} {y - 7:.1f} L{x:.1f} {y:.1f} "
                    f"L{x + 4:.1f} {y - 7:.1f} Z"),
            class_=" ".join(kinds),
            data_from=line.source,
            data_to=line.target,
        )  # fmt: skip

    def _label(self, line: Line) -> Markup:
        x, y = line.label_at or (0.0, 0.0)
        shown = fitted(line.label, LABEL_SIZE, LABEL_WIDTH)
        wide = line.label_width + 10
        return element(
            "g",
            element("title", line.label),
            element("rect", x=x - wide / 2, y=y - 9, width=wide, height=18, rx=4),
            element("text", shown, x=x, y=y + 3.8, text_anchor="middle"),
            class_=f"g-label g-label-{line.kind}{' gone' if self._is_gone(line) else ''}",
        )

    def said(self) -> str:
        """The drawing in words."""
        nodes = self._graph["nodes"]
        first = next((node["name"] for node in nodes if node["start"] and not node["parent"]), "")
        told = [f"It starts at {first}."]
        told += [self._said(node) + "." for node in nodes[:_SAID]]
        if len(nodes) > _SAID:
            told.append(f"And {len(nodes) - _SAID} more states.")
        return " ".join(told)

    def _said(self, node: Node) -> str:
        name, ways = node["name"], []
        for edge in self._graph["edges"]:
            if edge["source"] == name:
                when = {"catch": f"on {edge['label']} ", "choice": f"if {edge['label']} ",
                        "default": "otherwise "}.get(edge["way"], "")  # fmt: skip
                within = "within it " if edge["way"] in ("branch", "item") else ""
                ways.append(f"{within}{when}to {edge['target']}")
        told = f"{name}, {self._small(node)}"
        if self._look.passed:
            told += f", {self._came.get(name, 'not visited')}"
        if note := self._look.notes.get(name):
            told += f", {note}"
        if count := self._counts.get(name):
            told += (f", {count['running']:,} running, {count['succeeded']:,} succeeded, "
                     f"{count['failed']:,} failed")  # fmt: skip
        if node["retry"]:
            told += f", tried again: {node['retry']}"
        if node["end"]:
            ways.append("ends")
        return f"{told}; {', '.join(ways)}" if ways else told


def _heading(state: State) -> Markup:
    """Of a state that holds others: where it can be pressed."""
    x, y = state.x, state.y
    return element("rect", class_="g-hit", x=x, y=y, width=state.width, height=HEADER, rx=10)


def _back(state: State) -> Markup:
    """Behind everything that a state holds; the state itself is drawn in front."""
    x, y = state.x, state.y
    return element("rect", class_="g-back", x=x, y=y, width=state.width, height=state.height, rx=10)


def _key(edge: Edge) -> tuple[str, str, str, str | None]:
    return edge["source"], edge["target"], edge["way"], edge["label"]


def _badge_width(told: str) -> float:
    return text_width(told, 10) + 12


def _mark(mark: Mark) -> Markup:
    if mark.kind == "entry":
        return element("circle", class_="g-entry", cx=mark.x, cy=mark.y, r=mark.width / 2)
    return element(
        "g",
        element("rect", x=mark.x - mark.width / 2, y=mark.y - mark.height / 2,
                width=mark.width, height=mark.height, rx=mark.height / 2),
        element("text", mark.kind.title(), x=mark.x, y=mark.y + 4, text_anchor="middle"),
        class_=f"g-terminal g-{mark.kind}",
    )  # fmt: skip


def rounded(points: Sequence[Point]) -> str:
    """A line around corners, as the `d` of a path."""
    told = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_CORNER, _length(before, here) / 2, _length(here, after) / 2)
        (ax, ay), (bx, by) = _towards(here, before, radius), _towards(here, after, radius)
        told.append(f"L{ax:.1f} {ay:.1f} Q{here[0]:.1f} {here[1]:.1f} {bx:.1f} {by:.1f}")
    told.append(f"L{points[-1][0]:.1f} {points[-1][1]:.1f}")
    return " ".join(told)


def _length(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(here: Point, there: Point, distance: float) -> Point:
    length = _length(here, there) or 1.0
    share = distance / length
    return here[0] + (there[0] - here[0]) * share, here[1] + (there[1] - here[1]) * share
