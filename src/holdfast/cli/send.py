"""send."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import sys
from typing import Annotated
from urllib.parse import urlencode

import typer
from rich.markup import escape

from holdfast.cli import exits
from holdfast.cli.definitions import DefinitionOption, running_definition
from holdfast.cli.options import (
    Output,
    OutputOption,
    StoreOption,
    WrongUsage,
    WrongValue,
    command,
    engine_on,
)
from holdfast.cli.output import console, errors, hint, print_json
from holdfast.cli.pages import told
from holdfast.cli.senders import (
    ConfigOption,
    SecretOption,
    VariantOption,
    preset_of,
    settings_of,
)
from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.definition import Provider
from holdfast.errors import NotFound, NotSupported
from holdfast.gateway.routes import Router
from holdfast.operate.abilities import need_archive
from holdfast.operate.delivery import Answered, deliver, make_request
from holdfast.operate.fields import entry_fields
from holdfast.operate.sample import OUTCOME_SECONDS, wait_for_outcome
from holdfast.queue.contract import Entry, State
from holdfast.runtime.store import DEFAULT_STORE, is_deployed, is_shared
from holdfast.sample import sample_body
from holdfast.secrets import Secrets
from holdfast.terminal.text import printable
from holdfast.workflow.urls import need_url


def send(
    path: Annotated[str, typer.Argument(metavar="PATH", help="The webhook's path: /users.")],
    json: Annotated[
        str | None, typer.Option("--json", metavar="TEXT", help="The body, as JSON.")
    ] = None,
    form: Annotated[
        list[str] | None,
        typer.Option("--form", metavar="NAME=VALUE", help="A form's field; may be repeated."),
    ] = None,
    file: Annotated[
        typer.FileBinaryRead | None,
        typer.Option("--file", metavar="FILE", help="The body, byte for byte; - reads it here."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="A body made from the schema.")] = False,
    content_type: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="Content type; default: as the body is given."),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="A header; may be repeated."),
    ] = None,
    method: Annotated[str, typer.Option(metavar="METHOD", help="HTTP method.")] = "POST",
    signed: Annotated[
        bool, typer.Option("--signed/--no-signed", help="As the webhook expects, or as a forger.")
    ] = True,
    sender: Annotated[
        str | None,
        typer.Option("--as", metavar="PROVIDER", help="Signed as this sender does it: stripe, ..."),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(metavar="TYPE", help="An event of this type, put where the sender has it."),
    ] = None,
    variant: VariantOption = None,
    config: ConfigOption = None,
    secret_from: SecretOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is worked, or dead.")] = False,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The gateway; default: the one that runs.")
    ] = None,
    definition: DefinitionOption = None,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send an event, signed as the webhook expects. Succeeds if it is accepted (and worked)."""
    given = (json is not None) + (form is not None) + (file is not None) + sample
    if given != 1 and not (event is not None and given == 0):
        raise WrongUsage("give one of --json, --form, --file or --sample; or --event")
    if sender is None and (variant or config or secret_from):
        raise WrongUsage("--variant, --config and --secret-from are for --as PROVIDER")
    if wait and is_shared(store):
        raise NotSupported("--wait looks into the history, which a store in SQS has not")
    compiled, running_url = running_definition(store, definition)
    base = url or running_url or _deployed_url(store)
    if base is None:
        raise WrongUsage("no gateway runs here; name one with --url")
    need_url(base, "http://HOST:PORT")
    webhook = _webhook(compiled, path)
    if json is not None:
        body, kind = os.fsencode(json), "application/json"
    elif form is not None:
        body, kind = _form(form), "application/x-www-form-urlencoded"
    elif file is not None:
        body, kind = file.read(), _kind(str(file.name))
    elif sample:
        body, kind = sample_body(webhook), "application/json"
    else:
        body, kind = b"{}", "application/json"
    request = make_request(
        webhook,
        url=base.rstrip("/") + path,
        method=method.upper(),
        headers=_headers(header or [], content_type or kind),
        body=body,
        secrets=Secrets(),
        clock=SYSTEM_CLOCK,
        signed=signed,
        sender=_sender(webhook, sender, variant, config, secret_from),
        event_type=event,
    )
    answered = deliver(request)
    entry, followed = None, wait and answered.accepted and answered.id is not None
    if followed and answered.id is not None:
        with engine_on(store) as engine:
            archive = need_archive(engine)
            entry = asyncio.run(wait_for_outcome(archive, answered.id))
    if output is Output.JSON:
        _print_fields(answered, entry)
    else:
        _print(answered, entry, store, followed=followed)
    worked = entry is not None and entry.state is State.DONE
    if not answered.accepted or (followed and not worked):
        sys.exit(exits.FAILED)


