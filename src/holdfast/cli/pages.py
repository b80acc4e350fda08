"""One event, dead letter or refusal in full, for people: what it is, what happened to it, when.

Whatever a sender wrote is shown as text that cannot move the cursor, and only as much of it as can
be read. `whole` is the command that prints all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.markup import escape

from holdfast.cli.output import console, local_instant, local_time
from holdfast.clock import format_duration
from holdfast.message import DeadLetter, Failure, Message, Request
from holdfast.operate.reasons import DEAD
from holdfast.queue.contract import Entry, Execution, Refusal
from holdfast.terminal.showing import told_cause
from holdfast.terminal.text import printable

BODY_CHARACTERS: Final = 4_000
BODY_ROWS: Final = 16
"""Of sixteen bytes each, where a body is no text."""
HEADERS: Final = 100
HEADER_CHARACTERS: Final = 500


def print_entry(entry: Entry, executions: Sequence[Execution], whole: str) -> None:
    message = entry.message
    _heading("event", message.id)
    _message_facts(message, _state(entry.state.value, entry.reason))
    _facts({"duplicate of": entry.duplicate_of, "due": local_instant(entry.visible_at_ms)})
    _timeline(message, entry.attempts, executions, _end(entry))
    _failure(entry.attempts)
    _request(message.request.headers.lines, message.request.body, whole)


def print_letter(letter: DeadLetter, executions: Sequence[Execution], whole: str) -> None:
    message = letter.message
    _heading("dead letter", message.id)
    _message_facts(message, _state("dead", letter.reason))
    _facts({"superseded by": letter.superseded_by, "put aside": local_instant(letter.parked_at_ms)})
    end = (letter.died_at_ms, f"dead: {letter.reason}")
    _timeline(message, letter.attempts, executions, end)
    _failure(letter.attempts or tuple(filter(None, (letter.failure,))))
    _request(message.request.headers.lines, message.request.body, whole)


def print_refusal(refusal: Refusal, whole: str) -> None:
    _heading("refusal", refusal.id)
    _facts(
        {
            "webhook": refusal.webhook,
            "answered": f"{refusal.status} {refusal.reason}",
            "why": refusal.detail,
            "received": local_instant(refusal.at_ms),
            "request": f"{refusal.method} {refusal.path} from {refusal.remote or 'unknown'}",
        }
    )
    _request(refusal.headers, refusal.body, whole)


def told(failure: Failure | Execution) -> tuple[str, list[str]]:
    """Error and message of a failure, and its stack trace, if its cause carries one."""
    error = failure.error or ""
    message, trace = told_cause(failure.cause or "")
    return (f"{error}: {message}" if message else error), trace


def _heading(what: str, id: str) -> None:
    console.print(f"{what} [bold]{escape(id)}[/bold]")


def _facts(facts: Mapping[str, str | None]) -> None:
    for name, value in facts.items():
        if value:
            console.print(f"[dim]{name:<14}[/dim]{escape(printable(value))}")


def _message_facts(message: Message, state: str) -> None:
    request = message.request
    _facts(
        {
            "webhook": message.webhook,
            "state": state,
            "received": local_instant(message.received_at_ms),
            "request": f"{request.method} {_target(request)} from {request.remote or 'unknown'}",
            "parameters": ", ".join(f"{name}={value}" for name, value in message.params.items()),
            "door's verdict": message.verdict,
            "replay of": message.replay_of,
        }
    )


def _target(request: Request) -> str:
    return f"{request.path}?{request.query}" if request.query else request.path


def _state(state: str, reason: str | None) -> str:
    if reason is None:
        return state
    why = DEAD.get(reason)
    return f"{state}, {reason}: {why}" if why else f"{state}, {reason}"


def _end(entry: Entry) -> tuple[int, str] | None:
    if entry.finished_at_ms is None:
        return None
    return entry.finished_at_ms, ": ".join(filter(None, (entry.state.value, entry.reason)))


def _timeline(
    message: Message,
    attempts: Sequence[Failure],
    executions: Sequence[Execution],
    end: tuple[int, str] | None,
) -> None:
    steps = [(message.received_at_ms, f"received, {len(message.request.body):,} bytes")]
    steps += [(one.started_at_ms, _run(one)) for one in executions]
    for failure in attempts:
        # An attempt whose worker died has left no execution.
        if not any(_same(failure, execution) for execution in executions):
            where = f" in {failure.state}" if failure.state else ""
            line = f"attempt {failure.attempt} failed{where}: {_first_line(told(failure)[0])}"
            steps.append((failure.at_ms, line))
    console.print("\n[dim]timeline[/dim]")
    for at_ms, line in sorted(steps, key=lambda step: step[0]) + ([end] if end else []):
        console.print(f"  {local_time(at_ms)}  {escape(printable(line))}")


def _run(execution: Execution) -> str:
    took = format_duration(execution.duration_ms / 1000)
    through = " > ".join(_states(execution.history))
    lead = f"attempt {execution.attempt}" + (f" ({through})" if through else "")
    if execution.status == "SUCCEEDED":
        return f"{lead} succeeded in {took}"
    where = f" in {execution.state}" if execution.state else ""
    verb = "timed out" if execution.status == "TIMED_OUT" else "failed"
    return f"{lead} {verb}{where} after {took}: {_first_line(told(execution)[0])}"


def _states(history: Iterable[Mapping[str, Any]]) -> list[str]:
    entered = (event for event in history if str(event.get("type")).endswith("StateEntered"))
    return [str(event.get("details", {}).get("name", "?")) for event in entered]


def _same(failure: Failure, execution: Execution) -> bool:
    ended_ms = execution.started_at_ms + execution.duration_ms
    return (
        (execution.attempt, execution.error) == (failure.attempt, failure.error)
        and execution.started_at_ms <= failure.at_ms
        and abs(failure.at_ms - ended_ms) < 1_000
    )


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _failure(attempts: Sequence[Failure]) -> None:
    """The last failure, with its stack."""
    if not attempts:
        return
    message, trace = told(attempts[-1])
    if not trace and "\n" not in message:
        return
    console.print("\n[dim]last failure[/dim]")
    for line in [*message.splitlines(), *(row for part in trace for row in part.splitlines())]:
        console.print(f"  {escape(printable(line))}")


def _request(headers: Sequence[tuple[str, str]], body: bytes, whole: str) -> None:
    console.print("\n[dim]headers[/dim]")
    for name, value in headers[:HEADERS]:
        shown = printable(value[:HEADER_CHARACTERS])
        more = f" ... ({len(value):,} characters)" if len(value) > HEADER_CHARACTERS else ""
        console.print(f"  {escape(printable(name))}: {escape(shown)}{more}")
    if len(headers) > HEADERS:
        console.print(f"  [dim]... and {len(headers) - HEADERS:,} more[/dim]")
    console.print(f"\n[dim]body, {len(body):,} bytes[/dim]")
    shown_bytes = _print_body(body)
    if shown_bytes < len(body):
        console.print(f"  [dim]... all of it: {escape(whole)}[/dim]")


def _print_body(body: bytes) -> int:
    """Print the beginning; how many bytes of it were shown."""
    text = _as_text(body)
    if text is None:
        rows = [body[at : at + 16] for at in range(0, min(len(body), 16 * BODY_ROWS), 16)]
        for at, row in enumerate(rows):
            signs = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            console.print(f"  {at * 16:04x}  {row.hex(' '):<47}  {escape(signs)}")
        return sum(map(len, rows))
    shown = text[:BODY_CHARACTERS]
    for line in shown.split("\n") if shown else ():
        console.print(f"  {escape(printable(line))}")
    return len(body) if shown == text else len(shown.encode())


def _as_text(body: bytes) -> str | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text
