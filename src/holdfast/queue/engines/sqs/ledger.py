"""The table beside the queues: who works which delivery, what was tried, what is paused.

    PREFIX/claim/WEBHOOK/SHA-256 of a delivery id   holder, state (working, done), until, ttl
    PREFIX/message/WEBHOOK/ID                       attempts, delivery_id, ttl
    PREFIX/store                                    webhooks, paused

One item each under the key `pk`. DynamoDB removes what has a `ttl` some time after it; until then
`until` says, in milliseconds, what still counts. Every write that matters is conditional, so that of
two workers one is told that it was second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from holdfast.clock import Clock
from holdfast.errors import StoreError
from holdfast.message import Failure
from holdfast.queue.contract import DUPLICATE_WINDOW_SECONDS, Claim, ClaimAnswer
from holdfast.queue.engines.sqs.api import Api, ConditionFailed, TableMissing
from holdfast.queue.engines.sqs.location import Location

GRACE_SECONDS: Final = 60.0
"""How long after its lease a message still holds its delivery: clocks differ, and SQS is not exact."""

HISTORY_SECONDS: Final = 28 * 86_400.0
"""How long attempts are kept: a message may wait fourteen days, and then lie dead for as long."""

TEXT_MAX: Final = 16_384
"""Characters of an error or a cause in the history: an item has room for 400 KB."""

_KEYS: Final = 100
"""Items in one read of many."""

_ITEM_READ_TRIES: Final = 5

WORKING: Final = "working"
DONE: Final = "done"

Item = Mapping[str, Mapping[str, Any]]


class ClaimKey(NamedTuple):
    """One delivery, as the sender named it."""

    webhook: str
    delivery_id: str


class MessageKey(NamedTuple):
    """One message of ours."""

    webhook: str
    id: str


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of a message."""

    attempts: tuple[Failure, ...] = ()
    delivery_id: str | None = None


