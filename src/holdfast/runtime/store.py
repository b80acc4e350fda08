"""From a store's URL to its engine."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.errors import StoreError
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.telemetry import Telemetry

DEFAULT_STORE: Final = "sqlite:.holdfast"


def store_path(url: str) -> Path:
    """The directory of `sqlite:PATH`; a bare path means the same. Raises StoreError."""
    kind, colon, rest = url.partition(":")
    if not colon or "/" in kind:
        return Path(url)
    if kind != "sqlite":
        raise StoreError(f"there is no engine for {kind}: here; a store is written sqlite:PATH")
    if not rest:
        raise StoreError("a store is written sqlite:PATH, with the path of a directory")
    return Path(rest)


def open_engine(
    store: str, *, telemetry: Telemetry | None = None, clock: Clock = SYSTEM_CLOCK
) -> SQLiteEngine:
    """The engine that a store's URL names. Raises StoreError."""
    return SQLiteEngine(store_path(store), clock=clock, telemetry=telemetry)
