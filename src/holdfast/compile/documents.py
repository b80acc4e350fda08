"""The workflow of a webhook as an Amazon States Language document, as AWS would take it.

    handler             Verify -> Handle
    on("type")          Verify -> Route -> one state per function, or Default
    forward(url)        Verify -> Forward
    workflow=...        the document as written, with Verify put in front where it is not there

Route asks in the order in which the functions are declared, and the first pattern that fits wins:
the file reads from top to bottom, as an if and its elifs do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

VERIFY: Final = "Verify"
VERIFY_RESOURCE: Final = "${holdfast:verify}"
OWN_STATES: Final = (VERIFY, "Route", "Ignore")
EXECUTION_MAX_SECONDS: Final = 300
"""What AWS grants an Express execution."""

_ESCAPED: Final = re.compile(r"\\([*\\])")
_MARGIN_SECONDS: Final = 5
"""So that a slow task times out by its own limit, and the failure carries that state's name."""


def handle(path: str, task: str, timeout_seconds: float) -> dict[str, Any]:
    """One function works every event."""
    states = {"Handle": _task(task, timeout_seconds)}
    return _document(f"{path} -> {task}", "Handle", states, timeout_seconds)


def forward(path: str, task: str, task_seconds: float, timeout_seconds: float) -> dict[str, Any]:
    """Another program works every event, in `task_seconds` at most."""
    states = {"Forward": _task(task, task_seconds)}
    return _document(f"{path} -> another program", "Forward", states, timeout_seconds)


def route(
    path: str,
    patterns: Sequence[tuple[str, str]],
    default: str | None,
    timeout_seconds: float,
) -> dict[str, Any]:
    """The event's type decides. `patterns`: pattern and task, in the order to ask."""
    otherwise = default or "Ignore"
    untyped = {"Not": {"Variable": "$.type", "IsString": True}, "Next": otherwise}
    rules = [{"Variable": "$.type", **matches(pattern), "Next": task} for pattern, task in patterns]
    tasks = dict.fromkeys([task for _, task in patterns] + ([default] if default else []))
    states: dict[str, Any] = {
        "Route": {
            "Type": "Choice",
            "Comment": "The first pattern that fits, in the order of the definition",
            # An event without a type has null there, and null cannot be compared.
            "Choices": [untyped, *rules],
            "Default": otherwise,
        },
        **{task: _task(task, timeout_seconds) for task in tasks},
    }
    if default is None:
        states["Ignore"] = {"Type": "Succeed", "Comment": "No function asked for this type"}
    return _document(f"{path} by type of event", "Route", states, timeout_seconds)


def matches(pattern: str) -> dict[str, str]:
    """The comparison for one pattern: `*` any run of characters, `\\*` and `\\\\` themselves."""
    if "*" in _ESCAPED.sub("", pattern):
        return {"StringMatches": pattern}
    return {"StringEquals": _ESCAPED.sub(r"\1", pattern)}


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
    return min(math.ceil(timeout_seconds) + _MARGIN_SECONDS, EXECUTION_MAX_SECONDS)


def _document(
    comment: str, first: str, states: Mapping[str, Any], timeout_seconds: float
) -> dict[str, Any]:
    return {
        "Comment": comment,
        "StartAt": VERIFY,
        "TimeoutSeconds": execution_seconds(timeout_seconds),
        "States": {VERIFY: _verify(first), **states},
    }


def _verify(following: str) -> dict[str, Any]:
    return {"Type": "Task", "Resource": VERIFY_RESOURCE, "Next": following}


def _task(name: str, timeout_seconds: float) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"${{{name}}}",
        "TimeoutSeconds": math.ceil(timeout_seconds),
        "End": True,
    }
