"""When a batch goes, and what the target's answer to it means. Pure.

The answer is read exactly as AWS reads it from a Lambda function or a state machine behind an SQS
queue. It is strict on purpose: an answer that cannot be understood keeps the whole batch, because a
message worked twice can be borne and a message lost cannot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from holdfast.workflow.result import Result


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which ids of a batch were worked and which stay in the queue, both in the batch's order.

    `problem` says why nothing was settled, where the answer could not be understood.
    """

    settled: tuple[str, ...]
    kept: tuple[str, ...]
    problem: str | None = None


def judge(ids: Sequence[str], answer: Any) -> Verdict:
    """What `answer` means for the batch `ids`.

    answer: `{"batchItemFailures": [{"itemIdentifier": id}, ...]}`, or the same as JSON text. Nothing
        at all, an empty object, an empty list and null in its place mean that everything was worked.
        Anything else that does not name ids of this batch keeps all of it. So does an object that
        says something but not `batchItemFailures`: the name may be misspelt.
    """
    failed, problem = _failed_ids(frozenset(ids), answer)
    if problem is not None:
        return Verdict((), tuple(ids), problem)
    return Verdict(
        settled=tuple(id for id in ids if id not in failed),
        kept=tuple(id for id in ids if id in failed),
    )


def conclude(
    ids: Sequence[str],
    answer: Any,
    raised: BaseException | None,
    started_at_ms: int,
    duration_ms: float,
) -> dict[str, Result]:
    """How each message of a batch went, where all that is known is the target's answer.

    raised: what it raised instead of an answer; nothing is settled then.
    """
    verdict = judge(ids, answer) if raised is None else Verdict((), tuple(ids))
    if raised is not None:
        error, cause = type(raised).__name__, str(raised)
    elif verdict.problem is not None:
        error, cause = "InvalidBatchAnswer", verdict.problem
    else:
        error, cause = "BatchItemFailure", "the target named this message in batchItemFailures"
    worked = Result("SUCCEEDED", started_at_ms, duration_ms)
    failed = Result("FAILED", started_at_ms, duration_ms, error=error, cause=cause)
    return dict.fromkeys(verdict.settled, worked) | dict.fromkeys(verdict.kept, failed)


def ready(count: int, oldest_waited_seconds: float, batch: int, window_seconds: float) -> bool:
    """Whether `count` waiting messages should go now: a full batch, or the window has passed."""
    return count >= batch or (count > 0 and oldest_waited_seconds >= window_seconds)


def _failed_ids(batch: frozenset[str], answer: Any) -> tuple[set[str], str | None]:
    failed: set[str] = set()
    if isinstance(answer, str | bytes) and answer:
        try:
            answer = orjson.loads(answer)
        except orjson.JSONDecodeError:
            return failed, "the answer is not JSON"
    if answer is None or (isinstance(answer, str | bytes | Mapping) and not answer):
        return failed, None
    if not isinstance(answer, Mapping):
        return failed, f"the answer is not an object but {_kind(answer)}"
    if "batchItemFailures" not in answer:
        return failed, "the answer has no batchItemFailures"
    items = answer["batchItemFailures"]
    if items is None:
        return failed, None
    if not isinstance(items, list | tuple):
        return failed, f"batchItemFailures is not a list but {_kind(items)}"
    for place, item in enumerate(items):
        id, problem = _identifier(item)
        if problem is None and id not in batch:
            problem = f"names {id!r}, which is not in the batch"
        if problem is not None:
            return failed, f"batchItemFailures[{place}] {problem}"
        failed.add(id)
    return failed, None


def _identifier(item: Any) -> tuple[str, str | None]:
    if not isinstance(item, Mapping):
        return "", f"is not an object but {_kind(item)}"
    if "itemIdentifier" not in item:
        return "", "has no itemIdentifier"
    id = item["itemIdentifier"]
    if not isinstance(id, str):
        return "", f"has an itemIdentifier that is not text but {_kind(id)}"
    return (id, None) if id else (id, "has an empty itemIdentifier")


def _kind(value: Any) -> str:
    """What JSON calls it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "an object"
        case _:
            return type(value).__name__
