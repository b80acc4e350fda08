"""Sending past events through again."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.message import Message, new_message_id
from holdfast.queue.contract import Entry, Sender


def replay(sender: Sender, entries: Sequence[Entry], now_ms: int) -> list[str]:
    """Queue a copy of each under a new id; the ids. Durable when it returns. Raises StoreError.

    A replay is no duplicate of what it repeats, and its signature is judged by the time at which
    the original came in.
    """
    copies = [_copy(entry.message, now_ms) for entry in entries]
    for failure in sender.send(copies):
        if failure is not None:
            raise failure
    return [copy.id for copy in copies]


def _copy(message: Message, now_ms: int) -> Message:
    return Message(
        id=new_message_id(now_ms),
        webhook=message.webhook,
        received_at_ms=now_ms,
        request=message.request,
        params=message.params,
        verdict=message.verdict,
        replay_of=message.replay_of or message.id,
        first_received_at_ms=message.judged_at_ms,
    )
