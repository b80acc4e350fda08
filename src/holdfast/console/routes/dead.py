"""Dead letters: as groups, one by one, put aside, removed, and what would become of them now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from holdfast.console.asking import (
    Asked,
    Id,
    LettersChosen,
    Name,
    Paged,
    Parked,
    Time,
    ms,
    parked,
)
from holdfast.console.endpoint import PREFIX, Call, Endpoint, Nothing
from holdfast.console.problems import Problem, misfit
from holdfast.console.rows import (
    group_row,
    inline_body,
    letter_row,
    passed_fields,
    value_fields,
    visit_fields,
)
from holdfast.console.shapes.dead import (
    DoneFields,
    DryRunFields,
    GroupPage,
    GroupRow,
    LetterPage,
    LetterPageFields,
    RehearsalFields,
)
from holdfast.console.site import Site
from holdfast.message import DeadLetter
from holdfast.operate import lookup
from holdfast.operate.abilities import archive_of, need_desk
from holdfast.operate.casting import Mock
from holdfast.operate.fields import letter_fields
from holdfast.operate.groups import LetterOrder, Order, group, groups, letters, name_of
from holdfast.operate.passage import passage
from holdfast.operate.rehearsal import Rehearsal, rehearse
from holdfast.operate.selection import CHUNK, dead_ids
from holdfast.operate.sent_back import sent_back
from holdfast.queue.contract import Filter, place

DRY_RUNS_MAX: Final = 20


class GroupsAsked(Asked):
    webhook: Name | None = None
    reason: Name | None = None
    error: Name | None = None
    since: Time | None = None
    until: Time | None = None
    parked: Parked = "no"
    sort: Literal["recent", "largest", "oldest"] = Field(
        default="recent",
        description="First: what failed last, the most letters, or what has failed the longest.",
    )
    limit: Annotated[int, Field(ge=1, le=500)] = 100


async def list_groups(call: Call[GroupsAsked]) -> GroupPage:
    site, asked = call.site, call.params
    filter = Filter(
        webhook=asked.webhook,
        reason=asked.reason,
        error=asked.error,
        since_ms=ms(asked.since, site.clock),
        until_ms=ms(asked.until, site.clock),
        parked=parked(asked.parked),
    )
    found = await site.look(groups, site.depths, filter, asked.limit, Order(asked.sort))
    return {
        "items": [group_row(one) for one in found.shown],
        "groups": found.groups,
        "letters": found.letters,
    }


async def one_group(call: Call) -> GroupRow:
    return group_row(await call.site.look(group, call.site.depths, call.path["id"]))


class LettersAsked(Paged):
    group: Id | None = None
    webhook: Name | None = None
    reason: Name | None = None
    error: Name | None = None
    since: Time | None = None
    until: Time | None = None
    parked: Parked = "no"
    sort: Literal["recent", "oldest"] = Field(
        default="recent",
        description="First: what died last, or what has been dead the longest.",
    )


async def list_letters(call: Call[LettersAsked]) -> LetterPage:
    site, asked = call.site, call.params
    filter = Filter(
        webhook=asked.webhook,
        reason=asked.reason,
        error=asked.error,
        since_ms=ms(asked.since, site.clock),
        until_ms=ms(asked.until, site.clock),
        group=asked.group,
        parked=parked(asked.parked),
    )
    filter = LetterOrder(asked.sort).over(filter)
    found = await site.look(letters, site.depths, filter, asked.after, asked.limit)
    last = found[-1] if len(found) == asked.limit else None
    return {
        "items": [letter_row(one, site.webhook(one.message.webhook)) for one in found],
        "after": place(filter, last.message.id, last.died_at_ms) if last else None,
    }


async def one_letter(call: Call) -> LetterPageFields:
    return await call.site.look(_letter, call.site, call.path["id"])


def _letter(site: Site, id: str) -> LetterPageFields:
    letter = lookup.dead_letter(site.store, id)
    body, omitted = inline_body(letter.message.request.body)
    return {
        **letter_fields(letter, redrives=sent_back(site.store, letter.message.id)),
        **body,
        "group": name_of(letter),
        "body_omitted": omitted,
        "body_url": f"{PREFIX}/events/{letter.message.id}/body",
    }


class Parking(LettersChosen):
    pass


class Purging(LettersChosen):
    expect: Annotated[int, Field(ge=0)] = Field(
        description="How many there are to remove; where there are others, none is removed."
    )


async def park(call: Call[Nothing, LettersChosen]) -> DoneFields:
    desk = need_desk(call.site.depths, "put dead letters aside")
    return await call.site.look(_act, call, "park", desk.park, None)


async def unpark(call: Call[Nothing, LettersChosen]) -> DoneFields:
    desk = need_desk(call.site.depths, "put dead letters aside")
    return await call.site.look(_act, call, "unpark", desk.unpark, None)


async def purge(call: Call[Nothing, Purging]) -> DoneFields:
    return await call.site.look(_act, call, "purge", call.site.depths.purge, call.body.expect)


def _act(
    call: Call[Nothing, LettersChosen],
    action: str,
    act: Callable[[Sequence[str]], list[bool]],
    expect: int | None,
) -> DoneFields:
    site, chosen = call.site, call.body
    if action == "unpark" and chosen.parked == "no":
        chosen = chosen.model_copy(update={"parked": "only"})
    selection = chosen.selection(site.clock)
    ids = dead_ids(site.depths, selection, site.clock.now_ms())
    if expect is not None and expect != len(ids):
        told = f"{len(ids)} dead letters are selected, not {expect}; nothing was removed"
        raise Problem(409, "not_as_expected", told, {"selected": len(ids)})
    target = chosen.group or (ids[0] if len(ids) == 1 else None)
    call.book.note(
        action, webhook=chosen.webhook, target=target, letters=len(ids), chosen=chosen.told()
    )
    done = sum(sum(act(ids[at : at + CHUNK])) for at in range(0, len(ids), CHUNK))
    return {"action": action, "selected": len(ids), "done": done}


class MockAsked(Asked):
    """What a task is to come to: a result, or an error."""

    result: Any = None
    error: Annotated[str, Field(max_length=256)] | None = None
    cause: Annotated[str, Field(max_length=32_768)] | None = None


class DryRunAsked(Asked):
    """Which dead letters, or past events by their ids; and what tasks are to come to."""

    ids: tuple[Id, ...] = Field(default=(), max_length=DRY_RUNS_MAX)
    group: Id | None = None
    limit: Annotated[int, Field(ge=1, le=DRY_RUNS_MAX)] = 1
    mocks: dict[str, MockAsked] = Field(
        default_factory=dict, description="By state or by task.", max_length=100
    )
    results: Literal["recorded", "assumed"] = Field(
        default="recorded",
        description="recorded: a task that succeeded in an earlier attempt comes to the same.",
    )


async def dry_run(call: Call[Nothing, DryRunAsked]) -> DryRunFields:
    return await call.site.look(_dry_run, call.site, call.body)


def _dry_run(site: Site, asked: DryRunAsked) -> DryRunFields:
    if bool(asked.ids) == (asked.group is not None):
        raise misfit("/", "say which: ids, or a group")
    if asked.group is not None:
        chosen = group(site.depths, asked.group)
        found = letters(
            site.depths, Filter(group=chosen.id, parked=False, by_death=True), None, asked.limit
        )
        messages = [one.message for one in found]
    else:
        messages = [_message(site, id) for id in asked.ids]
    mocks = {name: Mock(one.result, one.error, one.cause) for name, one in asked.mocks.items()}
    archive = archive_of(site.depths)
    items = []
    for message in messages:
        webhook = site.need_webhook(message.webhook)
        earlier = (
            archive.executions(message.id)
            if archive is not None and asked.results == "recorded"
            else []
        )
        went = rehearse(
            webhook, message, site.secrets, site.clock.now_ms(), mocks=mocks, earlier=earlier
        )
        items.append(rehearsal_fields(message.id, went, webhook.workflow))
    return {"items": items, "definition": str(site.definition) if site.definition else None}


def _message(site: Site, id: str) -> Any:
    archive = archive_of(site.depths)
    if archive is not None:
        return lookup.event(archive, id).message
    letter: DeadLetter = lookup.dead_letter(site.depths, id)
    return letter.message


def rehearsal_fields(id: str, went: Rehearsal, document: Any) -> RehearsalFields:
    """What would become of the event."""
    way = passage(went.history, document)
    would = "done" if went.status == "SUCCEEDED" else "dead" if went.quarantine else "retried"
    return {
        "event": id,
        "status": went.status,
        "would": would,
        "reason": went.quarantine,
        "error": went.error,
        "cause": went.cause,
        "state": went.state,
        "output": value_fields(went.output),
        "assumed": went.assumed,
        "calls": [
            {
                "state": one.state,
                "resource": one.resource,
                "input": value_fields(one.input),
                "takes": one.takes,
                "source": one.source,
                "result": one.result,
                "error": one.error,
                "cause": one.cause,
            }
            for one in went.calls
        ],
        "waits": list(went.waits),
        "passed": passed_fields(way),
        "visits": [visit_fields(visit) for visit in way.visits],
    }


ENDPOINTS: Final[tuple[Any, ...]] = (
    Endpoint("GET", "/dead/groups", "groups", "What fails, by state and error", "dead letters",
             list_groups, GroupPage, params=GroupsAsked),
    Endpoint("GET", "/dead/groups/{id}", "group", "One group; the beginning of its id will do",
             "dead letters", one_group, GroupRow, problems=(404,)),
    Endpoint("GET", "/dead/letters", "letters", "Dead letters, what died last first", "dead letters",
             list_letters, LetterPage, params=LettersAsked),
    Endpoint("GET", "/dead/letters/{id}", "letter", "One dead letter", "dead letters",
             one_letter, LetterPageFields, problems=(404,)),
    Endpoint("POST", "/dead/park", "park", "Put dead letters aside: out of the groups, kept",
             "dead letters", park, DoneFields, body=Parking, problems=(404, 501)),
    Endpoint("POST", "/dead/unpark", "unpark", "Undo that", "dead letters",
             unpark, DoneFields, body=Parking, problems=(404, 501)),
    Endpoint("POST", "/dead/purge", "purge", "Remove dead letters for good", "dead letters",
             purge, DoneFields, body=Purging, problems=(404, 409)),
    Endpoint("POST", "/dead/dry-run", "dry_run",
             "What the code that runs here would do with them, without doing it", "dead letters",
             dry_run, DryRunFields, body=DryRunAsked, problems=(404, 409)),
)  # fmt: skip
