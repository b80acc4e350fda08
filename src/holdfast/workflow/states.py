"""The compiled states: frozen, with every path and expression already a closure.

They hold nothing that runs. The closures of a state in JSONPath take the data at hand, those of a
state in JSONata the object `$states`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from holdfast.workflow.choice import Condition
from holdfast.workflow.paths import Context, Getter, Placer, StateFailure
from holdfast.workflow.recovery import Recovery
from holdfast.workflow.templates import Selection
from holdfast.workflow.timestamps import parse_timestamp

SECONDS_MAX: Final = 99_999_999
_WAIT_MAX: Final = 2**31 - 1
"""AWS counts a Wait in 32 bits (recorded)."""

_AT_ONCE_MAX: Final = 40
"""So many items of an inline Map run at once on AWS, whatever it asks for."""


@dataclass(frozen=True, slots=True)
class Shaping:
    """How data flows through a state. None everywhere, the common case, means untouched.

    raw input ─ input ─ parameters ─> (the state's work) ─ selector ─ place ─ output ─> next
        └───────────────────────────────────────────────────────────────┘
    In JSONata there are `parameters` (Arguments) and `output` (Output) alone.
    """

    queries: bool = False
    """Whether the state is in JSONata."""
    input: Selection | None = None
    parameters: Selection | None = None
    assign: Selection | None = None
    selector: Selection | None = None
    place: Placer | None = None
    """None: the result replaces the raw input."""
    output: Selection | None = None

    @property
    def error(self) -> str:
        """What a value of the wrong kind fails with."""
        return "States.QueryEvaluationError" if self.queries else "States.Runtime"


PLAIN: Final = Shaping()
"""Of every state in JSONPath that leaves its data alone."""


@dataclass(frozen=True, slots=True)
class TaskState:
    name: str
    next: str | None
    shaping: Shaping
    resource: str
    timeout_seconds: float | None
    timeout: Getter | None
    heartbeat_seconds: float | None
    heartbeat: Getter | None
    recovery: Recovery

    def timeouts(self, value: Any, context: Context) -> tuple[float | None, float | None]:
        """Seconds until its time is over, and between heartbeats. Raises StateFailure."""
        timeout, heartbeat = self.timeout_seconds, self.heartbeat_seconds
        if self.timeout is not None:
            timeout = self._positive(self.timeout(value, context), "TimeoutSeconds")
        if self.heartbeat is not None:
            heartbeat = self._positive(self.heartbeat(value, context), "HeartbeatSeconds")
        return timeout, heartbeat

    def _positive(self, value: Any, field: str) -> float:
        number = whole(value)
        if number is None or not 1 <= number <= SECONDS_MAX:
            cause = f"The value of {field} is not a positive whole number."
            raise StateFailure(self.shaping.error, cause)
        return float(number)


@dataclass(frozen=True, slots=True)
class PassState:
    name: str
    next: str | None
    shaping: Shaping
    result: Selection | None
    """The constant that stands for the work; None: what came in."""


@dataclass(frozen=True, slots=True)
class Rule:
    condition: Condition
    next: str
    shaping: Shaping
    """The state's, with the rule's own Assign and Output."""


@dataclass(frozen=True, slots=True)
class ChoiceState:
    name: str
    shaping: Shaping
    rules: tuple[Rule, ...]
    default: str | None

    def route(self, value: Any, context: Context) -> tuple[str, Shaping]:
        """The state to go on to, and how data leaves. Raises StateFailure."""
        for rule in self.rules:
            if rule.condition(value, context):
                return rule.next, rule.shaping
        if self.default is None:
            raise StateFailure(
                "States.NoChoiceMatched",
                f"Failed to transition out of the state '{self.name}'. No rule matched the input, "
                "and there is no Default.",
            )
        return self.default, self.shaping


@dataclass(frozen=True, slots=True)
class WaitState:
    """Exactly one of the four is set."""

    name: str
    next: str | None
    shaping: Shaping
    seconds: int | None
    seconds_from: Getter | None
    until: datetime | None
    until_from: Getter | None

    def wait_seconds(self, value: Any, context: Context, now_ms: int) -> float:
        """How long from now. Raises StateFailure."""
        if self.seconds is not None:
            return float(self.seconds)
        if self.seconds_from is not None:
            return self._seconds(self.seconds_from(value, context))
        until = self.until
        if self.until_from is not None:
            text = self.until_from(value, context)
            until = parse_timestamp(text) if isinstance(text, str) else None
        if until is None:
            raise StateFailure(
                self.shaping.error,
                "The Timestamp is not a valid ISO-8601 extended offset date-time.",
            )
        seconds = max(0.0, until.timestamp() - now_ms / 1000)
        if seconds > _WAIT_MAX:
            raise StateFailure("States.Runtime", "Wait state delay is too long.")
        return seconds

    def _seconds(self, value: Any) -> float:
        # 1.0 is refused as 1.5 is: AWS parses a long (recorded for 1.5). JSONata has no integers.
        number = whole(value) if self.shaping.queries or not isinstance(value, float) else None
        if number is None:
            cause = f"The SecondsPath parameter cannot be parsed as a long value: {value!r}"
            raise StateFailure(self.shaping.error, cause)
        if number < 0:
            cause = f"The SecondsPath parameter references a negative value: {value!r}"
            raise StateFailure(self.shaping.error, cause)
        return float(min(number, SECONDS_MAX))


def whole(value: Any) -> int | None:
    """The whole number that it is, however written."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class SucceedState:
    name: str
    shaping: Shaping


@dataclass(frozen=True, slots=True)
class FailState:
    name: str
    shaping: Shaping
    error: Getter | None
    cause: Getter | None

    def reason(self, value: Any, context: Context) -> tuple[str | None, str | None]:
        """Error and cause. Raises StateFailure."""
        return self._text(self.error, value, context), self._text(self.cause, value, context)

    def _text(self, getter: Getter | None, value: Any, context: Context) -> str | None:
        if getter is None:
            return None
        text = getter(value, context)
        if not isinstance(text, str):
            raise StateFailure(self.shaping.error, "Error and Cause of a Fail state are strings.")
        return text


@dataclass(frozen=True, slots=True)
class ParallelState:
    name: str
    next: str | None
    shaping: Shaping
    branches: tuple[str, ...]
    """The state that each starts at."""
    recovery: Recovery


@dataclass(frozen=True, slots=True)
class MapState:
    name: str
    next: str | None
    shaping: Shaping
    start: str
    items: Getter | None
    """None: the effective input."""
    selector: Selection | None
    """ItemSelector. None: the item as it is."""
    concurrency: int | Getter | None
    tolerated_count: int | Getter | None
    tolerated_percentage: float | Getter | None
    recovery: Recovery

    def select_items(self, value: Any, context: Context) -> list[Any]:
        """Raises StateFailure where they are no array."""
        items = value if self.items is None else self.items(value, context)
        if isinstance(items, list):
            return items
        cause = "Map state input must be an array but was: " + _excerpt(items)
        raise StateFailure(self.shaping.error, cause)

    def width(self, value: Any, context: Context) -> int:
        """How many items may run at once. Raises StateFailure."""
        number = self._number("MaxConcurrency", self.concurrency, value, context)
        return min(int(number or _AT_ONCE_MAX), _AT_ONCE_MAX)

    def tolerated(self, count: int, value: Any, context: Context) -> float | None:
        """How many of so many items may fail; None where none is tolerated. Raises StateFailure."""
        most = self._number("ToleratedFailureCount", self.tolerated_count, value, context)
        name = "ToleratedFailurePercentage"
        share = self._number(name, self.tolerated_percentage, value, context, whole_only=False)
        if share is not None and share > 100:
            raise StateFailure(self.shaping.error, f"{name} must be between 0 and 100.")
        limits = [] if most is None else [most]
        limits += [] if share is None else [share / 100 * count]
        return min(limits, default=None)

    def _number(
        self, field: str, given: Any, value: Any, context: Context, *, whole_only: bool = True
    ) -> float | None:
        if not callable(given):
            return None if given is None else float(given)
        found = given(value, context)
        number = _numeric(found)
        number = whole(number) if whole_only else number
        if isinstance(number, bool) or not isinstance(number, int | float):
            kind = "integer" if whole_only else "float"
            cause = f"{field} refers to the value {_excerpt(found)} which is not a valid {kind}"
            raise StateFailure(self.shaping.error, cause)
        if not number >= 0:
            raise StateFailure(self.shaping.error, f"{field} cannot be negative.")
        return float(number)


def _numeric(value: Any) -> Any:
    """A text that is a number counts as one for the limits of a Map (recorded)."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _excerpt(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


State = (
    TaskState
    | PassState
    | ChoiceState
    | WaitState
    | SucceedState
    | FailState
    | ParallelState
    | MapState
)


@dataclass(frozen=True, slots=True)
class Program:
    """A checked document. State names are unique in all of it, branches included: one flat table."""

    start: str
    states: Mapping[str, State]
    timeout_seconds: int
    comment: str = ""
    version: str = "1.0"
