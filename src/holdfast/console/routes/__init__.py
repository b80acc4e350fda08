"""The endpoints, by resource. `ENDPOINTS` is all of them, in the order of the document."""

from __future__ import annotations

from typing import Final

from holdfast.console.endpoint import Endpoint
from holdfast.console.routes import (
    acts,
    alerts,
    dead,
    events,
    executions,
    front,
    runs,
    sending,
    webhooks,
)

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *front.ENDPOINTS,
    *alerts.ENDPOINTS,
    *webhooks.ENDPOINTS,
    *events.ENDPOINTS,
    *executions.ENDPOINTS,
    *sending.ENDPOINTS,
    *dead.ENDPOINTS,
    *runs.ENDPOINTS,
    *acts.ENDPOINTS,
)
