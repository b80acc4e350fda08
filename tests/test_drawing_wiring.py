"""The wiring of a webhook, drawn in both directions: everything within, nothing upon each other."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree as ET

import pytest

from holdfast.console.drawing.wiring import Station, Wiring, wiring


def within(inner: tuple[float, ...], width: float, height: float) -> bool:
    return min(inner) >= 0 and inner[2] <= width and inner[3] <= height


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("upright", [False, True])
def test_the_wiring_is_drawn(upright: bool) -> None:
    """All five stations within the drawing, the pause told, nothing taken for markup."""
    told = Wiring(
        Station("gateway", "POST <b>/u</b>", "1.2/s"),
        Station("queue", "12 waiting", tone="warn", href="/events?state=waiting"),
        Station("pipe", "paused"),
        Station("workflow", "3 states"),
        Station("dead letters", "4", "a" * 200, "bad"),
        paused=True,
    )
    tree = ET.fromstring(str(wiring(told, title="<i>", upright=upright)))  # noqa: S314 - our own text

    _, _, width, height = map(float, tree.attrib["viewBox"].split())
    boxes = [one for one in tree.iter("rect") if one.get("class") == "g-box"]
    assert len(boxes) == 5
    rects = []
    for one in boxes:
        x, y = float(one.attrib["x"]) + 5, float(one.attrib["y"]) + 5
        rects.append((x, y, x + float(one.attrib["width"]), y + float(one.attrib["height"])))
        assert within(rects[-1], width, height)
    for one_rect, other in itertools.combinations(rects, 2):
        assert not overlap(one_rect, other)
    assert "POST <b>/u</b>" in [one.text for one in tree.iter("text")]
    assert [one for one in tree.iter("g") if "w-halted" in one.attrib.get("class", "")]
