"""The console's pages over an engine that only holds: what it has can be worked, the rest is said to be missing."""

from __future__ import annotations

import asyncio
import json

import httpx

from gateway_scene import webhook
from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import Compiled
from holdfast.console.access import Access, Sessions, Tokens
from holdfast.console.app import Console
from holdfast.console.pages import WebPages
from holdfast.console.site import Site
from holdfast.message import Failure, Headers, Message, Request, new_message_id
from holdfast.operate.book import CONSOLE, Who
from holdfast.queue.contract import QueueLimits
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry
from holdfast.testing import MemoryEngine
from pages_kit import Read, attributes, read, wrong_with

PLAIN = webhook(
    "/plain",
    workflow={
        "StartAt": "Verify",
        "States": {"Verify": {"Type": "Task", "Resource": "${holdfast:verify}", "End": True}},
    },
)


class NoArchive(MemoryEngine):
    """As a cloud's queue is: it holds, and remembers nothing."""

    abilities = frozenset({"uncount"})


def test_what_the_engine_has_not_is_said() -> None:
    """A queue that only holds: its dead letters can be worked, the rest is told to be missing."""
    engine = NoArchive(clock=SYSTEM_CLOCK)
    engine.configure({"plain": QueueLimits()})
    now = SYSTEM_CLOCK.now_ms()
    id = new_message_id(now)
    request = Request("POST", "/plain", "", Headers.of({}), json.dumps({"a": 1}).encode())
    engine.send([Message(id, "plain", now, request)])
    (lease,) = engine.receive("plain", 1, 60)
    engine.bury(lease.receipt, Failure("KeyError", "no", "Verify", now, 1, "exhausted"))
    secrets = Secrets()
    site = Site(
        store=engine,
        depths=engine,
        compiled=Compiled("plain", (PLAIN,)),
        definition=None,
        access=Access(Tokens([], secrets), Sessions(b"k"), Who("ada", CONSOLE)),
        clock=SYSTEM_CLOCK,
        telemetry=Telemetry(),
        secrets=secrets,
        find_running=lambda: None,
        version="test",
    )
    transport = httpx.ASGITransport(app=Console(site, WebPages(site)))

    async def get(path: str) -> tuple[int, Read]:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get(path)
            assert wrong_with(answer.text) == []
            return answer.status_code, read(answer.text)

    status, groups = asyncio.run(get("/dead"))
    assert status == 200
    (group,) = {one for one in groups.links() if one.startswith("/dead/groups/")}
    status, page = asyncio.run(get(group))
    assert status == 200
    acts = attributes(page, "data-act")
    assert "POST /api/v1/dead/redrive" in acts
    assert "POST /api/v1/dead/park" not in acts
    status, letter = asyncio.run(get(f"/dead/letters/{id}"))
    assert status == 200
    assert f"/events/{id}" not in letter.links()
    status, webhook = asyncio.run(get("/webhooks/plain"))
    assert (status, webhook.has("This engine does not count what states come to.")) == (200, True)
    assert asyncio.run(get("/runs"))[0] == 200
    for path, told in (("/executions", "cannot list executions"), ("/audit", "cannot keep a book")):
        status, missing = asyncio.run(get(path))
        assert (status, missing.has(told)) == (501, True)
