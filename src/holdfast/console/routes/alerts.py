"""Rules, what stands, and who is told."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from pydantic import Field

from holdfast.compiled import Compiled
from holdfast.console.asking import Asked, Name
from holdfast.console.endpoint import Call, Endpoint
from holdfast.console.site import Site
from holdfast.operate.alerts.fields import AlertsFields, alerts_fields
from holdfast.operate.alerts.trying import TrialFields, chosen, tried


async def list_alerts(call: Call) -> AlertsFields:
    return await call.site.look(_alerts, call.site)


def _alerts(site: Site) -> AlertsFields:
    compiled = site.compiled or Compiled("", ())
    return alerts_fields(compiled, site.find_alerts(), watching=site.find_running() is not None)


class Tested(Asked):
    targets: tuple[Name, ...] = Field(default=(), max_length=100, description="Default: all.")


async def send_tests(call: Call[Any, Tested]) -> list[TrialFields]:
    """All at once: one that hangs holds up no other."""
    site, compiled = call.site, call.site.compiled or Compiled("", ())
    targets = chosen(compiled, call.body.targets)
    names = ", ".join(one.name for one in targets)
    await site.look(lambda: call.book.note("alerts.test", target=names))
    running = await site.look(site.find_running)
    url = running.console_url if running else None
    given = (compiled.name, url, site.secrets, site.clock)
    return list(await asyncio.gather(*(site.look(tried, one, *given) for one in targets)))


ENDPOINTS: Final = (
    Endpoint("GET", "/alerts", "alerts", "Alert rules, which of them stand, and who is told",
             "overview", list_alerts, AlertsFields),
    Endpoint("POST", "/alerts/test", "test_alerts",
             "Send a test message to who is told of alerts, and say what became of it", "overview",
             send_tests, list[TrialFields], body=Tested, problems=(404,)),
)  # fmt: skip
