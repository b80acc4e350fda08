"""What goes in and out of the state machine: records of Pipes, and what functions in Lambda say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdfast.aws.contract import CARRIED
from holdfast.aws.worker.failing import failed
from holdfast.workflow.outcome import Failed, describe

ERRORS_OF_SERVICES: Final = "."
"""In the name of an error that no function raised: `SQS.AmazonSQSException`, `States.Timeout`."""


def record(message_id: str, body: str, receives: int, sent_ms: int) -> dict[str, Any]:
    """As Pipes hands over what it received from SQS. `message_id`: SQS's own, not the envelope's."""
    return {
        "messageId": message_id,
        "receiptHandle": f"receipt of {message_id}",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": str(sent_ms),
        },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111111111111:queue",
        "awsRegion": "us-east-1",
    }


def raised(error: Exception) -> dict[str, Any]:
    """What a state hears of a function that raised this: Lambda's name for it, and its cause."""
    name = type(error).__name__
    return {"error": name, "cause": describe(name, str(error), [])}


def told(outcome: Failed) -> dict[str, Any]:
    """What a state hears of a task that failed so, as our function says it in Lambda."""
    if ERRORS_OF_SERVICES in outcome.error:
        return {"error": outcome.error, "cause": outcome.cause}
    return raised(failed(outcome))


def without_event(given: Any) -> Any:
    """An input without the event that travels in it on AWS."""
    if isinstance(given, Mapping) and CARRIED in given:
        return {name: value for name, value in given.items() if name != CARRIED}
    return given
