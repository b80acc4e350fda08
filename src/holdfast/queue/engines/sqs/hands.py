"""What this process has in its hands, and what it has let go of.

SQS lets an old receipt delete: it answers that it did, whether or not the message has passed to
somebody else. What happens between two processes only SQS can know. Within this one we know it
ourselves: a receipt that was settled, released or buried here is stale from then on, and so is one
whose message was received here again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson

from holdfast.message import Receipt
from holdfast.sent import Sent

REMEMBERED: Final = 20_000
"""Receipts that are known to be stale. Those who hold one ask soon, or never."""

LET_GO: Final = 1_000
"""Messages that wait for their next attempt, and that nobody is likely to ask for."""

FORGET_SECONDS: Final = 43_200.0
"""SQS hides a message for twelve hours at most: what is older was received again, by somebody."""


class Handle(NamedTuple):
    """What a receipt says: it is written so that any process can show it."""

    webhook: str
    id: str
    handle: str

    def receipt(self) -> Receipt:
        return Receipt(orjson.dumps([*self]).decode())


def read_receipt(receipt: Receipt) -> Handle | None:
    """None: nobody here ever gave it out."""
    try:
        parts = orjson.loads(receipt)
    except ValueError:
        return None
    match parts:
        case [str(webhook), str(id), str(handle)] if webhook and handle:
            return Handle(webhook, id, handle)
    return None


@dataclass(slots=True)
class Held:
    """A message in our hands."""

    webhook: str
    id: str
    sqs_id: str
    handle: str
    body: str
    """As it came, so that it can be sent to dead letters as it came."""
    sent: Sent | None
    """How a workflow of a stack sent it."""
    receive_count: int
    lease_seconds: float
    received_at: float
    """Monotonic."""
    delivery_id: str | None = None
    """Under which it was granted a claim."""
    stands_back: bool = False
    """Another message is working the same event, or nobody could tell."""
    buried: bool = False
    """A copy is in dead letters already."""


class Hands:
    """Safe to use from any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[Receipt, Held] = {}
        self._let_go: OrderedDict[Receipt, Held] = OrderedDict()
        self._newest: dict[tuple[str, str], Receipt] = {}
        self._spent: OrderedDict[Receipt, bool] = OrderedDict()

    def take(self, held: Held) -> Receipt:
        """It was handed out. An older receipt of the same message is stale from here on."""
        receipt = Handle(held.webhook, held.id, held.handle).receipt()
        with self._guard:
            older = self._newest.get((held.webhook, held.sqs_id))
            if older is not None:
                self._spend(older, heard=True)
            self._newest[held.webhook, held.sqs_id] = receipt
            self._held[receipt] = held
        return receipt

    def get(self, receipt: Receipt) -> Held | None:
        with self._guard:
            return self._held.get(receipt) or self._let_go.get(receipt)

    def let_go(self, receipt: Receipt) -> None:
        """Its attempt is over; the receipt stays good until somebody receives the message."""
        with self._guard:
            held = self._held.pop(receipt, None)
            if held is not None:
                self._let_go[receipt] = held
                while len(self._let_go) > LET_GO:
                    self._forget(self._let_go.popitem(last=False)[1])

    def spend(self, receipt: Receipt, *, heard: bool) -> None:
        """It did what it was for. `heard`: whoever showed it is being told so."""
        with self._guard:
            self._spend(receipt, heard=heard)

    def spent(self, receipt: Receipt, *, tell: bool = True) -> bool | None:
        """None: it is not, as far as we know. True, once: it is, and nobody was told so yet.

        `tell`: whoever asks is being told now.
        """
        with self._guard:
            if receipt not in self._spent:
                return None
            untold = self._spent[receipt]
            if tell:
                self._spent[receipt] = False
            return untold

    def sweep(self, now: float) -> None:
        """Forget what was never let go of: somebody else has it by now, if it is still there."""
        with self._guard:
            for receipt, held in [*self._held.items()]:
                if now - held.received_at > FORGET_SECONDS:
                    del self._held[receipt]
                    self._forget(held)

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Receipt]:
        return iter([*self._held])

    def _spend(self, receipt: Receipt, *, heard: bool) -> None:
        held = self._held.pop(receipt, None) or self._let_go.pop(receipt, None)
        if held is not None:
            self._forget(held)
        self._spent[receipt] = not heard
        while len(self._spent) > REMEMBERED:
            self._spent.popitem(last=False)

    def _forget(self, held: Held) -> None:
        key = (held.webhook, held.sqs_id)
        if self._newest.get(key) == Handle(held.webhook, held.id, held.handle).receipt():
            del self._newest[key]
