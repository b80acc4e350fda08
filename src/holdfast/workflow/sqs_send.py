"""`sqs:sendMessage` to another webhook's queue: the message it becomes, what comes back. Pure.

Judged and answered as SQS does on a standard queue. The message never passed the door: its source
is ourselves, so it counts as verified, and its body meets the other webhook's schema and model when
it is worked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from holdfast.compiled import CompiledWebhook
from holdfast.message import Headers, Message, Request
from holdfast.sent import Sent
from holdfast.workflow.arguments import Arguments, Given
from holdfast.workflow.failures import StateFailure
from holdfast.workflow.limits import compact, measure
from holdfast.workflow.references import Known
from holdfast.workflow.sdk import refused, sdk_metadata
from holdfast.workflow.sqs_attributes import (
    Attribute,
    attributes_mistake,
    attributes_of_pipes,
    digest,
    read_attributes,
)

FIELDS: Final = (
    "DelaySeconds",
    "MessageAttributes",
    "MessageBody",
    "MessageDeduplicationId",
    "MessageGroupId",
    "QueueUrl",
)
DELAY_SECONDS_MAX: Final = 900
ORIGIN: Final = "queue://"
"""Where a message came from that another webhook's workflow sent; the webhook's name follows."""

VERIFIED: Final = "verified"

_ALLOWED: Final = re.compile(r"[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
_GROUP: Final = re.compile(r"[\x21-\x7e]{1,128}")
_NO_DEDUPLICATION: Final = "a standard queue takes no MessageDeduplicationId"


class Sending(NamedTuple):
    """One message as SQS understands it."""

    queue_url: str
    body: bytes
    attributes: tuple[Attribute, ...]
    delay_seconds: int


def judge(arguments: Arguments, known: Known) -> None:
    """What is wrong with the parameters as they are written."""
    arguments.need("QueueUrl", "MessageBody")
    url = arguments.text("QueueUrl")
    wrong = None if url is None else known.queue_mistake(url)
    if wrong is not None:
        arguments.mistake("QueueUrl", wrong)
    arguments.whole("DelaySeconds", 0, DELAY_SECONDS_MAX)
    arguments.text("MessageGroupId")
    if "MessageDeduplicationId" in arguments:
        arguments.mistake("MessageDeduplicationId", _NO_DEDUPLICATION)
    given = arguments.object("MessageAttributes")
    if given is not None:
        wrong = attributes_mistake(given)
        if wrong is not None:
            arguments.mistake("MessageAttributes", wrong)
    arguments.close(FIELDS)


def read(value: Any, request_id: str) -> Sending:
    """The message that these parameters ask for. Raises StateFailure."""
    given = Given(value)
    url = given.text("QueueUrl")
    body = _body(given.raw("MessageBody"), request_id)
    delay = given.raw("DelaySeconds")
    delay = 0 if delay is None else delay
    if type(delay) is float and delay.is_integer():
        delay = int(delay)
    if type(delay) is not int:
        raise given.wrong("The value for the field 'DelaySeconds' must be an INTEGER")
    if not 0 <= delay <= DELAY_SECONDS_MAX:
        why = f"DelaySeconds must be >= 0 and <= {DELAY_SECONDS_MAX}."
        raise _invalid(
            f"Value {delay} for parameter DelaySeconds is invalid. Reason: {why}", request_id
        )
    _judge_group(given, request_id)
    try:
        attributes = read_attributes(given.object("MessageAttributes"))
    except ValueError as error:
        raise _invalid(str(error), request_id) from None
    return Sending(url, body, attributes, delay)


def _body(value: Any, request_id: str) -> bytes:
    if value is None or value == "":
        why = "The request must contain the parameter MessageBody."
        raise _refused(why, "MissingParameter", request_id)
    text = value if isinstance(value, str) else compact(value).decode("utf-8", "surrogatepass")
    if not _ALLOWED.fullmatch(text):
        why = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to "
        why += "#xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
        code = "InvalidMessageContents"
        raise refused(f"SQS.{code}Exception", why, "AmazonSQS", code, request_id)
    return text.encode()


def _type_of(body: bytes) -> str:
    """Of a text that nobody gave a type. What was an object or a number in the state is JSON."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return "text/plain; charset=utf-8"
    return "application/json"


