"""Hearing of new mail without asking all the time, and without losing any when it is time to go."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator

import pytest

from holdfast.errors import StoreError
from holdfast.message import Lease
from holdfast.queue.engines.sqs.engine import SQSEngine
from process_kit import PATIENCE_SECONDS, until
from sqs_kit import Cloud, cloud
from sqs_scene import ORDERS, Scene

_ = cloud


@pytest.fixture
def scene(cloud: Cloud) -> Iterator[Scene]:
    """One store, in a cloud that keeps the test's time."""
    scene = Scene(cloud)
    yield scene
    closing = threading.Thread(target=scene.close)
    closing.start()
    while closing.is_alive():  # no call waits for longer than its time
        scene.clock.advance(1)
        closing.join(0.02)


def listening(scene: Scene) -> SQSEngine:
    """A worker's engine, which found its queue empty."""
    engine = scene.open()
    assert engine.bell() is not None
    assert scene.receive(engine) == []
    return engine


def rung(engine: SQSEngine) -> None:
    """Until the bell rings."""
    bell = engine.bell()
    assert bell is not None
    assert select.select([bell], [], [], PATIENCE_SECONDS)[0], "the bell did not ring"
    os.read(bell, 4_096)


def time_passes(scene: Scene, engine: SQSEngine) -> None:
    """Until a wait is over: the bell rings then, too."""
    bell = engine.bell()
    assert bell is not None

    def over() -> bool:
        scene.clock.advance(1)
        return bool(select.select([bell], [], [], 0)[0])

    until(over, "the wait is over")
    os.read(bell, 4_096)


def heard(engine: SQSEngine, scene: Scene) -> list[Lease]:
    rung(engine)
    return scene.receive(engine)


def test_an_empty_queue_is_asked_once_more_and_waited_for(scene: Scene) -> None:
    """However often a pipe receives meanwhile: every question costs money."""
    engine = listening(scene)
    for _ in range(50):
        assert scene.receive(engine) == []

    waits = [
        call.request["WaitTimeSeconds"] for call in scene.cloud.asked("ReceiveMessage", scene.queue)
    ]
    assert waits in ([0], [0, 10])  # the second may still be on its way


def test_new_mail_rings_the_bell_and_is_handed_out(scene: Scene) -> None:
    """Without a further question."""
    engine = listening(scene)
    (message,) = scene.sent()

    assert [message.id] == [lease.message.id for lease in heard(engine, scene)]

    assert len(scene.cloud.asked("ReceiveMessage", scene.queue)) == 2


def test_where_nothing_comes_it_is_asked_again(scene: Scene) -> None:
    """Once the wait is over, with the next receive, and without a short look before it."""
    engine = listening(scene)
    time_passes(scene, engine)

    assert scene.receive(engine) == []
    (message,) = scene.sent()
    assert [message.id] == [lease.message.id for lease in heard(engine, scene)]

    waits = [
        call.request["WaitTimeSeconds"] for call in scene.cloud.asked("ReceiveMessage", scene.queue)
    ]
    assert waits == [0, 10, 10]


def test_closing_gives_back_what_was_heard_and_not_received(scene: Scene) -> None:
    """It is anybody's at once, and not hidden for the length of a lease."""
    engine = listening(scene)
    (message,) = scene.sent()
    rung(engine)

    engine.close()
    scene.engines.remove(engine)

    assert scene.leased().message.id == message.id


def test_closing_waits_for_the_call_that_is_under_way(scene: Scene) -> None:
    """What SQS hands out at that very moment would otherwise be hidden from everybody."""
    engine = listening(scene)
    closing = threading.Thread(target=engine.close)
    closing.start()
    scene.engines.remove(engine)
    (message,) = scene.sent()
    closing.join(PATIENCE_SECONDS)

    assert not closing.is_alive()
    assert scene.leased().message.id == message.id


def test_a_call_that_fails_is_made_again_and_told(scene: Scene) -> None:
    """The wait of one that listens must not swallow an outage."""
    engine = scene.open()
    assert engine.bell() is not None
    scene.cloud.fail("ReceiveMessage", "ServiceUnavailable", status=503, times=2)
    with pytest.raises(StoreError):
        scene.receive(engine)
    with pytest.raises(StoreError):
        scene.receive(engine)

    scene.cloud.alter("ReceiveMessage", lambda _, answer: answer)
    scene.cloud.fail("ReceiveMessage", "ServiceUnavailable", status=503)
    assert scene.receive(engine) == []
    rung(engine)

    (message,) = scene.sent()
    assert [message.id] == [lease.message.id for lease in scene.receive(engine)]


def test_what_lay_here_for_long_has_its_whole_lease_when_it_is_handed_out(scene: Scene) -> None:
    """A pipe counts on the lease that it asked for."""
    engine = listening(scene)
    (message,) = scene.sent()
    rung(engine)
    scene.clock.advance(20)

    assert [message.id] == [lease.message.id for lease in scene.receive(engine)]

    scene.clock.advance(29)
    assert scene.receive() == []


def test_what_was_heard_for_a_paused_webhook_is_given_back(scene: Scene) -> None:
    """Nobody works it here, and nobody has to wait for it after the resume."""
    engine = listening(scene)
    (message,) = scene.sent()
    rung(engine)
    engine.pause(ORDERS)

    assert engine.paused(ORDERS)

    engine.resume(ORDERS)
    assert scene.leased().message.id == message.id


def test_many_are_asked_for_in_calls_of_ten(scene: Scene) -> None:
    """A full answer says that there is more; the rest comes in calls at the same time."""
    scene.sent(35)

    leases = scene.receive(limit=33)

    assert len({lease.message.id for lease in leases}) == 33
    counts = [call.request["MaxNumberOfMessages"] for call in scene.cloud.asked("ReceiveMessage")]
    assert sorted(counts) == [3, 10, 10, 10]


def test_a_lease_is_never_prolonged_past_twelve_hours(scene: Scene) -> None:
    """SQS refuses that; what is left of the twelve hours is what there is."""
    lease = scene.sent_and_leased()
    scene.clock.advance(43_000)
    assert scene.engine.extend([lease.receipt], 600) == [True]
    assert scene.engine.extend([lease.receipt], 0.5, scene.failure("")) == [True]
    times = [
        entry["VisibilityTimeout"]
        for call in scene.cloud.asked("ChangeMessageVisibilityBatch")
        for entry in call.request["Entries"]
    ]
    assert times == [200, 1]

    other = scene.sent_and_leased()
    scene.clock.advance(43_300)
    assert scene.engine.extend([other.receipt], 30) == [False]


def test_nor_does_what_is_given_back_stand_back_past_twelve_hours(scene: Scene) -> None:
    """Told to wait longer, SQS would refuse, and be told again until the lease is over."""
    lease = scene.sent_and_leased()
    scene.clock.advance(43_000)

    assert scene.engine.release([lease.receipt], 600) == [True]

    (call,) = scene.cloud.asked("ChangeMessageVisibilityBatch")
    assert [entry["VisibilityTimeout"] for entry in call.request["Entries"]] == [200]


def test_what_nobody_ever_let_go_of_is_forgotten(scene: Scene) -> None:
    """A process that lost its leases to others must not grow for ever."""
    scene.sent(5)
    scene.receive()
    scene.clock.advance(43_300)

    scene.engine.maintain()

    assert len(scene.engine._hands) == 0
