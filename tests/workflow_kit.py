"""What the workflow's tests share: webhooks and leases made of few words, and a crew of claims."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from holdfast import compiled
from holdfast.clock import ManualClock
from holdfast.compiled import CompiledWebhook
from holdfast.message import Headers, Lease, Message, Receipt, Request
from holdfast.queue.contract import Claim, ClaimAnswer
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry
from holdfast.workflow.crew import Crew
from holdfast.workflow.result import Result
from holdfast.workflow.runner import Express

VERIFY_HANDLE: Mapping[str, Any] = {
    "StartAt": "Verify",
    "States": {
        "Verify": {"Type": "Task", "Resource": "${holdfast:verify}", "Next": "Handle"},
        "Handle": {"Type": "Task", "Resource": "${handle}", "End": True},
    },
}

_PLAIN = CompiledWebhook(
    name="users",
    path="/users",
    methods=("POST",),
    content_types=("*/*",),
    body_limit_bytes=1 << 20,
    rate_limit=None,
    allow=(),
    verification=None,
    verify_at="workflow",
    provider=None,
    delivery_id=(),
    event_type=(),
    answer=compiled.Answer(200, None, ()),
    schema=None,
    body_model=None,
    queue=compiled.Queue(60.0, 60.0, 3, 30.0),
    pipe=compiled.Pipe(10, 0.0, 10, 1.0, 60.0),
    timeout_seconds=30.0,
    workflow=VERIFY_HANDLE,
    tasks={},
    log_level="ERROR",
    place="hooks.py:1",
)


def a_webhook(
    *functions: Callable[..., Any],
    takes: Any = "event",
    model: Any = None,
    **settings: Any,
) -> CompiledWebhook:
    """A webhook whose tasks are these functions, under their own names."""
    tasks = {
        function.__name__: compiled.Task(
            function.__name__, function, asyncio.iscoroutinefunction(function), takes, model
        )
        for function in functions
    }
    return dataclasses.replace(_PLAIN, **{"tasks": tasks, **settings})


def a_message(body: bytes = b"{}", headers: Mapping[str, str] | None = None) -> Message:
    lines = {"content-type": "application/json", **(headers or {})}
    request = Request("POST", "/users", "", Headers.of(lines), body)
    return Message("0" * 32, "users", 1_700_000_000_000, request)


def a_lease(body: bytes = b"{}", headers: Mapping[str, str] | None = None) -> Lease:
    return Lease(a_message(body, headers), Receipt("r1"), 1)


async def grant(_lease: Lease, _delivery_id: str) -> Claim:
    return Claim(ClaimAnswer.GRANTED)


@contextmanager
def an_express(webhook: CompiledWebhook, **settings: Any) -> Iterator[Express]:
    """A runner on a manual clock, whose crew goes home at the end."""
    crew = settings.pop("crew", None) or Crew(2)
    given = {"claim": grant, "clock": ManualClock(), "telemetry": Telemetry(), **settings}
    try:
        yield Express(webhook, secrets=Secrets(), crew=crew, **given)
    finally:
        crew.close()


def run_one(webhook: CompiledWebhook, lease: Lease | None = None, **settings: Any) -> Result:
    """One execution on an event loop of its own."""
    with an_express(webhook, **settings) as express:
        return asyncio.run(express.run(lease or a_lease()))


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next deadline when nothing else is to do."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = 0.0

    def time(self) -> float:
        return super().time() + self._ahead

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]  # asyncio's own names
            self._ahead += max(0.0, self._scheduled[0].when() - self.time())  # type: ignore[attr-defined]  # same
        super()._run_once()  # type: ignore[misc]  # same
