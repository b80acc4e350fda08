"""Dead letters as SQS holds them: the message as it came, and why it died in its attributes. Pure.

A message and its copy can both be there: whoever buries sends a copy and then deletes the message,
and between the two SQS may move it by itself. So letters go by the id in their envelope, and all
copies of one are one letter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from holdfast.envelope import LetterAttribute, decode
from holdfast.errors import EnvelopeInvalid
from holdfast.message import DeadLetter, Failure, Headers, Message, Request
from holdfast.queue.contract import Filter
from holdfast.queue.engines.sqs.ledger import History, cut
from holdfast.sent import Sent, as_pipes_writes, sent_by
from holdfast.workflow.sqs_send import received

EXHAUSTED: Final = "exhausted"

MOVED: Final = "DeadLetterQueueSourceArn"
"""SQS tells this of a letter that it has moved by itself."""

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What SQS takes in no attribute."""

_ERROR_MAX: Final = 512
_CAUSE_MAX: Final = 8_192


@dataclass(frozen=True, slots=True)
class Copy:
    """One message in a queue of dead letters, as it was received."""

    sqs_id: str
    handle: str
    body: str
    sent_at_ms: int
    attributes: Mapping[str, str]
    """Why it is a letter."""
    sent: Sent | None = None
    """How a workflow of the stack sent it; None: it should be an envelope."""


@dataclass(frozen=True, slots=True)
class Letter:
    """All copies of one message, the one that says most first."""

    message: Message
    copies: tuple[Copy, ...]

    @property
    def told(self) -> Copy:
        return self.copies[0]

    @property
    def reason(self) -> str:
        return self.told.attributes.get(LetterAttribute.REASON, EXHAUSTED)

    @property
    def delivery_id(self) -> str | None:
        return self.told.attributes.get(LetterAttribute.DELIVERY_ID)

    def failure(self) -> Failure | None:
        """Of the attempt after which it was buried; None: nobody buried it, or none was made."""
        attributes = self.told.attributes
        error = attributes.get(LetterAttribute.ERROR)
        if not error:
            return None
        return Failure(
            error=error,
            cause=attributes.get(LetterAttribute.CAUSE, ""),
            state=attributes.get(LetterAttribute.STATE, ""),
            at_ms=_number(attributes, LetterAttribute.AT_MS) or 0,
            attempt=_number(attributes, LetterAttribute.ATTEMPT) or 0,
            reason=self.reason,
        )

    def dead_letter(
        self, history: History, max_receive_count: int, superseded_by: str | None
    ) -> DeadLetter:
        """As `browse` shows it.

        SQS neither says when it moved a message, nor keeps the count of its receives apart from
        that of our looks: such a letter died, as far as anyone knows, when it came in, and after as
        many receives as its queue allows.
        """
        attempts, last = history.attempts, self.failure()
        if last is not None and not (attempts and _alike(attempts[-1], last)):
            attempts = (*attempts, last)
        counted = _number(self.told.attributes, LetterAttribute.RECEIVE_COUNT)
        return DeadLetter(
            message=self.message,
            reason=self.reason,
            failure=attempts[-1] if attempts else None,
            attempts=attempts,
            died_at_ms=self.told.sent_at_ms,
            receive_count=max_receive_count if counted is None else counted,
            superseded_by=superseded_by,
        )


def attributes_of(
    failure: Failure,
    receive_count: int,
    delivery_id: str | None,
    room_bytes: int,
    sent: Sent | None = None,
) -> dict[str, dict[str, str]]:
    """The attributes of a dead letter, as SQS wants them, in so many bytes. Empty ones are left out.

    Error and cause are cut where they are long, and left out where there is no room at all.
    """
    found = sending_again(sent)
    room_bytes -= sum(size_of_attribute(name, one["StringValue"]) for name, one in found.items())
    texts = {
        LetterAttribute.REASON: failure.reason,
        LetterAttribute.RECEIVE_COUNT: str(receive_count),
        LetterAttribute.ATTEMPT: str(failure.attempt),
        LetterAttribute.AT_MS: str(failure.at_ms),
        LetterAttribute.ERROR: cut(failure.error, _ERROR_MAX),
        LetterAttribute.STATE: cut(failure.state, _ERROR_MAX),
        LetterAttribute.DELIVERY_ID: delivery_id or "",
        LetterAttribute.CAUSE: cut(failure.cause, _CAUSE_MAX),
    }
    for name, text in texts.items():
        value = _FORBIDDEN.sub("\ufffd", text)
        size = size_of_attribute(name, value)
        if value and size <= room_bytes:
            found[name.value] = {"DataType": "String", "StringValue": value}
            room_bytes -= size
    return found


