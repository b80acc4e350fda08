"""Plots: whatever the numbers, what is drawn is right, in its place, and readable as text too."""

from __future__ import annotations

import itertools
from typing import Any, Final, cast
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from holdfast.console.drawing.plots import (
    STACKED,
    age_gauge,
    depth_gauge,
    rate_plot,
    sparkline,
)
from holdfast.console.drawing.scale import compact, iso, ms_of, nice_ticks, time_ticks
from holdfast.console.drawing.svg import clean, element, fitted, number, text_width
from holdfast.console.shapes.front import CountsFields, WindowFields

OUTCOMES: Final = ("received", "refused", "done", "duplicate", "retried", "dead")
HEIGHT: Final = 180.0


def window(steps: int, step_seconds: int = 60) -> WindowFields:
    return {
        "name": "1h",
        "start": "2026-11-23T10:00:00.000Z",
        "step_seconds": step_seconds,
        "steps": steps,
    }


def counts(**values: list[int]) -> CountsFields:
    return cast(CountsFields, {outcome: values.get(outcome, []) for outcome in OUTCOMES})


def drawn(markup: Markup) -> ET.Element:
    """It is well-formed, and colours nothing by itself."""
    tree = ET.fromstring(str(markup))  # noqa: S314 - our own text
    for one in tree.iter():
        assert not {"style", "fill", "stroke"} & one.attrib.keys()
    return tree


def bars(tree: ET.Element, outcome: str) -> list[ET.Element]:
    return [one for one in tree.iter("rect") if one.get("class") == f"plot-bar out-{outcome}"]


def tall(rect: ET.Element) -> float:
    return float(rect.attrib["height"])


def test_bars_are_as_tall_as_what_they_count() -> None:
    """Twice as many, twice as tall; and stacked without a gap or an overlap."""
    tree = drawn(
        rate_plot(window(3), counts(done=[10, 20, 0], dead=[10, 0, 0], received=[5, 5, 0]))
    )

    one, two = bars(tree, "done")
    (dead,) = bars(tree, "dead")
    assert tall(two) == pytest.approx(2 * tall(one), abs=0.02)
    assert tall(dead) == pytest.approx(tall(one), abs=0.02)
    assert float(one.attrib["y"]) + tall(one) == pytest.approx(float(dead.attrib["y"]), abs=0.02)
    assert len([one for one in tree.iter("line") if "plot-mark" in one.attrib["class"]]) == 2


def test_each_step_says_its_numbers() -> None:
    """On hover, in the table, and in the description for those who see nothing."""
    tree = drawn(rate_plot(window(2), counts(done=[1_234, 0], retried=[7, 0], received=[1_240, 0])))

    titles = [one.text for one in tree.iter("title")]
    assert "23 Nov 10:00 to 23 Nov 10:01 UTC: 1,240 received, 1,234 done, 7 retried" in titles
    assert "23 Nov 10:01 to 23 Nov 10:02 UTC: nothing" in titles
    (said,) = [one.text or "" for one in tree.iter("desc")]
    assert "1,240 received, 1,234 done, 0 dead" in said
    cells = [one.text for one in tree.iter("td")]
    assert cells == ["1,240", "1,234", "0", "0", "0", "7"]


def test_one_among_a_hundred_thousand_is_seen() -> None:
    """What is not nothing has a height that an eye can see."""
    tree = drawn(rate_plot(window(1), counts(done=[100_000], dead=[1])))

    (dead,) = bars(tree, "dead")
    assert tall(dead) >= 2


def test_nothing_is_said_so() -> None:
    """No bars, no table, no division by zero."""
    tree = drawn(rate_plot(window(60), counts(done=[0] * 60)))

    assert [one.text for one in tree.iter("text") if one.get("class") == "plot-empty"] == [
        "nothing in this time"
    ]
    assert not list(tree.iter("table"))


@settings(deadline=None)
@given(
    st.integers(1, 100),
    st.sampled_from([1, 60, 900, 7_200, 86_400]),
    st.lists(st.integers(0, 2**62), max_size=110),
    st.lists(st.integers(-5, 5), max_size=110),
)
def test_whatever_the_numbers_all_is_in_its_place(
    steps: int, step_seconds: int, many: list[int], few: list[int]
) -> None:
    """Bars stay between the top and the ground, each step's on top of each other, axes are right."""
    told = counts(done=many, dead=few, refused=few, received=many)
    tree = drawn(rate_plot(window(steps, step_seconds), told, height=HEIGHT))

    for step in (one for one in tree.iter("g") if "plot-step" in one.attrib.get("class", "")):
        ground = HEIGHT - 20
        for bar in (one for one in step if "plot-bar" in one.attrib.get("class", "")):
            top, height = float(bar.attrib["y"]), tall(bar)
            assert top >= 0
            assert top + height == pytest.approx(ground, abs=0.02)
            ground = top
    for one in tree.iter():
        for name in ("x", "x1", "x2"):
            if one.get(name, "").endswith("%"):
                assert 0 <= float(one.attrib[name][:-1]) <= 100
    shown = sum(len(bars(tree, outcome)) for outcome in STACKED)
    assert shown == sum(value > 0 for values in (many, few, few) for value in values[:steps])


