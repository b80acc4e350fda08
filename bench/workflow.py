"""What the workflow itself costs, with tasks that do nothing: `python -m bench.workflow`.

Beside each measurement stands the same work in a Python function written by hand, and in moto's
parser of the States Language, all taking turns within one run. Processor time is measured, not the
clock's, so that what else the machine does changes little.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import orjson
import uvloop

from bench import by_hand, machine
from bench.by_hand import Call
from bench.moto_parser import INSTALL, MotoParser
from bench.scene import BODY, HEADERS
from bench.table import Row, lines, show
from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import compile_app
from holdfast.definition import App
from holdfast.errors import ExtraMissing
from holdfast.message import Event, Lease, Message, Receipt, Request, new_message_id
from holdfast.queue.contract import Claim, ClaimAnswer
from holdfast.runtime.child import tune_interpreter
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry
from holdfast.workflow import asl
from holdfast.workflow.crew import Crew
from holdfast.workflow.runner import Express

MORE: Final = 50
"""States that the long workflows have beyond the short one, and that the loaded document has."""

ITEMS: Final = orjson.dumps({"items": [{"n": number} for number in range(10)]})

Document = dict[str, Any]


async def nothing(event: Event[Any]) -> None:
    """The task."""


async def one_fails(input: Any) -> None:
    """The task of each item; one of ten cannot be worked."""
    if input["n"] == 3:
        raise ValueError("not this one")


async def none_fails(input: Any) -> None:
    """The task of each item."""


# The documents.


def _task(name: str, **fields: Any) -> Document:
    return {"Type": "Task", "Resource": f"${{{name}}}", **fields}


def _chain(kind: Mapping[str, object]) -> Document:
    """`MORE` states of this kind, then the task; Verify is put in front of any workflow."""
    names = [f"More{number}" for number in range(MORE)]
    following = [*names[1:], "Handle"]
    states: Document = {
        name: {**kind, "Next": after} for name, after in zip(names, following, strict=True)
    }
    states["Handle"] = _task("nothing", End=True)
    return {"StartAt": names[0], "States": states}


def _map(task: str) -> Document:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    one = {"One": _task(task, Catch=catch, End=True), "Caught": {"Type": "Pass", "End": True}}
    each = {
        "Type": "Map",
        "ItemsPath": "$.body.items",
        "ItemProcessor": {"StartAt": "One", "States": one},
        "End": True,
    }
    return {"StartAt": "Each", "States": {"Each": each}}


def _jsonata() -> Document:
    state = _task("none_fails", Arguments={"n": "{% $states.input.body.items[0].n + 1 %}"})
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Handle",
        "States": {"Handle": {**state, "Output": "{% $states.input.id %}", "End": True}},
    }


def mixed(count: int) -> Document:
    """A document as one writes them: tasks that shape, retry and catch, choices, waits."""
    states: Document = {"Done": {"Type": "Succeed"}}
    names = [*(f"S{number}" for number in range(count - 1)), "Done"]
    for place, (name, after) in enumerate(pairwise(names)):
        states[name] = (
            _task(
                "nothing",
                Parameters={"id.$": "$.id", "text.$": "States.Format('{}: {}', $.id, $.body.name)"},
                ResultPath="$.result",
                Retry=[{"ErrorEquals": ["Busy"], "MaxAttempts": 2}],
                Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Done"}],
                Next=after,
            ),
            {"Type": "Pass", "Parameters": {"name.$": "$.body.name", "kind": "x"}, "Next": after},
            {
                "Type": "Choice",
                "Choices": [{"Variable": "$.body.age", "NumericLessThan": 18, "Next": "Done"}],
                "Default": after,
            },
            {"Type": "Wait", "SecondsPath": "$.body.seconds", "Next": after},
        )[place % 4]
    return {"StartAt": names[0], "States": states}


# Measuring.


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to do, in three ways."""

    here: Call
    by_hand: Call
    document: Document
    """What moto is given, with what its tasks come to."""
    calls: Sequence[Mapping[str, Any]]


async def _granted(_lease: Lease, _delivery_id: str) -> Claim:
    return Claim(ClaimAnswer.GRANTED)


def _subject(workflow: Document | None, body: bytes, hand: Callable[..., Call]) -> Subject:
    """`hand` takes the webhook and the lease."""
    app = App("bench")
    if workflow is None:
        app.webhook("/bench")(nothing)
    else:
        app.webhook("/bench", workflow=workflow, tasks=[nothing, one_fails, none_fails])
    webhook = compile_app(app).webhooks[0]
    express = Express(
        webhook,
        secrets=Secrets(),
        claim=_granted,
        crew=Crew(1),
        clock=SYSTEM_CLOCK,
        telemetry=Telemetry(),
    )
    now_ms = SYSTEM_CLOCK.now_ms()
    request = Request("POST", "/bench", "", HEADERS, body)
    message = Message(new_message_id(now_ms), "bench", now_ms, request)
    lease = Lease(message, Receipt("1.1"), receive_count=1)

    async def here() -> object:
        result = await express.run(lease)
        assert result.status == "SUCCEEDED", result
        return result

    verified = {"state": "Verify", "result": {"id": message.id, "body": orjson.loads(body)}}
    calls = [verified, {"state": "One", "input": {"n": 3}, "error": "ValueError", "cause": "no"}]
    return Subject(here, hand(webhook, lease), dict(webhook.workflow), calls)


