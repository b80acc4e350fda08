"""What a workflow of a deployed stack sent to another webhook's queue: a body, whatever it looks like.

Data of strangers may stand in it, up to a whole envelope that nobody has verified. SQS names the
sender of a message; but whoever buries it, or sends it again, is another one. So what SQS told of the
first sending travels on beside the text, as the message attribute `sent`, in JSON:

    {"by": "AROAEXAMPLE:run", "id": "...", "at": "1700000000000", "attributes": {...}}

who sent it, its id and time in SQS, and its own attributes as EventBridge Pipes writes them. The state
machine writes it beside a letter, `-` where the text is an envelope; a redrive hands it on. What a
workflow sends cannot say so of itself: who sent it is asked first.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from holdfast.envelope import LetterAttribute

AN_ENVELOPE: Final = "-"
"""The attribute's text beside a letter that no workflow has sent: SQS takes none that is empty."""

Attributes = Mapping[str, Mapping[str, str]]
"""By name, `{dataType, stringValue}` or `{dataType, binaryValue}`, as Pipes writes them."""


@dataclass(frozen=True, slots=True)
class Sent:
    """`by`: the sender as SQS has it, `ROLE:SESSION`. `id`: of the message in SQS, when it was first
    there."""

    by: str
    id: str
    at_ms: int
    attributes: Attributes

    @property
    def role(self) -> str:
        """The id of the role in which it was sent."""
        return self.by.partition(":")[0]

    def write(self) -> str:
        told = {"by": self.by, "id": self.id, "at": str(self.at_ms), "attributes": self.attributes}
        return orjson.dumps(told).decode()


def senders_of(text: str) -> dict[str, str]:
    """`orders=ROLE mails=ROLE`: by the id of the role, the webhook whose workflow sends in it."""
    pairs = (each.partition("=") for each in text.split())
    return {role: webhook for webhook, _, role in pairs}


def sent_by(
    roles: Collection[str], told: Mapping[str, Any], id: str, attributes: Attributes
) -> Sent | None:
    """How a message came into a queue; None: it should be an envelope.

    `roles`: of the workflows that send there. `told`: what SQS tells of the message.
    """
    here = Sent(str(told.get("SenderId", "")), id, int(told.get("SentTimestamp", 0)), attributes)
    if here.role in roles:
        return here
    text = attributes.get(LetterAttribute.SENT, {}).get("stringValue", AN_ENVELOPE)
    if text == AN_ENVELOPE:
        return None
    try:
        first = orjson.loads(text)
        return Sent(str(first["by"]), str(first["id"]), int(first["at"]), dict(first["attributes"]))
    except (ValueError, TypeError, KeyError):
        return here  # nobody of ours wrote that, so an envelope is not believed either


def as_pipes_writes(attributes: Mapping[str, Mapping[str, Any]]) -> Attributes:
    """The attributes of a message as it is received from SQS."""
    return {name: _written(one) for name, one in attributes.items()}


def _written(one: Mapping[str, Any]) -> Mapping[str, str]:
    kind = str(one.get("DataType", "String"))
    if kind.startswith("Binary"):
        content = base64.b64encode(one.get("BinaryValue") or b"").decode()
        return {"dataType": kind, "binaryValue": content}
    return {"dataType": kind, "stringValue": str(one.get("StringValue", ""))}
