"""status, pause, resume."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from holdfast.cli.options import Output, OutputOption, StoreOption, book_on, command, engine_on
from holdfast.cli.output import age, console, count, hint, print_json, print_rows, rate
from holdfast.operate import lookup
from holdfast.operate.abilities import archive_of, desk_of
from holdfast.operate.fields import instant
from holdfast.operate.guard import Warned, read_warnings
from holdfast.operate.running import Running, find_running
from holdfast.queue.contract import Depth
from holdfast.runtime.store import (
    DEFAULT_STORE,
    describe_store,
    is_deployed,
    is_shared,
    run_directory,
)
from holdfast.terminal.text import printable

WebhookArgument = Annotated[str, typer.Argument(metavar="NAME", help="The webhook's name.")]
RATE_SECONDS: Final = 300.0
OUTCOMES: Final = ("received", "done", "dead", "refused")
Rates = dict[str, dict[str, float]]
NOWHERE: Final = ""
"""The webhook of what was refused because no webhook has its path."""


def status(store: StoreOption = DEFAULT_STORE, output: OutputOption = Output.TEXT) -> None:
    """What is waiting, how old it is, and how fast it goes.

    Rates are those of the last five minutes.
    """
    with engine_on(store) as engine:
        depths, pauses = engine.depth(), engine.pauses()
        archive = archive_of(engine)
        rates = archive.rates(RATE_SECONDS) if archive is not None else None
        desk = desk_of(engine)
        parked = desk.parked() if desk is not None else {}
    running = find_running(run_directory(store))
    # What an ended run warned of may be over.
    warnings = read_warnings(run_directory(store)) if running else ()
    if output is Output.JSON:
        print_json(_fields(store, running, depths, rates, pauses, warnings, parked))
        return
    # Of a store of several machines nobody here knows what runs elsewhere.
    nobody = "not running here" if is_shared(store) else "not running"
    nobody = "deployed" if is_deployed(store) else nobody
    where = f"pid {running.pid}, {running.url or 'no gateway'}" if running else nobody
    console.print(f"{escape(describe_store(store))}: {escape(where)}")
    stopped = "not here" if is_shared(store) else "stopped"
    stopped = "running" if is_deployed(store) else stopped
    rows = [
        {
            "webhook": one.webhook,
            "pipe": "paused" if one.webhook in pauses else "running" if running else stopped,
            "waiting": one.waiting,
            "leased": one.leased,
            "dead": one.dead,
            **_told_rates(one, rates),
        }
        for one in depths
    ]
    print_rows(rows, "no webhook is known here yet")
    lost = (rates or {}).get(NOWHERE, {}).get("refused", 0.0)
    if lost:
        console.print(f"refused because no webhook has the path: {rate(lost)}")
    for one in warnings:
        _print_warning(one)
    dead, aside = sum(one.dead for one in depths), sum(parked.values())
    if aside:
        console.print(f"{aside:,} of {count(dead, 'dead letter')} put aside")
    if dead > aside:
        hint(f"{count(dead - aside, 'dead letter')}: {command('dead groups', store)}")


def _told_rates(depth: Depth, rates: Rates | None) -> dict[str, str | None]:
    """What only an engine that remembers can tell."""
    if rates is None:
        return {}
    theirs = rates.get(depth.webhook, {})
    return {"oldest": age(depth.oldest_ms)} | {
        {"dead": "died"}.get(outcome, outcome): rate(theirs.get(outcome, 0.0))
        for outcome in OUTCOMES
    }


def _print_warning(one: Warned) -> None:
    colour = "red" if one.severity == "critical" else "yellow"
    told = f"{one.webhook}: {one.title} ({age(one.since_ms)})"
    console.print(f"[{colour}]{one.severity}[/{colour}] {escape(printable(told))}")
    console.print(f"  {escape(printable(one.detail))}")


def _fields(
    store: str,
    running: Running | None,
    depths: list[Depth],
    rates: Rates | None,
    pauses: list[str],
    warnings: Sequence[Warned],
    parked: Mapping[str, int],
) -> dict[str, Any]:
    return {
        "store": describe_store(store),
        "running": {
            "pid": running.pid,
            "url": running.url,
            "ops_url": running.ops_url,
            "console_url": running.console_url,
            "definition": str(running.definition),
        }
        if running
        else None,
        "rate_seconds": None if rates is None else RATE_SECONDS,
        "webhooks": [
            {
                "webhook": one.webhook,
                "paused": one.webhook in pauses,
                "waiting": one.waiting,
                "leased": one.leased,
                "dead": one.dead,
                "parked": parked.get(one.webhook, 0),
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
        "no_webhook_per_second": rates.get(NOWHERE, {}).get("refused", 0.0) if rates else None,
    }


def _per_second(rates: Rates | None, webhook: str) -> dict[str, float] | None:
    if rates is None:
        return None
    return {outcome: rates.get(webhook, {}).get(outcome, 0.0) for outcome in OUTCOMES}


def pause(
    webhook: WebhookArgument,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Stop working a webhook's messages, but go on keeping them."""
    _set_paused(webhook, store, output, paused=True)


def resume(
    webhook: WebhookArgument,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Work a paused webhook's messages again."""
    _set_paused(webhook, store, output, paused=False)


def _set_paused(webhook: str, store: str, output: Output, *, paused: bool) -> None:
    with engine_on(store) as engine:
        lookup.known_webhook(engine, webhook)
        book_on(engine).note("pause" if paused else "resume", webhook=webhook)
        (engine.pause if paused else engine.resume)(webhook)
    if output is Output.JSON:
        print_json({"webhook": webhook, "paused": paused})
    elif paused:
        console.print(f"{escape(webhook)} is paused; what comes in is kept")
        hint(f"go on with: {command(f'resume {shlex.quote(webhook)}', store)}")
    else:
        console.print(f"{escape(webhook)} is worked again")
