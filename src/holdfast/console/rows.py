"""From what the store and `holdfast.operate` give to what the API answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdfast.compiled import CompiledWebhook
from holdfast.console.problems import encoded
from holdfast.console.shapes.dead import GroupRow, LetterRow
from holdfast.console.shapes.events import (
    EventRow,
    ExecutionRow,
    PassedFields,
    ValueFields,
    VisitFields,
)
from holdfast.console.shapes.runs import ActFields, RunFields
from holdfast.message import DeadLetter
from holdfast.operate.book import ACTIONS
from holdfast.operate.fields import BodyFields, body_fields, instant
from holdfast.operate.finding import type_of
from holdfast.operate.groups import Group, name_of
from holdfast.operate.passage import Passage, Visit
from holdfast.operate.reasons import DEAD
from holdfast.operate.runs import Run
from holdfast.operate.verification import verification_of
from holdfast.queue.contract import Entry, Execution, Refusal
from holdfast.queue.fingerprint import failure_message
from holdfast.queue.views import Act
from holdfast.workflow.input import Delivery

INLINE_BYTES: Final = 64 * 1024
"""A larger body is fetched by itself, as bytes."""

VALUE_BYTES: Final = 16 * 1024
PREVIEW_CHARACTERS: Final = 2_000
MESSAGE_CHARACTERS: Final = 500


def moment(ms: int) -> str:
    """ISO 8601 in UTC."""
    return instant(ms) or ""


def inline_body(body: bytes) -> tuple[BodyFields, bool]:
    """The body as fields, and whether it was left out for its size."""
    if len(body) <= INLINE_BYTES:
        return body_fields(body), False
    return {"bytes": len(body), "body": None, "body_base64": None}, True


def value_fields(value: Any) -> ValueFields:
    """The whole value while it is small."""
    raw = encoded(value)
    if len(raw) <= VALUE_BYTES:
        return {"value": value, "bytes": len(raw), "cut": False}
    preview = raw[: PREVIEW_CHARACTERS * 4].decode("utf-8", "ignore")[:PREVIEW_CHARACTERS]
    return {"bytes": len(raw), "cut": True, "preview": preview}


def event_row(one: Entry | Refusal, webhook: CompiledWebhook | None) -> EventRow:
    return _refusal_row(one) if isinstance(one, Refusal) else _entry_row(one, webhook)


def _entry_row(entry: Entry, webhook: CompiledWebhook | None) -> EventRow:
    message, failure = entry.message, entry.failure
    return {
        "kind": "event",
        "id": message.id,
        "webhook": message.webhook,
        "type": type_of(entry, webhook),
        "received_at": moment(message.received_at_ms),
        "method": message.request.method,
        "path": message.request.path,
        "remote": message.request.remote,
        "bytes": len(message.request.body),
        "state": entry.state.value,
        "status": None,
        "reason": entry.reason,
        "error": failure.error if failure else None,
        "verification": verification_of(entry, webhook)[0],
        "attempts": entry.receive_count,
        "finished_at": instant(entry.finished_at_ms),
        "duplicate_of": entry.duplicate_of,
        "replay_of": message.replay_of,
    }


def _refusal_row(refusal: Refusal) -> EventRow:
    return {
        "kind": "refusal",
        "id": refusal.id,
        "webhook": refusal.webhook,
        "type": None,
        "received_at": moment(refusal.at_ms),
        "method": refusal.method,
        "path": refusal.path,
        "remote": refusal.remote,
        "bytes": len(refusal.body),
        "state": "refused",
        "status": refusal.status,
        "reason": refusal.reason,
        "error": None,
        "verification": "failed" if refusal.status == 401 else "unknown",
        "attempts": 0,
        "finished_at": None,
        "duplicate_of": None,
        "replay_of": None,
    }


def letter_row(letter: DeadLetter, webhook: CompiledWebhook | None) -> LetterRow:
    message, failure = letter.message, letter.failure
    type = Delivery(webhook, message, 1, None).type if webhook else None
    return {
        "id": message.id,
        "webhook": message.webhook,
        "type": type,
        "reason": letter.reason,
        "state": failure.state or None if failure else None,
        "error": failure.error if failure else None,
        "message": failure_message(failure.cause)[:MESSAGE_CHARACTERS] if failure else "",
        "died_at": moment(letter.died_at_ms),
        "received_at": moment(message.received_at_ms),
        "attempts": letter.receive_count,
        "bytes": len(message.request.body),
        "group": name_of(letter),
        "parked_at": instant(letter.parked_at_ms),
        "superseded_by": letter.superseded_by,
    }


def group_row(group: Group) -> GroupRow:
    return {
        "id": group.id,
        "webhook": group.webhook,
        "reason": group.reason,
        "explanation": DEAD.get(group.reason),
        "state": group.state,
        "error": group.error,
        "message": group.message,
        "count": group.count,
        "first_at": moment(group.first_ms),
        "last_at": moment(group.last_ms),
        "example": group.example.message.id,
    }


def run_fields(run: Run) -> RunFields:
    filter = run.selection.filter
    chosen: dict[str, Any] = {
        "ids": list(run.selection.ids),
        "webhook": filter.webhook,
        "reason": filter.reason,
        "error": filter.error,
        "group": filter.group,
        "since": instant(filter.since_ms),
        "until": instant(filter.until_ms),
        "limit": run.selection.limit,
    }
    done, dead = run.outcome.done, run.outcome.dead
    return {
        "id": run.id,
        "webhooks": list(run.webhooks),
        "stage": run.stage.value,
        "active": run.active,
        "reason": run.reason,
        "operator": run.operator,
        "via": run.via,
        "opened_at": moment(run.opened_at_ms),
        "ended_at": instant(run.ended_at_ms),
        "selection": {name: value for name, value in chosen.items() if value not in (None, [])},
        "total": run.plan.total,
        "try_first": run.plan.try_first,
        "go_on": run.plan.go_on,
        "rate": run.plan.rate,
        "stop_at": str(run.plan.stop_at),
        "watch": run.plan.watch,
        "sent": run.sent,
        "skipped": run.skipped,
        "done": done,
        "dead": dead,
        "pending": max(0, run.sent - done - dead) if run.plan.watch else 0,
        "left": max(0, run.plan.total - run.turns),
    }


def act_fields(act: Act) -> ActFields:
    return {
        "id": act.id,
        "at": moment(act.at_ms),
        "operator": act.operator,
        "via": act.via,
        "action": act.action,
        "meaning": ACTIONS.get(act.action, act.action),
        "webhook": act.webhook,
        "target": act.target,
        "detail": dict(act.detail),
    }


def execution_row(execution: Execution) -> ExecutionRow:
    return {
        "event": execution.message_id,
        "webhook": execution.webhook,
        "attempt": execution.attempt,
        "started_at": moment(execution.started_at_ms),
        "duration_ms": round(execution.duration_ms, 3),
        "status": execution.status,
        "error": execution.error,
        "state": execution.state,
    }


def visit_fields(visit: Visit) -> VisitFields:
    return {
        "state": visit.state,
        "type": visit.type,
        "came": visit.came,
        "entered_at": instant(visit.entered_at_ms),
        "exited_at": instant(visit.exited_at_ms),
        "duration_ms": visit.duration_ms,
        "input": value_fields(visit.input),
        "output": value_fields(visit.output) if visit.came in ("succeeded", "caught") else None,
        "error": visit.error,
        "cause": visit.cause,
        "tasks": visit.tasks,
        "resource": visit.resource,
    }


def passed_fields(passage: Passage) -> PassedFields:
    return {"states": dict[str, str](passage.states()), "edges": list(passage.edges)}


def header_lines(headers: Mapping[str, str] | tuple[tuple[str, str], ...]) -> list[list[str]]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return [[name, value] for name, value in pairs]
