"""Whether the event is still there when a task wants it. Pure.

On AWS a function is handed its state's input and nothing else, so the event travels in there, as the
member `holdfast` (`holdfast.aws.contract`). A state that puts something else in the place of its
input leaves it behind, and a task further on that takes the event would find none. Locally it is
handed over all the same, so this has to be said before anything is deployed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from holdfast.aws.contract import CARRIED
from holdfast.workflow.asl import VERIFY
from holdfast.workflow.references import NAMED

_WORKING: Final = ("Task", "Map", "Parallel")
"""Types of states that put a result in the place of their input, unless told otherwise."""

_WHOLE_INPUT: Final = re.compile(r"\$states\.input(?![\w.\[])")

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Missing:
    """A state whose task takes the event, and the state that may have left it behind."""

    state: str
    task: str
    left_by: str


class _Arrival(NamedTuple):
    """A state as it is reached; `left_by`: who left the event behind; None: it is there."""

    state: str
    left_by: str | None


def missing(document: Mapping[str, Any], takers: Collection[str]) -> list[Missing]:
    """Every state that may be reached without the event it needs. `takers`: tasks that take it."""
    queries = document.get("QueryLanguage") == "JSONata"
    found = _walk(document, queries, None, takers)
    return list(dict.fromkeys(found))


def _walk(
    machine: Mapping[str, Any], queries: bool, left_by: str | None, takers: Collection[str]
) -> Iterator[Missing]:
    states: Mapping[str, State] = machine["States"]
    waiting, seen = [_Arrival(machine["StartAt"], left_by)], set[_Arrival]()
    while waiting:
        arrival = waiting.pop()
        if arrival in seen or arrival.state not in states:
            continue
        seen.add(arrival)
        name, left_by = arrival
        state = states[name]
        asks = state.get("QueryLanguage", "JSONata" if queries else "JSONPath") == "JSONata"
        given = left_by if _hands_over(state, asks) else left_by or name
        task = task_of(state)
        if task is not None and task in takers and given is not None:
            yield Missing(name, task, given)
        for branch in state.get("Branches", ()):
            yield from _walk(branch, queries, given, takers)
        processor = state.get("ItemProcessor", state.get("Iterator"))
        if processor is not None:
            item = (
                left_by if _mentions(state.get("ItemSelector", state.get("Parameters"))) else name
            )
            yield from _walk(processor, queries, item, takers)
        waiting += _next(name, state, asks, left_by)


def _next(name: str, state: State, asks: bool, left_by: str | None) -> Iterator[_Arrival]:
    # Verify puts the event there, whatever came in.
    if task_of(state) == VERIFY:
        after = None
    else:
        after = left_by if _keeps(state, asks) else left_by or name
    if "Next" in state:
        yield _Arrival(state["Next"], after)
    for choice in state.get("Choices", ()):
        kept = not asks or _output_keeps(choice, otherwise=True)
        yield _Arrival(choice["Next"], after if kept else left_by or name)
    if "Default" in state:
        yield _Arrival(state["Default"], after)
    for catcher in state.get("Catch", ()):
        kept = _output_keeps(catcher, otherwise=False) if asks else _placed(catcher)
        yield _Arrival(catcher["Next"], left_by if kept else left_by or name)


def _hands_over(state: State, asks: bool) -> bool:
    """Whether the task is handed the event, if the state's input holds it."""
    given = state.get("Arguments" if asks else "Parameters")
    if str(state.get("Resource", "")).endswith(":lambda:invoke"):
        whole = isinstance(given, Mapping) and given.get("Payload.$") == "$"
        given = given.get("Payload") if isinstance(given, Mapping) else None
        return whole or _mentions(given)
    if state.get("Type") == "Task" and given is not None:
        return _mentions(given)
    return asks or _plain(state, "InputPath")


def _keeps(state: State, asks: bool) -> bool:
    """Whether what leaves the state holds the event, if what came in did."""
    working = state.get("Type") in _WORKING
    if asks:
        return _output_keeps(state, otherwise=not working)
    if not _plain(state, "OutputPath"):
        return False
    shaped = "Result" in state or "Parameters" in state or not _plain(state, "InputPath")
    if working or (state.get("Type") == "Pass" and shaped):
        return _placed(state) or (not working and _mentions(state.get("Parameters")))
    return _plain(state, "InputPath")


def _plain(state: State, path: str) -> bool:
    """Whether the whole goes through, as it does where nothing is said."""
    return bool(state.get(path, "$") == "$")


def _placed(field: Mapping[str, Any]) -> bool:
    """Whether a result is put beside the input, or nowhere, instead of in its place."""
    return not _plain(field, "ResultPath")


def _output_keeps(field: Mapping[str, Any], *, otherwise: bool) -> bool:
    return _mentions(field["Output"]) if "Output" in field else otherwise


def _mentions(template: Any) -> bool:
    """Whether it hands on the event: as a member of its own name, or with the whole of the input."""
    if isinstance(template, Mapping):
        return CARRIED in template or f"{CARRIED}.$" in template
    return isinstance(template, str) and _WHOLE_INPUT.search(template) is not None


def task_of(state: State) -> str | None:
    """The task that a state calls by its name; None: it calls something else."""
    resource = state.get("Resource", "")
    if resource.endswith(":lambda:invoke"):
        given = state.get("Parameters", state.get("Arguments"))
        resource = given.get("FunctionName", "") if isinstance(given, Mapping) else ""
    named = NAMED.fullmatch(resource) if isinstance(resource, str) else None
    return named[1] if named else None
