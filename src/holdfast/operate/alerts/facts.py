"""What was seen of a webhook at one look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.operate.overview import Warned
from holdfast.queue.contract import Depth


@dataclass(frozen=True, slots=True)
class Ends:
    """How attempts ended since this run began."""

    done: int = 0
    retried: int = 0
    dead: int = 0
    expired: int = 0
    """Of the dead: those of which no attempt ended."""

    @property
    def failed(self) -> int:
        return self.retried + self.dead - self.expired

    def since(self, before: Ends) -> Ends:
        """What came to it; nothing where the counts began anew."""
        return Ends(
            max(0, self.done - before.done),
            max(0, self.retried - before.retried),
            max(0, self.dead - before.dead),
            max(0, self.expired - before.expired),
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """One webhook. Times in milliseconds since 1970."""

    waiting: int = 0
    dead: int = 0
    """At rest, without those that were put aside."""
    oldest_ms: int | None = None
    """When the oldest that waits came in."""
    received_ms: int | None = None
    """When something last came in; None: not known."""
    ends: Ends = Ends()
    warnings: tuple[Warned, ...] = ()
    """Of the provider guard."""


def seen(
    webhooks: Sequence[str],
    depths: Sequence[Depth],
    parked: Mapping[str, int],
    received: Mapping[str, int],
    ends: Mapping[str, Ends],
    warnings: Sequence[Warned],
) -> dict[str, Seen]:
    """Everything that is known, by webhook."""
    by_name = {depth.webhook: depth for depth in depths}
    found = {}
    for name in webhooks:
        depth = by_name.get(name, Depth(name, 0, 0, 0, None))
        found[name] = Seen(
            depth.waiting,
            max(0, depth.dead - parked.get(name, 0)),
            depth.oldest_ms,
            received.get(name),
            ends.get(name, Ends()),
            tuple(one for one in warnings if one.webhook == name),
        )
    return found
