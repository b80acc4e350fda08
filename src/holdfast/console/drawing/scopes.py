"""A workflow's states in their places, those within a Parallel or a Map inside it. Pure.

Each scope is laid out by itself, from the innermost out; then it is a box in the scope around it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from holdfast.console.drawing.layers import Box, Link
from holdfast.console.drawing.routes import Point, layout
from holdfast.console.drawing.svg import fitted, text_width
from holdfast.operate.graph import Edge, Graph, Node

HEADER: Final = 40.0
PADDING: Final = 14.0
BRANCH_GAP: Final = 28.0
LABEL_SIZE: Final = 11.0
LABEL_WIDTH: Final = 168.0

Size = tuple[float, float]
Measure = Callable[[Node], Size]
"""How large a state is drawn; of one that holds others, its heading."""

_START: Final = "start"
_END: Final = "end"
_PILL: Final = (52.0, 24.0)
_DOT: Final = (10.0, 10.0)

LineKind = Literal["start", "end", "next", "choice", "default", "catch"]


@dataclass(frozen=True, slots=True)
class State:
    """One state, with its upper left corner. `holds`: others are drawn within it."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    holds: bool = False
    walls: tuple[float, ...] = ()
    """Between branches: where, from the left of the drawing."""


@dataclass(frozen=True, slots=True)
class Line:
    """A way on. `source` and `target` are names of states, None for where the workflow begins or
    ends, and the name of what holds it for where a scope within it begins."""

    kind: LineKind
    source: str | None
    target: str | None
    points: tuple[Point, ...]
    edge: Edge | None = None
    label: str = ""
    label_at: Point | None = None
    label_width: float = 0.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a scope begins, or the workflow ends: its middle."""

    kind: Literal["start", "end", "entry"]
    x: float
    y: float
    width: float
    height: float


@dataclass(slots=True)
class Plan:
    """A drawing's parts, in coordinates of their own."""

    width: float = 0.0
    height: float = 0.0
    states: list[State] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def add(self, other: Plan, x: float, y: float) -> None:
        """The other one's parts, moved."""
        for state in other.states:
            walls = tuple(wall + x for wall in state.walls)
            self.states.append(replace(state, x=state.x + x, y=state.y + y, walls=walls))
        for line in other.lines:
            points = tuple((a + x, b + y) for a, b in line.points)
            at = line.label_at
            moved = (at[0] + x, at[1] + y) if at else None
            self.lines.append(replace(line, points=points, label_at=moved))
        for mark in other.marks:
            self.marks.append(replace(mark, x=mark.x + x, y=mark.y + y))


def plan(graph: Graph, measure: Measure) -> Plan:
    """The whole workflow, from its start to its end."""
    scopes: dict[str | None, dict[int, list[Node]]] = defaultdict(lambda: defaultdict(list))
    for node in graph["nodes"]:
        scopes[node["parent"]][node["branch"]].append(node)
    ways: dict[str, list[Edge]] = defaultdict(list)
    for edge in graph["edges"]:
        ways[edge["source"]].append(edge)
    return _Planner(scopes, ways, measure).scope(None, scopes[None][0])


@dataclass(frozen=True, slots=True)
class _Planner:
    scopes: Mapping[str | None, Mapping[int, Sequence[Node]]]
    ways: Mapping[str, Sequence[Edge]]
    measure: Measure

    def scope(self, holder: str | None, nodes: Sequence[Node]) -> Plan:
        """States that lead to each other. The outermost has an end too."""
        inner = {node["name"]: self._within(node) for node in nodes}
        ids = {node["name"]: f"s{place}" for place, node in enumerate(nodes)}
        outermost = holder is None
        boxes = [Box(_START, *(_PILL if outermost else _DOT))]
        links: list[Link] = []
        lines: list[Line] = []

        def link(line: Line, source: str, target: str) -> None:
            width = line.label_width + 12 if line.label else 0.0
            links.append(Link(source, target, width, aside=line.kind == "catch"))
            lines.append(line)

        for node in sorted(nodes, key=lambda one: not one["start"]):
            name = node["name"]
            boxes.append(Box(ids[name], *self._size(node, inner[name])))
            if node["start"]:
                link(Line("start", holder, name, ()), _START, ids[name])
            for edge in self.ways.get(name, ()):
                if edge["target"] in ids and edge["way"] not in ("branch", "item"):
                    link(_line(edge), ids[name], ids[edge["target"]])
            if outermost and node["end"] and node["type"] != "Fail":
                link(Line("end", name, None, ()), ids[name], _END)
        if any(one.kind == "end" for one in lines):
            boxes.append(Box(_END, *_PILL))
        told = layout(boxes, links)
        drawn = Plan(told.width, told.height)
        for node in nodes:
            self._put(drawn, node, inner[node["name"]], told.corners[ids[node["name"]]])
        for line, route in zip(lines, told.routes, strict=True):
            drawn.lines.append(replace(line, points=route.points, label_at=route.label))
        for box in boxes:
            if box.id in (_START, _END):
                x, y = told.corners[box.id]
                kind: Literal["start", "end", "entry"] = "end" if box.id == _END else "start"
                kind = kind if outermost else "entry"
                drawn.marks.append(
                    Mark(kind, x + box.width / 2, y + box.height / 2, box.width, box.height)
                )
        return drawn

    def _within(self, node: Node) -> list[Plan]:
        """What it holds, branch by branch."""
        branches = self.scopes.get(node["name"], {})
        return [self.scope(node["name"], branches[place]) for place in sorted(branches)]

    def _size(self, node: Node, inner: Sequence[Plan]) -> Size:
        width, height = self.measure(node)
        if not inner:
            return width, height
        within = sum(one.width for one in inner) + BRANCH_GAP * (len(inner) - 1)
        tall = max(one.height for one in inner)
        return max(width, within + 2 * PADDING), HEADER + tall + PADDING

    def _put(self, drawn: Plan, node: Node, inner: Sequence[Plan], corner: Point) -> None:
        width, height = self._size(node, inner)
        x, y = corner
        taken = sum(one.width for one in inner) + BRANCH_GAP * (len(inner) - 1)
        at, walls = x + (width - taken) / 2, []
        starts: list[float] = []
        for one in inner:
            if starts:
                walls.append(at - BRANCH_GAP / 2)
            starts.append(at)
            at += one.width + BRANCH_GAP
        drawn.states.append(State(node, x, y, width, height, bool(inner), tuple(walls)))
        for one, start in zip(inner, starts, strict=True):
            drawn.add(one, start, y + HEADER)


def _line(edge: Edge) -> Line:
    told = "otherwise" if edge["way"] == "default" else edge["label"] or ""
    shown = fitted(told, LABEL_SIZE, LABEL_WIDTH)
    kind: LineKind = "next"
    if edge["way"] in ("choice", "default", "catch"):
        kind = edge["way"]
    width = text_width(shown, LABEL_SIZE) if shown.strip() else 0.0
    return Line(kind, edge["source"], edge["target"], (), edge, told if width else "", None, width)
