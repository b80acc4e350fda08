"""How often each state's task succeeded or failed, how long it took, and how many run now."""

from __future__ import annotations

from typing import NamedTuple

from holdfast.clock import Clock
from holdfast.workflow.outcome import Failed, Outcome


class StateSum(NamedTuple):
    """Of one state, since it was last taken; `running` is as of now."""

    state: str
    running: int
    succeeded: int
    failed: int
    milliseconds: float


class StateTally:
    """One webhook's counts, on one event loop. It costs a task about a microsecond."""

    __slots__ = ("_clock", "_sums")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sums: dict[str, list[float]] = {}
        """By state: running, succeeded, failed, seconds."""

    def begin(self, state: str) -> float:
        """A task is called; gives what `end` wants."""
        sums = self._sums.get(state)
        if sums is None:
            sums = self._sums[state] = [0, 0, 0, 0.0]
        sums[0] += 1
        return self._clock.monotonic()

    def end(self, state: str, began: float, outcome: Outcome | None) -> None:
        """It ended; None: it was called off, or turned out to be somebody else's."""
        sums = self._sums[state]
        sums[0] -= 1
        if outcome is not None:
            sums[2 if isinstance(outcome, Failed) else 1] += 1
            sums[3] += self._clock.monotonic() - began

    def take(self) -> list[StateSum]:
        """What happened since the last time. Empty: nothing, and nothing runs."""
        taken = []
        for state, (running, succeeded, failed, seconds) in self._sums.items():
            if running or succeeded or failed:
                taken.append(
                    StateSum(state, int(running), int(succeeded), int(failed), seconds * 1000)
                )
                self._sums[state] = [running, 0, 0, 0.0]
        return taken
