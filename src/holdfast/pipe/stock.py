"""What was received and has not started: how much of it to hold, and what goes next. Pure.

How much to hold is learned from how long messages lie here before they start. A fast handler
should never wait for the store, so the stock doubles while they start almost at once; what lies
here cannot be worked by another process, so it halves once they wait for longer. Ten handlers that
take a second each come to one or two messages; one that takes a microsecond comes to `AHEAD_MAX`
after nine receives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from holdfast.message import Lease, Receipt
from holdfast.pipe.batch import ready

AHEAD_MAX: Final = 256
"""Messages beyond what may run at once: past this, larger receives gain nothing."""

SOON_SECONDS: Final = 0.05
"""Where messages start within this time, more of them can be held."""

LATE_SECONDS: Final = 0.25
"""A message that lay here for longer should have been left to others."""


class Stock:
    """Messages in the order in which they came; those to be worked alone go first, one by one.

    batch: how many go together at most. window_seconds: how long an incomplete batch waits.
    """

    def __init__(self, batch: int, window_seconds: float) -> None:
        self._batch = batch
        self._window_seconds = window_seconds
        self._least = batch if window_seconds > 0 else 0
        self._ahead = self._least
        self._more = False
        self._soon = False
        self._plain: deque[tuple[Lease, float]] = deque()
        self._alone: deque[Lease] = deque()

    def __len__(self) -> int:
        return len(self._plain) + len(self._alone)

    def __iter__(self) -> Iterator[Lease]:
        yield from self._alone
        for lease, _ in self._plain:
            yield lease

    def order(self, free: int) -> int:
        """How many to receive now, where `free` more could run at once; below 1: none yet."""
        if self._more and self._soon:
            self._more = self._soon = False  # once for each receive, and on fresh evidence only
            self._ahead = min(AHEAD_MAX, max(1, 2 * self._ahead))
        held, wanted = len(self), free + self._ahead
        # Half empty at least: many receives of one message each would cost more than they bring.
        return wanted - held if 2 * held <= wanted else 0

    def add(self, leases: Sequence[Lease], ordered: int, now: float) -> None:
        """These came of an order of `ordered`; if that many, there are probably more."""
        self._more = len(leases) >= ordered
        for lease in leases:
            if lease.alone:
                self._alone.append(lease)
            else:
                self._plain.append((lease, now))

    def take(self, free: int, now: float) -> list[Lease]:
        """The next batch, out of the stock; empty where none is to go now."""
        if free < 1:
            return []
        if self._alone:
            return [self._alone.popleft()]
        if not self._plain:
            return []
        size = min(len(self._plain), self._batch)
        waited = now - self._plain[0][1]
        if not ready(size, waited, self._batch, self._window_seconds):
            return []
        if size > free:
            if self._window_seconds > 0:  # whoever asks for a window wants whole batches
                return []
            size = free
        self._soon = waited < self._window_seconds + SOON_SECONDS
        if waited > self._window_seconds + LATE_SECONDS:
            self._ahead = max(self._least, self._ahead // 2)
        return [self._plain.popleft()[0] for _ in range(size)]

    def due_seconds(self, now: float) -> float | None:
        """When an incomplete batch goes, from now; None where nothing waits for its window."""
        if not self._plain or self._window_seconds <= 0:
            return None
        left = self._plain[0][1] + self._window_seconds - now
        return left if left > 0 else None

    def remove(self, receipt: Receipt) -> Lease | None:
        """Take this one out, if it is here."""
        found = next((lease for lease in self if lease.receipt == receipt), None)
        if found is not None:
            self._alone = deque(lease for lease in self._alone if lease is not found)
            self._plain = deque(entry for entry in self._plain if entry[0] is not found)
        return found

    def clear(self) -> list[Lease]:
        """Take everything out."""
        leases = list(self)
        self._alone.clear()
        self._plain.clear()
        return leases
