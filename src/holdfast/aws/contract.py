"""What the state machine and our functions in Lambda agree on. The worker is written to this page.

A Pipes record goes in: `{messageId, receiptHandle, body, attributes: {ApproximateReceiveCount,
SentTimestamp, SenderId, ...}, messageAttributes, ...}`; its `body` is an envelope
(`holdfast.envelope`), unless the state machine of a webhook sent it with `sqs:sendMessage`: its
`SenderId` begins with the id of that one's role. Then the body is the event's own, the attributes are
its headers, its id is the `messageId`, and it counts as verified. Should it die, the letter says so in
its attribute `sent` (`holdfast.sent`), and so does the record once it was sent again.

**Verify**, `${holdfast:verify}`, is given the record and answers with the execution's input: `{id,
webhook, type, deliveryId, receivedAt, attempt, headers, body, bodyEncoding}`, as local executions
begin. `attempt` is the record's ApproximateReceiveCount. In this order it

    1. reads the envelope, or the body. What is neither: quarantined, `envelope_invalid`
    2. checks the source, judging a timestamp by the envelope's `ts`, and takes the values of headers
       that carry the secret itself out: from here on they are `[redacted]`. False: quarantined under
       the reason that the scheme names. Secret missing: fails, and is tried again
       What is a ping, and no event, ends here: raises `Holdfast.Greeting`
    3. holds the body against the full schema, and against the model: quarantined, `schema_invalid`
    4. asks for the delivery id, where there is one, on behalf of the envelope's id, for as long as
       the state machine may run and a minute. Granted, also to the one that has it: goes on. Done by
       another message or by itself: raises `Holdfast.Duplicate`. Held by another: `Holdfast.Held`

Where a task takes the event, or sends it on, the input has one member more: `holdfast`, the message
as `carry` writes it, so that nothing of the event is lost on the way through the states. Both
together stay within 262,144 bytes; where they would not, `body` is null and `bodyOmitted` true.

**A task**, `${name}`, is given its state's effective input. One that takes the event finds it in the
member `holdfast`, with `message_in`. Its result is JSON; what it raises has the exception's class as
its name (`errorType`), the text as `errorMessage` and the user's frames as `stackTrace`.

**The door**, `holdfast:door`, stands before the queue where API Gateway cannot decide: as a proxy it
is given the request, decides as the local gateway does, answers a handshake or a refusal itself, and
sends the envelope to the queue. It answers success only once SQS has said a MessageId, and a 5xx
otherwise. What it found out about a secret in a header travels as the envelope's `verdict`.

**Settle**, `${holdfast:settle}`, is given `messageId`, `body`, `attributes` and `messageAttributes` of the record once its
document has ended well, where the webhook knows delivery ids. It records the delivery as done by the envelope's id, for seven days. It
has no result, and where it fails the event has been worked all the same.

An error that retrying cannot help (`Quarantined`, `Permanent`, and every class made from them) says
under which reason the letter is to rest: the worker raises it with the message that `quarantined`
writes, and any other with the one that `plain` does. The state machine looks for nothing else, so a
sender whose text ends up in a message cannot have its event put away.

The table has one item per delivery, in the form of the `sqs:` engine's ledger, so that workers of
ours and the stack's may share it: `pk` is `STACK/claim/WEBHOOK/SHA-256 of the delivery id`, beside it
`holder`, `state` (`working`, `done`), `until` in milliseconds and `ttl` in seconds.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from holdfast.message import Message

SETTLE: Final = "holdfast:settle"
DOOR: Final = "holdfast:door"
DEAD_LETTERS: Final = "holdfast:dead-letters"
SENDERS: Final = "holdfast:senders"
"""Placeholders of the state machine's text, beside `holdfast:verify` and the tasks' names."""

DUPLICATE: Final = "Holdfast.Duplicate"
HELD: Final = "Holdfast.Held"
GREETING: Final = "Holdfast.Greeting"
"""What Verify raises. No class of a user's can have a name with a dot."""

CARRIED: Final = "holdfast"
"""The member of an execution's input that holds the event for the tasks that take it."""

_MARK: Final = "[quarantine: "
_NO_NAME: Final = re.compile(r"""[^ -~]|["\\\]]""")


def quarantined(message: str, reason: str) -> str:
    """The message of an error that retrying cannot help, with the reason at its end.

    A reason is a name; what JSON would write otherwise than it is, becomes an underscore.
    """
    return f"{plain(message)} {_MARK}{_NO_NAME.sub('_', reason)}]"


def plain(message: str) -> str:
    """The message of any other error: nothing in it can be taken for a reason."""
    return message.replace(_MARK, "(quarantine: ")


_TOLD: Final = "$substringBefore($states.input.Cause, '\"errorType\"')"
"""Lambda's cause up to its second member, whose quotes no message can write: the message, in JSON."""

_OURS: Final = "$substring($states.input.Cause, 0, 16) = '{\"errorMessage\":'"
"""A function said it. A Fail state can give its error any name, also one that a sender wrote."""

IS_DONE: Final = f"{_OURS} and $states.input.Error in ['{DUPLICATE}', '{GREETING}']"
"""JSONata over a caught error: whether Verify found nothing to be worked."""

IS_QUARANTINED: Final = f"{_OURS} and $contains({_TOLD}, '{_MARK}')"
"""JSONata over a caught error: whether it says a reason."""

REASON: Final = f"$substringBefore($substringAfter({_TOLD}, '{_MARK}'), ']')"
"""JSONata over a caught error: the reason that it says."""


def carry(message: Message) -> str:
    """The whole message as ASCII text, compressed: the bodies of most webhooks to a third."""
    told = (message.id, message.webhook, message.received_at_ms, message.head().decode())
    packed = zlib.compress(orjson.dumps(told) + b"\n" + message.request.body, 9)
    return base64.b64encode(packed).decode()


def message_in(input: Any) -> Message | None:
    """The message that an execution's input carries; None where a state has dropped it."""
    text = input.get(CARRIED) if isinstance(input, Mapping) else None
    if not isinstance(text, str):
        return None
    told, _, body = zlib.decompress(base64.b64decode(text)).partition(b"\n")
    id, webhook, received_at_ms, head = orjson.loads(told)
    return Message.from_parts(id, webhook, received_at_ms, head.encode(), body)
