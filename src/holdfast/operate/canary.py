"""How a run of redrives goes: a few first, then the rest, and no further once too many come back.

             ┌─ none of them came back ──> tried ── go on ──┐
    trying ──┤                              │               v
             ├─ and go on by itself ────────┼──────────> rolling ── all sent ──> settling ──> finished
             └─ too many came back ──> stopped <────────────┴───────────────────────┘
                                            cancelled, from anywhere

Pure: what has happened goes in, the next step comes out. `holdfast.operate.runs` takes the steps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SAMPLE: Final = 5
"""A share is judged once so many came to an end, or all that were sent if they are fewer."""

IN_FLIGHT: Final = 200
"""So many may be under way at once where a run is to stop by itself: what was already sent cannot
be stopped any more."""

CHUNK: Final = 25
"""Sent back in one transaction."""

PATIENCE_SECONDS: Final = 300.0
"""So long without any of its letters coming to an end, a run no longer waits for the others."""


class Stage(StrEnum):
    """Where a run is."""

    TRYING = "trying"
    TRIED = "tried"
    """All of the first few are done; somebody has to say that it goes on."""
    ROLLING = "rolling"
    SETTLING = "settling"
    """All are sent; some are still under way."""
    FINISHED = "finished"
    STOPPED = "stopped"
    """By itself: `reason` says why."""
    CANCELLED = "cancelled"
    CUT = "cut"
    """Whoever drove it is gone, and nobody went on."""


ENDS: Final = frozenset({Stage.FINISHED, Stage.STOPPED, Stage.CANCELLED, Stage.CUT})


@dataclass(frozen=True, slots=True)
class StopAt:
    """When too many came back dead: so many, or such a share of those that came to an end."""

    count: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> StopAt:
        """`5`, `20%` or `never`. Raises ValueError."""
        told = text.strip().lower()
        if told == "never":
            return cls()
        if match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", told):
            share = float(match[1]) / 100
            if 0 < share <= 1:
                return cls(share=share)
        elif told.isascii() and told.isdigit() and 0 < int(told) < 10**9:
            return cls(count=int(told))
        raise ValueError(f"{text!r} is neither a number of letters (5), a share (20%), nor never")

    def __str__(self) -> str:
        if self.count is not None:
            return str(self.count)
        return "never" if self.share is None else f"{self.share * 100:g}%"

    @property
    def never(self) -> bool:
        return self.count is None and self.share is None


DEFAULT_STOP_AT: Final = StopAt(share=0.2)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for. `try_first` 0: none first. `rate`: letters a second, None for all at
    once. `watch` False: it is over once all are sent, whatever becomes of them."""

    total: int
    try_first: int = 0
    go_on: bool = True
    rate: float | None = None
    stop_at: StopAt = DEFAULT_STOP_AT
    watch: bool = True
    patience_seconds: float = PATIENCE_SECONDS


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is. `left`: whether there is anything more to send."""

    stage: Stage
    sent: int = 0
    done: int = 0
    dead: int = 0
    left: bool = True
    last_sent: int = 0
    """How many were sent together last, and how long ago."""
    since_sent_seconds: float = 0.0
    quiet_seconds: float = 0.0
    """Since one was last sent, or came to an end."""

    @property
    def pending(self) -> int:
        return max(0, self.sent - self.done - self.dead)


@dataclass(frozen=True, slots=True)
class Send:
    """Send back so many."""

    count: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again; `seconds`: not before, None where only an outcome is waited for."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Enter:
    """Go over to another stage."""

    stage: Stage
    reason: str = ""


Step = Send | Wait | Enter


def decide(plan: Plan, standing: Standing, asked: str | None = None) -> Step:
    """The next step. `asked`: `cancel` or `go_on`, if an operator said so."""
    if standing.stage in ENDS:
        return Wait()
    if asked == "cancel":
        return Enter(Stage.CANCELLED, "an operator stopped it")
    if why := too_many(plan, standing):
        return Enter(Stage.STOPPED, why)
    match standing.stage:
        case Stage.TRYING:
            return _trying(plan, standing)
        case Stage.TRIED:
            return Enter(Stage.ROLLING) if asked == "go_on" else Wait()
        case Stage.ROLLING:
            return _rolling(plan, standing)
        case _:
            return _settling(plan, standing)


def too_many(plan: Plan, standing: Standing) -> str:
    """Why the run stops, if too many came back dead."""
    ended = standing.done + standing.dead
    stop, told = plan.stop_at, f"{standing.dead} of {ended} came back dead"
    if stop.count is not None and standing.dead >= stop.count:
        return told
    if stop.share is None or not standing.dead:
        return ""
    enough = ended >= SAMPLE or not standing.pending
    return told if enough and standing.dead >= stop.share * ended else ""


def _trying(plan: Plan, standing: Standing) -> Step:
    wanted = plan.try_first - standing.sent
    if standing.left and wanted > 0:
        return _paced(plan, standing, wanted)
    if standing.pending:
        if standing.quiet_seconds > plan.patience_seconds:
            return Enter(Stage.STOPPED, f"{standing.pending} of the first did not come to an end")
        return Wait()
    if not standing.left:
        return Enter(Stage.FINISHED)
    return Enter(Stage.ROLLING if plan.go_on else Stage.TRIED)


def _rolling(plan: Plan, standing: Standing) -> Step:
    if not standing.left:
        return Enter(Stage.SETTLING if plan.watch else Stage.FINISHED)
    wanted = CHUNK
    if plan.watch and not plan.stop_at.never:
        wanted = min(wanted, IN_FLIGHT - standing.pending)
        if wanted <= 0:
            if standing.quiet_seconds > plan.patience_seconds:
                return Enter(Stage.STOPPED, f"{standing.pending} did not come to an end")
            return Wait()
    return _paced(plan, standing, wanted)


def _settling(plan: Plan, standing: Standing) -> Step:
    if not standing.pending:
        return Enter(Stage.FINISHED)
    if standing.quiet_seconds > plan.patience_seconds:
        return Enter(Stage.FINISHED, f"{standing.pending} are still under way")
    return Wait()


def _paced(plan: Plan, standing: Standing, wanted: int) -> Step:
    """As many together as the rate has room for in half a second, each time after the last ones
    have had theirs: whatever held the run up, it never makes up for it in a rush."""
    wanted = min(wanted, CHUNK)
    if plan.rate is None:
        return Send(wanted)
    left = standing.last_sent / plan.rate - standing.since_sent_seconds
    if left > 0:
        return Wait(left)
    return Send(min(wanted, max(1, int(plan.rate / 2))))
