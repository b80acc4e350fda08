"""Alerts: which rules there are, which of them stand, and who is told."""

from __future__ import annotations

from typing import Final

from holdfast.console.endpoint import Call
from holdfast.console.pages.page import Found, Page
from holdfast.console.routes import alerts as api

ORDER: Final = ("firing", "ending", "pending", "unknown", "ok")


async def alerts(call: Call) -> Found:
    told = await api.list_alerts(call)
    return {
        "told": told,
        "rules": sorted(told["alerts"], key=lambda one: ORDER.index(one["state"])),
        "firing": sum(one["state"] in ("firing", "ending") for one in told["alerts"]),
    }


PAGES: Final = (Page("/alerts", "alerts", "alerts.html", alerts, "alerts"),)
