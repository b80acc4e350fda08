"""What the machine hears, what it asks for, and what it remembers in between.

    Started ─> RunTask ─> TaskSucceeded | TaskFailed ─> ... ─> Finish
               StartTimer ─> TimerFired
               Cancel

A snapshot is JSON: it can be written down after any event and resumed elsewhere. It holds `threads`,
lines of control by the ticket of the command that each waits for, and `forks`, the Parallel and Map
states that have lines of control within them. Every event but `Started` and `TimedOut` quotes its
ticket, and what quotes an unknown one (a task that answers after its timeout) changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypedDict

Status = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT"]
Ended = Literal["SUCCEEDED", "FAILED", "TIMED_OUT"]
Asked = Literal["none", "failures", "all"]
"""Of the history: nothing, the events that AWS logs at level ERROR, or every one."""


class Scope(TypedDict):
    """What a line of control belongs to; its states share it."""

    fork: str
    """The Parallel or Map that it runs within; empty for the execution itself."""
    index: int
    """Which branch or item of it."""
    variables: dict[str, Any]
    """All that it sees: those from outside as they were, and its own."""
    weight: int
    """At least the bytes of the variables as JSON."""
    item: Any
    """`$$.Map.Item` of the innermost Map; None outside of any."""


class Thread(TypedDict):
    """One line of control, waiting in a state."""

    state: str
    input: Any
    """The state's raw input."""
    size: int
    """At least the bytes of `input` as JSON."""
    entered_ms: int
    entered_id: int
    """The event that it entered the state with; 0 where it has not yet."""
    last_id: int
    """The last event of this line of control."""
    retries: list[int] | None
    """How often each of the state's retriers has been used; None where it can have none."""
    awaits: Literal["task", "retry", "wait", "turn", "fork"]
    scope: Scope


class Fork(TypedDict):
    """A Parallel or Map state under way."""

    thread: Thread
    """The state itself."""
    given: Any
    """Its effective input."""
    size: int
    """At least the bytes of `given` as JSON."""
    items: list[Any] | None
    """Of a Map."""
    outputs: list[Any]
    """One for each branch or item, in their order; null until it ends."""
    weight: int
    """At least the bytes of the outputs as JSON."""
    begun: int
    running: int
    failed: int
    width: int
    """How many may run at once."""
    tolerated: float | None
    """How many items may fail; None: the first one that does fails the state, with its error."""


class Snapshot(TypedDict):
    """An execution between two events."""

    status: Status
    name: str
    machine: str
    started_ms: int
    input: Any
    size: int
    """At least the bytes of `input` as JSON."""
    tickets: int
    """How many tickets were given out."""
    threads: dict[str, Thread]
    forks: dict[str, Fork]
    event_id: int
    """The id of the last event of the history, which is counted whether anybody asks for it or not:
    AWS names events in causes."""
    history: Asked
    """Which `Record`s are asked for."""
    seed: str
    """What random values are drawn from."""
    draws: int
    """How many were drawn."""
    context: dict[str, Any]
    """What the context object holds beside, or instead of, what the machine knows."""


class Started(NamedTuple):
    """`size`: the bytes of `input` as JSON where known. `history`: which `Record`s to make.

    `seed`: what `States.UUID` and its like draw from, so that the same events give the same values;
    an execution of its own needs one of its own. `context`: laid over the context object.
    """

    input: Any
    now_ms: int
    name: str = ""
    machine: str = ""
    size: int | None = None
    history: Asked = "none"
    seed: str = ""
    context: Mapping[str, Any] | None = None


class TaskSucceeded(NamedTuple):
    """`size`: the bytes of `output` as JSON where known."""

    ticket: str
    output: Any
    now_ms: int
    size: int | None = None


class TaskFailed(NamedTuple):
    """`States.Timeout` where it took too long."""

    ticket: str
    error: str
    cause: str | None
    now_ms: int


class TimerFired(NamedTuple):
    ticket: str
    now_ms: int


class TimedOut(NamedTuple):
    """The execution as a whole took longer than its document allows."""

    now_ms: int


Event = Started | TaskSucceeded | TaskFailed | TimerFired | TimedOut


class RunTask(NamedTuple):
    ticket: str
    state: str
    resource: str
    input: Any
    timeout_seconds: float | None
    heartbeat_seconds: float | None


class StartTimer(NamedTuple):
    """Where `jitter`, the runner draws from 0 to `seconds`: what it drew is no part of a snapshot,
    so that the same events always give the same one."""

    ticket: str
    seconds: float
    jitter: bool


class Cancel(NamedTuple):
    """Nobody waits any more for the task or timer of this ticket."""

    ticket: str


class Record(NamedTuple):
    """One event of the history in AWS's vocabulary: id, previousEventId, timestamp, type, details."""

    event: dict[str, Any]


class Finish(NamedTuple):
    status: Ended
    output: Any
    error: str | None
    cause: str | None
    state: str | None
    """The state that failed."""


Command = RunTask | StartTimer | Cancel | Record | Finish

UNBORN: Final[Snapshot] = {
    "status": "FAILED",
    "name": "",
    "machine": "",
    "started_ms": 0,
    "input": None,
    "size": 4,
    "tickets": 0,
    "threads": {},
    "forks": {},
    "event_id": 0,
    "history": "none",
    "seed": "",
    "draws": 0,
    "context": {},
}
"""What becomes of an execution whose first event is not `Started`."""
