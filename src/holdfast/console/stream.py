"""What happens, told to everybody who watches, as server-sent events.

One look at the store serves all viewers: while there is any, a few times a second, and not at all
while there is none. Each viewer has a short queue. Who does not read fast enough loses what is in
it and is told so (`gap`); it then loads anew. Nobody's slowness holds up anyone else.

The id of each event is the store's cursor. A viewer that comes back with it is told what happened
since, from the store and not from memory, so that a restart of the console makes no difference.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from holdfast.console.problems import encoded
from holdfast.console.rows import moment, run_fields
from holdfast.console.site import Site
from holdfast.errors import StoreError
from holdfast.operate.abilities import archive_of, watch_of
from holdfast.operate.fields import instant
from holdfast.operate.finding import type_of
from holdfast.operate.runs import Run
from holdfast.queue.contract import Depth, Filter
from holdfast.queue.views import Arrived, Changes, Ended, Watch

LOOK_SECONDS: Final = 0.5
DEPTH_SECONDS: Final = 1.0
RUN_SECONDS: Final = 0.4
BEAT_SECONDS: Final = 15.0
"""A comment, so that proxies and browsers do not take a quiet stream for a dead one."""

LISTED: Final = 100
"""Changes of each kind in one event; what is beyond is counted."""

TYPED: Final = 20
TYPED_BYTES: Final = 64 * 1024
"""Of the newest arrivals, as many are opened to tell their type, none of them larger."""

QUEUE: Final = 64
"""Events that wait for a viewer before it is told that it is too slow."""

RECENT: Final = 2_000


@dataclass(slots=True)
class Told:
    """One event, not written out yet: viewers of one webhook are told of that one only."""

    kind: str
    data: dict[str, Any]
    cursor: str | None = None

    def text(self, webhook: str | None) -> bytes | None:
        """As it goes over the wire; None: nothing in it concerns this viewer."""
        data = self.data
        if webhook is not None:
            data = _about(self.kind, data, webhook)
            if not data:
                return None
        head = f"id: {self.cursor}\n" if self.cursor else ""
        # JSON holds no line breaks, so one `data:` line it is.
        return f"{head}event: {self.kind}\ndata: ".encode() + encoded(data) + b"\n\n"


def _about(kind: str, data: dict[str, Any], webhook: str) -> dict[str, Any]:
    if kind == "changes":
        kept = {
            name: [one for one in data[name] if one["webhook"] == webhook]
            for name in ("arrived", "ended", "refused")
        }
        return {**kept, "missed": data["missed"]} if any(kept.values()) or data["missed"] else {}
    if kind == "depth":
        return {**data, "webhooks": [one for one in data["webhooks"] if one["name"] == webhook]}
    if kind == "run":
        return data if webhook in data["webhooks"] else {}
    return data


@dataclass(slots=True, eq=False)
class _Viewer:
    webhook: str | None
    waiting: deque[Told] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    lost: bool = False

    def tell(self, told: Told) -> None:
        if len(self.waiting) >= QUEUE:
            self.waiting.clear()
            self.lost = True
        self.waiting.append(told)
        self.news.set()


class Hub:
    """Lives on one event loop. `listen` is one viewer's stream."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._watch: Watch | None = watch_of(site.depths)
        self._viewers: set[_Viewer] = set()
        self._looking: asyncio.Task[None] | None = None
        self._cursor: str | None = None
        self._recent: dict[tuple[str, str, int], None] = {}
        self._depths: list[dict[str, Any]] = []
        self._runs: dict[str, tuple[str, float]] = {}
        """Of those that are under way: the last stage that was told, and when."""
        self._stopped = asyncio.Event()

    @property
    def viewers(self) -> int:
        return len(self._viewers)

    async def stop(self) -> None:
        """End every stream."""
        self._stopped.set()
        for viewer in self._viewers:
            viewer.news.set()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def run_stepped(self, run: Run) -> None:
        """Tell how far a run is: each new stage, and what is sent in between, now and then."""
        now = self._site.clock.monotonic()
        stage, told_at = self._runs.get(run.id, ("", 0.0))
        if run.stage.value == stage and now - told_at < RUN_SECONDS:
            return
        self._runs[run.id] = run.stage.value, now
        if not run.active:
            del self._runs[run.id]
        self._tell(Told("run", dict(run_fields(run)), self._cursor))

    async def listen(
        self,
        cursor: str | None,
        webhook: str | None,
        may: Callable[[], bool] = lambda: True,
    ) -> AsyncGenerator[bytes, None]:
        """One viewer's stream, from `cursor` on, until it goes away or the console stops, or it no
        longer `may`: that is asked before anything is told, since a token can be revoked."""
        viewer = _Viewer(webhook)
        try:
            yield await self._hello(viewer, cursor)
            while not self._stopped.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_SECONDS):
                        await viewer.news.wait()
                viewer.news.clear()
                if not may():
                    return
                if viewer.lost:
                    viewer.lost = False
                    yield Told("gap", {"reason": "read too slowly"}, self._cursor).text(None) or b""
                if not viewer.waiting:
                    yield b": still here\n\n"
                while viewer.waiting:
                    text = viewer.waiting.popleft().text(webhook)
                    if text is not None:
                        yield text
        finally:
            self._viewers.discard(viewer)
            if not self._viewers and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _hello(self, viewer: _Viewer, cursor: str | None) -> bytes:
        """Where one is now, and what was missed since the cursor."""
        if self._looking is None:
            self._cursor = None  # nobody watched meanwhile
            self._looking = asyncio.get_running_loop().create_task(self._look())
        if self._cursor is None and self._watch is not None:
            begin = (await self._site.look(self._watch.changes, None)).cursor
            self._cursor = self._cursor or begin
        # From here on it is told: what happens while the greeting is written comes after it.
        self._viewers.add(viewer)
        here = self._cursor
        text = b"retry: 2000\n\n"
        hello = {
            "now": moment(self._site.clock.now_ms()),
            "live": self._watch is not None,
            "look_seconds": LOOK_SECONDS,
        }
        text += Told("hello", hello, here).text(None) or b""
        if cursor is not None and self._watch is not None and cursor != here:
            since = await self._site.look(self._watch.changes, cursor, LISTED)
            text += (await self._told(since, fresh=False)).text(viewer.webhook) or b""
        depths = await self._site.look(self._read_depths)
        if depths != self._depths:
            # Or a viewer that is told these would not be told of a return to those.
            self._tell_depths(depths)
        text += Told("depth", {"webhooks": depths}).text(viewer.webhook) or b""
        return text

    async def _look(self) -> None:
        clock = self._site.clock
        depths_at = clock.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(StoreError):
                if self._watch is not None:
                    changes = await self._site.look(self._watch.changes, self._cursor, LISTED)
                    told = await self._told(changes, fresh=True)
                    self._cursor = changes.cursor
                    if told.data["missed"] or any(
                        told.data[name] for name in ("arrived", "ended", "refused")
                    ):
                        self._tell(told)
                if clock.monotonic() - depths_at >= DEPTH_SECONDS:
                    depths_at = clock.monotonic()
                    depths = await self._site.look(self._read_depths)
                    if depths != self._depths:
                        self._tell_depths(depths)

    def _tell_depths(self, depths: list[dict[str, Any]]) -> None:
        self._depths = depths
        self._tell(Told("depth", {"webhooks": depths}, self._cursor))

    def _tell(self, told: Told) -> None:
        for viewer in self._viewers:
            viewer.tell(told)

    async def _told(self, changes: Changes, *, fresh: bool) -> Told:
        """`fresh`: what was told a moment ago is left out."""
        ended = [one for one in changes.ended if not fresh or self._is_new(one)]
        types = await self._site.look(self._types, changes.arrived[-TYPED:])
        return Told(
            "changes",
            {
                "arrived": [
                    {
                        "id": one.id,
                        "webhook": one.webhook,
                        "at": moment(one.at_ms),
                        "bytes": one.bytes,
                        "replay_of": one.replay_of,
                        "type": types.get(one.id),
                    }
                    for one in changes.arrived
                ],
                "ended": [
                    {
                        "id": one.id,
                        "webhook": one.webhook,
                        "at": moment(one.at_ms),
                        "state": one.state.value,
                        "reason": one.reason,
                        "duplicate_of": one.duplicate_of,
                    }
                    for one in ended
                ],
                "refused": [
                    {
                        "id": one.id,
                        "webhook": one.webhook,
                        "at": moment(one.at_ms),
                        "status": one.status,
                        "reason": one.reason,
                    }
                    for one in changes.refused
                ],
                "missed": changes.missed,
            },
            changes.cursor,
        )

    def _is_new(self, one: Ended) -> bool:
        key = one.id, one.state.value, one.at_ms
        if key in self._recent:
            return False
        self._recent[key] = None
        while len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]
        return True

    def _types(self, arrived: Sequence[Arrived]) -> dict[str, str | None]:
        """Of those few that can be looked at without effort."""
        archive = archive_of(self._site.depths)
        found: dict[str, str | None] = {}
        for one in arrived:
            webhook = self._site.webhook(one.webhook)
            if archive is None or webhook is None or not webhook.event_type:
                continue
            if one.bytes <= TYPED_BYTES:
                for entry in archive.events(Filter(id=one.id), None, 1):
                    found[one.id] = type_of(entry, webhook)
        return found

    def _read_depths(self) -> list[dict[str, Any]]:
        pauses = self._site.depths.pauses()
        return [_depth(one, paused=one.webhook in pauses) for one in self._site.depths.depth()]


class EventStream(StreamingResponse):
    """A viewer's stream as an answer. However it ends, the viewer is gone with it: a generator that
    waits at a `yield` for a reader that does not read would otherwise live until it is collected."""

    def __init__(self, told: AsyncGenerator[bytes, None]) -> None:
        super().__init__(
            told,
            media_type="text/event-stream",
            # Proxies that collect answers would hold events back.
            headers={"x-accel-buffering": "no"},
        )
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._told.aclose()


def _depth(depth: Depth, *, paused: bool) -> dict[str, Any]:
    return {
        "name": depth.webhook,
        "waiting": depth.waiting,
        "leased": depth.leased,
        "dead": depth.dead,
        "oldest": instant(depth.oldest_ms),
        "paused": paused,
    }
