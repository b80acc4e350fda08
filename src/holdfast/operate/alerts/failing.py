"""What fails most at a webhook, named so that a message may hold it."""

from __future__ import annotations

import re
from typing import Final

from holdfast.operate.groups import Bench, groups
from holdfast.queue.contract import Filter

SHOWN: Final = 3

# A workflow may take the name of an error from an event; what looks like a name is told, no other.
_NAME: Final = re.compile(r"[A-Za-z_][\w.]{0,79}")


def failing(bench: Bench, webhook: str) -> tuple[str, ...]:
    """The largest groups of its dead letters: how many, where, with which error. No message of an
    error: it may repeat what a sender sent."""
    found = groups(bench, Filter(webhook=webhook, parked=False), limit=SHOWN)
    told = [
        f"{one.count:,} x {_named(one.error or one.reason)}"
        + (f" in {one.state}" if one.state else "")
        + f" (group {one.id[:8]})"
        for one in sorted(found.shown, key=lambda group: -group.count)
    ]
    if found.groups > len(told):
        told.append(f"and {found.groups - len(told):,} more groups")
    return tuple(told)


def _named(error: str) -> str:
    return error if _NAME.fullmatch(error) else "an error without a name"
