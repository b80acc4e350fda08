"""Sending dead letters back as runs: begun, watched, let go on, cancelled."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from holdfast.console.asking import Asked, LettersChosen, Name, Paged
from holdfast.console.endpoint import Call, Endpoint, Nothing
from holdfast.console.keeper import Keeper
from holdfast.console.rows import run_fields
from holdfast.console.shapes.runs import RunFields, RunPage
from holdfast.console.site import Site
from holdfast.errors import NotFound
from holdfast.operate.abilities import desk_of
from holdfast.operate.book import CONSOLE
from holdfast.operate.canary import DEFAULT_STOP_AT, PATIENCE_SECONDS, Plan, StopAt
from holdfast.operate.runs import Run, from_record, plan_run


def _stop_at(text: str) -> str:
    StopAt.parse(text)
    return text


class RedriveAsked(LettersChosen):
    """Which letters, and how: a few first, at what rate, and when it stops by itself."""

    try_first: Annotated[int, Field(ge=0, le=1_000)] = Field(
        default=0, description="So many first, and no more before they are all done."
    )
    go_on: bool = Field(
        default=True, description="After the first few by itself; false: once it is told to."
    )
    rate: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        default=None, description="At most so many a second."
    )
    stop_at: Annotated[str, AfterValidator(_stop_at)] = Field(
        default=str(DEFAULT_STOP_AT),
        description="When so many (5), or such a share (20%), came back dead; or never.",
    )
    watch: bool = Field(
        default=True, description="False: over once all are sent, whatever becomes of them."
    )
    patience_seconds: Annotated[float, Field(ge=1, le=86_400)] = PATIENCE_SECONDS
    dry_run: bool = Field(default=False, description="Only say how many it would be.")


async def redrive(call: Call[Nothing, RedriveAsked]) -> RunFields:
    site = call.site
    run = await site.look(_planned, call)
    if call.body.dry_run:
        return run_fields(run)
    keeper: Keeper = site.data["keeper"]
    return run_fields(await keeper.begin(run, call.book, call.body.told()))


def _planned(call: Call[Nothing, RedriveAsked]) -> Run:
    asked = call.body

    def plan(total: int) -> Plan:
        return Plan(
            total=total,
            try_first=asked.try_first,
            go_on=asked.go_on,
            rate=asked.rate,
            stop_at=StopAt.parse(asked.stop_at),
            watch=asked.watch,
            patience_seconds=asked.patience_seconds,
        )

    return plan_run(
        call.site.depths,
        asked.selection(call.site.clock),
        plan,
        operator=call.who.name,
        via=CONSOLE,
        now_ms=call.site.clock.now_ms(),
    )


class RunsAsked(Paged):
    webhook: Name | None = None
    active: bool | None = None


async def list_runs(call: Call[RunsAsked]) -> RunPage:
    return await call.site.look(_list, call.site, call.params)


def _list(site: Site, asked: RunsAsked) -> RunPage:
    desk = desk_of(site.store)
    if desk is None:
        keeper: Keeper = site.data["keeper"]
        mine = [
            run
            for run in keeper.runs()
            if asked.webhook in (None, *run.webhooks) and asked.active in (None, run.active)
        ]
        return {"items": [run_fields(run) for run in mine], "after": None}
    records = desk.runs(
        webhook=asked.webhook, active=asked.active, after=asked.after, limit=asked.limit
    )
    more = len(records) == asked.limit
    return {
        "items": [run_fields(from_record(record)) for record in records],
        "after": records[-1].id if more else None,
    }


async def one_run(call: Call) -> RunFields:
    return run_fields(await call.site.look(_find, call.site, call.path["id"]))


def _find(site: Site, id: str) -> Run:
    desk = desk_of(site.store)
    record = desk.run(id) if desk is not None else None
    if record is not None:
        return from_record(record)
    keeper: Keeper = site.data["keeper"]
    found = next((run for run in keeper.runs() if run.id == id), None)
    if found is None:
        raise NotFound(f"no run {id}")
    return found


async def cancel(call: Call[Nothing, Asked]) -> RunFields:
    keeper: Keeper = call.site.data["keeper"]
    return run_fields(await keeper.ask(call.path["id"], "cancel", call.book))


async def go_on(call: Call[Nothing, Asked]) -> RunFields:
    keeper: Keeper = call.site.data["keeper"]
    return run_fields(await keeper.ask(call.path["id"], "go_on", call.book))


ENDPOINTS: Final[tuple[Any, ...]] = (
    Endpoint("POST", "/dead/redrive", "redrive",
             "Begin to send dead letters back; one run at a time per webhook", "runs",
             redrive, RunFields, body=RedriveAsked, status=202, problems=(404, 409)),
    Endpoint("GET", "/runs", "runs", "Runs, newest first", "runs",
             list_runs, RunPage, params=RunsAsked),
    Endpoint("GET", "/runs/{id}", "run", "One run, and how far it is", "runs",
             one_run, RunFields, problems=(404,)),
    Endpoint("POST", "/runs/{id}/cancel", "cancel",
             "Stop it; what was not sent stays as it is", "runs",
             cancel, RunFields, body=Asked, problems=(404, 409)),
    Endpoint("POST", "/runs/{id}/go-on", "go_on", "Let it go on after it tried a few", "runs",
             go_on, RunFields, body=Asked, problems=(404, 409)),
)  # fmt: skip
