"""Verify and Settle: the functions around the work of one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from holdfast.aws.contract import (
    CARRIED,
    DUPLICATE,
    GREETING,
    HELD,
    carry,
)
from holdfast.aws.door import ping_of, queued_pings
from holdfast.aws.worker.failing import named, raised
from holdfast.aws.worker.records import Records, attempt_of, model_of
from holdfast.compiled import CompiledWebhook, Forward
from holdfast.errors import SchemaInvalid
from holdfast.gateway.schema import BodySchema
from holdfast.keyring import KeyRing
from holdfast.message import Message
from holdfast.queue.contract import ClaimAnswer
from holdfast.queue.engines.sqs.ledger import ClaimKey, Ledger
from holdfast.secrets import Secrets
from holdfast.verify.source import redact
from holdfast.workflow.input import Delivery
from holdfast.workflow.limits import DATA_LIMIT_BYTES, measure
from holdfast.workflow.tasks import check_message

Record = Mapping[str, Any]


class Verify:
    """`${holdfast:verify}`: a record becomes an execution's input."""

    def __init__(
        self,
        webhook: CompiledWebhook,
        records: Records,
        secrets: Secrets,
        keys: KeyRing,
        ledger: Ledger | None,
        execution_seconds: float,
    ) -> None:
        self._webhook = webhook
        self._records = records
        self._secrets = secrets
        self._keys = keys
        self._ledger = ledger
        self._execution_seconds = execution_seconds
        self._schema = None if webhook.schema is None else BodySchema(webhook.schema)
        self._model = model_of(webhook)
        self._pings = queued_pings(webhook)
        tasks = webhook.tasks.values()
        self._carries = any(isinstance(each, Forward) or each.takes == "event" for each in tasks)

    def __call__(self, record: Record, _context: Any = None) -> dict[str, Any]:
        try:
            delivery = self._verified(record)
            self._claim(delivery)
            return self._input(delivery)
        except NotOurs as other:
            raise named(other.name, str(other)) from None
        except Exception as error:
            raise raised(error) from None

    def _verified(self, record: Record) -> Delivery:
        message = self._records.message(record)
        ping = ping_of(message.request, self._pings)
        if ping is None or ping.signed:
            check_message(self._webhook, message, self._secrets, self._keys)
        if ping is not None:
            raise NotOurs(GREETING, f"a {ping.name}, and no event")
        message = _redacted(self._webhook, message)
        self._hold_against_the_schema(message)
        delivery = Delivery(self._webhook, message, attempt_of(record), self._model)
        delivery.validate()
        return delivery

    def _hold_against_the_schema(self, message: Message) -> None:
        """All of it: API Gateway's model is wider, and content types without one have none."""
        violations = self._schema.violations(message.request.body) if self._schema else ()
        if violations:
            told = [f"{each.path or 'the body'}: {each.message}" for each in violations]
            raise SchemaInvalid("; ".join(told))

    def _claim(self, delivery: Delivery) -> None:
        delivery_id = delivery.delivery_id
        if self._ledger is None or delivery_id is None:
            return
        key = ClaimKey(self._webhook.name, delivery_id)
        answer = self._ledger.claim(key, delivery.message.id, self._execution_seconds)
        if answer.answer is ClaimAnswer.DUPLICATE:
            raise NotOurs(DUPLICATE, f"worked already, as {answer.holder}")
        if answer.answer is not ClaimAnswer.GRANTED:
            raise NotOurs(HELD, f"being worked just now, as {answer.holder}")

    def _input(self, delivery: Delivery) -> dict[str, Any]:
        built, size = delivery.input()
        if not self._carries:
            return built
        carried = carry(delivery.message)
        if size + len(carried) + len(CARRIED) + 6 > DATA_LIMIT_BYTES:
            whole = {**built, CARRIED: carried}
            if measure(whole) > DATA_LIMIT_BYTES:
                built = {**built, "body": None, "bodyOmitted": True}
        return {**built, CARRIED: carried}


class Settle:
    """`${holdfast:settle}`: the delivery of a record that was worked is remembered."""

    def __init__(self, webhook: CompiledWebhook, records: Records, ledger: Ledger | None) -> None:
        self._webhook = webhook
        self._records = records
        self._ledger = ledger

    def __call__(self, record: Record, _context: Any = None) -> None:
        try:
            message = self._records.message(record)
            delivery_id = Delivery(self._webhook, message, 1, None).delivery_id
            if self._ledger is not None and delivery_id is not None:
                self._ledger.done(ClaimKey(self._webhook.name, delivery_id), message.id)
        except Exception as error:
            raise raised(error) from None


class NotOurs(Exception):
    """Another message has this delivery, or it is no event."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def _redacted(webhook: CompiledWebhook, message: Message) -> Message:
    headers = redact(webhook, message.request.headers)
    return replace(message, request=replace(message.request, headers=headers))
