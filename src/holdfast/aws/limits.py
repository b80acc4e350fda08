"""The numbers that AWS and the definition agree on for one webhook: sizes, batches, times. Pure.

Step Functions takes 262,144 bytes for a whole batch, and ends an Express execution after five
minutes. What the queue accepts and how many messages travel together follow from that: nothing is
accepted that could never be worked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from holdfast.compiled import CompiledWebhook
from holdfast.workflow.asl import EXPRESS_SECONDS
from holdfast.workflow.limits import DATA_LIMIT_BYTES

MESSAGE_MAX_BYTES: Final = 240 * 1024
"""One message, envelope and all, that fits into an execution's input by itself."""

HEAD_BYTES: Final = 20 * 1024
"""What an envelope has beside the body: API Gateway takes 10,240 bytes of request line and headers,
and base64 makes a third more of them. A query made to be long may need more, and is answered 413."""

RECORD_BYTES: Final = 2 * 1024
"""More than Pipes puts around a message: receipt, attributes, ARNs."""

QUOTES_BYTES: Final = 7 * 1024
"""What an envelope may grow by in the JSON of a record, where every quote has a backslash: 10,240 bytes of
the shortest headers have 6,800. No stranger's headers make a batch larger than a state machine takes."""

ESCAPED_TIMES: Final = 2
"""What a text that is no envelope may grow by in the JSON of a record: every quote has a backslash."""

BATCH_MAX: Final = 10
"""Records of one batch from a standard queue, as everything around SQS counts."""

VISIBILITY_TIMES: Final = 6
"""Of the execution's limit: what AWS advises for a queue that feeds functions."""

VISIBILITY_MAX_SECONDS: Final = 43_200
QUEUE_MESSAGE_MAX_BYTES: Final = 1024 * 1024
"""What SQS takes: dead letters have room for their reasons."""

RECEIVE_WAIT_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """`message_bytes`: the largest envelope. `execution_seconds`: the limit of a whole batch, of
    which `concurrency` records are worked at the same time."""

    message_bytes: int
    batch: int
    concurrency: int
    window_seconds: int
    execution_seconds: int
    visibility_timeout_seconds: int
    retention_seconds: int
    dead_retention_seconds: int

    @property
    def body_bytes(self) -> int:
        """A body that always fits, whatever its headers; with few of them, more does."""
        return (self.message_bytes - HEAD_BYTES) * 3 // 4


def limits(webhook: CompiledWebhook, *, sent_to: bool = False) -> Limits:
    """For one webhook. A duration that AWS counts in whole seconds is rounded up.

    sent_to: workflows send to it too, texts of their own.
    """
    encoded = HEAD_BYTES + 4 * math.ceil(webhook.body_limit_bytes / 3)
    message_bytes = min(MESSAGE_MAX_BYTES, encoded)
    grown = message_bytes * ESCAPED_TIMES if sent_to else message_bytes + QUOTES_BYTES
    fitting = DATA_LIMIT_BYTES // (grown + RECORD_BYTES)
    record_seconds = int(webhook.workflow["TimeoutSeconds"])
    rounds_max = EXPRESS_SECONDS // record_seconds
    most = max(1, min(BATCH_MAX, webhook.pipe.batch, fitting))
    concurrency = min(webhook.pipe.concurrency, most)
    batch = min(most, concurrency * rounds_max)
    seconds = math.ceil(batch / concurrency) * record_seconds
    asked = math.ceil(webhook.queue.visibility_timeout_seconds)
    visibility = max(asked, VISIBILITY_TIMES * seconds)
    return Limits(
        message_bytes=message_bytes,
        batch=batch,
        concurrency=concurrency,
        window_seconds=math.ceil(webhook.pipe.window_seconds),
        execution_seconds=seconds,
        visibility_timeout_seconds=min(visibility, VISIBILITY_MAX_SECONDS),
        retention_seconds=math.ceil(webhook.queue.retention_seconds),
        dead_retention_seconds=math.ceil(webhook.queue.dead_retention_seconds),
    )
