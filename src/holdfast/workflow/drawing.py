"""A document of the Amazon States Language, drawn as a flowchart in Mermaid.

    Task  [rectangle]     Choice  {rhombus}     Succeed  ([stadium])
    Pass  (rounded)       Wait  >flag]          Fail  {{hexagon}}
    Parallel and Map  a box around their states

Arrows are ways on: dashed ones are taken by errors, and what is written on the others is when they
are taken. Whatever a document holds, Mermaid can read the drawing; what is no state is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_SHAPES: Final = {
    "Pass": ("(", ")"),
    "Choice": ("{", "}"),
    "Wait": (">", "]"),
    "Succeed": ("([", "])"),
    "Fail": ("{{", "}}"),
}
_RECTANGLE: Final = ("[", "]")
_START: Final = "start(( ))"
_FINISH: Final = "finish((( )))"

_PLAIN: Final = frozenset(" ,/=()\N{HORIZONTAL ELLIPSIS}")
"""Beside letters and digits, what means nothing to Mermaid within quotes."""

_PLAIN_WITHIN: Final = frozenset("_.-+")
"""What means nothing within a word; elsewhere it would begin a list, or a stress."""

_DIRECTION: Final = re.compile(r"d(?=irection\s)", re.IGNORECASE)
"""Mermaid takes the word for a command wherever a line has it, in quotes too."""

_NAME_MAX: Final = 80
_LABEL_MAX: Final = 48
_DEPTH_MAX: Final = 30
"""Boxes within each other, as many as the language has."""

_CONDITION_DEPTH_MAX: Final = 5

_COMPARED: Final = {
    "LessThanEquals": "<=",
    "GreaterThanEquals": ">=",
    "LessThan": "<",
    "GreaterThan": ">",
    "Equals": "=",
    "Matches": "matches",
}
"""How an operator ends, and how it is drawn; those that end others come after them."""


def draw(document: Mapping[str, Any]) -> str:
    """The drawing as Mermaid text."""
    lines = _scope(_Ids(), document, 1, ends=True)
    return "\n".join(["flowchart TD", *lines, ""])


@dataclass(slots=True)
class _Ids:
    """Mermaid's names for states: the language's own may hold anything."""

    last: int = 0

    def next(self) -> str:
        self.last += 1
        return f"s{self.last}"


@dataclass(frozen=True, slots=True)
class _Way:
    """An arrow to a state of the same scope."""

    to: str
    label: str = ""
    of_error: bool = False


def _scope(ids: _Ids, scope: Any, depth: int, *, ends: bool) -> list[str]:
    """The states of a scope and the arrows between them. `ends`: draw where it begins and ends."""
    states = _object(_object(scope).get("States"))
    found = (name for name, state in states.items() if isinstance(state, Mapping))
    known = {name: ids.next() for name in found if isinstance(name, str)}
    lines = []
    for name, id in known.items():
        lines += _state(ids, id, name, states[name], depth)
    pad, finished = "    " * depth, False
    start = known.get(_text(_object(scope).get("StartAt")))
    if ends and start is not None:
        lines.append(f"{pad}{_START} --> {start}")
    for name, id in known.items():
        for way in _ways(states[name]):
            if way.to in known:
                lines.append(f"{pad}{id} {_arrow(way)} {known[way.to]}")
        if ends and states[name].get("End") is True:
            lines.append(f"{pad}{id} --> {'finish' if finished else _FINISH}")
            finished = True
    return lines


def _state(ids: _Ids, id: str, name: str, state: Mapping[str, Any], depth: int) -> list[str]:
    pad, label = "    " * depth, f'"{_escaped(name, _NAME_MAX)}"'
    inner = list(_scopes(state)) if depth < _DEPTH_MAX else []
    if not inner:
        left, right = _SHAPES.get(_text(state.get("Type")), _RECTANGLE)
        return [f"{pad}{id}{left}{label}{right}"]
    lines = [f"{pad}subgraph {id}[{label}]"]
    for index, scope in enumerate(inner):
        if len(inner) == 1:
            lines += _scope(ids, scope, depth + 1, ends=False)
            continue
        said = _escaped(_text(scope.get("Comment")) or f"branch {index + 1}", _LABEL_MAX)
        lines.append(f'{pad}    subgraph {ids.next()}["{said}"]')
        lines += _scope(ids, scope, depth + 2, ends=False)
        lines.append(f"{pad}    end")
    return [*lines, f"{pad}end"]


def _scopes(state: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What stands within a Parallel or a Map, as far as it has states."""
    within = [state.get("ItemProcessor"), state.get("Iterator"), *_list(state.get("Branches"))]
    for scope in map(_object, within):
        if any(isinstance(one, Mapping) for one in _object(scope.get("States")).values()):
            yield scope


