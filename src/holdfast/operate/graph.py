"""A workflow as a graph that can be drawn: its states, and the ways between them. Pure.

States of branches and of a Map's items are nodes like any other, with the state that holds them as
their parent; names are unique over the whole document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from typing_extensions import TypedDict

from holdfast.workflow.drawing import condition

Way = Literal["next", "choice", "default", "catch", "branch", "item"]


class Node(TypedDict):
    name: str
    type: str
    resource: str | None
    parent: str | None
    branch: int
    """Of a Parallel: which of its branches; 0 otherwise."""
    start: bool
    end: bool
    comment: str | None
    retry: str | None
    """Which errors are tried again, and how often."""


class Edge(TypedDict):
    source: str
    target: str
    way: Way
    label: str | None
    """Which choice, or which errors."""


class Graph(TypedDict):
    nodes: list[Node]
    edges: list[Edge]


_ENDS: Final = frozenset({"Succeed", "Fail"})


def graph(document: Mapping[str, Any]) -> Graph:
    """The graph of an Amazon States Language document that was checked when it was loaded."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    for name, state, parent, branch, start in _states(document, None, 0):
        type = str(state.get("Type", ""))
        nodes.append(
            {
                "name": name,
                "type": type,
                "resource": state.get("Resource"),
                "parent": parent,
                "branch": branch,
                "start": start,
                "end": bool(state.get("End")) or type in _ENDS,
                "comment": state.get("Comment"),
                "retry": _retry(state),
            }
        )
        edges += _ways(name, state)
    return {"nodes": nodes, "edges": edges}


def _states(
    machine: Mapping[str, Any], parent: str | None, branch: int
) -> Iterator[tuple[str, Mapping[str, Any], str | None, int, bool]]:
    for name, state in machine.get("States", {}).items():
        yield name, state, parent, branch, name == machine.get("StartAt")
        for place, inner in enumerate(_machines(state)):
            yield from _states(inner, name, place)


def _machines(state: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What runs within it."""
    processor = state.get("ItemProcessor") or state.get("Iterator")
    branches: Sequence[Mapping[str, Any]] = state.get("Branches", ())
    return [processor] if processor else branches


def _ways(name: str, state: Mapping[str, Any]) -> Iterator[Edge]:
    def edge(target: Any, way: Way, label: str | None = None) -> Edge:
        return {"source": name, "target": str(target), "way": way, "label": label}

    if "Next" in state:
        yield edge(state["Next"], "next")
    for rule in state.get("Choices", ()):
        yield edge(rule["Next"], "choice", condition(rule))
    if "Default" in state:
        yield edge(state["Default"], "default")
    for catcher in state.get("Catch", ()):
        yield edge(catcher["Next"], "catch", ", ".join(catcher.get("ErrorEquals", ())))
    way: Way = "branch" if "Branches" in state else "item"
    for inner in _machines(state):
        yield edge(inner.get("StartAt"), way)


def _retry(state: Mapping[str, Any]) -> str | None:
    """What is tried again, and how often: three times where the state does not say."""
    told = []
    for rule in state.get("Retry", ()):
        count = rule.get("MaxAttempts", 3)
        often = {0: "never", 1: "once"}.get(count, f"up to {count} times")
        told.append(f"{', '.join(rule.get('ErrorEquals', ()))} {often}")
    return "; ".join(told) or None
