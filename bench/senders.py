"""A small load generator: signed webhooks over many connections, and exact books on the answers.

Written here because the point is not speed but the books: a message counts as accepted only when
the whole answer, with status 200 and its id, has arrived.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import orjson

# As long as a sender that means well waits after a 503 or a broken connection.
WAIT_SECONDS: Final = 0.05
ANSWER_SECONDS: Final = 30.0
WEBHOOKS: Final = {"plain": 4, "threaded": 2, "slow": 2, "shaky": 2, "orders": 2}
FATES: Final = {"well": 90, "stumble": 8, "raise": 2}
DEADLY: Final = ("exit", "segfault")
PADDING_BYTES: Final = (0, 40, 700, 9_000)


class Delivery(NamedTuple):
    """One request. `name`: the delivery id that it claims, where its webhook looks at one."""

    webhook: str
    body: bytes
    name: str | None = None


@dataclass(slots=True)
class Sent:
    """What the senders were told. `accepted`: id of each message answered with success -> what."""

    accepted: dict[str, Delivery] = field(default_factory=dict)
    refused: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    """The connection broke first: the message may be kept, and nobody was told so."""


class Mix:
    """What to send next; the same seed gives the same mix."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._count = 0
        self._again: list[Delivery] = []

    def next(self) -> Delivery:
        if self._again and self._random.random() < 0.5:
            return self._again.pop(self._random.randrange(len(self._again)))
        self._count += 1
        webhook = _draw(self._random, WEBHOOKS)
        fate = _draw(self._random, FATES) if webhook == "shaky" else "well"
        name = f"order-{self._count}" if webhook == "orders" else None
        delivery = self._make(webhook, fate, name)
        if name and self._random.random() < 0.5:
            self._again.append(delivery)
        return delivery

    def deadly(self) -> Delivery:
        """One that kills whoever works it."""
        self._count += 1
        return self._make("deadly", DEADLY[self._count % len(DEADLY)], None)

    def _make(self, webhook: str, fate: str, name: str | None) -> Delivery:
        padding = "x" * self._random.choice(PADDING_BYTES)
        body = {"number": self._count, "fate": fate, "padding": padding}
        return Delivery(webhook, orjson.dumps(body), name)


def _draw(source: random.Random, weights: dict[str, int]) -> str:
    return source.choices(tuple(weights), tuple(weights.values()))[0]


class Senders:
    """`connections` of them, each sending one request after the other until told to stop."""

    def __init__(self, port: int, secret: str, mix: Mix, *, connections: int) -> None:
        self._port = port
        self._secret = secret.encode()
        self._mix = mix
        self._connections = connections
        self._deadly = 0
        self._stop = asyncio.Event()
        self.sent = Sent()

    def send_deadly(self) -> None:
        """Among the next ones, let there be one that kills its worker."""
        self._deadly += 1

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._connections):
                group.create_task(self._keep_sending())

    async def _keep_sending(self) -> None:
        while not self._stop.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await self._pause()
                continue
            try:
                async with asyncio.timeout(None) as limit:
                    while not self._stop.is_set():
                        limit.reschedule(asyncio.get_running_loop().time() + ANSWER_SECONDS)
                        if not await self._send(reader, writer):
                            break
            except (OSError, EOFError, ValueError, TimeoutError):
                self.sent.unanswered += 1
                await self._pause()
            finally:
                writer.close()

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer. False: the gateway closes this connection."""
        if self._deadly:
            self._deadly -= 1
            delivery = self._mix.deadly()
        else:
            delivery = self._mix.next()
        writer.write(self._request(delivery))
        status, headers, body = await read_answer(reader)
        if status == 200:
            self.sent.accepted[orjson.loads(body)["id"]] = delivery
        else:
            self.sent.refused[status] += 1
            await self._pause()
        return headers.get("connection") != "close"

    def _request(self, delivery: Delivery) -> bytes:
        signature = hmac.new(self._secret, delivery.body, hashlib.sha256).hexdigest()
        name = f"X-Delivery-Id: {delivery.name}\r\n" if delivery.name else ""
        head = (
            f"POST /{delivery.webhook} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(delivery.body)}\r\n"
            f"X-Signature-256: {signature}\r\n{name}\r\n"
        )
        return head.encode() + delivery.body

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._stop.wait()
        except TimeoutError:
            return


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (lower case) and body. Raises EOFError or ValueError where it breaks off."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {}
    for line in head[1:-2]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split(" ")[1]), headers, body
