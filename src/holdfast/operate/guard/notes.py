"""The guard's file in the store: what stands, for commands and the console; and the rhythms."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from holdfast.operate.overview import Warned

GUARD_FILE: Final = "guard.json"


def read_warnings(store: Path) -> tuple[Warned, ...]:
    """Those that stood when the supervisor last wrote; none where it never did."""
    try:
        return tuple(Warned(**fields) for fields in _read(store).get("warnings", ()))
    except (TypeError, AttributeError):
        return ()


def read_rhythms(store: Path) -> Mapping[str, Any]:
    found = _read(store).get("rhythms")
    return found if isinstance(found, Mapping) else {}


def write_notes(store: Path, warnings: Sequence[Warned], rhythms: Mapping[str, Any]) -> None:
    """Raises OSError."""
    record = {"warnings": [asdict(one) for one in warnings], "rhythms": rhythms}
    draft = store / f"{GUARD_FILE}.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(record))
    draft.rename(store / GUARD_FILE)


def _read(store: Path) -> Mapping[str, Any]:
    try:
        found = orjson.loads((store / GUARD_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, Mapping) else {}
