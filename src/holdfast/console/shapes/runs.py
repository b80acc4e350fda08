"""Runs, and the book of what was done."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class RunFields(TypedDict):
    id: str
    webhooks: list[str]
    stage: str
    active: bool
    reason: str
    operator: str
    via: str
    opened_at: str
    ended_at: str | None
    selection: dict[str, Any]
    total: int
    try_first: int
    go_on: bool
    rate: float | None
    stop_at: str
    watch: bool
    sent: int
    skipped: int
    done: int
    dead: int
    pending: int
    left: int


class RunPage(TypedDict):
    items: list[RunFields]
    after: str | None


class ActFields(TypedDict):
    id: str
    at: str
    operator: str
    via: str
    action: str
    meaning: str
    webhook: str | None
    target: str | None
    detail: dict[str, Any]


class ActPage(TypedDict):
    items: list[ActFields]
    after: str | None
