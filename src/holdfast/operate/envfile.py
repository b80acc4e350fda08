"""Secrets written into a `.env` file: added, never changed, and for its owner alone."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from holdfast.errors import HoldfastError

_PLAIN: Final = re.compile(r"[A-Za-z0-9_+/=.:@%,-]*")


def add_variable(env: Path, name: str, value: str) -> bool:
    """Whether it was not there yet. A file that is made can be read by its owner only.

    Raises HoldfastError for a value that no such file can hold.
    """
    known = env.read_text(encoding="utf-8") if env.exists() else ""
    if has_variable(known, name):
        return False
    gap = "" if known.endswith("\n") or not known else "\n"
    with os.fdopen(
        os.open(env, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8"
    ) as file:
        file.write(f"{gap}{name}={_written(value)}\n")
    return True


def has_variable(text: str, name: str) -> bool:
    return any(
        re.match(rf"\s*(export\s+)?{re.escape(name)}\s*=", line) for line in text.splitlines()
    )


def others_can_read(env: Path) -> bool:
    """Whether the file is open to more than its owner."""
    return bool(stat.S_IMODE(env.stat().st_mode) & 0o077)


def _written(value: str) -> str:
    """As python-dotenv reads it back, which expands `${NAME}` whatever the quotes."""
    if "${" in value or "\n" in value:
        raise HoldfastError(
            "the value holds what a .env file cannot; put it into a file, and refer to file:PATH"
        )
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
