"""Paths that lead nowhere, each in the words that AWS has for the field where it stands.

Given the path, the data at hand and what the path was followed in (the same, or the context object,
or the variables by name).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.workflow.failures import RUNTIME, StateFailure, as_json
from holdfast.workflow.paths import Miss, Path


def invalid_path(path: Path, _data: Any, seen: Any) -> StateFailure:
    """InputPath, OutputPath, and the paths to a number."""
    return StateFailure(RUNTIME, f"Invalid path '{path.text}' : {_detail(path, seen)}")


def in_condition(path: Path, _data: Any, _seen: Any) -> StateFailure:
    """Variable of a Choice, and the paths that it is compared with."""
    said = "The choice state's condition path references an invalid value."
    return StateFailure(RUNTIME, f"Invalid path '{path.text}': {said}")


def in_items(path: Path, data: Any, _seen: Any) -> StateFailure:
    """ItemsPath."""
    step = path.steps[-1] if path.steps else path.origin
    name = as_json(step if isinstance(step, str | int) else path.text)
    cause = f"Unable to apply step {name} to input {as_json(data)}"
    return StateFailure("States.ReferencePathConflict", cause)


def in_parameter(field: str) -> Miss:
    """SecondsPath and TimestampPath."""

    def miss(path: Path, _data: Any, _seen: Any) -> StateFailure:
        said = f"The {field} parameter does not reference an input value: {path.text}"
        return StateFailure(RUNTIME, said)

    return miss


def in_template(field: str, error: str) -> Miss:
    """A field of a payload template, and the paths of a Fail state."""

    def miss(path: Path, _data: Any, seen: Any) -> StateFailure:
        where = f"The JSONPath '{path.text}' specified for the field '{field}'"
        return StateFailure(error, f"{where} could not be found in the input '{as_json(seen)}'")

    return miss


def in_function(text: str, error: str) -> Miss:
    """An argument of an intrinsic function; AWS quotes the outermost call, whole."""

    def miss(path: Path, data: Any, _seen: Any) -> StateFailure:
        # A path into the context object is quoted without its second $.
        name = path.text.removeprefix("$") if path.origin == "$$" else path.text
        said = f"The JsonPath argument for the field '{name}' could not be found in the input"
        cause = f"The function '{text}' had the following error: {said} '{as_json(data)}'"
        return StateFailure(error, cause)

    return miss


def _detail(path: Path, seen: Any) -> str:
    """What Jayway's JSONPath, which AWS uses, says about it."""
    steps, way = path.steps, "$"
    if path.origin not in ("$", "$$"):
        steps = (path.origin, *steps)
    for place, step in enumerate(steps):
        if isinstance(step, str):
            if not isinstance(seen, Mapping):
                return f"Expected to find an object with property ['{step}'] in path {way}"
            way += f"['{step}']"
            if step not in seen:
                last = place == len(steps) - 1
                return f"{'No results for path:' if last else 'Missing property in path'} {way}"
        elif isinstance(step, int):
            if not isinstance(seen, list):
                return f"Filter: [{step}] can only be applied to arrays. Current context is: " + (
                    as_json(seen)
                )
            way += f"[{step}]"
            if not -len(seen) <= step < len(seen):
                return f"No results for path: {way}{_written(steps[place + 1 :])}"
        else:
            break
        seen = seen[step]
    return f"No results for path: {path.text}"


def _written(steps: tuple[Any, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in steps)
