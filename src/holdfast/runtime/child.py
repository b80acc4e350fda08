"""The entry of child processes: `python -m holdfast.runtime.child gateway|worker|console ...`.

Not for people. The supervisor starts these, so that handler code can neither slow nor crash
reception, and so that either can be replaced while the other goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import uvloop

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import compile_app, load
from holdfast.compiled import Compiled
from holdfast.errors import HoldfastError
from holdfast.gateway.serve import serve
from holdfast.runtime.assembly import Gateway
from holdfast.runtime.logs import LogFormat, make_log
from holdfast.runtime.metrics import Counts
from holdfast.runtime.reports import Reports
from holdfast.runtime.tracing import start_traces
from holdfast.runtime.worker import DRAIN_SECONDS, Worker
from holdfast.telemetry import Level, Telemetry

# One thread waits for the disk while another runs the loop. At the default 5 ms, a thread coming
# back from SQLite waits that long for the interpreter's lock, and a group's answers with it.
SWITCH_SECONDS: Final = 0.0005

# Requests and messages in flight are young objects that nearly all die without the collector's help.
# At the default of 700 it walked over those of 256 connections again and again: a third of the
# gateway's time. Cycles that handlers leave behind are still found, a little later.
GC_THRESHOLD: Final = 20_000

CONSOLE_SECONDS: Final = 5.0
"""What a request may still take when the console is to end; what it does is done all the same."""

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_WORN_OUT: Final = 75


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    telemetry, counts = Telemetry(), Counts()
    telemetry.subscribe(counts)
    log = make_log(
        SYSTEM_CLOCK,
        role=options.role,
        level=cast("Level", options.log_level),
        format=cast("LogFormat", options.log_format),
    )
    telemetry.subscribe(log)
    reports = Reports(options.report, options.lifeline)
    _keep_to_ourselves([options.report, options.lifeline], locks=options.inherited)
    try:
        compiled = compile_app(load(Path(options.definition)))
        tune_interpreter()
        run = {"gateway": _gateway, "worker": _worker, "console": _console}[options.role]
        return uvloop.run(run(_Child(options, compiled, telemetry, counts, reports)))
    except HoldfastError as error:
        reports.say(failed=f"{type(error).__name__}: {error}")
        return EXIT_FAILED


def tune_interpreter() -> None:
    """Once everything is imported: all of that stays, so the collector need not look at it again."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(GC_THRESHOLD)
    gc.collect()
    gc.freeze()


def _keep_to_ourselves(pipes: Sequence[int], locks: Sequence[int]) -> None:
    """What a handler starts must not hold the store's lock after all of us are gone: neither a
    program that it runs nor a mere copy of this process, such as a pool of `multiprocessing`."""
    for descriptor in (*pipes, *locks):
        os.set_inheritable(descriptor, False)
    held = list(locks)

    def let_go() -> None:
        while held:  # once: to a copy of the copy, the number may be another file's
            os.close(held.pop())

    os.register_at_fork(after_in_child=let_go)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="holdfast.runtime.child")
    parser.add_argument("role", choices=("gateway", "worker", "console"))
    parser.add_argument("definition")
    parser.add_argument("--store", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--report", type=int, required=True)
    parser.add_argument("--lifeline", type=int, required=True)
    parser.add_argument("--inherited", type=int, nargs="*", default=[])
    parser.add_argument("--console-socket", type=int, default=-1)
    parser.add_argument("--console-host", default="127.0.0.1")
    parser.add_argument("--console-token", action="append", default=[])
    parser.add_argument("--console-allow-host", action="append", default=[])
    parser.add_argument("--console-read-only", action="store_true")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--log-format", default="auto")
    return parser


@dataclass(frozen=True, slots=True)
class _Child:
    """What every role works with."""

    options: argparse.Namespace
    compiled: Compiled
    telemetry: Telemetry
    counts: Counts
    reports: Reports

    @contextlib.asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Counts go up about once a second, and once more at the end of the block."""
        repeat = asyncio.get_running_loop().create_task(self.reports.repeat(self.counts))
        try:
            yield
        finally:
            repeat.cancel()
            self.reports.say(counts=self.counts.rows())

    def ends(self) -> tuple[asyncio.Event, asyncio.Event]:
        """Events for `stop` (finish what has begun) and `hurry` (do not even do that)."""
        loop = asyncio.get_running_loop()
        stop, hurry = asyncio.Event(), asyncio.Event()

        def wind_up(why: str) -> None:
            if stop.is_set():
                hurry.set()
                return
            self.telemetry.emit("process.stopping", role=self.options.role, why=why)
            stop.set()

        loop.add_signal_handler(signal.SIGTERM, wind_up, "asked to")
        loop.add_signal_handler(signal.SIGINT, wind_up, "asked to")
        self.reports.watch(lambda: wind_up("the supervisor is gone"))
        return stop, hurry


async def _gateway(child: _Child) -> int:
    stop, _ = child.ends()
    options, telemetry = child.options, child.telemetry
    traces = start_traces("gateway", telemetry, SYSTEM_CLOCK)
    gateway = Gateway(child.compiled, options.store, telemetry, traces=traces)
    async with child.reporting():
        try:
            await serve(
                gateway.door,
                host=options.host,
                port=options.port,
                on_ready=lambda port: child.reports.say(ready=True, port=port),
                stop=stop,
                drain_seconds=DRAIN_SECONDS,
            )
        finally:
            await asyncio.to_thread(gateway.close)
            if traces is not None:
                await asyncio.to_thread(traces.close)
    return EXIT_OK


async def _worker(child: _Child) -> int:
    stop, hurry = child.ends()
    telemetry = child.telemetry
    traces = start_traces("worker", telemetry, SYSTEM_CLOCK)
    if traces is not None:
        telemetry.subscribe(traces)
        traces.share()
    worker = Worker(child.compiled, child.options.store, telemetry, traces=traces)
    loop = asyncio.get_running_loop()
    async with child.reporting():
        work = loop.create_task(worker.run(stop))
        hurried = loop.create_task(hurry.wait())
        child.reports.say(ready=True)
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


async def _console(child: _Child) -> int:
    # Nobody else pays for importing it.
    from holdfast.runtime import console as runtime  # noqa: PLC0415 - as said above
    from holdfast.runtime.console_options import ConsoleOptions  # noqa: PLC0415 - as said above

    stop, _ = child.ends()
    options = child.options
    asked = ConsoleOptions(
        host=options.console_host,
        tokens=tuple(options.console_token),
        read_only=options.console_read_only,
        hosts=tuple(options.console_allow_host),
    )
    definition = Path(options.definition)
    console = runtime.make_console(
        asked, child.compiled, definition, options.store, child.telemetry
    )
    async with child.reporting():
        try:
            await runtime.serve_console(
                console,
                socket.socket(fileno=options.console_socket),
                stop=stop,
                drain_seconds=CONSOLE_SECONDS,
                on_ready=lambda _port: child.reports.say(ready=True),
            )
        finally:
            await asyncio.to_thread(runtime.close_console, console)
    return EXIT_OK


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a handler that hangs in a thread must not keep the process from ending.
    os._exit(code)