def _deployed_url(store: str) -> str | None:
    """Where the API of a stack is, if it is one."""
    if not is_deployed(store):
        return None
    from holdfast.aws.deployed import Account, find, parse  # noqa: PLC0415 - for its users only

    return find(Account(parse(store))).base_url()


def _webhook(compiled: Compiled, path: str) -> CompiledWebhook:
    router = Router((webhook.path, webhook) for webhook in compiled.webhooks)
    found = router.find(path.partition("?")[0])
    if found is None:
        known = ", ".join(webhook.path for webhook in compiled.webhooks)
        raise NotFound(f"no webhook at {path}; there are {known}")
    return found[0]


def _sender(
    webhook: CompiledWebhook,
    id: str | None,
    variant: str | None,
    config: list[str] | None,
    secret_from: str | None,
) -> Provider | None:
    """The sender to play. Its secret is the webhook's own, unless another one is named: such as the
    private half of a pair, where the sender has a private key."""
    if id is None:
        return None
    own = webhook.provider
    if own is not None and own.name == id and not (variant or config or secret_from):
        return own
    preset = preset_of(id)
    refs: str | list[str] | None = secret_from
    if refs is None and webhook.verification is not None:
        refs = [str(ref) for ref in webhook.verification.secrets] or None
    if not preset.way(variant).takes_secret:
        refs = None
    made = preset(refs, variant=variant, **settings_of(config))
    if mistakes := made.verification.mistakes():
        raise WrongUsage(f"{id}: {'; '.join(mistakes)}")
    return made


def _form(fields: list[str]) -> bytes:
    pairs = []
    for field in fields:
        name, equals, value = field.partition("=")
        if not equals:
            raise WrongValue("--form", f"a field is written NAME=VALUE, not {field!r}")
        pairs.append((os.fsencode(name), os.fsencode(value)))
    return urlencode(pairs).encode()


def _kind(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _headers(lines: list[str], content_type: str) -> list[tuple[str, str]]:
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise WrongValue("--header", f"a header is written 'NAME: VALUE', not {line!r}")
        # Headers hold the bytes on the wire read as latin-1; a terminal hands over UTF-8.
        headers.append((name.strip().lower(), os.fsencode(value.strip()).decode("latin-1")))
    if not any(name == "content-type" for name, _ in headers):
        headers.insert(0, ("content-type", content_type))
    return headers


def _print_fields(answered: Answered, entry: Entry | None) -> None:
    print_json(
        {
            "accepted": answered.accepted,
            "status": answered.status,
            "id": answered.id,
            "answer": answered.body,
            "event": entry_fields(entry) if entry else None,
        }
    )


def _print(answered: Answered, entry: Entry | None, store: str, *, followed: bool) -> None:
    colour = "green" if answered.accepted else "red"
    body = escape(printable(answered.body, keep_lines=True))
    console.print(f"[{colour}]{answered.status}[/{colour}] {body}")
    if entry is None:
        if followed:
            errors.print(f"not worked after {OUTCOME_SECONDS:.0f} seconds; see `holdfast events`")
        elif answered.accepted and answered.id and not is_shared(store):
            hint(f"what becomes of it: {command(f'events show {answered.id}', store)}")
        return
    ended = entry.state.value
    if entry.duplicate_of:
        ended += f": a duplicate of {entry.duplicate_of}"
    if entry.reason:
        last = entry.attempts[-1] if entry.attempts else None
        why = told(last.error, last.cause)[0] if last else ""
        ended += ": " + ", ".join(filter(None, (entry.reason, why.partition("\n")[0])))
    console.print(escape(printable(ended)))
    if entry.state is State.DEAD:
        hint(f"the whole story: {command(f'dead show {entry.message.id}', store)}")
