"""The way that one execution took: which states, how often, how long, with what. Pure.

Told from a history in AWS's vocabulary. Such a history names the state where one is entered or
exited, and the resource where a task is scheduled, succeeds or fails; a failure belongs to the state
of that resource that was entered last and not exited yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from holdfast.operate.graph import Edge, graph

Came = Literal["succeeded", "caught", "failed", "running"]
"""`caught`: it failed, and the workflow went on from there. `running`: the history ends in it."""


@dataclass(slots=True)
class Visit:
    """One passage through one state."""

    state: str
    type: str
    came: Came = "running"
    entered_at_ms: int | None = None
    exited_at_ms: int | None = None
    input: Any = None
    output: Any = None
    error: str | None = None
    cause: str | None = None
    tasks: int = 0
    """How often its task was called: more than once where it was retried."""
    resource: str | None = None

    @property
    def duration_ms(self) -> int | None:
        if self.entered_at_ms is None or self.exited_at_ms is None:
            return None
        return self.exited_at_ms - self.entered_at_ms


@dataclass(frozen=True, slots=True)
class Passage:
    """All of an execution's visits in order, and the ways between states that it went."""

    visits: tuple[Visit, ...] = ()
    edges: tuple[Edge, ...] = field(default=())

    def states(self) -> dict[str, Came]:
        """What each state that was passed came to, the last time."""
        return {visit.state: visit.came for visit in self.visits}


_ENTERED: Final = "StateEntered"
_EXITED: Final = "StateExited"
_SCHEDULED: Final = ("TaskScheduled", "LambdaFunctionScheduled")
_SUCCEEDED: Final = ("TaskSucceeded", "LambdaFunctionSucceeded")
_FAILED: Final = ("TaskFailed", "TaskTimedOut", "LambdaFunctionFailed", "LambdaFunctionTimedOut")


def passage(
    history: Sequence[Mapping[str, Any]], document: Mapping[str, Any] | None = None
) -> Passage:
    """The way through. `document`: the workflow, so that the ways between states can be told."""
    visits: list[Visit] = []
    # Those that are not exited, by identity: of a Map of thousands, few are under way at once.
    still: dict[int, Visit] = {}
    lines: dict[Any, Visit] = {}
    for event in history:
        details, type = event.get("details") or {}, str(event.get("type", ""))
        calling = lines.get(event.get("previousEventId"))
        visit = _take(still, type, details, _ms(event), calling)
        if type.endswith(_ENTERED) and visit is not None:
            visits.append(visit)
        if visit is not None:
            lines[event.get("id")] = visit
    if history and _is_failure(str(history[-1].get("type", ""))):
        details, at_ms = history[-1].get("details") or {}, _ms(history[-1])
        for visit in still.values():
            visit.came, visit.exited_at_ms = "failed", at_ms
        # The innermost is the one that failed; what it runs within has failed with it.
        last = next((one for one in reversed(visits) if one.came == "failed"), None)
        if last is not None and last.error is None:
            last.error, last.cause = details.get("error"), details.get("cause")
    edges = graph(document)["edges"] if document else ()
    return Passage(tuple(visits), tuple(_gone(visits, edges)))


def _take(
    still: dict[int, Visit],
    type: str,
    details: Mapping[str, Any],
    at_ms: int | None,
    calling: Visit | None,
) -> Visit | None:
    """The visit that the event belongs to. `calling`: that of the event before it in its line."""
    visit: Visit | None = calling
    if type.endswith(_ENTERED):
        visit = Visit(
            str(details.get("name", "?")),
            type.removesuffix(_ENTERED),
            entered_at_ms=at_ms,
            input=details.get("input"),
        )
        still[id(visit)] = visit
    elif type.endswith(_EXITED):
        if visit := _open(still, name=str(details.get("name", "?"))):
            del still[id(visit)]
            visit.came = "caught" if visit.error is not None else "succeeded"
            visit.exited_at_ms, visit.output = at_ms, details.get("output")
    elif type in _SCHEDULED:
        if visit := calling or _open(still):
            visit.tasks += 1
            visit.resource = details.get("resource")
    elif type in _SUCCEEDED:
        if visit := calling or _open(still, resource=details.get("resource")):
            visit.error = visit.cause = None
    elif type in _FAILED:
        if visit := calling or _open(still, resource=details.get("resource")):
            visit.error, visit.cause = str(details.get("error") or type), details.get("cause")
    elif type.endswith("StateFailed") and (
        visit := _open(still, type=type.removesuffix("StateFailed"))
    ):
        visit.error, visit.cause = str(details.get("error") or type), details.get("cause")
    return visit


def _open(
    still: dict[int, Visit],
    *,
    name: str | None = None,
    resource: str | None = None,
    type: str | None = None,
) -> Visit | None:
    """The one meant, of those that are not exited: the one that was entered last. Items of a Map share
    a name: first in, first out."""
    fitting = (
        one
        for one in (still.values() if name is not None else reversed(still.values()))
        if (name is None or one.state == name)
        and (resource is None or one.resource == resource)
        and (type is None or one.type == type)
    )
    return next(fitting, None)


def _is_failure(type: str) -> bool:
    return type in ("ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")


def _gone(visits: Sequence[Visit], edges: Iterable[Edge]) -> list[Edge]:
    """The ways that were gone: both ends were passed, one after the other."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    came: dict[str, set[str]] = {}
    for place, visit in enumerate(visits):
        first.setdefault(visit.state, place)
        last[visit.state] = place
        came.setdefault(visit.state, set()).add(visit.came)
    gone = []
    for edge in edges:
        source, target = edge["source"], edge["target"]
        if source not in first or target not in last or first[source] > last[target]:
            continue
        caught = "caught" in came[source]
        if edge["way"] == "catch" and not caught:
            continue
        if edge["way"] in ("next", "choice", "default") and came[source] <= {"caught", "failed"}:
            continue
        gone.append(edge)
    return gone


def _ms(event: Mapping[str, Any]) -> int | None:
    try:
        return round(datetime.fromisoformat(str(event["timestamp"])).timestamp() * 1000)
    except (KeyError, ValueError):
        return None
