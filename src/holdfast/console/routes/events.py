"""What came in: lists with filters, and one event with everything that happened to it."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from typing import Any, Final

from starlette.responses import Response

from holdfast.compiled import CompiledWebhook
from holdfast.console.asking import ArrivalsAsked, EventsAsked
from holdfast.console.endpoint import PREFIX, Call, Endpoint
from holdfast.console.rows import event_row, inline_body, moment, visit_fields
from holdfast.console.shapes.events import (
    ArrivalPage,
    EventFields,
    EventPage,
    MomentFields,
    RefusalPageFields,
)
from holdfast.console.site import Site, Store
from holdfast.message import DeadLetter
from holdfast.operate import lookup
from holdfast.operate.abilities import need_archive
from holdfast.operate.export import as_curl, as_test
from holdfast.operate.fields import failure_fields, instant, message_fields
from holdfast.operate.finding import Criteria, Finder, Page, type_of
from holdfast.operate.groups import name_of
from holdfast.operate.reasons import DEAD
from holdfast.operate.sent_back import sent_back
from holdfast.operate.timeline import Moment, timeline
from holdfast.operate.verification import verification_of
from holdfast.queue.contract import Entry, Execution, Filter, Refusal, State
from holdfast.workflow.input import Delivery


async def list_events(call: Call[EventsAsked]) -> EventPage:
    return await call.site.look(_list, call.site, call.params)


def _list(site: Site, asked: EventsAsked) -> EventPage:
    finder, criteria = site.finder, asked.criteria(site.clock)
    page: Page
    if asked.id:
        page = Page(tuple(_named(finder, criteria, asked)), None, complete=True)
    elif asked.state == "refused":
        page = finder.refusals(criteria, asked.after, asked.limit)
    elif asked.refused:
        page = finder.both(criteria, asked.after, asked.limit)
    else:
        page = finder.events(criteria, asked.after, asked.limit)
    return {
        "items": [event_row(one, site.webhook(lookup.webhook_of(one))) for one in page.found],
        "after": page.after,
        "complete": page.complete,
    }


def _named(finder: Finder, criteria: Criteria, asked: EventsAsked) -> Iterator[Entry | Refusal]:
    for one in finder.named(criteria, asked.id):
        turned = isinstance(one, Refusal)
        if asked.refused if turned else asked.state != "refused":
            yield one


async def list_arrivals(call: Call[ArrivalsAsked]) -> ArrivalPage:
    return await call.site.look(_arrivals, call.site, call.params)


def _arrivals(site: Site, asked: ArrivalsAsked) -> ArrivalPage:
    came = site.finder.arrivals(asked.criteria(site.clock), asked.cursor, asked.limit)
    kept = came.entries if asked.state != "refused" else ()
    return {
        "items": [event_row(one, site.webhook(one.message.webhook)) for one in kept],
        "cursor": came.cursor,
        "more": came.more,
    }


async def event(call: Call) -> EventFields:
    return await call.site.look(_event, call.site, call.path["id"])


def _event(site: Site, id: str) -> EventFields:
    entry = lookup.event(site.archive, id)
    return event_fields(site.store, entry, site.webhook(entry.message.webhook))


def event_fields(store: Store, entry: Entry, webhook: CompiledWebhook | None) -> EventFields:
    """Everything that is known of an event. `webhook`: as it is defined now, if it is."""
    message = entry.message
    runs = need_archive(store).executions(message.id)
    letter: DeadLetter | None = None
    if entry.state is State.DEAD:
        letter = next(iter(store.browse(Filter(id=message.id), None, 1)), None)
    moments = timeline(
        entry,
        runs,
        webhook=webhook,
        redrives=sent_back(store, message.id),
        parked_at_ms=letter.parked_at_ms if letter else None,
        superseded_by=letter.superseded_by if letter else None,
    )
    body, omitted = inline_body(message.request.body)
    result, reason = verification_of(entry, webhook)
    return {
        **message_fields(message),
        **body,
        "type": type_of(entry, webhook),
        "delivery_id": Delivery(webhook, message, 1, None).delivery_id if webhook else None,
        "state": entry.state.value,
        "reason": entry.reason,
        "explanation": DEAD.get(entry.reason or ""),
        "receive_count": entry.receive_count,
        "visible_at": instant(entry.visible_at_ms),
        "finished_at": instant(entry.finished_at_ms),
        "duplicate_of": entry.duplicate_of,
        "parked_at": instant(letter.parked_at_ms) if letter else None,
        "superseded_by": letter.superseded_by if letter else None,
        "group": name_of(letter) if letter else None,
        "attempts": [failure_fields(failure) for failure in entry.attempts],
        "body_omitted": omitted,
        "body_url": f"{PREFIX}/events/{message.id}/body",
        "verification": {
            "result": result,
            "reason": reason,
            "explanation": DEAD.get(reason or ""),
        },
        "timeline": [_moment(one, runs) for one in moments],
        "executions": len(runs),
    }


def _moment(one: Moment, runs: list[Execution]) -> MomentFields:
    place: int | None = None
    if one.kind == "attempt":
        fits = (
            n
            for n, run in enumerate(runs)
            if run.attempt == one.detail["attempt"] and run.started_at_ms == one.at_ms
        )
        place = next(fits, None)
    return {
        "kind": one.kind,
        "came": one.came,
        "at": instant(one.at_ms),
        "detail": dict(_told(name, value) for name, value in one.detail.items()),
        "execution": place,
        "states": [visit_fields(visit) for visit in one.visits],
    }


def _told(name: str, value: Any) -> tuple[str, Any]:
    """Moments as everywhere in the API; a duration is none."""
    if name == "duration_ms" or not name.endswith("_ms"):
        return name, value
    return name.removesuffix("_ms"), instant(value)


async def event_body(call: Call) -> Response:
    entry = await call.site.look(lookup.event, call.site.archive, call.path["id"])
    request = entry.message.request
    return bytes_of(request.body, entry.message.id, request.headers.get("content-type"))


def bytes_of(body: bytes, name: str, content_type: str | None) -> Response:
    """The bytes as they came, to be saved and never to be shown: a browser must not take a
    sender's bytes for a page of ours."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    suffix = mimetypes.guess_extension(kind) or ".bin"
    safe = suffix if suffix in (".json", ".txt", ".xml", ".csv", ".pdf", ".png", ".jpg") else ".bin"
    return Response(
        body,
        media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{name}{safe}"'},
    )