def sending_again(sent: Sent | None) -> dict[str, dict[str, str]]:
    """The attributes without which a text that a workflow sent would be read as an envelope."""
    if sent is None:
        return {}
    return {LetterAttribute.SENT.value: {"DataType": "String", "StringValue": sent.write()}}


def size_of_attribute(name: str, value: str) -> int:
    """Name, type and value count, in bytes."""
    return len(name) + len("String") + len(value.encode("utf-8", "replace"))


def read_copy(raw: Mapping[str, Any], roles: Collection[str]) -> Copy:
    """A received message. `roles`: of the workflows that send to its webhook.

    What SQS moved by itself still has its first sender, and attributes that are not ours.
    """
    told, written = raw.get("Attributes", {}), raw.get("MessageAttributes") or {}
    moved = MOVED in told
    sent = sent_by(roles if moved else (), told, raw["MessageId"], as_pipes_writes(written))
    return Copy(
        sqs_id=raw["MessageId"],
        handle=raw["ReceiptHandle"],
        body=raw["Body"],
        sent_at_ms=int(told.get("SentTimestamp", 0)),
        attributes={}
        if moved
        else {name: str(one.get("StringValue", "")) for name, one in written.items()},
        sent=sent,
    )


def collate(copies: Iterable[Copy], webhook: str, senders: Mapping[str, str]) -> list[Letter]:
    """One letter per message. What says why comes first, and of those the earliest.

    `senders`: the webhooks whose workflows send to this one, by their roles.
    """
    letters: dict[str, Letter] = {}
    for copy in copies:
        message = _message(copy, webhook, senders)
        found = letters.get(message.id)
        if found is None:
            letters[message.id] = Letter(message, (copy,))
        else:
            ordered = sorted((*found.copies, copy), key=_order)
            letters[message.id] = replace(found, copies=tuple(ordered))
    return list(letters.values())


def fits(letter: DeadLetter, filter: Filter) -> bool:
    """Whether it matches: every field that is given. Times are those of death."""
    failure = letter.failure
    return (
        filter.id in {None, letter.message.id}
        and filter.webhook in {None, letter.message.webhook}
        and filter.reason in {None, letter.reason}
        and filter.error in {None, failure.error if failure else None}
        and (filter.since_ms is None or filter.since_ms <= letter.died_at_ms)
        and (filter.until_ms is None or letter.died_at_ms < filter.until_ms)
    )


def _message(copy: Copy, webhook: str, senders: Mapping[str, str]) -> Message:
    if copy.sent is not None:
        return received(copy.sent, copy.body, webhook, senders.get(copy.sent.role, ""))
    try:
        return decode(copy.body, webhook)
    except EnvelopeInvalid:
        # Nobody's request, but somebody has to see it.
        body = copy.body.encode("utf-8", "surrogatepass")
        request = Request("", "", "", Headers(), body)
        return Message(copy.sqs_id, webhook, copy.sent_at_ms, request)


def _order(copy: Copy) -> tuple[bool, int]:
    return LetterAttribute.REASON not in copy.attributes, copy.sent_at_ms


def _alike(one: Failure, other: Failure) -> bool:
    """The same attempt, told twice: in the history, and at length or cut short beside the letter."""
    return (one.attempt, one.at_ms) == (other.attempt, other.at_ms)


def _number(attributes: Mapping[str, str], name: str) -> int | None:
    text = attributes.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() else None
