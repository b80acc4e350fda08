"""Variables and their scopes: what stands within a Parallel or Map sees those around, and sets none.

AWS keeps the names of scopes within each other apart; branches side by side may use the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from holdfast.workflow.fields import Fields


def read_variables(states: Fields, around: frozenset[str]) -> frozenset[str]:
    """The names that may not be set further within: those around, and those that these states set.

    Notes a mistake wherever one of these states sets a name of those around.
    """
    own: set[str] = set()
    for assign in _assigns(states):
        for key in assign.value:
            name = key.removesuffix(".$")
            own.add(name)
            if name in around:
                assign.mistake(key, "is a variable of the scope around, and cannot be set in here")
    return around | own


def _assigns(states: Fields) -> Iterator[Fields]:
    """Every Assign of the scope: of its states, of their rules and of their catchers."""
    for name, state in states.value.items():
        if not isinstance(state, dict):
            continue
        place = states.place_of(name)
        parts: list[tuple[Any, str]] = [(state, place)]
        for field in ("Choices", "Catch"):
            listed = state.get(field)
            for index, part in enumerate(listed if isinstance(listed, list) else ()):
                parts.append((part, f"{place}.{field}[{index}]"))
        for part, here in parts:
            assign = part.get("Assign") if isinstance(part, dict) else None
            if isinstance(assign, dict):
                yield Fields(assign, f"{here}.Assign", states.mistakes)
