"""Text that cannot do anything to a terminal, and its width there. Pure."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len, set_cell_size

CUT: Final = "…"

_UNITS: Final = ("B", "K", "M", "G")


def printable(text: str, *, keep_lines: bool = False) -> str:
    """Text that cannot move the cursor or change colours, whatever a sender wrote into it."""
    if keep_lines:
        return "\n".join(printable(line) for line in text.split("\n"))
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly `width` cells of it: padded, or cut with a mark. Of harmless text only."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + CUT
    pad = " " * (width - length)
    return pad + text if right else text + pad


def wrap(text: str, width: int) -> list[str]:
    """In pieces of `width` cells at the most; nothing is left out, and an empty text is a line."""
    if cell_len(text) <= width:
        return [text]
    pieces, piece, used = [], "", 0
    for character in text:
        cells = cell_len(character)
        if used + cells > width and piece:
            pieces.append(piece)
            piece, used = "", 0
        piece += character
        used += cells
    return [*pieces, piece]


def size(count: int) -> str:
    """Bytes in a few characters: `312B`, `4.0K`, `1.2M`."""
    number, unit = float(count), 0
    while number >= 1_000 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{count}B" if unit == 0 else f"{number:.1f}{_UNITS[unit]}"


def took(milliseconds: float) -> str:
    """A duration in a few characters: `12ms`, `1.2s`, `4m`, `3h`, `2d`."""
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds:.0f}ms"
    if seconds < 100:
        return f"{seconds:.1f}s"
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * length or unit == "m":
            return f"{seconds / length:.0f}{unit}"
    raise AssertionError("minutes always fit")
