"""Dead letters: the few problems that they are, one problem with its letters, one letter.

A dry run is a link like any other: it changes nothing, so that it needs no script and can be shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, cast

from pydantic import Field

from holdfast.console.asking import Asked
from holdfast.console.endpoint import Call
from holdfast.console.pages import payload
from holdfast.console.pages.page import Found, Page
from holdfast.console.pages.runs import STAGES, runs_of_group
from holdfast.console.pages.writer import FRAGMENT
from holdfast.console.problems import encoded
from holdfast.console.routes import dead as api
from holdfast.console.routes.dead import DryRunAsked, GroupsAsked, LettersAsked
from holdfast.console.routes.front import active_runs
from holdfast.console.rows import act_fields, run_fields
from holdfast.console.shapes.dead import DryRunFields
from holdfast.console.site import Site
from holdfast.errors import HoldfastError, NotFound
from holdfast.operate.abilities import desk_of
from holdfast.operate.groups import count_groups
from holdfast.operate.reasons import DEAD
from holdfast.queue.contract import Filter
from holdfast.queue.views import ActFilter

AGES: Final = ("1h", "24h", "7d", "14d")
TRY_FIRST: Final = 5
ACTS: Final = 20
SHORT_BYTES: Final = 400


async def groups(call: Call[GroupsAsked]) -> Found:
    """All groups that match, with what is under way."""
    told = await api.list_groups(call)
    return {"told": told, "stages": STAGES, **await call.site.look(_around, call.site)}


def _around(site: Site) -> dict[str, Any]:
    desk = desk_of(site.store)
    aside = desk.parked() if desk is not None else {}
    return {
        "parked": sum(aside.values()),
        "runs": [run_fields(run) for run in active_runs(site)],
    }


class GroupAsked(Asked):
    """`dry_run`: so many of its newest are tried without doing anything."""

    after: Annotated[str, Field(max_length=64)] | None = None
    parked: Literal["no", "only", "any"] = "any"
    dry_run: Annotated[int, Field(ge=1, le=api.DRY_RUNS_MAX)] | None = None


async def group(call: Call[GroupAsked]) -> Found:
    """One group. One that has become empty shows what was done with it."""
    site, asked = call.site, call.params
    try:
        found = await api.one_group(call.bare)
    except NotFound:
        return await _emptied(call)
    id = found["id"]
    wanted = call.request.headers.get(FRAGMENT)
    letters = await api.list_letters(
        call.asking(LettersAsked(group=id, parked=asked.parked, after=asked.after))
    )
    aside = await site.look(_parked, site, id)
    dry: dict[str, Any] = {"dry": None, "complaint": None}
    if asked.dry_run and wanted in (None, "dry"):
        dry = await _dry(call, id, asked.dry_run)
    return {
        "found": found,
        "id": id,
        "letters": letters,
        "asked": asked,
        "kept": asked.model_dump(exclude_defaults=True, exclude={"after"}),
        "parked": aside,
        "resting": found["count"] - aside,
        "try_first": TRY_FIRST,
        "defined": site.webhook(found["webhook"]) is not None,
        **dry,
        **await _history(call, id, found["webhook"]),
    }


def _parked(site: Site, id: str) -> int:
    if desk_of(site.store) is None:
        return 0
    return sum(one.count for one in count_groups(site.depths, Filter(group=id, parked=True)))


async def _dry(call: Call[Any], id: str, limit: int) -> dict[str, Any]:
    """What today's code would do; where it cannot be tried, why not."""
    try:
        asked = DryRunAsked(group=id, limit=limit)
        told: DryRunFields = await api.dry_run(call.asking(body=asked))
    except HoldfastError as error:
        return {"dry": None, "complaint": str(error)}
    return {"dry": told, "complaint": None, "short": short}


def short(value: Any) -> str:
    """A result in one line: a large one is not laid out to be cut off afterwards."""
    return encoded(value)[:SHORT_BYTES].decode("utf-8", "ignore")


async def _emptied(call: Call[GroupAsked]) -> Mapping[str, Any]:
    """Raises NotFound where nobody ever did anything with a group of this id."""
    id = call.path["id"]
    done = await _history(call, id, None)
    if not done["runs"] and not done["acts"]:
        raise NotFound(f"no group {id}")
    return {"found": None, "id": id, "letters": None, "parked": 0, "resting": 0, "asked": call.params, "dry": None,
            "complaint": None, **done}  # fmt: skip


async def _history(call: Call[Any], id: str, webhook: str | None) -> dict[str, Any]:
    """Who did what with it: runs, and everything else."""
    runs = await runs_of_group(call, id, webhook)
    desk = desk_of(call.site.store)
    acts = []
    if desk is not None:
        found = await call.site.look(desk.acts, ActFilter(target=id), None, ACTS)
        acts = [act_fields(act) for act in found]
    active = next((one for one in runs if one["active"]), None)
    return {"runs": runs, "acts": acts, "active": active, "stages": STAGES}


async def letter(call: Call) -> Found:
    """One letter, with what can be done with it; its whole story is its event's."""
    found = await api.one_letter(call)
    return {
        "found": found,
        "explanation": DEAD.get(found["reason"]),
        "drawn": None
        if found["body_omitted"]
        else payload.body(cast(dict[str, Any], found), webhook=found["webhook"]),
        "archive": "archive" in call.site.store.abilities,
    }


async def letters(call: Call[LettersAsked]) -> Found:
    """All letters one by one, for what groups cannot answer."""
    return {"told": await api.list_letters(call)}


FILTERS: Final = {"ages": AGES, "reasons": sorted(DEAD)}

PAGES: Final = (
    Page("/dead", "dead", "dead.html", groups, "dead", GroupsAsked, FILTERS),
    Page("/dead/groups/{id}", "group", "group.html", group, "dead", GroupAsked),
    Page("/dead/letters", "letters", "letters.html", letters, "dead", LettersAsked, FILTERS),
    Page("/dead/letters/{id}", "letter", "letter.html", letter, "dead"),
)
