"""People who watch the console, as their browsers do: a page with all of its files, its stream, and each part of
the page anew when the stream tells of something, about once a second at the most (static/live.js)."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Final

import httpx

WATCHED: Final = (
    "/", "/events", "/webhooks/users", "/", "/events", "/webhooks", "/dead", "/events?webhook=users",
    "/executions", "/",
)  # fmt: skip
"""What each of them looks at."""

REST_SECONDS: Final = 0.9
REST_SHARE: Final = 4.0
"""Between two fetches of a part: as long as that, or so many times what the last one took."""

_FILES: Final = re.compile(r'<(?:link|script)[^>]* (?:href|src)="([^"]+)"')
_PARTS: Final = re.compile(r'data-live="([^"]*)" data-fragment="([^"]*)"')


@dataclass(slots=True)
class Part:
    kinds: frozenset[str]
    name: str
    rests_until: float = 0.0


@dataclass(slots=True)
class Viewer:
    """`heard`: how often it was told of something; `fetched`: how many parts it had anew."""

    url: str
    path: str
    heard: int = 0
    fetched: int = 0
    parts: list[Part] = field(default_factory=list)

    def watch(self, ready: threading.Barrier, over: threading.Event) -> None:
        with httpx.Client(base_url=self.url, timeout=30) as client:
            page = client.get(self.path).raise_for_status().text
            for file in _FILES.findall(page):
                client.get(unescape(file)).raise_for_status()
            self.parts = [Part(frozenset(k.split()), name) for k, name in _PARTS.findall(page)]
            with client.stream("GET", "/api/v1/stream") as stream:
                lines = stream.iter_lines()
                next(lines)
                ready.wait()
                for line in lines:
                    if over.is_set():
                        return
                    if line.startswith("event: "):
                        self._told(client, line.removeprefix("event: "))

    def _told(self, client: httpx.Client, kind: str) -> None:
        self.heard += kind == "changes"
        for part in self.parts:
            began = time.monotonic()
            if kind not in part.kinds or began < part.rests_until:
                continue
            answer = client.get(self.path, headers={"X-Holdfast-Fragment": part.name})
            answer.raise_for_status()
            ended = time.monotonic()
            part.rests_until = ended + max(REST_SECONDS, REST_SHARE * (ended - began))
            self.fetched += 1


@contextlib.contextmanager
def watching(port: int) -> Iterator[list[Viewer]]:
    """All of them, from when each has its page and hears the stream until the end."""
    over = threading.Event()
    ready = threading.Barrier(len(WATCHED) + 1, timeout=60)
    viewers = [Viewer(f"http://127.0.0.1:{port}", path) for path in WATCHED]
    threads = [threading.Thread(target=one.watch, args=(ready, over)) for one in viewers]
    for thread in threads:
        thread.start()
    ready.wait()
    try:
        yield viewers
    finally:
        over.set()
        for thread in threads:
            thread.join()
