"""What holds for the states of a scope together: where they lead, and whose variables are whose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from holdfast.errors import Mistake
from holdfast.workflow.fields import Fields, below


def check_ways(states: Fields, start: str, *, sound: bool) -> None:
    """Every state can be reached, and an end from the start.

    `sound`: nothing else is wrong with them, so that a missing end is no consequence of that.
    """
    reached, todo = {start}, [start]
    while todo:
        for name in _targets(states.value.get(todo.pop())):
            if name in states and name not in reached:
                reached.add(name)
                todo.append(name)
    for name in states.value:
        if name not in reached:
            states.mistake(name, "cannot be reached from StartAt")
    if sound and not any(_ends(states.value[name]) for name in reached):
        states.mistake("", "lead nowhere: no Succeed, Fail or End: true can be reached")


def check_variables(states: Fields, outer: frozenset[str]) -> frozenset[str]:
    """The variables that these states assign; none of them may be one of the scopes around.

    What only a catcher assigns is no such variable: AWS takes it within and without (recorded).
    """
    own = set()
    for name, place, by_catcher in _assigned(states):
        if name in outer:
            said = "is a variable of the scope around this one, which only that scope can assign"
            states.mistakes.append(Mistake(place, said))
        if not by_catcher:
            own.add(name)
    return frozenset(own)


def _sources(state: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The state itself, its rules and its catchers, and where each stands in it."""
    if not isinstance(state, dict):
        return
    yield "", state
    for field in ("Choices", "Catch"):
        listed = state.get(field)
        for index, each in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(each, dict):
                yield f".{field}[{index}]", each


def _targets(state: Any) -> list[str]:
    """Every state that this one can go on to."""
    named = [source.get("Next") for _, source in _sources(state)]
    default = state.get("Default") if isinstance(state, dict) else None
    return [name for name in (*named, default) if isinstance(name, str)]


def _ends(state: Any) -> bool:
    return isinstance(state, dict) and (
        state.get("End") is True or state.get("Type") in ("Succeed", "Fail")
    )


def _assigned(states: Fields) -> Iterator[tuple[str, str, bool]]:
    """Name, place, and whether a catcher does it."""
    for name, state in states.value.items():
        for where, source in _sources(state):
            given = source.get("Assign")
            for variable in given if isinstance(given, dict) else ():
                place = below(f"{states.place_of(name)}{where}.Assign", variable)
                yield variable.removesuffix(".$"), place, where.startswith(".Catch")
