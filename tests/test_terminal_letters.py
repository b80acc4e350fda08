"""A feed of dead letters, for engines that keep no history."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.clock import ManualClock
from holdfast.message import Failure, Headers, Message, Request, new_message_id
from holdfast.operate.book import COMMAND_LINE, Who
from holdfast.queue.contract import QueueLimits
from holdfast.terminal.feed import News
from holdfast.terminal.letters import DEPTH_SECONDS, LETTERS_SECONDS, Letters
from holdfast.terminal.rows import Row
from holdfast.terminal.source import Wanted
from holdfast.terminal.store import StoreSource
from holdfast.testing import MemoryEngine
from terminal_kit import text_of

WHO = Who("ada", COMMAND_LINE)


class NoHistory(MemoryEngine):
    """As a cloud's queue is."""

    abilities = frozenset({"uncount"})


class Queue:
    """An engine without history, with a feed of its dead letters."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.engine = NoHistory(clock=self.clock)
        self.engine.configure({"orders": QueueLimits()})
        source = StoreSource(
            self.engine, Wanted(), title="queue", compiled=None, who=WHO, clock=self.clock,
            console_url="http://127.0.0.1:8082",
        )  # fmt: skip
        self.looks = 0

        class Counted(StoreSource):
            def letters(inner, limit: int) -> list[Row]:  # noqa: N805 - self is the queue's here
                self.looks += 1
                return super().letters(limit)

        source.__class__ = Counted
        self.source = source
        self.feed = Letters(source, "no history", clock=self.clock)

    def dies(self) -> str:
        self.clock.advance(0.01)
        now = self.clock.now_ms()
        id = new_message_id(now)
        request = Request("POST", "/orders", "", Headers(), b"{}")
        self.engine.send([Message(id, "orders", now, request)])
        (lease,) = self.engine.receive("orders", 1, 30)
        self.engine.bury(lease.receipt, Failure("KeyError", "x", "Handle", now, 1, "permanent"))
        return id

    def look(self) -> Sequence[str]:
        self.clock.advance(DEPTH_SECONDS)
        return [row.id for row in self.feed.look().rows]


def test_without_history_dead_letters_are_told() -> None:
    """Those that are there, and each new one, once; and how many wait."""
    queue = Queue()
    made = [queue.dies(), queue.dies()]
    assert queue.look() == made
    assert queue.look() == []
    made.append(queue.dies())
    assert queue.look() == made[-1:]
    assert queue.feed.note == "no history"


def test_a_queue_is_not_looked_through_more_often_than_it_must() -> None:
    """Where the number of letters stays as it is, once a minute: looking hides them from others."""
    queue = Queue()
    queue.dies()
    queue.look()
    for _ in range(int(LETTERS_SECONDS / DEPTH_SECONDS) - 1):
        queue.look()
    assert queue.looks == 1
    queue.look()
    assert queue.looks == 2
    assert queue.feed.look() == News()


def test_one_that_was_sent_back_and_died_again_is_told() -> None:
    """Though there are as many as before: after a retry they are looked through in any case."""
    queue = Queue()
    id = queue.dies()
    queue.clock.advance(DEPTH_SECONDS)
    (row,) = queue.feed.look().rows
    queue.feed.retry(row)
    queue.clock.advance(1)
    (lease,) = queue.engine.receive("orders", 1, 30)
    failure = Failure("KeyError", "x", "Handle", queue.clock.now_ms(), 1, "permanent")
    queue.engine.bury(lease.receipt, failure)

    assert queue.look() == [id]


def test_a_letter_without_history_is_shown_and_sent_back() -> None:
    """With its last failure; afterwards it is gone from the queue of the dead."""
    queue = Queue()
    id = queue.dies()
    queue.clock.advance(DEPTH_SECONDS)
    (row,) = queue.feed.look().rows

    assert "KeyError" in "\n".join(text_of(queue.feed.show(row, 80).lines))
    assert queue.feed.page(row) == f"http://127.0.0.1:8082/dead/letters/{id}"
    assert queue.feed.retry(row) == "redriven: back in its queue"
    assert [one.waiting for one in queue.engine.depth()] == [1]
    queue.clock.advance(DEPTH_SECONDS)
    assert queue.feed.look().counts is not None
