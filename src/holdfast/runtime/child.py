"""The entry of child processes: `python -m holdfast.runtime.child gateway|worker|console ...`.

Not for people. The supervisor starts these, so that handler code can neither slow nor crash
reception, and so that either can be replaced while the other goes on.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, cast

import uvloop

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import compile_app, load
from holdfast.errors import HoldfastError
from holdfast.runtime.logs import LogFormat, make_log
from holdfast.runtime.metrics import Counts
from holdfast.runtime.reports import Reports
from holdfast.runtime.roles.process import RoleProcess
from holdfast.telemetry import Level, Telemetry

# One thread waits for the disk while another runs the loop. At the default 5 ms, a thread coming
# back from SQLite waits that long for the interpreter's lock, and a group's answers with it.
SWITCH_SECONDS: Final = 0.0005

# Requests and messages in flight are young objects that nearly all die without the collector's help.
# At the default of 700 it walked over those of 256 connections again and again: a third of the
# gateway's time. Cycles that handlers leave behind are still found, a little later.
GC_THRESHOLD: Final = 20_000

EXIT_FAILED: Final = 1


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
        # Each role imports what it needs: who sends waits for the gateway, not for a workflow's runner.
        # Before the definition, beside which there may be modules of any name.
        role = import_module(f"holdfast.runtime.roles.{options.role}")
        compiled = compile_app(load(Path(options.definition)))
        tune_interpreter()
        process = RoleProcess(options, compiled, telemetry, counts, reports)
        return cast("int", uvloop.run(role.run(process)))
    except HoldfastError as error:
        reports.say(failed=str(error))
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


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a handler that hangs in a thread must not keep the process from ending.
    os._exit(code)
