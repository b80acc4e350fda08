"""Who did what, and when: written down before it is done, kept for good.

An engine without a desk has no book; then what is done is told to telemetry alone.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from holdfast.clock import Clock
from holdfast.operate.abilities import Able, desk_of
from holdfast.queue.views import Act
from holdfast.telemetry import Telemetry

CONSOLE: Final = "console"
COMMAND_LINE: Final = "command line"

ACTIONS: Final[Mapping[str, str]] = {
    "redrive": "sent dead letters back to their queue",
    "redrive.go_on": "let a run that had tried a few go on",
    "redrive.cancel": "asked a run to stop",
    "park": "put dead letters aside",
    "unpark": "took dead letters out of the parking again",
    "purge": "removed dead letters for good",
    "pause": "stopped working a webhook's messages",
    "resume": "worked a webhook's messages again",
    "replay": "sent past events through again",
    "replay.to": "sent a past event to another URL",
    "edit": "sent a changed copy of an event",
    "sample": "sent a signed sample",
    "alerts.test": "sent a test message to who is told of alerts",
}
"""Every action that is written down, and what it says its operator did."""


@dataclass(frozen=True, slots=True)
class Who:
    """An operator, and how they reached us."""

    name: str
    via: str


def local_user(via: str) -> Who:
    """Whoever this process runs as."""
    try:
        return Who(getpass.getuser(), via)
    except (OSError, KeyError, ImportError):  # a container may know no name for the number
        return Who("unknown", via)


class Book:
    """Notes of one operator."""

    def __init__(
        self, bench: Able, who: Who, clock: Clock, telemetry: Telemetry | None = None
    ) -> None:
        self._desk = desk_of(bench)
        self.who = who
        self._clock = clock
        self._telemetry = telemetry

    def note(
        self, action: str, *, webhook: str | None = None, target: str | None = None, **detail: Any
    ) -> None:
        """Write it down, durably. Raises StoreError, and then it must not be done."""
        act = Act(
            self._clock.now_ms(), self.who.name, self.who.via, action, webhook, target, detail
        )
        if self._desk is not None:
            self._desk.note([act])
        if self._telemetry is not None:
            self._telemetry.emit(
                "operator.acted",
                operator=act.operator,
                via=act.via,
                action=action,
                webhook=webhook,
                target=target,
            )
