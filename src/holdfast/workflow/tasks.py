"""Turns what a definition names into callables: `Verify`, Python functions, forwards.

Each takes the work at hand and the state's effective input, and comes back with an `Outcome`:
whatever a handler raises, SystemExit included, is a failure of its task and of nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from holdfast.compiled import CompiledWebhook, Forward, Task
from holdfast.errors import VerificationFailed
from holdfast.keyring import KeyRing
from holdfast.message import Lease
from holdfast.queue.contract import Claim, ClaimAnswer
from holdfast.secrets import Secrets
from holdfast.verify.source import check_source, fetches_keys
from holdfast.workflow.asl import VERIFY
from holdfast.workflow.crew import Crew
from holdfast.workflow.forward import Forwarder
from holdfast.workflow.input import Delivery, Validator
from holdfast.workflow.outcome import Outcome, Succeeded, of_exception, of_result

VERIFIED: Final = "verified"
"""The door's verdict that lets a message pass; any other is the reason why not."""

Claimant = Callable[[Lease, str], Awaitable[Claim]]


@dataclass(frozen=True, slots=True)
class Work:
    """One message in the hands of one execution."""

    lease: Lease
    delivery: Delivery


Run = Callable[[Work, Any], Awaitable[Outcome]]


class NotOurs(Exception):
    """Another message holds this delivery id. Ends the execution; no failure of any task."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(claim.answer)
        self.claim = claim


def assemble(
    webhook: CompiledWebhook,
    *,
    secrets: Secrets,
    claim: Claimant,
    crew: Crew,
    forwarder: Forwarder,
    keys: KeyRing,
) -> Mapping[str, Run]:
    """Every resource of a webhook's workflow, by name."""
    runs: dict[str, Run] = {VERIFY: _verify(webhook, secrets, claim, keys)}
    for name, task in webhook.tasks.items():
        if isinstance(task, Forward):
            runs[name] = _forward(task, forwarder)
        else:
            shared = task.takes == "event" and task.model == webhook.body_model
            own = None if shared or task.model is None else Validator(task.model)
            runs[name] = _function(task, own, crew)
    return runs


def _verify(webhook: CompiledWebhook, secrets: Secrets, claim: Claimant, keys: KeyRing) -> Run:
    waits = fetches_keys(webhook.verification)

    async def run(work: Work, _input: Any) -> Outcome:
        lease, delivery = work.lease, work.delivery
        try:
            if waits:
                # The sender's public key may have to be fetched first.
                await asyncio.to_thread(_check, webhook, lease, secrets, keys)
            else:
                _check(webhook, lease, secrets, keys)
            delivery.validate()
            built, size = delivery.input()
        except Exception as error:
            return of_exception(error)
        if delivery.delivery_id is not None:
            answer = await claim(lease, delivery.delivery_id)
            if answer.answer is not ClaimAnswer.GRANTED:
                raise NotOurs(answer)
        return Succeeded(built, size)

    return run


def _check(webhook: CompiledWebhook, lease: Lease, secrets: Secrets, keys: KeyRing) -> None:
    message = lease.message
    if message.verdict is None:
        check_source(webhook, message.request, secrets, message.judged_at_ms / 1000, keys)
    elif message.verdict != VERIFIED:
        raise VerificationFailed(message.verdict)


def _forward(task: Forward, forwarder: Forwarder) -> Run:
    async def run(work: Work, _input: Any) -> Outcome:
        try:
            return await forwarder.send(task, work.lease.message, work.delivery.attempt)
        except Exception as error:
            return of_exception(error)

    return run


def _function(task: Task, model: Validator | None, crew: Crew) -> Run:
    arguments = _arguments(task, model)
    function = task.function

    async def run(work: Work, input: Any) -> Outcome:
        try:
            if task.is_async:
                value = await function(*arguments(work, input))
            else:
                value = await crew.run(function, *arguments(work, input))
            return of_result(value)
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            return of_exception(error)
        except GeneratorExit:
            raise
        except BaseException as error:
            return of_exception(error)

    return run


def _is_cancelled() -> bool:
    """Whether somebody wants this execution to end, or a handler raised CancelledError itself."""
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0


def _arguments(task: Task, model: Validator | None) -> Callable[[Work, Any], tuple[Any, ...]]:
    """What the function is called with, as `takes` says. May raise SchemaInvalid."""
    if task.takes == "nothing":
        return lambda _work, _input: ()
    if task.takes == "event":
        return lambda work, _input: (work.delivery.event(model),)
    # A copy, as Lambda gets one: a handler that changes its input must not change the retry's.
    if model is None:
        return lambda _work, given: (orjson.loads(orjson.dumps(given)),)
    return lambda _work, given: (model.json(orjson.dumps(given)),)
