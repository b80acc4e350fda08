"""Hears of new mail: SQS is asked to wait for it, on threads of their own.

A verb must not wait, since others stand behind it; and asking again and again costs money. So once
a queue was found empty it is asked once more, for as long as ten seconds, in the background. What
comes of that is held here until somebody receives, and the bell rings.

A call that waits cannot be broken off: SQS would hide what it had already handed out, for the
length of a lease. So closing waits until the last of them has come back, and gives back what it
brought.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from holdfast.clock import Clock
from holdfast.errors import StoreError
from holdfast.message import Lease

LISTEN_SECONDS: Final = 10
"""Asking for longer would be cheaper; but so long a worker that is asked to stop may have to wait."""

Poll = Callable[[str, int, float, int], list[Lease]]
"""(webhook, limit, lease_seconds, wait_seconds): what SQS hands out. Raises StoreError."""


@dataclass(slots=True)
class _Ear:
    """What is known of one webhook's queue."""

    asking: bool = False
    dry: bool = False
    """It was empty when it was last asked."""
    heard: deque[tuple[Lease, float]] = field(default_factory=deque)


class Listener:
    """`descriptor` turns readable when there is mail. Safe to use from any thread."""

    def __init__(self, poll: Poll, clock: Clock, *, wait_seconds: int = LISTEN_SECONDS) -> None:
        self._poll = poll
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._guard = threading.Lock()
        self._ears: dict[str, _Ear] = {}
        self._threads: set[threading.Thread] = set()
        self._closed = False
        self.descriptor, self._ringer = os.pipe()
        for end in (self.descriptor, self._ringer):
            os.set_blocking(end, False)

    def receive(self, webhook: str, limit: int, lease_seconds: float) -> list[tuple[Lease, float]]:
        """What there is now, and how long ago each was handed out. Raises StoreError."""
        with self._guard:
            ear = self._ears.setdefault(webhook, _Ear())
            if ear.heard:
                now = self._clock.monotonic()
                taken = [ear.heard.popleft() for _ in range(min(limit, len(ear.heard)))]
                return [(lease, now - at) for lease, at in taken]
            if ear.asking or self._closed:
                return []
            if ear.dry:
                self._ask(webhook, ear, limit, lease_seconds)
                return []
        leases = self._poll(webhook, limit, lease_seconds, 0)
        if not leases:
            with self._guard:
                if not ear.asking and not self._closed:
                    self._ask(webhook, ear, limit, lease_seconds)
        return [(lease, 0.0) for lease in leases]

    def close(self) -> list[Lease]:
        """Ask no more; what was heard and nobody received."""
        with self._guard:
            self._closed = True
            threads = [*self._threads]
        for thread in threads:
            thread.join()
        with self._guard:
            left = [lease for ear in self._ears.values() for lease, _ in ear.heard]
            self._ears.clear()
        os.close(self.descriptor)
        os.close(self._ringer)
        return left

    def drain(self, webhook: str) -> Sequence[Lease]:
        """What was heard for a webhook that nobody is to work just now."""
        with self._guard:
            ear = self._ears.get(webhook)
            if ear is None:
                return ()
            left = [lease for lease, _ in ear.heard]
            ear.heard.clear()
            return left

    def _ask(self, webhook: str, ear: _Ear, limit: int, lease_seconds: float) -> None:
        thread = threading.Thread(
            target=self._wait,
            args=(webhook, ear, limit, lease_seconds),
            name=f"holdfast-sqs-{webhook}",
            daemon=True,
        )
        ear.asking = True
        self._threads.add(thread)
        thread.start()

    def _wait(self, webhook: str, ear: _Ear, limit: int, lease_seconds: float) -> None:
        leases: list[Lease] = []
        failed = False
        try:
            leases = self._poll(webhook, limit, lease_seconds, self._wait_seconds)
        except StoreError:
            failed = True  # whoever receives next asks directly, and hears of it
        finally:
            with self._guard:
                now = self._clock.monotonic()
                ear.heard.extend((lease, now) for lease in leases)
                ear.asking, ear.dry = False, not leases and not failed
                self._threads.discard(threading.current_thread())
                if not self._closed:
                    with contextlib.suppress(BlockingIOError):
                        os.write(self._ringer, b"\0")
