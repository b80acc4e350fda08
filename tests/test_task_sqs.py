"""Sending to another webhook's queue: what is kept there, what comes back, what SQS would refuse."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from holdfast import compiled
from holdfast.clock import ManualClock
from holdfast.compiled import CompiledWebhook
from holdfast.errors import StoreBusy, StoreError
from holdfast.message import Event, Lease, Message, Receipt
from holdfast.verify import hmac_sha256
from holdfast.workflow.queues import Queues
from holdfast.workflow.result import Result
from holdfast.workflow.sqs_attributes import digest, read_attributes
from task_kit import SQS, document, failure, mistakes, run, said
from workflow_kit import a_lease, a_webhook, run_one

ORDERS = dataclasses.replace(
    a_webhook(),
    name="orders",
    path="/shop/orders",
    methods=("PUT", "POST"),
    body_limit_bytes=1_000,
    verification=hmac_sha256("env:NEVER_SET"),
)


class Kept:
    """A store that remembers, or fails as it is told."""

    def __init__(self) -> None:
        self.messages: list[tuple[Message, float]] = []
        self.error: StoreError | None = None

    async def __call__(self, message: Message, delay_seconds: float) -> None:
        if self.error is not None:
            raise self.error
        self.messages.append((message, delay_seconds))


def send(
    given: Any, kept: Kept | None = None, *, target: CompiledWebhook = ORDERS, **fields: Any
) -> Result:
    """One execution that sends what its event's body says."""
    parameters: Any = "{% $states.input.body %}"
    workflow = document(SQS, parameters, QueryLanguage="JSONata", **fields)
    queues = Queues((target,), ManualClock(), kept or Kept())
    return run(a_webhook(workflow=workflow), a_lease(json.dumps(given).encode()), queues=queues)


ORDER = {"QueueUrl": "${queue:orders}", "MessageBody": {"id": 1, "name": "é"}}


@pytest.mark.parametrize("url", ["${queue:orders}", "${queue:/shop/orders}"])
def test_a_message_is_kept_for_the_other_webhook(url: str) -> None:
    """By name or path: as a request of its method and path, its source verified, from ourselves."""
    kept = Kept()
    result = send({**ORDER, "QueueUrl": url}, kept)
    ((message, delay),) = kept.messages
    request = message.request

    assert result.status == "SUCCEEDED"
    assert (message.webhook, message.verdict, delay) == ("orders", "verified", 0)
    assert (request.method, request.path, request.origin) == (
        "PUT",
        "/shop/orders",
        "queue://users",
    )
    assert request.body == '{"id":1,"name":"é"}'.encode()
    assert request.headers.lines == (("content-type", "application/json"),)
    assert message.received_at_ms == ManualClock().now_ms()


def test_the_result_has_the_shape_of_aws() -> None:
    """Message id and digest, that of the attributes where there are any, and the metadata."""
    kept = Kept()
    attributes = {"kind": {"DataType": "String", "StringValue": "new"}}
    plain = send(ORDER, kept).output
    output = send({**ORDER, "MessageAttributes": attributes}, kept).output

    assert sorted(plain) == [
        *("MD5OfMessageBody", "MessageId", "SdkHttpMetadata", "SdkResponseMetadata")
    ]
    assert plain["MessageId"] == kept.messages[0][0].id
    assert plain["MD5OfMessageBody"] == hashlib.md5(kept.messages[0][0].request.body).hexdigest()  # noqa: S324 - SQS's own
    assert sorted(set(output) - set(plain)) == ["MD5OfMessageAttributes"]
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {"timestamp": {"DataType": "Number", "StringValue": "1493147359900"}},
            "235c5c510d26fb653d073faed50ae77c",
        ),
        (
            {"timestamp": {"DataType": "Number", "StringValue": "1493147359901"}},
            "994258b45346a2cc3f9cbb611aa7af30",
        ),
        (
            {"SOME_Valid.attribute-Name": {"DataType": "Number", "StringValue": "1493147359900"}},
            "36655e7e9d7c0e8479fa3f3f42247ae7",
        ),
    ],
)
def test_the_digest_of_attributes_is_that_of_sqs(attributes: Any, expected: str) -> None:
    """The published vectors."""
    assert digest(read_attributes(attributes)) == expected


