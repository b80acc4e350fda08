"""Where the console shows things, and the browser that is told so."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping
from typing import Final

FOLDERS: Final[Mapping[str, str]] = {
    "event": "events",
    "refusal": "refusals",
    "letter": "dead/letters",
}


def front(console_url: str, kind: str | None = None, id: str = "") -> str:
    """The page of an `event`, a `refusal` or a `letter`; without one, the first page."""
    root = console_url.rstrip("/")
    return f"{root}/" if kind is None else f"{root}/{FOLDERS.get(kind, 'events')}/{id}"


def show_page(url: str) -> bool:
    """Open it, where there is a desktop. Without one the standard library would start a browser of
    text over whatever stands on the terminal."""
    desktop = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(sys.platform == "darwin" or desktop) and webbrowser.open(url)
