"""The functions that steps are written with. Each notes the line on which it is called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from holdfast.places import caller_place
from holdfast.steps.step import (
    Choose,
    Each,
    Fail,
    Function,
    Goto,
    Parallel,
    Put,
    Raw,
    Step,
    Succeed,
    Target,
    Task,
    Wait,
    When,
)
from holdfast.steps.values import Condition, Expr, Field, Intrinsic, field, is_wrapped

Assigned = Mapping[str, Any] | None


def task(
    does: Function | Target | str,
    *,
    input: Any = None,
    select: Any = None,
    result: str | Field | None = None,
    output: Any = None,
    assign: Assigned = None,
    timeout: str | Field | Expr | None = None,
    heartbeat: str | Field | Expr | None = None,
    name: str | None = None,
    comment: str | None = None,
) -> Task:
    """Call a Python function, or whatever a Resource of the language names.

    does: the function; a `Forward`, which carries the event to another program; or the Resource:
        `"${name}"` for one of the webhook's `tasks`, or the ARN of a Lambda function.
    input: what it is given: a path, or JSON with `field(...)` in it. Default: the data as it is.
    select: what its result is made into first: JSON with `field(...)` of the result in it.
    result: where in the data the result is put: `"payment"`; `"$"`: in the place of the data.
        Default: nowhere, the data goes on as it came; the last step's result is that of the
        whole, of its branch or its item.
    output: a path: the part of the data that goes on.
    assign: variables: `{"total": field("body.total")}`, read as `field("$total")`.
    timeout, heartbeat: `"20s"`, or a field that holds seconds.
    """
    return Task(
        place=caller_place(),
        does=does,
        input=_path(input),
        select=select,
        result=result,
        output=_path(output),
        assign=assign,
        timeout=timeout,
        heartbeat=heartbeat,
        name=name,
        comment=comment,
    )


def put(
    at: str | Field,
    value: Any,
    *,
    output: Any = None,
    assign: Assigned = None,
    name: str | None = None,
    comment: str | None = None,
) -> Put:
    """Put a value into the data: `put("vip", True)`, `put("id", field("body.id"))`.

    at: where; `"$"`: in the place of the data. value: a field, or JSON with fields in it.
    """
    return Put(
        place=caller_place(),
        at=at,
        value=value,
        output=_path(output),
        assign=assign,
        name=name,
        comment=comment,
    )


def assign(
    variables: Mapping[str, Any], *, name: str | None = None, comment: str | None = None
) -> Put:
    """Set variables, and leave the data as it is: `assign({"total": field("body.total")})`."""
    return Put(
        place=caller_place(), at=None, value=None, assign=variables, name=name, comment=comment
    )


def when(
    condition: Condition | Expr,
    then: Step | Function | None = None,
    *,
    assign: Assigned = None,
    output: Any = None,
) -> When:
    """One way out of a `choose` of several. Without `then`: on to what follows."""
    return When(caller_place(), condition, then, assign, output)


def choose(
    first: Condition | Expr | When,
    *more: When,
    then: Step | Function | None = None,
    otherwise: Step | Function | None = None,
    output: Any = None,
    assign: Assigned = None,
    name: str | None = None,
    comment: str | None = None,
) -> Choose:
    """The first way whose condition holds, otherwise the last one; afterwards they join again.

    choose(field("body.total") == 0, then=give, otherwise=charge) >> ship
    choose(when(field("type") == "a", a), when(field("type") == "b", b), otherwise=fail("Odd"))

    A way that is not given leads straight on.
    """
    place = caller_place()
    # What is no way is kept as the condition of one, and judged with everything else; so is a
    # `when` with a `then` beside it, which would never be taken.
    alone = isinstance(first, When) and then is None
    ways = (first if alone else When(place, first, then, None, None), *more)
    rules = (way if isinstance(way, When) else When(place, way, None, None, None) for way in ways)
    return Choose(
        place=place,
        rules=tuple(rules),
        otherwise=otherwise,
        output=_path(output),
        assign=assign,
        name=name,
        comment=comment,
    )


def parallel(
    *branches: Step | Function,
    input: Any = None,
    select: Any = None,
    result: str | Field | None = None,
    output: Any = None,
    assign: Assigned = None,
    name: str | None = None,
    comment: str | None = None,
) -> Parallel:
    """All branches at the same time, each on data of its own; the result is the list of theirs.

    `parallel(a >> b).catch(...)`, with one branch, catches what any step in it fails with.
    The other settings are those of `task`.
    """
    return Parallel(
        place=caller_place(),
        branches=branches,
        input=_path(input),
        select=select,
        result=result,
        output=_path(output),
        assign=assign,
        name=name,
        comment=comment,
    )


def each(
    items: Any,
    do: Step | Function,
    *,
    at_once: int | Field | Expr | None = None,
    tolerate: int | Field | Expr | None = None,
    tolerate_percentage: float | Field | Expr | None = None,
    item: Any = None,
    input: Any = None,
    select: Any = None,
    result: str | Field | None = None,
    output: Any = None,
    assign: Assigned = None,
    name: str | None = None,
    comment: str | None = None,
) -> Each:
    """The same steps for every item of a list; the result is the list of theirs, in its order.

    items: the path of the list. at_once: how many run at the same time; default: 40, as on AWS.
    tolerate, tolerate_percentage: how many items may fail. item: what the steps are given instead
    of the item: JSON with `field("$$.Map.Item.Value")` in it, and with fields of the data.
    The other settings are those of `task`.
    """
    return Each(
        place=caller_place(),
        items=_path(items),
        do=do,
        at_once=at_once,
        tolerate=tolerate,
        tolerate_percentage=tolerate_percentage,
        item=item,
        input=_path(input),
        select=select,
        result=result,
        output=_path(output),
        assign=assign,
        name=name,
        comment=comment,
    )


def wait(
    seconds: str | Field | Expr | None = None,
    *,
    until: str | datetime | Field | Expr | None = None,
    output: Any = None,
    assign: Assigned = None,
    name: str | None = None,
    comment: str | None = None,
) -> Wait:
    """`wait("10s")`, or a field that holds seconds; `wait(until=field("body.due"))`, a timestamp."""
    return Wait(
        place=caller_place(),
        seconds=seconds,
        until=until,
        output=_path(output),
        assign=assign,
        name=name,
        comment=comment,
    )


def succeed(output: Any = None, *, name: str | None = None, comment: str | None = None) -> Succeed:
    """End here, well. In a branch or an item, only that one ends."""
    return Succeed(place=caller_place(), output=_path(output), name=name, comment=comment)


def fail(
    error: type[BaseException] | str | Field | Intrinsic | Expr | None = None,
    cause: str | Field | Intrinsic | Expr | None = None,
    *,
    name: str | None = None,
    comment: str | None = None,
) -> Fail:
    """End here, with an error: a name, an exception class, or a field that holds a name."""
    return Fail(place=caller_place(), error=error, cause=cause, name=name, comment=comment)


def goto(name: str) -> Goto:
    """On to the state of that name, forth or back; in a branch, one of the same branch."""
    return Goto(place=caller_place(), to=name)


def raw(state: Mapping[str, Any], *, name: str | None = None) -> Raw:
    """A state written in the language itself. Without `Next` and `End`, the next step follows."""
    return Raw(place=caller_place(), state=state, name=name)


def _path(given: Any) -> Any:
    return field(given) if isinstance(given, str) and not is_wrapped(given) else given
