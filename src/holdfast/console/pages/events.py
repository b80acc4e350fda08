"""Events: what came in, live and back to the beginning; every filter stands in the address."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import Field
from starlette.responses import RedirectResponse, Response

from holdfast.console.asking import EventsAsked
from holdfast.console.endpoint import Call
from holdfast.console.pages.page import Found, Page
from holdfast.console.pages.writer import link
from holdfast.console.routes import events as api
from holdfast.errors import NotFound
from holdfast.operate import lookup
from holdfast.operate.lookup import ID_CHARACTERS, PREFIX_MIN
from holdfast.operate.verification import RESULTS
from holdfast.queue.matching import read_path

STATES: Final = ("waiting", "leased", "done", "dead", "purged", "refused")
AGES: Final = ("15m", "1h", "6h", "24h", "7d", "30d")


class EventsLooked(EventsAsked):
    """The API's filters, and what somebody typed into the search of the page's head."""

    find: Annotated[str, Field(max_length=1_024)] | None = None


async def events(call: Call[EventsLooked]) -> Found:
    asked = call.params
    if asked.find is not None:
        return RedirectResponse(where_to(asked.find), 303)
    return {"page_of": await api.list_events(call)}


def where_to(typed: str) -> str:
    """From what is typed into the search to a list, or to the one event of that id."""
    text = typed.strip()
    if not text:
        return "/events"
    if re.fullmatch(r"[0-9a-fA-F]+", text) and PREFIX_MIN <= len(text) <= ID_CHARACTERS:
        return link("/find/" + text.lower())
    path, equals, value = text.partition("=")
    if equals and value and not re.search(r"\s", path.strip()):
        try:
            read_path(path.strip())
        except ValueError:
            return link("/events", text=text)
        return link("/events", where=f"{path.strip()}={value.strip()}")
    return link("/events", text=text)


def chips(filters: dict[str, Any]) -> list[dict[str, str]]:
    """Each filter with the address of the list without it."""
    found = []
    for name, value in filters.items():
        if isinstance(value, tuple):
            for at, one in enumerate(value):
                rest = {**filters, name: [*value[:at], *value[at + 1 :]]}
                found.append({"name": name, "value": one, "without": link("/events", rest)})
        elif name != "limit":
            rest = {**filters, name: None}
            told = "no" if value is False else "yes" if value is True else str(value)
            found.append({"name": name, "value": told, "without": link("/events", rest)})
    return found


async def find(call: Call) -> Response:
    """The event or the refusal of an id; where there is none, whatever holds it as text."""
    id = call.path["id"]
    found = await call.site.look(_kind, call, id)
    return RedirectResponse(link(found) if found else link("/events", text=id), 303)


def _kind(call: Call, id: str) -> str | None:
    for find, path in ((lookup.event, "/events/"), (lookup.refusal, "/refusals/")):
        try:
            one = find(call.site.archive, id)
        except NotFound:
            continue
        return path + lookup.id_of(one)
    return None


async def refusals(call: Call[EventsAsked]) -> Response:
    """They stand in the list of events; this is their own address."""
    filters = call.params.model_dump(exclude_defaults=True, exclude={"state"})
    return RedirectResponse(link("/events", {"state": "refused", **filters}), 303)


PAGES: Final = (
    Page("/events", "events", "events.html", events, "events", EventsLooked,
         {"states": STATES, "results": RESULTS, "ages": AGES, "chips": chips}),
    Page("/find/{id}", "find", "events.html", find, "events"),
    Page("/refusals", "refusals", "events.html", refusals, "events", EventsAsked),
)  # fmt: skip
