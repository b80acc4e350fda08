"""Sending past events through again."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.message import Message, new_message_id
from holdfast.queue.contract import Archive, Filter, Sender


def replay(sender: Sender, archive: Archive, ids: Sequence[str], now_ms: int) -> dict[str, str]:
    """Queue a copy of each event under a new id; old ids to new ones. Raises StoreError.

    Durable when it returns. A replay is no duplicate of what it repeats, and its signature is
    judged by the time at which the original came in. What retention removed meanwhile is left out.
    """
    entries = [entry for id in ids for entry in archive.events(Filter(id=id), None, 1)]
    copies = [_copy(entry.message, now_ms) for entry in entries]
    for failure in sender.send(copies):
        if failure is not None:
            raise failure
    return {entry.message.id: copy.id for entry, copy in zip(entries, copies, strict=True)}


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
