"""One event: everything that happened to it as one timeline; its payload; a changed copy of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, cast

from holdfast.console.asking import Asked
from holdfast.console.endpoint import Call
from holdfast.console.pages import payload
from holdfast.console.pages.page import Found, Page
from holdfast.console.pages.text import header_text
from holdfast.console.pages.words import MOMENTS
from holdfast.console.routes import events as api
from holdfast.console.rows import INLINE_BYTES
from holdfast.console.shapes.events import EventFields, MomentFields
from holdfast.operate import lookup
from holdfast.operate.fields import body_fields
from holdfast.operate.resend import kept_headers

WHOLE_BYTES: Final = 1_048_576
"""A larger body is shown up to here; the whole can be saved."""


VISITS_MAX: Final = 100
"""States of a timeline that are drawn with what went in and came out; of a large Map there are
thousands."""


async def event(call: Call) -> Found:
    found = await api.event(call)
    pending = found["state"] in ("waiting", "leased")
    return {
        "found": found,
        "timeline": shortened(found["timeline"]),
        "moments": MOMENTS,
        "drawn": await call.site.look(_beginning, call, found),
        "whole": f"/events/{found['id']}/payload",
        "pending": pending,
        "paused": pending and found["webhook"] in await call.site.look(call.site.store.pauses),
    }


def shortened(moments: Sequence[MomentFields]) -> list[dict[str, Any]]:
    """A timeline with no more states than can be looked at: the first, and those that failed.
    `more`: how many are left out of a moment."""
    left, found = VISITS_MAX, []
    for moment in moments:
        states = moment["states"]
        failed = [one for one in states[left:] if one["error"] is not None][:VISITS_MAX]
        kept = [*states[:left], *failed]
        left = max(0, left - len(states))
        found.append({**moment, "states": kept, "more": len(states) - len(kept)})
    return found


def _beginning(call: Call, found: EventFields) -> payload.Drawn:
    """The body as far as it belongs beside a timeline."""
    webhook = found["webhook"]
    if not found["body_omitted"]:
        return payload.body(cast(dict[str, Any], found), webhook=webhook)
    body = lookup.event(call.site.archive, found["id"]).message.request.body
    return payload.beginning(body, INLINE_BYTES)


class PayloadAsked(Asked):
    view: Literal["pretty", "raw", "bytes"] = "pretty"


async def whole(call: Call[PayloadAsked]) -> Found:
    return await call.site.look(_whole, call)


def _whole(call: Call[PayloadAsked]) -> dict[str, Any]:
    entry = lookup.event(call.site.archive, call.path["id"])
    message, view = entry.message, call.params.view
    body = message.request.body
    if view == "bytes":
        drawn = payload.binary(body)
    elif len(body) > WHOLE_BYTES:
        drawn = payload.beginning(body, WHOLE_BYTES)
    else:
        fields: Any = body_fields(body)
        drawn = payload.body(fields, raw=view == "raw", webhook=message.webhook)
    return {"id": message.id, "webhook": message.webhook, "size": len(body), "drawn": drawn,
            "view": view}  # fmt: skip


async def edit(call: Call) -> Found:
    """A form with the copy. Bodies that are no text are not edited by hand."""
    return await call.site.look(_edit, call)


def _edit(call: Call) -> dict[str, Any]:
    message = lookup.event(call.site.archive, call.path["id"]).message
    lines = [f"{name}: {header_text(value)}" for name, value in kept_headers(message.request)]
    return {
        "id": message.id,
        "webhook": message.webhook,
        "bytes": len(message.request.body),
        "body": body_fields(message.request.body)["body"],
        "headers": "\n".join(lines),
        "defined": call.site.webhook(message.webhook) is not None,
    }


PAGES: Final = (
    Page("/events/{id}", "event", "event.html", event, "events"),
    Page("/events/{id}/payload", "payload", "payload.html", whole, "events", PayloadAsked),
    Page("/events/{id}/edit", "edit", "edit.html", edit, "events"),
)
