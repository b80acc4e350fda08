"""One batch worked twice: by the local runtime, and by the state machine's text over Pipes records.

The local run is the real one, functions and all. What its tasks came to is written down as our
functions in Lambda would have said it (`holdfast.aws.contract`), and played to the state machine.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.aws.contract import (
    CARRIED,
    DUPLICATE,
    HELD,
    SETTLE,
    carry,
    plain,
    quarantined,
)
from holdfast.aws.limits import limits
from holdfast.aws.state_machine import state_machine
from holdfast.compiled import CompiledWebhook
from holdfast.message import Lease, Message
from holdfast.pipe.batch import judge
from holdfast.pipe.disposition import GiveBack, Outcome, Retry, dispose
from holdfast.queue.contract import Claim, ClaimAnswer
from holdfast.testing import WorkflowRun, run_workflow
from holdfast.workflow.asl import VERIFY
from holdfast.workflow.outcome import Failed, Succeeded
from holdfast.workflow.queues import Queues
from holdfast.workflow.tasks import NotOurs
from workflow_kit import an_express

SQS = "arn:aws:states:::sqs:sendMessage"


@dataclass
class Batch:
    """How a batch went in both homes."""

    webhook: CompiledWebhook
    leases: Sequence[Lease]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """Locally, by message id."""
    calls: list[Mapping[str, Any]] = field(default_factory=list)
    claims: Mapping[str, ClaimAnswer] = field(default_factory=dict)
    """What the ledger says to a delivery id; granted where nothing is said."""

    def work(self, queues: Queues | None = None) -> Batch:
        """Locally, each record its own execution."""

        async def claim(_lease: Lease, delivery_id: str) -> Claim:
            return Claim(self.claims.get(delivery_id, ClaimAnswer.GRANTED), "another")

        async def no_time(_seconds: float) -> None:
            return

        async def work() -> None:
            express._runs = {name: self._noted(name, run) for name, run in express._runs.items()}
            for lease in self.leases:
                result = await express.run(lease)
                self.outcomes[lease.message.id] = dispose(
                    result,
                    lease.receive_count,
                    self.webhook.queue,
                    self.webhook.pipe,
                    lambda _low, high: high,
                )
            await express.aclose()

        with an_express(self.webhook, claim=claim, queues=queues, wait=no_time) as express:
            asyncio.run(work())
        return self

    @property
    def kept(self) -> set[str]:
        """What the local pipe leaves in the queue."""
        return {id for id, each in self.outcomes.items() if isinstance(each, Retry | GiveBack)}

    def text(self, **changed: Any) -> str:
        numbers = limits(self.webhook)
        given: dict[str, Any] = {
            "timeout_seconds": numbers.execution_seconds,
            "concurrency": numbers.concurrency,
            "max_receive_count": self.webhook.queue.max_receive_count,
            "settles": bool(self.webhook.delivery_id),
            **changed,
        }
        return state_machine(self.webhook.workflow, **given)

    def on_aws(self, mocks: Mapping[str, Any] | None = None) -> WorkflowRun:
        """The state machine over the same batch; `mocks`: what SQS and Settle say instead."""
        played = {SQS: [{"result": {}}], SETTLE: [{"result": None}], **(mocks or {})}
        records = [record(lease) for lease in self.leases]
        return run_workflow(self.text(), records, calls=self.calls, mocks=played)

    def kept_on_aws(self, mocks: Mapping[str, Any] | None = None) -> set[str]:
        """What Pipes leaves in the queue, by its own reading of the answer."""
        run = self.on_aws(mocks)
        ids = {record_id(lease): lease.message.id for lease in self.leases}
        answer = run.output if run.status == "SUCCEEDED" else "failed"
        return {ids[each] for each in judge(list(ids), answer).kept}

    def _noted(self, resource: str, run: Any) -> Any:
        async def noted(work: Any, given: Any) -> Any:
            lease = work.lease
            call = {"state": self._state(resource), "input": self._given(resource, lease, given)}
            try:
                outcome = await run(work, given)
            except NotOurs as other:
                duplicate = other.claim.answer is ClaimAnswer.DUPLICATE
                self.calls.append(
                    {**call, "error": DUPLICATE if duplicate else HELD, "cause": "{}"}
                )
                raise
            self.calls.append({**call, **self._said(resource, lease.message, outcome)})
            return outcome

        return noted

    def _state(self, resource: str) -> str:
        texts = (f"${{{resource}}}", resource)
        return next(
            name for name, each in states_of(self.webhook.workflow) if each.get("Resource") in texts
        )

    def _given(self, resource: str, lease: Lease, given: Any) -> Any:
        if resource == VERIFY:
            return record(lease)
        if isinstance(given, dict) and given.get("id") == lease.message.id:
            return {**given, CARRIED: carry(lease.message)}
        return given

    def _said(self, resource: str, message: Message, outcome: Any) -> dict[str, Any]:
        if isinstance(outcome, Succeeded):
            carried = {CARRIED: carry(message)} if resource == VERIFY else None
            return {"result": {**outcome.output, **carried} if carried else outcome.output}
        assert isinstance(outcome, Failed)
        return {"error": outcome.error, "cause": cause(outcome)}


def cause(failed: Failed) -> str:
    """Lambda's, of what the worker raises."""
    try:
        told = json.loads(failed.cause)
    except ValueError:
        return failed.cause
    message = told["errorMessage"]
    reason = failed.quarantine
    told["errorMessage"] = quarantined(message, reason) if reason is not None else plain(message)
    return json.dumps(told)


def record(lease: Lease) -> dict[str, Any]:
    """As Pipes hands over what it received from SQS."""
    return {
        "messageId": record_id(lease),
        "receiptHandle": f"receipt of {lease.message.id}",
        "body": json.dumps({"v": 1, "id": lease.message.id}),
        "attributes": {
            "ApproximateReceiveCount": str(lease.receive_count),
            "SentTimestamp": str(lease.message.received_at_ms),
        },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111111111111:users",
        "awsRegion": "us-east-1",
    }


def record_id(lease: Lease) -> str:
    """SQS names a message itself; the envelope's id is another."""
    return f"sqs-{lease.message.id}"


def states_of(node: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """All states of a document by name, those inside others too."""
    if isinstance(node, list):
        return [each for child in node for each in states_of(child)]
    if not isinstance(node, Mapping):
        return []
    own = node.get("States")
    found = list(own.items()) if isinstance(own, Mapping) else []
    return found + [each for child in node.values() for each in states_of(child)]
