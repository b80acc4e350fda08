"""What the tests of steps share: functions that stand for tasks, and the state of one step."""

from __future__ import annotations

from typing import Any

from holdfast import to_asl
from holdfast.steps import Step, succeed


def charge(input: Any) -> None: ...


def ship(input: Any) -> None: ...


def state(step: Step) -> dict[str, Any]:
    """The state of the step, where another one follows it."""
    document = to_asl(step >> succeed(name="After"))
    found: dict[str, Any] = document["States"][document["StartAt"]]
    assert found.pop("Next", "After") == "After"
    return found


TASK = {"Type": "Task", "Resource": "${charge}"}
KEPT = {**TASK, "ResultPath": None}
QUERY = {"Type": "Task", "QueryLanguage": "JSONata", "Resource": "${charge}"}
KEEP = {"Output": "{% $states.input %}"}