def _ways(state: Mapping[str, Any]) -> Iterator[_Way]:
    for rule in map(_object, _list(state.get("Choices"))):
        yield _Way(_text(rule.get("Next")), condition(rule))
    if "Default" in state:
        yield _Way(_text(state["Default"]), "otherwise")
    for catcher in map(_object, _list(state.get("Catch"))):
        errors = ", ".join(map(_text, _list(catcher.get("ErrorEquals"))))
        yield _Way(_text(catcher.get("Next")), errors, of_error=True)
    if "Next" in state:
        yield _Way(_text(state["Next"]))


def _arrow(way: _Way) -> str:
    line = "-.->" if way.of_error else "-->"
    label = _escaped(way.label, _LABEL_MAX)
    return f'{line}|"{label}"|' if label.strip() else line


def condition(rule: Mapping[str, Any], depth: int = 0) -> str:
    """In short words: `body.total = 0`."""
    if isinstance(rule.get("Condition"), str):
        return str(rule["Condition"]).removeprefix("{%").removesuffix("%}").strip()
    for name in ("And", "Or"):
        if name in rule:
            parts = (_within(part, depth) for part in _list(rule[name]))
            return f" {name.lower()} ".join(parts)
    inner = _object(rule.get("Not"))
    tested = next((name for name in inner if str(name).startswith("Is")), None)
    if tested is not None and inner[tested] is True:
        return _comparison({**inner, tested: False})
    return f"not {_within(inner, depth)}" if "Not" in rule else _comparison(rule)


def _within(part: Any, depth: int) -> str:
    """A condition as part of another, as deep as anybody reads."""
    rule = _object(part)
    if rule.keys().isdisjoint(("And", "Or", "Not")):
        return _comparison(rule)
    return f"({condition(rule, depth + 1)})" if depth < _CONDITION_DEPTH_MAX else "..."


def _comparison(rule: Mapping[str, Any]) -> str:
    variable = _path(rule.get("Variable"))
    for name, value in rule.items():
        if not isinstance(name, str):
            continue
        if name.startswith("Is"):
            return f"{variable} is {'' if value is True else 'not '}{name[2:].lower()}"
        operator, other = name.removesuffix("Path"), name.endswith("Path")
        for ending, sign in _COMPARED.items():
            if operator.endswith(ending):
                return f"{variable} {sign} {_path(value) if other else _literal(value)}"
    return variable


def _path(value: Any) -> str:
    return _text(value).removeprefix("$.")


def _literal(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return "..."


def _escaped(text: str, longest: int) -> str:
    """The text as Mermaid shows it, whatever stands in it: anything unusual as its number."""
    if len(text) > longest:
        text = f"{text[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"
    around = f" {text} "
    shown = (_shown(*around[at : at + 3]) for at in range(len(text)))
    return _DIRECTION.sub(lambda found: f"#{ord(found[0])};", "".join(shown)) or " "


def _shown(before: str, character: str, after: str) -> str:
    if character.isalnum() or character in _PLAIN:
        return character
    if character in _PLAIN_WITHIN and before.isalnum() and after.isalnum():
        return character
    if character.isspace():
        return " "
    visible = character.isprintable() and not "\ud800" <= character <= "\udfff"
    return f"#{ord(character) if visible else 0xFFFD};"


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