def test_the_digest_counts_bytes_and_goes_by_name() -> None:
    """Binary values count as what they are, and the order in which they are written does not."""
    one = {"b": {"DataType": "Binary", "BinaryValue": "aGk="}}
    other = {"a": {"DataType": "String.kind", "StringValue": "hi"}}
    written = b"\0\0\0\1a\0\0\0\x0bString.kind\1\0\0\0\2hi\0\0\0\1b\0\0\0\6Binary\2\0\0\0\2hi"

    assert digest(read_attributes({**one, **other})) == digest(read_attributes({**other, **one}))
    assert digest(read_attributes({**one, **other})) == hashlib.md5(written).hexdigest()  # noqa: S324 - SQS's own


def test_attributes_become_headers() -> None:
    """String and Number as they are, Binary in base64; a content type of their own wins."""
    kept = Kept()
    attributes = {
        "X-Event-Type": {"DataType": "String", "StringValue": "größe"},
        "Content-Type": {"DataType": "String", "StringValue": "text/csv"},
        "count": {"DataType": "Number.int", "StringValue": "-1.5e3"},
        "blob": {"DataType": "Binary", "BinaryValue": "AAH/"},
    }
    send({**ORDER, "MessageBody": "a;b", "MessageAttributes": attributes}, kept)
    message, _ = kept.messages[0]

    assert message.request.headers.lines == (
        ("x-event-type", "größe".encode().decode("latin-1")),
        ("content-type", "text/csv"),
        ("count", "-1.5e3"),
        ("blob", "AAH/"),
    )


@pytest.mark.parametrize(
    ("body", "kept_as", "content_type"),
    [
        ("plain words", b"plain words", "text/plain; charset=utf-8"),
        ('{"a": 1}', b'{"a": 1}', "application/json"),
        ([1, None], b"[1,null]", "application/json"),
        (7, b"7", "application/json"),
        (False, b"false", "application/json"),
    ],
)
def test_a_body_is_text_or_json(body: Any, kept_as: bytes, content_type: str) -> None:
    """A text is kept as it is, and called JSON where it is; anything else is written as JSON."""
    kept = Kept()
    send({**ORDER, "MessageBody": body}, kept)
    request = kept.messages[0][0].request

    assert (request.body, request.headers["content-type"]) == (kept_as, content_type)


@pytest.mark.parametrize("delay", [0, 1, 900, 30.0])
def test_a_message_can_wait(delay: float) -> None:
    """DelaySeconds is handed to the store, and so is nothing where nothing is said."""
    kept = Kept()
    send({**ORDER, "DelaySeconds": delay}, kept)

    assert kept.messages[0][1] == delay


def test_a_group_changes_nothing() -> None:
    """A standard queue takes a MessageGroupId, and keeps no order for it."""
    assert send({**ORDER, "MessageGroupId": "tenant-1"}).status == "SUCCEEDED"


def refusal(message: str, code: str = "InvalidParameterValue") -> str:
    return f"{message} (Service: AmazonSQS; Status Code: 400; Error Code: {code}; Request ID: ...; Proxy: null)"


def attribute(**value: Any) -> dict[str, Any]:
    return {"MessageAttributes": {"a": value}}


