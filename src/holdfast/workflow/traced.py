"""What traces are to a workflow: a seam, so that nothing here knows who traces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from holdfast.message import Lease, Request
from holdfast.workflow.http_answer import Answer
from holdfast.workflow.outcome import Outcome
from holdfast.workflow.result import Result

Send = Callable[[Request], Awaitable[Answer]]


class WorkTraces(Protocol):
    """Each awaits the work that it is handed, and gives back what that gives. What runs within is
    within its span, the threads of handlers included."""

    async def attempt(self, lease: Lease, work: Awaitable[Result]) -> Result:
        """One execution over one message."""
        ...

    async def task(self, state: str, resource: str, work: Awaitable[Outcome]) -> Outcome:
        """One call of a state's task."""
        ...

    async def call(self, request: Request, send: Send) -> Answer:
        """One request to another program, which is told of the trace."""
        ...

    def current(self) -> str | None:
        """The context for a message that is sent from here."""
        ...
