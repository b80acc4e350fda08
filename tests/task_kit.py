"""A workflow of one task after Verify, run once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from holdfast.compiled import CompiledWebhook
from holdfast.message import Lease
from holdfast.workflow import asl
from holdfast.workflow.result import Result
from workflow_kit import JumpingLoop, a_lease, an_express

HTTP = "arn:aws:states:::http:invoke"
LAMBDA = "arn:aws:states:::lambda:invoke"
SQS = "arn:aws:states:::sqs:sendMessage"


def document(resource: str, parameters: Any = None, **fields: Any) -> dict[str, Any]:
    """Verify, then Call, whose result is the execution's."""
    call: dict[str, Any] = {"Type": "Task", "Resource": resource, "End": True, **fields}
    if parameters is not None:
        name = "Arguments" if fields.get("QueryLanguage") == "JSONata" else "Parameters"
        call[name] = parameters
    return {
        "StartAt": "Verify",
        "States": {
            "Verify": {"Type": "Task", "Resource": "${holdfast:verify}", "Next": "Call"},
            "Call": call,
        },
    }


def mistakes(
    resource: str,
    parameters: Any = None,
    *,
    tasks: tuple[str, ...] = ("charge",),
    queues: tuple[str, ...] = ("orders", "/orders"),
    connections: tuple[str, ...] = ("payments",),
    **fields: Any,
) -> list[str]:
    """What loading says of the one state, without the place that all have in common."""
    written = document(resource, parameters, **fields)
    found = asl.check(written, tasks, queues=queues, connections=connections)
    return [str(mistake).removeprefix("States.Call.") for mistake in found]


def run(
    webhook: CompiledWebhook, lease: Lease | None = None, *, jump: bool = False, **settings: Any
) -> Result:
    """One execution, its connections closed at the end. `jump`: nobody waits for time to pass."""

    async def scene() -> Result:
        with an_express(webhook, **settings) as express:
            try:
                return await express.run(lease or a_lease())
            finally:
                await express.aclose()

    with asyncio.Runner(loop_factory=JumpingLoop if jump else None) as runner:
        return runner.run(scene())


def failure(result: Result) -> tuple[str | None, str | None]:
    """Error and cause, the cause without what is drawn anew each time."""
    cause = result.cause
    if cause is not None and "Request ID: " in cause:
        before, _, after = cause.partition("Request ID: ")
        cause = f"{before}Request ID: ...{after[36:]}"
    return result.error, cause


def said(result: Result) -> Mapping[str, Any]:
    """A cause in Lambda's form."""
    read: Mapping[str, Any] = json.loads(result.cause or "{}")
    return read
