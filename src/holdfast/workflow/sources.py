"""Fields whose value comes from the data, by a path or an expression, held to what it must be.

What is wrong with a value is said in AWS's words, which differ by field and query language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from holdfast.workflow.failures import QUERY, RUNTIME, StateFailure, as_json
from holdfast.workflow.paths import Context, Getter
from holdfast.workflow.timestamps import parse_timestamp

SECONDS_MAX: Final = 99_999_999

_NUMBER: Final = re.compile(r"[+-]?\d{1,300}(?:\.\d+)?")


def whole(value: Any) -> int | None:
    """The whole number that it is, however written."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class Source:
    """One such field. Every method takes what the getter takes, and raises StateFailure."""

    get: Getter
    field: str
    """`SecondsPath`; `Seconds` where it is an expression."""
    text: str
    """The path or the expression, without its `{% %}`."""
    queries: bool
    """Whether it is an expression."""

    def seconds(self, value: Any, context: Context) -> int:
        """Of a Wait: 0 or more."""
        found = self.get(value, context)
        # 1.0 is refused as 1.5 is: AWS parses a long (recorded for 1.5). JSONata has no integers.
        number = whole(found) if self.queries or not isinstance(found, float) else None
        if number is None and self.queries:
            raise self._of_kind("number", found)
        if number is None:
            raise self._parameter("cannot be parsed as a long value", found)
        if number < 0:
            raise self._parameter("references a negative value", found)
        return min(number, SECONDS_MAX)

    def moment(self, value: Any, context: Context) -> datetime:
        """Of a Wait."""
        found = self.get(value, context)
        moment = parse_timestamp(found) if isinstance(found, str) else None
        if moment is not None:
            return moment
        kind = "ISO-8601 extended offset date-time format string"
        if not self.queries:
            raise self._parameter(f"does not reference a valid {kind}", found)
        cause = f"The {self.field} field cannot be parsed as an {kind}: {_bare(found)}"
        raise StateFailure(QUERY, cause, self.field)

    def timeout(self, value: Any, context: Context) -> float:
        """Of a Task: a positive whole number of seconds."""
        found = self.get(value, context)
        number = whole(found)
        if number is None:
            raise self._number(found, "integer")
        if not 1 <= number <= SECONDS_MAX:
            raise self._failure(f"{self._name} must be between 1 and {SECONDS_MAX}.")
        return float(number)

    def limit(self, value: Any, context: Context) -> float:
        """Of a Map: a whole number of items, 0 or more."""
        found = self.get(value, context)
        number = whole(_numeric(found))
        if number is None:
            raise self._number(found, "integer")
        if number < 0:
            raise self._failure(f"{self._name} cannot be negative.")
        return float(number)

    def share(self, value: Any, context: Context) -> float:
        """Of a Map: a percentage of its items."""
        found = self.get(value, context)
        number = _numeric(found)
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise self._number(found, "float")
        if not 0 <= number <= 100:
            raise self._failure(f"{self._name} must be between 0 and 100.")
        return float(number)

    def string(self, value: Any, context: Context) -> str:
        """Of a Fail."""
        found = self.get(value, context)
        if isinstance(found, str):
            return found
        if self.queries:
            raise self._of_kind("string", found)
        raise self._parameter("does not reference a string", found)

    def array(self, value: Any, context: Context) -> list[Any]:
        """Of a Map: its items."""
        found = self.get(value, context)
        if isinstance(found, list):
            return found
        if self.queries:
            raise self._of_kind("array", found)
        # A path into the context object is quoted without its second $ (recorded).
        name = self.text.removeprefix("$") if self.text.startswith("$$") else self.text
        raise StateFailure(RUNTIME, f'Reference path "{name}" must point to array.')

    @property
    def _name(self) -> str:
        return self.field.removesuffix("Path")

    def _failure(self, cause: str) -> StateFailure:
        return StateFailure(QUERY, cause, self.field) if self.queries else _runtime(cause)

    def _parameter(self, said: str, found: Any) -> StateFailure:
        if self.queries:
            return self._failure(f"The {self.field} field {said}: {_bare(found)}")
        return _runtime(f"The {self.field} parameter {said}: {self.text} == {_bare(found)}")

    def _number(self, found: Any, kind: str) -> StateFailure:
        if self.queries:
            return self._of_kind("number", found)
        said = f'refers to value "{_bare(found)}" which is not a valid {kind}'
        return _runtime(f"The {self.field} field {said}: {self.text}")

    def _of_kind(self, wanted: str, found: Any) -> StateFailure:
        return unexpected(self.text, self.field, wanted, found)


def unexpected(text: str, field: str, wanted: str, found: Any) -> StateFailure:
    """An expression that gave something else than the field takes."""
    cause = (
        f"The JSONata expression '{text}' specified for the field '{field}' returned an unexpected "
        f"result type. Expected '{wanted}', but was '{_kind(found)}' for value: {as_json(found)}"
    )
    return StateFailure(QUERY, cause, field)


def _runtime(cause: str) -> StateFailure:
    return StateFailure(RUNTIME, cause)


def _bare(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value)


def _kind(value: Any) -> str:
    """As JSONata names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    kinds: dict[type, str] = {dict: "object", list: "array", str: "string"}
    return kinds.get(type(value), "number")


def _numeric(value: Any) -> Any:
    """A text that is a number counts as one for the limits of a Map (recorded)."""
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
