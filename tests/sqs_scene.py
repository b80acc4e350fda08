"""One webhook on SQS, with messages in it; and what SQS itself says about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.clock import ManualClock
from holdfast.message import Failure, Headers, Lease, Message, Request, new_message_id
from holdfast.queue.contract import Depth, Filter, QueueLimits, walk
from holdfast.queue.engines.sqs.engine import SQSEngine
from holdfast.telemetry import Telemetry
from sqs_kit import Cloud, new_prefix

ORDERS = "orders"
LIMITS = QueueLimits()


class Scene:
    """A store of its own, and the engines that were opened on it."""

    def __init__(self, cloud: Cloud, limits: QueueLimits = LIMITS) -> None:
        self.cloud = cloud
        self.clock = ManualClock()
        cloud.follow(self.clock)
        self.prefix = new_prefix()
        self.queue = f"{self.prefix}_{ORDERS}"
        self.dead_queue = f"{self.queue}-dlq"
        self.warnings: list[str] = []
        self.engines: list[SQSEngine] = []
        self.engine = self.open()
        self.engine.configure({ORDERS: limits})
        cloud.calls.clear()

    def open(self, **options: Any) -> SQSEngine:
        """As one more process would."""
        telemetry = Telemetry()
        telemetry.subscribe(lambda _, fields: self.warnings.append(str(fields.get("message"))))
        engine = self.cloud.engine(self.prefix, self.clock, telemetry=telemetry, **options)
        self.engines.append(engine)
        return engine

    def close(self) -> None:
        for engine in self.engines:
            engine.close()

    def message(self, body: bytes = b"{}", webhook: str = ORDERS) -> Message:
        now_ms = self.clock.now_ms()
        request = Request("POST", f"/{webhook}", "", Headers(), body)
        return Message(new_message_id(now_ms), webhook, now_ms, request)

    def sent(self, count: int = 1) -> list[Message]:
        messages = [self.message() for _ in range(count)]
        assert self.engine.send(messages) == [None] * count
        return messages

    def receive(self, engine: SQSEngine | None = None, limit: int = 10) -> list[Lease]:
        return (engine or self.engine).receive(ORDERS, limit, 30)

    def leased(self, engine: SQSEngine | None = None) -> Lease:
        """The one message that is handed out now."""
        (lease,) = self.receive(engine)
        return lease

    def sent_and_leased(self) -> Lease:
        self.sent()
        return self.leased()

    def failure(self, reason: str = "permanent", error: str = "ValueError") -> Failure:
        return Failure(error, "because", "Handle", self.clock.now_ms(), 1, reason)

    def buried(self) -> Message:
        lease = self.sent_and_leased()
        assert self.engine.bury(lease.receipt, self.failure())
        return lease.message

    def dead(self, engine: SQSEngine | None = None) -> list[str]:
        letters = walk(engine or self.engine, Filter(newest_first=False))
        return [letter.message.id for letter in letters]

    def depth(self) -> Depth:
        (depth,) = self.engine.depth()
        return depth

    def put(self, body: str, queue: str | None = None) -> None:
        """Somebody else puts this text into a queue."""
        client, url = self.client(queue or self.queue)
        client.send_message(QueueUrl=url, MessageBody=body)

    def client(self, queue: str) -> tuple[Any, str]:
        import botocore.session  # noqa: PLC0415 - half a second

        client = botocore.session.Session().create_client(
            "sqs", region_name="eu-central-1", endpoint_url=self.cloud.endpoint
        )
        return client, client.get_queue_url(QueueName=queue)["QueueUrl"]


@pytest.fixture
def scene(cloud: Cloud) -> Iterator[Scene]:
    """One store, in a cloud that keeps the test's time."""
    scene = Scene(cloud)
    yield scene
    scene.close()
