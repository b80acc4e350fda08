"""Data on its way through one state: what it works on, what leaves it, what it leaves behind.

In JSONPath every stage looks at what the one before it made. In JSONata every field looks at
`$states`: the raw input, and once there is one, the result or the error. Variables that a state
assigns are seen from the next state on, by no field of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from holdfast.workflow.events import Scope, Snapshot, Thread
from holdfast.workflow.failures import DATA_LIMIT, StateFailure, too_deep
from holdfast.workflow.limits import VARIABLES_BYTES_MAX, fit, measure
from holdfast.workflow.paths import PATH_LENGTH_MAX
from holdfast.workflow.recovery import Catcher
from holdfast.workflow.states import PLAIN, Shaping
from holdfast.workflow.templates import Selection
from holdfast.workflow.timestamps import format_timestamp

_CONTEXT_BYTES: Final = 4_096
"""More than the context object weighs beside the execution's input."""

_PLACING_BYTES: Final = 16 * PATH_LENGTH_MAX
"""More than a ResultPath adds in names and braces."""

ROLE: Final = "arn:aws:iam::000000000000:role/holdfast"
"""AWS has one in every context object; here nobody takes it on."""

Sized = tuple[Any, int]
"""A value, and at least its bytes as JSON."""


class View:
    """What a state sees beside its data. Drawing counts in the snapshot, which is the turn's own."""

    __slots__ = ("_snapshot", "assigned", "last_id", "now_ms", "thread")

    assigned: Mapping[str, Any]
    """The variables that the state has set; only there once it has."""

    def __init__(self, snapshot: Snapshot, thread: Thread, now_ms: int, last_id: int) -> None:
        """`last_id`: the last event of the line, as far as this turn has come."""
        self._snapshot = snapshot
        self.thread = thread
        self.now_ms = now_ms
        self.last_id = last_id

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.thread["scope"]["variables"]

    def object(self) -> dict[str, Any]:
        snapshot, thread = self._snapshot, self.thread
        known: dict[str, Any] = {
            "Execution": {
                "Id": snapshot["name"],
                "Input": snapshot["input"],
                "StartTime": format_timestamp(snapshot["started_ms"]),
                "Name": snapshot["name"],
                "RoleArn": ROLE,
            },
            "StateMachine": {"Id": snapshot["machine"], "Name": snapshot["machine"]},
            "State": {
                "Name": thread["state"],
                "EnteredTime": format_timestamp(thread["entered_ms"]),
            },
        }
        if thread["retries"] is not None:
            known["State"]["RetryCount"] = sum(thread["retries"])
        item = thread["scope"]["item"]
        if item is not None:
            known["Map"] = {"Item": item}
        return laid_over(known, snapshot["context"]) if snapshot["context"] else known

    def draw(self) -> int:
        self._snapshot["draws"] += 1
        text = f"{self._snapshot['seed']}:{self._snapshot['draws']}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])

    def select(self, selection: Selection, value: Any, size: int) -> Sized:
        """Raises StateFailure."""
        try:
            selected = selection.get(value, self)
        except RecursionError:
            raise too_deep() from None
        if selection.from_data is None:
            return selected, measure(selected)
        bound = selection.fixed + selection.from_data * size
        if selection.from_context:
            if self._snapshot["context"] or self.thread["scope"]["item"] is not None:
                return selected, measure(selected)
            bound += selection.from_context * (self._snapshot["size"] + _CONTEXT_BYTES)
        return selected, bound


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Objects within objects are joined; anything else above wins."""
    joined = dict(below)
    for name, value in above.items():
        under = below.get(name)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            joined[name] = laid_over(under, value)
        else:
            joined[name] = value
    return joined


def effective_input(shaping: Shaping, view: View) -> Sized:
    """What the state works on. Raises StateFailure."""
    thread = view.thread
    value, size = thread["input"], thread["size"]
    if shaping is PLAIN:
        return value, size
    if shaping.queries:
        if shaping.parameters is not None:
            return view.select(shaping.parameters, {"input": value}, size)
        return value, size
    if shaping.input is not None:
        value, size = view.select(shaping.input, value, size)
    if shaping.parameters is not None:
        value, size = view.select(shaping.parameters, value, size)
    return value, size


def subject(shaping: Shaping, view: View, value: Any) -> Any:
    """What the state's own fields (Seconds, Condition, Items, ...) look at."""
    return {"input": view.thread["input"]} if shaping.queries else value


def leaving(shaping: Shaping, view: View, value: Any, size: int, *, worked: bool) -> Sized:
    """What goes on from what the state came to. Raises StateFailure.

    `worked`: `value` is the result of some work, not only what came in.
    """
    if shaping.queries:
        return _answered(shaping, view, value, size, worked=worked)
    if shaping.selector is not None:
        value, size = view.select(shaping.selector, value, size)
    if shaping.place is not None:
        thread = view.thread
        value = shaping.place(thread["input"], value)
        size += thread["size"] + _PLACING_BYTES
    if shaping.output is not None:
        value, size = view.select(shaping.output, value, size)
    return value, size


def _answered(shaping: Shaping, view: View, value: Any, size: int, *, worked: bool) -> Sized:
    if shaping.output is None:
        return value, size
    return view.select(shaping.output, _states(view, value, worked=worked), size)


def _states(view: View, value: Any, *, worked: bool) -> dict[str, Any]:
    """`$states`, but for its context, which expressions that ask for it get from the view."""
    known = {"input": view.thread["input"]}
    return known | {"result": value} if worked else known


def assigned(shaping: Shaping, view: View, value: Any, size: int, *, worked: bool) -> Scope:
    """The scope with the variables that the state assigns. Raises StateFailure."""
    if shaping.assign is None:
        return view.thread["scope"]
    data = _states(view, value, worked=worked) if shaping.queries else value
    return _scope(view, shaping.assign, data, size)


def error_output(error: str | None, cause: str | None) -> dict[str, str]:
    """What a failure is caught as; what it does not name is the empty string (recorded)."""
    return {"Error": error or "", "Cause": cause or ""}


def caught(
    catcher: Catcher, shaping: Shaping, view: View, error: dict[str, str]
) -> tuple[Any, int, Scope]:
    """What goes on from a failure. Raises StateFailure."""
    thread = view.thread
    size = sum(map(len, error.values())) * 6 + 32
    known: Any = {"input": thread["input"], "errorOutput": error} if shaping.queries else error
    scope = thread["scope"]
    if catcher.assign is not None:
        scope = _scope(view, catcher.assign, known, size)
    if catcher.output is not None:
        return *view.select(catcher.output, known, size), scope
    if catcher.place is None:
        return error, size, scope
    placed = catcher.place(thread["input"], error)
    return placed, size + thread["size"] + _PLACING_BYTES, scope


def _scope(view: View, assign: Selection, data: Any, size: int) -> Scope:
    thread = view.thread
    given, weight = view.select(assign, data, size)
    weight = fit(given, weight, f"The state/task '{thread['state']}' assigned variables")
    scope = thread["scope"]
    view.assigned = given
    variables = {**scope["variables"], **given}
    weight += scope["weight"]
    if weight > VARIABLES_BYTES_MAX:
        weight = measure(variables)
        if weight > VARIABLES_BYTES_MAX:
            cause = f"The variables are larger than {VARIABLES_BYTES_MAX} bytes together."
            raise StateFailure(DATA_LIMIT, cause)
    return {**scope, "variables": variables, "weight": weight}
