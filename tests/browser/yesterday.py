"""The shop's last day, for the pictures: put into its store before it opens, by the store's own engine
under a clock that is set back. What a page shows of it is what it would show had somebody waited a day."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Final

from seeds import order, stripe

from holdfast.clock import SYSTEM_CLOCK, ManualClock
from holdfast.message import Failure, Headers, Lease, Message, Request, new_message_id
from holdfast.queue.contract import QueueLimits, Refusal
from holdfast.queue.engines.sqlite import SQLiteEngine

MINUTES: Final = 24 * 60
WEBHOOKS: Final = ("anything", "orders", "partner-tenant", "stripe")

_STRIPE: Final = (
    *("invoice.paid",) * 6,
    "charge.refunded",
    "customer.created",
    *("invoice.payment_failed",) * 2,
)


def live_through(store: Path) -> None:
    """A morning, a noon with too many mails that fail, an evening."""
    now_ms = SYSTEM_CLOCK.now_ms()
    clock = ManualClock(now_ms - MINUTES * 60_000)
    dice = random.Random(4711)
    engine = SQLiteEngine(store, clock=clock, holder="yesterday")
    engine.configure(dict.fromkeys(WEBHOOKS, QueueLimits()))
    n = 10_000
    for minute in range(MINUTES):
        many = _many(minute, dice)
        messages = [_message(n + at, clock.now_ms() + at, dice) for at in range(many)]
        n += many
        engine.send(messages)
        refused = [
            _refusal(clock.now_ms() + at, dice) for at in range(dice.random() < many / 60 and 2)
        ]
        if refused:
            engine.refuse(refused)
        clock.advance(0.05)
        for webhook in WEBHOOKS:
            leases = engine.receive(webhook, 100, 60)
            failing = [one for one in leases if _fails(one, minute, dice)]
            engine.settle([one.receipt for one in leases if one not in failing])
            for lease in failing:
                engine.bury(lease.receipt, _failure(lease, clock.now_ms()))
        clock.advance(59.95)
    engine.close()


def _many(minute: int, dice: random.Random) -> int:
    day = (
        5
        + 7 * math.sin(math.pi * minute / MINUTES) ** 2
        + 6 * math.exp(-(((minute - 1_300) / 60) ** 2))
    )
    return max(0, round(dice.gauss(day, 1.6)))


def _message(n: int, at_ms: int, dice: random.Random) -> Message:
    kind = dice.random()
    if kind < 0.5:
        webhook, body = "orders", order(n)
    elif kind < 0.9:
        webhook, body = "stripe", stripe(dice.choice(_STRIPE), number=n)
    elif kind < 0.97:
        webhook, body = "partner-tenant", json.dumps({"tenant": "acme", "n": n}).encode()
    else:
        webhook, body = "anything", json.dumps({"type": "ping", "n": n}).encode()
    headers = Headers.of({"content-type": "application/json", "x-delivery": f"d-{n}"})
    return Message(
        new_message_id(at_ms), webhook, at_ms,
        Request("POST", f"/{webhook}", "", headers, body, "203.0.113.7"),
    )  # fmt: skip


def _fails(lease: Lease, minute: int, dice: random.Random) -> bool:
    if b"payment_failed" in lease.message.request.body:
        return 1_150 < minute < 1_260 and dice.random() < 0.7
    return lease.message.webhook == "orders" and dice.random() < 0.004


def _failure(lease: Lease, at_ms: int) -> Failure:
    if lease.message.webhook == "orders":
        return Failure("KeyError", "'sku-404 is not in stock'", "pick", at_ms, 1, "exhausted")
    said = "mail.example.com did not answer within 5 seconds"
    return Failure("TimeoutError", said, "remind", at_ms, 1, "exhausted")


def _refusal(at_ms: int, dice: random.Random) -> Refusal:
    status, reason, detail = dice.choice(
        ((400, "invalid_body", "/total: -1 is less than 0"), (401, "token_mismatch", ""))
    )
    return Refusal(
        new_message_id(at_ms), at_ms, "orders", "POST", "/orders", "203.0.113.9", status, reason,
        detail, (("content-type", "application/json"),), b'{"id": "o-1", "total": -1}',
    )  # fmt: skip
