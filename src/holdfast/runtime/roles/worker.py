"""A worker's process: the pipes of all webhooks over the store."""

from __future__ import annotations

import asyncio

from holdfast.clock import SYSTEM_CLOCK
from holdfast.runtime.roles.process import EXIT_OK, EXIT_WORN_OUT, RoleProcess
from holdfast.runtime.tracing import start_traces
from holdfast.runtime.worker import Worker


async def run(process: RoleProcess) -> int:
    stop, hurry = process.ends()
    telemetry = process.telemetry
    traces = start_traces("worker", telemetry, SYSTEM_CLOCK)
    if traces is not None:
        telemetry.subscribe(traces)
        traces.share()
    worker = Worker(process.compiled, process.options.store, telemetry, traces=traces)
    loop = asyncio.get_running_loop()
    async with process.reporting():
        work = loop.create_task(worker.run(stop))
        hurried = loop.create_task(hurry.wait())
        process.reports.say(ready=True)
        try:
            await asyncio.wait((work, hurried), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                await asyncio.wait((work,))
            elif not work.cancelled():
                work.result()
        finally:
            hurried.cancel()
            if traces is not None:
                await asyncio.to_thread(traces.close)
    return EXIT_WORN_OUT if worker.worn_out else EXIT_OK
