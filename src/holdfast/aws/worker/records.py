"""A record of EventBridge Pipes as a message under work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.compiled import CompiledWebhook
from holdfast.envelope import decode, is_meant_as_one
from holdfast.errors import EnvelopeInvalid
from holdfast.message import Message
from holdfast.workflow.input import Validator
from holdfast.workflow.sqs_attributes import attributes_of_pipes
from holdfast.workflow.sqs_send import VERIFIED, request_of

Record = Mapping[str, Any]


class Records:
    """Reads the records of one webhook.

    senders: webhooks whose workflows send to this one's queue, each with the id of the role that its
    state machine does so in. What they send is a body and no envelope, whatever it looks like: a
    stranger may have a hand in it, and is not to write an envelope of his own.
    """

    def __init__(self, webhook: CompiledWebhook, senders: Mapping[str, str]) -> None:
        self._webhook = webhook
        self._by_role = {id: name for name, id in senders.items()}

    def message(self, record: Record) -> Message:
        """Raises EnvelopeInvalid."""
        body = record.get("body")
        if not isinstance(body, str):
            raise EnvelopeInvalid("the record has no body")
        told = record.get("attributes", {})
        source = self._by_role.get(str(told.get("SenderId", "")).partition(":")[0])
        if source is not None:
            return self._sent(record, body, source)
        try:
            return decode(body, self._webhook.name, path=self._webhook.path)
        except EnvelopeInvalid:
            # Of one that came through the API a stranger can make a wrong one: two spellings of a header.
            if not self._by_role or is_meant_as_one(body):
                raise
            # Somebody sent it again from the dead letters, where it was no envelope either.
            return self._sent(record, body, "")

    def _sent(self, record: Record, body: str, source: str) -> Message:
        """As the local runtime has it from `sqs:sendMessage`."""
        attributes = attributes_of_pipes(record.get("messageAttributes") or {})
        request = request_of(body.encode(), attributes, self._webhook, source)
        received_at_ms = int(record.get("attributes", {}).get("SentTimestamp", 0))
        id = str(record.get("messageId", ""))
        return Message(id, self._webhook.name, received_at_ms, request, verdict=VERIFIED)


def attempt_of(record: Record) -> int:
    """How often SQS has handed it out, this time included."""
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def model_of(webhook: CompiledWebhook) -> Validator | None:
    """What the webhook's bodies are read as."""
    return None if webhook.body_model is None else Validator(webhook.body_model)
