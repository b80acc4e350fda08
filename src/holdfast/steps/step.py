"""The steps of a workflow, as written: frozen, and without any effect until they are compiled.

Each knows the line where it stands, so that a mistake can be told there. `>>` puts one after
another; a function in the place of a step is a task that calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

from holdfast.places import caller_place, operand_place
from holdfast.steps.values import Expr, Field

Function = Callable[..., Any]
Errors = type[BaseException] | str | tuple[type[BaseException] | str, ...]
"""One or several, as `except` takes them: classes, or names such as `"States.Timeout"`."""


class Target(Protocol):
    """Another program: a `holdfast.Forward`."""

    @property
    def url(self) -> str: ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Step:
    """Anything that can stand in a workflow. `name`: the state's; default: from what it does."""

    place: str
    name: str | None = None
    comment: str | None = None

    def __rshift__(self, following: Step | Function) -> Chain:
        if not isinstance(following, Step) and not callable(following):
            return NotImplemented
        return Chain(place=self.place, parts=(*_parts(self), *_parts(following, operand_place())))

    def __rrshift__(self, before: Function) -> Chain:
        if not callable(before):
            return NotImplemented
        return Chain(place=self.place, parts=(*_parts(before, self.place), *_parts(self)))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Chain(Step):
    """Steps one after the other."""

    parts: tuple[Step, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Bare(Step):
    """A function in the place of a step: the same step wherever it stands."""

    function: Function


def _parts(step: Step | Function, place: str = "") -> tuple[Step, ...]:
    if isinstance(step, Chain):
        return step.parts
    return (step if isinstance(step, Step) else Bare(place=place, function=step),)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Goto(Step):
    """On to the state of that name, wherever in the same branch it stands."""

    to: str


@dataclass(frozen=True, slots=True)
class Retry:
    """What is tried again, how often, and how long after."""

    place: str
    errors: Errors
    attempts: int | None
    every: str | None
    backoff: float | None
    max_delay: str | None
    jitter: bool


@dataclass(frozen=True, slots=True)
class Catch:
    """Where an error goes. `then` None: on, as if there had been none."""

    place: str
    errors: Errors
    then: Step | Function | None
    result: str | Field | None
    assign: Mapping[str, Any] | None
    output: Any
    rejoin: bool


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Work(Step):
    """A step that can fail, and has a result: a task, branches, a loop over items."""

    input: Any = None
    select: Any = None
    result: str | Field | None = None
    output: Any = None
    assign: Mapping[str, Any] | None = None
    retries: tuple[Retry, ...] = ()
    catches: tuple[Catch, ...] = ()

    def retry(
        self,
        errors: Errors = Exception,
        *,
        attempts: int | None = None,
        every: str | None = None,
        backoff: float | None = None,
        max_delay: str | None = None,
        jitter: bool = False,
    ) -> Self:
        """This step, tried again after these errors; several `retry` are asked in order.

        errors: exception classes, or names; `Exception` is every error. attempts: retries, three
        where nothing is said; 0: none. every: before the first one, a second where nothing is
        said; before each further one `backoff` times as long (2.0), `max_delay` at most. jitter:
        a random part of that instead.
        """
        asked = Retry(caller_place(), errors, attempts, every, backoff, max_delay, jitter)
        return replace(self, retries=(*self.retries, asked))

    def catch(
        self,
        errors: Errors = Exception,
        then: Step | Function | None = None,
        *,
        result: str | Field | None = None,
        assign: Mapping[str, Any] | None = None,
        output: Any = None,
        rejoin: bool = False,
    ) -> Self:
        """This step, with another way on after these errors; several `catch` are asked in order.

        errors: as for `retry`. then: what follows, and is the end of this branch unless `rejoin`
        leads it back to the step that comes next. Nothing: that step itself, as if all were well.
        result: where in the data the error is put, an object of `Error` and `Cause`; `"$"`: in
        the place of the data; default: nowhere.
        """
        caught = Catch(caller_place(), errors, then, result, assign, output, rejoin)
        return replace(self, catches=(*self.catches, caught))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Task(Work):
    does: Any
    """A function, a `Forward`, or the Resource of the Task state: `${name}`, an ARN."""
    timeout: str | Field | Expr | None = None
    heartbeat: str | Field | Expr | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Parallel(Work):
    branches: tuple[Step | Function, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Each(Work):
    items: Any
    do: Step | Function
    at_once: int | Field | Expr | None = None
    tolerate: int | Field | Expr | None = None
    tolerate_percentage: float | Field | Expr | None = None
    item: Any = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Put(Step):
    """A value at a place of the data, variables, or both. `at` None: the data stays as it is."""

    at: str | Field | None
    value: Any
    output: Any = None
    assign: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class When:
    """One way out of a `Choose`. `then` None: on to what comes after it."""

    place: str
    condition: Any
    """A `Condition`, or an expression."""
    then: Step | Function | None
    assign: Mapping[str, Any] | None
    output: Any


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Choose(Step):
    rules: tuple[When, ...]
    otherwise: Step | Function | None
    output: Any = None
    assign: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Wait(Step):
    """Either `seconds` or `until` is given."""

    seconds: Any
    until: Any
    output: Any = None
    assign: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Succeed(Step):
    output: Any = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fail(Step):
    error: Any
    cause: Any


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Raw(Step):
    """A state as the language has it. Where it says no way on, the next step follows."""

    state: Mapping[str, Any]
