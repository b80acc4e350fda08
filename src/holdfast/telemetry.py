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
        "request.accepted", "debug", ("id", "webhook", "bytes"), "kept, and answered with success"
    ),
    Kind("request.refused", "info", ("id", "webhook", "status", "reason", "path"), "not kept"),
    Kind("request.handshake", "info", ("id", "webhook", "handshake"), "a provider shook hands"),
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
    Kind("worker.dead", "error", ("holder", "begun", "released"), "what it held is freed"),
    Kind(
        "operator.acted",
        "info",
        ("operator", "via", "action", "webhook", "target"),
        "an operator did something, see `holdfast audit`",
    ),
    Kind("console.failed", "error", ("path", "error", "place"), "a request met a defect"),
    Kind("process.started", "info", ("role", "pid"), "a child process is ready"),
    Kind(
        "process.ended",
        "warning",
        ("role", "pid", "code", "why", "restart_seconds"),
        "to be restarted",
    ),
    Kind("process.stopping", "info", ("role", "why"), "draining"),
)


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
