"""Claims about leases: what a receipt allows, and what a stale one cannot do."""

from __future__ import annotations

from holdfast.message import Receipt
from holdfast.queue.contract import ClaimAnswer
from holdfast.testing.conformance.ground import Ground, ids, sent_ids


class Leasing(Ground):
    """Settle, release, extend: fenced, one answer per receipt."""

    def test_a_settled_message_never_comes_back(self) -> None:
        """It is in no state that an operator would look at."""
        lease = self.sent_and_leased()

        assert self.engine.settle([lease.receipt]) == [True]
        self.clock.advance(3600)
        assert self.receive() == []
        assert self.counts() == (0, 0, 0)

    def test_settling_again_is_stale(self) -> None:
        """Once done, a receipt is worth nothing, not even twice in one call."""
        first, second = self.sent_and_leased(), self.sent_and_leased()
        self.engine.settle([first.receipt])

        assert self.engine.settle([first.receipt, second.receipt, second.receipt]) == [
            False,
            True,
            False,
        ]

    def test_a_receipt_nobody_gave_out_is_stale(self) -> None:
        """Whatever it looks like."""
        for text in ("", "no such receipt", "1:1", "0:0:0", "🐎"):
            receipt = Receipt(text)
            assert self.engine.settle([receipt]) == [False]
            assert self.engine.extend([receipt], 30) == [False]
            assert self.engine.release([receipt]) == [False]
            assert not self.engine.bury(receipt, self.failure(reason="permanent"))

    def test_a_call_with_no_receipts_is_no_error(self) -> None:
        """The answer has as many items as the question."""
        self.engine.begin([])

        assert self.engine.settle([]) == []
        assert self.engine.release([]) == []
        assert self.engine.extend([], 30) == []

    def test_many_are_settled_in_one_call(self) -> None:
        """Answers stand in the order of the receipts, stale ones among them."""
        self.send(200)
        leases = self.receive(limit=200)
        self.engine.settle([lease.receipt for lease in leases[::2]])

        answers = self.engine.settle([lease.receipt for lease in leases])

        assert answers == [False, True] * 100

    def test_when_the_lease_ends_the_message_is_waiting(self) -> None:
        """Nobody needs to do anything for that."""
        lease = self.sent_and_leased()
        assert self.counts() == (0, 1, 0)

        self.clock.advance(30)

        assert self.counts() == (1, 0, 0)
        assert [lease.message.id] == ids(self.receive(self.other))

    def test_a_receipt_outlives_its_lease_until_the_next_receive(self) -> None:
        """Work that took too long but collided with nobody still counts."""
        lease = self.sent_and_leased()
        self.clock.advance(3600)

        assert self.engine.settle([lease.receipt]) == [True]
        assert self.receive() == []

    def test_a_lease_that_ended_can_be_extended(self) -> None:
        """If nobody else received the message since."""
        self.needs("revives")
        lease = self.sent_and_leased()
        self.clock.advance(31)

        assert self.engine.extend([lease.receipt], 30) == [True]
        assert self.receive(self.other) == []

    def test_a_stale_receipt_settles_nothing(self) -> None:
        """Whoever lost its lease cannot finish what another one works."""
        self.needs("fenced")
        lease = self.stale()

        assert self.engine.settle([lease.receipt]) == [False]
        assert self.counts() == (0, 1, 0)

    def test_a_stale_receipt_releases_nothing(self) -> None:
        """The new holder keeps its lease, and its count."""
        self.needs("fenced")
        lease = self.stale()

        assert self.engine.release([lease.receipt]) == [False]
        assert self.counts() == (0, 1, 0)
        self.clock.advance(31)
        assert self.lease().receive_count == 3

    def test_a_stale_receipt_extends_nothing(self) -> None:
        """Neither longer nor to an end, and its failure is not recorded."""
        self.needs("fenced")
        lease = self.stale()

        assert self.engine.extend([lease.receipt], 0, self.failure("Stale")) == [False]
        assert self.engine.extend([lease.receipt], 3600) == [False]
        assert self.receive() == []
        self.clock.advance(31)
        last = self.lease()
        self.engine.bury(last.receipt, self.failure("Fresh", reason="permanent"))
        assert [failure.error for failure in self.dead()[0].attempts] == ["Fresh"]

    def test_a_stale_receipt_buries_nothing(self) -> None:
        """The new holder may still succeed."""
        self.needs("fenced")
        lease = self.stale()

        assert not self.engine.bury(lease.receipt, self.failure(reason="permanent"))
        assert self.counts() == (0, 1, 0)

    def test_a_stale_receipt_begins_nothing(self) -> None:
        """It is ignored, as the work will be."""
        lease = self.stale()

        self.engine.begin([lease.receipt])

        assert self.counts() == (0, 1, 0)

    def test_a_stale_receipt_is_granted_no_claim(self) -> None:
        """The event is another holder's to work."""
        self.needs("fenced")
        lease = self.stale()

        assert ClaimAnswer.GRANTED is not self.engine.claim(lease.receipt, "evt_1").answer

    def test_a_receipt_is_good_wherever_it_is_shown(self) -> None:
        """A holder's threads and processes may settle for one another."""
        lease = self.sent_and_leased()

        assert self.other.settle([lease.receipt]) == [True]

    def test_extend_makes_the_lease_end_that_much_from_now(self) -> None:
        """Counted from the call, not from the old end."""
        lease = self.sent_and_leased()
        self.clock.advance(20)
        self.engine.extend([lease.receipt], 30)
        self.clock.advance(29)
        assert self.receive(self.other) == []
        self.clock.advance(1)

        assert [lease.message.id] == ids(self.receive(self.other))

    def test_extend_can_shorten(self) -> None:
        """This is how backoff waits: less than a lease, if need be."""
        lease = self.sent_and_leased()
        self.engine.extend([lease.receipt], 5, self.failure())
        self.clock.advance(5)

        assert [lease.message.id] == ids(self.receive())

    def test_extending_to_nothing_gives_the_message_back_counted(self) -> None:
        """It is waiting at once, and the receive still counts."""
        lease = self.sent_and_leased()

        assert self.engine.extend([lease.receipt], 0) == [True]
        assert self.counts() == (1, 0, 0)
        assert self.lease(self.other).receive_count == 2

    def test_extend_keeps_the_failure_of_each_attempt(self) -> None:
        """A dead letter tells its whole story, in order."""
        self.send()
        for attempt, error in enumerate(("KeyError", "OSError"), start=1):
            self.engine.extend([self.lease().receipt], 0, self.failure(error, attempt=attempt))
        last = self.failure("ValueError", "permanent", attempt=3)
        self.engine.bury(self.lease().receipt, last)

        (letter,) = self.dead()
        assert [one.error for one in letter.attempts] == ["KeyError", "OSError", "ValueError"]
        assert last == letter.failure

    def test_a_heartbeat_records_nothing(self) -> None:
        """Extend without a failure leaves the attempt history alone."""
        lease = self.sent_and_leased()
        self.engine.extend([lease.receipt], 30)
        self.engine.bury(lease.receipt, self.failure(reason="permanent"))

        assert len(self.dead()[0].attempts) == 1

    def test_many_are_extended_in_one_call(self) -> None:
        """One answer per receipt, stale ones among them."""
        self.send(50)
        leases = self.receive(limit=50)
        self.engine.settle([lease.receipt for lease in leases[:10]])

        answers = self.engine.extend([lease.receipt for lease in leases], 60)

        assert answers == [False] * 10 + [True] * 40

    def test_a_released_message_is_waiting_at_once(self) -> None:
        """For anybody, and its old receipt is stale."""
        lease = self.sent_and_leased()

        assert self.engine.release([lease.receipt]) == [True]
        assert self.counts() == (1, 0, 0)
        assert self.engine.settle([lease.receipt]) == [False]
        assert [lease.message.id] == ids(self.receive(self.other))

    def test_a_release_undoes_the_count(self) -> None:
        """What was never worked does not come closer to dead letters, however often."""
        self.needs("uncount")
        self.send()
        for _ in range(10):
            self.engine.release([self.lease().receipt])

        assert self.lease().receive_count == 1

    def test_a_release_with_a_delay_comes_back_later(self) -> None:
        """It is not handed out before its time."""
        lease = self.sent_and_leased()
        self.engine.release([lease.receipt], delay_seconds=60)

        self.clock.advance(59)
        assert self.receive() == []
        self.clock.advance(1)
        assert [lease.message.id] == ids(self.receive())

    def test_a_release_with_a_delay_counts_as_waiting(self) -> None:
        """Nobody holds it."""
        self.needs("exact")
        self.engine.release([self.sent_and_leased().receipt], delay_seconds=60)

        assert self.counts() == (1, 0, 0)

    def test_many_are_released_in_one_call(self) -> None:
        """And all of them can be received again."""
        sent = self.send(50)
        leases = self.receive(limit=50)

        assert self.engine.release([lease.receipt for lease in leases]) == [True] * 50
        assert sorted(sent_ids(sent)) == sorted(ids(self.receive(self.other, limit=50)))

    def test_a_clock_set_back_hands_nothing_out_twice(self) -> None:
        """A lease lasts longer then; it never becomes two."""
        lease = self.sent_and_leased()
        self.clock.jump(-3600)

        assert self.receive(self.other) == []
        assert self.engine.settle([lease.receipt]) == [True]

    def test_a_clock_set_back_hides_nothing_new(self) -> None:
        """What was sent without a delay before the jump is there after it."""
        sent = self.send(2)
        self.clock.jump(-3600)

        assert sent_ids(sent) == self.in_order(ids(self.receive()))

    def test_a_clock_set_forward_ends_leases_and_no_more(self) -> None:
        """The message comes back; it is not lost, and not early dead."""
        self.needs("wall_clock")
        lease = self.sent_and_leased()
        self.clock.jump(3600)
        self.upkeep()

        assert [lease.message.id] == ids(self.receive(self.other))
