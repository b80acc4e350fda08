"""Claims about dead letters: how messages get there, what is known of them, how they leave."""

from __future__ import annotations

from holdfast.queue.contract import Depth, Filter, QueueLimits, place, walk
from holdfast.testing.conformance.ground import DAY, ORDERS, REFUNDS, Ground, ids, sent_ids

NOTHING_REFUNDED = Depth(REFUNDS, 0, 0, 0, None)


class Resting(Ground):
    """Bury, browse, redrive, purge, and what time does by itself."""

    def test_a_buried_message_rests_with_all_that_is_known(self) -> None:
        """The message itself, reason, failure, time, and how often it was handed out."""
        self.send()
        lease = self.lease()
        self.clock.advance(2)
        failure = self.failure("PaymentRefused", "permanent")

        assert self.engine.bury(lease.receipt, failure)

        (letter,) = self.dead()
        assert lease.message == letter.message
        assert ("permanent", failure, (failure,)) == (
            letter.reason,
            letter.failure,
            letter.attempts,
        )
        assert (self.clock.now_ms(), 1) == (letter.died_at_ms, letter.receive_count)
        assert letter.superseded_by is None

    def test_a_failure_in_any_language_is_kept_whole(self) -> None:
        """Error and cause are text, long and of any script."""
        lease = self.sent_and_leased()
        failure = self.failure("Пустой🐎", "signature_mismatch")
        self.engine.bury(lease.receipt, failure)

        assert failure == self.dead()[0].failure

    def test_a_dead_letter_is_handed_to_nobody(self) -> None:
        """And its receipt is stale, for another bury too."""
        lease = self.sent_and_leased()
        self.engine.bury(lease.receipt, self.failure(reason="permanent"))
        self.clock.advance(3600)

        assert self.receive() == []
        assert self.engine.settle([lease.receipt]) == [False]
        assert not self.engine.bury(lease.receipt, self.failure(reason="permanent"))
        assert self.counts() == (0, 0, 1)

    def test_bury_works_on_a_receipt_whose_lease_ended(self) -> None:
        """As long as nobody received the message since."""
        lease = self.sent_and_leased()
        self.clock.advance(31)

        assert self.engine.bury(lease.receipt, self.failure(reason="permanent"))

    def test_browse_finds_by_each_field(self) -> None:
        """Id, webhook, reason and error; a field left out matches everything."""
        one = self.buried("permanent", "KeyError")
        two = self.buried("signature_mismatch", "VerificationFailed")
        everything = [one.id, two.id]
        searches = {
            Filter(id=one.id): [one.id],
            Filter(webhook=ORDERS, newest_first=False): everything,
            Filter(webhook=REFUNDS): [],
            Filter(reason="signature_mismatch"): [two.id],
            Filter(error="KeyError"): [one.id],
            Filter(error="KeyError", reason="signature_mismatch"): [],
        }

        assert searches == {search: ids(self.engine.browse(search)) for search in searches}

    def test_browse_finds_by_time(self) -> None:
        """Since and until are about the time of death, whenever the message arrived."""
        self.send(2)
        first, second = self.engine.receive(ORDERS, 2, lease_seconds=9_000)
        old, new = first.message, second.message
        self.engine.bury(first.receipt, self.failure(reason="permanent"))
        self.clock.advance(3600)
        between_ms = self.clock.now_ms()
        self.engine.bury(second.receipt, self.failure(reason="permanent"))

        assert [new.id] == ids(self.engine.browse(Filter(since_ms=between_ms)))
        assert [old.id] == ids(self.engine.browse(Filter(until_ms=between_ms)))

    def test_browse_goes_page_by_page_in_id_order(self) -> None:
        """Newest or oldest first; each page begins after the last id of the one before."""
        everything = sorted(self.buried().id for _ in range(5))

        assert everything[:2] == ids(self.engine.browse(Filter(newest_first=False), limit=2))
        assert everything[2:4] == ids(
            self.engine.browse(Filter(newest_first=False), everything[1], 2)
        )
        assert everything[::-1] == ids(list(walk(self.engine, Filter(), page=2)))

    def test_browse_goes_page_by_page_in_the_order_of_deaths(self) -> None:
        """Also where one of a page is sent back before the next page is asked for."""
        leases = [self.sent_and_leased() for _ in range(5)]
        for at in (3, 0, 4, 1, 2):
            self.engine.bury(leases[at].receipt, self.failure(reason="permanent"))
            self.clock.advance(1)
        letters = sorted(self.dead(), key=lambda one: (one.died_at_ms, one.message.id))
        died = ids(letters)
        newest, oldest = (Filter(by_death=True, newest_first=first) for first in (True, False))

        assert died == ids(list(walk(self.engine, oldest, page=2)))
        assert died[::-1] == ids(list(walk(self.engine, newest, page=2)))
        last = self.engine.browse(newest, None, 2)[-1]
        self.engine.redrive([last.message.id])
        after = place(newest, last.message.id, last.died_at_ms)
        assert died[2::-1] == ids(self.engine.browse(newest, after))

    def test_browse_shows_dead_letters_only(self) -> None:
        """Neither what waits nor what is leased, done or purged."""
        purged, dead = self.buried(), self.buried()
        self.engine.purge([purged.id])
        self.engine.settle([self.sent_and_leased().receipt])
        self.sent_and_leased()
        self.send()

        assert [dead.id] == ids(self.engine.browse(Filter()))

    def test_redrive_begins_anew(self) -> None:
        """The same message, waiting at once, as if it had never been received."""
        message = self.buried()

        assert self.engine.redrive([message.id]) == [True]

        assert self.counts() == (1, 0, 0)
        lease = self.lease()
        assert (message, 1) == (lease.message, lease.receive_count)

    def test_redrive_takes_only_dead_letters(self) -> None:
        """One answer per id: unknown, waiting, leased, done and redriven ones are not."""
        dead = self.buried()
        done = self.sent_and_leased()
        self.engine.settle([done.receipt])
        leased = self.sent_and_leased()
        (waiting,) = self.send()
        wanted = ["unknown", waiting.id, leased.message.id, done.message.id, dead.id, dead.id]

        assert self.engine.redrive(wanted) == [False, False, False, False, True, False]
        assert self.counts() == (2, 1, 0)

    def test_a_redriven_message_has_all_its_receives_again(self) -> None:
        """It becomes a dead letter only after as many as a new one."""
        self.engine.configure({ORDERS: QueueLimits(max_receive_count=2)})
        message = self.buried()
        self.engine.redrive([message.id])
        for _ in range(2):
            assert [message.id] == ids(self.receive())
            self.clock.advance(31)

        assert self.receive() == []
        assert [letter.reason for letter in self.dead()] == ["exhausted"]

    def test_a_redriven_messages_retention_starts_anew(self) -> None:
        """It does not expire for the time it lay dead."""
        message = self.buried()
        self.clock.advance(10 * DAY)
        self.engine.redrive([message.id])
        self.clock.advance(6 * DAY)
        self.upkeep()

        assert [message.id] == ids(self.receive())

    def test_purge_is_for_good(self) -> None:
        """Not browsed, not redriven, not counted."""
        message = self.buried()

        assert self.engine.purge([message.id, message.id, "unknown"]) == [True, False, False]
        assert self.dead() == []
        assert self.engine.redrive([message.id]) == [False]
        assert self.counts() == (0, 0, 0)

    def test_purge_takes_only_dead_letters(self) -> None:
        """What waits or is being worked cannot be purged."""
        leased = self.sent_and_leased()
        (waiting,) = self.send()

        assert self.engine.purge([waiting.id, leased.message.id]) == [False, False]
        assert self.counts() == (1, 1, 0)

    def test_what_waits_longer_than_the_retention_is_a_dead_letter(self) -> None:
        """Reason `expired`: nothing that was accepted vanishes without a trace."""
        self.needs("expires")
        (message,) = self.send()
        self.clock.advance(7 * DAY + 60)
        self.upkeep()

        (letter,) = self.dead()
        assert (message, "expired", None) == (letter.message, letter.reason, letter.failure)

    def test_what_was_received_before_can_expire_too(self) -> None:
        """And then carries the failure of its last attempt."""
        self.needs("expires")
        lease = self.sent_and_leased()
        self.engine.extend([lease.receipt], 5, self.failure("OSError"))
        self.clock.advance(7 * DAY + 60)
        self.upkeep()

        (letter,) = self.dead()
        assert letter.failure is not None
        assert (letter.reason, letter.failure.error) == ("expired", "OSError")

    def test_nothing_expired_is_handed_out(self) -> None:
        """Even if upkeep has not come by yet."""
        self.send()
        self.clock.advance(7 * DAY + 60)

        assert self.receive() == []

    def test_nothing_expires_before_its_time(self) -> None:
        """A minute less than the retention, and it is handed out as ever."""
        (message,) = self.send()
        self.clock.advance(7 * DAY - 60)
        self.upkeep()

        assert [message.id] == ids(self.receive())

    def test_the_retention_counts_from_arrival(self) -> None:
        """Not from when the message was last given back."""
        self.needs("expires")
        self.send()
        self.clock.advance(6 * DAY)
        self.engine.release([self.lease().receipt])
        self.clock.advance(1 * DAY + 60)
        self.upkeep()

        assert [letter.reason for letter in self.dead()] == ["expired"]

    def test_what_is_being_worked_does_not_expire(self) -> None:
        """Retention is for what waits: the holder of a lease may still finish."""
        self.send()
        self.clock.advance(7 * DAY - 10)
        lease = self.lease()
        self.clock.advance(20)
        self.upkeep()

        assert self.engine.settle([lease.receipt]) == [True]

    def test_each_queue_expires_by_its_own_numbers(self) -> None:
        """What another webhook keeps for a day or for a year does not matter."""
        self.needs("expires")
        self.engine.configure({REFUNDS: QueueLimits(retention_seconds=DAY)})
        self.send(1, ORDERS)
        (refund,) = self.send(1, REFUNDS)
        self.clock.advance(DAY + 60)
        self.upkeep()

        assert [refund.id] == ids(self.dead())

    def test_a_dead_letter_is_removed_when_its_retention_passes(self) -> None:
        """Counted from its death, and not before."""
        self.clock.advance(5 * DAY)
        message = self.buried()
        self.clock.advance(14 * DAY - 60)
        self.upkeep()
        assert [message.id] == ids(self.dead())

        self.clock.advance(120)
        self.upkeep()

        assert self.dead() == []
        assert self.counts() == (0, 0, 0)
        assert self.engine.redrive([message.id]) == [False]

    def test_depth_counts_every_state(self) -> None:
        """And says when the oldest of those that wait came in."""
        self.needs("exact")
        self.buried()
        self.sent_and_leased()
        self.clock.advance(10)
        oldest, _ = self.send(2)
        self.clock.advance(10)
        self.send()

        orders = Depth(ORDERS, 3, 1, 1, oldest.received_at_ms)
        assert self.engine.depth() == [orders, NOTHING_REFUNDED]

    def test_depth_of_nothing_is_nothing(self) -> None:
        """One row for a webhook that was configured, without an oldest."""
        assert self.engine.depth() == [Depth(ORDERS, 0, 0, 0, None), NOTHING_REFUNDED]

    def test_depth_is_right_after_thousands_went_through(self) -> None:
        """Sent, settled, buried and left in between."""
        self.send(300)
        leases = self.receive(limit=200)
        self.engine.settle([lease.receipt for lease in leases[:150]])
        for lease in leases[150:160]:
            self.engine.bury(lease.receipt, self.failure(reason="permanent"))
        self.engine.release([lease.receipt for lease in leases[160:170]])

        assert self.counts() == (110, 30, 10)

    def test_the_store_remembers_every_webhook(self) -> None:
        """Configured or merely sent to, sorted, one row of depth each."""
        self.send(1, "zebras")
        self.engine.configure({"alerts": QueueLimits()})

        assert self.other.webhooks() == ["alerts", ORDERS, REFUNDS, "zebras"]
        assert [depth.webhook for depth in self.other.depth()] == [
            "alerts",
            ORDERS,
            REFUNDS,
            "zebras",
        ]

    def test_many_are_redriven_in_one_call(self) -> None:
        """All of them wait again."""
        sent = self.send(30)
        for lease in self.receive(limit=30):
            self.engine.bury(lease.receipt, self.failure(reason="permanent"))

        assert self.engine.redrive(sent_ids(sent)) == [True] * 30
        assert sorted(sent_ids(sent)) == sorted(ids(self.receive(limit=30)))