def _subjects() -> dict[str, Subject]:
    def steps(count: int) -> Callable[..., Call]:
        return lambda webhook, lease: by_hand.steps(webhook, lease, nothing, count)

    def each(task: by_hand.Task) -> Callable[..., Call]:
        return lambda webhook, lease: by_hand.each(webhook, lease, task)

    task = {"Type": "Task", "Resource": "${nothing}"}
    return {
        "two": _subject(None, BODY, steps(1)),
        "tasks": _subject(_chain(task), BODY, steps(1 + MORE)),
        "passes": _subject(_chain({"Type": "Pass"}), BODY, steps(1)),
        "map": _subject(_map("none_fails"), ITEMS, each(none_fails)),
        "caught": _subject(_map("one_fails"), ITEMS, each(one_fails)),
        "jsonata": _subject(_jsonata(), ITEMS, steps(1)),
    }


Micros = dict[tuple[str, str], float]
"""By subject and way, `here`, `by hand` or `moto`: the median microseconds of a run."""


async def _micros(moto: MotoParser | None, times: int, rounds: int) -> Micros:
    """The subjects and their ways take turns."""
    subjects = _subjects()
    took: dict[tuple[str, str], list[float]] = {}
    programs = {} if moto is None else {n: moto.read(s.document) for n, s in subjects.items()}

    async def turn(name: str, way: str, call: Call) -> None:
        began = time.process_time()
        for _ in range(times):
            await call()
        took.setdefault((name, way), []).append((time.process_time() - began) / times * 1e6)

    for _ in range(rounds):
        for name, subject in subjects.items():
            await turn(name, "here", subject.here)
            await turn(name, "by hand", subject.by_hand)
            if moto is not None and name != "jsonata":
                began = time.process_time()
                ending = moto.play(programs[name], {}, subject.calls, otherwise={"result": None})
                took.setdefault((name, "moto"), []).append((time.process_time() - began) * 1e6)
                assert ending.status == "SUCCEEDED", ending
    return {key: statistics.median(each) for key, each in took.items()}


def _loading(moto: MotoParser | None, times: int) -> Micros:
    """A document of `MORE` states, made ready to run."""
    document, written = mixed(MORE), by_hand.code(MORE)
    ways: dict[str, Callable[[], object]] = {
        "here": lambda: asl.load(document),
        "by hand": lambda: compile(written, "by hand", "exec"),
    }
    if moto is not None:
        ways["moto"] = lambda: moto.read(document)
    took: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(times):
        for way, load in ways.items():
            began = time.process_time()
            load()
            took[way].append((time.process_time() - began) * 1e6)
    return {("loading", way): statistics.median(each) for way, each in took.items()}


# Telling.


def _beside(micros: Micros, name: str, other: str = "") -> list[Row]:
    """The ratios of a subject to its other ways; `other`: of each state beyond that subject."""
    rows = []
    for way, label in (("by hand", "written by hand in Python"), ("moto", "moto's parser")):
        if (name, way) not in micros:
            rows.append(Row(f"  / {label}", INSTALL))
            continue
        here, there = (
            (micros[name, each] - micros[other, each]) / MORE if other else micros[name, each]
            for each in ("here", way)
        )
        ratio = here / max(there, 0.01)
        told = f"{ratio:.2g}" if ratio > 0.5 else f"1/{1 / ratio:.0f}"
        rows.append(Row(f"  / {label}", f"{told} ({_time(here)} / {_time(there)})"))
    return rows


def _time(micros: float) -> str:
    return f"{micros / 1000:.3g} ms" if micros >= 1000 else f"{micros:.3g} us"


def _row(what: str, micros: float, budget: float) -> Row:
    return Row(what, _time(micros), f"<= {_time(budget)}", micros <= budget)


def measure(times: int, rounds: int) -> list[Row]:
    try:
        moto: MotoParser | None = MotoParser()
    except ExtraMissing:
        moto = None
    tune_interpreter()
    micros = uvloop.run(_micros(moto, times, rounds)) | _loading(moto, rounds)
    here = {name: micros[name, "here"] for name, way in micros if way == "here"}
    further = {name: (here[name] - here["two"]) / MORE for name in ("tasks", "passes")}
    return [
        _row("an execution of two states, no-op task", here["two"], 50),
        *_beside(micros, "two"),
        Row("  the same with JSONata in two fields", _time(here["jsonata"])),
        _row("each further Task state", further["tasks"], 15),
        *_beside(micros, "tasks", "two"),
        _row("each further Pass state", further["passes"], 15),
        _row("Map over 10 items, a no-op task with Catch in each", here["map"], 300),
        *_beside(micros, "map"),
        _row("  one of the ten raises and is caught", here["caught"], 300),
        *_beside(micros, "caught"),
        _row(f"loading a document of {MORE} states", here["loading"], 5_000),
        *_beside(micros, "loading"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.workflow", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="short, and judges nothing")
    smoke = parser.parse_args().smoke
    print(lines(("machine", ""), machine.describe(Path())), "\n")
    print(show(measure(20, 3) if smoke else measure(500, 21), judge=not smoke))


if __name__ == "__main__":
    main()
