"""SQS and DynamoDB failing: partly, for a moment, or altogether. Nothing is called kept that is not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from holdfast.errors import MessageTooLarge, StoreError
from holdfast.queue.contract import Claim, ClaimAnswer
from holdfast.queue.group_commit import GroupSender
from holdfast.telemetry import Telemetry
from sqs_kit import cloud
from sqs_scene import Scene, scene

_ = cloud, scene
BUSY = {"Code": "InternalError", "Message": "try again", "SenderFault": False}


def lose(answer: dict[str, Any], id: str, why: dict[str, Any]) -> dict[str, Any]:
    """An answer of 200 in which one entry failed."""
    kept = [one for one in answer["Successful"] if one["Id"] != id]
    return {"Successful": kept, "Failed": [{"Id": id, **why}]}


def test_an_entry_that_failed_is_not_kept_though_the_call_is_answered_200(scene: Scene) -> None:
    """Each message is answered for itself, by what SQS says of its entry."""
    messages = [scene.message() for _ in range(3)]
    scene.cloud.alter("SendMessageBatch", lambda _, answer: lose(answer, "1", BUSY))

    answers = scene.engine.send(messages)

    assert [answer is None for answer in answers] == [True, False, True]
    assert "InternalError: try again" in str(answers[1])


@pytest.mark.parametrize("forget", ["the entry", "its id"])
def test_what_sqs_does_not_mention_is_not_kept(scene: Scene, forget: str) -> None:
    """Success is a message id, and nothing less."""

    def change(_: object, answer: dict[str, Any]) -> dict[str, Any]:
        first, *rest = answer["Successful"]
        kept = [] if forget == "the entry" else [{**first, "MessageId": ""}]
        return {"Successful": [*kept, *rest]}

    scene.cloud.alter("SendMessageBatch", change)

    answers = scene.engine.send([scene.message() for _ in range(2)])

    assert [answer is None for answer in answers] == [False, True]


def test_one_call_of_many_that_fails_takes_only_its_own_along(scene: Scene) -> None:
    """A group of twenty-five is three calls; two of them are kept."""
    scene.sent()
    scene.cloud.fail("SendMessageBatch", "ServiceUnavailable", status=503)

    answers = scene.engine.send([scene.message() for _ in range(25)])

    failed = [answer for answer in answers if answer is not None]
    assert len(failed) in (5, 10)
    assert scene.depth().waiting == 26 - len(failed)


def test_an_answer_that_was_lost_is_no_success(scene: Scene) -> None:
    """SQS kept it, and could not say so: the sender tries again, and handlers bear it twice."""
    scene.cloud.fail("SendMessageBatch", "InternalFailure", status=500, heard=True)

    with pytest.raises(StoreError):
        scene.engine.send([scene.message()])

    assert scene.depth().waiting == 1


def test_where_nothing_was_kept_the_call_fails(scene: Scene) -> None:
    """So that a gateway knows of the outage, and of its end."""
    scene.cloud.fail("SendMessageBatch", "RequestThrottled", times=3)

    with pytest.raises(StoreError, match="RequestThrottled"):
        scene.engine.send([scene.message() for _ in range(25)])


def test_a_call_has_ten_messages_and_a_megabyte(scene: Scene) -> None:
    """Of those that are small ten, of those that are large as many as fit."""
    small, large = [scene.message() for _ in range(21)], [scene.message(b"x" * 300_000)] * 5
    assert scene.engine.send([*small, *large]) == [None] * 26

    calls = scene.cloud.asked("SendMessageBatch")
    sizes = [[len(one["MessageBody"]) for one in call.request["Entries"]] for call in calls]
    assert sorted(map(len, sizes)) == [1, 2, 3, 10, 10]
    assert all(sum(size) <= 1_048_576 for size in sizes)


def test_a_message_that_is_too_large_is_refused_and_its_neighbours_are_kept(scene: Scene) -> None:
    """Without being sent: the error says how large it may be."""
    large, small = scene.message(b"x" * 800_000), scene.message()

    answers = scene.engine.send([large, small])

    assert isinstance(answers[0], MessageTooLarge)
    assert answers[0].limit_bytes == 1_048_576 - 16_384
    assert answers[1] is None
    (call,) = scene.cloud.asked("SendMessageBatch")
    assert len(call.request["Entries"]) == 1


def test_a_queue_that_takes_less_says_so(scene: Scene) -> None:
    """Whoever made the queue may have set a smaller maximum; its own answer counts too."""
    client, url = scene.client(scene.queue)
    client.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "2048"})

    (by_us,) = scene.engine.send([scene.message(b"x" * 4_000)])
    assert isinstance(by_us, MessageTooLarge)
    assert by_us.limit_bytes == 2_048

    client.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    (by_sqs,) = scene.engine.send([scene.message(b"x" * 1_100)])
    assert isinstance(by_sqs, MessageTooLarge)


def test_what_cannot_be_delayed_so_long_is_refused(scene: Scene) -> None:
    """SQS delays by fifteen minutes; anything else would come too early."""
    with pytest.raises(StoreError, match="900 seconds"):
        scene.engine.send([scene.message()], delay_seconds=901)


def test_a_server_that_is_gone_is_a_store_error_and_comes_back_by_itself(scene: Scene) -> None:
    """Every verb says so, and works again as soon as somebody answers."""
    lease = scene.sent_and_leased()
    with scene.cloud.gone():
        for verb in (
            lambda: scene.engine.send([scene.message()]),
            scene.receive,
            lambda: scene.engine.settle([lease.receipt]),
            lambda: scene.engine.extend([lease.receipt], 30),
            lambda: scene.engine.bury(lease.receipt, scene.failure()),
            lambda: scene.engine.claim(lease.receipt, "evt_1"),
            scene.engine.depth,
            scene.dead,
        ):
            with pytest.raises(StoreError):
                verb()

    scene.sent()
    assert scene.engine.settle([lease.receipt]) == [True]
    assert len(scene.receive()) == 1


def test_a_gateway_hears_of_an_outage_and_of_its_end(scene: Scene) -> None:
    """Its desk raises what the door answers 503 to, and goes on without a restart."""
    told: list[str] = []
    telemetry = Telemetry()
    telemetry.subscribe(lambda kind, _: told.append(kind.name))

    async def send() -> None:
        desk = GroupSender(scene.engine, telemetry, scene.clock)
        try:
            with scene.cloud.gone(), pytest.raises(StoreError):
                await desk.send(scene.message())
            await desk.send(scene.message())
        finally:
            desk.close()

    asyncio.run(send())

    assert told == ["store.unavailable", "store.recovered"]
    assert scene.depth().waiting == 1


def test_a_settle_that_failed_for_some_is_told_again_and_right(scene: Scene) -> None:
    """All of it is asked again: those that were settled the first time are not called stale."""
    scene.sent(3)
    receipts = [lease.receipt for lease in scene.receive()]
    scene.cloud.alter("DeleteMessageBatch", lambda _, answer: lose(answer, "1", BUSY), times=2)

    with pytest.raises(StoreError, match="InternalError"):
        scene.engine.settle(receipts)
    scene.engine.extend(receipts[:1], 30)  # a heartbeat in between hears nothing and spoils nothing

    assert scene.engine.settle(receipts) == [True, True, True]
    assert scene.engine.settle(receipts) == [False, False, False]


def test_an_entry_that_sqs_failed_at_is_tried_once_more(scene: Scene) -> None:
    """One stumble of SQS is nobody's business."""
    lease = scene.sent_and_leased()
    scene.cloud.alter("DeleteMessageBatch", lambda _, answer: lose(answer, "0", BUSY))

    assert scene.engine.settle([lease.receipt]) == [True]


