"""The function at the door: the local gateway's decision, and SQS as what keeps.

Success is answered once SQS has said a MessageId, and not before; whatever goes wrong is a 5xx, with
which senders try again. What an answer leaves to be done is done before it is given: Lambda freezes
what is left running.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from holdfast.aws.limits import limits
from holdfast.clock import Clock
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.envelope import encode
from holdfast.errors import MessageTooLarge, StoreError
from holdfast.gateway.answers import Answer
from holdfast.gateway.door import Chunk, Door
from holdfast.gateway.intake import Intake
from holdfast.gateway.tokens import Tokens
from holdfast.gateway.visits import Visit, Visits
from holdfast.keyring import KeyRing
from holdfast.message import Headers, Message
from holdfast.queue.contract import Refusal
from holdfast.queue.engines.sqs.api import Api
from holdfast.secrets import Secrets
from holdfast.telemetry import Kind, Subscriber, Telemetry


def log(kind: Kind, fields: Mapping[str, Any]) -> None:
    """A line for CloudWatch of whatever is more than an event that was kept."""
    if kind.level != "debug":
        told = {"level": kind.level, "event": kind.name, **fields}
        print(orjson.dumps(told, default=str).decode())


class DoorFunction:
    """Answers a request that API Gateway hands over as a proxy."""

    def __init__(
        self,
        compiled: Compiled,
        webhook: CompiledWebhook,
        secrets: Secrets,
        clock: Clock,
        api: Api,
        queue: str,
        *,
        tokens: Tokens | None = None,
        keys: KeyRing | None = None,
        visit: Visit | None = None,
        log: Subscriber = log,
    ) -> None:
        """`tokens`: where the secret is kept that a sender hands over; None: it hands over none.
        `log`: who is told of it."""
        self._loop = asyncio.new_event_loop()
        alone = Compiled(compiled.name, (webhook,))
        telemetry = Telemetry()
        telemetry.subscribe(log)
        keeper = _Queue(api, queue, limits(webhook).message_bytes)
        self._visits = Visits(alone, secrets, telemetry, keys=keys or KeyRing(clock), visit=visit)
        self._door = Door(
            Intake(alone, secrets, clock),
            keeper,
            clock,
            telemetry,
            tokens=tokens,
            visits=self._visits,
        )

    def close(self) -> None:
        """In Lambda, the end of the process does that."""
        self._loop.close()

    def __call__(self, event: Mapping[str, Any], _context: Any = None) -> dict[str, Any]:
        return _proxied(self._loop.run_until_complete(self._answer(event)))

    async def _answer(self, event: Mapping[str, Any]) -> Answer:
        told = event.get("requestContext") or {}
        headers = _headers(event)
        body = _body(event)

        async def read_chunk() -> Chunk:
            return body, False

        answer = await self._door.answer(
            event["httpMethod"],
            str(told.get("path") or event["path"]),
            _query(event),
            headers,
            str((told.get("identity") or {}).get("sourceIp") or ""),
            f"https://{told.get('domainName') or headers.get('host') or ''}",
            read_chunk,
            route=_route(event["path"]),
        )
        await self._visits.ended()
        return answer


class _Queue:
    """What keeps: one queue, asked for each message by itself."""

    def __init__(self, api: Api, url: str, bytes_max: int) -> None:
        self._api = api
        self._url = url
        self._bytes_max = bytes_max

    async def send(self, message: Message) -> None:
        """Raises StoreError unless SQS has said under which id it is kept."""
        text = encode(message)
        if len(text) > self._bytes_max:
            raise MessageTooLarge(len(text), self._bytes_max)
        kept = self._api.sqs("send_message", QueueUrl=self._url, MessageBody=text)
        if not kept.get("MessageId"):
            raise StoreError("SQS did not say that it took the message")

    def refuse(self, refusal: Refusal) -> None:
        """The access log tells of each."""


def _headers(event: Mapping[str, Any]) -> Headers:
    several = event.get("multiValueHeaders") or {
        name: [value] for name, value in (event.get("headers") or {}).items()
    }
    lines = ((name, value) for name, values in several.items() for value in values)
    return Headers.of([(name, _as_bytes(value)) for name, value in lines])


def _as_bytes(value: str) -> str:
    """A character per byte, as the local door has it; what is beyond Latin-1 was read as UTF-8."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace").decode("latin-1")
    return value


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    return base64.b64decode(text) if event.get("isBase64Encoded") else text.encode("utf-8")


def _query(event: Mapping[str, Any]) -> str:
    """Written anew: API Gateway hands parameters over decoded."""
    several = event.get("multiValueQueryStringParameters")
    if several is None:
        single = event.get("queryStringParameters") or {}
        several = {name: [value] for name, value in single.items()}
    return urlencode([(name, value) for name, values in several.items() for value in values])


def _route(path: str) -> str:
    """As a router reads it: API Gateway has decoded it."""
    return quote(path, safe="/:@!$&'()*+,;=~-._%")


def _proxied(answer: Answer) -> dict[str, Any]:
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        headers.setdefault(name, []).append(value)
    return {
        "statusCode": answer.status,
        "multiValueHeaders": headers,
        "body": answer.body.decode("utf-8", "replace"),
        "isBase64Encoded": False,
    }
