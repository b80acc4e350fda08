"""About this console, its sessions, the document that describes it, and the overview."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from holdfast.console.access import COOKIE, Session
from holdfast.console.endpoint import Call, Endpoint, Nothing
from holdfast.console.guard import set_session
from holdfast.console.problems import Problem, encoded
from holdfast.console.rows import group_row, moment, run_fields
from holdfast.console.shapes.front import (
    AboutFields,
    CountsFields,
    OverviewFields,
    OverviewWebhook,
    RatesFields,
    RunningFields,
    SessionFields,
    WarningFields,
    WindowFields,
)
from holdfast.console.site import Site
from holdfast.operate.abilities import archive_of, desk_of, search_of, watch_of
from holdfast.operate.alerts.fields import warned
from holdfast.operate.fields import instant
from holdfast.operate.groups import groups
from holdfast.operate.overview import OUTCOMES, Series, Warned, series, series_start, warnings
from holdfast.operate.runs import Run, from_record
from holdfast.queue.contract import Depth
from holdfast.queue.views import IndexState

RATE_SECONDS: Final = 300.0
GROUPS: Final = 10


async def about(call: Call) -> AboutFields:
    site = call.site
    running = await site.look(site.find_running)
    told: RunningFields | None = None
    if running is not None:
        told = {
            "pid": running.pid,
            "url": running.url,
            "ops_url": running.ops_url,
            "definition": str(running.definition),
        }
    return {
        "name": "holdfast",
        "version": site.version,
        "now": moment(site.clock.now_ms()),
        "app": site.compiled.name if site.compiled else None,
        "definition": str(site.definition) if site.definition else None,
        "store": {"engine": site.store.name, "abilities": sorted(site.store.abilities)},
        "running": told,
        "operator": call.who.name,
        "token_needed": bool(site.access.tokens),
        "read_only": site.access.read_only,
    }


class Login(BaseModel):
    """The token, once; from then on the cookie stands for it."""

    model_config = ConfigDict(extra="forbid")
    token: str = Field(default="", max_length=4_096)


async def session(call: Call) -> Response:
    """Whoever has none yet gets a cookie with it, where no token is needed."""
    site = call.site
    known = call.session
    if known is None and not site.access.tokens:
        known = site.access.sessions.new(call.who.name, site.clock.now_ms() // 1000)
        return _opened(call, known)
    return Response(encoded(_session(call, known)), media_type="application/json")


async def log_in(call: Call[Nothing, Login]) -> Response:
    site = call.site
    operator: str | None = call.who.name
    if site.access.tokens:
        operator = site.access.tokens.operator(call.body.token)
    if operator is None:
        raise Problem(401, "token_mismatch", "this token is not one of the console's")
    return _opened(call, site.access.sessions.new(operator, site.clock.now_ms() // 1000))


async def log_out(_call: Call) -> Response:
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


def _opened(call: Call[Any, Any], opened: Session) -> Response:
    answer = Response(encoded(_session(call, opened)), media_type="application/json")
    set_session(answer, call.site.access, opened, https=call.request.url.scheme == "https")
    return answer


def _session(call: Call[Any, Any], known: Session | None) -> SessionFields:
    access = call.site.access
    return {
        "operator": known.operator if known else call.who.name,
        "token_needed": bool(access.tokens),
        "read_only": access.read_only,
        "csrf": access.sessions.csrf(known) if known else "",
        "until": instant(known.until * 1000) if known else None,
    }


class Window(BaseModel):
    model_config = ConfigDict(extra="forbid")
    window: Literal["15m", "1h", "6h", "24h", "7d"] = "1h"


async def overview(call: Call[Window]) -> OverviewFields:
    site = call.site
    return await site.look(_overview, site, call.params.window)


def _overview(site: Site, window: str) -> OverviewFields:
    store, now = site.store, site.clock.now_ms()
    depths, pauses = store.depth(), store.pauses()
    watch, search = watch_of(store), search_of(store)
    start, step, _ = series_start(now, window)
    names = [depth.webhook for depth in depths]
    told: Series | None = None
    if watch is not None:
        told = series(watch.series(start, step), [*names, ""], now, window)
    failing = groups(site.depths, limit=GROUPS)
    index = search.index_state() if search is not None else None
    rows = overview_webhooks(site, depths, pauses, told)
    oldest = [depth.oldest_ms for depth in depths if depth.oldest_ms is not None]
    return {
        "now": moment(now),
        "window": window_fields(now, window),
        "totals": {
            "waiting": sum(depth.waiting for depth in depths),
            "leased": sum(depth.leased for depth in depths),
            "dead": sum(depth.dead for depth in depths),
            "parked": sum(row["parked"] for row in rows),
            "oldest": instant(min(oldest, default=None)),
        },
        "webhooks": rows,
        "unrouted": _counts(told.counts.get("")) if told else None,
        "groups": [group_row(one) for one in failing.shown],
        "group_count": failing.groups,
        "runs": [run_fields(run) for run in active_runs(site)],
        "warnings": [
            warning_fields(one)
            for one in (
                *warnings(site.compiled, site.secrets, depths, pauses, now),
                *site.find_warnings(),
                *_alerts(site),
            )
        ],
        "index": _index(index),
    }


def window_fields(now_ms: int, window: str) -> WindowFields:
    """Where the steps of a series begin."""
    start, step, steps = series_start(now_ms, window)
    return {
        "name": window,
        "start": moment(start),
        "step_seconds": step // 1000,
        "steps": steps,
    }


def _alerts(site: Site) -> list[Warned]:
    """What an ended run alerted of may be over."""
    if site.compiled is None or not site.compiled.alerts or site.find_running() is None:
        return []
    return warned(site.compiled, site.find_alerts())


def overview_webhooks(
    site: Site, depths: list[Depth], pauses: list[str], told: Series | None
) -> list[OverviewWebhook]:
    """One row for each webhook that the store knows, and for those that are defined only."""
    store = site.store
    archive, watch, desk = archive_of(store), watch_of(store), desk_of(store)
    rates = archive.rates(RATE_SECONDS) if archive is not None else {}
    seen = watch.last_seen() if watch is not None else {}
    parked = desk.parked() if desk is not None else {}
    known = {depth.webhook: depth for depth in depths}
    defined = {one.name: one.path for one in site.compiled.webhooks} if site.compiled else {}
    rows: list[OverviewWebhook] = []
    for name in sorted({*known, *defined}):
        depth = known.get(name, Depth(name, 0, 0, 0, None))
        per_second = rates.get(name, {})
        rows.append(
            {
                "name": name,
                "path": defined.get(name),
                "defined": name in defined,
                "paused": name in pauses,
                "waiting": depth.waiting,
                "leased": depth.leased,
                "dead": depth.dead,
                "parked": parked.get(name, 0),
                "oldest": instant(depth.oldest_ms),
                "last_seen": instant(seen.get(name)),
                "rates": _rates(per_second) if archive is not None else None,
                "series": _counts(told.counts.get(name)) if told else None,
            }
        )
    return rows


def _rates(per_second: dict[str, float]) -> RatesFields:
    return {
        "received": per_second.get("received", 0.0),
        "refused": per_second.get("refused", 0.0),
        "done": per_second.get("done", 0.0),
        "dead": per_second.get("dead", 0.0),
    }


def _counts(counts: Mapping[str, tuple[int, ...]] | None) -> CountsFields | None:
    if counts is None:
        return None
    return cast(CountsFields, {outcome: list(counts[outcome]) for outcome in OUTCOMES})


def _index(index: IndexState | None) -> Any:
    if index is None:
        return None
    return {"indexed": index.indexed, "behind": index.behind, "bytes": index.bytes}


def warning_fields(one: Warned) -> WarningFields:
    return {
        "code": one.code,
        "severity": one.severity,
        "title": one.title,
        "webhook": one.webhook,
        "detail": one.detail,
        "since": instant(one.since_ms),
        "facts": dict(one.facts),
    }


def active_runs(site: Site) -> list[Run]:
    """Those that the store knows, or where it keeps none, those of this process."""
    desk = desk_of(site.store)
    if desk is not None:
        return [from_record(record) for record in desk.runs(active=True)]
    keeper = site.data.get("keeper")
    return [run for run in keeper.runs() if run.active] if keeper is not None else []


async def document(call: Call) -> Response:
    return Response(call.site.data["openapi"], media_type="application/json")


ENDPOINTS: Final = (
    Endpoint("GET", "/about", "about", "What this console is, and what its store can", "console",
             about, AboutFields),
    Endpoint("GET", "/openapi.json", "openapi", "This document", "console", document),
    Endpoint("GET", "/session", "session", "Who is asking, and the CSRF token", "console",
             session, SessionFields),
    Endpoint("POST", "/session", "log_in", "Exchange a token for a session cookie", "console",
             log_in, SessionFields, body=Login),
    Endpoint("DELETE", "/session", "log_out", "Forget the session cookie", "console",
             log_out, status=204),
    Endpoint("GET", "/overview", "overview",
             "What came in, what waits, what failed, what needs a hand", "overview",
             overview, OverviewFields, params=Window),
)  # fmt: skip
