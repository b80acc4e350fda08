"""Steps composed in Python as a document of the Amazon States Language.

Everything that a webhook does goes through here: workflows of steps, and handlers, `on` and
`forward`, which `documents.py` writes as steps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MethodType
from typing import Any, Final

import orjson

from holdfast.compile.bodies import PLAIN
from holdfast.compile.graph import NODES_MAX, Graph, Node, Scope, TooLarge
from holdfast.compile.languages import Fields
from holdfast.compile.spot import Spot, quoted, shown
from holdfast.compile.state_names import give_names
from holdfast.compile.states import Writing
from holdfast.errors import Mistake
from holdfast.steps.step import Choose, Each, Fail, Goto, Parallel, Raw, Step, Succeed, Task, Work
from holdfast.workflow.fields import below, meant

RESERVED: Final = "Verify"
"""The name of the state that is put in front."""

_NESTED: Final = "is nested too deep, or contains itself"


def _is_one(function: Any, other: Any) -> bool:
    """Whether they are the same; each look at a method makes a new object of it."""
    methods = isinstance(function, MethodType) and isinstance(other, MethodType)
    return function is other or (methods and function == other)


_ALONE: Final = ("Type", "Resource")
"""What is left of a state that cannot be written."""


@dataclass(slots=True)
class Composed:
    """A document, and what is known about it that it does not say itself."""

    document: dict[str, Any]
    work: dict[str, tuple[Any, Spot]] = field(default_factory=dict)
    """What its Task states name, functions above all, and where each first stands."""
    places: dict[str, Spot] = field(default_factory=dict)
    """By path in the document: whose mistake it is when the language finds one there."""

    def note(self, mistake: Mistake) -> None:
        """What the language finds wrong, told at the step that wrote it and the field within."""
        path = known = mistake.place if mistake.place != "the document" else ""
        while known not in self.places:
            known = known[: max(known.rfind("."), known.rfind("["), 0)]
        spot, rest = self.places[known], path[len(known) :].lstrip(".")
        if known == "":
            spot.wrong(f"{mistake.place}: {mistake.message}")
        else:
            (spot.under(rest) if rest else spot).wrong(mistake.message)


def compose(spot: Spot, flow: Step, tasks: Mapping[str, Any]) -> Composed:
    """The document of a flow; what is wrong is noted at the line of its step.

    tasks: what has a name already; any other function goes by its own.
    """
    whole = spot.at(flow.place, spot.field)
    try:
        return _Composing(whole, Graph(flow), tasks).done()
    except TooLarge:
        whole.wrong(f"has more than {NODES_MAX:,} states; no document holds so many")
    except RecursionError:
        whole.wrong(_NESTED)
    return Composed(_nothing(""), places={"": whole})


def _nothing(path: str) -> dict[str, Any]:
    """Stands for states whose mistakes are told already."""
    name = f"Nothing {path}"[-80:]
    return {"StartAt": name, "States": {name: {"Type": "Succeed"}}}


class _Composing:
    def __init__(self, spot: Spot, graph: Graph, tasks: Mapping[str, Any]) -> None:
        self._spot = spot
        self._graph = graph
        self._tasks = tasks
        self._composed = Composed({}, places={"": spot})
        self._work = self._composed.work

    def done(self) -> Composed:
        for place, stranger in self._graph.strangers:
            self._spot.at(place, self._spot.field).wrong(
                f"{quoted(stranger)} is not a step; write task(charge), or the function itself"
            )
        for node in self._graph.nodes():
            name = node.step.name
            if name is not None and (not isinstance(name, str) or not name):
                self._spot.at(node.step.place, "name").wrong(f"{quoted(name)} is not a name")
        for node, owner in give_names(self._graph, RESERVED):
            self._spot.at(node.step.place, str(node.step.name)).wrong(
                f"{shown(owner.step.place)} is called so already; a state's name is its own"
            )
        self._composed.document = self._scope(self._graph.scope, "")
        return self._composed

    def _at(self, node: Node) -> Spot:
        return self._spot.at(node.step.place, node.name)

    def _scope(self, scope: Scope, path: str) -> dict[str, Any]:
        nodes = [node for node in scope.nodes if not isinstance(node.step, Goto)]
        names = dict.fromkeys(node.name for node in nodes)
        nothing = _nothing(path)
        states: dict[str, Any] = {}
        for node in scope.nodes:
            if isinstance(node.step, Goto) and not self._is_there(node.step, names):
                node.name = nothing["StartAt"]
                states |= nothing["States"]
            elif isinstance(node.step, Goto):
                node.name = str(node.step.to)
        if scope.entry is None or not nodes:
            return nothing
        for node in nodes:
            here = below(f"{path}.States" if path else "States", node.name)
            states[node.name] = self._state(node, here)
        return {"StartAt": scope.entry.name, "States": states}

    def _is_there(self, goto: Goto, names: Collection[str]) -> bool:
        if isinstance(goto.to, str) and goto.to in names:
            return True
        listed = ", ".join(islice(names, 20)) or "none"
        self._spot.at(goto.place, "goto").wrong(
            f"no state {quoted(goto.to)} in the same branch{meant(goto.to, names)}; "
            f"there are: {listed}"
        )
        return False

    def _state(self, node: Node, path: str) -> Fields:
        try:
            writing = Writing(self._at(node), node.step, last=node.after is None)
            return self._whole(node, writing, path)
        except RecursionError:
            self._at(node).wrong(_NESTED)
            self._composed.places[path] = self._at(node).muted()
            return {"Type": "Pass", **_onward(node)}

    def _whole(self, node: Node, writing: Writing, path: str) -> Fields:
        step, spot = node.step, writing.spot
        self._composed.places[path] = spot
        resource = self._resource(step.does, self._at(node)) if isinstance(step, Task) else ""
        fields = self._plain(spot, writing.state(resource))
        if isinstance(step, Choose):
            return {**fields, **self._choices(node, step, writing, path)}
        if isinstance(step, Parallel):
            branches = enumerate(node.scopes)
            fields["Branches"] = [self._scope(one, f"{path}.Branches[{i}]") for i, one in branches]
        if isinstance(step, Each):
            fields["ItemProcessor"] = self._scope(node.scopes[0], f"{path}.ItemProcessor")
        if isinstance(step, Work):
            fields |= writing.retries() | self._catchers(node, step, writing, path)
        if isinstance(step, Raw):
            return fields if _leads_on(fields) else {**fields, **_onward(node)}
        return fields if isinstance(step, Succeed | Fail) else {**fields, **_onward(node)}

    def _choices(self, node: Node, step: Choose, writing: Writing, path: str) -> Fields:
        *ways, default = node.exits
        rules = []
        for index, (when, way) in enumerate(zip(step.rules, ways, strict=True)):
            spot = writing.spot.at(when.place, node.name)
            self._composed.places[f"{path}.Choices[{index}]"] = spot
            rules.append({**self._plain(spot, writing.rule(when)), "Next": way.name})
        return {"Choices": rules, "Default": default.name}

    def _catchers(self, node: Node, step: Work, writing: Writing, path: str) -> Fields:
        catchers = []
        for index, (catch, way) in enumerate(zip(step.catches, node.exits, strict=True)):
            spot = writing.spot.at(catch.place, f"{node.name}.catch")
            self._composed.places[f"{path}.Catch[{index}]"] = spot
            catchers.append({**self._plain(spot, writing.catcher(catch)), "Next": way.name})
        for index, retry in enumerate(step.retries):
            spot = writing.spot.at(retry.place, f"{node.name}.retry")
            self._composed.places[f"{path}.Retry[{index}]"] = spot
        return {"Catch": catchers} if catchers else {}

    def _resource(self, does: Any, spot: Spot) -> str:
        """The Resource as written, or the one that names the function."""
        if isinstance(does, str):
            return does
        own = getattr(does, "__name__", None) or re.sub(r"\W+", "_", spot.field)
        name = next((name for name, task in self._tasks.items() if _is_one(task, does)), str(own))
        known = self._work.setdefault(name, (does, spot))[0]
        if not _is_one(known, does):
            spot.wrong(
                f"another function of this webhook is called {name}; rename one, "
                'or name it: tasks={"...": ...}'
            )
        return f"${{{name}}}"

    def _plain(self, spot: Spot, fields: Fields) -> Fields:
        """A copy that nobody else holds, of JSON and nothing else."""
        try:
            copied: Fields = orjson.loads(orjson.dumps(fields, option=PLAIN))
            json.dumps(fields, allow_nan=False, default=str)  # NaN would be null without a word
        except (TypeError, ValueError) as error:
            deep = "recursion" in str(error).lower()
            spot.wrong(_NESTED if deep else f"holds something that is not JSON: {error}")
            return {name: fields[name] for name in _ALONE if isinstance(fields.get(name), str)}
        return copied


def _onward(node: Node) -> Fields:
    return {"End": True} if node.after is None else {"Next": node.after.name}


def _leads_on(state: Fields) -> bool:
    """Whether a state written by hand says itself what follows."""
    ends = state.get("Type") in ("Choice", "Succeed", "Fail")
    return ends or "Next" in state or "End" in state
