"""What happened, told once: `emit(event, ...)` to whoever subscribed.

Working code never formats a log line and never counts: it emits one of `EVENTS`. Logs, metrics and
traces are subscribers. A subscriber that fails is dropped from that event, never from the work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Level = Literal["debug", "info", "warning", "error"]
Subscriber = Callable[["Kind", Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event: its level in logs, its fields, and what it means."""

    name: str
    level: Level
    fields: tuple[str, ...]
    meaning: str


def _table(*kinds: Kind) -> dict[str, Kind]:
    return {kind.name: kind for kind in kinds}


EVENTS: Final[Mapping[str, Kind]] = _table(
    Kind(
        "request.accepted",
        "debug",
        ("id", "webhook", "bytes", "duration_ms"),
        "kept, and answered with success; duration_ms: as its sender waited for the answer",
    ),
    Kind("request.refused", "info", ("id", "webhook", "status", "reason", "path"), "not kept"),
    Kind(
        "request.handshake",
        "info",
        ("id", "webhook", "handshake", "source"),
        "a provider shook hands; source: verified, unsigned, or unchecked",
    ),
    Kind(
        "handshake.token",
        "warning",
        ("id", "webhook", "file"),
        "a provider handed over its secret; it is in this file",
    ),
    Kind("handshake.confirmed", "info", ("id", "webhook", "host"), "a subscription is confirmed"),
    Kind(
        "handshake.failed",
        "error",
        ("id", "webhook", "reason", "error"),
        "a subscription is not confirmed; ask the provider for another try",
    ),
    Kind(
        "gateway.failed",
        "error",
        ("id", "path", "error", "place"),
        "a request met a defect; answered 500",
    ),
    Kind("store.unavailable", "error", ("error", "waiting"), "nothing can be kept; answered 503"),
    Kind("store.recovered", "info", ("after_seconds",), "keeping again, without a restart"),
    Kind("store.clock_jumped", "warning", ("by_seconds",), "expiry is suspended"),
    Kind("store.warning", "warning", ("message",), "works, but not as safely as it could"),
    Kind("message.received", "debug", ("id", "webhook", "attempt"), "handed to the workflow"),
    Kind("message.done", "info", ("id", "webhook", "attempt", "duration_ms"), "worked"),
    Kind(
        "message.ignored", "info", ("id", "webhook", "type"), "verified, and no task asked for it"
    ),
    Kind("message.duplicate", "info", ("id", "webhook", "duplicate_of"), "settled unworked"),
    Kind(
        "message.retry",
        "warning",
        ("id", "webhook", "attempt", "error", "cause", "state", "retry_seconds"),
        "failed; it will be tried again",
    ),
    Kind(
        "message.dead",
        "error",
        ("id", "webhook", "attempt", "reason", "error", "cause", "state"),
        "rests in dead letters",
    ),
    Kind("message.released", "debug", ("id", "webhook", "why"), "given back unworked"),
    Kind("message.stale", "warning", ("id", "webhook"), "its lease had passed on; result dropped"),
    Kind("message.expired", "error", ("webhook", "count"), "waited longer than the retention"),
    Kind("execution.event", "info", ("id", "webhook", "event", "state"), "one step, at level ALL"),
    Kind("pipe.paused", "info", ("webhook",), "nothing is handed out until resumed"),
    Kind("pipe.resumed", "info", ("webhook",), "handing out again"),
    Kind("pipe.failed", "error", ("webhook", "error"), "the pipe stumbled and goes on"),
    Kind(
        "provider.slow",
        "warning",
        ("webhook", "severity", "title", "detail", "p99_ms", "deadline_ms", "until"),
        "answers come near the sender's deadline; it tries until then",
    ),
    Kind(
        "provider.refused",
        "warning",
        ("webhook", "severity", "title", "detail", "refused", "threshold", "until"),
        "refusals come near the number at which the sender stops sending",
    ),
    Kind(
        "provider.silent",
        "warning",
        ("webhook", "severity", "title", "detail", "silent_seconds", "usual_seconds", "until"),
        "nothing has come for much longer than ever before",
    ),
    Kind("provider.recovered", "info", ("webhook", "warning"), "what was warned of is over"),
    Kind(
        "alert.firing",
        "warning",
        ("rule", "webhook", "turn", "severity", "detail", "lasted_seconds"),
        "an alert began, grew worse or goes on; whoever is to be told, will be",
    ),
    Kind(
        "alert.ended",
        "info",
        ("rule", "webhook", "detail", "lasted_seconds"),
        "what was alerted of is over",
    ),
    Kind("alert.sent", "info", ("target", "message", "title", "remark"), "a target was told"),
    Kind(
        "alert.unsent",
        "warning",
        ("target", "message", "error", "tries", "retry_seconds"),
        "a target could not be told; it will be tried again",
    ),
    Kind(
        "alert.dropped",
        "error",
        ("target", "message", "error"),
        "a target could not be told for a day; what still stands is told again by itself",
    ),
    Kind("worker.dead", "error", ("holder", "begun", "released"), "what it held is freed"),
    Kind(
        "operator.acted",
        "info",
        ("operator", "via", "action", "webhook", "target"),
        "an operator did something, see `holdfast audit`",
    ),
    Kind("console.failed", "error", ("path", "error", "place"), "a request met a defect"),
    Kind(
        "traces.failed", "warning", ("why",), "traces are wanted, and do not get where they should"
    ),
    Kind("process.started", "info", ("role", "pid"), "a child process is ready"),
    Kind(
        "process.ended",
        "warning",
        ("role", "pid", "code", "why", "restart_seconds"),
        "to be restarted",
    ),
    Kind("process.stopping", "info", ("role", "why"), "draining"),
)


ANSWER_BOUNDS_MS: Final = (
    5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_000.0, 3_000.0, 5_000.0, 10_000.0, 30_000.0,
)  # fmt: skip
"""Upper bounds of the buckets in which answers are counted by how long they took; senders wait for 1 to
30 seconds."""


class Telemetry:
    """Carries events to subscribers. One per process."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)

    def emit(self, name: str, **fields: Any) -> None:
        """Tell everyone. Raises KeyError where `name` is not in `EVENTS`."""
        kind = EVENTS[name]
        for subscriber in self._subscribers:
            try:
                subscriber(kind, fields)
            except Exception:  # noqa: S112 - a broken log must not break the work
                continue
