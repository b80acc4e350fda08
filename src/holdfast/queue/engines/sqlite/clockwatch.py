"""Tells when somebody set the clock, and holds expiry off for a while."""

from __future__ import annotations

import threading
from typing import Final

import apsw

from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.shelf import Shelf

# Beyond this, wall time and monotonic time do not tell the same story.
JUMP_SECONDS: Final = 60
# A machine that was off looks like a clock that jumped ahead; only a long gap is worth a warning.
GAP_SECONDS: Final = 86_400
SUSPEND_SECONDS: Final = 3_600
# How old the ledger's idea of the time may be where nothing happens.
IDLE_SECONDS: Final = 20


class ClockWatch:
    """Compares the wall clock with the monotonic one; across restarts, with the ledger's last sync.

    Nothing expires and nothing is removed for an hour after a jump, restarts included: long enough
    for whoever reads the warning to put the clock right, or to stop.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._lock = threading.Lock()
        self._wall_ms: int | None = None
        self._monotonic = 0.0
        self._suspended_until = float("-inf")
        self._set_back_ms = 0
        self._synced_state: tuple[float, ...] | None = None
        self._synced_at = float("-inf")

    def may_expire(self) -> bool:
        return self._shelf.clock.monotonic() >= self._suspended_until

    def look(self) -> int:
        """Compare, and tell the time that was compared.

        What expires is judged by that one: a clock that is set between a look and another reading,
        or a machine that slept there, would go unnoticed.
        """
        with self._lock:
            clock = self._shelf.clock
            wall, monotonic = clock.now_ms(), clock.monotonic()
            if self._wall_ms is None:
                by_ms = self._since_last_sync(wall, monotonic)
                jumped = by_ms > GAP_SECONDS * 1000 or by_ms < -JUMP_SECONDS * 1000
            else:
                by_ms = wall - self._wall_ms - round((monotonic - self._monotonic) * 1000)
                jumped = abs(by_ms) > JUMP_SECONDS * 1000
            self._wall_ms, self._monotonic = wall, monotonic
            if jumped:
                self._suspended_until = monotonic + SUSPEND_SECONDS
                self._set_back_ms += max(0, -by_ms)
        if jumped:
            self._shelf.telemetry.emit("store.clock_jumped", by_seconds=round(by_ms / 1000))
        return wall

    def set_back_ms(self) -> int:
        """How far the clock was set back since what it concerns was last brought forward."""
        return self._set_back_ms

    def brought_forward(self, by_ms: int) -> None:
        with self._lock:
            self._set_back_ms -= by_ms

    def sync(self) -> None:
        """The ledger up to here is on disk when this returns, and with it what we know of time."""
        clock = self._shelf.clock
        monotonic = clock.monotonic()
        with self._shelf.ledger.read() as ledger:
            state = self._state(ledger)
        if state == self._synced_state and monotonic - self._synced_at < IDLE_SECONDS:
            return  # nobody committed anything since: an idle machine's disk is left alone
        left = max(0.0, self._suspended_until - monotonic)
        with self._shelf.ledger.write(durable=True) as ledger:
            ledger.execute(
                "INSERT OR REPLACE INTO meta VALUES ('seen_at', ?), ('suspended_ms', ?)",
                (clock.now_ms(), round(left * 1000)),
            )
            state = self._state(ledger)
        self._synced_state, self._synced_at = state, monotonic

    def _state(self, ledger: apsw.Connection) -> tuple[float, ...]:
        """Another one after every commit to the ledger, ours or anybody's, and after every jump."""
        version = select_value(ledger, "PRAGMA data_version")
        return id(ledger), version, ledger.total_changes(), self._suspended_until

    def _since_last_sync(self, wall: int, monotonic: float) -> int:
        with self._shelf.ledger.read() as ledger:
            known = dict(select(ledger, "SELECT key, value FROM meta"))
        self._suspended_until = monotonic + known.get("suspended_ms", 0) / 1000
        return wall - int(known.get("seen_at", wall))