@pytest.mark.parametrize(
    ("top", "ticks"),
    [
        (0, [0]),
        (1, [0, 1]),
        (4, [0, 1, 2, 3, 4]),
        (7, [0, 2, 4, 6, 8]),
        (95, [0, 50, 100]),
        (1_001, [0, 500, 1_000, 1_500]),
    ],
)
def test_ticks_are_round(top: int, ticks: list[int]) -> None:
    """Whole numbers that people count in."""
    assert nice_ticks(top) == ticks


@settings(deadline=None)
@given(st.integers(1, 2**70))
def test_ticks_reach_the_top(top: int) -> None:
    """And not much further, in equal steps, never more than asked for."""
    ticks = nice_ticks(top)

    assert ticks[-2] < top <= ticks[-1]
    assert 2 <= len(ticks) <= 5
    assert len({after - before for before, after in itertools.pairwise(ticks)}) == 1


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (999, "999"), (1_000, "1k"), (1_249, "1.2k"), (34_567_890, "34M"), (10**16, "1e16")],
)
def test_large_numbers_are_short(value: int, told: str) -> None:
    """As few characters as still tell how many."""
    assert compact(value) == told


@settings(deadline=None)
@given(st.integers(0, 4 * 10**12), st.integers(1_000, 10**11))
def test_marks_of_time_are_few_and_within(start_ms: int, span_ms: int) -> None:
    """In order, inside the axis, at whole steps."""
    marks = [at for at, _ in time_ticks(start_ms, start_ms + span_ms)]

    assert marks == sorted(set(marks))
    assert all(start_ms <= at < start_ms + span_ms for at in marks)
    assert len(marks) <= 8


def test_times_are_told_in_the_right_detail() -> None:
    """Minutes within hours, days at midnight and in weeks."""
    start = ms_of("2026-11-23T22:30:00Z")

    assert [told for _, told in time_ticks(start, start + 3 * 3_600_000)] == [
        "22:30", "23:00", "23:30", "24 Nov", "00:30", "01:00",
    ]  # fmt: skip
    assert [told for _, told in time_ticks(start, start + 5 * 86_400_000)][:2] == [
        "24 Nov",
        "25 Nov",
    ]
    assert iso(ms_of("2026-11-23T22:30:00.250Z")) == "2026-11-23T22:30:00.250Z"


@pytest.mark.parametrize("values", [[], [0], [5], [0, 0, 0], [1, 2], [2**62, 0, 7], [-3, 4]])
def test_a_sparkline_of_anything_is_in_its_box(values: list[int]) -> None:
    """No point is outside; it says how it is now, and how it was at the most."""
    tree = drawn(sparkline(values, label="<b>received</b>"))

    said = tree.attrib["aria-label"]
    assert said.startswith("<b>received</b>: ")
    for path in tree.iter("path"):
        numbers = [float(one) for one in path.attrib["d"].replace("M", "").replace("L", "")
                   .replace("Z", "").split()]  # fmt: skip
        assert all(0 <= x <= 96 for x in numbers[::2])
        assert all(0 <= y <= 22 for y in numbers[1::2])
    assert bool(list(tree.iter("circle"))) == (max(values, default=0) > 0)


def test_gauges_fill_with_what_waits() -> None:
    """More is wider, nothing is nothing, and what waits for long has another colour."""

    def share(markup: Markup, kind: str) -> float:
        found = [one for one in drawn(markup).iter("rect") if one.get("class") == kind]
        return float(found[0].attrib["width"][:-1]) if found else 0.0

    depths = [
        share(depth_gauge(waiting), "gauge-waiting") for waiting in (0, 1, 10, 10_000, 10**12)
    ]
    assert depths == sorted(depths)
    assert (depths[0], depths[-1]) == (0, 100)
    assert share(depth_gauge(5, 5), "gauge-leased") > share(depth_gauge(5, 5), "gauge-waiting")
    assert share(age_gauge(1_000, 100_000), "gauge-waiting") > 0
    assert share(age_gauge(20_000, 100_000), "gauge-warn") > 0
    assert share(age_gauge(99_999, 100_000), "gauge-late") > 99
    assert drawn(age_gauge(None)).attrib["aria-label"] == "nothing waits"


@settings(deadline=None)
@given(st.text(), st.text())
def test_whatever_is_put_in_is_text(text: str, value: str) -> None:
    """No text and no attribute becomes part of the drawing, and every document may hold it."""
    told = element("text", text, data_at=value)
    tree = ET.fromstring(str(told))  # noqa: S314 - our own text

    assert told.encode("utf-8")
    assert (tree.tag, tree.text or "", dict(tree.attrib)) == (
        "text", clean(text), {"data-at": clean(value)},
    )  # fmt: skip


@settings(deadline=None)
@given(st.text(max_size=60), st.floats(20, 400))
def test_text_is_cut_to_its_room(text: str, width: float) -> None:
    """What is cut ends in an ellipsis and fits; what fits is whole."""
    cut = fitted(text, 13, width)

    assert text_width(cut, 13) <= width + 1e-6
    assert cut == clean(text) or cut.endswith("…")


def test_numbers_are_short() -> None:
    """Two decimals at most, and no minus before nothing."""
    given: list[Any] = [1.0, 0.126, -0.001, 20, 1.5]
    assert [number(one) for one in given] == ["1", "0.13", "0", "20", "1.5"]
