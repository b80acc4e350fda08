"""Whether the event is still there when a task wants it. Pure.

On AWS a function is handed its state's input and nothing else, so the event travels in there, as the
member `holdfast` (`holdfast.aws.contract`). A state that puts something else in the place of its
input leaves it behind, and a task further on that takes the event would find none. Locally it is
handed over all the same, so this has to be said before anything is deployed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from holdfast.aws.contract import CARRIED

_WORKING: Final = ("Task", "Map", "Parallel")
"""Types of states that put a result in the place of their input, unless told otherwise."""

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
    # Verify makes the input anew, whatever came.
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
        task = str(state.get("Resource", "")).removeprefix("${").removesuffix("}")
        if state.get("Type") == "Task" and task in takers and given is not None:
            yield Missing(name, task, given)
        for branch in state.get("Branches", ()):
            yield from _walk(branch, queries, given, takers)
        processor = state.get("ItemProcessor", state.get("Iterator"))
        if processor is not None:
            item = left_by if _mentions(state.get("ItemSelector", state.get("Parameters"))) else name
            yield from _walk(processor, queries, item, takers)
        waiting += _next(name, state, asks, left_by)


def _next(name: str, state: State, asks: bool, left_by: str | None) -> Iterator[_Arrival]:
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
    if asks:
        return "Arguments" not in state or _mentions(state["Arguments"])
    if state.get("Type") == "Task" and "Parameters" in state:
        return _mentions(state["Parameters"])
    return state.get("InputPath", "$") == "$"


def _keeps(state: State, asks: bool) -> bool:
    """Whether what leaves the state holds the event, if what came in did."""
    working = state.get("Type") in _WORKING
    if asks:
        return _output_keeps(state, otherwise=not working)
    if state.get("OutputPath", "$") != "$":
        return False
    shaped = "Result" in state or "Parameters" in state or state.get("InputPath", "$") != "$"
    if working or (state.get("Type") == "Pass" and shaped):
        return _placed(state) or _mentions(state.get("ResultSelector", state.get("Parameters")))
    return state.get("InputPath", "$") == "$"


def _placed(field: Mapping[str, Any]) -> bool:
    """Whether a result is put beside the input, or nowhere, instead of in its place."""
    return field.get("ResultPath", "$") != "$"


def _output_keeps(field: Mapping[str, Any], *, otherwise: bool) -> bool:
    return _mentions(field["Output"]) if "Output" in field else otherwise


def _mentions(template: Any) -> bool:
    """Whether it hands on the event: by name, or with the whole of its input."""
    text = json.dumps(template)
    return CARRIED in text or '"$"' in text or "$states.input" in text.replace("$states.input.", "")
