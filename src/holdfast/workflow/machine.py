"""The workflow as a pure function: `(program, snapshot, event) -> (snapshot, commands)`.

No clock, no I/O, no randomness: time comes with each event, and the same events always give the
same snapshots. Whoever runs it performs the commands and brings back what came of them (see
`holdfast.workflow.events` for both). No sequence of events makes it raise: what a document or its
data get wrong becomes one of the language's own errors, and what is not expected changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.workflow.events import (
    UNBORN,
    Command,
    Event,
    Record,
    Snapshot,
    Started,
    TimedOut,
    TimerFired,
)
from holdfast.workflow.states import Program
from holdfast.workflow.turn import Turn

_Step = tuple[Snapshot, Sequence[Command]]


def step(program: Program, snapshot: Snapshot | None, event: Event) -> _Step:
    """One event. The snapshot handed in is None for `Started`, and is never changed."""
    if isinstance(event, Started):
        return _start(program, event) if snapshot is None else (snapshot, ())
    if snapshot is None or snapshot["status"] != "RUNNING":
        return snapshot or UNBORN, ()
    turn = Turn(program, snapshot, event.now_ms)
    if isinstance(event, TimedOut):
        turn.time_out()
        return turn.result()
    thread = turn.threads.pop(event.ticket, None)
    if thread is None or isinstance(event, TimerFired) is (thread["awaits"] == "task"):
        return snapshot, ()
    turn.resume(thread, event)
    return turn.result()


def history(program: Program, events: Sequence[Event]) -> tuple[dict[str, Any], ...]:
    """The history of an execution, told again from its events.

    Little is collected while a workflow runs: since the machine is pure, whoever wants to know
    all that happened runs the events through it once more.
    """
    snapshot: Snapshot | None = None
    records: list[dict[str, Any]] = []
    for event in events:
        asking = event._replace(history="all") if isinstance(event, Started) else event
        snapshot, commands = step(program, snapshot, asking)
        records += [command.event for command in commands if isinstance(command, Record)]
    return tuple(records)


def _start(program: Program, event: Started) -> _Step:
    snapshot: Snapshot = {
        "status": "RUNNING",
        "name": event.name,
        "machine": event.machine,
        "started_ms": event.now_ms,
        "input": event.input,
        "size": 0,
        "tickets": 0,
        "threads": {},
        "forks": {},
        "event_id": 0,
        "history": event.history,
        "seed": event.seed or event.name,
        "draws": 0,
        "context": dict(event.context) if event.context else {},
    }
    turn = Turn(program, snapshot, event.now_ms)
    turn.begin(event.size)
    return turn.result()
