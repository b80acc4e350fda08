"""Single values of a definition: durations, numbers, choices, lists, headers, locators.

Each function returns the value as the compiled definition wants it. Where the value is wrong it
notes the mistake and returns something harmless instead, so that the checks after it go on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

from holdfast.clock import parse_duration
from holdfast.compile.spot import Spot, quoted
from holdfast.verify.naming import naming_mistakes
from holdfast.workflow.fields import meant

Kind = TypeVar("Kind")

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, 5.6.2: what a header's or a method's name is made of."""
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""RFC 9110, 5.5, without the line ends by which one header could smuggle in another."""


def duration(spot: Spot, value: object, *, at_least: str, at_most: str) -> float:
    """Seconds, within both bounds."""
    low, high = parse_duration(at_least), parse_duration(at_most)
    try:
        seconds = parse_duration(value) if isinstance(value, str) else None
    except ValueError:
        seconds = None
    if seconds is None:
        spot.wrong(
            f"{quoted(value)} is not a duration; "
            'write a number and a unit (ms, s, m, h or d), such as "30s" or "7d"'
        )
        return low
    if not low <= seconds <= high:
        spot.wrong(f"{quoted(value)} is out of range; allowed: {at_least} to {at_most}")
        return min(max(seconds, low), high)
    return seconds


def whole(spot: Spot, value: object, *, at_least: int, at_most: int) -> int:
    """A whole number within both bounds; True is not 1."""
    if type(value) is not int:
        spot.wrong(f"{quoted(value)} is not a whole number; allowed: {at_least} to {at_most}")
        return at_least
    if not at_least <= value <= at_most:
        spot.wrong(f"{value} is out of range; allowed: {at_least} to {at_most}")
        return at_least
    return value


def choice(spot: Spot, value: object, allowed: Sequence[str]) -> str:
    """One of the allowed words."""
    if isinstance(value, str) and value in allowed:
        return value
    listed = ", ".join(allowed)
    spot.wrong(f"{quoted(value)} is not known{meant(value, allowed)}; allowed: {listed}")
    return allowed[0]


def texts(spot: Spot, value: object, example: str) -> list[str]:
    """A list of texts. A single text is the usual slip: Python would read it letter by letter."""
    if isinstance(value, str):
        spot.wrong(f"{quoted(value)} is one text; write a list: {example}")
        return []
    if not isinstance(value, Collection) or isinstance(value, Mapping | bytes):
        spot.wrong(f"{quoted(value)} is not a list of texts; write {example}")
        return []
    for item in value:
        if not isinstance(item, str):
            spot.wrong(f"{quoted(item)} is not a text; write {example}")
    return [item for item in value if isinstance(item, str)]


def instance(spot: Spot, value: object, kind: type[Kind], example: str) -> Kind | None:
    """The value where it is of that kind; None where it is absent or wrong."""
    if value is None or isinstance(value, kind):
        return value
    called = kind.__name__
    if value is kind:
        spot.wrong(f"{called} is the class itself; write {example}")
    else:
        article = "an" if called[0] in "AEIOU" else "a"
        spot.wrong(f"{quoted(value)} is not {article} {called}; write {example}")
    return None


def headers(spot: Spot, value: object, reserved: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Header lines that can be sent as they are. `reserved`: lower-case names, and why not."""
    if not isinstance(value, Mapping):
        spot.wrong(f'{quoted(value)} is not a mapping; write {{"X-Name": "value"}}')
        return ()
    lines = []
    for name, text in value.items():
        if not isinstance(name, str) or not TOKEN.fullmatch(name):
            spot.wrong(f"{quoted(name)} is not a header name")
        elif name.lower() in reserved:
            spot.wrong(f"{quoted(name)} cannot be set: {reserved[name.lower()]}")
        elif not isinstance(text, str) or not _HEADER_VALUE.fullmatch(text):
            # Not repeated: a value may be worth hiding.
            spot.wrong(f"the value of {quoted(name)} cannot be sent in a header")
        else:
            lines.append((name, text))
    return tuple(lines)


def locators(spot: Spot, value: object) -> tuple[str, ...]:
    """Where in a request a name is; several are tried in order."""
    entries: Collection[Any] = value if isinstance(value, tuple | list) else (value,)
    for entry in entries:
        if not isinstance(entry, str) or naming_mistakes([entry]):
            spot.wrong(
                f"{quoted(entry)} is not a locator; "
                'write "header:X-Event-Id" or "json:data.object.id"'
            )
    return tuple(entry for entry in entries if isinstance(entry, str))
