"""The first screen: what came in, what waits, what failed, whether a sender is about to give up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from holdfast.console.drawing.plots import rate_plot, sparkline
from holdfast.console.endpoint import Call
from holdfast.console.pages.page import Found, Page
from holdfast.console.routes import alerts, front, sending
from holdfast.console.routes.front import Window
from holdfast.console.shapes.front import CountsFields, OverviewFields
from holdfast.operate.overview import OUTCOMES, WINDOWS


async def overview(call: Call[Window]) -> Found:
    told = await front.overview(call)
    about = await front.about(call.bare)
    rules = await alerts.list_alerts(call.bare)
    counts = summed([*(one["series"] for one in told["webhooks"]), told["unrouted"]])
    return {
        "told": told,
        "about": about,
        "firing": [one for one in rules["alerts"] if one["state"] in ("firing", "ending")],
        "windows": list(WINDOWS),
        "counts": counts,
        "plot": rate_plot(told["window"], cast(CountsFields, counts)) if counts else None,
        "sparks": {
            one["name"]: sparkline(received(one["series"]), label=f"received by {one['name']}")
            for one in told["webhooks"]
            if one["series"] is not None
        },
        "sums": {name: sum(values) for name, values in counts.items()} if counts else None,
        "first": await _first(call, told),
    }


def summed(series: Sequence[CountsFields | None]) -> dict[str, list[int]] | None:
    """All webhooks together; None where the engine counts nothing."""
    counted: list[Any] = [one for one in series if one is not None]
    if not counted:
        return None
    return {
        name: [sum(step) for step in zip(*(one[name] for one in counted), strict=True)]
        for name in OUTCOMES
    }


def received(counts: CountsFields) -> list[int]:
    """All that came in, refused or not."""
    return [sum(step) for step in zip(counts["received"], counts["refused"], strict=True)]


async def _first(call: Call[Window], told: OverviewFields) -> dict[str, Any] | None:
    """Where nothing has ever come in: what to send, and where. None otherwise."""
    seen = any(
        one["last_seen"] or one["waiting"] or one["leased"] or one["dead"]
        for one in told["webhooks"]
    )
    defined = [one for one in told["webhooks"] if one["defined"]]
    if seen or not defined:
        return None
    name = next((one["name"] for one in defined if "{" not in (one["path"] or "")), None)
    if name is None:
        return None
    sample = await call.site.look(sending.sample_fields, call.site, name)
    return {"webhook": name, "sample": sample}


PAGES: Final = (Page("/", "overview", "overview.html", overview, "overview", Window),)
