"""What a target's answer means for its batch, and when a batch goes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.pipe.batch import Verdict, conclude, judge, ready

BATCH = ("a", "b", "c")

ALL_WORKED: list[Any] = [
    None,
    "",
    b"",
    {},
    {"batchItemFailures": []},
    {"batchItemFailures": None},
    "null",
    "{}",
    '{"batchItemFailures": []}',
    b'{"batchItemFailures": null}',
]

NOT_UNDERSTOOD: list[tuple[Any, str]] = [
    ("{", "the answer is not JSON"),
    ("worked", "the answer is not JSON"),
    ([], "the answer is not an object but a list"),
    ("[]", "the answer is not an object but a list"),
    ('"a"', "the answer is not an object but text"),
    (True, "the answer is not an object but a boolean"),
    (0, "the answer is not an object but a number"),
    ({"batchItemFailure": []}, "the answer has no batchItemFailures"),
    ({"batchItemFailures": {}}, "batchItemFailures is not a list but an object"),
    ({"batchItemFailures": "a"}, "batchItemFailures is not a list but text"),
    ({"batchItemFailures": ["a"]}, "batchItemFailures[0] is not an object but text"),
    ({"batchItemFailures": [None]}, "batchItemFailures[0] is not an object but null"),
    ({"batchItemFailures": [{}]}, "batchItemFailures[0] has no itemIdentifier"),
    ({"batchItemFailures": [{"itemId": "a"}]}, "batchItemFailures[0] has no itemIdentifier"),
    (
        {"batchItemFailures": [{"itemIdentifier": None}]},
        "batchItemFailures[0] has an itemIdentifier that is not text but null",
    ),
    (
        {"batchItemFailures": [{"itemIdentifier": 1}]},
        "batchItemFailures[0] has an itemIdentifier that is not text but a number",
    ),
    (
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        "batchItemFailures[0] has an empty itemIdentifier",
    ),
    (
        {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "z"}]},
        "batchItemFailures[1] names 'z', which is not in the batch",
    ),
]


@pytest.mark.parametrize("answer", ALL_WORKED, ids=repr)
def test_nothing_said_means_all_was_worked(answer: Any) -> None:
    """Null, nothing, an empty object and an empty or null list settle the whole batch."""
    assert judge(BATCH, answer) == Verdict(settled=BATCH, kept=())


@pytest.mark.parametrize(("answer", "problem"), NOT_UNDERSTOOD, ids=repr)
def test_what_is_not_understood_keeps_the_batch(answer: Any, problem: str) -> None:
    """Every malformed answer keeps the whole batch and is named."""
    assert judge(BATCH, answer) == Verdict(settled=(), kept=BATCH, problem=problem)


@given(st.lists(st.sampled_from(BATCH)), st.booleans())
def test_listed_ids_are_kept_and_the_others_settled(failed: list[str], as_text: bool) -> None:
    """A well-formed answer, as data or as JSON text, keeps exactly the ids that it lists."""
    answer: Any = {"batchItemFailures": [{"itemIdentifier": id, "why": 1} for id in failed]}
    verdict = judge(BATCH, orjson.dumps(answer) if as_text else answer)

    assert verdict.kept == tuple(id for id in BATCH if id in failed)
    assert verdict.settled == tuple(id for id in BATCH if id not in failed)
    assert verdict.problem is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists) | st.binary())
def test_no_answer_loses_or_doubles_a_message(answer: Any) -> None:
    """Whatever comes back, every id of the batch is either settled or kept, and nothing is raised."""
    verdict = judge(BATCH, answer)

    assert sorted(verdict.settled + verdict.kept) == list(BATCH)


def test_a_raising_target_settles_nothing() -> None:
    """Where the target raised, every message failed with that error, whatever else is known."""
    results = conclude(BATCH, None, ConnectionError("refused"), 5, 7.0)

    assert {id: (one.status, one.error, one.cause) for id, one in results.items()} == dict.fromkeys(
        BATCH, ("FAILED", "ConnectionError", "refused")
    )


def test_an_answer_decides_for_each_message() -> None:
    """Messages named in the answer failed, the others succeeded; a malformed one fails them all."""
    named = conclude(BATCH, {"batchItemFailures": [{"itemIdentifier": "b"}]}, None, 5, 7.0)
    malformed = conclude(BATCH, 17, None, 5, 7.0)

    assert [named[id].status for id in BATCH] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert named["b"].error == "BatchItemFailure"
    assert {one.error for one in malformed.values()} == {"InvalidBatchAnswer"}


@pytest.mark.parametrize(
    ("count", "waited_seconds", "goes"),
    [(0, 99.0, False), (1, 0.0, False), (2, 4.9, False), (1, 5.0, True), (3, 0.0, True)],
)
def test_a_batch_goes_when_full_or_when_its_window_has_passed(
    count: int, waited_seconds: float, goes: bool
) -> None:
    """Three messages go at once, fewer after five seconds, none never."""
    assert ready(count, waited_seconds, batch=3, window_seconds=5.0) is goes
