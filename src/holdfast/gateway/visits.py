"""Addresses that a provider asks us to call, called in the background.

Amazon SNS sends nothing to an address before whoever is behind it has visited a link. The handshake
is answered at once; then the signature is checked, with the sender's published key, and only then is
the link visited, which `holdfast.gateway.handshakes` found to be on one of the sender's own hosts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from holdfast.compiled import Compiled
from holdfast.errors import HoldfastError, VerificationFailed
from holdfast.gateway.answers import Greeting
from holdfast.keyring import KeyRing, Wanted, over_https
from holdfast.message import Request
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry
from holdfast.verify.source import check_source

VISITS_MAX: Final = 8
"""At once. A subscription is made by hand; more are strangers who keep us busy."""

Visit = Callable[[str], object]
"""Asks for an address. Raises KeyUnavailable."""


class Visits:
    """One per door. `visit` and `keys` reach the network; tests hand over their own."""

    def __init__(
        self,
        compiled: Compiled,
        secrets: Secrets,
        telemetry: Telemetry,
        *,
        keys: KeyRing | None = None,
        visit: Visit | None = None,
    ) -> None:
        self._webhooks = {webhook.name: webhook for webhook in compiled.webhooks}
        self._secrets = secrets
        self._telemetry = telemetry
        self._keys = keys or KeyRing()
        self._visit = visit or (lambda url: over_https(Wanted(url)))
        self._under_way: set[asyncio.Task[None]] = set()

    def begin(self, id: str, greeting: Greeting, now_seconds: float) -> None:
        """Visit what the greeting asks for, after checking it. Returns at once."""
        url, request = greeting.visit, greeting.request
        if url is None or request is None:
            return
        if len(self._under_way) >= VISITS_MAX:
            self._fail(id, greeting.webhook, "too_many", f"{VISITS_MAX} are under way")
            return
        work = asyncio.to_thread(self._go, id, greeting.webhook, request, url, now_seconds)
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def ended(self) -> None:
        """Returns once none is under way."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _go(self, id: str, webhook: str, request: Request, url: str, now_seconds: float) -> None:
        try:
            check_source(self._webhooks[webhook], request, self._secrets, now_seconds, self._keys)
            self._visit(url)
        except VerificationFailed as failure:
            self._fail(id, webhook, failure.reason, failure.detail)
        except HoldfastError as error:
            self._fail(id, webhook, "unreachable", str(error))
        except Exception as error:
            self._fail(id, webhook, "defect", f"{type(error).__name__}: {error}")
        else:
            host = urlsplit(url).hostname or ""
            self._telemetry.emit("handshake.confirmed", id=id, webhook=webhook, host=host)

    def _fail(self, id: str, webhook: str, reason: str, error: str) -> None:
        self._telemetry.emit("handshake.failed", id=id, webhook=webhook, reason=reason, error=error)
