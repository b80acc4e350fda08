"""Dead letters in SQS: looked at without harm, merged by their id, sent again, removed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import StoreError
from holdfast.message import Failure
from holdfast.queue.contract import Filter, QueueLimits
from holdfast.queue.engines.sqs.letters import attributes_of, size_of_attribute
from sqs_kit import cloud
from sqs_scene import ORDERS, Scene, scene

_ = cloud, scene


def worn_out(scene: Scene) -> str:
    """A message that nobody buried: SQS itself moved it, after its last receive."""
    (message,) = scene.sent()
    while scene.receive():
        scene.clock.advance(31)
    return message.id


def test_looking_hides_nothing_from_others(scene: Scene) -> None:
    """As soon as a look is over, another process sees every letter, and so does the first again."""
    ids = sorted(scene.buried().id for _ in range(25))

    assert scene.dead() == ids
    assert scene.dead(scene.open()) == ids
    assert scene.dead() == ids
    assert scene.depth().dead == 25


def test_a_look_that_nobody_ended_ends_by_itself(scene: Scene) -> None:
    """Whoever dies while looking takes nothing along: two minutes later all of it is seen again."""
    message = scene.buried()
    scene.cloud.fail("ChangeMessageVisibilityBatch", "ServiceUnavailable", status=503)

    assert scene.dead() == [message.id]

    assert scene.dead() == []
    scene.clock.advance(121)
    assert scene.dead() == [message.id]


def test_a_look_that_breaks_off_gives_back_what_it_had(scene: Scene) -> None:
    """A failing call in the middle leaves no letter hidden."""
    ids = sorted(scene.buried().id for _ in range(25))
    first, second = scene.open(), scene.open()
    scene.cloud.alter("ReceiveMessage", lambda _, answer: answer)
    scene.cloud.fail("ReceiveMessage", "ServiceUnavailable", status=503)
    with pytest.raises(StoreError):
        scene.dead(first)

    assert scene.dead(second) == ids


def test_nobody_ever_looks_into_the_main_queue(scene: Scene) -> None:
    """A look would be a receive, and count."""
    scene.buried()
    scene.sent(3)
    scene.cloud.calls.clear()

    scene.dead()
    scene.engine.depth()
    scene.engine.purge(scene.dead())
    scene.engine.pauses()

    assert scene.cloud.asked("ReceiveMessage", scene.queue) == []
    assert [lease.receive_count for lease in scene.receive()] == [1, 1, 1]


def test_a_page_after_the_first_comes_from_the_same_look(scene: Scene) -> None:
    """Going through a thousand letters does not take a thousand looks; later one looks again."""
    ids = sorted(scene.buried().id for _ in range(6))
    scene.engine.browse(Filter(newest_first=False), None, 2)
    scene.cloud.calls.clear()

    page = scene.engine.browse(Filter(newest_first=False), ids[1], 2)

    assert [letter.message.id for letter in page] == ids[2:4]
    assert scene.cloud.asked("ReceiveMessage") == []
    scene.clock.advance(31)
    scene.engine.browse(Filter(newest_first=False), ids[1], 2)
    assert scene.cloud.asked("ReceiveMessage")


def test_a_letter_that_sqs_moved_is_exhausted(scene: Scene) -> None:
    """Nobody gave a reason; it had all its receives, however often it was looked at since."""
    id = worn_out(scene)
    scene.dead()
    scene.dead()

    (letter,) = scene.engine.browse(Filter())

    assert (letter.message.id, letter.reason, letter.failure) == (id, "exhausted", None)
    assert letter.receive_count == QueueLimits().max_receive_count


def both(scene: Scene) -> str:
    """A message of which the original and a copy are in dead letters."""
    scene.engine.configure({ORDERS: QueueLimits(max_receive_count=1)})
    lease = scene.sent_and_leased()
    scene.cloud.fail("DeleteMessageBatch", "ServiceUnavailable", status=503, queue=scene.queue)
    with pytest.raises(StoreError):
        scene.engine.bury(lease.receipt, scene.failure())
    scene.clock.advance(31)
    assert scene.receive() == []  # SQS moves it, after its one receive
    assert scene.depth().dead == 2
    return lease.message.id


def test_a_message_and_its_copy_are_one_letter(scene: Scene) -> None:
    """And the copy, which says why, speaks for both."""
    id = both(scene)

    (letter,) = scene.engine.browse(Filter())

    assert (letter.message.id, letter.reason) == (id, "permanent")


def test_a_redrive_sends_one_and_deletes_all(scene: Scene) -> None:
    """Of however many copies."""
    id = both(scene)

    assert scene.engine.redrive([id]) == [True]

    assert (scene.depth().waiting, scene.depth().dead) == (1, 0)
    assert scene.leased().message.id == id


def test_a_purge_deletes_all(scene: Scene) -> None:
    """Of however many copies."""
    id = both(scene)

    assert scene.engine.purge([id]) == [True]

    assert (scene.depth().waiting, scene.depth().dead) == (0, 0)


def test_a_redrive_takes_what_was_meant_and_leaves_the_rest(scene: Scene) -> None:
    """Filters work, which SQS's own redrive does not have; what stays is seen at once."""
    ids = sorted(scene.buried().id for _ in range(12))

    assert scene.engine.redrive(ids[3:5]) == [True, True]

    assert sorted(lease.message.id for lease in scene.receive()) == ids[3:5]
    assert scene.dead(scene.open()) == ids[:3] + ids[5:]


