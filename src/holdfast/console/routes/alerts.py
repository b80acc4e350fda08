"""Rules, what stands, and who is told."""

from __future__ import annotations

from typing import Final

from holdfast.compiled import Compiled
from holdfast.console.endpoint import Call, Endpoint
from holdfast.console.site import Site
from holdfast.operate.alerts.fields import AlertsFields, alerts_fields


async def list_alerts(call: Call) -> AlertsFields:
    return await call.site.look(_alerts, call.site)


def _alerts(site: Site) -> AlertsFields:
    compiled = site.compiled or Compiled("", ())
    return alerts_fields(compiled, site.find_alerts(), watching=site.find_running() is not None)


ENDPOINTS: Final = (
    Endpoint("GET", "/alerts", "alerts", "Alert rules, which of them stand, and who is told",
             "overview", list_alerts, AlertsFields),
)  # fmt: skip
