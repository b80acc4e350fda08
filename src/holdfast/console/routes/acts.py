"""Who did what, and what happens right now."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field
from starlette.responses import Response

from holdfast.console.access import Allowed
from holdfast.console.asking import Asked, Name, Paged, Time, ms
from holdfast.console.endpoint import Call, Endpoint
from holdfast.console.guard import judge
from holdfast.console.rows import act_fields
from holdfast.console.shapes.runs import ActPage
from holdfast.console.stream import EventStream, Hub
from holdfast.operate.abilities import need_desk
from holdfast.queue.views import ActFilter


class ActsAsked(Paged):
    operator: Name | None = None
    action: Name | None = None
    webhook: Name | None = None
    target: Name | None = None
    since: Time | None = None
    until: Time | None = None


async def list_acts(call: Call[ActsAsked]) -> ActPage:
    site, asked = call.site, call.params
    desk = need_desk(site.store, "keep a book of what operators do")
    filter = ActFilter(
        asked.operator,
        asked.action,
        asked.webhook,
        asked.target,
        ms(asked.since, site.clock),
        ms(asked.until, site.clock),
    )
    found = await site.look(desk.acts, filter, asked.after, asked.limit)
    more = len(found) == asked.limit
    return {
        "items": [act_fields(act) for act in found],
        "after": found[-1].id if more else None,
    }


class StreamAsked(Asked):
    webhook: Name | None = None
    cursor: Annotated[str, Field(max_length=128)] | None = Field(
        default=None, description="As Last-Event-ID, for those who cannot set a header."
    )


async def stream(call: Call[StreamAsked]) -> Response:
    site, request = call.site, call.request
    hub: Hub = site.data["hub"]
    cursor = request.headers.get("last-event-id") or call.params.cursor

    def may() -> bool:
        return isinstance(judge(site.access, request.scope, site.clock), Allowed)

    return EventStream(hub.listen(cursor, call.params.webhook, may))


ENDPOINTS: Final[tuple[Any, ...]] = (
    Endpoint("GET", "/audit", "audit", "What operators did, newest first", "audit",
             list_acts, ActPage, params=ActsAsked, problems=(501,)),
    Endpoint("GET", "/stream", "stream", "What happens, as server-sent events", "stream",
             stream, params=StreamAsked, media="text/event-stream",
             description="Events: `hello`, `changes` (arrived, ended, refused, missed), `depth`,"
             " `run`, `gap` (some were left out for a slow reader; load anew). The id of each is a"
             " cursor: a stream that is opened with it as Last-Event-ID goes on from there."),
)  # fmt: skip
