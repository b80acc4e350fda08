"""Whether something is a JSON document of a size that can be read at all.

Asked before anything else: a document made in Python may contain itself, hold what is no JSON, or
share its parts so often that no walk through all of it would end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import orjson

from holdfast.errors import Mistake
from holdfast.workflow.fields import below
from holdfast.workflow.limits import measure

SIZE_MAX_BYTES: Final = 1_048_576
"""What AWS takes as the definition of a state machine."""

DEPTH_MAX: Final = 200
"""Objects and lists within each other: more than the language nests, less than Python's stack."""

_SHOWN: Final = 12
"""Of a path deeper than this, so many names tell where to look."""

_VALUES_MAX: Final = SIZE_MAX_BYTES // 2
"""Each takes a byte at least, and one more that separates it from the next."""


_NOTHING_OF_PYTHONS: Final = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
"""Only what is JSON already."""


class _TooLarge(Exception):
    """More values than a document has room for."""


def check_bounds(document: Mapping[str, Any]) -> list[Mistake]:
    """What keeps the document from being read, each with its path; empty where it can be."""
    if _is_sound(document):
        return []
    walk = _Walk()
    try:
        walk.through(document)
    except _TooLarge:
        return [*walk.mistakes, _too_large(f"more than {_VALUES_MAX:,} values")]
    if not walk.mistakes and (size := measure(document)) > SIZE_MAX_BYTES:
        return [_too_large(f"{size:,} bytes")]
    return walk.mistakes


def _is_sound(document: Mapping[str, Any]) -> bool:
    """Whether all is well with it, in a tenth of the time that it takes to say what is not."""
    level: list[Any] = [document]
    count = 0
    for _ in range(DEPTH_MAX):
        parts = (whole.values() if type(whole) is dict else whole for whole in level)
        level = [part for some in parts for part in some if type(part) in (dict, list)]
        count += len(level)
        if not level or count > _VALUES_MAX:
            break
    if level or type(document) is not dict:
        return False
    try:
        text = orjson.dumps(document, option=_NOTHING_OF_PYTHONS)
    except TypeError:
        return False
    # What JSON has no word for comes back as something else.
    return len(text) <= SIZE_MAX_BYTES and bool(orjson.loads(text) == document)


def _too_large(what: str) -> Mistake:
    return Mistake("the document", f"has {what}; AWS takes {SIZE_MAX_BYTES:,} bytes at most")


class _Walk:
    """A way through a document, at one place of it after the other."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self._names: list[str | int] = []
        self._within: set[int] = set()
        self._count = 0

    def through(self, value: Any) -> None:
        if isinstance(value, Mapping):
            self._down(value, value.items())
        elif isinstance(value, list):
            self._down(value, enumerate(value))
        elif (wrong := _unlike_json(value)) is not None:
            self._note(wrong)

    def _down(self, value: Any, parts: Any) -> None:
        if id(value) in self._within:
            self._note("contains itself")
            return
        if len(self._within) == DEPTH_MAX:
            self._note(f"is nested more than {DEPTH_MAX} deep")
            return
        self._within.add(id(value))
        for name, part in parts:
            self._count += 1
            if self._count > _VALUES_MAX:
                raise _TooLarge
            if isinstance(value, Mapping) and not isinstance(name, str):
                self._note(f"has a field called {name!r}; names are strings")
                continue
            self._names.append(name)
            self.through(part)
            self._names.pop()
        self._within.remove(id(value))

    def _note(self, message: str) -> None:
        place = ""
        for name in self._names[:_SHOWN]:
            place = below(place, name) if isinstance(name, str) else f"{place}[{name}]"
        place += "..." if len(self._names) > _SHOWN else ""
        self.mistakes.append(Mistake(place or "the document", message))


def _unlike_json(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not JSON"
    if value is None or isinstance(value, str | bool | int | float):
        return None
    advice = "; write a list" if isinstance(value, tuple | set | frozenset) else ""
    return f"{type(value).__name__} is not JSON{advice}"
