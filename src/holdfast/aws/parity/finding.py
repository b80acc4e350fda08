"""What was found to differ, and whether `plan` had said so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from holdfast.aws.differences import Difference

Stage = Literal["answer", "body", "headers", "request", "verdict", "input", "tasks", "settle"]

STAGES: Final[Mapping[str, str]] = {
    "answer": "what the sender hears: status, headers of success, shape of the body",
    "body": "the bytes that are kept",
    "headers": "the lines that are kept, the last value of each",
    "request": "method, path, its parameters, query and address",
    "verdict": "what Verify finds out: verified, or the reason why not",
    "input": "what the workflow's states are given",
    "tasks": "which tasks are called, and with what",
    "settle": "what becomes of the message: done, kept in the queue, or a dead letter",
}
"""In the order in which a request comes through them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference for one event. `here` and `aws` never hold what a sender wrote into a body.

    `topic` and `declared`: the difference of `plan` that foretells it, and its sentence; empty: it
    does not.
    """

    webhook: str
    event: str
    stage: Stage
    here: str
    aws: str
    topic: str = ""
    declared: str = ""

    def foretold(self, by: Difference | None) -> Finding:
        return self if by is None else replace(self, topic=by.topic, declared=by.aws)


@dataclass(slots=True)
class Report:
    """All that was found. `events`: how many were run, by webhook. `ends`: how they end here, and how
    many. `skipped`: why others were not run, and how many. `unchecked`: webhooks whose secret is not
    here, so that no source was checked."""

    events: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    unchecked: dict[str, str] = field(default_factory=dict)

    @property
    def undeclared(self) -> list[Finding]:
        """Those that fail."""
        return [each for each in self.findings if not each.declared]

    @property
    def alike(self) -> bool:
        """Whether nothing differs that was not foretold."""
        return not self.undeclared

    def end(self, how: str) -> None:
        self.ends[how] = self.ends.get(how, 0) + 1

    def skip(self, why: str, count: int = 1) -> None:
        self.skipped[why] = self.skipped.get(why, 0) + count
