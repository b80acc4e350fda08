"""add."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from holdfast.cli import exits
from holdfast.cli.definitions import load_definition
from holdfast.cli.options import (
    Output,
    OutputOption,
    StoreOption,
    WrongUsage,
    WrongValue,
    command,
    engine_on,
    value_of,
)
from holdfast.cli.output import complain, console, errors, hint, print_json, warn
from holdfast.cli.pages import told
from holdfast.cli.senders import ConfigOption, NameArgument, VariantOption, settings_of
from holdfast.clock import SYSTEM_CLOCK, parse_duration
from holdfast.compile import check_app, load
from holdfast.compiled import CompiledWebhook
from holdfast.errors import DefinitionError, HoldfastError, NotSupported
from holdfast.gateway.tokens import FOLDER
from holdfast.operate.abilities import need_archive
from holdfast.operate.adding import UNKNOWN_HOST, Added, with_webhook
from holdfast.operate.envfile import add_variable, others_can_read
from holdfast.operate.explain import explain
from holdfast.operate.first_delivery import Arrived, first_delivery
from holdfast.operate.running import find_running
from holdfast.providers import Preset
from holdfast.providers import load as load_provider
from holdfast.providers.words import call, facts, hands_over, takes_url, variable
from holdfast.runtime.store import DEFAULT_STORE, run_directory
from holdfast.secrets import Secrets
from holdfast.starter import STARTER_NAME
from holdfast.terminal.text import printable
from holdfast.verify import REASONS

_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the webhook is to be."""

    path: str
    variant: str | None
    config: Mapping[str, str]
    url: str
    """The address at which the sender reaches it, its host perhaps unknown."""


@dataclass(frozen=True, slots=True)
class Wrote:
    """What was written, and where."""

    definition: Path
    path: str
    url: str
    writes_url: bool
    """It stands in the definition, because it is signed or has a part in the handshake."""
    webhook: str
    env: Path
    variables: tuple[str, ...]
    """Those that were not there yet."""
    empty: tuple[str, ...]
    """Those of them whose value is still to be filled in."""
    kept: tuple[str, ...]
    """Those that were there, and stay as they are."""

    @property
    def open_host(self) -> bool:
        """The host is still to be filled in."""
        return self.url.startswith(UNKNOWN_HOST)


