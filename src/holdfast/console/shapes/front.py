"""The console itself, and its overview."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from holdfast.console.shapes.dead import GroupRow
from holdfast.console.shapes.runs import RunFields


class RunningFields(TypedDict):
    pid: int
    url: str | None
    ops_url: str | None
    definition: str


class StoreFields(TypedDict):
    engine: str
    abilities: list[str]
    """What the engine can beyond the ten verbs: `archive`, `desk`, `watch`, `search`, ..."""


class AboutFields(TypedDict):
    name: str
    version: str
    now: str
    app: str | None
    definition: str | None
    store: StoreFields
    running: RunningFields | None
    operator: str
    token_needed: bool
    read_only: bool


class SessionFields(TypedDict):
    operator: str
    token_needed: bool
    read_only: bool
    csrf: str
    """To be sent as X-Holdfast-CSRF with everything that changes something."""
    until: str | None


class RatesFields(TypedDict):
    """Events a second, over the last five minutes."""

    received: float
    refused: float
    done: float
    dead: float


class CountsFields(TypedDict):
    """One number per step of the series."""

    received: list[int]
    refused: list[int]
    done: list[int]
    duplicate: list[int]
    retried: list[int]
    dead: list[int]


class OverviewWebhook(TypedDict):
    name: str
    path: str | None
    defined: bool
    paused: bool
    waiting: int
    leased: int
    dead: int
    parked: int
    oldest: str | None
    last_seen: str | None
    rates: RatesFields | None
    series: CountsFields | None


class TotalsFields(TypedDict):
    waiting: int
    leased: int
    dead: int
    parked: int
    oldest: str | None


class WarningFields(TypedDict):
    """Something that an operator should know of, such as a provider that is about to give up."""

    code: str
    severity: str
    title: str
    webhook: str | None
    detail: str
    since: str | None
    facts: dict[str, Any]


class IndexFields(TypedDict):
    indexed: int
    behind: int
    bytes: int


class WindowFields(TypedDict):
    name: str
    start: str
    step_seconds: int
    steps: int


class OverviewFields(TypedDict):
    now: str
    window: WindowFields
    totals: TotalsFields
    webhooks: list[OverviewWebhook]
    unrouted: CountsFields | None
    """Requests for which there is no webhook."""
    groups: list[GroupRow]
    group_count: int
    runs: list[RunFields]
    warnings: list[WarningFields]
    index: IndexFields | None
