"""The one part of the way that no emulator has: EventBridge Pipes, for one round.

It takes a batch from SQS, hands the records to StartSyncExecution as Pipes does, and reads the answer
by Pipes' own rules, which are the product's (`holdfast.pipe.batch`). Of what is kept the visibility
timeout is ended at once: nobody wants to wait six and a half minutes for each of three receives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_kit import Cloud

from holdfast.pipe.batch import judge
from holdfast.sent import as_pipes_writes


@dataclass(frozen=True)
class Round:
    """What came of one batch: message ids of SQS."""

    taken: Sequence[str]
    settled: frozenset[str]
    kept: frozenset[str]
    answer: Any


@dataclass(frozen=True)
class Pipe:
    cloud: Cloud
    queue: str
    machine: str
    batch: int

    def once(self) -> Round:
        """One round; of nothing where nothing waits."""
        sqs = self.cloud.client("sqs")
        received = sqs.receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=self.batch,
            WaitTimeSeconds=0,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not received:
            return Round((), frozenset(), frozenset(), None)
        run = self.cloud.client("stepfunctions").start_sync_execution(
            stateMachineArn=self.machine, input=json.dumps([record(one) for one in received])
        )
        ids = [one["MessageId"] for one in received]
        answer: Any = json.loads(run["output"]) if run["status"] == "SUCCEEDED" else "failed"
        verdict = judge(ids, answer)
        handles = {one["MessageId"]: one["ReceiptHandle"] for one in received}
        for id in verdict.settled:
            sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=handles[id])
        for id in verdict.kept:
            sqs.change_message_visibility(
                QueueUrl=self.queue, ReceiptHandle=handles[id], VisibilityTimeout=0
            )
        return Round(ids, frozenset(verdict.settled), frozenset(verdict.kept), run)

    def until_empty(self, rounds_max: int = 12) -> list[Round]:
        """Rounds, until nothing waits."""
        found: list[Round] = []
        while len(found) < rounds_max:
            done = self.once()
            if not done.taken:
                return found
            found.append(done)
        raise AssertionError(f"messages still come after {rounds_max} rounds: {found[-1]}")


def record(message: Mapping[str, Any]) -> dict[str, Any]:
    """As Pipes writes what it received."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": as_pipes_writes(message.get("MessageAttributes", {})),
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": "",
        "awsRegion": "",
    }
