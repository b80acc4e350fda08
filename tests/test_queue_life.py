"""The table `LIFE` against the model: every event tried in every state, and no row too many."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from holdfast.clock import ManualClock
from holdfast.message import Failure, Headers, Message, Receipt, Request
from holdfast.queue.contract import LIFE, QueueLimits, State
from holdfast.testing import MemoryEngine

DAY = 86_400.0
LONG = QueueLimits(retention_seconds=1_000 * DAY, dead_retention_seconds=1_000 * DAY)
SHORT = QueueLimits(retention_seconds=DAY, dead_retention_seconds=1_000 * DAY)
DEAD_SHORT = QueueLimits(retention_seconds=1_000 * DAY, dead_retention_seconds=DAY)
SPENT = QueueLimits(
    retention_seconds=1_000 * DAY, dead_retention_seconds=1_000 * DAY, max_receive_count=0
)

# What the table leaves out: an operator's explicit purge, and that history ends.
BESIDE_THE_TABLE = {
    (State.DEAD, "purge", State.PURGED),
    (State.DONE, "retention passes", None),
    (State.PURGED, "retention passes", None),
}


class Story:
    """One message on its way."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.engine = MemoryEngine(clock=self.clock)
        self.engine.configure({"orders": LONG})
        request = Request("POST", "/orders", "", Headers(), b"")
        self.message = Message("0" * 32, "orders", self.clock.now_ms(), request)
        self.receipt = Receipt("none yet")

    @property
    def state(self) -> State | None:
        record = self.engine.world.records.get(self.message.id)
        return record.state_at(self.clock.now_ms()) if record else None

    def receive(self, limits: QueueLimits = LONG) -> None:
        self.engine.configure({"orders": limits})
        for lease in self.engine.receive("orders", 1, 10 * DAY):
            self.receipt = lease.receipt

    def pass_days(self, days: float, limits: QueueLimits) -> None:
        self.engine.configure({"orders": limits})
        self.clock.advance(days * DAY)
        self.engine.maintain()

    def bury(self) -> None:
        self.engine.bury(self.receipt, Failure("ValueError", "", reason="permanent"))


EVENTS: dict[str, Callable[[Story], object]] = {
    "send": lambda story: story.engine.send([story.message]),
    "receive, count < max": lambda story: story.receive(),
    "receive, count = max": lambda story: story.receive(SPENT),
    "retention passes": lambda story: story.pass_days(2, SHORT),
    "settle, current receipt": lambda story: story.engine.settle([story.receipt]),
    "extend, current receipt": lambda story: story.engine.extend([story.receipt], 20 * DAY),
    "release": lambda story: story.engine.release([story.receipt]),
    "lease ends": lambda story: story.clock.advance(10 * DAY),
    "bury, current receipt": lambda story: story.bury(),
    "redrive": lambda story: story.engine.redrive([story.message.id]),
    "its retention passes": lambda story: story.pass_days(2, DEAD_SHORT),
    "purge": lambda story: story.engine.purge([story.message.id]),
}

TO_REACH: dict[State | None, tuple[str, ...]] = {
    None: (),
    State.WAITING: ("send",),
    State.LEASED: ("send", "receive, count < max"),
    State.DONE: ("send", "receive, count < max", "settle, current receipt"),
    State.DEAD: ("send", "receive, count < max", "bury, current receipt"),
    State.PURGED: ("send", "receive, count < max", "bury, current receipt", "purge"),
}


def story_in(state: State | None) -> Story:
    """A message that got there by the events that lead there."""
    story = Story()
    for event in TO_REACH[state]:
        EVENTS[event](story)
    assert story.state is state
    return story


def cells() -> Iterator[tuple[State | None, str]]:
    """Every state with every event. Only a new message can be sent."""
    for source in TO_REACH:
        for event in EVENTS:
            if (event == "send") == (source is None):
                yield source, event


@pytest.mark.parametrize(("source", "event"), list(cells()))
def test_an_event_does_what_the_table_says_or_nothing(source: State | None, event: str) -> None:
    """Where there is a row, the message goes where it says; where there is none, it stays."""
    rows = {(step.source, step.event): step.target for step in LIFE}
    rows |= {(begin, name): target for begin, name, target in BESIDE_THE_TABLE}
    story = story_in(source)

    EVENTS[event](story)

    assert story.state is rows.get((source, event), source)


def test_every_row_of_the_table_is_an_event_of_the_model() -> None:
    """So that none is drawn that nothing does."""
    assert {(step.source, step.event) for step in LIFE} <= set(cells())


def test_extending_to_nothing_leaves_a_message_waiting() -> None:
    """As the note in the table says."""
    story = story_in(State.LEASED)

    story.engine.extend([story.receipt], 0)

    assert story.state is State.WAITING
