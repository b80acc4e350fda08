"""What a run is asked for, and what it says once it is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from holdfast.runtime.console_options import ConsoleOptions


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run. `port` 0 takes a free one. `ops_port` None: no operations port."""

    definition: Path
    store: str
    host: str = "127.0.0.1"
    port: int = 8080
    ops_host: str = "127.0.0.1"
    ops_port: int | None = 8081
    workers: int = 1
    gateway: bool = True
    console: ConsoleOptions | None = None
    index: bool = True
    """Whether what comes in is indexed, so that it can be searched quickly."""
    log_level: str = "info"
    log_format: str = "auto"


@dataclass(frozen=True, slots=True)
class Started:
    """Where things are once all processes are ready. `url` None where there is no gateway."""

    url: str | None
    ops_url: str | None
    store: str
    console_url: str | None
    new: bool
    """Whether the store never kept an event: a run that could not start does not count."""
