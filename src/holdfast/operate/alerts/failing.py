"""What fails most at a webhook, named so that a message may hold it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from holdfast.operate.groups import Bench, Order, count_groups, described
from holdfast.queue.contract import Filter
from holdfast.queue.views import GroupCount

SHOWN: Final = 3

# A workflow may take the name of an error from an event; what looks like a name is told, no other.
_NAME: Final = re.compile(r"[A-Za-z_][\w.]{0,79}")


@dataclass(frozen=True, slots=True)
class Failing:
    """`groups`: the largest, in a line each. `group`: the id of the only one; None: there are more."""

    groups: tuple[str, ...]
    group: str | None


def failing(bench: Bench, webhook: str) -> Failing:
    """The groups of its dead letters: how many, where, with which error. No message of an error: it
    may repeat what a sender sent."""
    counts = count_groups(bench, Filter(webhook=webhook, parked=False), Order.LARGEST)
    told = [_told(bench, one) for one in counts[:SHOWN]]
    left = len(counts) - len(told)
    if left:
        told.append(f"and {left:,} more group{'' if left == 1 else 's'}")
    return Failing(tuple(told), counts[0].fingerprint if len(counts) == 1 else None)


def _told(bench: Bench, group: GroupCount) -> str:
    state, error = "", ""
    for letter in bench.browse(Filter(id=group.newest), None, 1):
        state, error, _ = described(letter)
    where = f" in {state}" if state else ""
    name = _named(error or group.reason)
    return f"{group.count:,} x {name}{where} (group {group.fingerprint[:8]})"


def _named(error: str) -> str:
    return error if _NAME.fullmatch(error) else "an error without a name"
