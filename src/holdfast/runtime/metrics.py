"""Telemetry as numbers: each process counts, the supervisor adds up."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from holdfast.telemetry import ANSWER_BOUNDS_MS, Kind

Key = tuple[str, ...]
"""A metric's name, then the values of its labels."""

COUNTERS: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "request.accepted": (
        "requests_accepted",
        "Requests kept and answered with success",
        ("webhook",),
    ),
    "request.refused": (
        "requests_refused",
        "Requests not kept, by the reason given to the sender",
        ("webhook", "status", "reason"),
    ),
    "request.handshake": ("handshakes", "Handshakes answered", ("webhook",)),
    "message.done": ("messages_done", "Messages worked", ("webhook",)),
    "message.ignored": (
        "messages_ignored",
        "Messages worked without any task, such as those of a type that no function asks for",
        ("webhook",),
    ),
    "message.duplicate": (
        "messages_duplicate",
        "Repeated deliveries settled unworked",
        ("webhook",),
    ),
    "message.retry": ("messages_retried", "Failed attempts that will be repeated", ("webhook",)),
    "message.dead": ("messages_dead", "Messages that went to dead letters", ("webhook", "reason")),
    "message.stale": (
        "messages_stale",
        "Results dropped because the lease had passed",
        ("webhook",),
    ),
    "store.unavailable": ("store_failures", "Times the store stopped keeping", ()),
    "process.ended": ("process_ends", "Child processes that ended unasked", ("role",)),
    "alert.sent": ("alert_messages_sent", "Messages of alerts that arrived", ("target",)),
    "alert.unsent": (
        "alert_messages_failed",
        "Tries to send a message of alerts that failed",
        ("target",),
    ),
    "alert.dropped": (
        "alert_messages_dropped",
        "Messages of alerts that were given up after a day",
        ("target",),
    ),
}

WORK_BOUNDS_MS: Final = (
    5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0, 30_000.0, 60_000.0,
    300_000.0,
)  # fmt: skip
"""Upper bounds of the buckets in which attempts are counted by how long they took; none may take more
than five minutes."""

ANSWERS: Final = "answer_seconds"
WORK: Final = "message_seconds"
HISTOGRAMS: Final[Mapping[str, tuple[str, Sequence[float]]]] = {
    ANSWERS: ("How long senders waited for success", ANSWER_BOUNDS_MS),
    WORK: ("How long it took to work messages", WORK_BOUNDS_MS),
}
"""By name: the help text, and the upper bounds in milliseconds. Kept as counts of each bucket, under the
bucket's number, and a sum in seconds, under `sum`."""

SUM: Final = "sum"
_PLACES: Final = tuple(map(str, range(max(len(ANSWER_BOUNDS_MS), len(WORK_BOUNDS_MS)) + 1)))


class Counts:
    """A subscriber that counts. One per process; several threads may tell it things."""

    def __init__(self) -> None:
        self._totals: dict[Key, float] = {}
        self._lock = threading.Lock()

    def __call__(self, kind: Kind, fields: Mapping[str, Any]) -> None:
        if kind.name == "message.expired":
            # Told once for many, by whoever does the store's upkeep.
            self._add(("messages_dead", str(fields["webhook"]), "expired"), fields["count"])
        counter = COUNTERS.get(kind.name)
        if counter is None:
            return
        name, _, labels = counter
        self._add((name, *(str(fields.get(label) or "") for label in labels)), 1)
        if kind.name == "message.done":
            self._observe(WORK, WORK_BOUNDS_MS, fields["webhook"], fields["duration_ms"])
        elif kind.name == "request.accepted":
            webhook = fields["webhook"]
            self._add(("request_bytes", webhook), fields["bytes"])
            self._observe(ANSWERS, ANSWER_BOUNDS_MS, webhook, fields["duration_ms"])

    def _observe(self, name: str, bounds_ms: Sequence[float], webhook: str, took_ms: float) -> None:
        bucket, total = (
            (name, webhook, _PLACES[bisect_left(bounds_ms, took_ms)]),
            (name, webhook, SUM),
        )
        totals = self._totals
        with self._lock:
            totals[bucket] = totals.get(bucket, 0) + 1
            totals[total] = totals.get(total, 0) + took_ms / 1000

    def _add(self, key: Key, by: float) -> None:
        with self._lock:
            self._totals[key] = self._totals.get(key, 0) + by

    def rows(self) -> list[list[Any]]:
        """For the report to the supervisor."""
        with self._lock:
            return [[*key, value] for key, value in self._totals.items()]


class Totals:
    """Everything that this run's processes counted, those that ended included."""

    def __init__(self) -> None:
        self._running: dict[int, dict[Key, float]] = {}
        self._ended: dict[Key, float] = {}

    def report(self, pid: int, rows: Iterable[Sequence[Any]]) -> None:
        """What a process has counted since it started."""
        self._running[pid] = {tuple(row[:-1]): row[-1] for row in rows}

    def ended(self, pid: int) -> None:
        for key, value in self._running.pop(pid, {}).items():
            self._ended[key] = self._ended.get(key, 0) + value

    def sums(self) -> dict[Key, float]:
        sums = dict(self._ended)
        for counts in list(self._running.values()):
            for key, value in counts.items():
                sums[key] = sums.get(key, 0) + value
        return sums
