"""The workflow of a webhook as an Amazon States Language document, as AWS would take it.

    handler             Verify -> Handle
    on("type")          Verify -> Route -> one state per function, or Default
    forward(url)        Verify -> Forward
    workflow=steps      Verify -> the steps
    workflow=...        the document as written, with Verify put in front where it is not there

All but the last are steps, composed by `flows.py`. Route asks in the order in which the functions
are declared, and the first pattern that fits wins: the file reads from top to bottom, as an if and
its elifs do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from holdfast.compile.flows import RESERVED as VERIFY
from holdfast.compile.flows import compose
from holdfast.compile.spot import Spot
from holdfast.steps import choose, field, goto, succeed, task, when
from holdfast.steps.step import Step, Task
from holdfast.steps.values import Condition
from holdfast.workflow import resources
from holdfast.workflow.asl import EXPRESS_SECONDS

VERIFY_RESOURCE: Final = f"${{{resources.VERIFY}}}"
OWN_STATES: Final = (VERIFY, "Route", "Ignore")

_ESCAPED: Final = re.compile(r"\\([*\\])")
_MARGIN_SECONDS: Final = 5
"""So that a slow task times out by its own limit, and the failure carries that state's name."""


def handle(path: str, name: str, timeout_seconds: float) -> dict[str, Any]:
    """One function works every event."""
    return finished(
        _one(_task(name, timeout_seconds, "Handle")), f"{path} -> {name}", timeout_seconds
    )


def forward(path: str, name: str, task_seconds: float, timeout_seconds: float) -> dict[str, Any]:
    """Another program works every event, in `task_seconds` at most."""
    flow = _task(name, task_seconds, "Forward")
    return finished(_one(flow), f"{path} -> another program", timeout_seconds)


def route(
    path: str,
    patterns: Sequence[tuple[str, str]],
    default: str | None,
    timeout_seconds: float,
) -> dict[str, Any]:
    """The event's type decides. `patterns`: pattern and task, in the order to ask."""
    tasks = {name: _task(name, timeout_seconds, name) for _, name in patterns}
    rest: Step = succeed(name="Ignore", comment="No function asked for this type")
    if default is not None:
        rest = tasks.get(default) or _task(default, timeout_seconds, default)
    flow = choose(
        # An event without a type has null there, and null cannot be compared.
        when(~field("type").is_string(), goto(str(rest.name))),
        *(when(matches(pattern), tasks[name]) for pattern, name in patterns),
        otherwise=rest,
        name="Route",
        comment="The first pattern that fits, in the order of the definition",
    )
    return finished(_one(flow), f"{path} by type of event", timeout_seconds)


def matches(pattern: str) -> Condition:
    """The condition for one pattern: `*` any run of characters, `\\*` and `\\\\` themselves."""
    if "*" in _ESCAPED.sub("", pattern):
        return field("type").matches(pattern)
    return field("type") == _ESCAPED.sub(r"\1", pattern)


def has_stray_backslash(pattern: str) -> bool:
    """The language knows a backslash before `*` or another backslash, and no other."""
    return "\\" in _ESCAPED.sub("", pattern)


def in_front(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with Verify as its first state; as it is where it has that already.

    Raises ValueError where another state has taken the name.
    """
    states = document.get("States")
    if not isinstance(states, dict) or not isinstance(document.get("StartAt"), str):
        return dict(document)  # the language's own check says what is missing
    first = states.get(document["StartAt"])
    if isinstance(first, dict) and first.get("Resource") == VERIFY_RESOURCE:
        return dict(document)
    if VERIFY in states:
        raise ValueError(
            f'a state is called "{VERIFY}", the name of the state that is put in front; '
            f'rename it, or start with it as a Task with Resource "{VERIFY_RESOURCE}"'
        )
    return {
        **document,
        "StartAt": VERIFY,
        "States": {VERIFY: _verify(document["StartAt"]), **states},
    }


def execution_seconds(timeout_seconds: float) -> int:
    """The limit of the whole execution, a little above that of its task."""
    return min(math.ceil(timeout_seconds) + _MARGIN_SECONDS, EXPRESS_SECONDS)


def finished(document: Mapping[str, Any], comment: str, timeout_seconds: float) -> dict[str, Any]:
    """A composed document with its comment, a limit on the whole, and Verify in front.

    Raises ValueError where another state is called Verify.
    """
    return in_front(
        {
            "Comment": comment,
            "StartAt": document["StartAt"],
            "TimeoutSeconds": execution_seconds(timeout_seconds),
            "States": document["States"],
        }
    )


def _one(flow: Step) -> dict[str, Any]:
    """The document of steps of our own, which are without mistakes."""
    return compose(Spot([], flow.place), flow, {}).document


def _verify(following: str) -> dict[str, Any]:
    return {"Type": "Task", "Resource": VERIFY_RESOURCE, "Next": following}


def _task(name: str, timeout_seconds: float, state: str) -> Task:
    limit = f"{math.ceil(timeout_seconds)}s"
    return task(f"${{{name}}}", name=state, timeout=limit, result="$")
