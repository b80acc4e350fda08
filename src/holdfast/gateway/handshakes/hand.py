"""What a provider holds out, and what it gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.verify.reading import Reading

ECHO_HEADERS: Final = (
    ("content-type", "text/plain; charset=utf-8"),
    ("x-content-type-options", "nosniff"),
)
JSON_HEADERS: Final = (
    ("content-type", "application/json"),
    ("x-content-type-options", "nosniff"),
)


class Hand(NamedTuple):
    """The request, and the secrets that its kind asks for: `Handshake.asks_for` says which."""

    reading: Reading
    secrets: Sequence[str] = ()
    url: str = ""
    """The address as it is registered; empty: as it is called."""


class Reply(NamedTuple):
    """An answer, and what is to be done about it."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    token: str | None = None
    """The secret that the provider hands over: to be kept before anything is answered."""
    visit: str | None = None
    """An address of the provider's own, to be visited once its signature has been checked."""
