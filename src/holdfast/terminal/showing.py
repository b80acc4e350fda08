"""One event, refusal or dead letter in full, as lines to scroll through. Pure.

It is given what the API answers with. Whatever a sender wrote is made harmless, and as much of it is
shown as anybody reads; the console and `--output json` have all of it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from holdfast.queue.contract import State
from holdfast.terminal.feed import Line, Part
from holdfast.terminal.rows import Style, clock_time, moment_ms
from holdfast.terminal.text import printable, size, took, wrap

BODY_LINES: Final = 2_000
BODY_CHARACTERS: Final = 200_000
BODY_ROWS: Final = 256
"""Of sixteen bytes each, where a body is no text."""
VALUE_CHARACTERS: Final = 2_000

_CAME: Final[Mapping[str, Style]] = {"ok": "good", "failed": "bad", "pending": "warn"}

_LEFT_OUT: Final = frozenset(("kept", "cause", "attempt"))
"""Of a moment's detail: told elsewhere, or nothing to people."""


def show(
    fields: Mapping[str, Any], body: bytes | None, width: int, now_ms: int
) -> tuple[Line, ...]:
    """`body`: the whole of it, where `fields` leave it out."""
    parts = [
        *_facts(fields),
        *_timeline(fields, now_ms),
        *_failure(fields),
        *_headers(fields),
        *_body(fields, body),
    ]
    return tuple(((style, piece),) for style, text in parts for piece in wrap(text, max(1, width)))


def _facts(fields: Mapping[str, Any]) -> Iterator[Part]:
    state = str(fields.get("state", "refused"))
    answered = f"{fields['status']} " if fields.get("status") is not None else ""
    told = {
        "id": fields["id"],
        "webhook": fields.get("webhook"),
        "type": fields.get("type"),
        "state": ", ".join(
            str(part)
            for part in (f"{answered}{state}", fields.get("reason"), fields.get("explanation"))
            if part
        ),
        "why": fields.get("detail"),
        "received": fields.get("received_at"),
        "request": f"{fields.get('method')} {fields.get('path')}{_query(fields)}"
        f" from {fields.get('remote') or 'unknown'}",
        "source": _source(fields.get("verification")),
        "delivery id": fields.get("delivery_id"),
        "duplicate of": fields.get("duplicate_of"),
        "replay of": fields.get("replay_of"),
        "superseded by": fields.get("superseded_by"),
        "parked": fields.get("parked_at"),
        "group": fields.get("group"),
    }
    for name, value in told.items():
        if value:
            yield ("", f"{name:<14}{printable(str(value))}")


def _query(fields: Mapping[str, Any]) -> str:
    return f"?{fields['query']}" if fields.get("query") else ""


def _source(verification: Any) -> str | None:
    if not isinstance(verification, Mapping):
        return None
    told = (verification.get("result"), verification.get("reason"), verification.get("explanation"))
    return ", ".join(str(part) for part in told if part)


def _timeline(fields: Mapping[str, Any], now_ms: int) -> Iterator[Part]:
    moments = fields.get("timeline") or ()
    if not moments:
        return
    yield from _heading("timeline")
    for one in moments:
        at = moment_ms(one["at"])
        when = clock_time(at, now_ms) if at is not None else "-"
        detail = one["detail"]
        told = [str(one["kind"])]
        if one["kind"] == "attempt":
            told.append(f"{detail.get('attempt')}:")
        told += [_detail(name, value) for name, value in detail.items() if _worth(name, value)]
        style = _CAME.get(one["came"], "")
        yield (style, f"  {when:<8}  {printable(' '.join(told))}")
        for visit in one.get("states") or ():
            length = visit.get("duration_ms")
            parts = (
                str(visit["state"]),
                str(visit["came"]),
                took(length) if length is not None else "",
                str(visit.get("error") or ""),
            )
            shown = printable(" ".join(part for part in parts if part))
            yield ("bad" if visit["came"] == "failed" else "dim", f"              {shown}")


def _worth(name: str, value: Any) -> bool:
    return name not in _LEFT_OUT and value not in (None, "", [], {})


def _detail(name: str, value: Any) -> str:
    if name == "duration_ms":
        return f"in {took(float(value))}"
    if name == "bytes":
        return size(int(value))
    if name in ("status", "result", "method", "path", "error"):
        return str(value)
    if name == "operator":
        return f"by {value}"
    return f"{name.replace('_', ' ')} {value}"


def _failure(fields: Mapping[str, Any]) -> Iterator[Part]:
    """The last one, with its stack; none of what was done after all."""
    attempts = fields.get("attempts") or ()
    if not attempts or fields.get("state") == State.DONE:
        return
    last = attempts[-1]
    message, trace = told_cause(str(last.get("cause") or ""))
    yield from _heading("last failure")
    head = ": ".join(part for part in (str(last.get("error") or ""), message) if part)
    for line in [*head.split("\n"), *(row for part in trace for row in part.split("\n"))]:
        if line.strip():
            yield ("bad", f"  {printable(line[:VALUE_CHARACTERS])}")


def told_cause(cause: str) -> tuple[str, list[str]]:
    """The message of a failure and its stack trace, where its cause carries one."""
    try:
        fields = orjson.loads(cause)
        return str(fields["errorMessage"]), [str(line) for line in fields["stackTrace"]]
    except (ValueError, TypeError, KeyError):
        return cause, []


def _headers(fields: Mapping[str, Any]) -> Iterator[Part]:
    headers: Sequence[Sequence[str]] = fields.get("headers") or ()
    yield from _heading("headers")
    for name, value in headers:
        more = "..." if len(value) > VALUE_CHARACTERS else ""
        yield ("", f"  {printable(name)}: {printable(value[:VALUE_CHARACTERS])}{more}")


def _body(fields: Mapping[str, Any], body: bytes | None) -> Iterator[Part]:
    raw = body_of(fields) if body is None else body
    yield from _heading(f"body, {fields.get('bytes', 0):,} bytes")
    if raw is None:
        yield ("dim", "  larger than what is sent along")
        return
    text = _as_text(raw)
    if text is None:
        for at in range(0, min(len(raw), 16 * BODY_ROWS), 16):
            row = raw[at : at + 16]
            signs = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            yield ("", f"  {at:06x}  {row.hex(' '):<47}  {signs}")
        if len(raw) > 16 * BODY_ROWS:
            yield ("dim", f"  ... {len(raw) - 16 * BODY_ROWS:,} bytes more")
        return
    shown = text[:BODY_CHARACTERS]
    lines = shown.split("\n") if shown else []
    for line in lines[:BODY_LINES]:
        yield ("", f"  {printable(line.removesuffix(chr(13)))}")
    if len(shown) < len(text) or len(lines) > BODY_LINES:
        yield ("dim", "  ... and more")


def body_of(fields: Mapping[str, Any]) -> bytes | None:
    """The body that is sent along; None where it is not."""
    if fields.get("body") is not None:
        return str(fields["body"]).encode("utf-8", "surrogatepass")
    if fields.get("body_base64") is not None:
        return base64.b64decode(fields["body_base64"])
    return None if fields.get("bytes") else b""


def _as_text(body: bytes) -> str | None:
    """As a person reads it; None where it is none.

    JSON is indented where that changes nothing but white space: whoever looks for the byte that
    breaks a signature must not be shown a number or an escape that was written anew.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    if "\x00" in text:
        return None
    try:
        value = orjson.loads(body)
        plain = orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return text
    if body not in (plain, json.dumps(value, ensure_ascii=False).encode()):
        return text
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _heading(text: str) -> Iterator[Part]:
    yield ("", "")
    yield ("dim", text)
