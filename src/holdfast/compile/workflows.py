"""A workflow by itself, without a definition around it: checked, composed, read from a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from holdfast.compile.flows import compose
from holdfast.compile.json_text import parse
from holdfast.compile.spot import Spot, by_line, shown
from holdfast.errors import DefinitionError, Mistake
from holdfast.steps.step import Step
from holdfast.workflow import asl

Workflow = Mapping[str, Any] | Step | Path | str
"""A document, its JSON text, a file that has it, or steps."""


def check_workflow(workflow: Workflow, tasks: Collection[str] | None = None) -> list[Mistake]:
    """Every mistake in a workflow, each with its path, or, of steps, with its line.

    tasks: the names that its Task states may use, beside the functions that steps bring along;
    None: any.
    """
    if isinstance(workflow, Step):
        return _composed(workflow, tasks)[1]
    try:
        document = read_document(workflow)
    except DefinitionError as error:
        return list(error.mistakes)
    found = asl.check(document, tasks)
    if not isinstance(workflow, Path):
        return found
    file = shown(str(workflow))
    return [Mistake(f"{file} {mistake.place}", mistake.message) for mistake in found]


def to_asl(workflow: Workflow) -> dict[str, Any]:
    """The document that steps compile to. Raises DefinitionError with every mistake.

    Without `Verify`, the state that a webhook puts in front.
    """
    if isinstance(workflow, Step):
        document, found = _composed(workflow, None)
    else:
        document, found = dict(read_document(workflow)), check_workflow(workflow)
    if found:
        raise DefinitionError(found)
    return document


def _composed(flow: Step, tasks: Collection[str] | None) -> tuple[dict[str, Any], list[Mistake]]:
    found: list[Mistake] = []
    composed = compose(Spot(found, flow.place, field="workflow"), flow, {})
    known = None if tasks is None else {*tasks, *composed.work}
    for mistake in asl.check(composed.document, known):
        composed.note(mistake)
    return composed.document, by_line(found)


def read_document(workflow: Mapping[str, Any] | Path | str) -> Mapping[str, Any]:
    """Raises DefinitionError where it cannot be read."""
    if isinstance(workflow, Mapping):
        return workflow
    place = shown(str(workflow)) if isinstance(workflow, Path) else "the document"
    try:
        text = workflow.encode() if isinstance(workflow, str) else workflow.read_bytes()
        document = parse(text)
    except OSError as error:
        raise DefinitionError([Mistake(place, f"cannot be read: {error.strerror}")]) from error
    except ValueError as error:
        raise DefinitionError([Mistake(place, str(error))]) from error
    if not isinstance(document, dict):
        raise DefinitionError([Mistake(place, "must be an object")])
    return document
