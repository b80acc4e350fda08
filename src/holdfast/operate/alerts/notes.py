"""The file in the store: what stands, what is still to be told, and to whom it could not be.

Written whenever something of it changed, so that a restart tells nothing twice and forgets nothing;
read by commands and the console. One that cannot be read is as good as none: what still is wrong is
then told once more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from holdfast.operate.alerts.outbox import Outbox
from holdfast.operate.alerts.standing import Key, News, Standing

ALERTS_FILE: Final = "alerts.json"
FORMAT: Final = 1

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Notes:
    """Everything that alerts remember."""

    looked_ms: int = 0
    """When somebody last looked."""
    watched_since_ms: int = 0
    """Since when somebody has looked without a break."""
    standing: Mapping[Key, Standing] = field(default_factory=dict)
    sent_ms: Mapping[Key, int] = field(default_factory=dict)
    """When anybody was last told of it."""
    outboxes: Mapping[str, Outbox] = field(default_factory=dict)
    """By target."""


def read_notes(store: Path) -> Notes:
    """As they were last written; empty ones where they cannot be read."""
    try:
        record = orjson.loads((store / ALERTS_FILE).read_bytes())
        if record["format"] != FORMAT:
            return Notes()
        return Notes(
            record["looked_ms"],
            record["watched_since_ms"],
            {Key(*key): _made(Standing, one) for *key, one in record["standing"]},
            {Key(*key): int(at) for *key, at in record["sent_ms"]},
            {name: _outbox(one) for name, one in record["outboxes"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Notes()


def write_notes(store: Path, notes: Notes) -> None:
    """Whole or not at all, also when the power fails. Raises OSError."""
    record = {
        "format": FORMAT,
        "looked_ms": notes.looked_ms,
        "watched_since_ms": notes.watched_since_ms,
        "standing": [[*key, asdict(one)] for key, one in notes.standing.items()],
        "sent_ms": [[*key, at] for key, at in notes.sent_ms.items()],
        "outboxes": {
            name: {**asdict(replace(box, entries={})), "entries": _listed(box)}
            for name, box in notes.outboxes.items()
        },
    }
    draft = store / f"{ALERTS_FILE}.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(record))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(store / ALERTS_FILE)


def _listed(box: Outbox) -> list[dict[str, Any]]:
    return [{**asdict(one), "key": list(one.key)} for one in box.entries.values()]


def _outbox(given: Mapping[str, Any]) -> Outbox:
    entries = [_news(one) for one in given["entries"]]
    return _made(Outbox, {**given, "entries": {one.key: one for one in entries}})


def _news(given: Mapping[str, Any]) -> News:
    key, groups = Key(*given["key"]), tuple(given["groups"])
    return _made(News, {**given, "key": key, "groups": groups})


def _made(kind: type[Kind], given: Mapping[str, Any]) -> Kind:
    """Raises TypeError where a field is missing that must be there."""
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]  # all are dataclasses
    return kind(**{name: value for name, value in given.items() if name in known})
