"""Secrets that providers hand over in a handshake, each in a file that only its owner can read.

One file per webhook, beside the store, so that a definition can name it: `file:.holdfast/tokens/NAME`.
The first one stays: whoever comes later, and it may be anybody, changes nothing.
"""

from __future__ import annotations

import contextlib
import hmac
import os
from pathlib import Path
from typing import Final, Protocol

from holdfast.errors import StoreError, why_unread

FOLDER: Final = "tokens"


class Tokens(Protocol):
    """What the door needs of whoever keeps them."""

    def path(self, webhook: str) -> Path | str:
        """Where its token is, or will be."""
        ...

    def keep(self, webhook: str, token: str) -> bool:
        """Durable when it returns; False: another one is there. Raises StoreError."""
        ...


class TokenShelf:
    """The folder of a store. Blocking; call it from a thread."""

    def __init__(self, store: Path) -> None:
        self._folder = store / FOLDER

    def path(self, webhook: str) -> Path:
        """Where its token is, or will be."""
        return self._folder / webhook

    def find(self, webhook: str) -> str | None:
        """The token; None where none was handed over. Raises StoreError."""
        try:
            return self.path(webhook).read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(
                f"{self.path(webhook)} cannot be read ({why_unread(error)})"
            ) from error

    def keep(self, webhook: str, token: str) -> bool:
        """Durable when it returns; False: another one is there. Raises StoreError."""
        path = self.path(webhook)
        draft = path.with_name(f".{webhook}.{os.getpid()}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            with os.fdopen(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
            ) as file:
                file.write(token.encode())
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)  # the one way to name a whole file only if the name is free
            except FileExistsError:
                kept = self.find(webhook) or ""
                return hmac.compare_digest(kept.encode(), token.encode())
            finally:
                draft.unlink()
            _sync(self._folder)
        except OSError as error:
            raise StoreError(
                f"the token of {webhook} cannot be kept ({why_unread(error)})"
            ) from error
        return True

    def forget(self, webhook: str) -> bool:
        """Whether there was one. The next that is handed over is then taken."""
        try:
            self.path(webhook).unlink()
        except FileNotFoundError:
            return False
        return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
