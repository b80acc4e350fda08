"""The console's process: its pages, on a socket that the supervisor holds."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Final

from holdfast.runtime import console as runtime
from holdfast.runtime.console_options import ConsoleOptions
from holdfast.runtime.roles.process import EXIT_OK, RoleProcess

CONSOLE_SECONDS: Final = 5.0
"""What a request may still take when the console is to end; what it does is done all the same."""


async def run(process: RoleProcess) -> int:
    stop, _ = process.ends()
    options = process.options
    asked = ConsoleOptions(
        host=options.console_host,
        tokens=tuple(options.console_token),
        read_only=options.console_read_only,
        hosts=tuple(options.console_allow_host),
    )
    definition = Path(options.definition)
    console = runtime.make_console(
        asked, process.compiled, definition, options.store, process.telemetry
    )
    async with process.reporting():
        try:
            await runtime.serve_console(
                console,
                socket.socket(fileno=options.console_socket),
                stop=stop,
                drain_seconds=CONSOLE_SECONDS,
                on_ready=lambda _port: process.reports.say(ready=True),
            )
        finally:
            await asyncio.to_thread(runtime.close_console, console)
    return EXIT_OK
