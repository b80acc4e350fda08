"""A record of EventBridge Pipes as a message under work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.compiled import CompiledWebhook
from holdfast.envelope import decode
from holdfast.errors import EnvelopeInvalid
from holdfast.message import Message
from holdfast.workflow.input import Validator


def message_of(record: Mapping[str, Any], webhook: CompiledWebhook) -> Message:
    """Raises EnvelopeInvalid."""
    body = record.get("body")
    if not isinstance(body, str):
        raise EnvelopeInvalid("the record has no body")
    return decode(body, webhook.name, path=webhook.path)


def attempt_of(record: Mapping[str, Any]) -> int:
    """How often SQS has handed it out, this time included."""
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def model_of(webhook: CompiledWebhook) -> Validator | None:
    """What the webhook's bodies are read as."""
    return None if webhook.body_model is None else Validator(webhook.body_model)
