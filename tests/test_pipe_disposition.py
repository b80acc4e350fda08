"""What becomes of a message once its execution has ended."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.compiled import Pipe, Queue
from holdfast.message import Failure
from holdfast.pipe.disposition import (
    UNWORKED_SECONDS,
    Bury,
    GiveBack,
    Outcome,
    Retry,
    Settle,
    SettleDuplicate,
    dispose,
)
from holdfast.workflow.result import Result

QUEUE = Queue(86_400.0, 86_400.0, max_receive_count=3, visibility_timeout_seconds=60.0)
PIPE = Pipe(10, 0.0, 10, backoff_seconds=2.0, max_backoff_seconds=5.0)


def after(result: Result, receive_count: int = 1, given_back: int = 0) -> Outcome:
    """The outcome, with jitter that always draws the longest wait."""
    return dispose(
        result, receive_count, QUEUE, PIPE, lambda _low, high: high, given_back=given_back
    )


def failed(**fields: Any) -> Result:
    settings = {"error": "ValueError", "cause": "no", "state": "Handle"} | fields
    return Result("FAILED", started_at_ms=1_000, duration_ms=250.0, **settings)


def why(attempt: int, reason: str = "") -> Failure:
    return Failure("ValueError", "no", "Handle", at_ms=1_250, attempt=attempt, reason=reason)


def test_success_settles() -> None:
    """A message that was worked is settled, whatever its receive count."""
    assert after(Result("SUCCEEDED", 0, 1.0), receive_count=9) == Settle()


def test_a_duplicate_is_settled_as_one() -> None:
    """What was worked before is settled and names the message that did it."""
    assert after(Result("SUCCEEDED", 0, 1.0, duplicate_of="m1")) == SettleDuplicate("m1")


def test_what_could_not_be_worked_stands_back_for_longer_each_time() -> None:
    """A second at first, twice as long after each time in a row, up to the pipe's own bound; even
    where no receives are left."""
    unworked = Result("FAILED", 0, 1.0, unworked="held by m1")

    assert [after(unworked, 3, times) for times in (0, 1, 2, 3, 99)] == [
        GiveBack(UNWORKED_SECONDS * each) for each in (1, 2, 4, 5, 5)
    ]


def test_quarantine_buries_at_once() -> None:
    """What retrying cannot help is buried on the first receive, under its own reason."""
    result = failed(quarantine="signature_mismatch")

    assert after(result) == Bury(why(1, "signature_mismatch"))


def test_failure_waits_longer_each_time_and_then_is_exhausted() -> None:
    """Attempts one and two are retried after 2 and 4 seconds, the third is buried as exhausted."""
    outcomes = [after(failed(), receive_count) for receive_count in (1, 2, 3, 4)]

    assert outcomes == [
        Retry(2.0, why(1)),
        Retry(4.0, why(2)),
        Bury(why(3, "exhausted")),
        Bury(why(4, "exhausted")),
    ]


def test_the_longest_wait_is_bounded() -> None:
    """The backoff stops growing at the pipe's own limit."""
    queue = Queue(86_400.0, 86_400.0, max_receive_count=99, visibility_timeout_seconds=60.0)
    outcome = dispose(failed(), 50, queue, PIPE, lambda _low, high: high)

    assert outcome == Retry(5.0, why(50))


def test_jitter_draws_between_nothing_and_the_ceiling() -> None:
    """Full jitter: the lower bound is zero, the upper one the backoff."""
    bounds: list[tuple[float, float]] = []

    def lowest(low: float, high: float) -> float:
        bounds.append((low, high))
        return low

    assert dispose(failed(), 2, QUEUE, PIPE, lowest) == Retry(0.0, why(2))
    assert bounds == [(0.0, 4.0)]


@pytest.mark.parametrize(
    ("asked", "given_seconds"),
    [(7.5, 7.5), (0.0, 0.0), (-1.0, 0.0), (math.inf, 43_200.0), (math.nan, 0.0)],
)
def test_a_task_may_name_the_wait(asked: float, given_seconds: float) -> None:
    """What the task asks for replaces the backoff, within what any queue can do."""
    assert after(failed(retry_after_seconds=asked)) == Retry(given_seconds, why(1))


def test_a_timeout_is_named_as_aws_names_it() -> None:
    """An execution that ran out of time without saying more failed with States.Timeout."""
    outcome = after(Result("TIMED_OUT", 1_000, 250.0))

    assert isinstance(outcome, Retry)
    assert outcome.failure.error == "States.Timeout"


@given(
    st.sampled_from(["FAILED", "TIMED_OUT"]),
    st.integers(1, 100),
    st.none() | st.floats(),
)
def test_a_failure_is_never_settled(status: Any, receive_count: int, asked: float | None) -> None:
    """No failure is settled, and no failed message is retried beyond its receives."""
    outcome = after(Result(status, 0, 1.0, retry_after_seconds=asked), receive_count)

    if receive_count < QUEUE.max_receive_count:
        assert isinstance(outcome, Retry)
        assert 0 <= outcome.delay_seconds <= 43_200
    else:
        assert isinstance(outcome, Bury)
        assert outcome.failure.reason == "exhausted"
