"""A document read field by field: what is wrong is noted with its path, and reading goes on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from holdfast.errors import Mistake
from holdfast.workflow.paths import Path, parse_path

_PLAIN: Final = re.compile(r"[A-Za-z_][\w-]*")
_COMPARED_MAX: Final = 1_000


def below(place: str, name: str) -> str:
    """`States.Route`, or `States['my state']` where the name would not read well bare."""
    if _PLAIN.fullmatch(name):
        return f"{place}.{name}" if place else name
    return f"{place}[{name!r}]"


def meant(value: object, known: Collection[str]) -> str:
    """` (did you mean "ERROR"?)` where one that is known is close, in any case; otherwise nothing.

    Nor where there are so many that looking at all would take a second.
    """
    if not isinstance(value, str) or len(known) > _COMPARED_MAX:
        return ""
    lowered = {word.lower(): word for word in known}
    close = difflib.get_close_matches(value.lower(), lowered, n=1)
    return f' (did you mean "{lowered[close[0]]}"?)' if close else ""


class Fields:
    """One object of the document. Each field is asked for once; `close` reports the rest."""

    def __init__(self, value: Mapping[str, Any], place: str, mistakes: list[Mistake]) -> None:
        self.value = value
        self.place = place
        self.mistakes = mistakes
        self._asked: set[str] = set()

    def mistake(self, name: str, message: str) -> None:
        """Something is wrong with the field, or with the object itself where `name` is empty."""
        self.mistakes.append(Mistake(self.place_of(name) or "the document", message))

    def place_of(self, name: str) -> str:
        """The path of the field, or of the object itself where `name` is empty."""
        return below(self.place, name) if name else self.place

    def note(self, name: str = "") -> Callable[[str, str], None]:
        """Takes a place below the field, or below the object itself, and what is wrong there."""
        top = self.place_of(name)
        return lambda place, message: self.mistakes.append(Mistake(top + place, message))

    def __contains__(self, name: str) -> bool:
        return name in self.value

    def raw(self, name: str) -> Any:
        """Whatever stands there, or None."""
        self._asked.add(name)
        return self.value.get(name)

    def need(self, name: str) -> None:
        if name not in self.value:
            self.mistake(name, "is missing")

    def string(self, name: str, *, required: bool = False) -> str | None:
        value = self.raw(name)
        if name not in self.value:
            if required:
                self.need(name)
            return None
        if isinstance(value, str):
            return value
        self.mistake(name, f"must be a string, not {_kind(value)}")
        return None

    def integer(self, name: str, low: int, high: int) -> int | None:
        value = self.raw(name)
        if name not in self.value:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.mistake(name, f"must be a whole number from {low} to {high}")
        return None

    def number(self, name: str, low: float) -> float | None:
        value = self.raw(name)
        if name not in self.value:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value < 1e9:
            return float(value)
        self.mistake(name, f"must be a number of at least {low:g}")
        return None

    def flag(self, name: str) -> bool:
        value = self.raw(name)
        if name in self.value and not isinstance(value, bool):
            self.mistake(name, f"must be true or false, not {_kind(value)}")
        return value is True

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        value = self.raw(name)
        if name not in self.value or value in allowed:
            return value if isinstance(value, str) else None
        self.mistake(name, f"must be {' or '.join(allowed)}")
        return None

    def path(self, name: str, *, reference: bool = False) -> Path | None:
        """A JSONPath; where `reference`, one that names exactly one place."""
        text = self.string(name)
        if text is None:
            return None
        try:
            path = parse_path(text)
        except ValueError as error:
            self.mistake(name, str(error))
            return None
        if reference and not path.is_reference:
            self.mistake(name, f"{text!r} must name one place: no wildcards, slices, functions")
            return None
        return path

    def object(self, name: str, *, required: bool = False) -> Fields | None:
        """The object there, as fields of its own."""
        value = self.raw(name)
        if name not in self.value:
            if required:
                self.need(name)
            return None
        if isinstance(value, Mapping):
            return Fields(value, below(self.place, name), self.mistakes)
        self.mistake(name, f"must be an object, not {_kind(value)}")
        return None

    def objects(self, name: str, *, required: bool = False) -> list[Fields]:
        """The list of objects there; `required`: with at least one."""
        value = self.raw(name)
        if name not in self.value:
            if required:
                self.need(name)
            return []
        if not isinstance(value, list):
            self.mistake(name, f"must be a list, not {_kind(value)}")
            return []
        if required and not value:
            self.mistake(name, "must not be empty")
        found = []
        for index, item in enumerate(value):
            place = f"{below(self.place, name)}[{index}]"
            if isinstance(item, Mapping):
                found.append(Fields(item, place, self.mistakes))
            else:
                self.mistakes.append(Mistake(place, f"must be an object, not {_kind(item)}"))
        return found

    def strings(self, name: str) -> list[str]:
        """The list of strings there, at least one."""
        value = self.raw(name)
        if name not in self.value:
            self.need(name)
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.mistake(name, "must be a list of strings")
            return []
        if not value:
            self.mistake(name, "must not be empty")
        return value

    def one_of(self, names: tuple[str, ...], *, required: bool = False) -> None:
        """At most one of these, or exactly one."""
        given = [name for name in names if name in self.value]
        if len(given) > 1:
            self._asked.update(given)
            self.mistake("", f"{' and '.join(given)} cannot stand together")
        elif required and not given:
            self.mistake("", f"needs one of {', '.join(names)}")

    def refuse(self, names: tuple[str, ...], reason: str) -> None:
        """Fields of the language that are known and cannot be used here."""
        for name in names:
            self._asked.add(name)
            if name in self.value:
                self.mistake(name, reason)

    def close(self) -> None:
        """Whatever was never asked for is unknown."""
        for name in self.value:
            if name not in self._asked:
                self.mistake(str(name), "is not a field of this")


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    if value is None:
        return "null"
    return kinds.get(type(value), "a number")
