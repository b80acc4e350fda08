"""Dead letters as the few problems that they are: by webhook, reason, failing state and error.

An engine with a desk counts its groups itself, in a moment for a hundred thousand letters. For any
other the letters are walked: the same groups, as fast as that goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from holdfast.errors import NotFound
from holdfast.message import DeadLetter
from holdfast.operate.abilities import Able, desk_of
from holdfast.queue.contract import Filter, Operator, walk
from holdfast.queue.fingerprint import failure_message, fingerprint, normalised
from holdfast.queue.views import GroupCount

PAGE: Final = 50
"""Letters in memory at once, each with its body."""

SHOWN: Final = 100
"""How many groups are looked up in full where nobody says otherwise."""


class Order(StrEnum):
    """Which group comes first."""

    RECENT = "recent"
    """That which failed last."""
    LARGEST = "largest"
    OLDEST = "oldest"
    """That which has failed for the longest time."""


_RANKS: Final[Mapping[Order, Callable[[GroupCount], int]]] = {
    Order.RECENT: lambda one: -one.last_ms,
    Order.LARGEST: lambda one: -one.count,
    Order.OLDEST: lambda one: one.first_ms,
}


class LetterOrder(StrEnum):
    """Which letter comes first: that which died last, or that which has been dead the longest."""

    RECENT = "recent"
    OLDEST = "oldest"

    def over(self, filter: Filter) -> Filter:
        """The filter, with its letters in this order."""
        return replace(filter, by_death=True, newest_first=self is LetterOrder.RECENT)


class Bench(Operator, Able, Protocol):
    """The operator's view of an engine that says what it can."""


@dataclass(frozen=True, slots=True)
class Group:
    """Letters that fail alike. `message` is what they have in common, `example` the newest."""

    id: str
    webhook: str
    reason: str
    state: str
    error: str
    message: str
    count: int
    first_ms: int
    last_ms: int
    example: DeadLetter


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that are shown; how many groups and letters there are in all."""

    shown: tuple[Group, ...]
    groups: int
    letters: int


def groups(
    bench: Bench,
    filter: Filter | None = None,
    limit: int = SHOWN,
    order: Order = Order.RECENT,
) -> Groups:
    """What fails, over all dead letters that match. Those put aside are left out unless asked for."""
    counts = count_groups(bench, filter or Filter(parked=False), order)
    shown = [_described(bench, count) for count in counts[:limit]]
    return Groups(
        tuple(one for one in shown if one is not None),
        len(counts),
        sum(count.count for count in counts),
    )


def group(bench: Bench, id: str, *, parked: bool | None = None) -> Group:
    """The group of this id, or the only one whose id begins so. Raises NotFound."""
    counts = count_groups(bench, Filter(parked=parked))
    found = [one for one in counts if one.fingerprint.startswith(id.lower())] if id else []
    exact = [one for one in found if one.fingerprint == id.lower()]
    if len(found) > 1 and not exact:
        raise NotFound(f"{id} is the beginning of several groups, such as {found[0].fingerprint}")
    told = _described(bench, (exact or found)[0]) if found else None
    if told is None:
        raise NotFound(f"no group {id}; `holdfast dead groups` lists those that there are")
    return told


def count_groups(bench: Bench, filter: Filter, order: Order = Order.RECENT) -> list[GroupCount]:
    """All of them, counted only. Of those that rank alike, the one that failed last comes first."""
    desk = desk_of(bench)
    counts = _walked(bench, filter) if desk is None else desk.groups(filter)
    recent = sorted(counts, key=lambda one: (-one.last_ms, one.fingerprint))
    return sorted(recent, key=_RANKS[order])


def _walked(bench: Bench, filter: Filter) -> Iterable[GroupCount]:
    found: dict[str, GroupCount] = {}
    for letter in walk_letters(bench, replace(filter, newest_first=True)):
        name, died = name_of(letter), letter.died_at_ms
        known = found.get(name)
        if known is None:
            webhook, id = letter.message.webhook, letter.message.id
            found[name] = GroupCount(name, webhook, letter.reason, 1, died, died, id)
        else:
            found[name] = replace(
                known,
                count=known.count + 1,
                first_ms=min(known.first_ms, died),
                last_ms=max(known.last_ms, died),
            )
    return found.values()


def name_of(letter: DeadLetter) -> str:
    """The group that a letter belongs to."""
    return fingerprint(letter.message.webhook, letter.reason, letter.failure)


def letters(
    bench: Bench, filter: Filter, after: str | None = None, limit: int = 50
) -> list[DeadLetter]:
    """A page of dead letters, also by group, on any engine."""
    if desk_of(bench) is not None:
        return bench.browse(filter, after, limit)
    found: list[DeadLetter] = []
    for letter in walk_letters(bench, filter, after):
        found.append(letter)
        if len(found) == limit:
            break
    return found


def walk_letters(bench: Bench, filter: Filter, after: str | None = None) -> Iterator[DeadLetter]:
    """Every dead letter that matches, also by group, on any engine."""
    if desk_of(bench) is not None:
        yield from walk(bench, filter, PAGE, after)
        return
    if filter.parked:
        return
    name = filter.group
    for letter in walk(bench, replace(filter, group=None, parked=None), PAGE, after):
        if name is None or name_of(letter) == name:
            yield letter


def described(letter: DeadLetter) -> tuple[str, str, str]:
    """Failing state, error, and what the message says of all of its group."""
    failure = letter.failure
    if failure is None:
        return "", "", ""
    return failure.state, failure.error, normalised(failure_message(failure.cause))


def _described(bench: Operator, count: GroupCount) -> Group | None:
    examples: Sequence[DeadLetter] = bench.browse(Filter(id=count.newest), None, 1)
    if not examples:
        return None  # gone in the meantime
    (example,) = examples
    state, error, message = described(example)
    return Group(
        count.fingerprint,
        count.webhook,
        count.reason,
        state,
        error,
        message,
        count.count,
        count.first_ms,
        count.last_ms,
        example,
    )
