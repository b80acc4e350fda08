"""How often a webhook may be called: a token bucket. Time is handed over."""

from __future__ import annotations


class TokenBucket:
    """`burst` tokens at most, `per_second` new ones; every request takes one.

    One per webhook and process: a limit here protects this process, it is not billing.
    """

    __slots__ = ("_at", "_burst", "_per_second", "_tokens")

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = float(max(burst, 1))
        self._tokens = self._burst
        self._at: float | None = None

    def take(self, now: float) -> float:
        """0 if there was a token; otherwise nothing is taken, and the seconds until there is one.

        `now` is monotonic, in seconds.
        """
        if self._at is not None and now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._per_second
