"""The calls to AWS: made with the SDK, several at a time, each ending in an answer or a StoreError."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from typing import Any, Final, TypeVar

from holdfast.errors import ExtraMissing, MessageTooLarge, StoreError
from holdfast.queue.engines.sqs.location import Location

Item = TypeVar("Item")
Answer = TypeVar("Answer")

THREADS: Final = 16
"""Calls under way at the same time: at 10 ms and ten messages each, 16,000 messages a second."""

CONNECTIONS: Final = 128
"""Kept open: those of the threads, and one for each webhook that is listened to."""

ATTEMPTS: Final = 2
"""Of each call. Whoever calls an engine tries again by itself, and a sender waits for its 503."""

CONNECT_SECONDS: Final = 3
READ_SECONDS: Final = 8
WAIT_SECONDS_MAX: Final = 20
"""The longest that SQS waits for a first message."""

BATCH: Final = 10
"""Entries in one call."""

_NO_QUEUE: Final = frozenset(
    {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NonExistentQueue"}
)


class QueueMissing(StoreError):
    """There is no such queue."""


class TableMissing(StoreError):
    """There is no such table."""


class ConditionFailed(StoreError):
    """A conditional write found something else. `item` is what it found."""

    def __init__(self, item: Mapping[str, Any]) -> None:
        super().__init__("the condition of a write does not hold")
        self.item = item


class Api:
    """SQS and DynamoDB at one location. Safe to use from any thread."""

    def __init__(self, location: Location, *, attempts: int = ATTEMPTS) -> None:
        """Raises ExtraMissing, or StoreError where the SDK lacks a region or credentials."""
        self._location = location
        self._attempts = attempts
        self._botocore = _botocore()
        self._session = self._botocore.session.Session()
        self._session.register_component("data_loader", _loader())
        self._making = threading.Lock()
        self._clients: dict[tuple[str, int], Any] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="holdfast-sqs")
        self._client("sqs", READ_SECONDS)

    def sqs(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """One call to SQS. Raises StoreError."""
        return self._call("sqs", READ_SECONDS, operation, arguments)

    def poll(self, **arguments: Any) -> list[dict[str, Any]]:
        """`receive_message`, which may wait for a first one. Raises StoreError."""
        patience = READ_SECONDS + (WAIT_SECONDS_MAX if arguments.get("WaitTimeSeconds") else 0)
        found = self._call("sqs", patience, "receive_message", arguments)
        messages: list[dict[str, Any]] = found.get("Messages") or []
        return messages

    def table(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """One call to DynamoDB. Raises StoreError, ConditionFailed among them."""
        return self._call("dynamodb", READ_SECONDS, operation, arguments)

    def wait_for_table(self, name: str) -> None:
        """Return once a new table can be used. Raises StoreError."""
        try:
            waiter = self._client("dynamodb", READ_SECONDS).get_waiter("table_exists")
            waiter.wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        except Exception as error:  # the SDK's errors have no common root
            raise self._translated(error, "dynamodb", "describe_table") from error

    def each(
        self, do: Callable[[Item], Answer], items: Sequence[Item]
    ) -> list[Answer | StoreError]:
        """Do it with every item, at the same time where there are several; the answers in order."""

        def one(item: Item) -> Answer | StoreError:
            try:
                return do(item)
            except StoreError as error:
                return error

        if len(items) <= 1:
            return [one(item) for item in items]
        return list(self._threads.map(one, items))

    def close(self) -> None:
        self._threads.shutdown()
        for client in self._clients.values():
            client.close()

    def _call(
        self, service: str, read_seconds: int, operation: str, arguments: Mapping[str, Any]
    ) -> dict[str, Any]:
        client = self._client(service, read_seconds)
        try:
            answer: dict[str, Any] = getattr(client, operation)(**arguments)
        except Exception as error:  # the SDK's errors have no common root
            raise self._translated(error, service, operation) from error
        return answer

    def _client(self, service: str, read_seconds: int) -> Any:
        """Clients are safe to share among threads, making them is not."""
        with self._making:
            client = self._clients.get((service, read_seconds))
            if client is None:
                config = self._botocore.config.Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=read_seconds,
                    retries={"mode": "standard", "total_max_attempts": self._attempts},
                    max_pool_connections=CONNECTIONS,
                )
                try:
                    client = self._session.create_client(
                        service,
                        region_name=self._location.region,
                        endpoint_url=self._location.endpoint,
                        config=config,
                    )
                except Exception as error:  # the SDK's errors have no common root
                    raise self._translated(error, service, "create_client") from error
                self._clients[service, read_seconds] = client
        return client

    def _translated(self, error: Exception, service: str, operation: str) -> StoreError:
        name, exceptions = type(error).__name__, self._botocore.exceptions
        if isinstance(error, exceptions.NoRegionError):
            return StoreError(
                "no AWS region is set: write sqs://PREFIX?region=REGION, or set AWS_DEFAULT_REGION"
            )
        if isinstance(error, exceptions.NoCredentialsError):
            return StoreError("no AWS credentials were found where the SDK looks for them")
        where = f"{_SERVICES[service]} {operation}"
        if not isinstance(error, exceptions.ClientError):
            return StoreError(f"{where}: {name}: {error}")
        response: Mapping[str, Any] = error.response
        told = response.get("Error", {})
        code, message = str(told.get("Code", "")), str(told.get("Message", ""))
        if code == "ConditionalCheckFailedException":
            return ConditionFailed(response.get("Item") or {})
        if code == "ResourceNotFoundException":
            location = self._location
            return TableMissing(
                f"there is no table {location.ledger}; `holdfast provision FILE.py --queue "
                f"'{location}'` makes it"
            )
        kind = QueueMissing if code in _NO_QUEUE else StoreError
        return kind(f"{where}: {code}: {message}")


_SERVICES: Final = {"sqs": "SQS", "dynamodb": "DynamoDB"}


def entry_error(failed: Mapping[str, Any], size: int, limit: int) -> StoreError:
    """Why one entry of a batch was not sent. `failed` is empty where SQS did not mention it."""
    if not failed:
        return StoreError("SQS did not say that it took the message")
    code, message = str(failed.get("Code", "")), str(failed.get("Message", ""))
    if "shorter than" in message:
        return MessageTooLarge(size, limit)
    return StoreError(f"SQS did not take the message: {code}: {message}")


def chunks(items: Iterable[Item], size: Callable[[Item], int], room: int) -> list[list[Item]]:
    """In order, ten at the most and no larger together than `room`, unless one is by itself."""
    found: list[list[Item]] = []
    left = 0
    for item in items:
        weight = size(item)
        if not found or len(found[-1]) == BATCH or weight > left:
            found.append([])
            left = room
        found[-1].append(item)
        left -= weight
    return found


def _botocore() -> Any:
    try:
        botocore = import_module("botocore")
        for part in ("session", "config", "exceptions", "loaders"):
            import_module(f"botocore.{part}")
    except ModuleNotFoundError as error:
        raise ExtraMissing("the sqs: engine", "aws") from error
    return botocore


@cache
def _loader() -> Any:
    """What the SDK knows of its services: megabytes, read once for all engines of a process."""
    return _botocore().loaders.create_loader()