def test_a_receipt_that_sqs_does_not_know_is_stale(scene: Scene) -> None:
    """The fault is the receipt's, and no reason to ask again."""
    lease = scene.sent_and_leased()
    gone = {"Code": "ReceiptHandleIsInvalid", "Message": "", "SenderFault": True}
    scene.cloud.alter("ChangeMessageVisibilityBatch", lambda _, answer: lose(answer, "0", gone))

    assert scene.engine.extend([lease.receipt], 30) == [False]
    assert scene.engine.settle([lease.receipt]) == [False]
    assert scene.cloud.asked("DeleteMessageBatch") == []


def test_what_nobody_hides_any_more_can_be_given_back_but_not_kept(scene: Scene) -> None:
    """SQS changes the visibility of what is in flight only; given back is what it is already."""
    scene.sent(2)
    one, two = scene.receive()
    lapsed = {
        "Code": "AWS.SimpleQueueService.MessageNotInflight",
        "Message": "",
        "SenderFault": True,
    }
    for _ in range(2):
        scene.cloud.alter(
            "ChangeMessageVisibilityBatch", lambda _, answer: lose(answer, "0", lapsed)
        )

    assert scene.engine.extend([one.receipt], 30) == [False]
    assert scene.engine.release([two.receipt]) == [True]


