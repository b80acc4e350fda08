"""The compiled states: frozen, with every path and expression already a closure.

They hold nothing that runs. The closures of a state in JSONPath take the data at hand, those of a
state in JSONata the object `$states`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from holdfast.workflow.choice import Condition
from holdfast.workflow.failures import QUERY, RUNTIME, StateFailure, as_json
from holdfast.workflow.paths import Context, Getter, Placer
from holdfast.workflow.recovery import Recovery
from holdfast.workflow.sources import Source
from holdfast.workflow.templates import Selection

_WAIT_MAX: Final = 2**31 - 1
"""AWS counts a Wait in 32 bits (recorded)."""

_AT_ONCE_MAX: Final = 40
"""So many items of an inline Map run at once on AWS, whatever it asks for."""


_INTEGRATION: Final = re.compile(
    r"arn:[^:]*:states:[^:]*:[^:]*:(?P<service>aws-sdk:[^:]+|[^:]+):(?P<action>.+)"
)


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


PLAIN: Final = Shaping()
"""Of every state in JSONPath that leaves its data alone."""


@dataclass(frozen=True, slots=True)
class TaskState:
    recovers: ClassVar = True
    """Whether it may have Retry and Catch."""
    name: str
    next: str | None
    shaping: Shaping
    resource: str
    credentials: Selection | None
    """The role that AWS calls it in; nothing to a task here, but evaluated all the same."""
    timeout_seconds: float | None
    timeout: Source | None
    heartbeat_seconds: float | None
    heartbeat: Source | None
    recovery: Recovery
    dynamic: bool = False
    """Whether limits or credentials come from the data."""

    @property
    def integration(self) -> tuple[str, str] | None:
        """Service and action, `("lambda", "invoke")`; None for what is itself a Lambda function."""
        found = _INTEGRATION.fullmatch(self.resource)
        return None if found is None else (found["service"], found["action"])

    @property
    def called(self) -> str:
        """What AWS calls it in a cause."""
        return self.resource if self.integration is None else self.integration[0]

    def limits(self, value: Any, context: Context) -> tuple[float | None, float | None]:
        """Seconds until its time is over, and between heartbeats. Raises StateFailure."""
        if self.credentials is not None:
            self.credentials.get(value, context)
        timeout, heartbeat = self.timeout_seconds, self.heartbeat_seconds
        if self.timeout is not None:
            timeout = self.timeout.timeout(value, context)
        if self.heartbeat is not None:
            heartbeat = self.heartbeat.timeout(value, context)
        return timeout, heartbeat


@dataclass(frozen=True, slots=True)
class PassState:
    recovers: ClassVar = False
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
    recovers: ClassVar = False
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
                "Failed to transition out of the state. The state does not point to a next state.",
            )
        return self.default, self.shaping


@dataclass(frozen=True, slots=True)
class WaitState:
    """Exactly one of the four is set."""

    recovers: ClassVar = False

    name: str
    next: str | None
    shaping: Shaping
    seconds: int | None
    seconds_from: Source | None
    until: datetime | None
    until_from: Source | None

    def wait_seconds(self, value: Any, context: Context, now_ms: int) -> float:
        """How long from now. Raises StateFailure."""
        if self.seconds is not None:
            return float(self.seconds)
        if self.seconds_from is not None:
            return float(self.seconds_from.seconds(value, context))
        until = self.until
        if self.until_from is not None:
            until = self.until_from.moment(value, context)
        seconds = 0.0 if until is None else max(0.0, until.timestamp() - now_ms / 1000)
        if seconds > _WAIT_MAX:
            raise StateFailure(RUNTIME, "Wait state delay is too long.")
        return seconds


@dataclass(frozen=True, slots=True)
class SucceedState:
    recovers: ClassVar = False
    name: str
    shaping: Shaping


@dataclass(frozen=True, slots=True)
class FailState:
    recovers: ClassVar = False
    name: str
    shaping: Shaping
    error: Getter | None
    cause: Getter | None

    def reason(self, value: Any, context: Context) -> tuple[str | None, str | None]:
        """Error and cause. Raises StateFailure."""
        error = None if self.error is None else self.error(value, context)
        return error, None if self.cause is None else self.cause(value, context)


@dataclass(frozen=True, slots=True)
class ParallelState:
    recovers: ClassVar = True
    name: str
    next: str | None
    shaping: Shaping
    branches: tuple[str, ...]
    """The state that each starts at."""
    recovery: Recovery


@dataclass(frozen=True, slots=True)
class MapState:
    recovers: ClassVar = True
    name: str
    next: str | None
    shaping: Shaping
    start: str
    items: Source | None
    """None: the effective input."""
    selector: Selection | None
    """ItemSelector. None: the item as it is."""
    concurrency: int | Source | None
    tolerated_count: int | Source | None
    tolerated_percentage: float | Source | None
    recovery: Recovery

    def select_items(self, value: Any, context: Context) -> list[Any]:
        """Raises StateFailure where they are no array."""
        if self.items is not None:
            return self.items.array(value, context)
        if isinstance(value, list):
            return value
        if self.shaping.queries:
            said = f"Map state input must be an array but was: {as_json(value)}"
            raise StateFailure(QUERY, said)
        raise StateFailure(RUNTIME, 'Reference path "$" must point to array.')

    def width(self, value: Any, context: Context) -> int:
        """How many items may run at once. Raises StateFailure."""
        given = self.concurrency
        number = given.limit(value, context) if isinstance(given, Source) else given
        return min(int(number or _AT_ONCE_MAX), _AT_ONCE_MAX)

    def tolerated(self, count: int, value: Any, context: Context) -> float | None:
        """How many of so many items may fail; None where none is tolerated. Raises StateFailure."""
        most, share = self.tolerated_count, self.tolerated_percentage
        limits: list[float] = []
        if most is not None:
            limits.append(most.limit(value, context) if isinstance(most, Source) else most)
        if share is not None:
            percentage = share.share(value, context) if isinstance(share, Source) else share
            limits.append(percentage / 100 * count)
        return min(limits, default=None)


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
