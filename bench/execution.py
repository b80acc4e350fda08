"""What the workflow itself costs, with tasks that do nothing: `python -m bench.execution`."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import uvloop

from bench import machine
from bench.scene import BODY, HEADERS
from bench.table import Row, lines, show
from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import compile_app
from holdfast.definition import App
from holdfast.message import Event, Lease, Message, Receipt, Request, new_message_id
from holdfast.queue.contract import Claim, ClaimAnswer
from holdfast.runtime.child import tune_interpreter
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry
from holdfast.workflow.crew import Crew
from holdfast.workflow.runner import Express

MORE: Final = 50
"""States that the long workflow has beyond the short one."""


async def nothing(event: Event[Any]) -> None:
    """The handler."""


async def _granted(_lease: Lease, _delivery_id: str) -> Claim:
    return Claim(ClaimAnswer.GRANTED)


def _chain(kind: Mapping[str, object]) -> dict[str, object]:
    """`MORE` states of this kind, then the task; Verify is put in front of any workflow."""
    names = [f"More{number}" for number in range(MORE)]
    following = [*names[1:], "Handle"]
    states: dict[str, object] = {
        name: {**kind, "Next": after} for name, after in zip(names, following, strict=True)
    }
    states["Handle"] = {"Type": "Task", "Resource": "${nothing}", "End": True}
    return {"StartAt": names[0], "States": states}


def _express(workflow: dict[str, object] | None) -> Express:
    app = App("bench")
    if workflow is None:
        app.webhook("/short")(nothing)
    else:
        app.webhook("/long", workflow=workflow, tasks=[nothing])
    return Express(
        compile_app(app).webhooks[0],
        secrets=Secrets(),
        claim=_granted,
        crew=Crew(1),
        clock=SYSTEM_CLOCK,
        telemetry=Telemetry(),
    )


async def _micros(subjects: Mapping[str, Express], times: int, rounds: int) -> dict[str, float]:
    """The median over rounds, in which the subjects take turns, of the microseconds for a run."""
    took: dict[str, list[float]] = {name: [] for name in subjects}
    now_ms = SYSTEM_CLOCK.now_ms()
    request = Request("POST", "/short", "", HEADERS, BODY)
    message = Message(new_message_id(now_ms), "bench", now_ms, request)
    lease = Lease(message, Receipt("1.1"), 1)
    for _ in range(rounds):
        for name, express in subjects.items():
            began = time.perf_counter()
            for _ in range(times):
                result = await express.run(lease)
            took[name].append((time.perf_counter() - began) / times * 1e6)
            assert result.status == "SUCCEEDED", result
    return {name: statistics.median(each) for name, each in took.items()}


def measure(times: int, rounds: int) -> list[Row]:
    subjects = {
        "short": _express(None),
        "pass": _express(_chain({"Type": "Pass"})),
        "task": _express(_chain({"Type": "Task", "Resource": "${nothing}"})),
    }
    tune_interpreter()
    micros = uvloop.run(_micros(subjects, times, rounds))
    further = {name: (micros[name] - micros["short"]) / MORE for name in ("pass", "task")}
    return [
        Row(
            "an execution of two states, no-op task",
            f"{micros['short']:.1f} us",
            "<= 50 us",
            micros["short"] <= 50,
        ),
        *(
            Row(f"  each further {name.title()} state", f"{each:.1f} us", "<= 15 us", each <= 15)
            for name, each in further.items()
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.execution", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="short, and judges nothing")
    smoke = parser.parse_args().smoke
    print(lines(("machine", ""), machine.describe(Path())), "\n")
    print(show(measure(100, 3) if smoke else measure(2_000, 11), judge=not smoke))


if __name__ == "__main__":
    main()
