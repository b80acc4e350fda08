"""Turns what a document names into callables: `Verify`, Python functions, forwards, services.

Each takes the work at hand and the state's effective input, and comes back with an `Outcome`:
whatever a handler raises, SystemExit included, is a failure of its task and of nothing else.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from holdfast.compiled import CompiledWebhook, Forward, Task
from holdfast.errors import SchemaInvalid, StoreError, VerificationFailed
from holdfast.gateway.schema import BodySchema
from holdfast.keyring import KeyRing
from holdfast.message import Lease, Message, Request
from holdfast.queue.contract import Claim, ClaimAnswer
from holdfast.secrets import Secrets
from holdfast.verify.source import check_source, fetches_keys
from holdfast.workflow import lambda_invoke
from holdfast.workflow.asl import VERIFY
from holdfast.workflow.crew import Crew
from holdfast.workflow.failures import StateFailure
from holdfast.workflow.forward import Forwarder
from holdfast.workflow.http_call import HttpCaller
from holdfast.workflow.input import Delivery, Validator
from holdfast.workflow.outcome import Failed, Outcome, Succeeded, of_exception, of_result
from holdfast.workflow.queues import Queues
from holdfast.workflow.resources import HTTP, LAMBDA, SQS, service
from holdfast.workflow.sdk import compact
from holdfast.workflow.sqs_send import ORIGIN, VERIFIED

Claimant = Callable[[Lease, str], Awaitable[Claim]]


@dataclass(frozen=True, slots=True)
class Work:
    """One message in the hands of one execution."""

    lease: Lease
    delivery: Delivery


Run = Callable[[Work, Any], Coroutine[Any, Any, Outcome]]
Arguments = Callable[[Work, Any], tuple[Any, ...]]


class NotOurs(Exception):
    """Another message holds this delivery id. Ends the execution; no failure of any task."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(claim.answer)
        self.claim = claim


class Unclaimed(Exception):
    """Whose this delivery is, the store could not tell. Ends the execution before anything was done."""


def assemble(
    webhook: CompiledWebhook,
    resources: Iterable[str],
    *,
    secrets: Secrets,
    claim: Claimant,
    crew: Crew,
    forwarder: Forwarder,
    caller: HttpCaller,
    queues: Queues,
    keys: KeyRing,
) -> Mapping[str, Run]:
    """What each resource of a webhook's workflow does, by the text that its states carry."""
    tasks: dict[str, Run] = {}
    for name, task in webhook.tasks.items():
        if isinstance(task, Forward):
            tasks[name] = _forward(task, forwarder)
        else:
            tasks[name] = _function(task, arguments_of(webhook, task), crew)
    runs: dict[str, Run] = {VERIFY: _verify(webhook, secrets, claim, keys), **tasks}
    for resource in resources:
        run = None if resource in runs else _called(resource, webhook, tasks, caller, queues)
        if run is not None:
            runs[resource] = run
    return runs


def _called(
    resource: str,
    webhook: CompiledWebhook,
    tasks: Mapping[str, Run],
    caller: HttpCaller,
    queues: Queues,
) -> Run | None:
    """What an ARN does; None: it is none, or names a function that is not there."""
    function = lambda_invoke.of_arn(resource)
    if function is not None:
        return tasks.get(function.name)
    called = service(resource)
    if called == LAMBDA:
        return _told(_invoke(tasks))
    if called == HTTP:
        return _told(lambda _work, given: caller.call(given))
    if called == SQS:
        return _told(lambda _work, given: queues.send(given, webhook.name))
    return None


def _invoke(tasks: Mapping[str, Run]) -> Run:
    async def run(work: Work, given: Any) -> Outcome:
        request_id = str(uuid.uuid4())
        invocation = lambda_invoke.read(given, request_id)
        task = tasks.get(invocation.function.name)
        if task is None:
            raise lambda_invoke.missing(invocation.function, request_id)
        outcome = await task(work, invocation.payload)
        if isinstance(outcome, Failed):
            return outcome
        function, output, size = invocation.function, outcome.output, outcome.size
        return Succeeded(*lambda_invoke.result(function, output, size, request_id))

    return run


def _told(call: Run) -> Run:
    """What goes wrong with a call is the failure of its state."""

    async def run(work: Work, given: Any) -> Outcome:
        try:
            return await call(work, given)
        except StateFailure as failure:
            return Failed(failure.error, failure.cause)
        except Exception as error:
            return of_exception(error)

    return run


def _verify(webhook: CompiledWebhook, secrets: Secrets, claim: Claimant, keys: KeyRing) -> Run:
    waits = fetches_keys(webhook.verification)
    schema = None if webhook.schema is None else SchemaOfSent(webhook.schema)

    async def run(work: Work, _input: Any) -> Outcome:
        lease, delivery = work.lease, work.delivery
        try:
            if waits:
                # The sender's public key may have to be fetched first.
                await asyncio.to_thread(check_message, webhook, lease.message, secrets, keys)
            else:
                check_message(webhook, lease.message, secrets, keys)
            if schema is not None:
                schema.check(lease.message.request)
            delivery.validate()
            built, size = delivery.input()
        except Exception as error:
            return of_exception(error)
        if delivery.delivery_id is not None:
            try:
                answer = await claim(lease, delivery.delivery_id)
            except StoreError as error:
                raise Unclaimed(str(error)) from error
            if answer.answer is not ClaimAnswer.GRANTED:
                raise NotOurs(answer)
        return Succeeded(built, size)

    return run


class SchemaOfSent:
    """Holds bodies that never passed the door, because another workflow sent them, against the
    schema that the door holds all others against."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._ready: BodySchema | None = None

    def check(self, request: Request) -> None:
        """Raises SchemaInvalid."""
        if not request.origin.startswith(ORIGIN):
            return
        if self._ready is None:
            self._ready = BodySchema(self._schema)
        violations = self._ready.violations(request.body)
        if violations:
            told = [f"{each.path or 'the body'}: {each.message}" for each in violations]
            raise SchemaInvalid("; ".join(told))


def check_message(
    webhook: CompiledWebhook, message: Message, secrets: Secrets, keys: KeyRing
) -> None:
    """The first thing that a workflow does: the door's verdict, or one of its own.

    Raises VerificationFailed, SecretMissing, and what `check_source` raises.
    """
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


def _function(task: Task, arguments: Arguments, crew: Crew) -> Run:
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


def arguments_of(webhook: CompiledWebhook, task: Task) -> Arguments:
    """What the function is called with, as `takes` says. May raise SchemaInvalid when called."""
    if task.takes == "nothing":
        return lambda _work, _input: ()
    shared = task.takes == "event" and task.model == webhook.body_model
    model = None if shared or task.model is None else Validator(task.model)
    if task.takes == "event":
        return lambda work, _input: (work.delivery.event(model),)
    # A copy, as Lambda gets one: a handler that changes its input must not change the retry's.
    if model is None:
        return lambda _work, given: (orjson.loads(compact(given)),)
    return lambda _work, given: (model.json(compact(given)),)
