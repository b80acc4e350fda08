"""Which dead letters or events an operator means, and doing something to many of them in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from holdfast.clock import Clock
from holdfast.errors import NotFound
from holdfast.queue.contract import Archive, Entry, Filter, Operator, walk

CHUNK: Final = 100

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Selection:
    """Ids, or a filter, and at most how many. Nothing given means everything."""

    ids: tuple[str, ...] = ()
    filter: Filter = field(default_factory=Filter)
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many were selected, and how many of those were done. `cancelled`: stopped before the end."""

    selected: int
    done: int
    cancelled: bool = False


def dead_ids(operator: Operator, selection: Selection, now_ms: int) -> list[str]:
    """The dead letters meant, oldest first, as of now: one that dies again meanwhile is not
    taken twice. Raises NotFound where an id is no dead letter."""
    if selection.ids:
        for id in selection.ids:
            if not operator.browse(Filter(id=id), None, 1):
                raise NotFound(f"no dead letter {id}")
        return list(selection.ids)
    until = min(selection.filter.until_ms or now_ms + 1, now_ms + 1)
    wanted = replace(selection.filter, until_ms=until, newest_first=False)
    found = (letter.message.id for letter in walk(operator, wanted))
    return list(_first(found, selection.limit))


def events(archive: Archive, selection: Selection) -> list[Entry]:
    """The events meant, oldest first. Raises NotFound where there is no event of an id."""
    if selection.ids:
        entries = []
        for id in selection.ids:
            found = archive.events(Filter(id=id), None, 1)
            if not found:
                raise NotFound(f"no event {id}")
            entries += found
        return entries
    return list(_first(_walk_events(archive, selection.filter), selection.limit))


def _walk_events(archive: Archive, filter: Filter) -> Iterator[Entry]:
    after: str | None = None
    wanted = replace(filter, newest_first=False)
    while page := archive.events(wanted, after, CHUNK):
        yield from page
        after = page[-1].message.id


def _first(items: Iterator[Item], limit: int | None) -> Iterator[Item]:
    for index, item in enumerate(items):
        if limit is not None and index >= limit:
            return
        yield item


async def in_order(
    items: Sequence[Item],
    act: Callable[[Sequence[Item]], int],
    *,
    rate: float | None,
    clock: Clock,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """`act` on the items in small chunks, at most `rate` a second; it answers how many it did.

    Each chunk is durable by itself, so that stopping anywhere leaves the rest as they were.
    """
    size = CHUNK if rate is None else max(1, min(CHUNK, int(rate)))
    began, done = clock.monotonic(), 0
    for start in range(0, len(items), size):
        if rate is not None:
            ahead = began + start / rate - clock.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)
        chunk = items[start : start + size]
        try:
            done += await asyncio.to_thread(act, chunk)
        except asyncio.CancelledError:
            return Outcome(len(items), done, cancelled=True)
        on_progress(start + len(chunk))
    return Outcome(len(items), done)
