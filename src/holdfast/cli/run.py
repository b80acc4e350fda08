"""run, check, init."""

from __future__ import annotations

import asyncio
import secrets
import sys
from enum import StrEnum
from pathlib import Path
from shutil import which
from typing import Annotated

import typer
from rich.markup import escape

from holdfast.cli.options import (
    Output,
    OutputOption,
    StoreOption,
    engine_on,
    load_definition,
)
from holdfast.cli.output import complain, console, print_json
from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import check_app, load
from holdfast.compiled import Compiled, Forward
from holdfast.errors import DefinitionError, HoldfastError
from holdfast.operate.sample import describe_sample, send_sample
from holdfast.runtime.assembly import DEFAULT_STORE
from holdfast.runtime.logs import make_log
from holdfast.runtime.supervisor import RunOptions, Started, Supervisor
from holdfast.secrets import Secrets
from holdfast.starter import STARTER, STARTER_NAME, STARTER_VARIABLE
from holdfast.telemetry import Telemetry

DefinitionArgument = Annotated[Path, typer.Argument(metavar="FILE.py", help="The definition.")]


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogShape(StrEnum):
    AUTO = "auto"
    HUMAN = "human"
    JSON = "json"


def run(
    definition: DefinitionArgument,
    store: StoreOption = DEFAULT_STORE,
    host: Annotated[str, typer.Option(help="Where the gateway listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8080,
    ops_port: Annotated[
        int, typer.Option(help="/metrics, /healthz, /readyz, on loopback; -1 for none.")
    ] = 8081,
    workers: Annotated[int, typer.Option(min=0, help="Worker processes.")] = 1,
    gateway: Annotated[
        bool, typer.Option(help="--no-gateway: another application mounts it.")
    ] = True,
    sample: Annotated[
        bool, typer.Option("--sample", help="Send a signed sample event into a new store.")
    ] = False,
    log_level: Annotated[LogLevel, typer.Option(help="The least that is logged.")] = LogLevel.INFO,
    log_format: Annotated[
        LogShape, typer.Option(help="auto: human at a terminal, otherwise json.")
    ] = LogShape.AUTO,
) -> None:
    """Receive and work webhooks until told to stop."""
    compiled = load_definition(definition)
    for missing in _missing_secrets(compiled):
        complain(f"{missing}; until it is, nothing is lost, but nothing of it is worked either")
    telemetry = Telemetry()
    telemetry.subscribe(
        make_log(SYSTEM_CLOCK, role="supervisor", level=log_level.value, format=log_format.value)
    )
    options = RunOptions(
        definition=definition,
        store=store,
        host=host,
        port=port,
        ops_port=None if ops_port < 0 else ops_port,
        workers=workers,
        gateway=gateway,
        log_level=log_level.value,
        log_format=log_format.value,
    )

    async def supervise() -> None:
        background: set[asyncio.Task[None]] = set()

        def started(now: Started) -> None:
            _greet(now, definition)
            if sample and now.new and now.url:
                background.add(asyncio.ensure_future(_sample(now.url)))

        async def _sample(url: str) -> None:
            try:
                with engine_on(store) as engine:
                    sampled = await send_sample(compiled, url, engine)
                console.print(escape(describe_sample(sampled)))
            except HoldfastError as error:
                complain(f"the sample event: {error}")
            _suggest(compiled, store)

        await Supervisor(options, compiled, telemetry, on_started=started).run()

    asyncio.run(supervise())


def _greet(started: Started, definition: Path) -> None:
    console.print(f"[bold]holdfast[/bold] runs {escape(str(definition))}")
    if started.url:
        console.print(f"  receiving at  [bold]{started.url}[/bold]")
    if started.ops_url:
        console.print(f"  operations    {started.ops_url}/metrics /healthz /readyz")
    console.print(f"  keeping in    {escape(str(started.store))}")
    console.print("  stop with     Ctrl-C (again to stop at once)")


def _suggest(compiled: Compiled, store: str) -> None:
    command = "holdfast" if which("holdfast") else sys.argv[0]
    option = "" if store == DEFAULT_STORE else f" --store {store}"
    path = compiled.webhooks[0].path
    lines = (
        (f"send {path} --sample --wait", "send another one, and see what becomes of it"),
        ("events", "what came in, also what was refused and why"),
        ("status", "what is waiting, and how fast it goes"),
    )
    console.print("\nNext, in another terminal:")
    for verb, what in lines:
        console.print(f"  [bold]{escape(f'{command} {verb}{option}')}[/bold]  [dim]{what}[/dim]")


def _missing_secrets(compiled: Compiled) -> list[str]:
    """Every reference that does not resolve, by name."""
    values, missing = Secrets(), []
    for webhook in compiled.webhooks:
        signers = [webhook.verification]
        signers += [task.sign for task in webhook.tasks.values() if isinstance(task, Forward)]
        for ref in [ref for signer in signers if signer for ref in signer.secrets]:
            try:
                values.value(ref)
            except HoldfastError as error:
                missing.append(f"{webhook.path}: {error}")
    return missing


def check(definition: DefinitionArgument, output: OutputOption = Output.TEXT) -> None:
    """Print every mistake in a definition, each with its place."""
    try:
        mistakes = check_app(load(definition))
    except DefinitionError as error:
        mistakes = list(error.mistakes)
    if output is Output.JSON:
        print_json([{"place": one.place, "message": one.message} for one in mistakes])
    elif mistakes:
        for one in mistakes:
            console.print(f"[bold]{escape(one.place)}[/bold] {escape(one.message)}", soft_wrap=True)
    else:
        console.print(f"{escape(str(definition))}: no mistakes")
    if mistakes:
        sys.exit(1)


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path(STARTER_NAME),
) -> None:
    """Write a commented first definition, and a secret for it into `.env`."""
    if path.exists():
        complain(f"{path} is there already; nothing was written")
        sys.exit(1)
    path.write_text(STARTER, encoding="utf-8")
    env = path.resolve().parent / ".env"
    line = f"{STARTER_VARIABLE}={secrets.token_urlsafe(32)}\n"
    known = env.read_text(encoding="utf-8") if env.exists() else ""
    if f"{STARTER_VARIABLE}=" not in known:
        env.touch(mode=0o600)
        gap = "" if known.endswith("\n") or not known else "\n"
        env.write_text(known + gap + line, encoding="utf-8")
    console.print(f"wrote {escape(str(path))} and its secret to {escape(str(env))}")
    console.print(f"next: [bold]holdfast run {escape(str(path))} --sample[/bold]")
