"""Claims about crashes: what was acknowledged stays, what a dead worker held comes back."""

from __future__ import annotations

from holdfast.message import Lease
from holdfast.queue.contract import Claim, ClaimAnswer, QueueLimits
from holdfast.testing.conformance.ground import ORDERS, Ground, ids, sent_ids

WORKER_DIED = "Holdfast.WorkerDied"


class Crashing(Ground):
    """A process ends without a word, before or after each verb."""

    def crash_after_receive(self, *, begun: bool) -> Lease:
        """A message that the second holder had received, and perhaps begun, when it died."""
        self.needs("alone")
        self.send()
        lease = self.lease(self.other)
        if begun:
            self.other.begin([lease.receipt])
        self.crash(self.other, "second")
        return lease

    def test_what_was_sent_outlives_its_sender(self) -> None:
        """Send returned: it is there."""
        self.needs("alone")
        sent = [self.message() for _ in range(3)]
        assert self.engine
        self.other.send(sent)
        self.crash(self.other, "second")

        assert sent_ids(sent) == ids(self.receive())

    def test_what_was_settled_before_a_crash_stays_done(self) -> None:
        """Freeing what a dead worker held does not bring back what it finished."""
        self.needs("alone")
        self.send(2)
        done, open_ = self.receive(self.other)
        self.other.settle([done.receipt])
        self.crash(self.other, "second")

        assert [open_.message.id] == ids(self.receive())

    def test_what_was_buried_before_a_crash_stays_dead(self) -> None:
        """With its failure."""
        self.needs("alone")
        self.send()
        failure = self.failure(reason="permanent")
        self.other.bury(self.lease(self.other).receipt, failure)
        self.crash(self.other, "second")

        assert [failure] == [letter.failure for letter in self.dead()]

    def test_what_was_claimed_before_a_crash_stays_claimed(self) -> None:
        """By the message, not by the worker."""
        self.needs("alone")
        self.send()
        lease = self.lease(self.other)
        self.other.claim(lease.receipt, "evt_1")
        self.crash(self.other, "second")

        assert Claim(ClaimAnswer.GRANTED) == self.engine.claim(self.lease().receipt, "evt_1")
        expected = Claim(ClaimAnswer.HELD, lease.message.id)
        assert expected == self.engine.claim(self.sent_and_leased().receipt, "evt_1")

    def test_without_anybody_noticing_a_dead_workers_lease_runs_out(self) -> None:
        """Nothing depends on the crash being seen."""
        self.needs("alone")
        self.send()
        lease = self.lease(self.other)
        self.other.abandon()
        self.opened.remove(self.other)
        self.clock.advance(31)

        assert [lease.message.id] == ids(self.receive())

    def test_what_a_dead_worker_had_begun_comes_back_at_once_and_counted(self) -> None:
        """It may be what killed the worker."""
        lease = self.crash_after_receive(begun=True)

        again = self.lease()

        assert (lease.message.id, 2) == (again.message.id, again.receive_count)

    def test_what_a_dead_worker_had_begun_comes_back_marked_alone(self) -> None:
        """So that it can take no neighbour along."""
        self.crash_after_receive(begun=True)

        assert self.lease().alone

    def test_what_a_dead_worker_had_begun_comes_by_itself(self) -> None:
        """No hand-out mixes it with anything else."""
        suspect = self.crash_after_receive(begun=True).message
        innocent = sent_ids(self.send(3))

        batches = [ids(self.receive()) for _ in range(3)]

        assert [suspect.id] in batches
        assert sorted([suspect.id, *innocent]) == sorted(id for batch in batches for id in batch)

    def test_each_suspect_comes_by_itself(self) -> None:
        """Two that were begun together do not come back together."""
        self.needs("alone")
        self.send(2)
        leases = self.receive(self.other)
        self.other.begin([lease.receipt for lease in leases])
        self.crash(self.other, "second")

        batches = [self.receive() for _ in range(3)]

        assert [len(batch) for batch in batches] == [1, 1, 0]
        assert all(lease.alone for batch in batches for lease in batch)

    def test_a_dead_workers_attempt_is_in_the_history(self) -> None:
        """Under an error of its own."""
        self.crash_after_receive(begun=True)
        self.engine.bury(self.lease().receipt, self.failure("ValueError", "permanent", attempt=2))

        (letter,) = self.dead()
        assert [failure.error for failure in letter.attempts] == [WORKER_DIED, "ValueError"]
        assert [failure.attempt for failure in letter.attempts] == [1, 2]

    def test_what_a_dead_worker_never_began_is_not_counted(self) -> None:
        """It comes back as if it had not been handed out, and not alone."""
        lease = self.crash_after_receive(begun=False)

        again = self.lease()

        assert (lease.message.id, 1, False) == (
            again.message.id,
            again.receive_count,
            again.alone,
        )

    def test_a_neighbour_that_was_not_begun_is_no_suspect(self) -> None:
        """Of one hand-out, only what had begun is alone and counted."""
        self.needs("alone")
        self.send(2)
        begun, unbegun = self.receive(self.other)
        self.other.begin([begun.receipt])
        self.crash(self.other, "second")

        again = {lease.message.id: lease for _ in range(2) for lease in self.receive()}

        assert (again[begun.message.id].receive_count, again[begun.message.id].alone) == (2, True)
        unsuspected = again[unbegun.message.id]
        assert (unsuspected.receive_count, unsuspected.alone) == (1, False)

    def test_a_message_that_kills_every_worker_ends_in_dead_letters(self) -> None:
        """After as many deaths as it has receives."""
        self.needs("alone")
        self.engine.configure({ORDERS: QueueLimits(max_receive_count=2)})
        self.send()
        for victim in ("victim-1", "victim-2"):
            worker = self.another(victim)
            worker.begin([self.lease(worker).receipt])
            self.crash(worker, victim)

        assert self.receive() == []

        (letter,) = self.dead()
        assert [failure.error for failure in letter.attempts] == [WORKER_DIED] * 2
        assert letter.reason == "exhausted"

    def test_a_suspect_that_was_released_stays_a_suspect(self) -> None:
        """Giving it back unworked proved nothing."""
        self.crash_after_receive(begun=True)
        self.engine.release([self.lease().receipt])

        assert self.lease().alone

    def test_a_dead_workers_receipts_are_stale(self) -> None:
        """Should it turn out to be alive after all."""
        lease = self.crash_after_receive(begun=True)

        assert self.engine.settle([lease.receipt]) == [False]

    def test_freeing_the_dead_leaves_the_living_alone(self) -> None:
        """Other holders keep their leases, and their receipts stay good."""
        self.needs("alone")
        mine = self.sent_and_leased()
        self.engine.begin([mine.receipt])
        self.send()
        theirs = self.lease(self.other)
        self.crash(self.other, "second")

        assert [theirs.message.id] == ids(self.receive())
        assert self.engine.settle([mine.receipt]) == [True]

    def test_what_waits_for_its_next_attempt_is_nobodys(self) -> None:
        """A backoff goes on after its worker died, with neither a count nor an attempt more."""
        self.needs("alone")
        self.send()
        lease = self.lease(self.other)
        self.other.begin([lease.receipt])
        self.other.extend([lease.receipt], 60, self.failure("OSError"))
        self.crash(self.other, "second")

        assert self.receive() == []
        self.clock.advance(60)
        again = self.lease()
        assert (again.receive_count, again.alone) == (2, False)
        self.engine.bury(again.receipt, self.failure("KeyError", "permanent", attempt=2))
        assert [failure.error for failure in self.dead()[0].attempts] == ["OSError", "KeyError"]

    def test_a_stale_receipt_does_not_hide_what_is_being_worked(self) -> None:
        """A holder may be handed the same message again, and then lets go of the older lease."""
        self.needs("alone")
        self.send()
        old = self.lease(self.other)
        self.other.begin([old.receipt])
        self.clock.advance(31)
        self.other.begin([self.lease(self.other).receipt])
        assert self.other.settle([old.receipt]) == [False]
        self.crash(self.other, "second")

        again = self.lease()
        assert (again.receive_count, again.alone) == (3, True)

    def test_freeing_a_holder_that_held_nothing_changes_nothing(self) -> None:
        """Nor does freeing it twice, or one that never was."""
        lease = self.crash_after_receive(begun=True)
        self.engine.reclaim("second")
        self.engine.reclaim("never-was")

        assert (lease.message.id, 2) == (self.lease().message.id, 2)

    def test_a_close_is_not_a_crash(self) -> None:
        """Leases that are still held run out by themselves."""
        self.send()
        lease = self.lease(self.other)
        self.opened.remove(self.other)
        self.other.close()
        self.clock.advance(31)

        assert [lease.message.id] == ids(self.receive())
