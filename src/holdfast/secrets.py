"""References to secrets, and the values behind them.

A definition never holds a secret, only where to find it: `env:NAME`, `file:PATH`, `aws-secret:NAME`
(Secrets Manager) or `aws-ssm:NAME` (Parameter Store). Values are read when first needed, files again when they change, so that a
rotation needs no restart. Nothing here ever puts a value into a message or a repr.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.errors import SecretMissing, why_unread

KINDS: Final = ("env", "file", "aws-secret", "aws-ssm")


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is: `kind` one of `KINDS`, `name` the variable, path, secret id or parameter."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> SecretRef:
        """From `env:NAME`. Raises ValueError without repeating the text: it may be the secret."""
        kind, colon, name = text.partition(":")
        if not colon or kind not in KINDS or not name:
            raise ValueError(
                "a secret is written as a reference (env:NAME, file:PATH, aws-secret:NAME or "
                "aws-ssm:NAME), never as the secret itself"
            )
        return cls(kind, name)


class Secrets:
    """Resolves references. One per process; values live only in memory."""

    def __init__(self) -> None:
        self._folder = Path.cwd()  # as at the start: a handler may go elsewhere
        self._files: dict[str, tuple[tuple[int, int], str]] = {}

    def value(self, ref: SecretRef) -> str:
        """The secret as text. Raises SecretMissing, naming the reference."""
        if ref.kind == "env":
            value = os.environ.get(ref.name, "")
        elif ref.kind == "file":
            value = self._read(ref)
        else:
            # A definition for AWS may say so already; nothing here can read it yet.
            raise SecretMissing(f"the secret {ref} cannot be read on this machine")
        if not value:
            raise SecretMissing(f"the secret {ref} is not set or is empty")
        return value

    def values(self, refs: Sequence[SecretRef]) -> list[str]:
        """Those that resolve, in order; during a rotation the new one may not be there yet.

        Raises SecretMissing if none does.
        """
        found, missing = [], None
        for ref in refs:
            try:
                found.append(self.value(ref))
            except SecretMissing as error:
                missing = error
        if not found and missing is not None:
            raise missing
        return found

    def _read(self, ref: SecretRef) -> str:
        path = self._folder / ref.name
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            cached = self._files.get(ref.name)
            if cached is not None and cached[0] == stamp:
                return cached[1]
            value = path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SecretMissing(f"the secret {ref} cannot be read: {why_unread(error)}") from None
        self._files[ref.name] = (stamp, value)
        return value