def test_a_bury_that_broke_off_leaves_one_letter(scene: Scene) -> None:
    """The copy is sent first, and once, however often the delete has to be tried."""
    lease = scene.sent_and_leased()
    scene.cloud.fail("DeleteMessageBatch", "ServiceUnavailable", status=503, queue=scene.queue)
    with pytest.raises(StoreError):
        scene.engine.bury(lease.receipt, scene.failure())

    assert scene.engine.bury(lease.receipt, scene.failure())

    assert len(scene.cloud.asked("SendMessageBatch", scene.dead_queue)) == 1
    assert scene.dead() == [lease.message.id]


def test_a_message_whose_copy_was_not_taken_stays(scene: Scene) -> None:
    """It is deleted only after dead letters have it."""
    lease = scene.sent_and_leased()
    scene.cloud.alter("SendMessageBatch", lambda _, answer: lose(answer, "0", BUSY))

    with pytest.raises(StoreError):
        scene.engine.bury(lease.receipt, scene.failure())

    assert scene.cloud.asked("DeleteMessageBatch") == []
    scene.clock.advance(31)
    assert [lease.message.id] == [again.message.id for again in scene.receive()]


def test_a_letter_that_cannot_be_sent_again_stays_one(scene: Scene) -> None:
    """A redrive deletes only what is in the queue again."""
    message = scene.buried()
    scene.cloud.alter("SendMessageBatch", lambda _, answer: lose(answer, "0", BUSY))

    with pytest.raises(StoreError, match="1 dead letters were not sent again"):
        scene.engine.redrive([message.id])

    assert scene.dead() == [message.id]
    assert scene.engine.redrive([message.id]) == [True]


def test_a_purge_that_left_a_copy_says_so(scene: Scene) -> None:
    """What is still there is not called removed."""
    message = scene.buried()
    scene.cloud.alter("DeleteMessageBatch", lambda _, answer: lose(answer, "0", BUSY), times=2)

    with pytest.raises(StoreError, match="1 copies are still"):
        scene.engine.purge([message.id])


def test_without_its_table_the_queue_goes_on(scene: Scene) -> None:
    """Attempts are not written down, which is said; a message is given back all the same."""
    lease = scene.sent_and_leased()
    scene.cloud.fail("UpdateItem", "InternalServerError", status=500)

    assert scene.engine.extend([lease.receipt], 0, scene.failure("")) == [True]

    assert "could not be written down" in scene.warnings[0]
    assert len(scene.receive()) == 1


def test_what_was_worked_is_deleted_only_once_it_is_known_as_done(scene: Scene) -> None:
    """Otherwise a second delivery would wait for ever for a message that is gone."""
    lease = scene.sent_and_leased()
    assert scene.engine.claim(lease.receipt, "evt_1") == Claim(ClaimAnswer.GRANTED)
    scene.cloud.fail("PutItem", "InternalServerError", status=500)
    with pytest.raises(StoreError):
        scene.engine.settle([lease.receipt])
    assert scene.cloud.asked("DeleteMessageBatch") == []

    assert scene.engine.settle([lease.receipt]) == [True]
    expected = Claim(ClaimAnswer.DUPLICATE, lease.message.id)
    assert scene.engine.claim(scene.sent_and_leased().receipt, "evt_1") == expected
