"""Claims about the archive: what came in, and what became of it."""

from __future__ import annotations

from holdfast.message import Message
from holdfast.queue.contract import Execution, Filter, Refusal, State
from holdfast.testing.conformance.ground import DAY, ORDERS, REFUNDS, Ground, ids, sent_ids


class Remembering(Ground):
    """Events, executions, refusals and rates."""

    def one_in_each_state(self) -> dict[State, Message]:
        self.needs("archive")
        purged = self.buried()
        self.engine.purge([purged.id])
        done = self.sent_and_leased()
        self.engine.settle([done.receipt])
        dead = self.buried("permanent", "KeyError")
        leased = self.sent_and_leased()
        (waiting,) = self.send()
        return {
            State.PURGED: purged,
            State.DONE: done.message,
            State.DEAD: dead,
            State.LEASED: leased.message,
            State.WAITING: waiting,
        }

    def execution(self, message: Message, attempt: int, started_at_ms: int) -> Execution:
        return Execution(
            message.id,
            ORDERS,
            attempt,
            started_at_ms,
            12.5,
            "FAILED",
            "ValueError",
            "because é🐎",
            "Handle",
            ({"id": 1, "type": "ExecutionStarted"}, {"id": 2, "type": "ExecutionFailed"}),
        )

    def refusal(
        self, number: int, *, webhook: str | None = ORDERS, reason: str = "schema"
    ) -> Refusal:
        return Refusal(
            id=f"{number:032x}",
            at_ms=self.clock.now_ms(),
            webhook=webhook,
            method="POST",
            path="/orders",
            remote="192.0.2.7",
            status=400,
            reason=reason,
            detail="age: é",
            headers=(("b", "2"), ("a", "1")),
            body=bytes(range(256)),
        )

    def test_history_knows_every_message_and_its_state(self) -> None:
        """Whatever became of it."""
        messages = self.one_in_each_state()

        states = {entry.message.id: entry.state for entry in self.engine.events(Filter())}

        assert {message.id: state for state, message in messages.items()} == states

    def test_history_finds_by_state(self) -> None:
        """One state at a time."""
        for state, message in self.one_in_each_state().items():
            assert [message.id] == ids(self.engine.events(Filter(state=state)))

    def test_history_finds_by_reason_and_error(self) -> None:
        """Those of dead letters."""
        dead = self.one_in_each_state()[State.DEAD]

        assert [dead.id] == ids(self.engine.events(Filter(reason="permanent", state=State.DEAD)))
        assert [dead.id] == ids(self.engine.events(Filter(error="KeyError")))
        assert self.engine.events(Filter(reason="expired")) == []

    def test_history_finds_by_webhook_and_time(self) -> None:
        """All given fields must match."""
        self.needs("archive")
        (early,) = self.send()
        self.clock.advance(60)
        between_ms = self.clock.now_ms()
        self.clock.advance(60)
        (refund,), (late,) = self.send(1, REFUNDS), self.send()

        assert [late.id] == ids(self.engine.events(Filter(webhook=ORDERS, since_ms=between_ms)))
        assert [early.id] == ids(self.engine.events(Filter(until_ms=between_ms)))
        assert [refund.id] == ids(self.engine.events(Filter(webhook=REFUNDS)))

    def test_history_goes_page_by_page_in_id_order(self) -> None:
        """Newest or oldest first."""
        self.needs("archive")
        everything = sorted(sent_ids(self.send(5)))

        newest = ids(self.engine.events(Filter(), limit=2))
        oldest = ids(self.engine.events(Filter(newest_first=False), everything[1], 2))

        assert everything[:2:-1] == newest
        assert everything[2:4] == oldest

    def test_history_keeps_the_message_itself(self) -> None:
        """Done or not: this is where a replay comes from."""
        done = self.one_in_each_state()[State.DONE]

        entry = self.entry(done)
        assert (done, 1, self.clock.now_ms()) == (
            entry.message,
            entry.receive_count,
            entry.finished_at_ms,
        )

    def test_history_tells_the_attempts_of_what_is_not_dead_yet(self) -> None:
        """Failures show while the message is still being tried."""
        self.needs("archive")
        lease = self.sent_and_leased()
        failure = self.failure("OSError")
        self.engine.extend([lease.receipt], 60, failure)

        assert (failure,) == self.entry(lease.message).attempts

    def test_a_released_message_shows_no_trace_of_it(self) -> None:
        """It looks as it did before."""
        self.needs("archive")
        self.needs("uncount")
        lease = self.sent_and_leased()
        self.engine.release([lease.receipt])

        entry = self.entry(lease.message)
        assert (entry.state, entry.receive_count, entry.attempts) == (State.WAITING, 0, ())

    def test_history_ends_with_the_retention(self) -> None:
        """What is done is kept as long as it could have waited."""
        self.needs("archive")
        lease = self.sent_and_leased()
        self.engine.settle([lease.receipt])
        self.clock.advance(6 * DAY)
        self.upkeep()
        assert [lease.message.id] == ids(self.engine.events(Filter()))

        self.clock.advance(2 * DAY)
        self.upkeep()

        assert self.engine.events(Filter()) == []

    def test_executions_are_told_oldest_first(self) -> None:
        """Those over one message, with all their fields."""
        self.needs("archive")
        one, two = self.send(2)
        now_ms = self.clock.now_ms()
        first, second = self.execution(one, 1, now_ms), self.execution(one, 2, now_ms + 100)
        self.engine.record([first, self.execution(two, 1, now_ms)])
        self.engine.record([second])

        assert [first, second] == self.engine.executions(one.id)
        assert self.engine.executions("unknown") == []

    def test_refusals_are_kept_whole(self) -> None:
        """Headers in order, body byte for byte."""
        self.needs("archive")
        refusal = self.refusal(1)
        self.engine.refuse([refusal])

        assert [refusal] == self.engine.refusals(Filter())

    def test_refusals_are_found_by_id_webhook_reason_and_time(self) -> None:
        """Those of no webhook among them."""
        self.needs("archive")
        one, two = self.refusal(1, reason="too_large"), self.refusal(2, webhook=None)
        self.engine.refuse([one, two])

        assert [two] == self.engine.refusals(Filter(id=two.id))
        assert [one] == self.engine.refusals(Filter(webhook=ORDERS))
        assert [one] == self.engine.refusals(Filter(reason="too_large"))
        assert self.engine.refusals(Filter(since_ms=self.clock.now_ms() + 1)) == []

    def test_refusals_go_page_by_page_in_id_order(self) -> None:
        """Newest first unless asked otherwise."""
        self.needs("archive")
        refusals = [self.refusal(number) for number in range(4)]
        self.engine.refuse(refusals)

        assert [refusals[3], refusals[2]] == self.engine.refusals(Filter(), limit=2)
        assert [refusals[1]] == self.engine.refusals(
            Filter(newest_first=False), refusals[0].id, limit=1
        )

    def test_a_refusal_is_no_message(self) -> None:
        """Nobody ever works it."""
        self.engine.refuse([self.refusal(1)])

        assert self.receive() == []
        assert self.counts() == (0, 0, 0)

    def test_rates_say_how_much_goes_through(self) -> None:
        """Per webhook: more than nothing of what happened, nothing of what did not."""
        self.needs("archive")
        self.engine.settle([self.sent_and_leased().receipt])
        self.engine.refuse([self.refusal(1)])
        self.clock.advance(30)

        rates = self.engine.rates(300)[ORDERS]

        happened = {outcome for outcome, rate in rates.items() if rate > 0}
        assert {"received", "done", "refused"} == happened

    def test_rates_forget_what_is_long_ago(self) -> None:
        """Only the window counts."""
        self.needs("archive")
        self.send(10)
        self.clock.advance(3600)

        assert not any(self.engine.rates(60).get(ORDERS, {}).values())