def add(
    name: NameArgument,
    definition: Annotated[
        Path,
        typer.Option("--definition", "-d", metavar="FILE.py", help="The definition to add it to."),
    ] = Path(STARTER_NAME),
    path: Annotated[
        str | None, typer.Option(metavar="PATH", help="The webhook's path; default: /NAME.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The address it is given: https://hooks.example.com, or all of it."
        ),
    ] = None,
    variant: VariantOption = None,
    config: ConfigOption = None,
    generate: Annotated[
        bool, typer.Option("--generate", help="Make the secret up, where the sender takes yours.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="For the first delivery, and judge it.")
    ] = True,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long to wait for it.")
    ] = "15m",
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Add a known sender, and judge its first delivery.

    The webhook goes into the definition, its secret's variable into .env. What is in the definition stays as it is. The secret is asked for, never taken as an argument;
    left empty, it is to be filled in later, as is the address where the sender signs it. Code 0: what was asked for was done, and the delivery,
    where one was waited for, is genuine.
    """
    preset = load_provider(name.replace("_", "-"))
    seconds = _duration(timeout)
    path = path or f"/{preset.id}"
    chosen = Chosen(path, variant, settings_of(config), _registered(preset, variant, url, path))
    wrote = _write(preset, definition, chosen, generate=generate, store=store)
    if output is Output.TEXT:
        _print(preset, wrote, store, generated=generate)
    arrived = None
    if wait:
        arrived = _wait(wrote, store, seconds, quiet=output is Output.JSON)
    if output is Output.JSON:
        print_json(_fields(preset, wrote, arrived, waited=wait))
    elif wait:
        _print_verdict(arrived, wrote, store)
    if wait and (arrived is None or arrived.reason):
        sys.exit(exits.FAILED)


def _duration(text: str) -> float:
    with value_of("--timeout"):
        return parse_duration(text)


def _registered(preset: Preset, variant: str | None, url: str | None, path: str) -> str:
    """The whole address. Asked for where the sender signs it; its host may be filled in later."""
    if url is None and takes_url(preset, variant) and sys.stdin.isatty():
        asked = f"the address that {preset.title} is given, such as https://hooks.example.com (empty: later)"
        url = typer.prompt(asked, default="", show_default=False, err=True).strip()
    url = url or UNKNOWN_HOST
    scheme, _, rest = url.partition("://")
    if scheme not in ("https", "http") or not rest or " " in rest:
        raise WrongValue("--url", f"{url!r} is no address; write https://hooks.example.com")
    return url.rstrip("/") + path if "/" not in rest.rstrip("/") else url


def _write(
    preset: Preset, definition: Path, chosen: Chosen, *, generate: bool, store: str
) -> Wrote:
    """Into both files; into neither where the definition would have a mistake."""
    if not definition.exists():
        raise HoldfastError(f"there is no {definition}; `holdfast init {definition}` writes one")
    path, variant = chosen.path, chosen.variant
    lacks = preset.way(variant).lacks(chosen.config)
    if lacks:
        told = "; ".join(f"{each}: {preset.config.get(each, '')}" for each in lacks)
        raise WrongUsage(f"{preset.id} needs --config {lacks[0]}=VALUE ({told})")
    if generate and preset.way(variant).needs_secret and not _chosen_here(preset, variant):
        raise WrongUsage(
            f"{preset.title} is not known to take a secret that was made up here, and nothing would "
            f"fit one: without --generate its own is asked for ({preset.secret})"
        )
    handed = hands_over(preset)
    webhook = path.strip("/").replace("/", "-")
    secret = f"file:{run_directory(store)}/{FOLDER}/{webhook}" if handed else None
    written = call(preset, variant, secret=secret, config=chosen.config, url=chosen.url)
    before = definition.read_bytes().decode("utf-8")
    # Not compiled: an App that has no webhook yet is the best place for a first one.
    if path in [one.path for one in load(definition).webhooks]:
        raise HoldfastError(f"{definition} has a webhook at {path} already; --path names another")
    identifier = preset.id.replace("-", "_")
    verify_at = facts(preset, variant)["verify_at"]
    after = with_webhook(
        before, Added(path, written, identifier, preset.title, preset.id, verify_at)
    )
    draft = _judged(definition, after)
    env = definition.resolve().parent / ".env"
    variables, empty, kept = _add_variables(
        preset, variant, env, asks=not handed, generate=generate
    )
    shutil.copymode(definition, draft)
    draft.replace(definition.resolve())
    return Wrote(
        definition,
        path,
        chosen.url,
        takes_url(preset, variant),
        _name(definition, path),
        env,
        variables,
        empty,
        kept,
    )


def _chosen_here(preset: Preset, variant: str | None) -> bool:
    """Whether the secret may be ours, this way."""
    return preset.secret_chosen and preset.way(variant) is preset.way(None)


def _judged(definition: Path, text: str) -> Path:
    """The definition as it would be, in a file beside it. Raises DefinitionError, with the name of
    the file that there is."""
    own = definition.resolve()
    draft = own.with_name(f"{own.stem}_with_more_{secrets.token_hex(4)}.py")
    draft.write_bytes(text.encode())
    try:
        mistakes = check_app(load(draft))
    except DefinitionError as error:
        mistakes = list(error.mistakes)
    except BaseException:
        draft.unlink()
        raise
    if not mistakes:
        return draft
    draft.unlink()
    raise DefinitionError(
        [replace(one, place=one.place.replace(draft.name, own.name)) for one in mistakes]
    )


def _name(definition: Path, path: str) -> str:
    webhook = next(one for one in load_definition(definition).webhooks if one.path == path)
    return webhook.name


def _add_variables(
    preset: Preset, variant: str | None, env: Path, *, asks: bool, generate: bool
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The secret's and the tokens' lines: those added, those of them left empty, those kept."""
    values: dict[str, str] = {}
    if asks and preset.way(variant).needs_secret:
        made = secrets.token_urlsafe(_TOKEN_BYTES) if generate else _ask(preset)
        values[variable(preset.id)] = made
    for token in preset.tokens:
        # A verify token is ours to choose.
        values[variable(preset.id, token)] = secrets.token_urlsafe(_TOKEN_BYTES)
    added = [name for name, value in values.items() if add_variable(env, name, value)]
    if added and others_can_read(env):
        warn(f"{env} can be read by others than you: chmod 600 {env}")
    kept = tuple(name for name in values if name not in added)
    return tuple(added), tuple(name for name in added if not values[name]), kept


def _ask(preset: Preset) -> str:
    """The secret, unseen; empty where nobody is there to be asked."""
    if not sys.stdin.isatty():
        return ""
    asked = f"{preset.title}: {preset.secret} (empty: fill it in later)"
    found: str = typer.prompt(asked, default="", hide_input=True, show_default=False, err=True)
    return found.strip()


def _print(preset: Preset, wrote: Wrote, store: str, *, generated: bool) -> None:
    console.print(f"wrote {escape(wrote.path)} to {escape(str(wrote.definition))}")
    for name in wrote.variables:
        filled = "fill in its value" if name in wrote.empty else "written"
        console.print(f"  {name} in {escape(str(wrote.env))}: {filled}")
    for name in wrote.kept:
        console.print(f"  {name} in {escape(str(wrote.env))}: is there, and was kept")
    told = facts(preset)
    if told["verify_at"] == "gateway":
        console.print('  verify_at="gateway": it tries wrong signatures too, and wants 401')
    if wrote.writes_url:
        console.print(
            f"  url={escape(json.dumps(wrote.url))}: as it is given there, letter by letter"
        )
        if wrote.open_host:
            console.print(
                "    [yellow]your host belongs there[/yellow], or nothing will fit (--url)"
            )
    console.print(f"at {escape(preset.title)}: paste {escape(wrote.url)}")
    if told["secret"] and wrote.empty:
        console.print(f"  and copy from there: {escape(told['secret'])}")
    if generated and variable(preset.id) in wrote.variables:
        console.print(f"  and give there {escape(told['secret'])}: {variable(preset.id)} of .env")
    for token in told["tokens"]:
        console.print(f"  and give there as {escape(token)}: {variable(preset.id, token)} of .env")
    for each in told["handshakes"]:
        console.print(f"  it shakes hands first: {escape(each['when'])}; that is answered here")
    running = find_running(run_directory(store))
    again = "stop it and start it again" if running else "start it"
    console.print(f"{again}: [bold]{escape(command(f'run {wrote.definition}', store))}[/bold]")


def _wait(wrote: Wrote, store: str, seconds: float, *, quiet: bool) -> Arrived | None:
    since = SYSTEM_CLOCK.now_ms()
    if not quiet:
        errors.print(f"waiting for the first delivery to {escape(wrote.path)} (Ctrl-C: no longer)")
    return asyncio.run(_first(wrote.webhook, store, since, seconds))


async def _first(webhook: str, store: str, since_ms: int, seconds: float) -> Arrived | None:
    deadline = SYSTEM_CLOCK.monotonic() + seconds
    while True:
        left = deadline - SYSTEM_CLOCK.monotonic()
        try:
            with engine_on(store) as engine:
                archive = need_archive(engine)
                return await first_delivery(archive, webhook, since_ms, max(0.0, left))
        except NotSupported:
            raise
        except HoldfastError:
            # No run has made the store yet.
            if left <= 0:
                return None
            await asyncio.sleep(0.5)


def _print_verdict(arrived: Arrived | None, wrote: Wrote, store: str) -> None:
    if arrived is None:
        complain(f"nothing came to {wrote.path} in that time; `holdfast events` shows what does")
        return
    if not arrived.reason:
        console.print(f"[green]verified[/green]: the first delivery is genuine ({arrived.id})")
        hint(f"all of it: {command(f'events show {arrived.id}', store)}")
        return
    failure = arrived.failure
    detail = told(failure.error, failure.cause)[0] if failure else ""
    why = REASONS.get(arrived.reason, "")
    console.print(f"[red]{escape(arrived.reason)}[/red]: {escape(printable(why or detail))}")
    if why and detail:
        console.print(f"  {escape(printable(detail.partition(chr(10))[0]))}")
    for advice in _advice(arrived, wrote):
        console.print(f"  it would fit: {escape(printable(advice))}")
    hint(f"all of it: {command(f'events show {arrived.id}', store)}")


def _advice(arrived: Arrived, wrote: Wrote) -> list[str]:
    """What would make it fit, as far as the definition's own secret tells."""
    for name in wrote.empty:
        if not os.environ.get(name):
            os.environ.pop(name, None)  # it may have been filled in since
    webhook = next(
        (one for one in load_definition(wrote.definition).webhooks if one.path == wrote.path), None
    )
    if arrived.request is None or webhook is None or webhook.provider is None:
        return []
    try:
        values = _values(webhook)
    except HoldfastError as error:
        return [str(error)]
    found = explain(webhook.provider, arrived.request, values, arrived.at_ms / 1000)
    return [fit.advice for fit in found.fits]


def _values(webhook: CompiledWebhook) -> list[str]:
    return Secrets().values(webhook.verification.secrets) if webhook.verification else []


def _fields(
    preset: Preset, wrote: Wrote, arrived: Arrived | None, *, waited: bool
) -> dict[str, Any]:
    verdict = None
    if arrived is not None:
        verdict = {
            "id": arrived.id,
            "verified": not arrived.reason,
            "reason": arrived.reason or None,
            "advice": _advice(arrived, wrote) if arrived.reason else [],
        }
    return {
        "provider": preset.id,
        "definition": str(wrote.definition),
        "webhook": wrote.webhook,
        "path": wrote.path,
        "url": None if wrote.open_host else wrote.url,
        "url_written": wrote.writes_url,
        "verify_at": facts(preset)["verify_at"],
        "env": str(wrote.env),
        "variables": list(wrote.variables),
        "empty": list(wrote.empty),
        "kept": list(wrote.kept),
        "waited": waited,
        "delivery": verdict,
    }
