"""Tasks: Python functions, and forwards to another program."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from holdfast.aws.contract import message_in
from holdfast.aws.worker.failing import failed, named, raised
from holdfast.aws.worker.records import model_of
from holdfast.clock import Clock
from holdfast.compiled import CompiledWebhook, Forward, Task
from holdfast.message import Lease, Message, Receipt
from holdfast.secrets import Secrets
from holdfast.workflow.forward import Forwarder
from holdfast.workflow.http_client import HttpClient
from holdfast.workflow.input import Delivery
from holdfast.workflow.outcome import Failed, of_result
from holdfast.workflow.tasks import Work, arguments_of

LEFT_BEHIND = "States.Runtime"
"""A state has dropped the event that its task takes: nothing to be tried again."""


class TaskFunction:
    """A Python function of the definition, called with what `takes` says."""

    def __init__(self, webhook: CompiledWebhook, task: Task) -> None:
        self._webhook = webhook
        self._task = task
        self._arguments = arguments_of(webhook, task)
        self._model = model_of(webhook)
        self._loop = asyncio.new_event_loop() if task.is_async else None

    def __call__(self, given: Any, _context: Any = None) -> Any:
        try:
            value = self._called(given)
        except BaseException as error:  # SystemExit too is a failure of the task, as it is here
            raise raised(error) from None
        outcome = of_result(value)
        if isinstance(outcome, Failed):
            raise failed(outcome)
        return outcome.output

    def _called(self, given: Any) -> Any:
        function, arguments = self._task.function, self._arguments
        if self._task.takes == "event":
            # The event comes with the input; the other arguments know nothing of it.
            called = arguments(self._work(given), given)
        else:
            called = arguments(_NOTHING, given)
        if self._loop is not None:
            return self._loop.run_until_complete(function(*called))
        return function(*called)

    def _work(self, given: Any) -> Work:
        message = _carried(given)
        attempt = _attempt(given)
        delivery = Delivery(self._webhook, message, attempt, self._model)
        return Work(Lease(message, Receipt(""), attempt), delivery)


class ForwardFunction:
    """Carries the event to another program, signed as the definition says."""

    def __init__(self, task: Forward, secrets: Secrets, clock: Clock) -> None:
        self._task = task
        self._loop = asyncio.new_event_loop()
        self._forwarder = Forwarder(HttpClient(), secrets, clock)

    def __call__(self, given: Any, _context: Any = None) -> Any:
        try:
            sending = self._forwarder.send(self._task, _carried(given), _attempt(given))
            outcome = self._loop.run_until_complete(sending)
        except Exception as error:
            raise raised(error) from None
        if isinstance(outcome, Failed):
            raise failed(outcome)
        return outcome.output


_NOTHING: Any = None


def _carried(given: Any) -> Message:
    message = message_in(given)
    if message is None:
        raise named(LEFT_BEHIND, "the state's input does not hold the event that its task takes")
    return message


def _attempt(given: Any) -> int:
    attempt = given.get("attempt") if isinstance(given, Mapping) else None
    return attempt if isinstance(attempt, int) else 1
