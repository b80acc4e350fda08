"""What the endpoints work with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from holdfast.clock import Clock
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.console.access import Access
from holdfast.errors import NotFound
from holdfast.operate.abilities import Able, need_archive
from holdfast.operate.alerts.notes import Notes
from holdfast.operate.book import Book, Who
from holdfast.operate.finding import Finder, History
from holdfast.operate.overview import Warned
from holdfast.operate.running import Running
from holdfast.queue.contract import Archive, Operator, Sender
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry

Result = TypeVar("Result")


class Store(Sender, Operator, Able, Protocol):
    """What the console needs of every engine. The rest is asked for by ability."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Site:
    """One console. `store` answers at once; `depths` is the same store over connections of its own,
    for what may take seconds and must hold up nobody."""

    store: Store
    depths: Store
    compiled: Compiled | None
    definition: Path | None
    access: Access
    clock: Clock
    telemetry: Telemetry
    secrets: Secrets
    find_running: Callable[[], Running | None]
    version: str
    find_warnings: Callable[[], Sequence[Warned]] = tuple
    """What the provider guard of the supervisor warns of."""
    find_alerts: Callable[[], Notes] = Notes
    """What the supervisor's alerts remember."""
    data: dict[str, Any] = field(default_factory=dict)

    async def look(self, act: Callable[..., Result], *given: Any) -> Result:
        """Call what blocks in a thread."""
        return await asyncio.to_thread(act, *given)

    def webhook(self, name: str) -> CompiledWebhook | None:
        """As it is defined; None where it is not, or no longer."""
        webhooks = self.compiled.webhooks if self.compiled else ()
        return next((one for one in webhooks if one.name == name), None)

    def need_webhook(self, name: str) -> CompiledWebhook:
        """Raises NotFound."""
        webhook = self.webhook(name)
        if webhook is None:
            raise NotFound(f"the definition that runs here has no webhook {name}")
        return webhook

    def book(self, who: Who) -> Book:
        return Book(self.store, who, self.clock, self.telemetry)

    @property
    def archive(self) -> Archive:
        """Raises NotSupported."""
        return need_archive(self.store)

    @property
    def finder(self) -> Finder:
        """Raises NotSupported."""
        need_archive(self.depths)
        return Finder(cast(History, self.depths), self.compiled, self.clock)
