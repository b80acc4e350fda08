"""Claims on SQS: who works a delivery where nobody sees a holder die, and SQS delivers twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from holdfast.envelope import encode
from holdfast.errors import StoreError
from holdfast.message import Lease
from holdfast.queue.contract import Claim, ClaimAnswer, Filter
from sqs_kit import cloud
from sqs_scene import ORDERS, Scene, scene

_ = cloud, scene
GRANTED = Claim(ClaimAnswer.GRANTED)


def claimed(scene: Scene) -> Lease:
    lease = scene.sent_and_leased()
    assert scene.engine.claim(lease.receipt, "evt_1") == GRANTED
    return lease


def test_of_many_that_ask_at_once_one_is_granted(scene: Scene) -> None:
    """Whatever processes they are in: the write is conditional."""
    engines = [scene.engine, scene.open()]
    scene.sent(8)
    leases = [(engine, lease) for engine in engines for lease in scene.receive(engine, 4)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda one: one[0].claim(one[1].receipt, "evt_1").answer, leases)
        )

    assert sorted(answers) == [ClaimAnswer.GRANTED] + [ClaimAnswer.HELD] * 7


def test_what_stands_back_for_another_message_does_so_for_a_lease(scene: Scene) -> None:
    """At the second that the pipe asks for, its receives would be used up in a few."""
    first = claimed(scene)
    second = scene.sent_and_leased()
    held = Claim(ClaimAnswer.HELD, first.message.id)
    assert scene.engine.claim(second.receipt, "evt_1") == held

    scene.engine.release([second.receipt], delay_seconds=1)

    scene.clock.advance(29)
    scene.engine.extend([first.receipt], 30)
    assert scene.receive() == []
    scene.clock.advance(1)
    assert scene.leased().message.id == second.message.id


def test_a_table_that_does_not_answer_uses_up_no_receives_in_seconds(scene: Scene) -> None:
    """Whose a delivery is nobody knows then: its message stands back as if another were working it."""
    lease = scene.sent_and_leased()
    scene.cloud.fail("PutItem", "InternalServerError", status=500)
    with pytest.raises(StoreError):
        scene.engine.claim(lease.receipt, "evt_1")

    scene.engine.release([lease.receipt], delay_seconds=1)

    scene.clock.advance(29)
    assert scene.receive() == []
    scene.clock.advance(1)
    assert scene.engine.claim(scene.leased().receipt, "evt_1") == GRANTED


def test_what_stands_back_for_nobody_comes_back_when_asked(scene: Scene) -> None:
    """Given back at a stop, it is anybody's at once."""
    lease = claimed(scene)
    scene.engine.release([lease.receipt])

    assert scene.leased().message.id == lease.message.id


def test_a_claim_ends_after_the_lease_of_a_holder_that_is_gone(scene: Scene) -> None:
    """SQS moves a message to dead letters without telling anyone, so nobody else could free it."""
    claimed(scene)
    scene.clock.advance(89)
    held = scene.engine.claim(_newest(scene).receipt, "evt_1")
    assert held.answer is ClaimAnswer.HELD

    scene.clock.advance(2)

    assert scene.engine.claim(_newest(scene).receipt, "evt_1") == GRANTED


def test_a_heartbeat_keeps_the_claim(scene: Scene) -> None:
    """However long the work takes."""
    first = claimed(scene)
    for _ in range(10):
        scene.clock.advance(20)
        scene.engine.extend([first.receipt], 30)

    scene.sent()
    assert scene.engine.claim(scene.leased().receipt, "evt_1").answer is ClaimAnswer.HELD


def test_a_claim_outlasts_the_wait_before_a_retry(scene: Scene) -> None:
    """The message is still the one that works the event."""
    first = claimed(scene)
    scene.engine.extend([first.receipt], 3_600, scene.failure(""))
    scene.clock.advance(3_500)

    scene.sent()
    assert scene.engine.claim(scene.leased().receipt, "evt_1").answer is ClaimAnswer.HELD


def test_what_sqs_delivers_again_after_it_was_worked_is_a_duplicate(scene: Scene) -> None:
    """Of itself: it is settled and not worked a second time."""
    lease = claimed(scene)
    assert scene.engine.settle([lease.receipt]) == [True]
    scene.put(encode(lease.message))  # which SQS deleted on one machine, and not on another

    again = scene.leased()

    expected = Claim(ClaimAnswer.DUPLICATE, lease.message.id)
    assert scene.engine.claim(again.receipt, "evt_1") == expected


def test_a_letter_that_sqs_moved_is_superseded_too(scene: Scene) -> None:
    """Where an attempt was written down, so is the delivery that it was about."""
    first = claimed(scene)
    scene.engine.extend([first.receipt], 0, scene.failure("", "OSError"))
    while scene.receive():
        scene.clock.advance(31)
    scene.clock.advance(120)
    second = claimed(scene)
    scene.engine.settle([second.receipt])

    (letter,) = scene.engine.browse(Filter())

    assert (letter.message.id, letter.superseded_by) == (first.message.id, second.message.id)
    assert letter.reason == "exhausted"


def test_a_receipt_that_is_spent_claims_nothing(scene: Scene) -> None:
    """Nor does one that was never given out, or that this process has lost to itself."""
    lease = scene.sent_and_leased()
    scene.clock.advance(31)
    newer = scene.leased()

    assert scene.engine.claim(lease.receipt, "evt_1") == Claim(ClaimAnswer.HELD)
    assert scene.engine.settle([lease.receipt]) == [False]
    assert scene.engine.claim(newer.receipt, "evt_1") == GRANTED


def test_a_delivery_id_may_be_as_long_as_a_sender_likes(scene: Scene) -> None:
    """Keys of the table are not."""
    lease = scene.sent_and_leased()
    long = "é🐎" * 5_000

    assert scene.engine.claim(lease.receipt, long) == GRANTED
    assert scene.engine.bury(lease.receipt, scene.failure())
    assert scene.dead() == [lease.message.id]


def _newest(scene: Scene) -> Lease:
    """A new message's lease, whatever else is handed out beside it."""
    (message,) = scene.sent()
    leases = scene.engine.receive(ORDERS, 10, 600)
    return next(lease for lease in leases if lease.message.id == message.id)
