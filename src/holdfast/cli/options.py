"""Options that several commands share, and what they turn into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from dotenv import load_dotenv

from holdfast.clock import SYSTEM_CLOCK, parse_duration
from holdfast.compile import compile_app, load
from holdfast.compiled import Compiled
from holdfast.errors import StoreError
from holdfast.operate.running import find_running
from holdfast.queue.engines.sqlite import INBOX, SQLiteEngine
from holdfast.runtime.assembly import open_engine, store_path


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


StoreOption = Annotated[
    str,
    typer.Option("--store", envvar="HOLDFAST_STORE", help="Where messages are kept: sqlite:PATH."),
]
OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="For people, or for programs.")
]
WebhookOption = Annotated[str | None, typer.Option("--webhook", "-w", help="Only this webhook.")]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", help="Only from then on: an age (2h, 7d) or a time (2026-11-23T10:00)."
    ),
]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
DefinitionOption = Annotated[
    Path | None,
    typer.Option("--definition", "-d", help="The definition; default: the one that runs."),
]


@contextmanager
def engine_on(store: str) -> Iterator[SQLiteEngine]:
    """The engine on a store that exists. Raises StoreError where none does."""
    path = store_path(store)
    if not (path / INBOX).exists():
        raise StoreError(f"there is no store at {path}; `holdfast run` makes one, or see --store")
    engine = open_engine(store)
    try:
        yield engine
    finally:
        engine.close()


def parse_time(text: str | None) -> int | None:
    """Milliseconds since 1970 from an age or a time; a time without zone is local."""
    if text is None:
        return None
    try:
        return SYSTEM_CLOCK.now_ms() - round(parse_duration(text) * 1000)
    except ValueError:
        pass
    try:
        return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither an age (30m, 2h, 7d) nor a time (2026-11-23T10:00)"
        ) from None


def load_definition(path: Path) -> Compiled:
    """Compiled, with the variables of the `.env` files beside it and here. Raises DefinitionError.

    Variables that are set already win, so that a forgotten file cannot override a deployment.
    """
    for folder in (Path.cwd(), path.resolve().parent):
        load_dotenv(folder / ".env", override=False)
    return compile_app(load(path))


def running_definition(store: str, definition: Path | None) -> tuple[Compiled, str | None]:
    """The definition given, or the one that runs on the store; and the running gateway's URL."""
    running = find_running(store_path(store))
    path = definition or (running.definition if running else None)
    if path is None:
        raise typer.BadParameter(
            f"nothing runs on {store_path(store)}; name the definition with --definition FILE.py, "
            "or the store with --store"
        )
    return load_definition(path), running.url if running else None
