"""Webhooks: all of them; one with its wiring, its settings, and a sample to try it with."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from markupsafe import Markup

from holdfast.clock import format_duration
from holdfast.console.drawing.plots import age_gauge, depth_gauge, rate_plot, sparkline
from holdfast.console.drawing.wiring import Station, Wiring, wiring
from holdfast.console.drawing.workflow import Look, workflow_graph
from holdfast.console.endpoint import Call
from holdfast.console.pages import payload
from holdfast.console.pages.figures import ago, milliseconds, number, pace
from holdfast.console.pages.page import Found, Page
from holdfast.console.pages.writer import link
from holdfast.console.routes import sending
from holdfast.console.routes import webhooks as api
from holdfast.console.routes.front import Window, window_fields
from holdfast.console.routes.webhooks import StatesSince
from holdfast.console.shapes.webhooks import WebhookFields
from holdfast.operate.overview import WINDOWS

SINCE: Final = ("15m", "1h", "24h", "7d")


async def webhooks(call: Call[Window]) -> Found:
    rows = await api.list_webhooks(call)
    return {
        "rows": rows,
        "window": call.params.window,
        "windows": list(WINDOWS),
        "sparks": {
            one["name"]: sparkline(one["series"]["received"], label=f"received by {one['name']}")
            for one in rows
            if one["series"] is not None
        },
    }


class WebhookAsked(StatesSince):
    """`view`: which of its sides."""

    view: Literal["wiring", "settings", "test"] = "wiring"


async def webhook(call: Call[WebhookAsked]) -> Found:
    found = await api.webhook(call)
    return {
        "found": found,
        "asked": call.params,
        "since": SINCE,
        "windows": list(WINDOWS),
        "duration": format_duration,
        "sample": await _sample(call, found) if call.params.view == "test" else None,
        **(await call.site.look(_drawn, call, found)),
    }


async def _sample(call: Call[Any], found: WebhookFields) -> Any:
    if not found["defined"]:
        return None
    told = await call.site.look(sending.sample_fields, call.site, found["name"])
    return {**told, "body": _laid_out(told["body"]), "typed": found["sender"] is not None}


def _laid_out(body: str) -> str:
    """JSON over lines, so that it can be changed by hand."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def _drawn(call: Call[WebhookAsked], found: WebhookFields) -> dict[str, Any]:
    if call.params.view == "settings":
        document = found["workflow"]
        return {
            "schema": payload.value(found["body_schema"]) if found["body_schema"] else None,
            "document": payload.value(document) if document else None,
        }
    if call.params.view != "wiring":
        return {}
    now = call.site.clock.now_ms()
    told = stations(found, now)
    title = f"How events of {found['name']} go"
    settings = found["settings"]
    oldest = (now - milliseconds(found["oldest"])) / 1000 if found["oldest"] else None
    retention = settings["queue"]["retention_seconds"] if settings else None
    return {
        "wiring": wiring(told, title=title) + wiring(told, title=title, upright=True),
        "graph": _graph(found),
        "depth": depth_gauge(found["waiting"], found["leased"]),
        "age": age_gauge(oldest, retention),
        "plot": _plot(call, found),
    }


def _graph(found: WebhookFields) -> Markup | None:
    if found["graph"] is None:
        return None
    name = found["name"]
    look = Look(
        counts=found["states"],
        notes={
            one["name"]: f"{number(one['mean_ms'])} ms"
            for one in found["states"] or ()
            if one["mean_ms"] is not None
        },
    )
    return workflow_graph(found["graph"], look, title=f"Workflow of {name}")


def _plot(call: Call[WebhookAsked], found: WebhookFields) -> Markup | None:
    if found["series"] is None:
        return None
    window = window_fields(call.site.clock.now_ms(), call.params.window)
    return rate_plot(window, found["series"], title=f"What came in for {found['name']}")


def stations(found: WebhookFields, now_ms: int) -> Wiring:
    """The webhook's parts with how they are right now."""
    name, rates, settings = found["name"], found["rates"], found["settings"]
    methods = " ".join(found["methods"])
    came = pace(rates["received"]) if rates else ""
    refused = f", {pace(rates['refused'])} refused" if rates and rates["refused"] else ""
    oldest = f"oldest {ago(found['oldest'], now_ms)}" if found["oldest"] else "nothing is waiting"
    dead = found["dead"] - found["parked"]
    concurrency = f"{settings['pipe']['concurrency']} at once" if settings else ""
    states = len(found["graph"]["nodes"]) if found["graph"] else 0
    receives = settings["queue"]["max_receive_count"] if settings else 0
    tries = f"after {receives} tries" if receives else ""
    return Wiring(
        gateway=Station(
            "Gateway",
            f"{methods} {found['path']}" if found["path"] else "not defined here",
            f"{came}{refused}",
            href=link("/events", webhook=name),
        ),
        queue=Station(
            "Queue",
            f"{found['waiting']:,} waiting",
            oldest,
            "warn" if found["paused"] and found["waiting"] else "",
            link("/events", webhook=name, state="waiting"),
        ),
        pipe=Station(
            "Pipe",
            "paused" if found["paused"] else f"{found['leased']:,} being worked",
            concurrency,
            "warn" if found["paused"] else "",
            link("/events", webhook=name, state="leased"),
        ),
        workflow=Station(
            "Workflow",
            f"{states} state{'s' if states != 1 else ''}" if states else "none",
            f"{pace(rates['done'])} done" if rates else "",
            href="#workflow" if states else None,
        ),
        dead=Station(
            "Dead letters",
            f"{dead:,}",
            f"{found['parked']:,} parked" if found["parked"] else tries,
            "bad" if dead else "",
            link("/dead", webhook=name),
        ),
        paused=found["paused"],
        busy=found["leased"] > 0,
    )


PAGES: Final = (
    Page("/webhooks", "webhooks", "webhooks.html", webhooks, "webhooks", Window),
    Page("/webhooks/{name}", "webhook", "webhook.html", webhook, "webhooks", WebhookAsked),
)
