"""Names of states: given, or taken from what a step does; each once in the whole document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from holdfast.compile.graph import Graph, Node
from holdfast.steps.step import (
    Choose,
    Each,
    Fail,
    Goto,
    Parallel,
    Put,
    Raw,
    Step,
    Succeed,
    Task,
    Wait,
)
from holdfast.steps.values import Field

_ROOM: Final = 72
"""What a name of our own leaves for the number after it."""


def give_names(graph: Graph, reserved: str) -> list[tuple[Node, Node]]:
    """Name every node. `reserved`: a name that no step gets without asking for it.

    Gives each node that asks for a name which another step has, with that other step's.
    """
    states = [node for node in graph.nodes() if not isinstance(node.step, Goto)]
    owners: dict[str, Node] = {}
    clashes = []
    for node in states:
        name = node.step.name
        if not isinstance(name, str) or not name:
            continue
        owner = owners.setdefault(name, node)
        if owner is node:
            node.name = name
        elif owner.step is not node.step:
            clashes.append((node, owner))
    taken, counts = {*owners, reserved}, Counter[str]()
    for node in states:
        if not node.name:
            node.name = _free(_called(node.step), taken, counts)
            taken.add(node.name)
    return clashes


def _free(name: str, taken: set[str], counts: Counter[str]) -> str:
    """`charge`, then `charge 2`, `charge 3`."""
    name = name[:_ROOM].strip() or "state"
    while True:
        counts[name] += 1
        numbered = name if counts[name] == 1 else f"{name} {counts[name]}"
        if numbered not in taken:
            return numbered


def _called(step: Step) -> str:
    if isinstance(step.name, str) and step.name:
        return step.name
    match step:
        case Task():
            return _work(step.does)
        case Put(at=None):
            variables = step.assign if isinstance(step.assign, Mapping) else {}
            return f"Assign {', '.join(map(str, variables))}"
        case Put():
            return f"Put {step.at}"
        case Choose():
            return "Choose"
        case Wait():
            return _waits(step)
        case Parallel():
            return "Parallel"
        case Each():
            return f"Each {_shown(step.items)}"
        case Fail():
            error = step.error
            return error.__name__ if isinstance(error, type) else _shown(error) or "Fail"
        case Succeed():
            return "Done"
        case Raw():
            kind = step.state.get("Type") if isinstance(step.state, Mapping) else None
            return kind if isinstance(kind, str) else "State"
        case _:
            return type(step).__name__


def _work(does: Any) -> str:
    """`charge` of the function, of `${charge}` and of `arn:aws:lambda:...:function:charge`."""
    if isinstance(does, str):
        return re.sub(r"[${}]", "", does).rpartition(":")[2]
    return str(getattr(does, "__name__", type(does).__name__))


def _waits(step: Wait) -> str:
    if step.until is not None:
        return f"Wait until {_shown(step.until) or 'then'}"
    return f"Wait {_shown(step.seconds) or 'a while'}"


def _shown(value: Any) -> str:
    """A path without its root, a text as it is, nothing of anything else."""
    if isinstance(value, Field):
        return str(value.path).removeprefix("$.")
    return value if isinstance(value, str) else ""
