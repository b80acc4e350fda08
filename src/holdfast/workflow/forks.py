"""The Parallel and Map states under way, kept in the turn's own snapshot.

A snapshot is never changed, so a turn copies what it changes. Of a fork that is the fork itself and,
where a line ends, the chunk that its output belongs to: a Map over very many items costs a turn no
more than one over few.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, Final

from holdfast.workflow.events import Fork, Scope, Snapshot, Thread
from holdfast.workflow.flow import View, subject
from holdfast.workflow.limits import fit
from holdfast.workflow.states import MapState, ParallelState

CHUNK: Final = 256
"""Outputs that are copied at once: near the square root of the items that an input has room for."""


class Forks:
    """The forks of a snapshot, each copied before it is changed for the first time."""

    __slots__ = ("_all", "_now_ms", "_owned", "_snapshot")

    def __init__(self, snapshot: Snapshot, now_ms: int) -> None:
        self._snapshot = snapshot
        self._now_ms = now_ms
        self._all = snapshot["forks"] = snapshot["forks"].copy()
        self._owned: dict[str, Fork] = {}

    def open(self, id: str, fork: Fork) -> None:
        self._all[id] = self._owned[id] = fork

    def __getitem__(self, id: str) -> Fork:
        """This fork, to be changed."""
        fork = self._owned.get(id)
        if fork is None:
            fork = self._all[id] = self._owned[id] = self._all[id].copy()
        return fork

    def line(self, state: ParallelState | MapState, id: str) -> tuple[str, Any, int, Scope]:
        """The next line begins: where, with what of what size. Raises StateFailure."""
        fork = self[id]
        index, thread = fork["begun"], fork["thread"]
        fork["begun"] += 1
        fork["running"] += 1
        scope: Scope = {**thread["scope"], "fork": id, "index": index}
        if isinstance(state, ParallelState):
            return state.branches[index], fork["given"], fork["size"], scope
        items = fork["items"] or []
        scope["item"] = {"Index": index, "Value": items[index]}
        value, size = items[index], fork["size"]
        if state.selector is not None:
            view = View(self._snapshot, {**thread, "scope": scope}, self._now_ms, thread["last_id"])
            given = subject(state.shaping, view, fork["given"])
            value, size = view.select(state.selector, given, size)
            fit(value, size, f"The ItemSelector of '{state.name}' returned an input")
        return state.start, value, size, scope

    def close(self, id: str) -> Thread:
        """It is over; the thread of its state."""
        return self._all.pop(id)["thread"]

    def fell(self, id: str) -> tuple[Thread, set[str]]:
        """It has failed, and all within it: the thread of its state, and every fork that ended."""
        thread, doomed = self._all[id]["thread"], {id}
        # What is within another was opened after it.
        for inner, fork in self._all.items():
            if fork["thread"]["scope"]["fork"] in doomed:
                doomed.add(inner)
        for inner in doomed:
            del self._all[inner]
        return thread, doomed


def joined(fork: Fork, index: int, output: Any, size: int) -> None:
    """One of its lines came to this output."""
    number, place = divmod(index, CHUNK)
    chunks = fork["outputs"] = fork["outputs"].copy()
    chunk = chunks[number] = chunks[number].copy()
    chunk[place] = output
    fork["running"] -= 1
    fork["weight"] += size + 1


def opened(
    view: View, given: Any, size: int, items: list[Any] | None, count: int, width: int
) -> Fork:
    """A fork of `count` lines, none of them begun, of which none may fail."""
    return {
        "thread": {**view.thread, "awaits": "fork", "last_id": view.last_id},
        "given": given,
        "size": size,
        "items": items,
        "count": count,
        "outputs": [[None] * min(CHUNK, count - first) for first in range(0, count, CHUNK)],
        "weight": 2,
        "begun": 0,
        "running": 0,
        "failed": 0,
        "width": width,
        "tolerated": None,
    }


def outputs(fork: Fork) -> list[Any]:
    """What its lines came to, in their order."""
    return list(chain.from_iterable(fork["outputs"]))
