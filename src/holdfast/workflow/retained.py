"""What is kept of a history: all of an ordinary one, and of a very long or heavy one its two ends.

A Map over a few hundred items tells its input some thousand times. The events at the front, where
the execution came from, and those at the end, where it failed, are kept whole; of those between,
large values are left out:

    {"name": "Pay", "input": {...}}  becomes  {"name": "Pay", "inputDetails": {"truncated": true}}

as AWS says it of a value that it left out, for every value of `details` by its own name; so it is
said of what cannot be written at all, wherever it stands. Where there are more events than AWS
keeps, those in the middle give way to one of type `EventsLeftOut`, with their `count`. Ids stay
what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import orjson

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
    rest = events[len(front) :]
    if not rest:
        return tuple(front)
    back, _ = _reach(reversed(rest), WHOLE_BYTES - spent)
    between = map(_lightened, rest[: len(rest) - len(back)])
    return (*front, *between, *reversed(back))


def _shortened(history: Sequence[_Event]) -> Sequence[_Event]:
    if len(history) <= EVENTS_MAX:
        return history
    front = EVENTS_MAX // 2
    end = len(history) - (EVENTS_MAX - front - 1)
    first = history[front]
    instead = {**first, "type": LEFT_OUT, "details": {"count": end - front}}
    return [*history[:front], instead, *history[end:]]


def _reach(events: Iterable[_Event], budget_bytes: int) -> tuple[list[_Event], int]:
    """Those of the events that there is room for, and what they weigh."""
    kept: list[_Event] = []
    spent = 0
    for event in events:
        weight, written = _weight(event), event
        if weight is None:
            written = _without(event, lambda value: not _is_writable(value))
            weight = measure(written)
        if spent + weight > budget_bytes:
            break
        kept.append(written)
        spent += weight
    return kept, spent


def _weight(event: _Event) -> int | None:
    """Its bytes in a history, with the comma after it; None: no history with it can be written or shown."""
    try:
        # Whoever shows a history does so within other things, and the depth that can be written ends.
        return len(orjson.dumps([[[[[[event]]]]]])) - 11
    except TypeError:
        return None


def _is_writable(value: Any) -> bool:
    """Whether a value of `details` can stand in a history.

    A state may hold what no store takes: half of a surrogate pair, an integer beyond 64 bits, lists
    within lists some hundred deep.
    """
    return _weight({"details": {"": value}}) is not None


def _lightened(event: _Event) -> _Event:
    return _without(
        event, lambda value: _left(value, VALUE_BYTES_MAX) < 0 or not _is_writable(value)
    )


def _without(event: _Event, is_left_out: Callable[[Any], bool]) -> _Event:
    details: dict[str, Any] = {}
    for name, value in event["details"].items():
        if is_left_out(value):
            details[f"{name}Details"] = {"truncated": True}
        else:
            details[name] = value
    return {**event, "details": details}


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