@pytest.mark.parametrize(
    ("changes", "error", "cause"),
    [
        (
            {"QueueUrl": "${queue:other}"},
            "SQS.QueueDoesNotExistException",
            refusal(
                "The specified queue does not exist.", "AWS.SimpleQueueService.NonExistentQueue"
            ),
        ),
        (
            {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"},
            "SQS.QueueDoesNotExistException",
            None,
        ),
        (
            {"MessageBody": None},
            "SQS.AmazonSQSException",
            refusal("The request must contain the parameter MessageBody.", "MissingParameter"),
        ),
        ({"MessageBody": ""}, "SQS.AmazonSQSException", None),
        ({"MessageBody": "a\u0001"}, "SQS.InvalidMessageContentsException", None),
        (
            {"MessageBody": "x" * 1_001},
            "SQS.AmazonSQSException",
            refusal(
                "One or more parameters are invalid. Reason: Message must be shorter than "
                "1000 bytes."
            ),
        ),
        (
            {"DelaySeconds": 901},
            "SQS.AmazonSQSException",
            refusal(
                "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be "
                ">= 0 and <= 900."
            ),
        ),
        ({"DelaySeconds": -1}, "SQS.AmazonSQSException", None),
        ({"DelaySeconds": True}, "States.Runtime", None),
        ({"DelaySeconds": "5"}, "States.Runtime", None),
        ({"QueueUrl": None}, "States.Runtime", None),
        ({"MessageGroupId": "a b"}, "SQS.AmazonSQSException", None),
        (
            {"MessageDeduplicationId": "1"},
            "SQS.AmazonSQSException",
            refusal(
                "Value 1 for parameter MessageDeduplicationId is invalid. Reason: The request "
                "include parameter that is not valid for this queue type."
            ),
        ),
        (attribute(DataType="Text", StringValue="x"), "SQS.AmazonSQSException", None),
        (attribute(StringValue="x"), "SQS.AmazonSQSException", None),
        (attribute(DataType="String", StringValue=""), "SQS.AmazonSQSException", None),
        (attribute(DataType="String", StringValue="a\r\nb"), "SQS.AmazonSQSException", None),
        (attribute(DataType="Number", StringValue="seven"), "SQS.AmazonSQSException", None),
        (attribute(DataType="Binary", BinaryValue="?"), "SQS.AmazonSQSException", None),
        (attribute(DataType="Binary", StringValue="aGk="), "SQS.AmazonSQSException", None),
        ({"MessageAttributes": {"AWS.x": {}}}, "SQS.AmazonSQSException", None),
        ({"MessageAttributes": {"a b": {}}}, "SQS.AmazonSQSException", None),
        (
            {
                "MessageAttributes": {
                    f"a{n}": {"DataType": "String", "StringValue": "x"} for n in range(11)
                }
            },
            "SQS.AmazonSQSException",
            None,
        ),
        ({"MessageAttributes": [1]}, "States.Runtime", None),
    ],
)
def test_what_sqs_would_refuse(changes: dict[str, Any], error: str, cause: str | None) -> None:
    """By AWS's names, worded as SQS words it; nothing is kept."""
    kept = Kept()
    result = send({**ORDER, **changes}, kept)

    assert failure(result)[0] == error
    assert cause is None or failure(result)[1] == cause
    assert kept.messages == []


@pytest.mark.parametrize(
    "error", [StoreError("disk full"), StoreBusy("10000 messages are waiting")]
)
def test_a_store_that_keeps_nothing_fails_the_state(error: StoreError) -> None:
    """A state that was told of no success has sent nothing: it fails as an SQS out of reach does."""
    kept = Kept()
    kept.error = error
    result = send(ORDER, kept)

    assert result.error == "SQS.SdkClientException"
    assert str(error) in (result.cause or "")


class Order(BaseModel):
    id: Annotated[int, Field(ge=1)]


def worked(target: CompiledWebhook, body: Any) -> Result:
    """What becomes of a sent message in the other webhook."""
    kept = Kept()
    assert send({**ORDER, "MessageBody": body}, kept, target=target).status == "SUCCEEDED"
    return run_one(target, Lease(kept.messages[0][0], Receipt("r"), 1))


def test_a_sent_message_passes_for_verified_but_must_fit_the_model() -> None:
    """No signature is asked for; a body that the other's model refuses is quarantined there."""

    def handle(event: Event[Order]) -> int:
        return event.body.id

    task = compiled.Task("handle", handle, is_async=False, takes="event", model=Order)
    target = dataclasses.replace(ORDERS, body_model=Order, tasks={"handle": task})

    assert worked(target, {"id": 7}).output == 7
    refused = worked(target, {"id": 0})
    assert (refused.error, refused.quarantine) == ("SchemaInvalid", "schema_invalid")


def test_a_sent_message_must_fit_the_schema_of_the_door() -> None:
    """Where the other webhook has a JSON Schema and no model, it is asked when the message is
    worked, and only of what never passed the door."""

    def handle(event: Event[Any]) -> Any:
        return event.body

    task = compiled.Task("handle", handle, is_async=False, takes="event")
    schema = {"type": "object", "required": ["id"]}
    target = dataclasses.replace(ORDERS, schema=schema, tasks={"handle": task}, verification=None)

    assert worked(target, {"id": 7}).output == {"id": 7}
    refused = worked(target, {"name": "x"})
    assert (refused.error, refused.quarantine) == ("SchemaInvalid", "schema_invalid")
    assert said(refused)["errorMessage"] == 'the body: "id" is a required property'
    assert run_one(target, a_lease(b"{}")).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"QueueUrl": "${queue:/orders}"}, []),
        ({"QueueUrl": ..., "QueueUrl.$": "$.queue"}, []),
        ({"MessageAttributes": {"a": {"DataType": "String", "StringValue.$": "$.a"}}}, []),
        (
            {"QueueUrl": "${queue:x}"},
            ['Parameters.QueueUrl: no webhook "x"; there are: orders'],
        ),
        (
            {"QueueUrl": "https://sqs/orders"},
            ["Parameters.QueueUrl: 'https://sqs/orders' is no queue; write \"${queue:NAME}\""],
        ),
        ({"MessageBody": ...}, ["Parameters.MessageBody: is missing"]),
        ({"DelaySeconds": 901}, ["Parameters.DelaySeconds: must be a whole number from 0 to 900"]),
        (
            {"MessageDeduplicationId": "1"},
            ["Parameters.MessageDeduplicationId: a standard queue takes no "],
        ),
        (
            {"MessageAttributes": {"a": "x"}},
            ['Parameters.MessageAttributes: a: write {"DataType": "String", "StringValue": "..."}'],
        ),
        (
            {"MessageAttributes": {"a": {"DataType": "Text"}}},
            ["Parameters.MessageAttributes: a: the DataType is String, Number or Binary"],
        ),
        (
            {"MessageAttributes": {f"a{n}": {} for n in range(11)}},
            ["Parameters.MessageAttributes: 11 attributes; a message has up to 10"],
        ),
        (
            {"MessageSystemAttributes": {}},
            ["Parameters.MessageSystemAttributes: is not understood here; there are: Delay"],
        ),
    ],
)
def test_what_is_written_wrong_is_told_when_it_is_loaded(
    changes: dict[str, Any], expected: list[str]
) -> None:
    """An unknown queue is a mistake of the document, and names the known ones."""
    given = {**ORDER, **changes}
    found = mistakes(SQS, {name: value for name, value in given.items() if value is not ...})

    assert len(found) == len(expected), found
    for told, wanted in zip(found, expected, strict=True):
        assert told.startswith(wanted)


def test_where_there_is_no_store_nothing_is_sent() -> None:
    """An Express without queues of others fails the state, and does not pretend."""
    queues = Queues((ORDERS,), ManualClock())
    workflow = document(SQS, ORDER)
    result = run(a_webhook(workflow=workflow), queues=queues)

    assert result.error == "SQS.SdkClientException"
