"""status, pause, resume."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from holdfast.cli.options import Output, OutputOption, StoreOption, engine_on
from holdfast.cli.output import console, instant, print_json, print_rows, when
from holdfast.errors import NotFound
from holdfast.operate.running import find_running
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.runtime.assembly import DEFAULT_STORE, store_path

WebhookArgument = Annotated[str, typer.Argument(help="The webhook's name.")]
RATE_SECONDS = 300.0


def status(store: StoreOption = DEFAULT_STORE, output: OutputOption = Output.TEXT) -> None:
    """What waits, how old the oldest is, and the rates of the last five minutes."""
    with engine_on(store) as engine:
        depths, rates, pauses = engine.depth(), engine.rates(RATE_SECONDS), engine.pauses()
    running = find_running(store_path(store))
    if output is Output.JSON:
        print_json(
            {
                "running": {"pid": running.pid, "url": running.url} if running else None,
                "rate_seconds": RATE_SECONDS,
                "webhooks": [
                    {
                        "webhook": one.webhook,
                        "paused": one.webhook in pauses,
                        "waiting": one.waiting,
                        "leased": one.leased,
                        "dead": one.dead,
                        "oldest": instant(one.oldest_ms),
                        "per_second": rates.get(one.webhook, {}),
                    }
                    for one in depths
                ],
            }
        )
        return
    where = f"pid {running.pid}, {running.url or 'no gateway'}" if running else "not running"
    console.print(f"{escape(str(store_path(store)))}: {where}")
    rows = [
        {
            "webhook": one.webhook,
            "pipe": "paused" if one.webhook in pauses else "running" if running else "stopped",
            "waiting": one.waiting,
            "leased": one.leased,
            "dead": one.dead,
            "oldest": when(one.oldest_ms),
            **{
                f"{outcome}/s": rates.get(one.webhook, {}).get(outcome, 0.0)
                for outcome in ("received", "done", "dead", "refused")
            },
        }
        for one in depths
    ]
    print_rows(output, rows, "no webhook is known here yet")


def pause(webhook: WebhookArgument, store: StoreOption = DEFAULT_STORE) -> None:
    """Stop working a webhook's messages; they go on being received and kept."""
    with engine_on(store) as engine:
        _known(engine, webhook)
        engine.pause(webhook)
    console.print(f"{escape(webhook)} is paused; what comes in is kept")


def resume(webhook: WebhookArgument, store: StoreOption = DEFAULT_STORE) -> None:
    """Work a paused webhook's messages again."""
    with engine_on(store) as engine:
        _known(engine, webhook)
        engine.resume(webhook)
    console.print(f"{escape(webhook)} is running")


def _known(engine: SQLiteEngine, webhook: str) -> None:
    known = engine.webhooks()
    if webhook not in known:
        raise NotFound(f"no webhook {webhook}; there are {', '.join(known) or 'none'}")
