"""Reads an Amazon States Language document: `check` names every mistake, `load` compiles.

Both are one reading of the document, so that what is checked and what runs cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from holdfast.errors import DefinitionError, Mistake
from holdfast.workflow.bounds import check_bounds
from holdfast.workflow.fields import Fields
from holdfast.workflow.reading import Document, read_language, read_scope
from holdfast.workflow.resources import VERIFY, Resources
from holdfast.workflow.sources import SECONDS_MAX
from holdfast.workflow.states import Program

__all__ = ["EXPRESS_SECONDS", "VERIFY", "check", "load"]

EXPRESS_SECONDS: Final = 300
"""AWS ends an Express execution after five minutes."""


def check(
    document: Mapping[str, Any],
    task_names: Collection[str] | None,
    *,
    queues: Collection[str] | None = None,
    connections: Collection[str] | None = None,
) -> list[Mistake]:
    """Everything that is wrong with the document, each with its path; empty where it can run.

    `task_names`: the tasks there are, `queues`: names and paths of webhooks, `connections`: names.
    None: that is somebody else's question.
    """
    return _read(document, Resources(task_names, queues, connections))[1]


def load(document: Mapping[str, Any], *, foreign: bool = False) -> Program:
    """Compile a document. Raises DefinitionError with every mistake.

    `foreign`: its tasks are played by a test, so resources may be anything, and the limit of
    the whole execution anything too; it still ends after five minutes.
    """
    program, mistakes = _read(document, Resources(foreign=foreign))
    if program is None or mistakes:
        raise DefinitionError(mistakes)
    return program


def _read(
    document: Mapping[str, Any], resources: Resources
) -> tuple[Program | None, list[Mistake]]:
    if not isinstance(document, Mapping):
        return None, [Mistake("the document", "must be an object")]
    if mistakes := check_bounds(document):
        return None, mistakes
    fields = Fields(document, "", mistakes)
    comment = fields.string("Comment") or ""
    version = fields.choice("Version", ("1.0",)) or "1.0"
    longest = SECONDS_MAX if resources.foreign else EXPRESS_SECONDS
    timeout = fields.integer("TimeoutSeconds", 1, longest) or EXPRESS_SECONDS
    whole = Document(resources, queries=read_language(fields, within=False))
    start = read_scope(fields, whole)
    timeout = min(timeout, EXPRESS_SECONDS)
    return Program(start or "", whole.states, timeout, comment, version), mistakes
