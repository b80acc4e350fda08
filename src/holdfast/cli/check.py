"""check, init."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from holdfast.cli import exits
from holdfast.cli.options import Output, OutputOption, WrongUsage
from holdfast.cli.output import complain, console, count, errors, print_json
from holdfast.compile import check_app, check_workflow, load, to_asl
from holdfast.errors import DefinitionError, Mistake
from holdfast.operate.envfile import add_variable
from holdfast.starter import STARTER, STARTER_NAME, STARTER_VARIABLE
from holdfast.terminal.text import printable

FileArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="The definition, or a workflow by itself (.json)."),
]


def check(file: FileArgument, output: OutputOption = Output.TEXT) -> None:
    """Print every mistake in a definition, each with its place.

    Or in a workflow document by itself, whatever its tasks are called. Reads no secret.
    """
    try:
        mistakes, looked_at = _workflow(file) if file.suffix == ".json" else _definition(file)
    except DefinitionError as error:
        mistakes, looked_at = list(error.mistakes), ""
    if output is Output.JSON:
        print_json([{"place": one.place, "message": one.message} for one in mistakes])
    elif mistakes:
        for one in mistakes:
            console.print(
                f"[bold]{escape(printable(one.place))}[/bold] {escape(printable(one.message))}"
            )
        errors.print(f"[red]{count(len(mistakes), 'mistake')}[/red]")
    else:
        console.print(f"{escape(str(file))}: {looked_at}, no mistakes")
    if mistakes:
        sys.exit(exits.FAILED)


def _definition(file: Path) -> tuple[list[Mistake], str]:
    app = load(file)
    return check_app(app), count(len(app.webhooks), "webhook")


def _workflow(file: Path) -> tuple[list[Mistake], str]:
    """Whatever its tasks are called: what there is, only a definition knows."""
    found = check_workflow(file)
    return found, "" if found else count(len(to_asl(file)["States"]), "state")


def init(
    path: Annotated[Path, typer.Argument(metavar="FILE.py", help="The file to write.")] = Path(
        STARTER_NAME
    ),
    output: OutputOption = Output.TEXT,
) -> None:
    """Write a commented first definition, and its secret.

    The secret goes into `.env` beside it, unless one is there already.
    """
    if path.suffix != ".py":
        raise WrongUsage(f"a definition is a Python file; {path} does not end in .py")
    if path.exists():
        complain(f"{path} is there already; nothing was written")
        sys.exit(exits.FAILED)
    path.write_text(STARTER, encoding="utf-8")
    env = path.resolve().parent / ".env"
    made = add_variable(env, STARTER_VARIABLE, secrets.token_urlsafe(32))
    if output is Output.JSON:
        print_json({"definition": str(path), "env": str(env), "secret_made": made})
        return
    where = "its secret to" if made else "found its secret in"
    console.print(f"wrote {escape(str(path))}, {where} {escape(str(env))}")
    console.print(f"next: [bold]holdfast run {escape(str(path))} --sample[/bold]")
