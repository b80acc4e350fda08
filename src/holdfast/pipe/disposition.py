"""What becomes of a message once its execution has ended. Pure.

SUCCEEDED                              -> Settle
the same event was worked before       -> SettleDuplicate
it could not be worked just now        -> GiveBack, not counted, for longer each time
retrying cannot help                   -> Bury, under its named reason
failed, receives left                  -> Retry, later each time
failed, none left                      -> Bury, reason `exhausted`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from holdfast import compiled
from holdfast.clock import backoff_seconds
from holdfast.message import Failure
from holdfast.workflow.result import Result

UNWORKED_SECONDS: Final = 1.0
"""How long a message first stands back: for another that is working the same event, or for the store."""

DELAY_SECONDS_MAX: Final = 43_200.0
"""The longest wait before a retry: SQS extends no lease beyond twelve hours."""


@dataclass(frozen=True, slots=True)
class Settle:
    """It was worked."""


@dataclass(frozen=True, slots=True)
class SettleDuplicate:
    """The message `of` was worked under the same delivery id."""

    of: str


@dataclass(frozen=True, slots=True)
class Bury:
    """To dead letters, under `failure.reason`."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Retry:
    """Again, after a delay; `failure` joins the message's history."""

    delay_seconds: float
    failure: Failure


@dataclass(frozen=True, slots=True)
class GiveBack:
    """It was not worked: back after a delay, the receive not counted."""

    delay_seconds: float


Outcome = Settle | SettleDuplicate | Bury | Retry | GiveBack

SETTLE: Final = Settle()


def dispose(
    result: Result,
    receive_count: int,
    queue: compiled.Queue,
    pipe: compiled.Pipe,
    uniform: Callable[[float, float], float],
    *,
    given_back: int = 0,
) -> Outcome:
    """The outcome of receive number `receive_count` (1, 2, ...), which ended in `result`.

    uniform: draws the jitter of the backoff between two bounds. given_back: how often in a row it
    was before, as far as anyone remembers.
    """
    if result.duplicate_of is not None:
        return SettleDuplicate(result.duplicate_of)
    if result.unworked is not None:
        return GiveBack(_stand_back_seconds(given_back, pipe))
    if result.quarantine is not None:
        return Bury(_failure(result, receive_count, result.quarantine))
    if result.status == "SUCCEEDED":
        return SETTLE
    if receive_count >= queue.max_receive_count:
        return Bury(_failure(result, receive_count, "exhausted"))
    return Retry(
        _delay_seconds(result, receive_count, pipe, uniform), _failure(result, receive_count)
    )


def _stand_back_seconds(given_back: int, pipe: compiled.Pipe) -> float:
    """About as long as it has stood back already: what may never be answered does not ask for ever."""
    return backoff_seconds(
        given_back + 1,
        first_seconds=UNWORKED_SECONDS,
        max_seconds=max(UNWORKED_SECONDS, pipe.max_backoff_seconds),
        uniform=lambda _least, most: most,
    )


def _delay_seconds(
    result: Result,
    receive_count: int,
    pipe: compiled.Pipe,
    uniform: Callable[[float, float], float],
) -> float:
    asked = result.retry_after_seconds
    if asked is None:
        asked = backoff_seconds(
            receive_count,
            first_seconds=pipe.backoff_seconds,
            max_seconds=pipe.max_backoff_seconds,
            uniform=uniform,
        )
    return min(max(0.0, asked), DELAY_SECONDS_MAX)


def _failure(result: Result, attempt: int, reason: str = "") -> Failure:
    return Failure(
        error=result.error or _UNNAMED[result.status],
        cause=result.cause or "",
        state=result.state or "",
        at_ms=result.started_at_ms + round(result.duration_ms),
        attempt=attempt,
        reason=reason,
    )


_UNNAMED: Final = {
    "SUCCEEDED": "",
    "FAILED": "States.TaskFailed",
    "TIMED_OUT": "States.Timeout",
}
