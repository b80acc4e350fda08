"""The provider guard at work: counts in, telemetry and a note in the store out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from holdfast.clock import Clock
from holdfast.compiled import Compiled
from holdfast.operate.guard import Counted, Guard, Warned, senders_of
from holdfast.operate.guard.notes import read_rhythms, write_notes
from holdfast.runtime.metrics import ANSWERS, SUM, Key
from holdfast.telemetry import ANSWER_BOUNDS_MS, Telemetry

NOTE_SECONDS: Final = 60.0


class Guarding:
    """One per supervisor. `look` is called about once a second, from its upkeep."""

    def __init__(self, compiled: Compiled, store: Path, telemetry: Telemetry, clock: Clock) -> None:
        self._store = store
        self._telemetry = telemetry
        self._clock = clock
        rhythms = read_rhythms(store)
        self._guard = Guard(senders_of(compiled), ANSWER_BOUNDS_MS, clock.now_ms(), rhythms)
        self._noted_at: float | None = None

    @property
    def warnings(self) -> tuple[Warned, ...]:
        return self._guard.warnings

    def look(self, sums: Mapping[Key, float]) -> None:
        """Tell what is news; write it down at once, and otherwise once a minute."""
        told = self._guard.look(counted(sums), self._clock.now_ms())
        for warning, began in told:
            if began:
                self._warn(warning)
            else:
                self._telemetry.emit(
                    "provider.recovered", webhook=warning.webhook, warning=warning.code
                )
        now = self._clock.monotonic()
        if told or self._noted_at is None or now - self._noted_at >= NOTE_SECONDS:
            self._noted_at = now
            self.note()

    def note(self) -> None:
        """For commands and the console, and for the next run."""
        with suppress(OSError):  # the store's own troubles are told by the store
            write_notes(self._store, self._guard.warnings, self._guard.rhythm_fields())

    def _warn(self, one: Warned) -> None:
        said: dict[str, Any] = {
            "webhook": one.webhook,
            "severity": one.severity,
            "title": one.title,
            "detail": one.detail,
            "until": one.facts["until"],
        }
        facts = one.facts
        if one.code == "provider_slow":
            self._telemetry.emit(
                "provider.slow", **said, p99_ms=facts["p99_ms"], deadline_ms=facts["deadline_ms"]
            )
        elif one.code == "provider_refused":
            self._telemetry.emit(
                "provider.refused", **said, refused=facts["refused"], threshold=facts["threshold"]
            )
        else:
            self._telemetry.emit(
                "provider.silent",
                **said,
                silent_seconds=facts["silent_seconds"],
                usual_seconds=facts["usual_seconds"],
            )


def counted(sums: Mapping[Key, float]) -> dict[str, Counted]:
    """What the provider guard looks at, by webhook."""
    waits: dict[str, list[int]] = {}
    accepted: dict[str, int] = {}
    refused: dict[str, int] = {}
    for (name, *labels), value in sums.items():
        if name == ANSWERS and labels[1] != SUM:
            webhook, place = labels
            waits.setdefault(webhook, [0] * (len(ANSWER_BOUNDS_MS) + 1))[int(place)] += int(value)
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
