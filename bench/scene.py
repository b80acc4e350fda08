"""Where a run of `bench.ingest` takes place: its stores, its load, how long everything takes."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from bench.cloud import Cloud
from bench.http_load import Load, drive
from holdfast.clock import SYSTEM_CLOCK
from holdfast.message import Headers, Message, Request, new_message_id
from holdfast.queue.contract import Sender
from holdfast.runtime.store import open_engine

BODY: Final = b'{"name": "Ada Lovelace", "age": 36, "email": "ada@example.com"}'

HEADERS: Final = Headers(
    (
        ("host", "hooks.example.com"),
        ("user-agent", "bench"),
        ("content-type", "application/json"),
        ("content-length", str(len(BODY))),
    )
)
_GROUP: Final = 20_000


@dataclass
class Scene:
    """`seconds` of load at a time, `rounds` times over; `backlog` is how many a full queue holds.

    cloud: where the stores are, if not in the directory.
    """

    directory: Path
    seconds: float
    rounds: int
    backlog: int
    drained: int
    """How many messages the drain rate is measured with."""
    handoffs: int
    starts: int
    cloud: Cloud | None = None
    ingest_rate: float | None = None
    """Durable messages per second over HTTP at 256 connections, once that has been measured."""

    def store(self) -> str:
        """The URL of a new store."""
        if self.cloud is not None:
            return self.cloud.store()
        return f"sqlite:{self.directory / f'store-{secrets.token_hex(4)}'}"

    def load(self, url: str, connections: int) -> Load:
        load = drive(url, BODY, connections=connections, seconds=self.seconds)
        if load.failed or not load.answered:
            raise RuntimeError(f"{load.failed} of {load.failed + load.answered} requests failed")
        return load

    @cached_property
    def full_store(self) -> str:
        """A store in which `backlog` messages wait; made once, it takes a while."""
        store = self.store()
        engine = open_engine(store)
        fill(engine, "users", self.backlog)
        engine.close()
        return store


def fill(sender: Sender, webhook: str, count: int) -> None:
    """Send so many of the reference message, in large groups."""
    request = Request("POST", f"/{webhook}", "", HEADERS, BODY, "127.0.0.1", "http://localhost")
    for sent in range(0, count, _GROUP):
        now_ms = SYSTEM_CLOCK.now_ms()
        size = min(_GROUP, count - sent)
        sender.send(
            [Message(new_message_id(now_ms), webhook, now_ms, request) for _ in range(size)]
        )


def open_pipe(path: Path) -> int:
    """A named pipe, open for reading and never at its end."""
    os.mkfifo(path)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)
