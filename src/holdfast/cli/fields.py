"""What came in and what became of it, as fields for programs: everything, times in UTC."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from holdfast.cli.output import instant
from holdfast.message import DeadLetter, Failure, Message
from holdfast.queue.contract import Entry, Execution, Refusal


def entry_fields(entry: Entry, executions: Sequence[Execution] | None = None) -> dict[str, Any]:
    """`executions` are left out where None."""
    fields = {
        **_message_fields(entry.message),
        "state": entry.state.value,
        "reason": entry.reason,
        "receive_count": entry.receive_count,
        "visible_at": instant(entry.visible_at_ms),
        "finished_at": instant(entry.finished_at_ms),
        "duplicate_of": entry.duplicate_of,
        "attempts": [_failure_fields(failure) for failure in entry.attempts],
    }
    if executions is not None:
        fields["executions"] = [_execution_fields(execution) for execution in executions]
    return fields


def letter_fields(
    letter: DeadLetter, executions: Sequence[Execution] | None = None
) -> dict[str, Any]:
    """`executions` are left out where None."""
    failure = letter.failure
    fields = {
        **_message_fields(letter.message),
        "state": "dead",
        "reason": letter.reason,
        "error": failure.error if failure else None,
        "cause": failure.cause if failure else None,
        "failed_state": failure.state or None if failure else None,
        "died_at": instant(letter.died_at_ms),
        "receive_count": letter.receive_count,
        "superseded_by": letter.superseded_by,
        "attempts": [_failure_fields(failure) for failure in letter.attempts],
    }
    if executions is not None:
        fields["executions"] = [_execution_fields(execution) for execution in executions]
    return fields


def refusal_fields(refusal: Refusal) -> dict[str, Any]:
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
        **_body_fields(refusal.body),
    }


def fields_of(one: Entry | Refusal) -> dict[str, Any]:
    return entry_fields(one) if isinstance(one, Entry) else refusal_fields(one)


def _message_fields(message: Message) -> dict[str, Any]:
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
        **_body_fields(request.body),
    }


def _body_fields(body: bytes) -> dict[str, Any]:
    """Text where it is text, otherwise base64; one of the two is null."""
    try:
        return {"bytes": len(body), "body": body.decode(), "body_base64": None}
    except UnicodeDecodeError:
        encoded = base64.b64encode(body).decode()
        return {"bytes": len(body), "body": None, "body_base64": encoded}


def _failure_fields(failure: Failure) -> dict[str, Any]:
    return {
        "attempt": failure.attempt,
        "at": instant(failure.at_ms),
        "state": failure.state or None,
        "error": failure.error,
        "cause": failure.cause,
        "reason": failure.reason or None,
    }


def _execution_fields(execution: Execution) -> dict[str, Any]:
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
