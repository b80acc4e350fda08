"""The definition that `bench.crash` runs: five kinds of work, one of which kills its worker.

Each handler writes down the id of what it has worked, one line, appended before it returns. That
line is in the page cache, which outlives any `kill -9`; so the books are what the handlers did, and
owe nothing to the ledger.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from pathlib import Path
from typing import Any

from holdfast import App, Event, Pipe, Queue, hmac_sha256

app = App("crash")

SIGNED = hmac_sha256("env:CRASH_SECRET", header="X-Signature-256")
PIPE = Pipe(concurrency=16, backoff="50ms", max_backoff="500ms")

_books: dict[int, int] = {}


def note(event: Event[Any]) -> None:
    """This one is worked."""
    pid = os.getpid()
    if pid not in _books:
        path = Path(os.environ["CRASH_BOOKS"]) / str(pid)
        _books[pid] = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(_books[pid], f"{event.id}\n".encode())


@app.webhook("/plain", verify=SIGNED, pipe=PIPE)
async def plain(event: Event[Any]) -> None:
    note(event)


@app.webhook("/threaded", verify=SIGNED, pipe=PIPE)
def threaded(event: Event[Any]) -> None:
    note(event)


@app.webhook("/slow", verify=SIGNED, pipe=PIPE)
async def slow(event: Event[Any]) -> None:
    # So that every kill finds something half done.
    await asyncio.sleep(0.05)
    note(event)


@app.webhook("/shaky", verify=SIGNED, pipe=PIPE)
async def shaky(event: Event[Any]) -> None:
    if event.body["fate"] == "raise" or (event.body["fate"] == "stumble" and event.attempt == 1):
        raise RuntimeError(event.body["fate"])
    note(event)


@app.webhook("/orders", verify=SIGNED, pipe=PIPE, delivery_id="header:X-Delivery-Id")
async def orders(event: Event[Any]) -> None:
    note(event)


@app.webhook("/deadly", verify=SIGNED, pipe=PIPE, queue=Queue(max_receive_count=2))
def deadly(event: Event[Any]) -> None:
    if event.body["fate"] == "exit":
        os._exit(3)
    if event.body["fate"] == "segfault":
        ctypes.string_at(0)
    note(event)
