"""Stores in SQS to measure with: queues of their own for each, deleted at the end."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import httpx

from bench.processes import limits
from holdfast.queue.engines.sqs import Location, parse
from holdfast.queue.engines.sqs.api import Api
from holdfast.runtime.store import provision_store

_STARTED_SECONDS: Final = 60


class Cloud:
    """A place for stores, by the URL of one: each gets a prefix that begins with that one's."""

    def __init__(self, url: str) -> None:
        self._location = parse(url)
        self._made: list[str] = []

    def store(self) -> str:
        """The URL of a new store for the definition under measurement. They share a table."""
        ours = self._location
        prefix = f"{ours.prefix}-{secrets.token_hex(3)}"
        url = str(replace(ours, prefix=prefix, table=ours.ledger))
        self._made += provision_store(url, limits(), {})
        return url

    def clear(self) -> None:
        """Delete what was made."""
        api = Api(self._location)
        for name in self._made:
            if name == self._location.ledger:
                api.table("delete_table", TableName=name)
            else:
                found = api.sqs("get_queue_url", QueueName=name)
                api.sqs("delete_queue", QueueUrl=found["QueueUrl"])
        api.close()


@contextlib.contextmanager
def emulated() -> Iterator[str]:
    """The URL of a store in an emulator that runs on this machine while the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "bench")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "bench")
    environment: Mapping[str, str] = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "ministack"]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        for _ in range(_STARTED_SECONDS * 10):
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"{endpoint}/_ministack/health", timeout=5, trust_env=False)
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise RuntimeError(f"MiniStack ended with {process.wait(timeout=0.1)}")
        yield str(Location("bench", "eu-central-1", endpoint))
    finally:
        process.terminate()
        process.wait(timeout=30)
