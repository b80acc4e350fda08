"""A workflow by itself, without a definition around it: checked, composed, read from a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from holdfast.compile.flows import Composed, compose
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
        composed, found = _composed(workflow)
        known = None if tasks is None else {*tasks, *composed.work}
        for mistake in asl.check(composed.document, known):
            composed.note(mistake)
        return by_line(found)
    try:
        found = asl.check(read_document(workflow), tasks)
    except DefinitionError as error:
        return list(error.mistakes)
    if not isinstance(workflow, Path):
        return found
    file = shown(str(workflow))
    return [Mistake(f"{file} {mistake.place}", mistake.message) for mistake in found]


def to_asl(workflow: Workflow) -> dict[str, Any]:
    """The document that steps compile to. Raises DefinitionError with every mistake.

    Without `Verify`, the state that a webhook puts in front.
    """
    if found := check_workflow(workflow):
        raise DefinitionError(found)
    return dict(read_document(workflow))


def read_document(workflow: Workflow) -> Mapping[str, Any]:
    """The document, not held against the language. Raises DefinitionError where there is none."""
    if isinstance(workflow, Step):
        composed, found = _composed(workflow)
        if found:
            raise DefinitionError(by_line(found))
        return composed.document
    if isinstance(workflow, Mapping):
        return workflow
    place = shown(str(workflow)) if isinstance(workflow, Path) else "the document"
    if not isinstance(workflow, str | Path):
        raise DefinitionError([Mistake(place, "must be an object")])
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


def _composed(flow: Step) -> tuple[Composed, list[Mistake]]:
    found: list[Mistake] = []
    return compose(Spot(found, flow.place, field="workflow"), flow, {}), found
