"""run."""

from __future__ import annotations

import asyncio
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.markup import escape

from holdfast.cli.definitions import DefinitionArgument, load_definition
from holdfast.cli.options import Output, OutputOption, StoreOption, command, engine_on
from holdfast.cli.output import complain, console, warn
from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import Compiled
from holdfast.errors import HoldfastError, NotSupported
from holdfast.gateway.handshakes import handshakes_of
from holdfast.operate.abilities import need_archive
from holdfast.operate.alerts.targets import secrets_of
from holdfast.operate.overview import secret_states
from holdfast.operate.sample import describe_sample, send_sample
from holdfast.runtime.console_options import TOKEN_VARIABLE, ConsoleOptions, token_references
from holdfast.runtime.logs import make_log
from holdfast.runtime.run_options import RunOptions, Started
from holdfast.runtime.store import DEFAULT_STORE, is_shared
from holdfast.runtime.supervisor import Supervisor
from holdfast.runtime.tracing import ENDPOINT, need_extra
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry
from holdfast.workflow.urls import need_url


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
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where the gateway listens.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="PORT", help="0 takes a free one.")
    ] = 8080,
    ops_port: Annotated[
        int,
        typer.Option(
            min=-1,
            max=65_535,
            metavar="PORT",
            help="/metrics, /healthz, /readyz, on loopback; 0 takes a free one, -1 none.",
        ),
    ] = 8081,
    console_port: Annotated[
        int | None,
        typer.Option(
            min=-1,
            max=65_535,
            metavar="PORT",
            help="The console's; default: 8082, or a free one. 0 takes a free one, -1 none.",
        ),
    ] = None,
    console_host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Where the console listens; beyond loopback: a token."
        ),
    ] = "127.0.0.1",
    console_token: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]env:VARIABLE",
            help="An operator's token, by reference; may be repeated. Default: "
            "HOLDFAST_CONSOLE_TOKEN, if it is set.",
        ),
    ] = None,
    console_allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name under which the console is called, by a proxy."),
    ] = None,
    console_read_only: Annotated[
        bool, typer.Option("--console-read-only", help="The console only shows.")
    ] = False,
    search: Annotated[
        bool, typer.Option("--search/--no-search", help="Index events, to search them quickly.")
    ] = True,
    workers: Annotated[int, typer.Option(min=0, metavar="COUNT", help="Worker processes.")] = 1,
    gateway: Annotated[
        bool, typer.Option("--gateway/--no-gateway", help="No: another application mounts it.")
    ] = True,
    sample: Annotated[
        bool, typer.Option("--sample", help="Send a signed sample event into a new store.")
    ] = False,
    traces: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where OpenTelemetry's traces go: a collector's OTLP over HTTP. Default: "
            "OTEL_EXPORTER_OTLP_ENDPOINT, if it is set.",
        ),
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="The least that is logged.")] = LogLevel.INFO,
    log_format: Annotated[
        LogShape, typer.Option(help="auto: human at a terminal, otherwise json.")
    ] = LogShape.AUTO,
    output: OutputOption = Output.TEXT,
) -> None:
    """Receive and work webhooks until told to stop.

    With --output json, standard output carries one line, once all is ready: where things are.
    """
    if sample and is_shared(store):
        raise NotSupported("--sample follows an event to its end, which a store in SQS cannot show")
    if traces is not None:
        need_url(traces, "http://HOST:4318")
        need_extra()
        os.environ[ENDPOINT] = traces  # the processes that are started read it there
    compiled = load_definition(definition)
    console_options = None
    if console_port is None or console_port >= 0:
        references = token_references(console_token or (), os.environ.get(TOKEN_VARIABLE))
        console_options = ConsoleOptions(
            console_host,
            console_port,
            references,
            console_read_only,
            tuple(console_allow_host or ()),
        )
        console_options.check()
    for missing in _missing_secrets(compiled):
        warn(missing)
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
        console=console_options,
        index=search,
        log_level=log_level.value,
        log_format=log_format.value,
    )
    asyncio.run(_supervise(options, compiled, telemetry, sample=sample, output=output))


