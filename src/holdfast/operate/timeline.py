"""Everything that happened to one event, in one line: what the event's page shows. Pure.

    received -> schema -> stored -> verification -> attempt (its states) -> ... -> dead -> redriven
             -> attempt -> done

It is put together from what the store keeps anyway. What nobody kept is not told: the states of an
attempt are there where the log level keeps its history, or where it failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from holdfast.compiled import CompiledWebhook
from holdfast.message import Failure
from holdfast.operate.passage import Visit, passage
from holdfast.operate.sent_back import SentBack
from holdfast.operate.verification import verification_of, verifying_state
from holdfast.queue.contract import Entry, Execution, State

Kind = Literal[
    "received",
    "schema",
    "stored",
    "verification",
    "attempt",
    "dead",
    "redriven",
    "parked",
    "done",
    "duplicate",
    "purged",
    "waiting",
    "leased",
    "superseded",
]

Came = Literal["ok", "failed", "neutral", "pending"]

# A failure is written down a moment after its execution ended.
_SAME_MS = 1_000


@dataclass(frozen=True, slots=True)
class Moment:
    """One step. `at_ms` None: nobody noted when. `detail` depends on the kind."""

    kind: Kind
    came: Came
    at_ms: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    visits: tuple[Visit, ...] = ()
    """Of an attempt: the states that it passed."""


def timeline(
    entry: Entry,
    executions: Sequence[Execution] = (),
    *,
    webhook: CompiledWebhook | None = None,
    redrives: Sequence[SentBack] = (),
    parked_at_ms: int | None = None,
    superseded_by: str | None = None,
) -> list[Moment]:
    """All of it, oldest first. `webhook`: as it is defined now, if it is."""
    message = entry.message
    at = message.received_at_ms
    moments = [
        Moment(
            "received",
            "ok",
            at,
            {
                "method": message.request.method,
                "path": message.request.path,
                "remote": message.request.remote,
                "bytes": len(message.request.body),
                "headers": len(message.request.headers),
                "replay_of": message.replay_of,
            },
        ),
        _schema(entry, webhook),
        Moment("stored", "ok", at),
    ]
    attempts = _attempts(entry, executions, webhook)
    moments.append(_verification(entry, webhook, attempts))
    later = [*attempts, *_rests(redrives), *_end(entry)]
    if parked_at_ms is not None:
        later.append(Moment("parked", "neutral", parked_at_ms))
    if superseded_by is not None:
        later.append(Moment("superseded", "ok", None, {"by": superseded_by}))
    order = {"dead": 1, "redriven": 2}
    # What has no time of its own (a lease that runs, what is still to come) stands at the end.
    later.sort(key=lambda one: (one.at_ms is None, one.at_ms or 0, order.get(one.kind, 0)))
    return moments + later


def _schema(entry: Entry, webhook: CompiledWebhook | None) -> Moment:
    """What was kept has passed the door. What the full model says shows in the first state."""
    at = entry.message.received_at_ms
    if webhook is None:
        return Moment("schema", "neutral", at, {"result": "unknown"})
    if entry.reason == "schema_invalid":
        cause = entry.attempts[-1].cause if entry.attempts else ""
        return Moment("schema", "failed", at, {"result": "invalid", "cause": cause})
    if webhook.schema is None:
        return Moment("schema", "neutral", at, {"result": "none"})
    return Moment("schema", "ok", at, {"result": "fits"})


def _verification(
    entry: Entry, webhook: CompiledWebhook | None, attempts: Sequence[Moment]
) -> Moment:
    result, reason = verification_of(entry, webhook)
    came: dict[str, Came] = {"verified": "ok", "failed": "failed", "pending": "pending"}
    first = verifying_state(webhook) if webhook is not None else ""
    door = entry.message.verdict is not None
    visits = (visit for moment in attempts for visit in moment.visits if visit.state == first)
    visit = None if door else next(visits, None)
    at = entry.message.received_at_ms if door else visit.entered_at_ms if visit else None
    where = "door" if door or (webhook is not None and webhook.verify_at == "gateway") else "state"
    detail = {"result": result, "reason": reason, "where": where}
    return Moment("verification", came.get(result, "neutral"), at, detail)


def _attempts(
    entry: Entry, executions: Sequence[Execution], webhook: CompiledWebhook | None
) -> list[Moment]:
    """Each run, and each attempt that left none: its worker died, or nobody kept it."""
    document = webhook.workflow if webhook is not None else None
    moments = [
        Moment(
            "attempt",
            "ok" if run.status == "SUCCEEDED" else "failed",
            run.started_at_ms,
            {
                "attempt": run.attempt,
                "status": run.status,
                "duration_ms": round(run.duration_ms, 3),
                "state": run.state,
                "error": run.error,
                "cause": run.cause,
                "kept": bool(run.history),
            },
            passage(run.history, document).visits,
        )
        for run in executions
    ]
    for failure in entry.attempts:
        if not any(_same(failure, run) for run in executions):
            detail = {
                "attempt": failure.attempt,
                "status": "FAILED",
                "duration_ms": None,
                "state": failure.state or None,
                "error": failure.error,
                "cause": failure.cause,
                "kept": False,
            }
            moments.append(Moment("attempt", "failed", failure.at_ms, detail))
    return moments


def _same(failure: Failure, run: Execution) -> bool:
    ended_ms = run.started_at_ms + run.duration_ms
    return (
        (run.attempt, run.error) == (failure.attempt, failure.error)
        and run.started_at_ms <= failure.at_ms
        and abs(failure.at_ms - ended_ms) < _SAME_MS
    )


def _rests(redrives: Iterable[SentBack]) -> list[Moment]:
    """Each time that it died and was sent back."""
    moments = []
    for one in redrives:
        back = one.redrive
        moments.append(Moment("dead", "failed", back.died_at_ms, {"reason": back.reason}))
        told = {"operator": one.operator, "via": one.via, "run": back.run}
        moments.append(Moment("redriven", "neutral", back.at_ms, told))
    return moments


def _end(entry: Entry) -> list[Moment]:
    """Where it is now."""
    at = entry.finished_at_ms
    match entry.state:
        case State.DONE if entry.duplicate_of:
            return [Moment("duplicate", "neutral", at, {"of": entry.duplicate_of})]
        case State.DONE:
            return [Moment("done", "ok", at)]
        case State.DEAD:
            return [Moment("dead", "failed", at, {"reason": entry.reason})]
        case State.PURGED:
            return [Moment("purged", "neutral", None)]
        case State.LEASED:
            return [Moment("leased", "pending", None, {"until_ms": entry.visible_at_ms})]
        case _:
            return [Moment("waiting", "pending", None, {"due_ms": entry.visible_at_ms})]
