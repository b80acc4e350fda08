"""A record of EventBridge Pipes as a message under work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.compiled import CompiledWebhook
from holdfast.envelope import decode, is_meant_as_one
from holdfast.errors import EnvelopeInvalid
from holdfast.message import Message
from holdfast.sent import Sent, sent_by
from holdfast.workflow.input import Validator
from holdfast.workflow.sqs_send import received

Record = Mapping[str, Any]


class Records:
    """Reads the records of one webhook.

    senders: the webhooks whose workflows send to this one's queue, by the id of the role that each
    does so in. What they send is a body and no envelope, whatever it looks like, also once it was
    sent again from dead letters: a stranger may have a hand in it, and is not to write an envelope of
    his own.
    """

    def __init__(self, webhook: CompiledWebhook, senders: Mapping[str, str]) -> None:
        self._webhook = webhook
        self._senders = senders

    def message(self, record: Record) -> Message:
        """Raises EnvelopeInvalid."""
        body = record.get("body")
        if not isinstance(body, str):
            raise EnvelopeInvalid("the record has no body")
        told, id = record.get("attributes", {}), str(record.get("messageId", ""))
        attributes = record.get("messageAttributes") or {}
        sent = sent_by(self._senders, told, id, attributes)
        if sent is not None:
            return self._sent(sent, body)
        try:
            return decode(body, self._webhook.name, path=self._webhook.path)
        except EnvelopeInvalid:
            # Of one that came through the API a stranger can make a wrong one: two spellings of a header.
            if not self._senders or is_meant_as_one(body):
                raise
            # Somebody sent it again with AWS's own redrive, which tells no more of where it came from.
            return self._sent(Sent("", id, int(told.get("SentTimestamp", 0)), attributes), body)

    def _sent(self, sent: Sent, body: str) -> Message:
        """As the local runtime has it from `sqs:sendMessage`."""
        webhook, source = self._webhook, self._senders.get(sent.role, "")
        method = webhook.methods[0]
        return received(sent, body, webhook.name, source, method=method, path=webhook.path)


def attempt_of(record: Record) -> int:
    """How often SQS has handed it out, this time included."""
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def model_of(webhook: CompiledWebhook) -> Validator | None:
    """What the webhook's bodies are read as."""
    return None if webhook.body_model is None else Validator(webhook.body_model)
