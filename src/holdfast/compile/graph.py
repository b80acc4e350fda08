"""From steps, which stand within one another, to states, which name each other.

    entry   what a step is entered by: the node of its state, or a jump to a named one
    after   what follows once it is done: the next step, or what follows the whole around it

The same step with the same way on is one node, wherever it is written; with another way on it is
another, under a name of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.steps.step import (
    Bare,
    Chain,
    Choose,
    Each,
    Parallel,
    Step,
    Succeed,
    Task,
    Work,
)

NODES_MAX: Final = 10_000
"""More states than AWS takes in one document, which has a mebibyte for them."""


class TooLarge(Exception):
    """More nodes than any document has."""


@dataclass(eq=False, slots=True)
class Node:
    """One step in one place. A `Goto` has a node too, but no state."""

    step: Step
    after: Node | None
    exits: list[Node] = field(default_factory=list)
    """Of a choice: where each rule leads, then its default. Otherwise: where each catcher does."""
    scopes: list[Scope] = field(default_factory=list)
    """The branches of a Parallel; the one of a Map."""
    name: str = ""


@dataclass(eq=False, slots=True)
class Scope:
    """States that can go on to each other: the document's own, a branch's, a Map's."""

    entry: Node | None = None
    nodes: list[Node] = field(default_factory=list)
    """In the order in which they were written."""
    known: dict[tuple[int, int], Node] = field(default_factory=dict)
    done: Node | None = None
    """The state in which a way ends that nothing follows, where one is needed."""


class Graph:
    """The nodes of a whole flow. `strangers`: what stands where a step should, and where.

    Raises TooLarge.
    """

    def __init__(self, flow: Step) -> None:
        self.strangers: list[tuple[str, Any]] = []
        self._count = 0
        self._functions: dict[int, Task] = {}
        self.scope = self._scope(flow, flow.place)

    def nodes(self) -> Iterator[Node]:
        """Every node, scope by scope."""
        todo = [self.scope]
        while todo:
            scope = todo.pop()
            yield from scope.nodes
            todo += [inner for node in reversed(scope.nodes) for inner in reversed(node.scopes)]

    def _scope(self, flow: Any, place: str) -> Scope:
        scope = Scope()
        scope.entry = self._enter(flow, None, scope, place)
        listed: dict[Node, None] = {}
        _list(scope.entry, frozenset(), listed)
        if scope.done is not None:
            listed[scope.done] = listed.pop(scope.done, None)
        scope.nodes = list(listed)
        return scope

    def _enter(self, step: Any, after: Node | None, scope: Scope, place: str) -> Node | None:
        """The node that `step` is entered by; `after` where there is no such step."""
        if isinstance(step, Chain):
            for part in reversed(step.parts):
                after = self._enter(part, after, scope, step.place)
            return after
        if isinstance(step, Bare):
            step, place = step.function, step.place
        if not isinstance(step, Step):
            if not callable(step):
                self.strangers.append((place, step))
                return after
            step = self._function(step, place)
        known = scope.known.get((id(step), id(after)))
        if known is None:
            self._count += 1
            if self._count > NODES_MAX:
                raise TooLarge
            known = scope.known[id(step), id(after)] = Node(step, after)
            self._inside(known, scope)
        return known

    def _function(self, function: Any, place: str) -> Task:
        """The one task of a bare function."""
        if id(function) not in self._functions:
            self._functions[id(function)] = Task(place=place, does=function)
        return self._functions[id(function)]

    def _inside(self, node: Node, scope: Scope) -> None:
        step, after = node.step, node.after
        if isinstance(step, Choose):
            for when in step.rules:
                node.exits.append(self._way(when.then, after, scope, when.place))
            node.exits.append(self._way(step.otherwise, after, scope, step.place))
        if isinstance(step, Work):
            for catch in step.catches:
                on = after if catch.rejoin or catch.then is None else None
                node.exits.append(self._way(catch.then, on, scope, catch.place))
        if isinstance(step, Parallel):
            node.scopes = [self._scope(branch, step.place) for branch in step.branches]
        if isinstance(step, Each):
            node.scopes = [self._scope(step.do, step.place)]

    def _way(self, step: Any, after: Node | None, scope: Scope, place: str) -> Node:
        """Where a way out leads. Where there is nothing more, to a state that ends."""
        entry = after if step is None else self._enter(step, after, scope, place)
        if entry is not None:
            return entry
        if scope.done is None:
            scope.done = Node(Succeed(place=place), None)
        return scope.done


def _list(node: Node | None, later: frozenset[Node], listed: dict[Node, None]) -> None:
    """Nodes in the order of the text: what two ways lead to comes after both."""
    while node is not None and node not in listed and node not in later:
        listed[node] = None
        stops = later if node.after is None else later | {node.after}
        for way in node.exits:
            _list(way, stops, listed)
        node = node.after
