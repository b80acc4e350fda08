"""status, pause, resume."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from holdfast.cli.options import Output, OutputOption, StoreOption, command, engine_on
from holdfast.cli.output import (
    age,
    console,
    count,
    hint,
    instant,
    print_json,
    print_rows,
    printable,
    rate,
)
from holdfast.operate import lookup
from holdfast.operate.guard import Warned, read_warnings
from holdfast.operate.running import Running, find_running
from holdfast.queue.contract import Depth
from holdfast.runtime.store import DEFAULT_STORE, store_path

WebhookArgument = Annotated[str, typer.Argument(metavar="NAME", help="The webhook's name.")]
RATE_SECONDS: Final = 300.0
OUTCOMES: Final = ("received", "done", "dead", "refused")
NOWHERE: Final = ""
"""The webhook of what was refused because no webhook has its path."""


def status(store: StoreOption = DEFAULT_STORE, output: OutputOption = Output.TEXT) -> None:
    """What is waiting, how old it is, and how fast it goes.

    Rates are those of the last five minutes.
    """
    with engine_on(store) as engine:
        depths, rates, pauses = engine.depth(), engine.rates(RATE_SECONDS), engine.pauses()
    running = find_running(store_path(store))
    # What an ended run warned of may be over.
    warnings = read_warnings(store_path(store)) if running else ()
    if output is Output.JSON:
        print_json(_fields(store, running, depths, rates, pauses, warnings))
        return
    where = f"pid {running.pid}, {running.url or 'no gateway'}" if running else "not running"
    console.print(f"{escape(str(store_path(store)))}: {escape(where)}")
    rows = [
        {
            "webhook": one.webhook,
            "pipe": "paused" if one.webhook in pauses else "running" if running else "stopped",
            "waiting": one.waiting,
            "leased": one.leased,
            "dead": one.dead,
            "oldest": age(one.oldest_ms),
            **{
                {"dead": "died"}.get(outcome, outcome): rate(
                    rates.get(one.webhook, {}).get(outcome, 0.0)
                )
                for outcome in OUTCOMES
            },
        }
        for one in depths
    ]
    print_rows(rows, "no webhook is known here yet")
    lost = rates.get(NOWHERE, {}).get("refused", 0.0)
    if lost:
        console.print(f"refused because no webhook has the path: {rate(lost)}")
    for one in warnings:
        _print_warning(one)
    if any(one.dead for one in depths):
        hint(f"{count(sum(one.dead for one in depths), 'dead letter')}: {command('dead', store)}")


def _print_warning(one: Warned) -> None:
    colour = "red" if one.severity == "critical" else "yellow"
    told = f"{one.webhook}: {one.title} ({age(one.since_ms)})"
    console.print(f"[{colour}]{one.severity}[/{colour}] {escape(printable(told))}")
    console.print(f"  {escape(printable(one.detail))}")


def _fields(
    store: str,
    running: Running | None,
    depths: list[Depth],
    rates: dict[str, dict[str, float]],
    pauses: list[str],
    warnings: Sequence[Warned],
) -> dict[str, Any]:
    return {
        "store": str(store_path(store)),
        "running": {
            "pid": running.pid,
            "url": running.url,
            "ops_url": running.ops_url,
            "definition": str(running.definition),
        }
        if running
        else None,
        "rate_seconds": RATE_SECONDS,
        "webhooks": [
            {
                "webhook": one.webhook,
                "paused": one.webhook in pauses,
                "waiting": one.waiting,
                "leased": one.leased,
                "dead": one.dead,
                "oldest": instant(one.oldest_ms),
                "per_second": _per_second(rates, one.webhook),
            }
            for one in depths
        ],
        "warnings": [
            {
                "code": one.code,
                "severity": one.severity,
                "title": one.title,
                "webhook": one.webhook,
                "detail": one.detail,
                "since": instant(one.since_ms),
                "facts": dict(one.facts),
            }
            for one in warnings
        ],
        "no_webhook_per_second": rates.get(NOWHERE, {}).get("refused", 0.0),
    }


def _per_second(rates: dict[str, dict[str, float]], webhook: str) -> dict[str, float]:
    return {outcome: rates.get(webhook, {}).get(outcome, 0.0) for outcome in OUTCOMES}


def pause(
    webhook: WebhookArgument,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Stop working a webhook's messages, but go on keeping them."""
    with engine_on(store) as engine:
        lookup.known_webhook(engine, webhook)
        engine.pause(webhook)
    if output is Output.JSON:
        print_json({"webhook": webhook, "paused": True})
        return
    console.print(f"{escape(webhook)} is paused; what comes in is kept")
    hint(f"go on with: {command(f'resume {shlex.quote(webhook)}', store)}")


def resume(
    webhook: WebhookArgument,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Work a paused webhook's messages again."""
    with engine_on(store) as engine:
        lookup.known_webhook(engine, webhook)
        engine.resume(webhook)
    if output is Output.JSON:
        print_json({"webhook": webhook, "paused": False})
        return
    console.print(f"{escape(webhook)} is worked again")
