"""The gateway as it is, but for keeping: what it answers is forgotten at once.

The other half of the ingest ratio: everything that HTTP, Granian, the door, the schema and telemetry
cost, and nothing of what the store costs. `python -m bench.answering FILE --report FD`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from pathlib import Path

import orjson
import uvloop

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import compile_app, load
from holdfast.gateway.door import Door
from holdfast.gateway.intake import Intake
from holdfast.gateway.serve import serve
from holdfast.message import Message
from holdfast.queue.contract import Refusal
from holdfast.runtime.child import tune_interpreter
from holdfast.runtime.logs import make_log
from holdfast.runtime.metrics import Counts
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry


class NotKeeping:
    """Says that it kept, and did not."""

    async def send(self, message: Message) -> None:
        return

    def refuse(self, refusal: Refusal) -> None:
        return


async def answer(definition: Path, report: int) -> None:
    """Serve until asked to stop; the port goes to the report's descriptor."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    telemetry = Telemetry()
    telemetry.subscribe(Counts())
    telemetry.subscribe(make_log(SYSTEM_CLOCK, role="gateway", format="json"))
    intake = Intake(compile_app(load(definition)), Secrets(), SYSTEM_CLOCK)
    tune_interpreter()
    await serve(
        Door(intake, NotKeeping(), SYSTEM_CLOCK, telemetry),
        host="127.0.0.1",
        port=0,
        on_ready=lambda port: _ready(report, port),
        stop=stop,
        drain_seconds=5,
    )


def _ready(report: int, port: int) -> None:
    os.write(report, orjson.dumps({"ready": True, "port": port}) + b"\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.answering", description=__doc__)
    parser.add_argument("definition", type=Path)
    parser.add_argument("--report", type=int, required=True)
    options = parser.parse_args()
    uvloop.run(answer(options.definition, options.report))
