"""The verbs of whoever holds a lease: settle, release, extend, bury, claim.

Where a call fails for some, all of it is asked again; those that were done by then answer as done.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from holdfast.clock import Clock
from holdfast.errors import StoreError
from holdfast.message import Failure, Receipt
from holdfast.queue.contract import Claim, ClaimAnswer
from holdfast.queue.engines.sqs.api import Api
from holdfast.queue.engines.sqs.batches import Batches, Send
from holdfast.queue.engines.sqs.hands import Hands, Held, read_receipt
from holdfast.queue.engines.sqs.ledger import ClaimKey, Ledger, MessageKey
from holdfast.queue.engines.sqs.letters import attributes_of
from holdfast.queue.engines.sqs.queues import SIZE_MAX_BYTES, Queues
from holdfast.telemetry import Telemetry

Answers = dict[Receipt, bool | StoreError]
"""Per receipt: done, stale, or not known."""

HIDDEN_SECONDS_MAX: Final = 43_200
"""SQS hides a message for twelve hours at the most, counted from its receive."""


def whole_seconds(seconds: float) -> int:
    """As SQS counts them."""
    return min(max(0, math.ceil(seconds)), HIDDEN_SECONDS_MAX)


class Settling:
    """Over one engine's hands."""

    def __init__(
        self,
        api: Api,
        queues: Queues,
        ledger: Ledger,
        hands: Hands,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._api = api
        self._queues = queues
        self._ledger = ledger
        self._hands = hands
        self._clock = clock
        self._telemetry = telemetry
        self._batches = Batches(api)

    def settle(self, receipts: Sequence[Receipt], *, worked: bool) -> list[bool]:
        """`worked`: later deliveries of the same events are duplicates from here on."""
        fresh, answers = self._sorted(receipts)
        if worked:
            self._record_done(fresh, answers)
        ready = [receipt for receipt in fresh if receipt not in answers]
        self._delete(ready, answers)
        return self._ended(receipts, fresh, answers)

    def release(self, receipts: Sequence[Receipt], delay_seconds: float) -> list[bool]:
        """The receive stays counted. So what stands back, for another message of the same event or for
        the table, does that for a whole lease at least: at the second that the pipe asks for at first,
        it would be worn out soon."""
        fresh, answers = self._sorted(receipts)

        def delay_of(receipt: Receipt) -> int:
            held = self._hands.get(receipt)
            stands_back = held is not None and held.stands_back
            seconds = (
                max(delay_seconds, held.lease_seconds) if held and stands_back else delay_seconds
            )
            return min(whole_seconds(seconds), max(0, self._room_seconds(receipt)))

        self._hide(fresh, answers, delay_of)
        self._renew(fresh, answers, delay_seconds)
        return self._ended(receipts, fresh, answers)

    def extend(
        self, receipts: Sequence[Receipt], lease_seconds: float, failure: Failure | None
    ) -> list[bool]:
        """Never past the twelve hours from its receive that SQS hides a message for."""
        fresh, answers = self._sorted(receipts, ending=False)
        for receipt in fresh:
            if lease_seconds > 0 and self._room_seconds(receipt) < 1:
                answers[receipt] = False
        self._hide(
            [receipt for receipt in fresh if receipt not in answers],
            answers,
            lambda receipt: min(whole_seconds(lease_seconds), self._room_seconds(receipt)),
        )
        self._raise_for(fresh, answers)
        self._renew(fresh, answers, lease_seconds)
        current = [receipt for receipt in fresh if answers[receipt] is True]
        if failure is not None:
            self._remember(current, failure)
        if failure is not None or lease_seconds <= 0:
            for receipt in current:
                self._hands.let_go(receipt)
        for receipt in fresh:
            if answers[receipt] is False:
                self._hands.spend(receipt, heard=True)
        return [answers[receipt] is True for receipt in receipts]

    def bury(self, receipt: Receipt, failure: Failure) -> bool:
        """A copy to dead letters, then the message is deleted; never the other way round."""
        untold = self._hands.spent(receipt)
        held = self._hands.get(receipt)
        if untold is not None or held is None:
            return bool(untold)
        urls = self._queues.urls(held.webhook)
        if not held.buried:
            room = SIZE_MAX_BYTES - Send(held.body).size()
            letter = Send(
                held.body,
                attributes=attributes_of(
                    failure, held.receive_count, held.delivery_id, room, held.sent
                ),
            )
            (failed,) = self._batches.send(urls.dead, [letter], SIZE_MAX_BYTES)
            if failed is not None:
                raise failed
            held.buried = True
            if failure.error:
                self._remember([receipt], failure)
            self._yield_claim(held)
        (answer,) = self._batches.delete(urls.queue, [held.handle])
        if isinstance(answer, StoreError):
            raise answer
        self._hands.spend(receipt, heard=True)
        return True

    def claim(self, receipt: Receipt, delivery_id: str) -> Claim:
        handle, held = read_receipt(receipt), self._hands.get(receipt)
        if handle is None or held is None:
            # Whoever lost its lease is not the one: somebody else works this message.
            return Claim(ClaimAnswer.HELD)
        key = ClaimKey(held.webhook, delivery_id)
        held.stands_back = True  # also where the table does not answer
        claim = self._ledger.claim(key, held.id, held.lease_seconds)
        held.stands_back = claim.answer is ClaimAnswer.HELD
        if claim.answer is ClaimAnswer.GRANTED:
            held.delivery_id = delivery_id
        return claim

    def _room_seconds(self, receipt: Receipt) -> int:
        held = self._hands.get(receipt)
        if held is None:
            return HIDDEN_SECONDS_MAX
        return math.floor(HIDDEN_SECONDS_MAX - (self._clock.monotonic() - held.received_at))

    # One call for many receipts

    def _sorted(
        self, receipts: Sequence[Receipt], *, ending: bool = True
    ) -> tuple[list[Receipt], Answers]:
        """Those to ask SQS about, each once; and what is known without asking."""
        answers: Answers = {}
        fresh = []
        for receipt in dict.fromkeys(receipts):
            handle = read_receipt(receipt)
            untold = self._hands.spent(receipt, tell=ending)
            if untold is not None:
                answers[receipt] = ending and untold
            elif handle is None or self._queues.known(handle.webhook) is None:
                answers[receipt] = False
            else:
                fresh.append(receipt)
        return fresh, answers

    def _by_queue(
        self,
        receipts: Sequence[Receipt],
        answers: Answers,
        call: Callable[[str, Mapping[Receipt, str]], list[bool | StoreError]],
    ) -> None:
        """`call` is handed the receipts of one queue with their handles."""
        theirs: dict[str, dict[Receipt, str]] = {}
        for receipt in receipts:
            if (handle := read_receipt(receipt)) is not None:
                theirs.setdefault(handle.webhook, {})[receipt] = handle.handle
        for webhook, handles in theirs.items():
            found = call(self._queues.urls(webhook).queue, handles)
            answers.update(zip(handles, found, strict=True))

    def _delete(self, receipts: Sequence[Receipt], answers: Answers) -> None:
        self._by_queue(
            receipts, answers, lambda url, handles: self._batches.delete(url, [*handles.values()])
        )

    def _hide(
        self, receipts: Sequence[Receipt], answers: Answers, seconds_of: Callable[[Receipt], int]
    ) -> None:
        def call(url: str, handles: Mapping[Receipt, str]) -> list[bool | StoreError]:
            hidings = [(handle, seconds_of(receipt)) for receipt, handle in handles.items()]
            return self._batches.hide(url, hidings)

        self._by_queue(receipts, answers, call)

    def _ended(
        self,
        receipts: Sequence[Receipt],
        fresh: Sequence[Receipt],
        answers: Answers,
    ) -> list[bool]:
        """One answer per receipt, a repeated one being stale the second time."""
        failed = any(isinstance(answer, StoreError) for answer in answers.values())
        for receipt in fresh:
            if not isinstance(answers[receipt], StoreError):
                self._hands.spend(receipt, heard=not (failed and answers[receipt] is True))
        self._raise_for(fresh, answers)
        heard: list[bool] = []
        for receipt in receipts:
            heard.append(answers[receipt] is True)
            answers[receipt] = False
        return heard

    def _raise_for(self, fresh: Sequence[Receipt], answers: Answers) -> None:
        for receipt in fresh:
            answer = answers[receipt]
            if isinstance(answer, StoreError):
                raise answer

    # Claims and history

    def _record_done(self, receipts: Sequence[Receipt], answers: Answers) -> None:
        """Before the message is deleted: a delivery that comes in between is then a duplicate, and
        not one that waits for ever."""
        claimed = [receipt for receipt in receipts if self._claim_of(receipt) is not None]

        def done(receipt: Receipt) -> None:
            held, key = self._hands.get(receipt), self._claim_of(receipt)
            if held is not None and key is not None:
                self._ledger.done(key, held.id)

        answered = zip(claimed, self._api.each(done, claimed), strict=True)
        answers.update((receipt, one) for receipt, one in answered if one is not None)

    def _renew(
        self,
        receipts: Sequence[Receipt],
        answers: Answers,
        seconds: float,
    ) -> None:
        """Those still hold their deliveries. Where that cannot be said, they may lose them."""
        claimed = [one for one in receipts if answers[one] is True and self._claim_of(one)]

        def renew(receipt: Receipt) -> None:
            held, key = self._hands.get(receipt), self._claim_of(receipt)
            if held is not None and key is not None:
                self._ledger.renew(key, held.id, max(seconds, held.lease_seconds))

        self._warn(self._api.each(renew, claimed), "a claim could not be renewed")

    def _yield_claim(self, held: Held) -> None:
        if held.delivery_id is None:
            return
        try:
            self._ledger.yield_claim(ClaimKey(held.webhook, held.delivery_id), held.id)
        except StoreError as error:  # it ends by itself, a little later
            self._warn([error], "a claim could not be given up")

    def _remember(self, receipts: Sequence[Receipt], failure: Failure) -> None:
        """The history is for people: that it cannot be written must not hold up the queue."""

        def add(receipt: Receipt) -> None:
            if (held := self._hands.get(receipt)) is not None:
                key = MessageKey(held.webhook, held.id)
                self._ledger.attempted(key, failure, held.delivery_id)

        self._warn(self._api.each(add, receipts), "an attempt could not be written down")

    def _claim_of(self, receipt: Receipt) -> ClaimKey | None:
        held = self._hands.get(receipt)
        if held is None or held.delivery_id is None:
            return None
        return ClaimKey(held.webhook, held.delivery_id)

    def _warn(self, answers: Sequence[StoreError | None], what: str) -> None:
        failed = [answer for answer in answers if answer is not None]
        if failed:
            self._telemetry.emit("store.warning", message=f"{what}: {failed[0]}")
