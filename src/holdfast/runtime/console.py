"""The console's process: its application over the store, on a socket that the supervisor holds.

The supervisor binds the port, so that a port in use is told at once and connections wait while this
process is started again. It is a process of its own because searching and grouping cost time that
neither reception nor the supervisor should pay.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import Compiled
from holdfast.console.access import Access, Sessions, TokenRef, Tokens
from holdfast.console.app import Console
from holdfast.console.pages import OPEN_PATHS, WebPages
from holdfast.console.site import Site
from holdfast.gateway.serve import serve_application
from holdfast.operate.alerts.notes import read_notes
from holdfast.operate.book import CONSOLE, local_user
from holdfast.operate.guard import Warned, read_warnings
from holdfast.operate.running import find_running
from holdfast.runtime.console_options import ConsoleOptions
from holdfast.runtime.store import open_engine, run_directory
from holdfast.runtime.version import installed_version
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry


def make_console(
    options: ConsoleOptions,
    compiled: Compiled | None,
    definition: Path | None,
    store: str,
    telemetry: Telemetry,
) -> Console:
    """The application over this store. Raises StoreError. `close_console` ends it."""
    values = Secrets()
    tokens = Tokens([TokenRef.parse(text) for text in options.tokens], values)
    access = Access(
        tokens,
        Sessions(tokens.key),
        local_user(CONSOLE),
        frozenset(name.lower() for name in (*options.hosts, options.host) if name),
        options.read_only,
        OPEN_PATHS,
    )
    site = Site(
        store=open_engine(store, telemetry=telemetry),
        depths=open_engine(store, telemetry=telemetry),
        compiled=compiled,
        definition=definition,
        access=access,
        clock=SYSTEM_CLOCK,
        telemetry=telemetry,
        secrets=values,
        find_running=lambda: find_running(run_directory(store)),
        # What an ended run warned of may be over.
        find_warnings=lambda: _warnings(run_directory(store)),
        find_alerts=lambda: read_notes(run_directory(store)),
        version=installed_version(),
    )
    return Console(site, WebPages(site))


def close_console(console: Console) -> None:
    """Let go of the store."""
    for engine in (console.site.store, console.site.depths):
        engine.close()


async def serve_console(
    console: Console,
    listener: socket.socket,
    *,
    stop: asyncio.Event,
    drain_seconds: float,
    on_ready: Callable[[int], None],
) -> None:
    """Until `stop` is set; then the streams end, and the runs are let go of."""
    await console.start()
    try:
        await serve_application(
            console,
            listener,
            on_ready=on_ready,
            stop=stop,
            empty=console.stop,
            drain_seconds=drain_seconds,
        )
    finally:
        await console.stop()


def _warnings(store: Path) -> tuple[Warned, ...]:
    return read_warnings(store) if find_running(store) else ()
