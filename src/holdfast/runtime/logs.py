"""Telemetry as log lines: JSON for machines, one coloured line for people at a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

import orjson

from holdfast.clock import Clock
from holdfast.telemetry import Kind, Level
from holdfast.workflow.timestamps import format_timestamp

LogFormat = Literal["auto", "human", "json"]

RANKS: Final[Mapping[Level, int]] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_COLOURS: Final[Mapping[Level, str]] = {
    "debug": "\x1b[2m",
    "info": "\x1b[36m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
}
_PLAIN: Final = "\x1b[0m"
# A cause can carry a whole stack; the line stays a line, the dead letter has it all.
_VALUE_CHARACTERS: Final = 300


def make_log(
    clock: Clock,
    *,
    role: str,
    level: Level = "info",
    format: LogFormat = "auto",
    stream: TextIO | None = None,
) -> Callable[[Kind, Mapping[str, Any]], None]:
    """A subscriber that writes each event of at least `level` as one line."""
    out = stream or sys.stderr
    human = format == "human" or (format == "auto" and out.isatty())
    threshold = RANKS[level]

    def log(kind: Kind, fields: Mapping[str, Any]) -> None:
        if RANKS[kind.level] < threshold:
            return
        now_ms = clock.now_ms()
        line = _human(now_ms, kind, fields) if human else _json(now_ms, role, kind, fields)
        out.write(line + "\n")
        out.flush()

    return log


def _json(now_ms: int, role: str, kind: Kind, fields: Mapping[str, Any]) -> str:
    record = {
        "time": format_timestamp(now_ms),
        "level": kind.level,
        "event": kind.name,
        "role": role,
        **{name: _short(value) for name, value in fields.items()},
    }
    try:
        line = orjson.dumps(record, default=str).decode()
    except TypeError:
        # Integers beyond 64 bits are news all the same.
        line = json.dumps(record, default=str)
    # What a sender wrote must neither end the line nor move the cursor of whoever reads it. All of
    # it stands inside strings, where JSON has an escape for everything.
    return line if line.isprintable() else "".join(map(_escaped, line))


def _escaped(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


def _human(now_ms: int, kind: Kind, fields: Mapping[str, Any]) -> str:
    local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone().strftime("%H:%M:%S")
    told = " ".join(
        f"{name}={_printable(_short(value))}"
        for name, value in fields.items()
        if value not in (None, "")
    )
    return f"{_COLOURS[kind.level]}{local} {kind.name:<18}{_PLAIN} {told}"


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if not isinstance(value, str):
        return value
    cut = value if len(value) <= _VALUE_CHARACTERS else value[:_VALUE_CHARACTERS] + "..."
    # Lone surrogates are no UTF-8, and not every reader takes JSON's escapes for them.
    return cut if cut.isprintable() else cut.encode("utf-8", "backslashreplace").decode()


def _printable(value: Any) -> str:
    # What a sender wrote must not move the cursor or change colours in an operator's terminal.
    text = str(value)
    return text if text.isprintable() else ascii(text)
