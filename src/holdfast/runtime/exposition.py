"""The page at /metrics, in Prometheus' text format.

What can be counted of a webhook is shown from the start, as zero: a counter that first appears with
its first event shows no increase, and an alert on its rate never hears of that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from holdfast.operate.guard import Warned
from holdfast.queue.contract import Depth
from holdfast.runtime.metrics import COUNTERS, HISTOGRAMS, SUM, Key, Totals

_HELP: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    name: (text, labels) for name, text, labels in COUNTERS.values()
} | {"request_bytes": ("Bytes of bodies kept", ("webhook",))}


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert that stands."""

    rule: str
    webhook: str
    severity: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the supervisor knows beside what was counted."""

    version: str = ""
    webhooks: Sequence[str] = ()
    """Those that are defined."""
    targets: Sequence[str] = ()
    """Of alerts."""
    roles: Mapping[str, int] | None = None
    """How many processes of each are ready."""
    paused: Sequence[str] = ()
    upkeep_age_seconds: float | None = None
    """Since the store last answered."""
    alerts: Sequence[Fired] = ()


class _Page(Collector):
    def __init__(
        self,
        totals: Totals,
        depths: Sequence[Depth],
        now_ms: int,
        warnings: Sequence[Warned],
        run: RunFacts,
    ) -> None:
        self._totals = totals
        self._warnings = warnings
        self._depths = depths
        self._now_ms = now_ms
        self._run = run

    def collect(self) -> Iterable[Metric]:
        sums = self._totals.sums()
        yield from _counters(sums, self._run)
        yield from _histograms(sums)
        yield self._warned()
        yield from self._waiting()
        yield from self._running()

    def _warned(self) -> Metric:
        family = GaugeMetricFamily(
            "holdfast_provider_warnings",
            "Warnings of the provider guard that stand",
            labels=("webhook", "warning", "severity"),
        )
        for one in self._warnings:
            family.add_metric((one.webhook or "", one.code, one.severity), 1)
        return family

    def _waiting(self) -> Iterator[Metric]:
        messages = GaugeMetricFamily(
            "holdfast_messages", "Messages by where they are", labels=("webhook", "state")
        )
        oldest = GaugeMetricFamily(
            "holdfast_oldest_waiting_seconds", "Age of the oldest waiting", labels=("webhook",)
        )
        paused = GaugeMetricFamily(
            "holdfast_pipe_paused", "Whether an operator paused the pipe", labels=("webhook",)
        )
        for depth in self._depths:
            for state in ("waiting", "leased", "dead"):
                messages.add_metric((depth.webhook, state), getattr(depth, state))
            age = (self._now_ms - depth.oldest_ms) / 1000 if depth.oldest_ms is not None else 0.0
            oldest.add_metric((depth.webhook,), max(0.0, age))
            paused.add_metric((depth.webhook,), depth.webhook in self._run.paused)
        yield from (messages, oldest, paused)

    def _running(self) -> Iterator[Metric]:
        run = self._run
        alerts = GaugeMetricFamily(
            "holdfast_alerts", "Alerts that stand", labels=("rule", "webhook", "severity")
        )
        for one in run.alerts:
            alerts.add_metric((one.rule, one.webhook, one.severity), 1)
        yield alerts
        processes = GaugeMetricFamily(
            "holdfast_processes", "Child processes that are ready", labels=("role",)
        )
        for role, ready in (run.roles or {}).items():
            processes.add_metric((role,), ready)
        yield processes
        yield GaugeMetricFamily(
            "holdfast_store_answered_seconds",
            "Since the store last answered the supervisor",
            run.upkeep_age_seconds or 0.0,
        )
        build = GaugeMetricFamily("holdfast_build_info", "What runs here", labels=("version",))
        build.add_metric((run.version,), 1)
        yield build


def _counters(sums: Mapping[Key, float], run: RunFacts) -> Iterator[Metric]:
    families = {
        name: CounterMetricFamily(f"holdfast_{name}", text, labels=labels)
        for name, (text, labels) in _HELP.items()
    }
    known = {"webhook": run.webhooks, "target": run.targets, "role": tuple(run.roles or ())}
    for name, (_, labels) in _HELP.items():
        # Of more than one label nobody knows beforehand which values there will be.
        starts = [[one] for one in known.get(labels[0], ())] if labels else [[]]
        for start in starts if len(labels) < 2 else ():
            if (name, *start) not in sums:
                families[name].add_metric(start, 0)
    for (name, *values), total in sorted(sums.items()):
        if name in families:
            families[name].add_metric(values, total)
    yield from (family for family in families.values() if family.samples)


def _histograms(sums: Mapping[Key, float]) -> Iterator[Metric]:
    for name, (text, bounds_ms) in HISTOGRAMS.items():
        family = HistogramMetricFamily(f"holdfast_{name}", text, labels=("webhook",))
        webhooks = sorted({key[1] for key in sums if key[0] == name})
        for webhook in webhooks:
            running, buckets = 0, []
            for place, bound in enumerate((*bounds_ms, None)):
                running += int(sums.get((name, webhook, str(place)), 0))
                buckets.append(("+Inf" if bound is None else f"{bound / 1000:g}", running))
            family.add_metric((webhook,), buckets, sums.get((name, webhook, SUM), 0.0))
        yield family


def exposition(
    totals: Totals,
    depths: Sequence[Depth],
    now_ms: int,
    warnings: Sequence[Warned] = (),
    run: RunFacts | None = None,
) -> bytes:
    """The page. `now_ms`: when it is asked for."""
    registry = CollectorRegistry()
    registry.register(_Page(totals, depths, now_ms, warnings, run or RunFacts()))
    return generate_latest(registry)
