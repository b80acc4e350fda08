"""What a function finds in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from holdfast.sent import senders_of


@dataclass(frozen=True, slots=True)
class Setting:
    """`secrets`: what a reference of the definition is called on AWS. `keeps`: the one of them that a
    sender hands over; empty: none. `senders`: the webhooks whose workflows send here, by the id of the
    role that each does so in."""

    definition: Path
    webhook: str
    task: str
    secrets: Mapping[str, str]
    stack: str
    table: str
    execution_seconds: float
    queue: str
    keeps: str = ""
    senders: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Setting:
        """From the variables that the stack sets. Raises KeyError where one is missing."""
        asset = Path(__file__).parents[3]
        return cls(
            definition=asset / environment["HOLDFAST_DEFINITION"],
            webhook=environment["HOLDFAST_WEBHOOK"],
            task=environment["HOLDFAST_TASK"],
            secrets=orjson.loads(environment.get("HOLDFAST_SECRETS", "{}")),
            stack=environment.get("HOLDFAST_STACK", ""),
            table=environment.get("HOLDFAST_TABLE", ""),
            execution_seconds=float(environment.get("HOLDFAST_EXECUTION_SECONDS", "0")),
            queue=environment.get("HOLDFAST_QUEUE", ""),
            keeps=environment.get("HOLDFAST_KEEPS", ""),
            senders=senders_of(environment.get("HOLDFAST_SENDERS", "")),
        )
