"""What came in and what became of it, as fields for programs: everything, times in UTC.

The command line prints these with `--output json`, the console's API answers with them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NotRequired

from typing_extensions import TypedDict

from holdfast.message import DeadLetter, Failure, Message
from holdfast.operate.sent_back import SentBack
from holdfast.queue.contract import Entry, Execution, Refusal

Line = list[str]
"""A header: its name in lower case, and its value."""


class FailureFields(TypedDict):
    attempt: int
    at: str | None
    state: str | None
    error: str
    cause: str
    reason: str | None


class ExecutionFields(TypedDict):
    attempt: int
    started_at: str | None
    duration_ms: float
    status: str
    error: str | None
    cause: str | None
    state: str | None
    history: list[Mapping[str, Any]]


class RedriveFields(TypedDict):
    at: str | None
    died_at: str | None
    reason: str
    run: str | None
    operator: str | None
    via: str | None


class BodyFields(TypedDict):
    bytes: int
    body: str | None
    body_base64: str | None


class MessageFields(BodyFields):
    id: str
    webhook: str
    received_at: str | None
    method: str
    path: str
    query: str
    remote: str
    params: dict[str, str]
    verdict: str | None
    replay_of: str | None
    headers: list[Line]


class EntryFields(MessageFields):
    state: str
    reason: str | None
    receive_count: int
    visible_at: str | None
    finished_at: str | None
    duplicate_of: str | None
    attempts: list[FailureFields]
    redrives: NotRequired[list[RedriveFields]]
    executions: NotRequired[list[ExecutionFields]]


class LetterFields(MessageFields):
    state: str
    reason: str
    error: str | None
    cause: str | None
    failed_state: str | None
    died_at: str | None
    parked_at: str | None
    receive_count: int
    superseded_by: str | None
    attempts: list[FailureFields]
    redrives: NotRequired[list[RedriveFields]]
    executions: NotRequired[list[ExecutionFields]]


class RefusalFields(BodyFields):
    id: str
    webhook: str | None
    received_at: str | None
    method: str
    path: str
    remote: str
    state: str
    status: int
    reason: str
    detail: str
    headers: list[Line]


def instant(ms: int | None) -> str | None:
    """ISO 8601 in UTC."""
    if ms is None:
        return None
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def entry_fields(
    entry: Entry,
    executions: Sequence[Execution] | None = None,
    redrives: Sequence[SentBack] | None = None,
) -> EntryFields:
    """`executions` and `redrives` are left out where None."""
    fields: EntryFields = {
        **message_fields(entry.message),  # type: ignore[typeddict-item]  # has no executions
        "state": entry.state.value,
        "reason": entry.reason,
        "receive_count": entry.receive_count,
        "visible_at": instant(entry.visible_at_ms),
        "finished_at": instant(entry.finished_at_ms),
        "duplicate_of": entry.duplicate_of,
        "attempts": [failure_fields(failure) for failure in entry.attempts],
    }
    if redrives is not None:
        fields["redrives"] = [redrive_fields(one) for one in redrives]
    if executions is not None:
        fields["executions"] = [execution_fields(execution) for execution in executions]
    return fields


def letter_fields(
    letter: DeadLetter,
    executions: Sequence[Execution] | None = None,
    redrives: Sequence[SentBack] | None = None,
) -> LetterFields:
    """`executions` and `redrives` are left out where None."""
    failure = letter.failure
    fields: LetterFields = {
        **message_fields(letter.message),  # type: ignore[typeddict-item]  # has no executions
        "state": "dead",
        "reason": letter.reason,
        "error": failure.error if failure else None,
        "cause": failure.cause if failure else None,
        "failed_state": failure.state or None if failure else None,
        "died_at": instant(letter.died_at_ms),
        "parked_at": instant(letter.parked_at_ms),
        "receive_count": letter.receive_count,
        "superseded_by": letter.superseded_by,
        "attempts": [failure_fields(failure) for failure in letter.attempts],
    }
    if redrives is not None:
        fields["redrives"] = [redrive_fields(one) for one in redrives]
    if executions is not None:
        fields["executions"] = [execution_fields(execution) for execution in executions]
    return fields


def refusal_fields(refusal: Refusal) -> RefusalFields:
    return {
        "id": refusal.id,
        "webhook": refusal.webhook,
        "received_at": instant(refusal.at_ms),
        "method": refusal.method,
        "path": refusal.path,
        "remote": refusal.remote,
        "state": "refused",
        "status": refusal.status,
        "reason": refusal.reason,
        "detail": refusal.detail,
        "headers": [list(line) for line in refusal.headers],
        **body_fields(refusal.body),
    }


def fields_of(one: Entry | Refusal) -> EntryFields | RefusalFields:
    return entry_fields(one) if isinstance(one, Entry) else refusal_fields(one)


def message_fields(message: Message) -> MessageFields:
    request = message.request
    return {
        "id": message.id,
        "webhook": message.webhook,
        "received_at": instant(message.received_at_ms),
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "remote": request.remote,
        "params": dict(message.params),
        "verdict": message.verdict,
        "replay_of": message.replay_of,
        "headers": [list(line) for line in request.headers],
        **body_fields(request.body),
    }


def body_fields(body: bytes) -> BodyFields:
    """Text where it is text, otherwise base64; one of the two is null."""
    try:
        return {"bytes": len(body), "body": body.decode(), "body_base64": None}
    except UnicodeDecodeError:
        encoded = base64.b64encode(body).decode()
        return {"bytes": len(body), "body": None, "body_base64": encoded}


def failure_fields(failure: Failure) -> FailureFields:
    return {
        "attempt": failure.attempt,
        "at": instant(failure.at_ms),
        "state": failure.state or None,
        "error": failure.error,
        "cause": failure.cause,
        "reason": failure.reason or None,
    }


def redrive_fields(one: SentBack) -> RedriveFields:
    return {
        "at": instant(one.redrive.at_ms),
        "died_at": instant(one.redrive.died_at_ms),
        "reason": one.redrive.reason,
        "run": one.redrive.run,
        "operator": one.operator,
        "via": one.via,
    }


def execution_fields(execution: Execution) -> ExecutionFields:
    return {
        "attempt": execution.attempt,
        "started_at": instant(execution.started_at_ms),
        "duration_ms": round(execution.duration_ms, 3),
        "status": execution.status,
        "error": execution.error,
        "cause": execution.cause,
        "state": execution.state,
        "history": list(execution.history),
    }