async def _supervise(
    options: RunOptions, compiled: Compiled, telemetry: Telemetry, *, sample: bool, output: Output
) -> None:
    background: set[asyncio.Task[None]] = set()
    record = _take_stdout() if output is Output.JSON else None

    def started(now: Started) -> None:
        if record is not None:
            os.write(record, _start_record(now, options.definition))
        else:
            _greet(now, options.definition)
        if not sample or not now.url:
            return
        if now.new:
            background.add(asyncio.ensure_future(_sample(compiled, now.url, options.store)))
        else:
            console.print("\nno sample is sent: this store has kept events before")
            _suggest(compiled, options.store)

    await Supervisor(options, compiled, telemetry, on_started=started).run()


def _take_stdout() -> int:
    """Standard output for ourselves: what handlers print goes to standard error from here on."""
    sys.stdout.flush()
    record = os.dup(1)
    os.dup2(2, 1)
    return record


def _start_record(started: Started, definition: Path) -> bytes:
    fields = {
        "definition": str(definition),
        "url": started.url,
        "ops_url": started.ops_url,
        "store": started.store,
        "console_url": started.console_url,
        "new": started.new,
        "pid": os.getpid(),
    }
    return orjson.dumps(fields) + b"\n"


def _greet(started: Started, definition: Path) -> None:
    console.print(f"[bold]holdfast[/bold] runs {escape(str(definition))}")
    if started.url:
        console.print(f"  receiving at  [bold]{started.url}[/bold]")
    if started.console_url:
        console.print(f"  console       [bold]{started.console_url}[/bold]")
    if started.ops_url:
        console.print(f"  operations    {started.ops_url}/metrics /healthz /readyz")
    console.print(f"  keeping in    {escape(started.store)}")
    console.print("  stop with     Ctrl-C (again to stop at once)")


async def _sample(compiled: Compiled, url: str, store: str) -> None:
    try:
        with engine_on(store) as engine:
            sampled = await send_sample(compiled, url, need_archive(engine))
        console.print(escape(describe_sample(sampled)))
    except HoldfastError as error:
        complain(f"the sample event: {error}")
    _suggest(compiled, store)


def _suggest(compiled: Compiled, store: str) -> None:
    path = next((one.path for one in compiled.webhooks if "{" not in one.path), "PATH")
    steps = (
        (
            command(f"send {path} --sample --wait", store),
            "send another, and see what becomes of it",
        ),
        (command("events", store), "what came in, also what was refused and why"),
        (command("status", store), "what is waiting, and how fast it goes"),
    )
    width = max(len(line) for line, _ in steps)
    console.print("\nNext, in another terminal:")
    for line, what in steps:
        console.print(f"  [bold]{escape(line.ljust(width))}[/bold]  [dim]{what}[/dim]")


def _missing_secrets(compiled: Compiled) -> list[str]:
    """Every reference that does not resolve, by name, and what becomes of that."""
    values = Secrets()
    missing = []
    for webhook in compiled.webhooks:
        missing += [
            f"{webhook.path}: {state.problem}; {_until(state.reference)}"
            for state in secret_states(webhook, values)
            if not state.there
        ]
        if any(each.cannot_answer(webhook.verification) for each in handshakes_of(webhook)):
            missing.append(
                f"{webhook.path}: the token of its handshake is not given, which is answered 503"
            )
    for target in compiled.notify:
        for ref in secrets_of(target):
            try:
                values.value(ref)
            except HoldfastError as error:
                missing.append(f"alerts to {target.name}: {error}; {_until(str(ref))}")
    return missing


def _until(reference: str) -> str:
    """A file is read when it is needed, the environment once."""
    if reference.startswith("file:"):
        return "what needs it fails until the file is there"
    return "what needs it fails until it is set and this is started again"
