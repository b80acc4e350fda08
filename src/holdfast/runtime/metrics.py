"""Telemetry as numbers: each process counts, the supervisor adds up and shows them."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from holdfast.operate.guard import Counted, Warned
from holdfast.queue.contract import Depth
from holdfast.telemetry import ANSWER_BOUNDS_MS, Kind

Key = tuple[str, ...]
"""A metric's name, then the values of its labels."""

_COUNTERS: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
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
}
_HELP: Final = {name: (text, labels) for name, text, labels in _COUNTERS.values()} | {
    "message_seconds": ("Time spent working messages", ("webhook",)),
    "request_bytes": ("Bytes of bodies kept", ("webhook",)),
}


_BUCKETS: Final = tuple(map(str, range(len(ANSWER_BOUNDS_MS) + 1)))


class Counts:
    """A subscriber that counts. One per process; several threads may tell it things."""

    def __init__(self) -> None:
        self._totals: dict[Key, float] = {}
        self._lock = threading.Lock()

    def __call__(self, kind: Kind, fields: Mapping[str, Any]) -> None:
        if kind.name == "message.expired":
            # Told once for many, by whoever does the store's upkeep.
            self._add(("messages_dead", str(fields["webhook"]), "expired"), fields["count"])
        counter = _COUNTERS.get(kind.name)
        if counter is None:
            return
        name, _, labels = counter
        self._add((name, *(str(fields.get(label) or "") for label in labels)), 1)
        if kind.name == "message.done":
            self._add(("message_seconds", fields["webhook"]), fields["duration_ms"] / 1000)
        elif kind.name == "request.accepted":
            webhook = fields["webhook"]
            self._add(("request_bytes", webhook), fields["bytes"])
            bucket = bisect_left(ANSWER_BOUNDS_MS, fields["duration_ms"])
            self._add(("request_waits", webhook, _BUCKETS[bucket]), 1)

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


def counted(sums: Mapping[Key, float]) -> dict[str, Counted]:
    """What the provider guard looks at, by webhook."""
    waits: dict[str, list[int]] = {}
    accepted: dict[str, int] = {}
    refused: dict[str, int] = {}
    for (name, *labels), value in sums.items():
        if name == "request_waits":
            webhook, bucket = labels
            waits.setdefault(webhook, [0] * len(_BUCKETS))[int(bucket)] += int(value)
        elif name == "requests_accepted":
            accepted[labels[0]] = accepted.get(labels[0], 0) + int(value)
        elif name == "requests_refused":
            refused[labels[0]] = refused.get(labels[0], 0) + int(value)
    return {
        webhook: Counted(
            accepted.get(webhook, 0), refused.get(webhook, 0), tuple(waits.get(webhook, ()))
        )
        for webhook in {*accepted, *refused}
    }


class _Page(Collector):
    def __init__(
        self, totals: Totals, depths: Sequence[Depth], now_ms: int, warnings: Sequence[Warned]
    ) -> None:
        self._totals = totals
        self._warnings = warnings
        self._depths = depths
        self._now_ms = now_ms

    def collect(self) -> Iterable[Metric]:
        families: dict[str, CounterMetricFamily] = {}
        sums = self._totals.sums()
        for (name, *values), total in sorted(sums.items()):
            if name == "request_waits":
                continue  # shown as a histogram
            text, labels = _HELP[name]
            family = families.setdefault(
                name, CounterMetricFamily(f"holdfast_{name}", text, labels=labels)
            )
            family.add_metric(values, total)
        yield from families.values()
        yield _answers(sums)
        yield self._warned()
        messages = GaugeMetricFamily(
            "holdfast_messages", "Messages by where they are", labels=("webhook", "state")
        )
        oldest = GaugeMetricFamily(
            "holdfast_oldest_waiting_seconds", "Age of the oldest waiting", labels=("webhook",)
        )
        for depth in self._depths:
            for state in ("waiting", "leased", "dead"):
                messages.add_metric((depth.webhook, state), getattr(depth, state))
            age = (self._now_ms - depth.oldest_ms) / 1000 if depth.oldest_ms is not None else 0.0
            oldest.add_metric((depth.webhook,), max(0.0, age))
        yield messages
        yield oldest

    def _warned(self) -> Metric:
        family = GaugeMetricFamily(
            "holdfast_provider_warnings",
            "Warnings of the provider guard that stand",
            labels=("webhook", "warning", "severity"),
        )
        for one in self._warnings:
            family.add_metric((one.webhook or "", one.code, one.severity), 1)
        return family


def _answers(sums: Mapping[Key, float]) -> Metric:
    family = HistogramMetricFamily(
        "holdfast_answer_seconds", "How long senders waited for success", labels=("webhook",)
    )
    for webhook, one in sorted(counted(sums).items()):
        if one.waits:
            running, buckets = 0, []
            for bound, count in zip((*ANSWER_BOUNDS_MS, None), one.waits, strict=True):
                running += count
                buckets.append(("+Inf" if bound is None else f"{bound / 1000:g}", running))
            family.add_metric((webhook,), buckets, None)
    return family


def exposition(
    totals: Totals, depths: Sequence[Depth], now_ms: int, warnings: Sequence[Warned] = ()
) -> bytes:
    """The page at /metrics, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Page(totals, depths, now_ms, warnings))
    return generate_latest(registry)
