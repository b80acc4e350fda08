"""What a state does about failures: which errors match, how often to retry, what to catch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

from holdfast.workflow.failures import DATA_LIMIT, QUERY, RUNTIME
from holdfast.workflow.paths import Placer
from holdfast.workflow.templates import Selection

ALL: Final = "States.ALL"
TASK_FAILED: Final = "States.TaskFailed"
TIMEOUT: Final = "States.Timeout"
HEARTBEAT: Final = "States.HeartbeatTimeout"

ERRORS: Final = frozenset(
    {
        ALL,
        TASK_FAILED,
        TIMEOUT,
        HEARTBEAT,
        RUNTIME,
        QUERY,
        DATA_LIMIT,
        "States.BranchFailed",
        "States.ExceedToleratedFailureThreshold",
        "States.IntrinsicFailure",
        "States.ItemReaderFailed",
        "States.NoChoiceMatched",
        "States.ParameterPathFailure",
        "States.Permissions",
        "States.ReferencePathConflict",
        "States.ResultPathMatchFailure",
        "States.ResultWriterFailed",
    }
)
"""The names that begin with `States.`; those of `States.Http.` are an integration's own."""

_LOWERED: Final = {name.lower(): name for name in ERRORS}
_CLOSE: Final = 0.9
"""Alike enough: a letter missing, doubled or in the wrong place."""


def misspelt(name: str) -> str | None:
    """The name of the language that this one was meant to be; None: it may be one that AWS adds."""
    if name in ERRORS or not name.startswith("States."):
        return None
    close = difflib.get_close_matches(name.lower(), _LOWERED, n=1, cutoff=_CLOSE)
    return _LOWERED[close[0]] if close else None


def matches(names: frozenset[str], error: str | None) -> bool:
    """Whether `ErrorEquals` holds. States.Runtime is never retried and never caught.

    None is the error of a Fail state that names none.
    """
    if error == RUNTIME:
        return False
    if error in names or ALL in names:
        return True
    if error == HEARTBEAT and TIMEOUT in names:
        return True
    return TASK_FAILED in names and error != TIMEOUT


@dataclass(frozen=True, slots=True)
class Retrier:
    errors: frozenset[str]
    interval_seconds: float
    max_attempts: int
    backoff_rate: float
    max_delay_seconds: float
    full_jitter: bool

    def delay_seconds(self, attempts: int) -> float:
        """How long to wait after so many earlier retries."""
        try:
            growth = self.backoff_rate**attempts
        except OverflowError:
            return self.max_delay_seconds
        return min(self.interval_seconds * growth, self.max_delay_seconds)


@dataclass(frozen=True, slots=True)
class Catcher:
    errors: frozenset[str]
    next: str
    place: Placer | None
    """JSONPath's ResultPath. None: the error takes the place of the input."""
    output: Selection | None
    """JSONata's Output. None: the error itself."""
    assign: Selection | None


@dataclass(frozen=True, slots=True)
class Recovery:
    """`Retry` and `Catch` of one state."""

    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()

    def retrier(self, error: str | None) -> int | None:
        """The index of the first retrier for this error. No other one gets a say."""
        for index, retrier in enumerate(self.retry):
            if matches(retrier.errors, error):
                return index
        return None

    def catcher(self, error: str | None) -> Catcher | None:
        """The first catcher for this error."""
        for catcher in self.catch:
            if matches(catcher.errors, error):
                return catcher
        return None
