"""Runs of workflows: which states were passed, by which ways, and the whole history."""

from __future__ import annotations

from typing import Any, Final, Literal

from holdfast.console.asking import Name, Paged
from holdfast.console.endpoint import Call, Endpoint
from holdfast.console.rows import execution_row, passed_fields, visit_fields
from holdfast.console.shapes.events import ExecutionPage, ExecutionRows
from holdfast.console.site import Site
from holdfast.errors import NotFound
from holdfast.operate import lookup
from holdfast.operate.abilities import need_watch
from holdfast.operate.fields import execution_fields
from holdfast.operate.passage import passage
from holdfast.queue.contract import Execution


class ExecutionsAsked(Paged):
    webhook: Name | None = None
    status: Literal["SUCCEEDED", "FAILED", "TIMED_OUT"] | None = None


async def list_executions(call: Call[ExecutionsAsked]) -> ExecutionRows:
    asked = call.params
    watch = need_watch(call.site.depths, "list executions; an event's own are with the event")
    found = await call.site.look(
        lambda: watch.latest_executions(
            webhook=asked.webhook, status=asked.status, after=asked.after, limit=asked.limit
        )
    )
    more = len(found) == asked.limit
    return {
        "items": [execution_row(one) for _, one in found],
        "after": found[-1][0] if more else None,
    }


def runs_of(site: Site, id: str) -> list[Execution]:
    """Over one event, oldest first. Raises NotFound."""
    entry = lookup.event(site.archive, id)
    return site.archive.executions(entry.message.id)


async def event_executions(call: Call) -> list[ExecutionPage]:
    return await call.site.look(_of_event, call.site, call.path["id"])


def _of_event(site: Site, id: str) -> list[ExecutionPage]:
    return [_page(site, run, place) for place, run in enumerate(runs_of(site, id))]


async def event_execution(call: Call) -> ExecutionPage:
    return await call.site.look(_one_of_event, call.site, call.path["id"], call.path["index"])


def _one_of_event(site: Site, id: str, index: str) -> ExecutionPage:
    runs = runs_of(site, id)
    place = int(index[:9]) if index.isascii() and index.isdigit() else len(runs)
    if place >= len(runs):
        raise NotFound(f"no execution {index} of {id}; there are {len(runs)}")
    return _page(site, runs[place], place)


def _page(site: Site, run: Execution, place: int) -> ExecutionPage:
    webhook = site.webhook(run.webhook)
    way = passage(run.history, webhook.workflow if webhook else None)
    return {
        **execution_fields(run),
        "event": run.message_id,
        "webhook": run.webhook,
        "index": place,
        "passed": passed_fields(way),
        "visits": [visit_fields(visit) for visit in way.visits],
    }


ENDPOINTS: Final[tuple[Any, ...]] = (
    Endpoint("GET", "/executions", "executions", "Kept runs of workflows, newest first",
             "executions", list_executions, ExecutionRows, params=ExecutionsAsked,
             problems=(501,)),
    Endpoint("GET", "/events/{id}/executions", "event_executions",
             "The runs over one event, oldest first, with history and the way through",
             "executions", event_executions, list[ExecutionPage], problems=(404, 501)),
    Endpoint("GET", "/events/{id}/executions/{index}", "event_execution",
             "One of them, by its place among them", "executions",
             event_execution, ExecutionPage, problems=(404, 501)),
)  # fmt: skip
