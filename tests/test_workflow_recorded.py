"""Executions recorded from AWS, or stated by the language's specification, played on the machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.workflow import asl, machine
from holdfast.workflow.events import (
    Event,
    Finish,
    RunTask,
    Started,
    StartTimer,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
)

DATA = Path(__file__).parent / "data"
CASES = [
    case
    for name in ("asl_cases.json", "asl_causes.json")
    for case in json.loads((DATA / name).read_text("utf-8"))["cases"]
]
NOW = 1_700_000_000_000


def runs() -> Iterator[Any]:
    for case in CASES:
        for index, run in enumerate(case["runs"]):
            document = case["definitions"][run["definition"]]
            yield pytest.param(document, run, id=f"{case['id']}-{index}")


def answer(command: RunTask, call: dict[str, Any]) -> Event:
    """What the mocked task call came to."""
    assert command.input == call["input"]
    if call.get("hang"):
        return TaskFailed(command.ticket, "States.Timeout", "", NOW)
    if "error" in call:
        return TaskFailed(command.ticket, call["error"], call.get("cause", ""), NOW)
    return TaskSucceeded(command.ticket, call["result"], NOW)


@pytest.mark.parametrize(("document", "run"), list(runs()))
def test_an_execution_ends_as_recorded(document: dict[str, Any], run: dict[str, Any]) -> None:
    """Calls, waits, status, output, error and cause are those of the record."""
    program, expected = asl.load(document), run["expect"]
    calls, waits = list(run.get("calls", ())), list[float]()
    snapshot, commands = machine.step(program, None, Started(run["input"], NOW))
    while not isinstance(command := commands[-1], Finish):
        if isinstance(command, StartTimer):
            waits.append(command.seconds)
            event: Event = TimerFired(command.ticket, NOW)
        else:
            assert isinstance(command, RunTask)
            event = answer(command, calls.pop(0))
        snapshot, commands = machine.step(program, snapshot, event)

    assert calls == []
    assert waits == expected.get("waits", waits)
    ends = {name: value for name, value in expected.items() if name != "waits"}
    assert {name: getattr(command, name) for name in ends} == ends
