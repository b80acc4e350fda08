"""One event, dead letter or refusal in full, for people: what it is, what happened to it, when.

Whatever a sender wrote is shown as text that cannot move the cursor, and only as much of it as can
be read. `whole` is the command that prints all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.markup import escape

from holdfast.cli.output import console, local_instant, local_times
from holdfast.clock import format_duration
from holdfast.message import DeadLetter, Failure, Message, Request
from holdfast.operate.passage import Visit
from holdfast.operate.reasons import DEAD
from holdfast.operate.sent_back import SentBack
from holdfast.operate.timeline import Moment, timeline
from holdfast.queue.contract import Entry, Execution, Refusal, State
from holdfast.terminal.showing import told_cause
from holdfast.terminal.text import printable

BODY_CHARACTERS: Final = 4_000
BODY_ROWS: Final = 16
"""Of sixteen bytes each, where a body is no text."""
HEADERS: Final = 100
HEADER_CHARACTERS: Final = 500


def print_entry(
    entry: Entry, executions: Sequence[Execution], redrives: Sequence[SentBack], whole: str
) -> None:
    message = entry.message
    _heading("event", message.id)
    _message_facts(message, _state(entry.state.value, entry.reason))
    _facts({"duplicate of": entry.duplicate_of, "due": local_instant(entry.visible_at_ms)})
    _timeline(entry, executions, redrives)
    _failure(entry.failure)
    _request(message.request.headers.lines, message.request.body, whole)


def print_letter(
    letter: DeadLetter, executions: Sequence[Execution], redrives: Sequence[SentBack], whole: str
) -> None:
    message = letter.message
    _heading("dead letter", message.id)
    _message_facts(message, _state("dead", letter.reason))
    _facts({"superseded by": letter.superseded_by, "put aside": local_instant(letter.parked_at_ms)})
    entry = Entry(
        message,
        State.DEAD,
        finished_at_ms=letter.died_at_ms,
        attempts=letter.attempts,
        reason=letter.reason,
    )
    _timeline(entry, executions, redrives, letter.parked_at_ms)
    _failure(letter.attempts[-1] if letter.attempts else letter.failure)
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


def told(error: str | None, cause: str | None) -> tuple[str, list[str]]:
    """Error and message of a failure, and its stack trace, if its cause carries one."""
    error, (message, trace) = error or "", told_cause(cause or "")
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


def _timeline(
    entry: Entry,
    executions: Sequence[Execution],
    redrives: Sequence[SentBack],
    parked_at_ms: int | None = None,
) -> None:
    console.print("\n[dim]timeline[/dim]")
    moments = timeline(entry, executions, redrives=redrives, parked_at_ms=parked_at_ms)
    # What the definition knows of it is the console's to tell; what is to come has no time yet.
    steps = [
        (one.at_ms, _moment(one))
        for one in moments
        if one.at_ms is not None and one.kind not in ("schema", "stored", "verification")
    ]
    times = local_times([at_ms for at_ms, _ in steps])
    for at, (_, line) in zip(times, steps, strict=True):
        console.print(f"  {at}  {escape(printable(line))}")


def _moment(one: Moment) -> str:
    detail = one.detail
    match one.kind:
        case "received":
            return f"received, {detail['bytes']:,} bytes"
        case "attempt":
            return _attempt(detail, one.visits)
        case "dead":
            return f"dead: {detail['reason']}"
        case "redriven":
            by = f" by {detail['operator']}, {detail['via']}" if detail["operator"] else ""
            return f"redriven{by}" + (f": run {detail['run']}" if detail["run"] else "")
        case "duplicate":
            return f"done: a duplicate of {detail['of']}"
        case "parked":
            return "put aside"
        case kind:
            return kind


def _attempt(detail: Mapping[str, Any], visits: Sequence[Visit]) -> str:
    through = " > ".join(visit.state for visit in visits)
    lead = f"attempt {detail['attempt']}" + (f" ({through})" if through else "")
    # One whose worker died has left no execution, and nobody knows how long it took.
    length = detail["duration_ms"]
    took = format_duration(length / 1000) if length is not None else ""
    if detail["status"] == "SUCCEEDED":
        return f"{lead} succeeded in {took}"
    where = f" in {detail['state']}" if detail["state"] else ""
    verb = "timed out" if detail["status"] == "TIMED_OUT" else "failed"
    after = f" after {took}" if took else ""
    error = _first_line(told(detail["error"], detail["cause"])[0])
    return f"{lead} {verb}{where}{after}: {error}"


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _failure(last: Failure | None) -> None:
    """The last failure, with its stack."""
    if last is None:
        return
    message, trace = told(last.error, last.cause)
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
