"""Comparing the three books: what was promised, what was worked, what the store says. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.senders import Delivery
from holdfast.queue.contract import Entry, State


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts are of accepted messages unless they say otherwise."""

    accepted: int
    processed: int
    settled: int
    """As duplicates of a message that was worked."""
    dead: int
    reasons: Counter[str]
    """Why those are dead letters."""
    lost: Mapping[str, str]
    """Message id -> where it was last seen."""
    twice: tuple[str, ...]
    """Delivery ids that were worked and settled under more than one message."""
    duplicates: int
    unpromised: int
    """Kept without the sender having heard of it: the connection broke before the answer."""

    @property
    def good(self) -> bool:
        return not self.lost and not self.twice and self.accepted > 0


def judge(
    accepted: Mapping[str, Delivery], entries: Iterable[Entry], runs: Mapping[str, int]
) -> Verdict:
    """`runs`: how often a handler finished each message, by its own books."""
    lost = dict.fromkeys(accepted, "nowhere in the store")
    settled = dead = unpromised = 0
    reasons: Counter[str] = Counter()
    worked: Counter[str] = Counter()
    for entry in entries:
        id = entry.message.id
        if id not in accepted:
            unpromised += 1
        elif entry.state is State.DEAD:
            dead += 1
            reasons[entry.reason or "unnamed"] += 1
            del lost[id]
        elif entry.state is State.DONE and entry.duplicate_of in runs:
            settled += 1
            del lost[id]
        elif entry.state is State.DONE and id in runs:
            del lost[id]
        else:
            lost[id] = f"{entry.state} in the store, worked {runs.get(id, 0)} times"
        if entry.state is State.DONE and entry.duplicate_of is None:
            name = entry.message.request.headers.get("x-delivery-id")
            worked.update([name] if name else [])
    return Verdict(
        accepted=len(accepted),
        processed=sum(id in runs for id in accepted),
        settled=settled,
        dead=dead,
        reasons=reasons,
        lost=lost,
        twice=tuple(name for name, count in worked.items() if count > 1),
        duplicates=sum(runs.values()) - len(runs),
        unpromised=unpromised,
    )


def read_books(directory: Path) -> Counter[str]:
    """How often the handlers finished each message, from all processes that ever worked."""
    runs: Counter[str] = Counter()
    for book in directory.iterdir():
        runs.update(book.read_text(encoding="ascii").split())
    return runs
