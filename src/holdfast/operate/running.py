"""What runs on a store right now."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import orjson


@dataclass(frozen=True, slots=True)
class Running:
    """The supervisor's own record of itself."""

    pid: int
    definition: Path
    url: str | None
    ops_url: str | None
    console_url: str | None = None


def find_running(store: Path) -> Running | None:
    """The supervisor on this store; None where there is none that lives."""
    try:
        record = orjson.loads((store / "run.json").read_bytes())
        os.kill(record["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Running(
        record["pid"],
        Path(record["definition"]),
        record["url"],
        record["ops_url"],
        record.get("console_url"),
    )
