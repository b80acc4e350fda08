"""What workflows do, in Python functions written by hand: the measure of what a workflow adds.

Each reads the message as Verify does, has a time limit, and hands on results as JSON.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from holdfast.compiled import CompiledWebhook
from holdfast.message import Lease
from holdfast.workflow.input import Delivery

Call = Callable[[], Awaitable[object]]
Task = Callable[[Any], Awaitable[Any]]

LIMIT_SECONDS = 300


def _read(webhook: CompiledWebhook, lease: Lease) -> tuple[Delivery, Any]:
    """What Verify does: the body is read and judged, and the input made."""
    delivery = Delivery(webhook, lease.message, lease.receive_count, None)
    delivery.validate()
    built, _ = delivery.input()
    return delivery, built


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def steps(webhook: CompiledWebhook, lease: Lease, task: Task, count: int) -> Call:
    """The task that many times, one after the other, each time given the event."""

    async def run() -> Any:
        async with asyncio.timeout(LIMIT_SECONDS):
            delivery, _ = _read(webhook, lease)
            result = None
            for _ in range(count):
                result = _plain(await task(delivery.event(None)))
            return result

    return run


def each(webhook: CompiledWebhook, lease: Lease, task: Task) -> Call:
    """The task for every item, side by side; what fails is caught."""

    async def one(item: Any) -> Any:
        try:
            return _plain(await task(_plain(item)))
        except Exception as error:
            return {"Error": type(error).__name__, "Cause": str(error)}

    async def run() -> Any:
        async with asyncio.timeout(LIMIT_SECONDS):
            _, built = _read(webhook, lease)
            return await asyncio.gather(*map(one, built["body"]["items"]))

    return run


def code(count: int) -> str:
    """Python of as many steps as `mixed` has, with the same in each."""
    body = "".join(
        (
            f"""
        try:
            given = {{"id": x["id"], "text": "%s: %s" % (x["id"], x["body"]["name"])}}
            for attempt in range(3):
                try:
                    x = {{**x, "result": await nothing(given)}}
                    break
                except Busy:
                    await sleep(2 ** attempt)
        except Exception as error:
            return {{**x, "error": str(error), "at": {number}}}
""",
            '        x = {"name": x["body"]["name"], "kind": "x"}\n',
            '        if x["body"]["age"] < 18:\n            return x\n',
            '        await sleep(x["body"]["seconds"])\n',
        )[number % 4]
        for number in range(count - 1)
    )
    return f"async def work(x):\n    async with timeout(300):\n{body}        return x\n"
