"""`run.json`: for the commands, which definition runs on a store, and where."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from holdfast.operate.running import find_running
from holdfast.runtime.run_options import Started

RUN_FILE: Final = "run.json"


def write_run_file(path: Path, definition: Path, started: Started) -> None:
    """This process runs it. Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    record = {
        "pid": os.getpid(),
        "definition": str(definition.resolve()),
        "url": started.url,
        "ops_url": started.ops_url,
        "console_url": started.console_url,
    }
    draft = path / f"{RUN_FILE}.{os.getpid()}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(record))
        draft.rename(path / RUN_FILE)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise


def remove_run_file(path: Path) -> None:
    """Nothing runs here any more; a file that another process wrote stays."""
    running = find_running(path)
    if running is not None and running.pid == os.getpid():
        with suppress(OSError):
            (path / RUN_FILE).unlink()
