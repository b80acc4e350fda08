"""A stack that is deployed, as a store: the `sqs:` engine over its queues and its table.

    aws:STACK?region=eu-central-1&endpoint=http://127.0.0.1:4566

Where everything is, the stack's outputs say. A pause is the pipe's own desired state, so that the
console of AWS shows it too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.errors import ExtraMissing, StoreError
from holdfast.queue.engines.sqs.engine import SQSEngine
from holdfast.queue.engines.sqs.location import Location, QueueNames
from holdfast.sent import senders_of
from holdfast.telemetry import Telemetry

SCHEME: Final = "aws"

_STACK: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
_OPTIONS: Final = ("region", "endpoint")
_STOPPED: Final = ("STOPPED", "STOPPING")


@dataclass(frozen=True, slots=True)
class Target:
    """Which stack is meant."""

    stack: str
    region: str | None = None
    endpoint: str | None = None

    def __str__(self) -> str:
        return f"{SCHEME}:{self.stack}" + (f" in {self.region}" if self.region else "")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a webhook of the stack consists of.

    `senders`: whose workflows send to it, and in which roles (`holdfast.sent`).
    """

    webhook: str
    url: str
    queue: str
    dead: str
    pipe: str
    machine: str
    senders: str = ""

    @classmethod
    def of(cls, told: Mapping[str, str]) -> Parts:
        """From an output of a stack, which another version of Holdfast may have made."""
        return cls(**{each.name: told[each.name] for each in fields(cls) if each.name in told})


def parse(url: str) -> Target:
    """Raises StoreError."""
    told = urlsplit(url)
    options = dict(parse_qsl(told.query))
    if told.scheme != SCHEME or not _STACK.fullmatch(told.path) or set(options) - set(_OPTIONS):
        raise StoreError(f"{url!r} is not written aws:STACK?region=REGION")
    return Target(told.path, options.get("region"), options.get("endpoint"))


class Account:
    """The calls that find a stack and steer its pipes. Raises ExtraMissing, StoreError."""

    def __init__(self, target: Target) -> None:
        self.target = target
        try:
            self._session = import_module("botocore.session").Session()
        except ModuleNotFoundError as error:
            raise ExtraMissing("a deployed stack", "aws") from error
        self._clients: dict[str, Any] = {}

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client(service), operation)(**arguments)
        except Exception as error:  # the SDK's errors have no common root
            if type(error).__name__ == "NoRegionError":
                raise StoreError(
                    "no AWS region is set: write aws:STACK?region=REGION, or set AWS_DEFAULT_REGION"
                ) from None
            raise StoreError(f"{self.target}: {operation}: {error}") from error
        return answer

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            target = self.target
            self._clients[service] = self._session.create_client(
                service, region_name=target.region, endpoint_url=target.endpoint
            )
        return self._clients[service]


@dataclass(frozen=True, slots=True)
class Deployed:
    """What the outputs of a stack say."""

    target: Target
    table: str
    parts: Mapping[str, Parts]

    @property
    def location(self) -> Location:
        queues = {
            name: QueueNames(_last(each.queue), _last(each.dead))
            for name, each in self.parts.items()
        }
        senders = {name: senders_of(each.senders) for name, each in self.parts.items()}
        target = self.target
        return Location(target.stack, target.region, target.endpoint, self.table, queues, senders)

    def base_url(self) -> str | None:
        """Where the API begins, in front of the webhooks' paths; None: nowhere."""
        for each in self.parts.values():
            start = re.match(r"https?://[^/]+/[^/]+", each.url)
            if start is not None:
                return start[0]
        return None


def find(account: Account) -> Deployed:
    """Raises StoreError where there is no such stack, or it is not one of ours."""
    stack = account.target.stack
    (found,) = account.call("cloudformation", "describe_stacks", StackName=stack)["Stacks"]
    parts, table = {}, ""
    for output in found.get("Outputs", ()):
        description = output.get("Description", "")
        if description == PARTS:
            told = Parts.of(orjson.loads(output["OutputValue"]))
            parts[told.webhook] = told
        elif description == TABLE:
            table = output["OutputValue"]
    if not parts or not table:
        raise StoreError(f"{account.target} is no stack of Holdfast's, or has no webhooks yet")
    return Deployed(account.target, table, parts)


PARTS: Final = "holdfast: parts of a webhook"
TABLE: Final = "holdfast: table"
"""Descriptions of the outputs that say where everything is."""


class StackEngine(SQSEngine):
    """The engine over a stack, whose pipes are Amazon's."""

    def __init__(
        self,
        account: Account,
        deployed: Deployed,
        *,
        clock: Clock = SYSTEM_CLOCK,
        telemetry: Telemetry | None = None,
    ) -> None:
        super().__init__(deployed.location, clock=clock, telemetry=telemetry)
        self._account = account
        self._deployed = deployed

    def pause(self, webhook: str) -> None:
        self._steer(webhook, "STOPPED")

    def resume(self, webhook: str) -> None:
        self._steer(webhook, "RUNNING")

    def paused(self, webhook: str) -> bool:
        told = self._account.call("pipes", "describe_pipe", Name=self._pipe(webhook))
        return told.get("DesiredState") in _STOPPED

    def pauses(self) -> list[str]:
        return [webhook for webhook in sorted(self._deployed.parts) if self.paused(webhook)]

    def _steer(self, webhook: str, state: str) -> None:
        name = self._pipe(webhook)
        told = self._account.call("pipes", "describe_pipe", Name=name)
        # An update needs the role again, and the target's settings, or it may forget them.
        kept = {key: told[key] for key in ("TargetParameters",) if told.get(key)}
        self._account.call(
            "pipes",
            "update_pipe",
            Name=name,
            RoleArn=told["RoleArn"],
            DesiredState=state,
            **kept,
        )

    def _pipe(self, webhook: str) -> str:
        return self._deployed.parts[webhook].pipe


def open_stack(url: str, clock: Clock, telemetry: Telemetry | None) -> StackEngine:
    """The engine over the stack that a store's URL names. Raises StoreError, ExtraMissing."""
    account = Account(parse(url))
    return StackEngine(account, find(account), clock=clock, telemetry=telemetry)


def _last(url: str) -> str:
    return url.rpartition("/")[2]
