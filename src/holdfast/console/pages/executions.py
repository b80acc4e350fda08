"""Runs of workflows: the kept ones, and one as a graph with the path that it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from pydantic import Field
from starlette.responses import RedirectResponse

from holdfast.console.asking import Asked
from holdfast.console.drawing.workflow import Look, workflow_graph
from holdfast.console.endpoint import Call
from holdfast.console.pages.figures import took
from holdfast.console.pages.page import Found, Page
from holdfast.console.pages.writer import link
from holdfast.console.routes import executions as api
from holdfast.console.routes.executions import ExecutionsAsked
from holdfast.console.shapes.events import ExecutionPage, VisitFields
from holdfast.errors import NotFound
from holdfast.operate.graph import graph

STATUSES: Final = ("SUCCEEDED", "FAILED", "TIMED_OUT")


async def executions(call: Call[ExecutionsAsked]) -> Found:
    return {"told": await api.list_executions(call)}


class WhichAsked(Asked):
    """One of an event's by when it began; without, the latest."""

    started: Annotated[str, Field(max_length=64)] | None = None
    attempt: Annotated[int, Field(ge=0)] | None = None


async def which(call: Call[WhichAsked]) -> Found:
    """The way to one execution: lists know when it began, and not its place."""
    runs, asked = await api.event_executions(call.bare), call.params
    fitting = [
        one
        for one in runs
        if asked.started in (None, one["started_at"]) and asked.attempt in (None, one["attempt"])
    ]
    if not fitting:
        raise NotFound(f"no execution of {call.path['id']} is kept")
    found = fitting[-1]
    return RedirectResponse(link(f"/events/{found['event']}/executions/{found['index']}"), 303)


class ExecutionAsked(Asked):
    """`state`: the one that is shown in full; without it, the one that failed, else the last."""

    state: Annotated[str, Field(max_length=256)] | None = None


async def execution(call: Call[ExecutionAsked]) -> Found:
    found = await api.event_execution(call.bare)
    runs = await api.event_executions(call.bare)
    selected = call.params.state or _telling(found)
    return {
        "found": found,
        "runs": runs,
        "selected": selected,
        "visits": [one for one in found["visits"] if one["state"] == selected],
        "drawing": await call.site.look(_drawing, call, found, selected),
    }


def _telling(found: ExecutionPage) -> str | None:
    """The state to look at first."""
    if found["state"]:
        return found["state"]
    wrong = [one for one in found["visits"] if one["came"] in ("failed", "running")]
    visits = wrong or found["visits"]
    return visits[-1]["state"] if visits else None


def _drawing(call: Call[Any], found: ExecutionPage, selected: str | None) -> Any:
    """None where the webhook is no longer defined: there is no graph of what ran then."""
    webhook = call.site.webhook(found["webhook"])
    if webhook is None:
        return None
    here = call.request.url.path

    def address(name: str) -> str:
        return f"{here}?{urlencode({'state': name}, errors='replace')}#state"

    notes = _notes(found["visits"])
    look = Look(found["passed"], notes=notes, link=address, selected=selected)
    return workflow_graph(graph(webhook.workflow), look, title=f"Workflow of {found['webhook']}")


def _notes(visits: Sequence[VisitFields]) -> dict[str, str]:
    """How long each state took, and how often it was passed."""
    spent: dict[str, int] = {}
    often: dict[str, int] = {}
    for visit in visits:
        name = visit["state"]
        often[name] = often.get(name, 0) + 1
        spent[name] = spent.get(name, 0) + (visit["duration_ms"] or 0)
    return {
        name: f"{count}\N{MULTIPLICATION SIGN}  {took(spent[name])}"
        if count > 1
        else took(spent[name])
        for name, count in often.items()
    }


PAGES: Final = (
    Page("/executions", "executions", "executions.html", executions, "executions",
         ExecutionsAsked, {"statuses": STATUSES}),
    Page("/events/{id}/executions", "which-execution", "execution.html", which, "executions",
         WhichAsked),
    Page("/events/{id}/executions/{index}", "execution", "execution.html", execution,
         "executions", ExecutionAsked),
)  # fmt: skip
