"""Claims about `send` and `receive`: what goes in comes out, once at a time, in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

from holdfast.message import Headers, Message, Request
from holdfast.queue.contract import QueueLimits
from holdfast.testing.conformance.ground import ORDERS, REFUNDS, Ground, ids, sent_ids


class Delivering(Ground):
    """Who is handed what, and when."""

    def test_a_message_comes_out_exactly_as_it_went_in(self) -> None:
        """Body byte for byte, headers in order and repeated, and everything the door noted."""
        headers = Headers.of([("B", "2"), ("a", "1"), ("b", "caf\xe9"), ("empty", "")])
        request = Request(
            "PUT",
            "/tenants/é/orders",
            "a=1&a=2&b=%F0%9F%90%8E",
            headers,
            bytes(range(256)) * 3,
            "2001:db8::1",
            "https://hooks.example.com",
        )
        message = Message(
            self.message().id,
            ORDERS,
            self.clock.now_ms(),
            request,
            params={"tenant": "é🐎"},
            verdict="verified",
            replay_of="an-earlier-one",
        )

        self.engine.send([message])

        assert message == self.lease().message

    def test_an_empty_body_is_a_body(self) -> None:
        """A message without content is kept like any other."""
        self.engine.send([self.message(b"")])

        assert self.lease().message.request.body == b""

    def test_a_large_body_comes_out_whole(self) -> None:
        """Several megabytes are not cut."""
        self.needs("large")
        body = bytes(range(251)) * 16_000
        self.engine.send([self.message(body)])

        assert body == self.lease().message.request.body

    def test_send_answers_once_per_message(self) -> None:
        """None for each that was kept, and an empty call is no error."""
        assert self.engine.send([self.message() for _ in range(3)]) == [None, None, None]
        assert self.engine.send([]) == []

    def test_first_delivery_is_in_order_of_arrival(self) -> None:
        """Also across calls of send and of receive."""
        self.needs("ordered")
        sent = self.send(3) + self.send(2) + self.send(4)

        received = ids(self.receive(limit=4)) + ids(self.receive(limit=10))

        assert sent_ids(sent) == received

    def test_a_big_batch_arrives_whole(self) -> None:
        """A thousand in one call, out again in hundreds, each once."""
        sent = self.send(1000)

        received = [id for _ in range(10) for id in ids(self.receive(limit=100))]

        assert sent_ids(sent) == self.in_order(received)
        assert self.receive(limit=100) == []

    def test_receive_hands_out_no_more_than_asked(self) -> None:
        """The limit is a ceiling, and what remains stays for the next call."""
        self.send(3)

        assert [len(self.receive(limit=2)) for _ in range(3)] == [2, 1, 0]

    def test_an_empty_queue_hands_out_nothing(self) -> None:
        """Neither one that is configured nor one that nobody ever heard of."""
        assert self.receive() == []
        assert self.engine.receive("unheard-of", 10, 30) == []

    def test_each_webhook_has_its_own_queue(self) -> None:
        """A receiver of one never sees another's messages."""
        (order,), (refund,) = self.send(1, ORDERS), self.send(1, REFUNDS)

        assert [order.id] == ids(self.receive())
        assert [refund.id] == ids(self.engine.receive(REFUNDS, 10, 30))

    def test_a_leased_message_is_handed_to_nobody_else(self) -> None:
        """Not to its own holder again, and not to another one."""
        self.sent_and_leased()
        self.clock.advance(29)

        assert self.receive() == []
        assert self.receive(self.other) == []

    def test_two_holders_share_a_queue_without_overlap(self) -> None:
        """Every message goes to one of them."""
        sent = self.send(6)

        first, second = ids(self.receive(limit=3)), ids(self.receive(self.other, limit=3))

        assert sorted(sent_ids(sent)) == sorted(first + second)

    def test_receivers_in_several_threads_share_a_queue_without_overlap(self) -> None:
        """Verbs are safe to call from any thread."""
        sent = self.send(60)
        engines = [self.engine, self.other] * 10

        with ThreadPoolExecutor(4) as threads:
            batches = list(threads.map(lambda engine: ids(self.receive(engine, 3)), engines))

        assert sorted(sent_ids(sent)) == sorted(id for batch in batches for id in batch)

    def test_a_delayed_message_waits_for_its_time(self) -> None:
        """It counts as waiting, and is handed out when the delay is over, not before."""
        (late,) = self.send(delay_seconds=60)
        (soon,) = self.send()

        assert self.counts() == (2, 0, 0)
        assert [soon.id] == ids(self.receive(lease_seconds=600))
        self.clock.advance(59)
        assert self.receive() == []
        self.clock.advance(1)
        assert [late.id] == ids(self.receive())

    def test_the_receive_count_says_how_often(self) -> None:
        """One the first time, and one more each time, whoever receives."""
        self.send()

        counts = [self.lease().receive_count]
        self.clock.advance(31)
        counts.append(self.lease(self.other).receive_count)

        assert counts == [1, 2]

    def test_every_lease_has_a_receipt_of_its_own(self) -> None:
        """Also successive leases of one message."""
        self.send(2)

        receipts = [lease.receipt for lease in self.receive()]
        self.clock.advance(31)
        receipts += [lease.receipt for lease in self.receive()]

        assert len(set(receipts)) == 4

    def test_what_was_received_too_often_is_a_dead_letter_instead(self) -> None:
        """After `max_receive_count` hand-outs the next receive buries it, reason `exhausted`."""
        self.engine.configure({ORDERS: QueueLimits(max_receive_count=2)})
        (message,) = self.send()
        for _ in range(2):
            assert [message.id] == ids(self.receive())
            self.clock.advance(31)

        assert self.receive() == []

        (letter,) = self.dead()
        assert (message, "exhausted", 2) == (letter.message, letter.reason, letter.receive_count)
        assert letter.failure is None

    def test_an_exhausted_message_does_not_hide_the_next(self) -> None:
        """The receive that buries it still hands out what stands behind it."""
        self.engine.configure({ORDERS: QueueLimits(max_receive_count=1)})
        self.sent_and_leased()
        self.clock.advance(31)
        (fresh,) = self.send()

        assert [fresh.id] == ids(self.receive(limit=1))

    def test_an_exhausted_message_carries_its_last_failure(self) -> None:
        """So that the dead letter says why, not only that."""
        self.engine.configure({ORDERS: QueueLimits(max_receive_count=2)})
        self.send()
        for attempt, error in enumerate(("KeyError", "OSError"), start=1):
            failure = self.failure(error, attempt=attempt)
            assert self.engine.extend([self.lease().receipt], 5, failure) == [True]
            self.clock.advance(5)

        assert self.receive() == []

        (letter,) = self.dead()
        assert [failure.error for failure in letter.attempts] == ["KeyError", "OSError"]
        assert letter.failure is not None
        assert (letter.failure.error, letter.failure.attempt) == ("OSError", 2)

    def test_three_receives_are_the_default(self) -> None:
        """Of a queue whose numbers nobody changed."""
        self.engine.configure({REFUNDS: QueueLimits()})
        self.send(1, REFUNDS)
        handed_out = 0
        while self.engine.receive(REFUNDS, 10, 30):
            handed_out += 1
            self.clock.advance(31)

        assert handed_out == 3

    def test_receive_waits_for_a_first_message(self) -> None:
        """It returns as soon as another thread's send is kept, not when the wait is over."""
        assert self.engine
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(self.other.receive, ORDERS, 10, 30.0, 60.0)
            (message,) = self.send()

            assert [message.id] == ids(waiting.result(timeout=30))

    def test_receive_waits_no_longer_than_asked(self) -> None:
        """With nothing to hand out it comes back empty once that time has passed."""
        assert self.engine
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(self.other.receive, ORDERS, 10, 30.0, 0.05)
            while not waiting.done():
                self.clock.advance(1)
                wait([waiting], timeout=0.05)

        assert waiting.result() == []

    def test_a_paused_webhook_hands_out_nothing_and_goes_on_receiving(self) -> None:
        """Until it is resumed; other webhooks are not concerned."""
        self.engine.pause(ORDERS)
        (order,), (refund,) = self.send(1, ORDERS), self.send(1, REFUNDS)

        assert self.receive() == []
        assert [refund.id] == ids(self.engine.receive(REFUNDS, 10, 30))
        self.engine.resume(ORDERS)
        assert [order.id] == ids(self.receive())

    def test_a_pause_is_everybodys(self) -> None:
        """Another process sees it, sees it after a restart, and can undo it."""
        self.engine.pause(ORDERS)

        assert self.other.paused(ORDERS)
        assert not self.other.paused(REFUNDS)
        assert self.another("third").pauses() == [ORDERS]
        self.other.resume(ORDERS)
        assert not self.engine.paused(ORDERS)
        assert self.engine.pauses() == []

    def test_what_was_leased_when_it_was_paused_can_be_settled(self) -> None:
        """A pause stops handing out, not finishing."""
        lease = self.sent_and_leased()
        self.engine.pause(ORDERS)

        assert self.engine.settle([lease.receipt]) == [True]

    def test_the_numbers_of_a_queue_are_kept_with_it(self) -> None:
        """Whoever opens it later is bound by them without being told."""
        self.engine.configure({ORDERS: QueueLimits(max_receive_count=1)})
        self.send()
        latecomer = self.another("third")
        assert len(self.receive(latecomer)) == 1
        self.clock.advance(31)

        assert self.receive(latecomer) == []
        assert self.counts() == (0, 0, 1)
