"""What came in over time, as bars; how a number went, as a line of a word's size; how full a queue is.

Plots are as wide as their place: positions across are percentages, so that text keeps its size on a
phone. Times of an axis carry their instant (`data-at`), so that the pages' script can write them in
the viewer's zone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from markupsafe import Markup

from holdfast.clock import format_duration
from holdfast.console.drawing.scale import compact, iso, ms_of, nice_ticks, time_ticks, utc
from holdfast.console.drawing.svg import element, joined
from holdfast.console.shapes.front import CountsFields, WindowFields

Outcome = Literal["received", "refused", "done", "duplicate", "retried", "dead"]

STACKED: Final[tuple[Outcome, ...]] = ("dead", "refused", "duplicate", "done")
"""From the baseline up: what failed stands where the eye compares best."""

_TOLD: Final[tuple[Outcome, ...]] = ("received", "done", "dead", "refused", "duplicate", "retried")

_TOP: Final = 12.0
_FOOT: Final = 20.0
_AXIS: Final = 40.0
_LEAST: Final = 2.0
"""Pixels of what is not nothing: one dead letter among a hundred thousand is seen."""

_WIDEST: Final = 6.0
"""Percent of the width that a bar has at the most, where there are few."""


def rate_plot(
    window: WindowFields,
    counts: CountsFields,
    *,
    title: str = "Events over time",
    height: float = 180.0,
    numbers: bool = True,
) -> Markup:
    """Bars, one a step: what was done, dead, refused; with a mark at what was received.

    `numbers`: the same as a table, folded.
    """
    bars = _Bars(window, counts, height)
    summary = bars.summary(title)
    axis = element(
        "svg", *bars.axis(), class_="plot-axis", width=_AXIS, height=height, aria_hidden="true"
    )
    area = element(
        "svg",
        element("title", title),
        element("desc", summary),
        *bars.grid(),
        *bars.steps(),
        *bars.times(),
        class_="plot-area",
        width="100%",
        height=height,
        role="img",
    )
    parts = [element("div", axis, area, class_="plot-body"), bars.legend()]
    if numbers and bars.most:
        parts.append(bars.numbers())
    return element("figure", *parts, class_="plot")


class _Bars:
    """One plot in the making."""

    def __init__(self, window: WindowFields, counts: CountsFields, height: float) -> None:
        self._start_ms = ms_of(window["start"])
        self._step_ms = max(1, window["step_seconds"]) * 1000
        self._steps = max(1, window["steps"])
        self._counts: Mapping[Outcome, Sequence[int]] = {
            outcome: _filled(counts[outcome], self._steps) for outcome in _TOLD
        }
        stacks = (sum(self._counts[one][at] for one in STACKED) for at in range(self._steps))
        self.most = max(*stacks, *self._counts["received"], 0)
        self._ticks = nice_ticks(self.most)
        self._height = height
        self._ground = height - _FOOT

    def axis(self) -> Iterator[Markup]:
        for tick in self._ticks:
            y = self._y(tick) + 3.5
            yield element(
                "text", compact(tick), class_="plot-tick", x=_AXIS - 6, y=y, text_anchor="end"
            )

    def grid(self) -> Iterator[Markup]:
        for tick in self._ticks:
            y = self._y(tick)
            kind = "plot-line" if tick else "plot-line plot-ground"
            yield element("line", class_=kind, x1=0, x2="100%", y1=y, y2=y)

    def steps(self) -> Iterator[Markup]:
        if not self.most:
            yield element(
                "text",
                "nothing in this time",
                class_="plot-empty",
                x="50%",
                y=(_TOP + self._ground) / 2,
                text_anchor="middle",
            )
            return
        for at in range(self._steps):
            yield self._step(at)

    def _step(self, at: int) -> Markup:
        each = 100 / self._steps
        width = min(each * 0.78, _WIDEST)
        left = each * at + (each - width) / 2
        parts = [
            element("title", self._said(at)),
            element(
                "rect",
                class_="plot-hit",
                x=_percent(each * at),
                width=_percent(each),
                y=0,
                height=self._ground,
            ),
        ]
        y = self._ground
        for outcome in STACKED:
            value = self._counts[outcome][at]
            if not value:
                continue
            below, y = y, max(0.0, y - max(_LEAST, self._ground - self._y(value)))
            parts.append(
                element(
                    "rect",
                    class_=f"plot-bar out-{outcome}",
                    x=_percent(left),
                    width=_percent(width),
                    y=y,
                    height=below - y,
                )
            )
        if received := self._counts["received"][at]:
            y = min(self._y(received), self._ground - _LEAST)
            parts.append(
                element(
                    "line",
                    class_="plot-mark out-received",
                    x1=_percent(left),
                    x2=_percent(left + width),
                    y1=y,
                    y2=y,
                )
            )
        last = at == self._steps - 1
        return element("g", *parts, class_="plot-step plot-open" if last else "plot-step")

    def times(self) -> Iterator[Markup]:
        end_ms = self._start_ms + self._steps * self._step_ms
        for place, (at_ms, told) in enumerate(time_ticks(self._start_ms, end_ms)):
            x = 100 * (at_ms - self._start_ms) / (end_ms - self._start_ms)
            anchor = "start" if x < 4 else "end" if x > 96 else "middle"
            yield element(
                "text",
                told,
                class_="plot-tick" if place % 2 == 0 else "plot-tick plot-odd",
                x=_percent(x),
                y=self._height - 5,
                text_anchor=anchor,
                data_time="axis",
                data_at=iso(at_ms),
            )

    def legend(self) -> Markup:
        items = [
            element(
                "li",
                element(
                    "svg",
                    element("rect", class_=f"out-{outcome}", width=10, height=10, rx=2),
                    class_="plot-swatch",
                    width=10,
                    height=10,
                    aria_hidden="true",
                ),
                f" {outcome} ",
                element("b", f"{total:,}"),
            )
            for outcome in _TOLD
            if (total := sum(self._counts[outcome])) or outcome == "received"
        ]
        return element("ul", *items, class_="plot-legend")

    def numbers(self) -> Markup:
        head = element("tr", *(element("th", one, scope="col") for one in ("from", *_TOLD)))
        rows = []
        for at in range(self._steps):
            values = [self._counts[outcome][at] for outcome in _TOLD]
            if any(values):
                at_ms = self._start_ms + at * self._step_ms
                clock = element(
                    "time", f"{utc(at_ms):%H:%M} UTC", datetime=iso(at_ms), data_time="axis",
                    data_at=iso(at_ms),
                )  # fmt: skip
                cells = (element("td", f"{value:,}", class_="num") for value in values)
                rows.append(element("tr", element("th", clock, scope="row"), *cells))
        table = element("table", element("thead", head), element("tbody", *rows))
        summary = element("summary", "as numbers")
        return element("details", summary, table, class_="plot-numbers")

    def summary(self, title: str) -> str:
        totals = ", ".join(f"{sum(self._counts[one]):,} {one}" for one in _TOLD)
        end_ms = self._start_ms + self._steps * self._step_ms
        return f"{title}, {_clock(self._start_ms)} to {_clock(end_ms)} UTC: {totals}."

    def _said(self, at: int) -> str:
        start_ms = self._start_ms + at * self._step_ms
        values = [(one, self._counts[one][at]) for one in _TOLD]
        told = ", ".join(f"{value:,} {one}" for one, value in values if value) or "nothing"
        return f"{_clock(start_ms)} to {_clock(start_ms + self._step_ms)} UTC: {told}"

    def _y(self, value: int) -> float:
        top = self._ticks[-1] or 1
        return self._ground - (self._ground - _TOP) * min(1.0, value / top)


def _filled(values: Sequence[int], steps: int) -> list[int]:
    """As many as there are steps, none below zero."""
    return [max(0, value) for value in [*values, *[0] * steps][:steps]]


def _percent(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"


def _clock(ms: int) -> str:
    at = utc(ms)
    return f"{at.day} {at:%b %H:%M}"


def sparkline(
    values: Sequence[int], *, label: str, width: float = 96.0, height: float = 22.0
) -> Markup:
    """How a number went, the latest at the right. `label` says of what."""
    told = [max(0, value) for value in values]
    most, last = max(told, default=0), told[-1] if told else 0
    said = f"{label}: {last:,} now, {most:,} at the most" if told else f"{label}: nothing yet"
    ground, room = height - 2, height - 5
    across = (width - 6) / max(1, len(told) - 1)
    points = [
        (3 + at * across, ground - (room * value / most if most else 0))
        for at, value in enumerate(told)
    ]
    parts = [element("title", said)]
    parts.append(element("line", class_="spark-ground", x1=0, x2=width, y1=ground, y2=ground))
    if most and len(points) > 1:
        line = " ".join(f"L{x:.1f} {y:.1f}" for x, y in points)
        area = f"M{points[0][0]:.1f} {ground:.1f} {line} L{points[-1][0]:.1f} {ground:.1f} Z"
        parts.append(element("path", class_="spark-area", d=area))
        parts.append(element("path", class_="spark-line", d=f"M{line[1:]}"))
    if most:
        x, y = points[-1]
        parts.append(element("circle", class_="spark-last", cx=x, cy=y, r=2))
    return element(
        "svg",
        *parts,
        class_="spark",
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
        role="img",
        aria_label=said,
    )


_DEPTHS: Final = tuple((10**power, compact(10**power)) for power in range(1, 7))
_AGES: Final = ((1, "1s"), (60, "1m"), (3_600, "1h"), (86_400, "1d"), (604_800, "7d"))


def depth_gauge(waiting: int, leased: int = 0) -> Markup:
    """How much waits, on a scale of powers of ten: ten and ten thousand are different worlds, ten
    and eleven are not. Next to it, lighter, what is being worked."""
    said = f"{waiting:,} waiting, {leased:,} being worked"
    marks = [(_log(value, _DEPTHS[-1][0]), told) for value, told in _DEPTHS]
    parts = [("gauge-leased", _log(waiting + leased, _DEPTHS[-1][0]))] if leased else []
    return _gauge(said, [*parts, ("gauge-waiting", _log(waiting, _DEPTHS[-1][0]))], marks)


def age_gauge(oldest_seconds: float | None, retention_seconds: float | None = None) -> Markup:
    """How long the oldest waits, up to its queue's retention: past that it dies unworked."""
    top = max(retention_seconds or _AGES[-1][0], 1.0)
    marks = [(_log(value, top), told) for value, told in _AGES if value <= top]
    if oldest_seconds is None:
        return _gauge("nothing waits", [], marks)
    said = f"the oldest waits for {format_duration(round(max(0.0, oldest_seconds), 1))}"
    if retention_seconds is not None:
        said += f" of the {format_duration(retention_seconds)} that it is kept"
    share = oldest_seconds / top
    kind = "gauge-late" if share >= 0.5 else "gauge-warn" if share >= 0.1 else "gauge-waiting"
    return _gauge(said, [(kind, _log(oldest_seconds, top))], marks)


def _log(value: float, top: float) -> float:
    """Where on a logarithmic scale from nothing to `top`, in percent."""
    return min(100.0, 100 * math.log1p(max(0.0, value)) / math.log1p(top))


def _gauge(
    said: str, fills: Sequence[tuple[str, float]], marks: Sequence[tuple[float, str]]
) -> Markup:
    bars = [
        element("rect", class_=kind, x=0, y=2, width=_percent(share), height=8, rx=2)
        for kind, share in fills
    ]
    ticks = joined(
        element("line", class_="gauge-tick", x1=_percent(x), x2=_percent(x), y1=2, y2=10)
        + element("text", told, class_="gauge-text", x=_percent(x), y=22, text_anchor="end")
        for x, told in marks
    )
    track = element("rect", class_="gauge-track", x=0, y=2, width="100%", height=8, rx=2)
    return element(
        "svg",
        element("title", said),
        track,
        *bars,
        ticks,
        class_="gauge",
        width="100%",
        height=26,
        role="img",
        aria_label=said,
    )
