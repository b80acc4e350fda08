"""Where one left off, in a small file of the user's own, so that the next time goes on from there."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from holdfast.errors import HoldfastError


def state_directory() -> Path:
    """Where programs keep such things (`$XDG_STATE_HOME/holdfast`)."""
    home = os.environ.get("XDG_STATE_HOME", "")
    # The rule is that what is not absolute counts as not set.
    root = Path(home) if home.startswith("/") else Path.home() / ".local" / "state"
    return root / "holdfast"


class Bookmark:
    """One place. `key`: what it is a place in; it stands in the file, for people who look."""

    def __init__(self, verb: str, key: Mapping[str, str | None], directory: Path) -> None:
        self._key = dict(key)
        told = orjson.dumps([verb, self._key], option=orjson.OPT_SORT_KEYS)
        name = f"{verb}-{hashlib.sha256(told).hexdigest()[:16]}"
        self.path = directory / f"{name}.json"
        self._lock = directory / f"{name}.lock"

    def read(self) -> dict[str, Any] | None:
        """What `write` was given the last time; None: nothing, or nothing that can be read."""
        try:
            found = orjson.loads(self.path.read_bytes())
            place = found["place"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return place if isinstance(place, dict) else None

    def write(self, place: Mapping[str, Any]) -> None:
        """Whole or not at all, also when the power fails: an empty file would mean to begin at now, and
        so to leave out whatever came meanwhile. Raises OSError."""
        self._make_directory()
        fresh = self.path.with_suffix(f".{os.getpid()}")
        told = orjson.dumps({"of": self._key, "place": place}, option=orjson.OPT_INDENT_2)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(told + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else goes on from this place meanwhile. Raises HoldfastError."""
        self._make_directory()
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HoldfastError(
                    "another `holdfast listen` already forwards these events to that address"
                ) from None
            yield
        finally:
            os.close(lock)

    def _make_directory(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
