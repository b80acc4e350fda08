"""One batch worked twice: by the local runtime, and by the state machine's text over Pipes records.

The local run is the real one, functions and all. What its tasks came to is written down as our
functions in Lambda would have said it (`holdfast.aws.contract`), and played to the state machine.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from holdfast.aws.contract import CARRIED, DEAD_LETTERS, DUPLICATE, HELD, SETTLE, carry
from holdfast.aws.limits import limits
from holdfast.aws.parity import records
from holdfast.aws.parity.records import told
from holdfast.aws.state_machine import state_machine
from holdfast.compiled import CompiledWebhook, Forward
from holdfast.message import Lease, Message, Receipt
from holdfast.pipe.batch import judge
from holdfast.pipe.disposition import GiveBack, Outcome, Retry, dispose
from holdfast.queue.contract import Claim, ClaimAnswer
from holdfast.testing import WorkflowRun, delivery, run_workflow, sign
from holdfast.workflow.asl import VERIFY
from holdfast.workflow.outcome import Failed, Succeeded
from holdfast.workflow.queues import Queues
from holdfast.workflow.tasks import NotOurs
from plan_kit import EXAMPLE_FILES, example
from workflow_kit import VERIFY_HANDLE, an_express

NOW_MS: Final = 1_700_000_000_000
SECRET: Final = "whsec_c2VjcmV0"

PAID: Final = {"id": "evt_1", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}}
HANDLED: Final[dict[str, Any]] = {**VERIFY_HANDLE, "TimeoutSeconds": 30}
BODIES: Final[Mapping[str, list[Any]]] = {
    "users": [{"name": "Ada", "age": 36, "email": "ada@example.com"}, {"name": "Bob", "age": 17}],
    "stripe": [PAID, {**PAID, "data": {}}, {**PAID, "type": "other"}, {"id": "evt_2"}],
    "github": [{"action": "opened"}],
    "slack": [{"type": "event_callback", "event_id": "e", "event": {"type": "app_mention"}}],
    "shopify": [{"id": 7}, {}],
    "tenants-tenant-orders": [
        {"id": "1", "total": 0, "lines": [{"sku": "a", "count": 1}]},
        {"id": "2", "total": 5, "lines": [{"sku": "a", "count": 1}]},
        {"id": "3", "total": 20_000, "lines": [{"sku": "a", "count": 1}]},
    ],
    "orders": [
        {"id": "1", "total": 0, "lines": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}]},
        {"id": "2", "total": 5, "lines": [{"sku": "a", "count": 101}, {"sku": "b", "count": 1}]},
        {"id": "3", "total": 20_000, "lines": [{"sku": "a", "count": 1}]},
    ],
}
"""Per webhook of the examples: some that are worked, some on which a handler fails."""

HEADERS: Final = {"X-GitHub-Event": "push", "X-Shopify-Topic": "products/update"}


WEBHOOKS: Final = {
    webhook.name: webhook for name in EXAMPLE_FILES for webhook in example(name)[0].webhooks
}
"""Those of the examples, by name."""


def set_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every secret that an example names."""
    for webhook in WEBHOOKS.values():
        schemes = [webhook.verification]
        schemes += [task.sign for task in webhook.tasks.values() if isinstance(task, Forward)]
        for scheme in schemes:
            for reference in scheme.secrets if scheme is not None else ():
                monkeypatch.setenv(reference.name, SECRET)


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
            "sent_to": True,
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
                self.calls.append({**call, **said_by_verify(DUPLICATE if duplicate else HELD)})
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


def said_by_verify(error: str) -> dict[str, str]:
    """What Lambda tells of an error that Verify raised under a name of ours."""
    return {"error": error, "cause": json.dumps({"errorMessage": "so", "errorType": error})}


def cause(failed: Failed) -> str:
    """Lambda's, of what the worker raises."""
    return str(told(failed)["cause"])


def record(lease: Lease) -> dict[str, Any]:
    """As Pipes hands over what it received from SQS."""
    body = json.dumps({"v": 1, "id": lease.message.id})
    sent_ms = lease.message.received_at_ms
    return records.record(record_id(lease), body, lease.receive_count, sent_ms)


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


def a_lease_of(
    webhook: CompiledWebhook, number: int, body: Any, *, secret: str = SECRET, receives: int = 1
) -> Lease:
    scheme = webhook.verification
    given: dict[str, Any] = {"headers": HEADERS, "url": webhook.path}
    if scheme is None:
        request = delivery(body, **given)
    else:
        request = sign(scheme, body, secret=secret, now=NOW_MS / 1000, **given)
    message = Message(f"{number:032x}", webhook.name, NOW_MS, request)
    return Lease(message, Receipt(f"r{number}"), receives)


def letters(batch: Batch) -> dict[str, tuple[str, str]]:
    """What the state machine sent to dead letters: id, reason and error."""
    found = {}
    for call in batch.on_aws().calls:
        if call["resource"] == SQS:
            given = call["input"]
            assert given["QueueUrl"] == f"${{{DEAD_LETTERS}}}"
            told = {key: each["StringValue"] for key, each in given["MessageAttributes"].items()}
            assert all(told.values())
            assert told.pop("sent") == "-"
            assert set(told) == {"reason", "error", "cause", "attempt", "receive_count", "at_ms"}
            found[json.loads(given["MessageBody"])["id"]] = (told["reason"], told["error"])
    return found
