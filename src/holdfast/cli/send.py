"""send."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from holdfast.cli.options import (
    DefinitionOption,
    Output,
    OutputOption,
    StoreOption,
    engine_on,
    running_definition,
)
from holdfast.cli.output import console, entry_fields, print_json
from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.errors import NotFound
from holdfast.gateway.routes import Router
from holdfast.operate.delivery import deliver, make_request
from holdfast.operate.sample import wait_for_outcome
from holdfast.runtime.assembly import DEFAULT_STORE
from holdfast.sample import sample_body
from holdfast.secrets import Secrets


def send(
    path: Annotated[str, typer.Argument(help="The webhook's path, such as /users.")],
    json: Annotated[str | None, typer.Option("--json", help="The body, as JSON.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="The body, from a file.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="A body made from the schema.")] = False,
    content_type: Annotated[
        str | None, typer.Option("--type", help="Content type; default: application/json.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="'Name: value'; repeatable.")
    ] = None,
    method: Annotated[str, typer.Option(help="HTTP method.")] = "POST",
    signed: Annotated[bool, typer.Option(help="--no-signed: as a forger would.")] = True,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is worked, or dead.")] = False,
    url: Annotated[
        str | None, typer.Option(help="The gateway; default: the one that runs.")
    ] = None,
    definition: DefinitionOption = None,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send an event, signed as the webhook expects."""
    if (json is not None) + (file is not None) + sample != 1:
        raise typer.BadParameter("give one of --json, --file or --sample")
    compiled, running_url = running_definition(store, definition)
    base = url or running_url
    if base is None:
        raise typer.BadParameter("no gateway runs here; name one with --url")
    webhook = _webhook(compiled, path)
    body = json.encode() if json is not None else file.read_bytes() if file else b""
    request = make_request(
        webhook,
        url=base.rstrip("/") + path,
        method=method.upper(),
        headers={"content-type": content_type or _content_type(file), **_headers(header or [])},
        body=sample_body(webhook) if sample else body,
        secrets=Secrets(),
        clock=SYSTEM_CLOCK,
        signed=signed,
    )
    answered = asyncio.run(deliver(request))
    entry = None
    if wait and answered.accepted and answered.id:
        with engine_on(store) as engine:
            entry = asyncio.run(wait_for_outcome(engine, answered.id))
    if output is Output.JSON:
        print_json(
            {
                "status": answered.status,
                "id": answered.id,
                "answer": answered.body,
                "event": entry_fields(entry) if entry else None,
            }
        )
    else:
        colour = "green" if answered.accepted else "red"
        console.print(f"[{colour}]{answered.status}[/{colour}] {escape(answered.body)}")
        if entry is not None:
            last = entry.attempts[-1] if entry.attempts else None
            why = f": {entry.reason or ''} {last.error if last else ''}" if entry.reason else ""
            console.print(f"{entry.state.value}{escape(why)}")
    sys.exit(0 if answered.accepted else 1)


def _webhook(compiled: Compiled, path: str) -> CompiledWebhook:
    router = Router((webhook.path, webhook) for webhook in compiled.webhooks)
    found = router.find(path.partition("?")[0])
    if found is None:
        known = ", ".join(webhook.path for webhook in compiled.webhooks)
        raise NotFound(f"no webhook at {path}; there are {known}")
    return found[0]


def _content_type(file: Path | None) -> str:
    if file is None or file.suffix == ".json":
        return "application/json"
    return "application/octet-stream"


def _headers(lines: list[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise typer.BadParameter(f"a header is written 'Name: value', not {line!r}")
        headers[name.strip().lower()] = value.strip()
    return headers