async def event_curl(call: Call) -> Response:
    site = call.site
    entry = await site.look(lookup.event, site.archive, call.path["id"])
    running = await site.look(site.find_running)
    url = running.url if running and running.url else NOWHERE
    return Response(as_curl(entry.message, url), media_type="text/plain; charset=utf-8")


async def event_fixture(call: Call) -> Response:
    site = call.site
    entry = await site.look(lookup.event, site.archive, call.path["id"])
    type = type_of(entry, site.webhook(entry.message.webhook))
    return Response(
        as_test(entry.message, type, site.definition.name if site.definition else "hooks.py"),
        media_type="text/plain; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="test_{entry.message.id}.py"'},
    )


async def list_refusals(call: Call[EventsAsked]) -> EventPage:
    site, asked = call.site, call.params
    page = await site.look(
        lambda: site.finder.refusals(asked.criteria(site.clock), asked.after, asked.limit)
    )
    return {
        "items": [event_row(one, None) for one in page.found],
        "after": page.after,
        "complete": page.complete,
    }


async def refusal(call: Call) -> RefusalPageFields:
    found = await call.site.look(lookup.refusal, call.site.archive, call.path["id"])
    body, _ = inline_body(found.body)
    return {
        "id": found.id,
        "webhook": found.webhook,
        "received_at": moment(found.at_ms),
        "method": found.method,
        "path": found.path,
        "remote": found.remote,
        "status": found.status,
        "reason": found.reason,
        "detail": found.detail,
        "headers": [list(line) for line in found.headers],
        **body,
        "body_url": f"{PREFIX}/refusals/{found.id}/body",
    }


async def refusal_body(call: Call) -> Response:
    found = await call.site.look(lookup.refusal, call.site.archive, call.path["id"])
    kind = next((value for name, value in found.headers if name == "content-type"), None)
    return bytes_of(found.body, found.id, kind)


NOWHERE: Final = "http://127.0.0.1:8080"
"""Where `holdfast run` would listen, while it does not."""

BYTES: Final = "application/octet-stream"

ENDPOINTS: Final = (
    Endpoint("GET", "/events", "events", "What came in, newest first, also what was refused",
             "events", list_events, EventPage, params=EventsAsked, problems=(501,)),
    Endpoint("GET", "/arrivals", "arrivals",
             "What was kept, oldest first, from a cursor on: none left out, none twice", "events",
             list_arrivals, ArrivalPage, params=ArrivalsAsked, problems=(409, 501)),
    Endpoint("GET", "/events/{id}", "event", "One event, and everything that happened to it",
             "events", event, EventFields, problems=(404, 501)),
    Endpoint("GET", "/events/{id}/body", "event_body", "Its body, byte for byte", "events",
             event_body, media=BYTES, problems=(404, 501)),
    Endpoint("GET", "/events/{id}/curl", "event_curl",
             "As a curl command that sends it to the gateway again", "events",
             event_curl, media="text/plain", problems=(404, 501)),
    Endpoint("GET", "/events/{id}/fixture", "event_fixture",
             "As a pytest file: the request as a fixture, and a test with it", "events",
             event_fixture, media="text/plain", problems=(404, 501)),
    Endpoint("GET", "/refusals", "refusals", "What was not kept, and why", "events",
             list_refusals, EventPage, params=EventsAsked, problems=(501,)),
    Endpoint("GET", "/refusals/{id}", "refusal", "One refusal", "events",
             refusal, RefusalPageFields, problems=(404, 501)),
    Endpoint("GET", "/refusals/{id}/body", "refusal_body",
             "The beginning of its body, as far as it was kept", "events",
             refusal_body, media=BYTES, problems=(404, 501)),
)  # fmt: skip
