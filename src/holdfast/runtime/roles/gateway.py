"""The gateway's process: a door over the store, served on a port."""

from __future__ import annotations

import asyncio

from holdfast.clock import SYSTEM_CLOCK
from holdfast.gateway.serve import serve
from holdfast.runtime.assembly import Gateway
from holdfast.runtime.roles.process import DRAIN_SECONDS, EXIT_OK, RoleProcess
from holdfast.runtime.tracing import start_traces


async def run(process: RoleProcess) -> int:
    stop, _ = process.ends()
    options, telemetry = process.options, process.telemetry
    traces = start_traces("gateway", telemetry, SYSTEM_CLOCK)
    gateway = Gateway(process.compiled, options.store, telemetry, traces=traces)
    async with process.reporting():
        try:
            await serve(
                gateway.door,
                host=options.host,
                port=options.port,
                on_ready=lambda port: process.reports.say(ready=True, port=port),
                stop=stop,
                drain_seconds=DRAIN_SECONDS,
            )
        finally:
            await asyncio.to_thread(gateway.close)
            if traces is not None:
                await asyncio.to_thread(traces.close)
    return EXIT_OK
