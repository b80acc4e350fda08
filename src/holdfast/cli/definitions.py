"""The definition that a command works with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from dotenv import load_dotenv

from holdfast.compile import compile_app, load
from holdfast.compiled import Compiled
from holdfast.operate.running import find_running
from holdfast.runtime.store import describe_store, run_directory

DefinitionArgument = Annotated[Path, typer.Argument(metavar="FILE.py", help="The definition.")]
DefinitionOption = Annotated[
    Path | None,
    typer.Option(
        "--definition", "-d", metavar="FILE.py", help="The definition; default: the one that runs."
    ),
]


def load_definition(path: Path) -> Compiled:
    """Compiled, with the variables of the `.env` files beside it and here. Raises DefinitionError.

    Variables that are set already win, so that a forgotten file cannot override a deployment.
    """
    for folder in (Path.cwd(), path.resolve().parent):
        load_dotenv(folder / ".env", override=False)
    return compile_app(load(path))


def running_definition(store: str, definition: Path | None) -> tuple[Compiled, str | None]:
    """The definition given, or the one that runs on the store; and the running gateway's URL."""
    running = find_running(run_directory(store))
    path = definition or (running.definition if running else None)
    if path is None:
        raise typer.BadParameter(
            f"nothing runs on {describe_store(store)} here; start `holdfast run FILE.py`, or name the "
            "definition with --definition"
        )
    return load_definition(path), running.url if running else None
