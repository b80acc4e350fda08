"""Where a store in SQS is: its URL, and the names of what belongs to it. Pure.

    sqs://PREFIX?region=eu-central-1&endpoint=http://127.0.0.1:4566&table=NAME

    webhook `orders` of `sqs://hooks`     queue hooks_orders, dead letters hooks_orders-dlq
    claims, attempts, pauses              DynamoDB table hooks_ledger

A prefix has no underscore and no webhook's name ends in `-dlq`, so that no two queues of any two
stores ever have the same name. Region and credentials come from where the SDK always looks for
them; in a URL, which ends up in process lists and logs, credentials are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from holdfast.errors import StoreError

SCHEME: Final = "sqs"
_DEAD: Final = "-dlq"
_OPTIONS: Final = ("region", "endpoint", "table")
_PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
_WEBHOOK: Final = re.compile(r"[A-Za-z0-9_-]+")
_TABLE: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_NAME_MAX: Final = 80


class QueueNames(NamedTuple):
    """One webhook's two queues."""

    queue: str
    dead: str


@dataclass(frozen=True, slots=True)
class Location:
    """A store in SQS.

    queues: the queues of webhooks that are not named after the prefix, such as those of a stack.
    Where any are given the store has these and no others, and their settings are somebody else's.
    senders: of a stack, by webhook: whose workflows send to it, by their roles (`holdfast.sent`).
    """

    prefix: str
    region: str | None = None
    endpoint: str | None = None
    table: str = ""
    queues: Mapping[str, QueueNames] = field(default_factory=dict)
    senders: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def ledger(self) -> str:
        """The name of the table."""
        return self.table or f"{self.prefix}_ledger"

    @property
    def owned(self) -> bool:
        """Whether the settings of these queues are ours to set."""
        return not self.queues

    def names(self, webhook: str) -> QueueNames:
        """Raises StoreError where a webhook cannot have queues here."""
        if self.queues:
            found = self.queues.get(webhook)
            if found is None:
                raise StoreError(f"{self} has no queue for the webhook {webhook!r}")
            return found
        names = QueueNames(
            f"{self.prefix}_{webhook}",
            f"{self.prefix}_{webhook}{_DEAD}",
        )
        if not _WEBHOOK.fullmatch(webhook) or webhook.endswith(_DEAD):
            raise StoreError(f"no queue in SQS can be named after the webhook {webhook!r}")
        if len(names.dead) > _NAME_MAX:
            raise StoreError(
                f"{names.dead} is too long for the name of a queue: SQS takes {_NAME_MAX} "
                "characters; choose a shorter prefix"
            )
        return names

    def __str__(self) -> str:
        told = {"region": self.region, "endpoint": self.endpoint, "table": self.table}
        query = urlencode({name: value for name, value in told.items() if value}, safe=":/")
        return f"{SCHEME}://{self.prefix}" + (f"?{query}" if query else "")


def parse(url: str) -> Location:
    """The location that a store's URL names. Raises StoreError, never repeating credentials."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise StoreError(
            "credentials do not belong into a store's URL: leave them to the environment, the "
            "profile or the role, where the AWS SDK looks for them"
        )
    if parts.scheme != SCHEME or not _PREFIX.fullmatch(parts.netloc) or parts.path not in ("", "/"):
        raise StoreError(
            f"{url!r} is not written sqs://PREFIX?region=REGION; a prefix has up to 40 letters, "
            "digits and -"
        )
    options = _options(parts)
    endpoint = options.get("endpoint")
    if endpoint is not None:
        _judge_endpoint(endpoint)
    table = options.get("table", "")
    if table and not _TABLE.fullmatch(table):
        raise StoreError(f"{table!r} is not the name of a DynamoDB table")
    return Location(parts.netloc, options.get("region"), endpoint, table)


def _options(parts: SplitResult) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise StoreError(
                f"a store in SQS has no setting {name!r}; there are {', '.join(_OPTIONS)}"
            )
        if not value or name in found:
            raise StoreError(f"{name} is to be given once, with a value")
        found[name] = value
    return found


def _judge_endpoint(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise StoreError("endpoint is to be a URL, such as http://127.0.0.1:4566")
