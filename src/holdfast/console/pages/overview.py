"""The first screen: what came in, what waits, what failed, whether a sender is about to give up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from holdfast.console.drawing.plots import rate_plot, sparkline
from holdfast.console.endpoint import Call
from holdfast.console.pages.page import Found, Page
from holdfast.console.routes import alerts, front, sending
from holdfast.console.routes.front import Window
from holdfast.console.shapes.front import CountsFields, OverviewFields, WarningFields
from holdfast.operate.abilities import watch_of
from holdfast.operate.alerts.fields import AlertFields
from holdfast.operate.overview import OUTCOMES, WINDOWS


async def overview(call: Call[Window]) -> Found:
    told = await front.overview(call)
    about = await front.about(call.bare)
    rules = await alerts.list_alerts(call.bare)
    counts = summed([*(one["series"] for one in told["webhooks"]), told["unrouted"]])
    return {
        "told": told,
        "about": about,
        "warnings": warnings(told["warnings"]),
        "firing": firing(rules["alerts"]),
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


def warnings(found: Sequence[WarningFields]) -> list[WarningFields]:
    """Critical ones first, and without the alerts, which have a place of their own: rules that hold
    for many webhooks would push what came in, waits and failed off the screen."""
    return sorted((one for one in found if one["code"] != "alert"), key=_calm)


def firing(found: Sequence[AlertFields]) -> list[AlertFields]:
    """Critical ones first, and without what the provider guard warns of itself."""
    standing = [one for one in found if one["state"] in ("firing", "ending")]
    return sorted((one for one in standing if one["over"] is not None), key=_calm)


def _calm(one: WarningFields | AlertFields) -> bool:
    return one["severity"] != "critical"


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
    """Where nothing has ever come in: what to send, and where. None otherwise, and where the engine
    does not remember whether anything has."""
    seen = watch_of(call.site.store) is None or any(
        one["last_seen"] or one["waiting"] or one["leased"] or one["dead"]
        for one in told["webhooks"]
    )
    compiled = call.site.compiled
    open_paths = [one for one in compiled.webhooks if "{" not in one.path] if compiled else []
    if seen or not open_paths:
        return None
    # The first of the definition is the one that its author thinks of.
    name = open_paths[0].name
    sample = await call.site.look(sending.sample_fields, call.site, name)
    return {"webhook": name, "sample": sample}


PAGES: Final = (Page("/", "overview", "overview.html", overview, "overview", Window),)
