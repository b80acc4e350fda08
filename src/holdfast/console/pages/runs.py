"""Redrives: all of them, and how far one is."""

from __future__ import annotations

from typing import Any, Final

from holdfast.console.endpoint import Call
from holdfast.console.pages.page import Found, Page
from holdfast.console.routes import runs as api
from holdfast.console.routes.runs import RunsAsked
from holdfast.console.rows import act_fields
from holdfast.console.shapes.runs import RunFields
from holdfast.operate.abilities import desk_of
from holdfast.operate.canary import ENDS
from holdfast.queue.views import ActFilter

STAGES: Final = {
    "trying": "A few first: the others follow once all of these are done.",
    "tried": "All of the first few are done. It waits to be told to go on.",
    "rolling": "Sending back the rest.",
    "settling": "All are sent. Some are still under way.",
    "finished": "Every letter had its turn.",
    "stopped": "It stopped by itself. What it had not sent is as it was.",
    "cancelled": "Somebody stopped it. What it had not sent is as it was.",
    "cut": "Whoever drove it is gone. What it had not sent is as it was.",
}
"""What a stage means."""

OF_GROUP: Final = 10


async def runs(call: Call[RunsAsked]) -> Found:
    return {"told": await api.list_runs(call), "stages": STAGES}


async def run(call: Call) -> Found:
    found = await api.one_run(call)
    desk = desk_of(call.site.store)
    acts = []
    if desk is not None:
        acts = await call.site.look(desk.acts, ActFilter(target=found["id"]), None, 50)
    return {
        "found": found,
        "stages": STAGES,
        "ended": found["stage"] in {stage.value for stage in ENDS},
        "acts": [act_fields(act) for act in acts],
    }


async def runs_of_group(call: Call[Any], group: str, webhook: str | None) -> list[RunFields]:
    """The latest that sent back letters of a group."""
    asked = RunsAsked(webhook=webhook, limit=100)
    told = await api.list_runs(call.asking(asked))
    return [one for one in told["items"] if one["selection"].get("group") == group][:OF_GROUP]


PAGES: Final = (
    Page("/runs", "runs", "runs.html", runs, "runs", RunsAsked, {}),
    Page("/runs/{id}", "run", "run.html", run, "runs"),
)
