"""Which dead letters or events an operator means, and doing something to many of them in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from holdfast.clock import Clock
from holdfast.operate import lookup
from holdfast.operate.groups import Bench, group, walk_letters
from holdfast.queue.contract import Archive, Filter

CHUNK: Final = 100


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


def dead_ids(bench: Bench, selection: Selection, now_ms: int) -> list[str]:
    """The dead letters meant, oldest first, as of now: one that dies again meanwhile is not
    taken twice. Raises NotFound where an id is no dead letter, or a group is none."""
    if selection.ids:
        return _once(lookup.dead_letter(bench, id).message.id for id in selection.ids)
    filter = selection.filter
    lookup.known_webhook(bench, filter.webhook)
    if filter.group is not None:
        # The beginning of its id will do; letters are found by all of it.
        filter = replace(filter, group=group(bench, filter.group).id)
    letters = walk_letters(bench, _as_of(filter, now_ms))
    return list(islice((letter.message.id for letter in letters), selection.limit))


def event_ids(archive: Archive, selection: Selection, now_ms: int) -> list[str]:
    """The events meant, oldest first, as of now. Raises NotFound where there is no event of an id.

    Ids and not events: history may hold far more than memory does.
    """
    if selection.ids:
        return _once(lookup.event(archive, id).message.id for id in selection.ids)
    return list(islice(_walk(archive, _as_of(selection.filter, now_ms)), selection.limit))


def _walk(archive: Archive, filter: Filter) -> Iterator[str]:
    after: str | None = None
    while page := archive.events(filter, after, CHUNK):
        yield from (entry.message.id for entry in page)
        after = page[-1].message.id


def _as_of(filter: Filter, now_ms: int) -> Filter:
    until = min(filter.until_ms or now_ms + 1, now_ms + 1)
    return replace(filter, until_ms=until, newest_first=False)


def _once(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))


async def in_order(
    ids: Sequence[str],
    act: Callable[[Sequence[str]], int],
    *,
    rate: float | None,
    clock: Clock,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """`act` on the ids in small chunks, at most `rate` a second; it answers how many it did.

    Each chunk is durable by itself. Cancelled, it finishes the chunk that is under way and says
    how far it got; the rest stay as they were.
    """
    size = CHUNK if rate is None else max(1, min(CHUNK, int(rate)))
    began, done = clock.monotonic(), 0
    try:
        for start in range(0, len(ids), size):
            if rate is not None:
                await asyncio.sleep(began + start / rate - clock.monotonic())
            acting = asyncio.ensure_future(asyncio.to_thread(act, ids[start : start + size]))
            try:
                done += await asyncio.shield(acting)
            except asyncio.CancelledError:
                done += await acting
                raise
            on_progress(min(start + size, len(ids)))
    except asyncio.CancelledError:
        return Outcome(len(ids), done, cancelled=True)
    return Outcome(len(ids), done)
