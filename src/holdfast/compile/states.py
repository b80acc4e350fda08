"""One step as one state of the language, all but its name and the ways that lead on from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from holdfast.compile.error_names import error_names
from holdfast.compile.in_paths import Paths
from holdfast.compile.in_queries import Queries
from holdfast.compile.languages import Fields, Language, is_query, language_of
from holdfast.compile.spot import Spot, quoted
from holdfast.compile.values import duration
from holdfast.steps.step import (
    Catch,
    Choose,
    Each,
    Fail,
    Parallel,
    Put,
    Raw,
    Retry,
    Step,
    Succeed,
    Task,
    Wait,
    When,
    Work,
)
from holdfast.steps.values import Field

LONGEST: Final = "5m"
"""What AWS grants an Express execution; nothing in it can last longer."""

_TYPES: Final[Mapping[type[Step], str]] = {
    Task: "Task",
    Put: "Pass",
    Choose: "Choice",
    Wait: "Wait",
    Succeed: "Succeed",
    Fail: "Fail",
    Parallel: "Parallel",
    Each: "Map",
}
_HOLDERS: Final = (
    *("input", "select", "output", "assign", "timeout", "heartbeat", "value", "seconds", "until"),
    *("items", "item", "at_once", "tolerate", "tolerate_percentage", "error", "cause"),
)
"""The settings in which a path or an expression may stand."""
_BOTH: Final = (
    "expr(...) is JSONata, but paths, field(...) and intrinsic(...) are JSONPath, and a step is "
    'written in one of them; write expr("$states.input.body.total")'
)


class Writing:
    """A step as it is written down, in the one language that its values are in.

    last: whether nothing follows it, so that its result is that of the whole. `spot` is where
    its mistakes are told; nowhere, where the languages are mixed and others only follow from that.
    """

    def __init__(self, spot: Spot, step: Step, *, last: bool) -> None:
        language = language_of(_values(step))
        if language == "both":
            spot.wrong(_BOTH)
            spot = spot.muted()
        self.spot = spot
        self._step = step
        self._last = last
        self._queries = language == "JSONata"
        self._say: Language = Queries() if self._queries else Paths()

    def state(self, resource: str) -> Fields:
        """What stands in the state itself. `resource`: of a task."""
        step = self._step
        if isinstance(step, Raw):
            return self._raw(step)
        comment = {} if step.comment is None else {"Comment": step.comment}
        language = {"QueryLanguage": "JSONata"} if self._queries else {}
        return {"Type": _TYPES[type(step)], **comment, **language, **self._own(resource)}

    def retries(self) -> Fields:
        """`Retry`, in the order in which they were written."""
        step = self._step
        if not isinstance(step, Work) or not step.retries:
            return {}
        return {"Retry": [_retrier(self._at(one, "retry"), one) for one in step.retries]}

    def catcher(self, catch: Catch) -> Fields:
        """A catcher without its Next."""
        spot = self._at(catch, "catch")
        return {
            "ErrorEquals": error_names(spot, catch.errors),
            **self._assign(spot, catch.assign),
            **self._say.caught(spot, _place(spot.under("result"), catch.result), catch.output),
        }

    def rule(self, when: When) -> Fields:
        """A rule of a choice without its Next."""
        spot = self.spot.at(when.place, self.spot.field)
        return {
            **self._say.rule(spot, when.condition),
            **self._assign(spot, when.assign),
            **self._say.left(spot, when.output),
        }

    def _own(self, resource: str) -> Fields:
        spot, say = self.spot, self._say
        match self._step:
            case Task() as step:
                return {"Resource": resource, **self._limits(step), **self._flow(step)}
            case Each() as step:
                return {**say.items(spot, step.items), **self._numbers(step), **self._flow(step)}
            case Parallel() as step:
                return self._flow(step)
            case Put() as step:
                at = _place(spot.under("at"), step.at)
                put = {} if at is None else say.put(spot, at, step.value, step.output)
                return {**put, **self._assign(spot, step.assign)}
            case Wait() as step:
                waiting, passed = self._waiting(step), say.passed(spot, step.output)
                return {**waiting, **passed, **self._assign(spot, step.assign)}
            case Choose() as step:
                return {**say.passed(spot, step.output), **self._assign(spot, step.assign)}
            case Succeed() as step:
                return say.passed(spot, step.output)
            case Fail() as step:
                return {**self._reason("Error", step.error), **self._reason("Cause", step.cause)}
            case step:
                raise TypeError(type(step).__name__)

    def _raw(self, step: Raw) -> Fields:
        if isinstance(step.state, Mapping):
            return dict(step.state)
        self.spot.wrong(f'{quoted(step.state)} is not a state; write raw({{"Type": "Pass"}})')
        return {"Type": "Pass"}

    def _flow(self, step: Work) -> Fields:
        """How data goes in and out of what has a result."""
        spot = self.spot
        place = _place(spot.under("result"), step.result)
        if place is None and self._last:
            place = "$"
        if step.select is not None and place is None and step.output is None:
            spot.under("select").wrong('the result goes nowhere; say where with result="..."')
        return {
            **self._say.given(spot, step.input),
            **self._say.kept(spot, place, step.select, step.output),
            **self._assign(spot, step.assign),
        }

    def _assign(self, spot: Spot, variables: Any) -> Fields:
        return {} if variables is None else self._say.assigned(spot, variables)

    def _limits(self, step: Task) -> Fields:
        timeout, heartbeat = self.spot.under("timeout"), self.spot.under("heartbeat")
        return {
            **self._seconds(timeout, "TimeoutSeconds", step.timeout, at_least="1s"),
            **self._seconds(heartbeat, "HeartbeatSeconds", step.heartbeat, at_least="1s"),
        }

    def _waiting(self, step: Wait) -> Fields:
        if (step.seconds is None) == (step.until is None):
            self.spot.wrong('write wait("10s"), or wait(until=field("body.due")); one of the two')
            return {"Seconds": 0}
        if step.until is not None:
            return self._say.amount(self.spot.under("until"), "Timestamp", step.until)
        spot = self.spot.under("seconds")
        return self._seconds(spot, "Seconds", step.seconds, at_least="0s") or {"Seconds": 0}

    def _seconds(self, spot: Spot, field: str, value: Any, *, at_least: str) -> Fields:
        if value is None:
            return {}
        if isinstance(value, Field) or is_query(value):
            return self._say.amount(spot, field, value)
        return _whole_seconds(spot, field, value, at_least=at_least)

    def _numbers(self, step: Each) -> Fields:
        fields = self._say.item(self.spot, step.item)
        for name, field, value in (
            ("at_once", "MaxConcurrency", step.at_once),
            ("tolerate", "ToleratedFailureCount", step.tolerate),
            ("tolerate_percentage", "ToleratedFailurePercentage", step.tolerate_percentage),
        ):
            if value is not None:
                fields |= self._say.amount(self.spot.under(name), field, value)
        return fields

    def _reason(self, field: str, value: Any) -> Fields:
        if value is None:
            return {}
        if isinstance(value, type) and issubclass(value, BaseException):
            value = value.__name__
        return self._say.amount(self.spot.under(field.lower()), field, value)

    def _at(self, part: Retry | Catch, field: str) -> Spot:
        return self.spot.at(part.place, f"{self.spot.field}.{field}")


def _values(step: Step) -> Iterator[Any]:
    for name in _HOLDERS:
        yield getattr(step, name, None)
    for catch in getattr(step, "catches", ()):
        yield from (catch.assign, catch.output)
    for when in getattr(step, "rules", ()):
        yield from (when.condition, when.assign, when.output)


def _place(spot: Spot, value: Any) -> str | None:
    """Where in the data something is put, as a path."""
    if isinstance(value, Field):
        value = value.path
    if value is None or isinstance(value, str):
        return value
    spot.wrong(f'{quoted(value)} is not a place in the data; write "payment"')
    return None


def _retrier(spot: Spot, retry: Retry) -> Fields:
    every = _whole_seconds(spot.under("every"), "IntervalSeconds", retry.every)
    longest = _whole_seconds(spot.under("max_delay"), "MaxDelaySeconds", retry.max_delay)
    numbers = {"MaxAttempts": retry.attempts, "BackoffRate": retry.backoff}
    return {
        "ErrorEquals": error_names(spot, retry.errors),
        **every,
        **{name: number for name, number in numbers.items() if number is not None},
        **longest,
        **({"JitterStrategy": "FULL"} if retry.jitter else {}),
    }


def _whole_seconds(spot: Spot, field: str, value: object, *, at_least: str = "1s") -> Fields:
    """Of a duration such as `"20s"`: the language counts whole seconds."""
    if value is None:
        return {}
    known = len(spot.found)
    seconds = duration(spot, value, at_least=at_least, at_most=LONGEST)
    if len(spot.found) == known and seconds != int(seconds):
        spot.wrong(f"{quoted(value)} is not a whole number of seconds")
    return {field: int(seconds)} if len(spot.found) == known else {}
