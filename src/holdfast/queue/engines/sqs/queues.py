"""The queues themselves: found by name, made on request, their numbers set, their depth read."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from holdfast.errors import StoreError
from holdfast.queue.contract import Depth, QueueLimits
from holdfast.queue.engines.sqs.api import Api, QueueMissing
from holdfast.queue.engines.sqs.ledger import Ledger
from holdfast.queue.engines.sqs.location import Location
from holdfast.telemetry import Telemetry

LETTER_ROOM_BYTES: Final = 16_384
"""A dead letter is its message, and why it died beside it."""

SIZE_MAX_BYTES: Final = 1_048_576
"""What SQS takes: one message, and all messages of one call together."""

MESSAGE_MAX_BYTES: Final = SIZE_MAX_BYTES - LETTER_ROOM_BYTES

RETENTION_SECONDS: Final = (60, 14 * 86_400)
RECEIVE_COUNTS: Final = (1, 1_000)

_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


class Urls(NamedTuple):
    """Where one webhook's two queues are."""

    queue: str
    dead: str


class Queues:
    """Those of one location. Safe to use from any thread."""

    def __init__(
        self, api: Api, location: Location, ledger: Ledger, telemetry: Telemetry, *, create: bool
    ) -> None:
        """`create`: queues are made where they are first needed."""
        self._api = api
        self._location = location
        self._ledger = ledger
        self._telemetry = telemetry
        self._create = create
        self._guard = threading.Lock()
        self._urls: dict[str, Urls] = {}
        self._met: set[str] = set()
        self._size_max: dict[str, int] = {}

    def urls(self, webhook: str) -> Urls:
        """Raises QueueMissing where there are none, StoreError where nobody can tell."""
        found = self._urls.get(webhook)
        if found is None:
            names = self._location.names(webhook)
            try:
                found = Urls(self._url(names.queue), self._url(names.dead))
            except QueueMissing as error:
                raise QueueMissing(
                    f"there is no queue for {webhook} at {self._location}; `holdfast provision "
                    f"FILE.py --queue '{self._location}'` makes it ({error})"
                ) from error
            self._urls[webhook] = found
            self._met.add(webhook)
        return found

    def to_send(self, webhook: str) -> Urls:
        """The same; where queues are made on demand, this is the demand."""
        try:
            return self.urls(webhook)
        except QueueMissing:
            if not self._create:
                raise
        self.create({webhook: QueueLimits()})
        return self.urls(webhook)

    def known(self, webhook: str) -> Urls | None:
        """None: nobody here ever met such queues. Raises QueueMissing where they are gone."""
        try:
            return self.urls(webhook)
        except QueueMissing:
            if webhook in self._met:
                raise
            return None

    def forget(self, webhook: str) -> None:
        """What was known of its queues no longer holds."""
        self._urls.pop(webhook, None)
        self._size_max.pop(webhook, None)

    def webhooks(self) -> list[str]:
        """Every webhook that has queues here, sorted."""
        return sorted(self._location.queues or self._ledger.webhooks())

    def senders(self, webhook: str) -> Mapping[str, str]:
        """Whose workflows send to it past the gateway, by their roles; of a stack only."""
        return self._location.senders.get(webhook, {})

    def size_max(self, webhook: str) -> int:
        """The largest message that the queue takes, in bytes."""
        found = self._size_max.get(webhook)
        if found is None:
            told = self._attributes(self.to_send(webhook).queue, ("MaximumMessageSize",))
            found = self._size_max[webhook] = int(told.get("MaximumMessageSize", SIZE_MAX_BYTES))
        return found

    def max_receive_count(self, webhook: str) -> int:
        """After how many receives SQS moves a message to dead letters by itself."""
        told = self._attributes(self.urls(webhook).queue, ("RedrivePolicy",))
        policy = orjson.loads(told.get("RedrivePolicy") or "{}")
        return int(policy.get("maxReceiveCount", QueueLimits().max_receive_count))

    def configure(self, limits: Mapping[str, QueueLimits]) -> None:
        """See that the queues are there and have these numbers, where they are ours to set."""
        missing = {name: one for name, one in limits.items() if self.known(name) is None}
        if self._create and missing:
            self.create(missing)
        for webhook, one in limits.items():
            _judge(webhook, one)
            urls = self.urls(webhook)
            if self._location.owned:
                self._set(
                    urls.dead, {"MessageRetentionPeriod": _seconds(one.dead_retention_seconds)}
                )
                self._set(urls.queue, self._numbers(urls, one))
            self._size_max.pop(webhook, None)

    def create(
        self,
        limits: Mapping[str, QueueLimits],
        visibility_seconds: Mapping[str, float] | None = None,
    ) -> list[str]:
        """Make what is missing, the table included; the names of what was made.

        What is there already is given these numbers.

        visibility_seconds: the queues' own visibility timeouts, for consumers other than ours.
        """
        if not self._location.owned:
            raise StoreError(f"the queues of {self._location} are not made here")
        made = [self._location.ledger] if self._ledger.create() else []
        with self._guard:
            for webhook, one in limits.items():
                _judge(webhook, one)
                queue, dead = self._location.names(webhook)
                made += [
                    name
                    for name in (dead, queue)
                    if self._make(name, webhook, one, visibility_seconds or {})
                ]
        self._ledger.introduce(limits)
        return made

    def depth(self, webhook: str) -> Depth:
        """As SQS counts them: approximately, and without the age of the oldest."""
        urls = self.known(webhook)
        if urls is None:
            return Depth(webhook, 0, 0, 0, None)
        visible, delayed, hidden = self._count(urls.queue)
        return Depth(
            webhook,
            waiting=visible + delayed,
            leased=hidden,
            dead=sum(self._count(urls.dead)),
            oldest_ms=None,
        )

    def _make(
        self, name: str, webhook: str, limits: QueueLimits, visibility: Mapping[str, float]
    ) -> bool:
        """True: there was none of this name."""
        names = self._location.names(webhook)
        attributes = {"MessageRetentionPeriod": _seconds(limits.dead_retention_seconds)}
        if name == names.queue:
            urls = Urls("", self._url(names.dead))
            attributes = self._numbers(urls, limits)
            attributes["MaximumMessageSize"] = str(MESSAGE_MAX_BYTES)
            if webhook in visibility:
                attributes["VisibilityTimeout"] = _seconds(visibility[webhook])
        try:
            url = self._url(name)
        except QueueMissing:
            self._api.sqs("create_queue", QueueName=name, Attributes=attributes)
            self.forget(webhook)
            return True
        self._set(url, attributes)
        return False

    def _numbers(self, urls: Urls, limits: QueueLimits) -> dict[str, str]:
        policy = {
            "deadLetterTargetArn": self._attributes(urls.dead, ("QueueArn",))["QueueArn"],
            "maxReceiveCount": limits.max_receive_count,
        }
        return {
            "MessageRetentionPeriod": _seconds(limits.retention_seconds),
            "RedrivePolicy": orjson.dumps(policy).decode(),
        }

    def _set(self, url: str, attributes: Mapping[str, str]) -> None:
        """Only what differs, so that a role without the right to set anything may run."""
        told = self._attributes(url, tuple(attributes))
        differing = {
            name: value for name, value in attributes.items() if not _same(told.get(name), value)
        }
        if not differing:
            return
        try:
            self._api.sqs("set_queue_attributes", QueueUrl=url, Attributes=differing)
        except StoreError as error:
            if "AccessDenied" not in str(error):
                raise
            # It works with other numbers than the definition's, and somebody should know.
            self._telemetry.emit("store.warning", message=f"{url} keeps other numbers: {error}")

    def _url(self, name: str) -> str:
        return str(self._api.sqs("get_queue_url", QueueName=name)["QueueUrl"])

    def _attributes(self, url: str, names: tuple[str, ...]) -> dict[str, str]:
        found: dict[str, str] = self._api.sqs(
            "get_queue_attributes", QueueUrl=url, AttributeNames=[*names]
        ).get("Attributes", {})
        return found

    def _count(self, url: str) -> tuple[int, int, int]:
        """Visible, delayed, hidden."""
        told = self._attributes(url, _COUNTS)
        visible, delayed, hidden = (int(told.get(name, 0)) for name in _COUNTS)
        return visible, delayed, hidden


def _judge(webhook: str, limits: QueueLimits) -> None:
    least, most = RETENTION_SECONDS
    for what, seconds in (
        ("retention", limits.retention_seconds),
        ("dead_retention", limits.dead_retention_seconds),
    ):
        if not least <= seconds <= most:
            raise StoreError(f"{webhook}: SQS has a {what} of one minute to fourteen days")
    fewest, highest = RECEIVE_COUNTS
    if not fewest <= limits.max_receive_count <= highest:
        raise StoreError(f"{webhook}: SQS has a max_receive_count of {fewest} to {highest}")


def _seconds(seconds: float) -> str:
    return str(math.ceil(seconds))


def _same(told: Any, wanted: str) -> bool:
    """Policies are JSON, and SQS writes numbers in them as it likes."""
    if told is None or not wanted.startswith("{"):
        return bool(told == wanted)
    try:
        one, other = orjson.loads(told), orjson.loads(wanted)
    except orjson.JSONDecodeError:
        return False
    return {k: str(v) for k, v in one.items()} == {k: str(v) for k, v in other.items()}
