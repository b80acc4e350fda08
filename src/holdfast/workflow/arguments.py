"""What a state hands to a service: judged where it stands in the document, read where it arrives.

A field of Parameters or Arguments is written down, or decided by the data (`"name.$"`, `{% %}`).
What is written down is judged when the document is loaded; the rest when it is known, and then
what is wrong is a failure of the state, worded as AWS words it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from holdfast.workflow.failures import StateFailure, as_json
from holdfast.workflow.fields import Fields, below
from holdfast.workflow.queries import is_query

DECIDED: Final = object()
"""Stands for a value that the data decides."""

_SHOWN_MAX: Final = 1_024
"""Characters of the parameters that a failure repeats."""


class Arguments:
    """One object of a document's Parameters or Arguments. What is wrong is noted with its path."""

    def __init__(self, fields: Fields, *, queries: bool) -> None:
        self._fields = fields
        self._queries = queries
        self._values = {
            name.removesuffix(".$") if not queries else name: (
                DECIDED if self._is_decided(name, value) else value
            )
            for name, value in fields.value.items()
        }

    def _is_decided(self, name: str, value: Any) -> bool:
        return is_query(value) if self._queries else name.endswith(".$")

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def items(self) -> list[tuple[str, Any]]:
        """Name and value, `DECIDED` where the data decides it."""
        return list(self._values.items())

    def written(self, name: str) -> Any:
        """What stands there; `DECIDED` where the data decides, or where nothing does."""
        return self._values.get(name, DECIDED)

    def mistake(self, name: str, message: str) -> None:
        self._fields.mistake(name, message)

    def need(self, *names: str) -> None:
        """These must be there, written down or not."""
        for name in names:
            if name not in self._values:
                self._fields.mistake(name, "is missing")

    def text(self, name: str) -> str | None:
        """The text that is written there; None where there is none, or the data decides."""
        value = self.written(name)
        if isinstance(value, str):
            return value
        if value is DECIDED:
            return None
        self._fields.mistake(name, "must be a string")
        return None

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        """One of these texts."""
        text = self.text(name)
        if text is None or text in allowed:
            return text
        self._fields.mistake(name, f"must be one of {', '.join(allowed)}")
        return None

    def whole(self, name: str, low: int, high: int) -> None:
        """A whole number within both bounds."""
        value = self.written(name)
        if value is DECIDED or (type(value) is int and low <= value <= high):
            return
        self._fields.mistake(name, f"must be a whole number from {low} to {high}")

    def object(self, name: str) -> Arguments | None:
        """The object that is written there."""
        value = self.written(name)
        if value is DECIDED:
            return None
        if not isinstance(value, Mapping):
            self._fields.mistake(name, "must be an object")
            return None
        place = below(self._fields.place, name)
        within = Fields(value, place, self._fields.mistakes)
        return Arguments(within, queries=self._queries)

    def close(self, known: Collection[str]) -> None:
        """No other fields are understood."""
        for name in self._values:
            if name not in known:
                listed = ", ".join(sorted(known))
                self._fields.mistake(name, f"is not understood here; there are: {listed}")


def arguments(fields: Fields, *, queries: bool) -> Arguments | None:
    """What a Task state hands over; None where all of it is decided by the data, or wrong."""
    name = "Arguments" if queries else "Parameters"
    value = fields.value.get(name)
    if isinstance(value, Mapping):
        found = Fields(value, below(fields.place, name), fields.mistakes)
        return Arguments(found, queries=queries)
    if name not in fields:
        fields.need(name)
    elif queries and not is_query(value):
        fields.mistake(name, "must be an object, or an expression that gives one")
    return None


class Given:
    """The same object when the state runs. What is wrong raises StateFailure."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            self._shown: Any = value
            raise self.wrong("it must be an object")
        self._shown = value
        self._values: dict[str, Any] = value

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def raw(self, name: str) -> Any:
        return self._values.get(name)

    def wrong(self, why: str) -> StateFailure:
        """The failure of a state that cannot be started with what it was given."""
        shown = as_json(self._shown)[:_SHOWN_MAX]
        cause = f"The Parameters '{shown}' could not be used to start the Task: [{why}]"
        return StateFailure("States.Runtime", cause)

    def text(self, name: str) -> str:
        """A text that must be there."""
        if name not in self._values:
            raise self.wrong(f"The field '{name}' is required but was missing")
        value = self._values[name]
        if not isinstance(value, str):
            raise self.wrong(f"The value for the field '{name}' must be a STRING")
        return value

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self._values.get(name) is not None else None

    def object(self, name: str) -> dict[str, Any]:
        """The object there; empty where there is none."""
        value = self._values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong(f"The value for the field '{name}' must be an OBJECT")
        return value
