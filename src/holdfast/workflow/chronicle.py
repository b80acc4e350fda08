"""The history of an execution in AWS's vocabulary: what is told of each event, and at which level.

    id, previousEventId   as GetExecutionHistory numbers them; the first is 1, and before it is 0
    timestamp, type
    details               by the names of AWS's logs. Input, output, parameters and variables are the
                          values themselves, not JSON text, and nothing is cut
                          here (what is kept has bounds: `retained`).

Only where anybody asks for it is anything here made; the events are numbered in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdfast.definition import LogLevel
from holdfast.workflow.events import Command, Record
from holdfast.workflow.flow import View
from holdfast.workflow.states import State, TaskState
from holdfast.workflow.timestamps import format_timestamp

FATAL: Final = frozenset({"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"})
"""The types of events that AWS logs at level FATAL, and below those at level ERROR. `EvaluationFailed`
is not in its list; a failure it is."""

ERROR: Final = FATAL | {
    "EvaluationFailed",
    "FailStateEntered",
    "LambdaFunctionFailed",
    "LambdaFunctionTimedOut",
    "MapIterationAborted",
    "MapIterationFailed",
    "MapStateAborted",
    "MapStateFailed",
    "ParallelStateAborted",
    "ParallelStateFailed",
    "TaskFailed",
    "TaskStateAborted",
    "TaskTimedOut",
    "WaitStateAborted",
}

_TIMEOUTS: Final = ("States.Timeout", "States.HeartbeatTimeout")


def logged(level: LogLevel, type: str) -> bool:
    """Whether AWS logs events of this type at this level."""
    if level in ("ALL", "OFF"):
        return level == "ALL"
    return type in (FATAL if level == "FATAL" else ERROR)


class Chronicle:
    """Adds a `Record` to the commands for every event."""

    __slots__ = ("_commands", "_timestamp")

    def __init__(self, commands: list[Command], now_ms: int) -> None:
        self._commands = commands
        self._timestamp = format_timestamp(now_ms)

    def tell(self, id: int, previous: int, type: str, details: Mapping[str, Any]) -> None:
        event = {
            "id": id,
            "previousEventId": previous,
            "timestamp": self._timestamp,
            "type": type,
            "details": details,
        }
        self._commands.append(Record(event))

    def entered(self, id: int, previous: int, state: State, given: Any) -> None:
        details = {"name": state.name, "input": given}
        self.tell(id, previous, f"{type(state).__name__}Entered", details)

    def exited(self, id: int, state: State, view: View, output: Any) -> None:
        details = {"name": state.name, "output": output}
        if hasattr(view, "assigned"):
            details["assignedVariables"] = dict(view.assigned)
        self.tell(id, view.last_id, f"{type(state).__name__}Exited", details)

    def called(
        self,
        id: int,
        previous: int,
        state: TaskState,
        given: Any,
        limits: tuple[float | None, float | None],
    ) -> None:
        """Two events: a task is scheduled, and has started."""
        names = ("timeoutInSeconds", "heartbeatInSeconds")
        both = zip(names, limits, strict=True)
        within = {name: int(limit) for name, limit in both if limit is not None}
        service = state.integration
        if service is None:
            details = {"resource": state.resource, "input": given, **within}
            self.tell(id - 1, previous, "LambdaFunctionScheduled", details)
            self.tell(id, id - 1, "LambdaFunctionStarted", {})
            return
        resource = _resource(service)
        details = {**resource, "parameters": given, **within}
        self.tell(id - 1, previous, "TaskScheduled", details)
        self.tell(id, id - 1, "TaskStarted", resource)

    def succeeded(self, id: int, previous: int, state: TaskState, output: Any) -> None:
        service = state.integration
        if service is None:
            self.tell(id, previous, "LambdaFunctionSucceeded", {"output": output})
        else:
            details = {**_resource(service), "output": output}
            self.tell(id, previous, "TaskSucceeded", details)


def task_failure(state: TaskState, error: str | None, cause: str | None) -> tuple[str, Any]:
    """Type and details of what a failed call is told as."""
    service = state.integration
    kind = "LambdaFunction" if service is None else "Task"
    resource = {} if service is None else _resource(service)
    ending = "TimedOut" if error in _TIMEOUTS else "Failed"
    return f"{kind}{ending}", {**resource, **reason(error, cause)}


def evaluation(state: State, error: str, cause: str, location: str | None) -> tuple[str, Any]:
    """Type and details of what an expression that failed is told as."""
    details = {**reason(error, cause), "state": state.name}
    return "EvaluationFailed", details if location is None else {**details, "location": location}


def reason(error: str | None, cause: str | None) -> dict[str, str]:
    """Error and cause, where there are any."""
    both = {"error": error, "cause": cause}
    return {name: said for name, said in both.items() if said is not None}


def _resource(service: tuple[str, str]) -> dict[str, Any]:
    return {"resourceType": service[0], "resource": service[1]}
