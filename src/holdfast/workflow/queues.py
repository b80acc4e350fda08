"""Performs `sqs:sendMessage`: into the queue of another webhook of the same definition."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from holdfast.clock import Clock
from holdfast.compiled import CompiledWebhook
from holdfast.errors import StoreError
from holdfast.message import Message, new_message_id
from holdfast.workflow import sqs_send
from holdfast.workflow.outcome import Failed, Outcome, Succeeded
from holdfast.workflow.references import queue_name

Keep = Callable[[Message, float], Awaitable[None]]
"""Keeps a message, durably, before it returns; seconds until it may be worked. Raises StoreError."""


async def keep_nothing(_message: Message, _delay_seconds: float) -> None:
    """Where there is no store to keep it in."""
    raise StoreError("nothing can be sent from here")


class Queues:
    """The queues that workflows may send to, by their webhooks' names and paths."""

    def __init__(
        self, webhooks: Sequence[CompiledWebhook], clock: Clock, keep: Keep = keep_nothing
    ) -> None:
        by_path = {webhook.path: webhook for webhook in webhooks}
        self._webhooks = by_path | {webhook.name: webhook for webhook in webhooks}
        self._clock = clock
        self._keep = keep

    async def send(self, given: Any, source: str) -> Outcome:
        """Success once the message is durable. `source`: the webhook that sends.

        Raises StateFailure.
        """
        request_id = str(uuid.uuid4())
        sending = sqs_send.read(given, request_id)
        webhook = self._webhooks.get(queue_name(sending.queue_url) or "")
        if webhook is None:
            raise sqs_send.unknown_queue(request_id)
        now_ms = self._clock.now_ms()
        message = sqs_send.message(
            sending,
            webhook,
            id=new_message_id(now_ms),
            now_ms=now_ms,
            source=source,
            request_id=request_id,
        )
        try:
            await self._keep(message, sending.delay_seconds)
        except StoreError as error:
            cause = f"Unable to execute HTTP request: {type(error).__name__}: {error}"
            return Failed("SQS.SdkClientException", cause)
        output, size = sqs_send.result(sending, message.id, request_id)
        return Succeeded(output, size)
