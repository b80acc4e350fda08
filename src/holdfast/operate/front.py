"""Where the console shows things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

FOLDERS: Final[Mapping[str, str]] = {
    "event": "events",
    "refusal": "refusals",
    "letter": "dead/letters",
    "group": "dead/groups",
    "webhook": "webhooks",
}


def front(console_url: str, kind: str | None = None, id: str = "") -> str:
    """The page of an `event`, a `refusal`, a `letter`, a `group` of them or a `webhook`; without
    one, the first page."""
    root = console_url.rstrip("/")
    return f"{root}/" if kind is None else f"{root}/{FOLDERS[kind]}/{quote(id, safe='')}"


def failing_at(console_url: str, webhook: str) -> str:
    """The page of the groups of a webhook's dead letters."""
    return f"{front(console_url)}dead?webhook={quote(webhook, safe='')}"
