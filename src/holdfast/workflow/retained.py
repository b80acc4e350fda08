"""What is kept of a history: all of an ordinary one, and of a very long or heavy one its two ends.

A Map over a few hundred items tells its input some thousand times. The events at the front, where
the execution came from, and those at the end, where it failed, are kept whole; of those between,
large values are left out:

    {"name": "Pay", "input": {...}}  becomes  {"name": "Pay", "inputDetails": {"truncated": true}}

as AWS says it of a value that it left out, for every value of `details` by its own name. Where there
are more events than AWS keeps, those in the middle give way to one of type `EventsLeftOut`, with
their `count`. Ids stay what they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from holdfast.workflow.limits import measure

EVENTS_MAX: Final = 25_000
"""What AWS keeps of an execution (Step Functions quotas: event history of a Standard workflow)."""

WHOLE_BYTES: Final = 1_048_576
"""Of JSON that is kept whole: half from the front, and what that leaves from the end."""

VALUE_BYTES_MAX: Final = 1_024
"""Of a value between."""

LEFT_OUT: Final = "EventsLeftOut"

_Event = dict[str, Any]


def retained(history: Sequence[_Event]) -> tuple[_Event, ...]:
    """The events to keep, in their order. Those handed in are not changed.

    No more than `WHOLE_BYTES` and an event at each end are ever serialised.
    """
    events = _shortened(history)
    front, spent = _reach(events, WHOLE_BYTES // 2)
    if front == len(events):
        return tuple(events)
    back, _ = _reach(reversed(events[front:]), WHOLE_BYTES - spent)
    end = len(events) - back
    return (*events[:front], *map(_lightened, events[front:end]), *events[end:])


def _shortened(history: Sequence[_Event]) -> Sequence[_Event]:
    if len(history) <= EVENTS_MAX:
        return history
    front = EVENTS_MAX // 2
    end = len(history) - (EVENTS_MAX - front - 1)
    first = history[front]
    instead = {**first, "type": LEFT_OUT, "details": {"count": end - front}}
    return [*history[:front], instead, *history[end:]]


def _reach(events: Iterable[_Event], budget_bytes: int) -> tuple[int, int]:
    """How many of the events there is room for, and what they weigh."""
    count = spent = 0
    for event in events:
        weight = measure(event) + 1
        if spent + weight > budget_bytes:
            break
        count, spent = count + 1, spent + weight
    return count, spent


def _lightened(event: _Event) -> _Event:
    details = event["details"]
    light: dict[str, Any] = {}
    for name, value in details.items():
        if _left(value, VALUE_BYTES_MAX) < 0:
            light[f"{name}Details"] = {"truncated": True}
        else:
            light[name] = value
    return {**event, "details": light}


def _left(value: Any, room: int) -> int:
    """What of the room a value leaves, at most; below zero, it was not looked at to its end.

    Every level takes a byte at least, so that no value is too deep for this.
    """
    if room < 0:
        return room
    if isinstance(value, str):
        # Any character may take more than one byte: what is long enough need not be encoded.
        return room - 2 - (len(value) if len(value) > room else _bytes(value))
    if isinstance(value, dict):
        room -= 2
        for name, part in value.items():
            room = _left(part, room - _bytes(name) - 4)
            if room < 0:
                break
        return room
    if isinstance(value, list):
        room -= 2
        for part in value:
            room = _left(part, room - 1)
            if room < 0:
                break
        return room
    return room - (len(repr(value)) if isinstance(value, int | float) else 4)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
