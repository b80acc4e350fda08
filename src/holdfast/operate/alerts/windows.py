"""How attempts ended within the last minutes, from totals that only grow."""

from __future__ import annotations

from collections import deque
from typing import Final

from holdfast.operate.alerts.facts import Ends

STEPS: Final = 60
"""Totals that are remembered of a window, so that a day costs no more than a minute."""


class Window:
    """One webhook's last `seconds`. No clock: the time comes with the totals."""

    def __init__(self, seconds: float) -> None:
        self._length_ms = round(seconds * 1000)
        self._step_ms = self._length_ms // STEPS
        self._samples: deque[tuple[int, Ends]] = deque()
        self._latest = Ends()

    def take(self, totals: Ends, now_ms: int) -> None:
        samples = self._samples
        if samples and now_ms < samples[-1][0]:
            samples.clear()  # somebody set the clock back
        if not samples or now_ms - samples[-1][0] >= self._step_ms:
            samples.append((now_ms, totals))
        # The newest of those that are too old is where the window begins.
        while len(samples) > 1 and samples[1][0] <= now_ms - self._length_ms:
            samples.popleft()
        self._latest = totals

    @property
    def ends(self) -> Ends:
        """What ended within it."""
        return self._latest.since(self._samples[0][1]) if self._samples else Ends()

    def full(self, now_ms: int) -> bool:
        """Whether it was watched for as long as it is."""
        return bool(self._samples) and now_ms - self._samples[0][0] >= self._length_ms
