"""Workflow graphs: everything in its place, each state once, lines from box to box and through none."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.compile import compile_app, load
from holdfast.console.drawing.columns import isotonic
from holdfast.console.drawing.layers import Box, Link, arranged
from holdfast.console.drawing.routes import Layout, Point, layout
from holdfast.console.drawing.scopes import Plan, State
from holdfast.console.drawing.svg import clean
from holdfast.console.drawing.workflow import Look, planned, workflow_graph
from holdfast.operate.graph import Graph, graph
from holdfast.operate.passage import passage
from holdfast.testing import run_workflow
from workflow_documents import documents

ROOT: Final = Path(__file__).parent.parent
CASES: Final = json.loads((ROOT / "tests/data/asl_cases.json").read_text("utf-8"))["cases"]
SLACK: Final = 0.01

Rect = tuple[float, float, float, float]


def rect_of(state: State) -> Rect:
    return state.x, state.y, state.x + state.width, state.y + state.height


def overlap(a: Rect, b: Rect) -> bool:
    return (
        a[0] < b[2] - SLACK and b[0] < a[2] - SLACK
        and a[1] < b[3] - SLACK and b[1] < a[3] - SLACK
    )  # fmt: skip


def within(inner: Rect, outer: Rect) -> bool:
    return (
        outer[0] - SLACK <= inner[0] and outer[1] - SLACK <= inner[1]
        and inner[2] <= outer[2] + SLACK and inner[3] <= outer[3] + SLACK
    )  # fmt: skip


def pieces(points: Sequence[Point]) -> list[Rect]:
    """Its straight parts as rectangles without a width."""
    return [
        (min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))
        for a, b in itertools.pairwise(points)
    ]


def runs_through(points: Sequence[Point], box: Rect) -> bool:
    """Whether a part of it lies within the box, its sides not counted."""
    return any(
        part[0] < box[2] - SLACK and box[0] + SLACK < part[2] + SLACK * 2
        and part[1] < box[3] - SLACK and box[1] + SLACK < part[3] + SLACK * 2
        and part[2] > box[0] + SLACK and part[3] > box[1] + SLACK
        for part in pieces(points)
    )  # fmt: skip


def on_each_other(points: Sequence[Point], others: Sequence[Point], least: float = 1) -> bool:
    """Whether parts of two lines run along each other for longer than that; crossing is fine."""
    for a, b in itertools.product(pieces(points), pieces(others)):
        width = min(a[2], b[2]) - max(a[0], b[0])
        height = min(a[3], b[3]) - max(a[1], b[1])
        if (width > least and abs(a[1] - b[1]) < 1 and a[3] - a[1] < 1 and b[3] - b[1] < 1) or (
            height > least and abs(a[0] - b[0]) < 1 and a[2] - a[0] < 1 and b[2] - b[0] < 1
        ):
            return True
    return False


def hold(drawn: Graph) -> Plan:
    """Every rule of a drawing, of this graph."""
    told = planned(drawn)
    states = {one.node["name"]: one for one in told.states}
    parents = {one["name"]: one["parent"] for one in drawn["nodes"]}
    assert sorted(states) == sorted(one["name"] for one in drawn["nodes"])
    assert len(told.states) == len(drawn["nodes"])
    whole = (0.0, 0.0, told.width, told.height)

    def holders(name: str | None) -> list[str]:
        found = []
        while name is not None and (name := parents[name]) is not None:
            found.append(name)
        return found

    for one in told.states:
        assert within(rect_of(one), whole)
        if (holder := parents[one.node["name"]]) is not None:
            assert within(rect_of(one), rect_of(states[holder]))
    for one, other in itertools.combinations(told.states, 2):
        names = one.node["name"], other.node["name"]
        if names[0] in holders(names[1]) or names[1] in holders(names[0]):
            continue
        assert not overlap(rect_of(one), rect_of(other)), names
    for line in told.lines:
        assert all(within((x, y, x, y), whole) for x, y in line.points)
        assert all(a[0] == pytest.approx(b[0], abs=2 * SLACK) or a[1] == pytest.approx(b[1], abs=2 * SLACK)
                   for a, b in itertools.pairwise(line.points))  # fmt: skip
        start, end = line.points[0], line.points[-1]
        if line.kind != "start":
            source = rect_of(states[line.source or ""])
            assert start[1] == pytest.approx(source[3])
            assert source[0] < start[0] < source[2]
        if line.kind != "end":
            target = rect_of(states[line.target or ""])
            assert end[1] == pytest.approx(target[1])
            assert target[0] < end[0] < target[2]
        around = {*holders(line.source if line.kind != "start" else line.target)}
        for name, state in states.items():
            if name not in around:
                assert not runs_through(line.points, rect_of(state)), (line, name)
    labels = [
        (line.label_at[0] - line.label_width / 2, line.label_at[1] - 9,
         line.label_at[0] + line.label_width / 2, line.label_at[1] + 9)
        for line in told.lines if line.label_at
    ]  # fmt: skip
    assert len(labels) == sum(bool(line.label) for line in told.lines)
    for label, other_label in itertools.combinations(labels, 2):
        assert not overlap(label, other_label)
    for label in labels:
        assert within(label, whole)
        for state in told.states:
            assert (
                not state.holds
                or not overlap(label, rect_of(state))
                or within(label, rect_of(state))
            )
            assert state.holds or not overlap(label, rect_of(state))
    for line, other_line in itertools.combinations(told.lines, 2):
        if line.source != other_line.source and line.target != other_line.target:
            assert not on_each_other(line.points, other_line.points), (line, other_line)
    ways = [edge for edge in drawn["edges"] if edge["way"] not in ("branch", "item")]
    assert sorted(map(str, ways)) == sorted(str(line.edge) for line in told.lines if line.edge)
    return told


@settings(max_examples=50, deadline=None)
@given(documents())
def test_every_sound_document_is_drawn_in_its_place(document: dict[str, Any]) -> None:
    """Boxes beside each other or within each other, lines from side to side and through none."""
    hold(graph(document))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_recorded_document_is_drawn(case: dict[str, Any]) -> None:
    """What was run on AWS is drawn by the same rules."""
    for document in case["definitions"]:
        hold(graph(document))


def test_the_examples_are_drawn() -> None:
    """What handlers, types and forwards compile to as well."""
    for name in ("users", "shop", "checkout"):
        for webhook in compile_app(load(ROOT / f"examples/{name}.py")).webhooks:
            hold(graph(webhook.workflow))


def legal(boxes: Sequence[Box], links: Sequence[Link], told: Layout) -> None:
    rects = {
        box.id: (*told.corners[box.id], told.corners[box.id][0] + box.width,
                 told.corners[box.id][1] + box.height)
        for box in boxes
    }  # fmt: skip
    for box, beside in itertools.combinations(rects.values(), 2):
        assert not overlap(box, beside)
    for link, route in zip(links, told.routes, strict=True):
        assert route.points[0][1] == pytest.approx(rects[link.source][3])
        assert route.points[-1][1] == pytest.approx(rects[link.target][1])
        for rect in rects.values():
            assert not runs_through(route.points, rect)
        for x, y in route.points:
            assert -SLACK <= x <= told.width + SLACK
            assert -SLACK <= y <= told.height + SLACK
    for (link, route), (other, way) in itertools.combinations(
        zip(links, told.routes, strict=True), 2
    ):
        if link.source != other.source and link.target != other.target:
            # Two that change places between two rows meet for as long as their tracks are apart.
            assert not on_each_other(route.points, way.points, 40), (link, other)


@settings(deadline=None)
@given(st.data())
def test_any_graph_has_a_layout(data: st.DataObject) -> None:
    """With loops, with what nothing leads to, with several links between the same two."""
    count = data.draw(st.integers(1, 12))
    sizes = st.floats(10, 300)
    boxes = [Box(f"b{place}", data.draw(sizes), data.draw(sizes)) for place in range(count)]
    ends = st.integers(0, count - 1)
    links = [
        Link(f"b{data.draw(ends)}", f"b{data.draw(ends)}",
             data.draw(st.sampled_from([0.0, 0.0, 40.0, 168.0])), data.draw(st.booleans()))
        for _ in range(data.draw(st.integers(0, 2 * count)))
    ]  # fmt: skip
    legal(boxes, links, layout(boxes, links))


def test_a_chain_is_one_straight_line() -> None:
    """The simplest workflow has no bends."""
    boxes = [Box(f"b{place}", 100 + 20 * place, 40) for place in range(5)]
    links = [Link(a.id, b.id) for a, b in itertools.pairwise(boxes)]

    told = layout(boxes, links)

    assert {len(route.points) for route in told.routes} == {2}
    assert {round(x, 3) for route in told.routes for x, _ in route.points} == {90.0}


def test_two_ways_that_come_together_are_symmetric() -> None:
    """A choice stands over the middle of its branches, and they lead to the middle below."""
    boxes = [Box(one, 100, 40) for one in "abcd"]
    links = [Link("a", "b"), Link("a", "c"), Link("b", "d"), Link("c", "d")]

    x = {one: corner[0] for one, corner in layout(boxes, links).corners.items()}

    assert x["a"] == pytest.approx(x["d"], abs=0.5)
    assert x["a"] == pytest.approx((x["b"] + x["c"]) / 2, abs=0.5)


def test_what_leads_to_one_box_is_one_line() -> None:
    """Two hundred states with one handler, and half of them that go back to one: a few lines beside each
    other, each into the middle of its box, and not two hundred through every row."""
    boxes = [Box(f"b{place}", 100, 40) for place in range(201)]
    forth = [Link(one.id, "b200", 40, aside=True) for one in boxes[:-1]]
    back = [Link(one.id, "b3") for one in boxes[100:200]]
    links = [Link(a.id, b.id) for a, b in itertools.pairwise(boxes)] + forth + back

    rows = arranged(boxes, links, 18).rows

    assert max(map(len, rows)) <= 7
    few = [*links[:200], *forth[::50], *back[::25]]
    legal(boxes, few, layout(boxes, few))


def test_what_could_cross_is_untangled() -> None:
    """The order within a row follows the row above."""
    boxes = [Box(one, 60, 40) for one in "rabxy"]
    links = [Link("r", "a"), Link("r", "b"), Link("a", "y"), Link("b", "x")]

    x = {one: corner[0] for one, corner in layout(boxes, links).corners.items()}

    assert (x["a"] < x["b"]) == (x["y"] < x["x"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.1, 10)), max_size=12))
def test_the_nearest_order_is_found(pairs: list[tuple[float, float]]) -> None:
    """Never decreasing, and no pool could be moved to be nearer."""
    values, weights = [one for one, _ in pairs], [one for _, one in pairs]
    fitted = isotonic(values, weights)

    assert all(a <= b + 1e-9 for a, b in itertools.pairwise(fitted))
    for level, pool in itertools.groupby(range(len(fitted)), key=lambda at: fitted[at]):
        places = list(pool)
        mean = sum(values[at] * weights[at] for at in places) / sum(weights[at] for at in places)
        assert level == pytest.approx(mean, abs=1e-6)


HOSTILE: Final = (
    '"><script>alert(1)</script>', "</svg><img src=x onerror=alert(1)>", "'; drop--", "&amp;lt;",
    "\x00\x1b[31m", "\u202eevil", "a" * 300, "\U0001f600" * 30, "漢字" * 40, " ", "]]>", "${x}",
)  # fmt: skip


def chain_of(names: Sequence[str]) -> dict[str, Any]:
    states: dict[str, Any] = {}
    for name, after in zip(names, [*names[1:], None], strict=True):
        states[name] = {"Type": "Task", "Resource": name, "Comment": name}
        states[name] |= {"Catch": [{"ErrorEquals": [name], "Next": names[-1]}]}
        states[name] |= {"Retry": [{"ErrorEquals": [name]}]}
        states[name] |= {"End": True} if after is None else {"Next": after}
    return {"StartAt": names[0], "States": states}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(name: str) -> None:
    """Whatever a state is called, it is shown, and is no part of the drawing."""
    drawn = graph(chain_of(["first", name, "last"]))
    look = Look(
        {"states": {name: name}, "edges": drawn["edges"]},
        [{"name": name, "running": 1, "succeeded": 10**9, "failed": 2, "mean_ms": None}],
        {name: name},
        lambda one: f"?state={one}",
        name,
    )
    markup = workflow_graph(drawn, look, title=name)

    assert markup.encode("utf-8")
    tree = ET.fromstring(str(markup))  # noqa: S314 - our own text
    assert {one.tag for one in tree.iter()} <= {
        "svg", "g", "a", "rect", "path", "line", "circle", "text", "title", "desc",
    }  # fmt: skip
    named = [one.get("data-state") for one in tree.iter() if "data-state" in one.attrib]
    assert sorted(map(str, named)) == sorted(["first", clean(name), "last"])
    for one in tree.iter():
        assert not {"style", "fill", "stroke", "onload", "onerror"} & one.attrib.keys()


DOCUMENT: Final = json.loads((ROOT / "examples/orders.asl.json").read_text("utf-8"))


def drawn_of(look: Look) -> ET.Element:
    return ET.fromstring(str(workflow_graph(graph(DOCUMENT), look)))  # noqa: S314 - our own text


def classes(tree: ET.Element, key: str) -> dict[str | None, set[str]]:
    return {
        one.get(key): set(one.attrib["class"].split())
        for one in tree.iter("g")
        if key in one.attrib
    }


def test_the_path_that_was_taken_is_marked() -> None:
    """States by what they came to, the ways that were gone and no others."""
    told = run_workflow(
        DOCUMENT, {"body": {"total": 5}},
        mocks={"charge": [{"error": "CardDeclined", "cause": "no"}], "tell_customer": [{"result": None}]},
    )  # fmt: skip
    way = passage(told.history, DOCUMENT)
    tree = drawn_of(Look({"states": dict(way.states()), "edges": list(way.edges)}))

    came = {name: kinds & {"came-succeeded", "came-caught", "came-none"}
            for name, kinds in classes(tree, "data-state").items()}  # fmt: skip
    assert came == {
        "IsFree": {"came-succeeded"},
        "Charge": {"came-caught"},
        "Ship": {"came-none"},
        "TellCustomer": {"came-succeeded"},
    }
    gone = {
        (one.get("data-from"), one.get("data-to"))
        for one in tree.iter("g")
        if {"gone", "g-way"} <= set(one.get("class", "").split())
    }
    assert gone == {
        (None, "IsFree"), ("IsFree", "Charge"), ("Charge", "TellCustomer"), ("TellCustomer", None),
    }  # fmt: skip
    (said,) = [one.text or "" for one in tree.iter("desc")]
    assert "Charge, Task charge, caught, tried again: ConnectionError up to 2 times" in said


def test_counts_are_badges() -> None:
    """Running, succeeded, failed, in short; nothing where nothing is."""
    tree = drawn_of(
        Look(
            counts=[{"name": "Ship", "running": 2, "succeeded": 1_234, "failed": 0, "mean_ms": 1.0}]
        )
    )

    badges = [
        (one.attrib["class"], "".join(one.itertext()))
        for one in tree.iter("g")
        if "g-badge" in one.attrib.get("class", "")
    ]
    assert badges == [("g-badge g-running", "▸ 2"), ("g-badge g-ok", "✓ 1.2k")]


def test_states_are_links_where_they_lead_somewhere() -> None:
    """Reached by keyboard, told by name, and the selected one says so."""
    tree = drawn_of(Look(link=lambda name: f"?state={name}", selected="Ship"))

    links = {one.attrib["href"]: one.get("aria-current") for one in tree.iter("a")}
    assert links == {"?state=IsFree": None, "?state=Charge": None, "?state=Ship": "true",
                     "?state=TellCustomer": None}  # fmt: skip


def test_states_stand_in_the_order_of_their_document() -> None:
    """The Tab key goes through them as they are written, what is within a state right after it."""
    document = json.loads((ROOT / "examples/orders.asl.json").read_text("utf-8"))
    within = {"Type": "Map", "ItemProcessor": document, "End": True}
    tree = ET.fromstring(  # noqa: S314 - our own text
        str(workflow_graph(graph({"StartAt": "All", "States": {"All": within}})))
    )

    named = [one.attrib["data-state"] for one in tree.iter() if "data-state" in one.attrib]
    assert named == ["All", *document["States"]]
