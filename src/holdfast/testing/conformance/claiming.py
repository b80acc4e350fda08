"""Claims about `claim`: of several deliveries of one event, one is worked."""

from __future__ import annotations

from holdfast.message import Lease
from holdfast.queue.contract import Claim, ClaimAnswer, Filter, QueueLimits
from holdfast.testing.conformance.ground import DAY, ORDERS, REFUNDS, Ground

GRANTED = Claim(ClaimAnswer.GRANTED)


class Claiming(Ground):
    """Who works a delivery id, and what the others hear."""

    def claimed(self, delivery_id: str = "evt_1") -> Lease:
        """A new message of the first holder that was granted this delivery id."""
        lease = self.sent_and_leased()
        assert self.engine.claim(lease.receipt, delivery_id) == GRANTED
        return lease

    def claimed_and_buried(self) -> Lease:
        lease = self.claimed()
        assert self.engine.bury(lease.receipt, self.failure(reason="permanent"))
        return lease

    def test_the_first_to_ask_is_granted(self) -> None:
        """Nobody else holds the delivery id."""
        lease = self.sent_and_leased()

        assert self.engine.claim(lease.receipt, "evt_1") == GRANTED

    def test_the_holder_may_ask_again(self) -> None:
        """A message is never its own duplicate, within one attempt."""
        lease = self.claimed()

        assert self.engine.claim(lease.receipt, "evt_1") == GRANTED

    def test_a_second_attempt_of_the_holder_is_granted(self) -> None:
        """Nor is it across attempts, whoever works it."""
        lease = self.claimed()
        self.engine.extend([lease.receipt], 0, self.failure())

        assert self.other.claim(self.lease(self.other).receipt, "evt_1") == GRANTED

    def test_a_released_holder_still_holds(self) -> None:
        """It is in progress as long as it is neither done nor dead."""
        lease = self.claimed()
        self.engine.release([lease.receipt], delay_seconds=60)
        second = self.sent_and_leased()

        expected = Claim(ClaimAnswer.HELD, lease.message.id)
        assert expected == self.engine.claim(second.receipt, "evt_1")

    def test_another_delivery_in_progress_is_named(self) -> None:
        """The second one waits, and is told for whom."""
        first = self.claimed()
        self.send()
        second = self.lease(self.other)

        expected = Claim(ClaimAnswer.HELD, first.message.id)
        assert expected == self.other.claim(second.receipt, "evt_1")

    def test_another_delivery_that_is_done_makes_a_duplicate(self) -> None:
        """And is named."""
        first = self.claimed()
        self.engine.settle([first.receipt])
        second = self.sent_and_leased()

        expected = Claim(ClaimAnswer.DUPLICATE, first.message.id)
        assert expected == self.engine.claim(second.receipt, "evt_1")

    def test_a_done_delivery_is_remembered_for_a_week(self) -> None:
        """Also where the queue's own retention, and with it the history, is shorter."""
        self.engine.configure({ORDERS: QueueLimits(retention_seconds=60)})
        first = self.claimed()
        self.engine.settle([first.receipt])
        self.clock.advance(6 * DAY)
        self.upkeep()
        assert self.engine.claim(self.sent_and_leased().receipt, "evt_1") == Claim(
            ClaimAnswer.DUPLICATE, first.message.id
        )

        self.clock.advance(2 * DAY)

        assert self.engine.claim(self.sent_and_leased().receipt, "evt_1") == GRANTED

    def test_nothing_is_done_before_it_is_settled(self) -> None:
        """A granted claim alone never makes a later delivery a duplicate."""
        self.needs("fenced")
        first = self.claimed()
        self.clock.advance(3600)
        self.engine.settle([self.lease(self.other).receipt])
        assert self.engine.settle([first.receipt]) == [False]

        second = self.sent_and_leased()

        expected = Claim(ClaimAnswer.DUPLICATE, first.message.id)
        assert expected == self.engine.claim(second.receipt, "evt_1")

    def test_delivery_ids_are_each_webhooks_own(self) -> None:
        """Two senders may number their deliveries alike."""
        self.claimed()
        self.send(1, REFUNDS)
        (refund,) = self.engine.receive(REFUNDS, 1, 30)

        assert self.engine.claim(refund.receipt, "evt_1") == GRANTED

    def test_different_delivery_ids_do_not_meet(self) -> None:
        """Each is compared as it is, case, space and script included."""
        for delivery_id in ("evt_1", "EVT_1", "evt_1 ", "évt_1", "é🐎"):
            self.claimed(delivery_id)

    def test_a_dead_letter_yields_its_claim(self) -> None:
        """A later delivery of the same event is worked."""
        self.claimed_and_buried()
        second = self.sent_and_leased()

        assert self.engine.claim(second.receipt, "evt_1") == GRANTED

    def test_a_claim_that_passed_on_is_held_by_its_new_holder(self) -> None:
        """The dead letter, redriven meanwhile, has to wait for it."""
        first = self.claimed_and_buried()
        second = self.claimed()
        self.engine.redrive([first.message.id])

        expected = Claim(ClaimAnswer.HELD, second.message.id)
        assert expected == self.engine.claim(self.lease().receipt, "evt_1")

    def test_a_dead_letter_is_superseded_by_the_delivery_that_succeeds(self) -> None:
        """Marked in the commit that settles, and not before."""
        self.claimed_and_buried()
        second = self.claimed()
        assert [letter.superseded_by for letter in self.dead()] == [None]

        self.engine.settle([second.receipt])

        assert [second.message.id] == [letter.superseded_by for letter in self.dead()]

    def test_every_dead_letter_of_an_event_is_superseded(self) -> None:
        """However many deliveries died before one succeeded."""
        self.claimed_and_buried()
        self.claimed_and_buried()
        third = self.claimed()
        self.engine.settle([third.receipt])

        assert [letter.superseded_by for letter in self.dead()] == [third.message.id] * 2

    def test_a_delivery_that_dies_too_supersedes_nothing(self) -> None:
        """Then both rest."""
        self.claimed_and_buried()
        self.claimed_and_buried()

        assert [letter.superseded_by for letter in self.dead()] == [None, None]

    def test_a_redriven_dead_letter_may_claim_again(self) -> None:
        """It is the same message as before."""
        lease = self.claimed_and_buried()
        self.engine.redrive([lease.message.id])

        assert self.engine.claim(self.lease().receipt, "evt_1") == GRANTED

    def test_a_superseded_dead_letter_that_is_redriven_is_a_duplicate(self) -> None:
        """Its event was worked."""
        first = self.claimed_and_buried()
        second = self.claimed()
        self.engine.settle([second.receipt])
        self.engine.redrive([first.message.id])

        expected = Claim(ClaimAnswer.DUPLICATE, second.message.id)
        assert expected == self.engine.claim(self.lease().receipt, "evt_1")

    def test_a_purged_dead_letter_yields_its_claim(self) -> None:
        """What was thrown away was not worked."""
        lease = self.claimed_and_buried()
        self.engine.purge([lease.message.id])

        assert self.engine.claim(self.sent_and_leased().receipt, "evt_1") == GRANTED

    def test_a_removed_dead_letter_yields_its_claim(self) -> None:
        """Forgotten is not done."""
        self.engine.configure({ORDERS: QueueLimits(dead_retention_seconds=60)})
        self.claimed_and_buried()
        self.clock.advance(120)
        self.upkeep()

        assert self.engine.claim(self.sent_and_leased().receipt, "evt_1") == GRANTED

    def test_a_duplicate_is_known_for_days(self) -> None:
        """Senders try again for a while; so long the store remembers."""
        lease = self.claimed()
        self.engine.settle([lease.receipt])
        self.clock.advance(6 * DAY)
        self.upkeep()

        expected = Claim(ClaimAnswer.DUPLICATE, lease.message.id)
        assert expected == self.engine.claim(self.sent_and_leased().receipt, "evt_1")

    def test_after_the_window_a_delivery_id_is_new_again(self) -> None:
        """With the history of the message that held it, the memory of it ends."""
        self.engine.settle([self.claimed().receipt])
        self.clock.advance(8 * DAY)
        self.upkeep()

        assert self.engine.claim(self.sent_and_leased().receipt, "evt_1") == GRANTED

    def test_a_claim_is_everybodys(self) -> None:
        """It outlives the process that was granted it."""
        first = self.claimed()
        self.engine.settle([first.receipt])
        self.send()
        latecomer = self.another("third")

        expected = Claim(ClaimAnswer.DUPLICATE, first.message.id)
        assert expected == latecomer.claim(self.lease(latecomer).receipt, "evt_1")

    def test_a_duplicate_is_settled_as_one(self) -> None:
        """Done, and history says whose duplicate it was."""
        self.needs("archive")
        first = self.claimed()
        self.engine.settle([first.receipt])
        second = self.sent_and_leased()

        assert self.engine.settle([second.receipt], duplicate_of=first.message.id) == [True]

        assert first.message.id == self.entry(second.message).duplicate_of
        (done,) = self.engine.events(Filter(id=first.message.id))
        assert done.duplicate_of is None
