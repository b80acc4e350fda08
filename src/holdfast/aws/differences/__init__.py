"""Everything that will be otherwise on AWS, for one webhook as it is defined. Pure.

Each says what is so here, what is so there, and where it helps, what to do. What holds for every
webhook comes last.
"""

from __future__ import annotations

from typing import Final

from holdfast.aws.differences import behind, door
from holdfast.aws.differences.kind import Difference
from holdfast.aws.door import STAGE
from holdfast.aws.limits import Limits
from holdfast.aws.models import Widening
from holdfast.compiled import CompiledWebhook
from holdfast.gateway.answers import HEADERS_MAX

__all__ = ["ALWAYS", "Difference", "differences"]


def differences(
    webhook: CompiledWebhook, limits: Limits, widenings: tuple[Widening, ...]
) -> tuple[Difference, ...]:
    """All of them, those of this very webhook first."""
    return (
        *door.size(webhook, limits),
        *behind.queue(webhook, limits),
        *behind.work(webhook, limits),
        *door.schema(webhook, widenings),
        *door.source(webhook),
        *door.content(webhook),
        *door.senders(webhook),
        *behind.tasks(webhook),
        *ALWAYS,
    )


ALWAYS: Final = (
    Difference(
        "order",
        "messages start in the order in which they came in",
        "a standard queue keeps none: one may start before others that came first",
    ),
    Difference(
        "headers",
        f"a request has up to {HEADERS_MAX} lines of headers, and they are the sender's",
        "API Gateway refuses more than 10,240 bytes of request line and header values, by itself, and adds "
        "X-Forwarded-For, -Port and -Proto and X-Amzn-Trace-Id",
    ),
    Difference(
        "answers",
        "what cannot be kept is answered 503",
        "500 or 504, with Retry-After, and never success",
    ),
    Difference(
        "refusals",
        "the newest 10,000 are kept with their reason and body",
        "they stand in the access log, without the body",
    ),
    Difference(
        "history",
        "what came in can be listed, searched and replayed",
        "what was worked is gone from the queue; its execution is in the log, without its data",
    ),
    Difference(
        "path",
        "event.path is the webhook's",
        f"the stage comes first, /{STAGE}, unless a domain of your own leads to it",
    ),
    Difference(
        "ids",
        "32 hex digits, sorted by arrival",
        "API Gateway's extended request id, in no order",
    ),
)
"""What holds for every webhook."""
