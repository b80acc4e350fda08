"""The first event: a signed sample, sent over HTTP and followed to its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.errors import HoldfastError
from holdfast.operate.delivery import Answered, deliver, make_request
from holdfast.queue.contract import Archive, Entry, Filter, State
from holdfast.sample import sample_body
from holdfast.secrets import Secrets

OUTCOME_SECONDS = 20.0
LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Sampled:
    """What became of the sample. `entry` None: refused, or not finished in time."""

    webhook: CompiledWebhook
    body: bytes
    answered: Answered
    entry: Entry | None


def asked_type(webhook: CompiledWebhook) -> str | None:
    """The first type of event that a function of this webhook asks for by its whole name; None: none
    does, or the sender is none that is known, and so nobody knows where the type stands."""
    if webhook.provider is None:
        return None
    for state in webhook.workflow.get("States", {}).values():
        for rule in state.get("Choices", ()):
            if rule.get("Variable") == "$.type" and "StringEquals" in rule:
                return str(rule["StringEquals"])
    return None


async def send_sample(compiled: Compiled, url: str, archive: Archive) -> Sampled:
    """Deliver a sample to the first webhook whose path has no parameters, and wait for its end.

    Raises HoldfastError where there is none, SecretMissing where it cannot be signed.
    """
    webhook = next((one for one in compiled.webhooks if "{" not in one.path), None)
    if webhook is None:
        raise HoldfastError("no webhook has a path without parameters")
    body = sample_body(webhook)
    request = make_request(
        webhook,
        url=url + webhook.path,
        method=webhook.methods[0],
        headers={"content-type": "application/json"},
        body=body,
        secrets=Secrets(),
        clock=SYSTEM_CLOCK,
    )
    answered = await asyncio.to_thread(deliver, request)
    entry = None
    if answered.accepted and answered.id:
        entry = await wait_for_outcome(archive, answered.id)
    return Sampled(webhook, body, answered, entry)


async def wait_for_outcome(archive: Archive, id: str) -> Entry | None:
    """Until the message is done or dead; None where that takes too long."""
    try:
        async with asyncio.timeout(OUTCOME_SECONDS):
            while True:
                found = await asyncio.to_thread(archive.events, Filter(id=id), None, 1)
                if found and found[0].state in (State.DONE, State.DEAD, State.PURGED):
                    return found[0]
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        return None


def describe_sample(sampled: Sampled) -> str:
    """In a few lines."""
    lines = [
        "",
        f"sent a signed sample to {sampled.webhook.path}: {sampled.body.decode()}",
        f"  answered {sampled.answered.status} {sampled.answered.body}",
    ]
    entry = sampled.entry
    if entry is not None and entry.finished_at_ms is not None:
        took = entry.finished_at_ms - entry.message.received_at_ms
        lines.append(
            f"  {entry.state.value} after {took} ms" + (f", {entry.reason}" * bool(entry.reason))
        )
    elif sampled.answered.accepted:
        lines.append("  not worked yet; see `holdfast events`")
    return "\n".join(lines)
