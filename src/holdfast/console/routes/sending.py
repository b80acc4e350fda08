"""Sending: again, elsewhere, changed, or a sample. Each is written down before it is done."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Annotated, Any, Final

from pydantic import Field

from holdfast.console.asking import Asked, Id, Name, Time, ms
from holdfast.console.endpoint import Call, Endpoint, Nothing
from holdfast.console.problems import Problem, misfit
from holdfast.console.rows import header_lines
from holdfast.console.shapes.events import ReplayedFields
from holdfast.console.shapes.webhooks import SampleFields, SentFields
from holdfast.console.site import Site
from holdfast.operate import lookup
from holdfast.operate.delivery import deliver, make_request
from holdfast.operate.fields import body_fields
from holdfast.operate.replay import replay
from holdfast.operate.resend import BodyRefused, copy_for, edited, send_to
from holdfast.operate.sample import asked_type
from holdfast.operate.selection import Selection, event_ids
from holdfast.queue.contract import Entry, Filter, State
from holdfast.sample import sample_body

REPLAYS_MAX: Final = 1_000
"""At once; more is the command line's, at a rate."""

TEXT_MAX: Final = 4 * 1024 * 1024

Lines = Annotated[
    tuple[
        tuple[Annotated[str, Field(max_length=256)], Annotated[str, Field(max_length=16_384)]], ...
    ],
    Field(max_length=100),
]


class Body(Asked):
    """A body as text, or as base64 where it is none."""

    body: Annotated[str, Field(max_length=TEXT_MAX)] | None = None
    body_base64: Annotated[str, Field(max_length=TEXT_MAX)] | None = None
    headers: Lines | None = None

    def raw(self) -> bytes | None:
        """Raises Problem."""
        if self.body is not None and self.body_base64 is not None:
            raise misfit("/body", "either body or body_base64")
        if self.body_base64 is not None:
            try:
                return base64.b64decode(self.body_base64, validate=True)
            except ValueError:
                raise misfit("/body_base64", "is not base64") from None
        return None if self.body is None else self.body.encode("utf-8", "surrogatepass")

    def lines(self) -> tuple[tuple[str, str], ...] | None:
        """As they go over the wire. Raises Problem for what cannot stand in a header."""
        if self.headers is None:
            return None
        for name, value in self.headers:
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
                raise misfit("/headers", f"{name!r} is no name of a header")
            if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
                raise misfit("/headers", f"the value of {name} holds control characters")
        return tuple(
            (name.lower(), value.encode("utf-8", "surrogateescape").decode("latin-1"))
            for name, value in self.headers
        )


class ReplayAsked(Asked):
    """Which events: ids, or all that match a filter, the oldest first."""

    ids: tuple[Id, ...] = Field(default=(), max_length=REPLAYS_MAX)
    webhook: Name | None = None
    state: State | None = None
    since: Time | None = None
    until: Time | None = None
    limit: Annotated[int, Field(ge=1, le=REPLAYS_MAX)] = REPLAYS_MAX
    dry_run: bool = False


async def replay_many(call: Call[Nothing, ReplayAsked]) -> ReplayedFields:
    return await call.site.look(_replay, call, call.body)


async def replay_one(call: Call[Nothing, Asked]) -> ReplayedFields:
    asked = ReplayAsked(ids=(call.path["id"],))
    return await call.site.look(_replay, call, asked)


def _replay(call: Call[Any, Any], asked: ReplayAsked) -> ReplayedFields:
    site, archive = call.site, call.site.archive
    if not asked.ids and asked.webhook is None and asked.since is None:
        raise misfit("/", "say which: ids, a webhook, or since when")
    filter = Filter(
        webhook=asked.webhook,
        state=asked.state,
        since_ms=ms(asked.since, site.clock),
        until_ms=ms(asked.until, site.clock),
    )
    now = site.clock.now_ms()
    selected = event_ids(archive, Selection(asked.ids, filter, asked.limit), now)
    if asked.dry_run:
        return {"dry_run": True, "selected": selected, "replayed": {}}
    target = selected[0] if len(selected) == 1 else None
    call.book.note("replay", webhook=asked.webhook, target=target, events=len(selected))
    made: dict[str, str] = {}
    for at in range(0, len(selected), 100):
        made |= replay(site.store, archive, selected[at : at + 100], site.clock.now_ms())
    return {"dry_run": False, "selected": selected, "replayed": made}


class ReplayTo(Asked):
    url: Annotated[str, Field(min_length=1, max_length=2_048)]


async def replay_to(call: Call[Nothing, ReplayTo]) -> SentFields:
    """What came goes to another program as it came, without the headers of its connection and
    without what was redacted."""
    site = call.site
    entry: Entry = await site.look(lookup.event, site.archive, call.path["id"])
    request = copy_for(entry.message, call.body.url)
    await site.look(
        lambda: call.book.note(
            "replay.to",
            webhook=entry.message.webhook,
            target=entry.message.id,
            url=f"{request.origin}{request.path}",
        )
    )
    reply = await send_to(request, site.clock)
    body = body_fields(reply.body)
    return {
        "accepted": 200 <= reply.status < 300,
        "status": reply.status,
        "headers": header_lines(reply.headers),
        "body": body["body"],
        "body_base64": body["body_base64"],
        "cut": reply.cut,
        "milliseconds": round(reply.milliseconds, 3),
        "id": None,
    }


