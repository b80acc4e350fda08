"""Small signs: what kind of state it is, and what it came to. Each fits a box of 16 by 16."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from holdfast.console.drawing.svg import element

_TYPES: Final = {
    "Task": ("M2.5 2.5 h11 v11 h-11 Z", "M6.5 5.5 L10.5 8 L6.5 10.5 Z"),
    "Choice": ("M8 1.5 L14.5 8 L8 14.5 L1.5 8 Z", "M8 5.5 v3 M8 10.4 v0.2"),
    "Pass": ("M2 8 h11", "M9 4 L13 8 L9 12"),
    "Wait": ("M8 2 a6 6 0 1 0 0.01 0 Z", "M8 4.8 V8 L10.4 9.6"),
    "Succeed": ("M8 2 a6 6 0 1 0 0.01 0 Z", "M5.2 8.2 L7.3 10.2 L11 6"),
    "Fail": ("M8 2 a6 6 0 1 0 0.01 0 Z", "M5.8 5.8 L10.2 10.2 M10.2 5.8 L5.8 10.2"),
    "Parallel": ("M4 2 v12 M12 2 v12", "M8 2 v12"),
    "Map": ("M2.5 5.5 h8 v8 h-8 Z", "M5.5 5.5 v-3 h8 v8 h-3"),
}
"""An outline, and what is in it."""

_CAME: Final = {
    "succeeded": "M4.6 8.2 L7 10.6 L11.4 5.6",
    "caught": "M8 4.4 V9 M8 11.2 v0.3",
    "failed": "M5.4 5.4 L10.6 10.6 M10.6 5.4 L5.4 10.6",
    "running": "M6.2 4.8 L11.2 8 L6.2 11.2 Z",
}

_AGAIN: Final = "M12.2 8 A4.4 4.4 0 1 1 10.6 4.6 M10.8 1.8 V4.8 H7.8"


def type_icon(type: str, x: float, y: float) -> Markup:
    """The kind of state; nothing where the language has no such kind."""
    paths = (element("path", d=d) for d in _TYPES.get(type, ()))
    return element("g", *paths, class_="g-type", transform=f"translate({x:g} {y:g})")


def came_icon(came: str, x: float, y: float) -> Markup:
    """What it came to: not by colour alone."""
    parts = [element("circle", cx=8, cy=8, r=7.5)]
    if came in _CAME:
        parts.append(element("path", d=_CAME[came]))
    return element("g", *parts, class_="g-came", transform=f"translate({x:g} {y:g})")


def again_icon(said: str, x: float, y: float) -> Markup:
    """It is tried again: when, and how often."""
    return element(
        "g",
        element("title", said),
        element("rect", class_="g-hit", width=16, height=16),
        element("path", d=_AGAIN),
        class_="g-again",
        transform=f"translate({x:g} {y:g})",
    )
