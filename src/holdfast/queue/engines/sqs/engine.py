"""The engine itself: each verb of the contract, over the parts beside this file."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.envelope import decode, encode
from holdfast.errors import EnvelopeInvalid, MessageTooLarge, StoreError
from holdfast.message import DeadLetter, Failure, Lease, Message, Receipt
from holdfast.queue.contract import Claim, Depth, Filter, QueueLimits, Refusal
from holdfast.queue.engines.sqs.api import ATTEMPTS, BATCH, WAIT_SECONDS_MAX, Api, QueueMissing
from holdfast.queue.engines.sqs.batches import Batches, Send
from holdfast.queue.engines.sqs.desk import LAST_LOOK_SECONDS, Desk
from holdfast.queue.engines.sqs.hands import Hands, Held
from holdfast.queue.engines.sqs.ledger import Ledger
from holdfast.queue.engines.sqs.listener import Listener
from holdfast.queue.engines.sqs.location import Location
from holdfast.queue.engines.sqs.queues import Queues
from holdfast.queue.engines.sqs.settling import Settling, whole_seconds
from holdfast.sent import as_pipes_writes, sent_by
from holdfast.telemetry import Telemetry
from holdfast.workflow.sqs_send import received

DELAY_SECONDS_MAX: Final = 900
_TOLD: Final = ["ApproximateReceiveCount", "SenderId", "SentTimestamp"]

PAUSE_SECONDS: Final = 5.0
"""How old the news may be that a webhook is not paused. That it is paused is asked each time."""


class SQSEngine:
    """The contract over the queues and the table at a location.

    create: queues and table are made where they are first needed. last_look_seconds: how long SQS
    may search for a last dead letter. attempts: of each call. Raises ExtraMissing, StoreError.
    """

    name = "sqs"
    abilities = frozenset({"bell"})

    def __init__(
        self,
        location: Location,
        *,
        clock: Clock = SYSTEM_CLOCK,
        telemetry: Telemetry | None = None,
        create: bool = False,
        last_look_seconds: int = LAST_LOOK_SECONDS,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.location = location
        self._clock = clock
        self._telemetry = telemetry or Telemetry()
        self._api = Api(location, attempts=attempts)
        self._ledger = Ledger(self._api, location, clock)
        self._queues = Queues(self._api, location, self._ledger, self._telemetry, create=create)
        self._batches = Batches(self._api)
        self._hands = Hands()
        self._settling = Settling(
            self._api, self._queues, self._ledger, self._hands, clock, self._telemetry
        )
        self._desk = Desk(
            self._api, self._queues, self._ledger, clock, last_look_seconds=last_look_seconds
        )
        self._guard = threading.Lock()
        self._listener: Listener | None = None
        self._pauses: frozenset[str] = frozenset()
        self._pauses_until = float("-inf")

    def create(
        self,
        limits: Mapping[str, QueueLimits],
        visibility_seconds: Mapping[str, float] | None = None,
    ) -> list[str]:
        """Make the queues of these webhooks, and the table; the names of those that were missing.

        visibility_seconds: the queues' own visibility timeouts, for consumers other than ours.
        """
        return self._queues.create(limits, visibility_seconds)

    # Sender

    def send(
        self, messages: Sequence[Message], delay_seconds: float = 0
    ) -> list[StoreError | None]:
        if delay_seconds > DELAY_SECONDS_MAX:
            raise StoreError(f"SQS delays a message by {DELAY_SECONDS_MAX} seconds at the most")
        answers: list[StoreError | None] = [None] * len(messages)
        places: dict[str, list[int]] = {}
        for place, message in enumerate(messages):
            places.setdefault(message.webhook, []).append(place)
        for webhook, theirs in places.items():
            sends = [Send(encode(messages[one]), math.ceil(delay_seconds)) for one in theirs]
            for place, answer in zip(theirs, self._send(webhook, sends), strict=True):
                answers[place] = answer
        first = answers[0] if answers else None
        if first is not None and None not in answers and not isinstance(first, MessageTooLarge):
            raise first
        return answers

    def _send(self, webhook: str, sends: Sequence[Send]) -> Sequence[StoreError | None]:
        try:
            url = self._queues.to_send(webhook).queue
            return self._batches.send(url, sends, self._queues.size_max(webhook))
        except StoreError as error:
            return [error] * len(sends)

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """SQS has no place for what was not accepted; the log tells of each."""

    # Receiver

    def configure(self, limits: Mapping[str, QueueLimits]) -> None:
        self._queues.configure(limits)

    def receive(
        self, webhook: str, limit: int, lease_seconds: float, wait_seconds: float = 0
    ) -> list[Lease]:
        if limit < 1:
            return []
        if self.paused(webhook):
            return []
        if wait_seconds <= 0 and self._listener is not None:
            heard = self._listener.receive(webhook, limit, lease_seconds)
            return self._fresh(heard, lease_seconds)
        until = self._clock.monotonic() + wait_seconds
        while True:
            left = until - self._clock.monotonic()
            leases = self._poll(webhook, limit, lease_seconds, max(0, math.ceil(left)))
            if leases or left <= 0:
                return leases

    def begin(self, receipts: Sequence[Receipt]) -> None:
        """Nobody sees a holder die; its leases end."""

    def settle(self, receipts: Sequence[Receipt], duplicate_of: str | None = None) -> list[bool]:
        return self._settling.settle(receipts, worked=duplicate_of is None)

    def release(self, receipts: Sequence[Receipt], delay_seconds: float = 0) -> list[bool]:
        return self._settling.release(receipts, delay_seconds)

    def extend(
        self, receipts: Sequence[Receipt], lease_seconds: float, failure: Failure | None = None
    ) -> list[bool]:
        return self._settling.extend(receipts, lease_seconds, failure)

    def bury(self, receipt: Receipt, failure: Failure) -> bool:
        self._desk.forget()
        return self._settling.bury(receipt, failure)

    def claim(self, receipt: Receipt, delivery_id: str) -> Claim:
        return self._settling.claim(receipt, delivery_id)

    def paused(self, webhook: str) -> bool:
        if webhook not in self._pauses and self._clock.monotonic() < self._pauses_until:
            return False
        paused = webhook in self._read_pauses()
        if paused and self._listener is not None:
            # What was heard meanwhile is not to lie here until its lease ends.
            self.release([lease.receipt for lease in self._listener.drain(webhook)])
        return paused

    def bell(self) -> int | None:
        with self._guard:
            if self._listener is None:
                self._listener = Listener(self._poll, self._clock)
            return self._listener.descriptor

    def maintain(self) -> bool:
        """SQS keeps its own house; here only what nobody will ask for again is forgotten."""
        self._hands.sweep(self._clock.monotonic())
        return False

    # Operator

    def webhooks(self) -> list[str]:
        return self._queues.webhooks()

    def depth(self) -> list[Depth]:
        answers = self._api.each(self._queues.depth, self._queues.webhooks())
        rows = []
        for answer in answers:
            if isinstance(answer, StoreError):
                raise answer
            rows.append(answer)
        return rows

    def browse(self, filter: Filter, after: str | None = None, limit: int = 50) -> list[DeadLetter]:
        return self._desk.browse(filter, after, limit)

    def redrive(self, ids: Sequence[str]) -> list[bool]:
        return self._desk.redrive(ids)

    def purge(self, ids: Sequence[str]) -> list[bool]:
        return self._desk.purge(ids)

    def pause(self, webhook: str) -> None:
        self._ledger.pause(webhook)
        self._pauses_until = float("-inf")

    def resume(self, webhook: str) -> None:
        self._ledger.resume(webhook)
        self._pauses_until = float("-inf")

    def pauses(self) -> list[str]:
        return sorted(self._read_pauses())

    def close(self) -> None:
        """What was heard and not received is given back; that may take until the last call ends."""
        if self._listener is not None:
            left = self._listener.close()
            self._listener = None
            try:
                self.release([lease.receipt for lease in left])
            except StoreError as error:
                self._telemetry.emit("store.warning", message=f"not given back: {error}")
        self._api.close()

    # What the verbs are made of

    def _read_pauses(self) -> frozenset[str]:
        self._pauses = self._ledger.paused()
        self._pauses_until = self._clock.monotonic() + PAUSE_SECONDS
        return self._pauses

    def _fresh(self, heard: Sequence[tuple[Lease, float]], lease_seconds: float) -> list[Lease]:
        """What lay in the listener's hands for long is given its whole lease, or left to others."""
        fresh = [lease for lease, ago_seconds in heard if ago_seconds < lease_seconds / 3]
        late = [lease for lease, ago_seconds in heard if ago_seconds >= lease_seconds / 3]
        if late:
            answers = self.extend([lease.receipt for lease in late], lease_seconds)
            fresh += [lease for lease, ours in zip(late, answers, strict=True) if ours]
        return fresh

    def _poll(
        self, webhook: str, limit: int, lease_seconds: float, wait_seconds: int
    ) -> list[Lease]:
        urls = self._queues.known(webhook)
        if urls is None:
            return []

        def receive(count: int) -> list[Lease]:
            found = self._api.poll(
                QueueUrl=urls.queue,
                MaxNumberOfMessages=count,
                VisibilityTimeout=whole_seconds(lease_seconds),
                WaitTimeSeconds=min(wait_seconds, WAIT_SECONDS_MAX),
                MessageSystemAttributeNames=_TOLD,
                MessageAttributeNames=["All"],
            )
            return self._leased(webhook, found, lease_seconds)

        try:
            leases = receive(min(limit, BATCH))
        except QueueMissing:
            self._queues.forget(webhook)
            raise
        # A full answer says that there is more; a short one only that this machine had no more.
        if len(leases) == BATCH and limit > BATCH:
            left = limit - BATCH
            counts = [BATCH] * (left // BATCH) + [left % BATCH] * (left % BATCH > 0)
            for answer in self._api.each(receive, counts):
                # What did not come comes next time; what did has to be worked.
                leases += answer if not isinstance(answer, StoreError) else []
        return leases

    def _leased(
        self, webhook: str, found: Sequence[Mapping[str, Any]], lease_seconds: float
    ) -> list[Lease]:
        leases, senders = [], self._queues.senders(webhook)
        for raw in found:
            told, attributes = (
                raw["Attributes"],
                as_pipes_writes(raw.get("MessageAttributes") or {}),
            )
            count = int(told["ApproximateReceiveCount"])
            sent = sent_by(senders, told, raw["MessageId"], attributes)
            held = Held(
                webhook=webhook,
                id=raw["MessageId"],
                sqs_id=raw["MessageId"],
                handle=raw["ReceiptHandle"],
                body=raw["Body"],
                sent=sent,
                receive_count=count,
                lease_seconds=lease_seconds,
                received_at=self._clock.monotonic(),
            )
            try:
                message = (
                    decode(held.body, webhook)
                    if sent is None
                    else received(sent, held.body, webhook, senders.get(sent.role, ""))
                )
            except EnvelopeInvalid as error:
                self._set_aside(held, error)
                continue
            held.id = message.id
            leases.append(Lease(message, self._hands.take(held), count))
        return leases

    def _set_aside(self, held: Held, error: EnvelopeInvalid) -> None:
        """Nobody can work it, but somebody has to see it."""
        failure = Failure(
            error=type(error).__name__,
            cause=str(error),
            at_ms=self._clock.now_ms(),
            attempt=held.receive_count,
            reason=error.reason,
        )
        try:
            self.bury(self._hands.take(held), failure)
        except StoreError as store:
            self._telemetry.emit(
                "store.warning", message=f"{held.webhook}: what is no envelope stays: {store}"
            )