def test_a_redriven_letter_is_a_new_message_to_sqs(scene: Scene) -> None:
    """With all its receives, and nothing of its death on it."""
    message = scene.buried()
    scene.engine.redrive([message.id])

    lease = scene.leased()

    assert (lease.message, lease.receive_count) == (message, 1)
    (call,) = scene.cloud.asked("SendMessageBatch", scene.queue)[1:]
    assert "MessageAttributes" not in call.request["Entries"][0]


@pytest.mark.parametrize("text", ["not an envelope", '{"v": 1, "id": "x"}', "[1, 2]"])
def test_what_is_no_envelope_is_a_dead_letter_that_can_be_read(scene: Scene, text: str) -> None:
    """Somebody else wrote into the queue: nobody can work that, but somebody has to see it."""
    scene.put(text)
    scene.sent()

    assert len(scene.receive()) == 1

    (letter,) = scene.engine.browse(Filter())
    assert (letter.reason, letter.message.request.body) == ("envelope_invalid", text.encode())
    assert letter.failure is not None
    assert letter.failure.error == "EnvelopeInvalid"
    assert scene.engine.purge([letter.message.id]) == [True]


def test_what_is_no_envelope_stays_where_dead_letters_do_not_answer(scene: Scene) -> None:
    """It is told of, and tried again after its lease; the others are worked."""
    scene.put("not an envelope")
    scene.cloud.fail(
        "SendMessageBatch", "ServiceUnavailable", status=503, queue=scene.dead_queue, times=1
    )
    assert scene.receive() == []
    assert "stays" in scene.warnings[0]


def test_a_letter_says_in_the_console_why_it_is_one(scene: Scene) -> None:
    """Reason, error, cause and state are attributes that people can read."""
    lease = scene.sent_and_leased()
    failure = Failure("Пустой🐎", "line\nand\0odd", "Charge", 5, 2, "signature_mismatch")
    scene.engine.bury(lease.receipt, failure)

    client, url = scene.client(scene.dead_queue)
    (raw,) = client.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    told = {name: one["StringValue"] for name, one in raw["MessageAttributes"].items()}

    assert told == {
        "reason": "signature_mismatch",
        "error": "Пустой🐎",
        "cause": "line\nand\ufffdodd",
        "state": "Charge",
        "at_ms": "5",
        "attempt": "2",
        "receive_count": "1",
    }


def test_a_letter_of_the_largest_message_still_says_why(scene: Scene) -> None:
    """The queue leaves room for that: reason and error are whole, a long cause is cut."""
    scene.engine.send([scene.message(b"x" * 773_000)])
    failure = Failure("ValueError", "c" * 100_000, "Handle", 1, 1, "permanent")

    assert scene.engine.bury(scene.leased().receipt, failure)

    (letter,) = scene.engine.browse(Filter())
    assert letter.reason == "permanent"
    assert letter.failure is not None
    assert letter.failure.error == "ValueError"
    assert letter.failure.cause.startswith("ccc")


texts = st.text(st.characters(exclude_categories=()), max_size=300)


@given(
    st.builds(Failure, texts, texts, texts, st.integers(0), st.integers(0), texts),
    st.none() | texts,
    st.integers(0, 400),
)
def test_attributes_are_such_as_sqs_takes(
    failure: Failure, delivery_id: str | None, room_bytes: int
) -> None:
    """No more than ten, none empty, no character that SQS refuses, and within their room."""
    told = attributes_of(failure, 1, delivery_id, room_bytes)
    values = {name: one["StringValue"] for name, one in told.items()}

    assert len(values) <= 10
    assert all(values.values())
    assert sum(size_of_attribute(name, value) for name, value in values.items()) <= room_bytes
    for value in values.values():
        assert value.encode()
        assert all(c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") for c in value)
