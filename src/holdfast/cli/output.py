"""How things look: tables and pages for people, JSON for programs."""

from __future__ import annotations

import base64
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.cli.options import Output
from holdfast.clock import SYSTEM_CLOCK, format_duration
from holdfast.message import DeadLetter, Failure, Message
from holdfast.queue.contract import Entry, Execution, Refusal

# Where nobody watches, a line is as long as it is: a program or grep must find whole ids in it.
_WIDE = None if sys.stdout.isatty() else 4096
console = Console(highlight=False, width=_WIDE)
errors = Console(stderr=True, highlight=False)


WRAPPING = ("why", "error")


def complain(text: str) -> None:
    """An error, to the error stream."""
    errors.print(f"[red]error:[/red] {escape(text)}")


def print_json(value: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def print_rows(output: Output, rows: Sequence[dict[str, Any]], empty: str) -> None:
    """A list of like things: a table, or a JSON array."""
    if output is Output.JSON:
        print_json(list(rows))
        return
    if not rows:
        console.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, value in rows[0].items():
        number = isinstance(value, int | float)
        table.add_column(
            name.replace("_", " "),
            justify="right" if number else "left",
            no_wrap=name not in WRAPPING,
        )
    for row in rows:
        table.add_row(*(escape(visible(value)) for value in row.values()))
    console.print(table)


def visible(value: Any) -> str:
    """A value in one line that cannot move the cursor, whatever a sender wrote into it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}"
    text = str(value)
    return text if text.isprintable() else ascii(text)[1:-1]


def when(ms: int | None) -> str:
    """A time as an age, which is what an operator asks about."""
    if ms is None:
        return "-"
    seconds = (SYSTEM_CLOCK.now_ms() - ms) / 1000
    return f"{format_duration(seconds)} ago" if seconds >= 0 else f"in {format_duration(-seconds)}"


def instant(ms: int | None) -> str | None:
    """ISO 8601 in UTC."""
    if ms is None:
        return None
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def body_fields(body: bytes) -> dict[str, str]:
    """The body as text where it is text, otherwise in base64."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def message_fields(message: Message) -> dict[str, Any]:
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


def failure_fields(failure: Failure) -> dict[str, Any]:
    return {
        "attempt": failure.attempt,
        "at": instant(failure.at_ms),
        "state": failure.state or None,
        "error": failure.error,
        "cause": failure.cause,
        "reason": failure.reason or None,
    }


def execution_fields(execution: Execution) -> dict[str, Any]:
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


def entry_fields(entry: Entry, executions: Sequence[Execution] = ()) -> dict[str, Any]:
    return {
        **message_fields(entry.message),
        "state": entry.state.value,
        "receive_count": entry.receive_count,
        "finished_at": instant(entry.finished_at_ms),
        "duplicate_of": entry.duplicate_of,
        "reason": entry.reason,
        "attempts": [failure_fields(failure) for failure in entry.attempts],
        "executions": [execution_fields(execution) for execution in executions],
    }


def letter_fields(letter: DeadLetter) -> dict[str, Any]:
    return {
        **message_fields(letter.message),
        "reason": letter.reason,
        "error": letter.failure.error if letter.failure else None,
        "cause": letter.failure.cause if letter.failure else None,
        "state": letter.failure.state or None if letter.failure else None,
        "died_at": instant(letter.died_at_ms),
        "receive_count": letter.receive_count,
        "superseded_by": letter.superseded_by,
        "attempts": [failure_fields(failure) for failure in letter.attempts],
    }


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
        **body_fields(refusal.body),
    }


def print_page(output: Output, fields: dict[str, Any]) -> None:
    """One thing in full."""
    if output is Output.JSON:
        print_json(fields)
        return
    for name, value in fields.items():
        if value in (None, "", [], {}) or name in ("headers", "body", "body_base64"):
            continue
        if isinstance(value, list):
            console.print(f"[dim]{name.replace('_', ' ')}[/dim]")
            for item in value:
                console.print("  " + escape(_line(item)), soft_wrap=True)
        else:
            label = name.replace("_", " ")
            console.print(f"[dim]{label:<14}[/dim]{escape(visible(value))}", soft_wrap=True)
    console.print("[dim]headers[/dim]")
    for header, text in fields.get("headers", []):
        console.print(f"  {escape(header)}: {escape(visible(text))}", soft_wrap=True)
    console.print("[dim]body[/dim]")
    if "body_base64" in fields:
        console.print(f"  (base64) {fields['body_base64']}", soft_wrap=True)
    else:
        for line in str(fields.get("body", "")).splitlines() or [""]:
            console.print(f"  {escape(visible(line))}", soft_wrap=True)


def _line(item: Any) -> str:
    if not isinstance(item, dict):
        return visible(item)
    told = (f"{name}={visible(value)}" for name, value in item.items() if value not in (None, []))
    return "  ".join(told)
