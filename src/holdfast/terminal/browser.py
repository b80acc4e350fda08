"""The browser that is told what to show."""

from __future__ import annotations

import os
import sys
import webbrowser


def show_page(url: str) -> bool:
    """Open it, where there is a desktop. Without one the standard library would start a browser of
    text over whatever stands on the terminal."""
    desktop = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(sys.platform == "darwin" or desktop) and webbrowser.open(url)