class Ledger:
    """The table of one store. Every verb raises StoreError where the table does not answer."""

    def __init__(self, api: Api, location: Location, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._table = location.ledger
        self._prefix = location.prefix
        self._store = {"pk": {"S": f"{location.prefix}/store"}}

    # Claims

    def claim(self, key: ClaimKey, holder: str, lease_seconds: float) -> Claim:
        """Ask for a delivery on behalf of a message whose lease ends in so many seconds."""
        now_ms = self._clock.now_ms()
        try:
            self._api.table(
                "put_item",
                TableName=self._table,
                Item=self._claim_key(key)
                | {"holder": {"S": holder}, "state": {"S": WORKING}}
                | self._until(lease_seconds + GRACE_SECONDS),
                ConditionExpression=(
                    "attribute_not_exists(pk) OR #until <= :now"
                    " OR (#holder = :holder AND #state = :working)"
                ),
                ExpressionAttributeNames=_NAMES,
                ExpressionAttributeValues={
                    ":now": {"N": str(now_ms)},
                    ":holder": {"S": holder},
                    ":working": {"S": WORKING},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as found:
            other, state = _text(found.item, "holder"), _text(found.item, "state")
            answer = ClaimAnswer.DUPLICATE if state == DONE else ClaimAnswer.HELD
            return Claim(answer, other or None)
        return Claim(ClaimAnswer.GRANTED)

    def done(self, key: ClaimKey, holder: str) -> None:
        """It was worked. Where the delivery has passed to another message meanwhile: nothing."""
        try:
            self._api.table(
                "put_item",
                TableName=self._table,
                Item=self._claim_key(key)
                | {"holder": {"S": holder}, "state": {"S": DONE}}
                | self._until(DUPLICATE_WINDOW_SECONDS),
                ConditionExpression="attribute_not_exists(pk) OR #holder = :holder",
                ExpressionAttributeNames={"#holder": "holder"},
                ExpressionAttributeValues={":holder": {"S": holder}},
            )
        except ConditionFailed:
            return

    def renew(self, key: ClaimKey, holder: str, seconds: float) -> None:
        """It is still being worked, or will be again within that time."""
        until = self._until(seconds + GRACE_SECONDS)
        try:
            self._api.table(
                "update_item",
                TableName=self._table,
                Key=self._claim_key(key),
                UpdateExpression="SET #until = :until, #ttl = :ttl",
                ConditionExpression="#holder = :holder AND #state = :working",
                ExpressionAttributeNames=_NAMES | {"#ttl": "ttl"},
                ExpressionAttributeValues={
                    ":until": until["until"],
                    ":ttl": until["ttl"],
                    ":holder": {"S": holder},
                    ":working": {"S": WORKING},
                },
            )
        except ConditionFailed:
            return

    def yield_claim(self, key: ClaimKey, holder: str) -> None:
        """The message is a dead letter: another delivery of the event may be worked."""
        try:
            self._api.table(
                "delete_item",
                TableName=self._table,
                Key=self._claim_key(key),
                ConditionExpression="#holder = :holder AND #state = :working",
                ExpressionAttributeNames={"#holder": "holder", "#state": "state"},
                ExpressionAttributeValues={":holder": {"S": holder}, ":working": {"S": WORKING}},
            )
        except ConditionFailed:
            return

    def done_by(self, keys: Iterable[ClaimKey]) -> dict[ClaimKey, str]:
        """Which message worked each of these deliveries, where one did."""
        now_ms, found = self._clock.now_ms(), {}
        for key, item in self._read(keys, self._claim_key):
            if _text(item, "state") == DONE and int(item["until"]["N"]) > now_ms:
                found[key] = _text(item, "holder")
        return found

    # Attempts

    def attempted(self, key: MessageKey, failure: Failure, delivery_id: str | None) -> None:
        """Add one to the history of a message."""
        names = {"#ttl": "ttl", "#attempts": "attempts"}
        sets = ["#attempts = list_append(if_not_exists(#attempts, :none), :one)", "#ttl = :ttl"]
        values = {
            ":none": {"L": []},
            ":one": {"L": [{"S": _write_failure(failure)}]},
            ":ttl": self._until(HISTORY_SECONDS)["ttl"],
        }
        if delivery_id is not None:
            names["#delivery_id"] = "delivery_id"
            sets.append("#delivery_id = :delivery_id")
            values[":delivery_id"] = {"S": storable(delivery_id)}
        self._api.table(
            "update_item",
            TableName=self._table,
            Key=self._message_key(key),
            UpdateExpression="SET " + ", ".join(sets),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )

    def histories(self, keys: Iterable[MessageKey]) -> dict[MessageKey, History]:
        """What is remembered of these messages."""
        return {
            key: History(
                tuple(_read_failure(one["S"]) for one in item.get("attempts", {}).get("L", ())),
                _text(item, "delivery_id") or None,
            )
            for key, item in self._read(keys, self._message_key)
        }

    # The store

    def webhooks(self) -> frozenset[str]:
        """Those that were ever given queues here."""
        return self._named("webhooks")

    def introduce(self, webhooks: Iterable[str]) -> None:
        """These have queues."""
        self._name("ADD", "webhooks", webhooks)

    def paused(self) -> frozenset[str]:
        return self._named("paused")

    def pause(self, webhook: str) -> None:
        self._name("ADD", "paused", [webhook])

    def resume(self, webhook: str) -> None:
        self._name("DELETE", "paused", [webhook])

    def create(self) -> bool:
        """The table, if there is none. True: it was made just now."""
        try:
            self._api.table("describe_table", TableName=self._table)
        except TableMissing:
            pass
        else:
            return False
        self._api.table(
            "create_table",
            TableName=self._table,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self._api.wait_for_table(self._table)
        self._api.table(
            "update_time_to_live",
            TableName=self._table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"},
        )
        return True

    def _named(self, attribute: str) -> frozenset[str]:
        answer = self._api.table(
            "get_item", TableName=self._table, Key=self._store, ConsistentRead=True
        )
        return frozenset(answer.get("Item", {}).get(attribute, {}).get("SS", ()))

    def _name(self, verb: str, attribute: str, webhooks: Iterable[str]) -> None:
        names = sorted(set(webhooks))
        if names:
            self._api.table(
                "update_item",
                TableName=self._table,
                Key=self._store,
                UpdateExpression=f"{verb} #attribute :names",
                ExpressionAttributeNames={"#attribute": attribute},
                ExpressionAttributeValues={":names": {"SS": names}},
            )

    def _read(self, keys: Iterable[Any], key_of: Any) -> list[tuple[Any, Item]]:
        """The items of these keys, those that there are."""
        wanted = {key_of(key)["pk"]["S"]: key for key in keys}
        names, found = list(wanted), []
        for at in range(0, len(names), _KEYS):
            left: Sequence[Any] = [{"pk": {"S": name}} for name in names[at : at + _KEYS]]
            for _ in range(_ITEM_READ_TRIES):
                answer = self._api.table(
                    "batch_get_item",
                    RequestItems={self._table: {"Keys": left, "ConsistentRead": True}},
                )
                items = answer["Responses"].get(self._table, ())
                found += [(wanted[item["pk"]["S"]], item) for item in items]
                left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", ())
                if not left:
                    break
            else:
                raise StoreError(f"DynamoDB did not read all that was asked of {self._table}")
        return found

    def _claim_key(self, key: ClaimKey) -> dict[str, Any]:
        # Senders choose delivery ids, and a key may have 2,048 bytes.
        digest = hashlib.sha256(key.delivery_id.encode("utf-8", "surrogatepass")).hexdigest()
        return {"pk": {"S": f"{self._prefix}/claim/{key.webhook}/{digest}"}}

    def _message_key(self, key: MessageKey) -> dict[str, Any]:
        return {"pk": {"S": f"{self._prefix}/message/{key.webhook}/{key.id}"}}

    def _until(self, seconds: float) -> dict[str, Any]:
        until_ms = self._clock.now_ms() + round(seconds * 1000)
        return {"until": {"N": str(until_ms)}, "ttl": {"N": str(until_ms // 1000 + 86_400)}}


_NAMES: Final = {"#holder": "holder", "#state": "state", "#until": "until"}


def storable(text: str) -> str:
    """Text that is none, with a question mark for what cannot be written down."""
    return text.encode("utf-8", "replace").decode()


def cut(text: str, limit: int) -> str:
    """At most so many characters, and a sign where some are missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _text(item: Item, name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def _write_failure(failure: Failure) -> str:
    fields = [failure.error, failure.cause, failure.state]
    texts = [cut(storable(text), TEXT_MAX) for text in fields]
    return orjson.dumps([*texts, failure.at_ms, failure.attempt, failure.reason]).decode()


def _read_failure(text: str) -> Failure:
    return Failure(*orjson.loads(text))
