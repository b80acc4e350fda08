"""The compiled states: frozen, with every path already a closure. They hold nothing that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.workflow.choice import Condition
from holdfast.workflow.paths import Context, Getter, Placer, StateFailure
from holdfast.workflow.templates import Selection
from holdfast.workflow.timestamps import parse_timestamp


def matches(names: frozenset[str], error: str) -> bool:
    """Whether `ErrorEquals` holds. States.Runtime is never retried and never caught."""
    if error == "States.Runtime":
        return False
    if error in names or "States.ALL" in names:
        return True
    return "States.TaskFailed" in names and error != "States.Timeout"


def _runtime(cause: str) -> StateFailure:
    return StateFailure("States.Runtime", cause)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Shaping:
    """How data flows through a state. None everywhere, the common case, means untouched.

    raw input ─ input ─ parameters ─> (the state's work) ─ selector ─ place ─ output ─> next
        └───────────────────────────────────────────────────────────────┘
    """

    input: Selection | None = None
    parameters: Selection | None = None
    selector: Selection | None = None
    place: Placer | None = None
    """None: the result replaces the raw input."""
    output: Selection | None = None


@dataclass(frozen=True, slots=True)
class Retrier:
    errors: frozenset[str]
    interval_seconds: float
    max_attempts: int
    backoff_rate: float
    max_delay_seconds: float
    full_jitter: bool

    def delay_seconds(self, attempts: int) -> float:
        """How long to wait after so many earlier retries."""
        # 2^64 seconds is longer than any execution; more would overflow.
        growth = self.backoff_rate ** min(attempts, 64)
        return min(self.interval_seconds * growth, self.max_delay_seconds)


@dataclass(frozen=True, slots=True)
class Catcher:
    errors: frozenset[str]
    place: Placer | None
    next: str


@dataclass(frozen=True, slots=True)
class TaskState:
    name: str
    next: str | None
    shaping: Shaping
    resource: str
    timeout_seconds: float | None
    timeout_path: Getter | None
    heartbeat_seconds: float | None
    heartbeat_path: Getter | None
    retry: tuple[Retrier, ...]
    catch: tuple[Catcher, ...]

    def timeouts(self, value: Any, context: Context) -> tuple[float | None, float | None]:
        """Seconds until its time is over, and between heartbeats. Raises StateFailure."""
        timeout, heartbeat = self.timeout_seconds, self.heartbeat_seconds
        if self.timeout_path is not None:
            timeout = _positive(self.timeout_path(value, context), "TimeoutSecondsPath")
        if self.heartbeat_path is not None:
            heartbeat = _positive(self.heartbeat_path(value, context), "HeartbeatSecondsPath")
        return timeout, heartbeat

    def retrier(self, error: str) -> int | None:
        """The index of the first retrier for this error. No other one gets a say."""
        for index, retrier in enumerate(self.retry):
            if matches(retrier.errors, error):
                return index
        return None

    def catcher(self, error: str) -> Catcher | None:
        """The first catcher for this error."""
        for catcher in self.catch:
            if matches(catcher.errors, error):
                return catcher
        return None


def _positive(value: Any, field: str) -> float:
    if not _is_integer(value) or not 1 <= value <= 99_999_999:
        raise _runtime(f"The {field} does not lead to a positive whole number.")
    return float(value)


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


@dataclass(frozen=True, slots=True)
class ChoiceState:
    name: str
    shaping: Shaping
    rules: tuple[Rule, ...]
    default: str | None

    def route(self, value: Any, context: Context) -> str:
        """The state to go on to. Raises StateFailure."""
        for rule in self.rules:
            if rule.condition(value, context):
                return rule.next
        if self.default is None:
            raise StateFailure(
                "States.NoChoiceMatched",
                f"Failed to transition out of the state '{self.name}'. No rule matched the input, "
                "and there is no Default.",
            )
        return self.default


@dataclass(frozen=True, slots=True)
class WaitState:
    """Exactly one of the four is set."""

    name: str
    next: str | None
    shaping: Shaping
    seconds: int | None
    seconds_path: Getter | None
    until: datetime | None
    until_path: Getter | None

    def wait_seconds(self, value: Any, context: Context, now_ms: int) -> float:
        """How long from now. Raises StateFailure."""
        if self.seconds is not None:
            return float(self.seconds)
        if self.seconds_path is not None:
            return _whole_seconds(self.seconds_path(value, context))
        until = self.until
        if self.until_path is not None:
            text = self.until_path(value, context)
            until = parse_timestamp(text) if isinstance(text, str) else None
        if until is None:
            raise _runtime("The TimestampPath parameter does not reference a valid timestamp")
        return max(0.0, until.timestamp() - now_ms / 1000)


def _whole_seconds(value: Any) -> float:
    # 1.0 is refused as 1.5 is: AWS parses a long (recorded for 1.5).
    if not _is_integer(value):
        raise _runtime("The SecondsPath parameter cannot be parsed as a long value")
    if value < 0:
        raise _runtime("The SecondsPath parameter references a negative value")
    return float(min(value, 99_999_999))


@dataclass(frozen=True, slots=True)
class SucceedState:
    name: str
    shaping: Shaping


@dataclass(frozen=True, slots=True)
class FailState:
    name: str
    error: str | None
    error_path: Getter | None
    cause: str | None
    cause_path: Getter | None

    def reason(self, value: Any, context: Context) -> tuple[str | None, str | None]:
        """Error and cause. Raises StateFailure."""
        error, cause = self.error, self.cause
        if self.error_path is not None:
            error = _text(self.error_path(value, context), "ErrorPath")
        if self.cause_path is not None:
            cause = _text(self.cause_path(value, context), "CausePath")
        return error, cause


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise _runtime(f"The {field} does not lead to a string.")
    return value


State = TaskState | PassState | ChoiceState | WaitState | SucceedState | FailState


@dataclass(frozen=True, slots=True)
class Program:
    """A checked document. State names are unique in all of it, branches included: one flat table."""

    start: str
    states: Mapping[str, State]
    timeout_seconds: int
    comment: str = ""
    version: str = "1.0"