class Edited(Body):
    signed: bool = Field(default=True, description="Signed anew, as its sender would.")


async def edit(call: Call[Nothing, Edited]) -> SentFields:
    return await call.site.look(_edit, call)


def _edit(call: Call[Nothing, Edited]) -> SentFields:
    site, asked = call.site, call.body
    entry = lookup.event(site.archive, call.path["id"])
    webhook = site.need_webhook(entry.message.webhook)
    try:
        copy = edited(
            webhook,
            entry.message,
            body=asked.raw(),
            headers=asked.lines(),
            secrets=site.secrets,
            clock=site.clock,
            signed=asked.signed,
        )
    except BodyRefused as error:
        wrong = [{"path": one.path or "/", "message": one.message} for one in error.violations]
        raise Problem(400, "body_refused", str(error), wrong) from None
    call.book.note(
        "edit",
        webhook=webhook.name,
        target=entry.message.id,
        copy=copy.id,
        changed=[
            name
            for name, given in (("body", asked.raw()), ("headers", asked.headers))
            if given is not None
        ],
        signed=asked.signed,
    )
    for failure in site.store.send([copy]):
        if failure is not None:
            raise failure
    return {
        "accepted": True,
        "status": 200,
        "headers": [],
        "body": None,
        "body_base64": None,
        "cut": False,
        "milliseconds": None,
        "id": copy.id,
    }


async def sample(call: Call) -> SampleFields:
    return await call.site.look(sample_fields, call.site, call.path["name"])


def sample_fields(site: Site, name: str) -> SampleFields:
    webhook = site.need_webhook(name)
    running = site.find_running()
    path = re.sub(r"\{\w+\}", "sample", webhook.path)
    return {
        "method": webhook.methods[0],
        "path": path,
        "content_type": "application/json",
        "body": sample_body(webhook).decode("utf-8", "replace"),
        "event_type": asked_type(webhook),
        "signed": webhook.verification is not None,
        "url": f"{running.url}{path}" if running and running.url else None,
    }


class SampleAsked(Body):
    """Everything that is not given is made up: the body from the schema."""

    path: Annotated[str, Field(max_length=1_024, pattern=r"^/[^\s#]*$")] | None = None
    content_type: Annotated[str, Field(max_length=256)] = "application/json"
    event_type: Annotated[str, Field(max_length=256)] | None = Field(
        default=None, description="Put where the webhook's provider has it; null: as it stands."
    )
    signed: bool = Field(default=True, description="As its sender would; false: as a forger.")


async def send_sample(call: Call[Nothing, SampleAsked]) -> SentFields:
    """Over HTTP through the gateway that runs, so that it is checked like any other."""
    site, asked = call.site, call.body
    webhook = site.need_webhook(call.path["name"])
    known = await site.look(sample_fields, site, webhook.name)
    running = await site.look(site.find_running)
    if running is None or running.url is None:
        raise Problem(409, "no_gateway", "no gateway of this store runs here to send it to")
    lines = asked.lines() or ()
    if not any(name == "content-type" for name, _ in lines):
        lines = (("content-type", asked.content_type), *lines)
    raw = asked.raw()
    request = make_request(
        webhook,
        url=running.url + (asked.path or known["path"]),
        method=webhook.methods[0],
        headers=lines,
        body=known["body"].encode() if raw is None else raw,
        secrets=site.secrets,
        clock=site.clock,
        signed=asked.signed,
        event_type=asked.event_type,
    )
    await site.look(lambda: call.book.note("sample", webhook=webhook.name, signed=asked.signed))
    answered = await asyncio.to_thread(deliver, request)
    return {
        "accepted": answered.accepted,
        "status": answered.status,
        "headers": header_lines(answered.headers),
        "body": answered.body,
        "body_base64": None,
        "cut": False,
        "milliseconds": None,
        "id": answered.id,
    }


ENDPOINTS: Final[tuple[Any, ...]] = (
    Endpoint("POST", "/events/{id}/replay", "replay", "Send it through again, under a new id",
             "sending", replay_one, ReplayedFields, body=Asked, problems=(404, 501)),
    Endpoint("POST", "/replays", "replay_many",
             f"Send past events through again, {REPLAYS_MAX} at the most", "sending",
             replay_many, ReplayedFields, body=ReplayAsked, problems=(404, 501)),
    Endpoint("POST", "/events/{id}/replay-to", "replay_to", "Send it to another program",
             "sending", replay_to, SentFields, body=ReplayTo, problems=(404, 409, 501)),
    Endpoint("POST", "/events/{id}/edit", "edit",
             "Queue a changed copy of it, signed anew, under a new id", "sending",
             edit, SentFields, body=Edited, problems=(404, 409, 501)),
    Endpoint("GET", "/webhooks/{name}/sample", "sample", "What a sample would be", "sending",
             sample, SampleFields, problems=(404,)),
    Endpoint("POST", "/webhooks/{name}/sample", "send_sample",
             "Send a sample through the gateway, signed as the webhook expects", "sending",
             send_sample, SentFields, body=SampleAsked, problems=(404, 409, 501)),
)  # fmt: skip
