"""audit."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer

from holdfast.cli.options import (
    ListLimitOption,
    Output,
    OutputOption,
    SinceOption,
    StoreOption,
    UntilOption,
    WebhookOption,
    WrongValue,
    engine_on,
    parse_time,
)
from holdfast.cli.output import age, hint, print_json, print_rows
from holdfast.operate.abilities import need_desk
from holdfast.operate.book import ACTIONS
from holdfast.operate.fields import instant
from holdfast.queue.views import Act, ActFilter
from holdfast.runtime.store import DEFAULT_STORE


def audit(
    operator: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what this operator did.")
    ] = None,
    action: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only this: redrive, park, purge, pause, replay, ..."),
    ] = None,
    webhook: WebhookOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ListLimitOption = 20,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """What operators did, here and in the console, newest first."""
    if action is not None and action not in ACTIONS:
        raise WrongValue("--action", f"there is none {action!r}; there are {', '.join(ACTIONS)}")
    wanted = ActFilter(
        operator=operator,
        action=action,
        webhook=webhook,
        since_ms=parse_time(since),
        until_ms=parse_time(until, "--until"),
    )
    with engine_on(store) as engine:
        acts = need_desk(engine, "keep a book of what was done").acts(wanted, None, limit + 1)
    if output is Output.JSON:
        print_json([_fields(act) for act in acts[:limit]])
        return
    none = "nothing was done here yet" if wanted == ActFilter() else "nothing such was done here"
    print_rows([_row(act) for act in acts[:limit]], none)
    if len(acts) > limit:
        hint(f"these are the newest {limit}; older ones with --limit or --until")


def _fields(act: Act) -> dict[str, Any]:
    return {
        "at": instant(act.at_ms),
        "operator": act.operator,
        "via": act.via,
        "action": act.action,
        "webhook": act.webhook,
        "target": act.target,
        "detail": dict(act.detail),
    }


def _row(act: Act) -> dict[str, Any]:
    detail = " ".join(
        f"{name}={value if isinstance(value, str | int) else orjson.dumps(value).decode()}"
        for name, value in act.detail.items()
        if value is not None
    )
    return {
        "age": age(act.at_ms),
        "operator": act.operator,
        "via": act.via,
        "action": act.action,
        "webhook": act.webhook,
        "target": act.target,
        "detail": detail,
    }