def _judge_group(given: Given, request_id: str) -> None:
    """A group makes a standard queue fairer on AWS, and does nothing here; order there is none."""
    group = given.optional_text("MessageGroupId")
    if group is not None and not _GROUP.fullmatch(group):
        why = "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."
        said = f"Value {group} for parameter MessageGroupId is invalid. Reason: {why}"
        raise _invalid(said, request_id)
    unique = given.optional_text("MessageDeduplicationId")
    if unique is not None:
        why = "The request include parameter that is not valid for this queue type."
        said = f"Value {unique} for parameter MessageDeduplicationId is invalid. Reason: {why}"
        raise _invalid(said, request_id)


def unknown_queue(request_id: str) -> StateFailure:
    """There is no queue of that name."""
    code = "AWS.SimpleQueueService.NonExistentQueue"
    said = "The specified queue does not exist."
    return refused("SQS.QueueDoesNotExistException", said, "AmazonSQS", code, request_id)


def message(
    sending: Sending,
    webhook: CompiledWebhook,
    *,
    id: str,
    now_ms: int,
    source: str,
    request_id: str,
) -> Message:
    """As the other webhook's workflow will find it. Raises StateFailure where it is too large."""
    limit = webhook.body_limit_bytes
    if len(sending.body) > limit:
        why = f"Message must be shorter than {limit} bytes."
        raise _invalid(f"One or more parameters are invalid. Reason: {why}", request_id)
    method, path = webhook.methods[0], webhook.path
    request = _request(sending.body, sending.attributes, source, method, path)
    return Message(id, webhook.name, now_ms, request, verdict=VERIFIED)


def received(
    sent: Sent, body: str, webhook: str, source: str, *, method: str = "POST", path: str = ""
) -> Message:
    """The same, as the queue of a deployed stack holds it. `source`: the webhook whose workflow sent it."""
    attributes = attributes_of_pipes(sent.attributes)
    request = _request(body.encode("utf-8", "surrogatepass"), attributes, source, method, path)
    return Message(sent.id, webhook, sent.at_ms, request, verdict=VERIFIED)


def _request(
    body: bytes, attributes: Sequence[Attribute], source: str, method: str, path: str
) -> Request:
    """What was sent, as if it had come over HTTP: attributes are headers."""
    lines = [(each.name, each.header) for each in attributes]
    if not any(name.lower() == "content-type" for name, _ in lines):
        lines.append(("content-type", _type_of(body)))
    return Request(
        method=method,
        path=path,
        query="",
        headers=Headers.of(lines),
        body=body,
        origin=f"{ORIGIN}{source}",
    )


def result(sending: Sending, id: str, request_id: str) -> tuple[Any, int]:
    """What the state gets to see, and its bytes as JSON."""
    answer: dict[str, Any] = {}
    if sending.attributes:
        answer["MD5OfMessageAttributes"] = digest(sending.attributes)
    answer["MD5OfMessageBody"] = hashlib.md5(sending.body, usedforsecurity=False).hexdigest()
    answer["MessageId"] = id
    headers: Mapping[str, str] = {
        "Content-Length": str(measure(answer)),
        "Content-Type": "application/x-amz-json-1.0",
        "x-amzn-RequestId": request_id,
    }
    answer |= sdk_metadata(headers, request_id)
    return answer, measure(answer)


def _invalid(message: str, request_id: str) -> StateFailure:
    return _refused(message, "InvalidParameterValue", request_id)


def _refused(message: str, code: str, request_id: str) -> StateFailure:
    return refused("SQS.AmazonSQSException", message, "AmazonSQS", code, request_id)
