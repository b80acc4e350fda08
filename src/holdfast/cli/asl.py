"""asl."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from holdfast.cli.options import Output, OutputOption, WrongUsage
from holdfast.cli.output import print_json, print_text
from holdfast.compile import compile_app, load, to_asl
from holdfast.compiled import Compiled
from holdfast.errors import NotFound
from holdfast.workflow.drawing import draw

FileArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="The definition, or a document by itself (.json)."),
]
WebhookArgument = Annotated[
    str | None,
    typer.Argument(metavar="WEBHOOK", help="Its name or path; may be left out where it is one."),
]
MermaidOption = Annotated[bool, typer.Option("--mermaid", help="Draw it, as Mermaid.")]


def asl(
    file: FileArgument,
    webhook: WebhookArgument = None,
    mermaid: MermaidOption = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Print the workflow of a webhook, or draw it.

    In the Amazon States Language, as it runs here and is deployed. Reads no secret.
    """
    document = _alone(file, webhook) if file.suffix == ".json" else _of_webhook(file, webhook)
    if not mermaid:
        print_json(document)
    elif output is Output.JSON:
        print_json({"mermaid": draw(document)})
    else:
        print_text(draw(document))


def _alone(file: Path, webhook: str | None) -> Mapping[str, Any]:
    if webhook is not None:
        raise WrongUsage(f"{file} is one document; a webhook is of a definition in Python")
    return to_asl(file)


def _of_webhook(file: Path, webhook: str | None) -> Mapping[str, Any]:
    compiled = compile_app(load(file))
    if webhook is None:
        if len(compiled.webhooks) != 1:
            raise WrongUsage(f"which one? There are: {_listed(compiled)}")
        return compiled.webhooks[0].workflow
    found = compiled.webhook(webhook)
    if found is None:
        raise NotFound(f"no webhook {webhook!r}; there are: {_listed(compiled)}")
    return found.workflow


def _listed(compiled: Compiled) -> str:
    return ", ".join(f"{one.name} ({one.path})" for one in compiled.webhooks)
