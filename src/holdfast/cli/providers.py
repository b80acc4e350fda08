"""providers, providers show, providers key, providers token."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from holdfast import providers
from holdfast.cli.options import Output, OutputOption, StoreOption, WrongUsage, command
from holdfast.cli.output import console, count, hint, print_json, print_rows
from holdfast.cli.senders import NameArgument, VariantOption, preset_of
from holdfast.clock import format_duration
from holdfast.compile.values import NAME
from holdfast.definition import Handshake
from holdfast.errors import NotFound
from holdfast.gateway.tokens import TokenShelf
from holdfast.operate.adding import UNKNOWN_HOST, Added
from holdfast.operate.keyfile import key_file
from holdfast.providers.preset import Preset
from holdfast.providers.words import call, example, facts, hands_over, how, shaking, variable, where
from holdfast.runtime.store import DEFAULT_STORE, run_directory

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_LABEL: Final = 13
_KEYS: Final = "keys"
"""The folder beside the store."""


@app.callback(invoke_without_command=True)
def list_providers(
    context: typer.Context,
    find: Annotated[
        str | None, typer.Option("--find", metavar="TEXT", help="Only those with this in the row.")
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """The known senders, and how each signs.

    Also how long each waits for the answer, and how it shakes hands.
    """
    if context.invoked_subcommand is not None:
        return
    rows = [_row(providers.load(id)) for id in providers.names()]
    if find is not None:
        sought = find.lower()
        rows = [row for row in rows if sought in " ".join(map(str, row.values())).lower()]
    if output is Output.JSON:
        print_json([facts(providers.load(row["provider"])) for row in rows])
        return
    print_rows(
        rows, f"no sender has {find!r}; without --find all {len(providers.names())} are shown"
    )
    if rows:
        hint(
            f"{count(len(rows), 'sender')}; one in full: holdfast providers show {rows[0]['provider']}"
        )


def _row(preset: Preset) -> dict[str, Any]:
    provider = example(preset)
    kinds = [each.kind for each in provider.handshakes if isinstance(each, Handshake)]
    waits = provider.deadline_seconds
    return {
        "provider": preset.id,
        "title": provider.title,
        "signs": how(provider.verification),
        "at": ", ".join(place.removeprefix("header:") for place in where(provider.verification)),
        "waits": format_duration(waits) if waits else None,
        "handshake": ", ".join(dict.fromkeys(kinds)),
    }


@app.command("show")
def show(
    name: NameArgument,
    variant: VariantOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """One sender in full, and what to write where."""
    preset = preset_of(name)
    told = facts(preset, variant)
    if output is Output.JSON:
        print_json({**told, "definition": _call(preset, variant)})
        return
    console.print(f"[bold]{escape(told['title'])}[/bold]  {escape(preset.id)}")
    for label, value in _lines(preset, variant, told):
        if value:
            console.print(f"  [dim]{label.ljust(_LABEL)}[/dim]{escape(value)}")
    _print_steps(preset, variant, told)


def _lines(preset: Preset, variant: str | None, told: dict[str, Any]) -> list[tuple[str, str]]:
    signed = f"{told['signs']}, over {told['over']}" if told["over"] else told["signs"]
    waits = told["deadline_seconds"]
    answer = told["answer"]
    lines = [
        ("signs", signed),
        ("at", ", ".join(told["at"])),
        ("proves", ", ".join(told["covers"])),
        ("good for", told["good_for"]),
        ("variants", _variants(preset, told["variant"])),
        ("delivery id", " or ".join(told["delivery_id"])),
        ("event type", " or ".join(told["event_type"])),
        ("sends", ", ".join(told["content_types"]).replace("*/*", "")),
        ("waits", format_duration(waits) if waits else ""),
        ("success", told["success"]),
        ("check at", told["verify_at"] if told["verify_at"] == "gateway" else ""),
        ("must hear", "an empty body" if answer == "" else answer or ""),
        ("tries again", told["retries"]),
        ("gives up", told["disabling"]),
    ]
    shakes = example(preset, variant).handshakes
    lines += [("handshake", shaking(each)) for each in shakes if isinstance(each, Handshake)]
    lines.append(("from", ", ".join(told["addresses"])))
    lines += [("note", note) for note in told["notes"]]
    lines.append(("unconfirmed", ", ".join(told["unconfirmed"])))
    return lines


def _variants(preset: Preset, shown: str | None) -> str:
    return ", ".join(f"{name} (this)" if name == shown else name for name in preset.variants)


def _call(preset: Preset, variant: str | None) -> str:
    kept = f"file:{TokenShelf(run_directory(DEFAULT_STORE)).path(preset.id)}"
    url = f"{UNKNOWN_HOST}/{preset.id}"
    return call(preset, variant, secret=kept if hands_over(preset) else None, url=url)


def _print_steps(preset: Preset, variant: str | None, told: dict[str, Any]) -> None:
    path = f"/{preset.id}"
    console.print("\nIn the definition:")
    name = preset.id.replace("-", "_")
    added = Added(path, _call(preset, variant), name, preset.title, preset.id, told["verify_at"])
    for line in added.line("app", name).splitlines():
        console.print(f"  {escape(line)}")
    for setting, about in {**told["settings"], **told["tokens"]}.items():
        console.print(f"  [dim]{escape(setting)}: {escape(about)}[/dim]")
    console.print(f"At {escape(told['title'])}:")
    console.print(f"  paste your address: {UNKNOWN_HOST}{path}")
    for token in told["tokens"]:
        chosen = f"{variable(preset.id, token)}=what you choose"
        console.print(f"  write into .env, and give there as {escape(token)}: {chosen}")
    if hands_over(preset):
        console.print("  no secret: it is handed over in the handshake, and kept")
    elif told["secret"] and not told["published_key"]:
        console.print(f"  copy into .env: {variable(preset.id)}={escape(told['secret'])}")
    elif told["published_key"]:
        console.print("  no secret: its public keys are fetched where it publishes them")
    hint(f"or let it be written: holdfast add {preset.id}")


@app.command("key")
def key(
    name: NameArgument,
    variant: VariantOption = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where it is kept; default: beside the store."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make a key pair, to play a sender with a private key.

    The private half is kept in a file, and never printed; the other one takes the place of the
    sender's own key where you try it. What is in the file already stays.
    """
    preset = preset_of(name)
    path = file or run_directory(store) / _KEYS / f"{preset.id}.pem"
    kept = key_file(example(preset, variant), path)
    env = variable(preset.id)
    written = call(preset, variant, secret=f"env:{env}")
    if output is Output.JSON:
        told = {"provider": preset.id, "file": str(path), "made": kept.made, "variable": env}
        print_json({**told, "public": kept.pair.public, "definition": written})
        return
    done = "wrote" if kept.made else "is there, and was kept:"
    console.print(f"{done} {escape(str(path))}: a private key for tests, for its owner alone")
    console.print(f"where you try it, in .env: {env}={escape(kept.pair.public)}")
    console.print(f"  and in the definition: provider={escape(written)}")
    played = f"send /{preset.id} --as {name} --secret-from file:{path} --json '{{}}'"
    hint(f"then play the sender: {escape(command(played, store))}")


@app.command("token")
def token(
    webhook: Annotated[str, typer.Argument(metavar="WEBHOOK", help="The webhook's name.")],
    forget: Annotated[
        bool, typer.Option("--forget", help="Remove it, so that the next one is taken.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Print the secret that a sender handed over.

    In its handshake, as Notion and Asana do. Mind who looks on.
    """
    if not NAME.fullmatch(webhook):
        raise WrongUsage(f"{webhook!r} is not the name of a webhook")
    shelf = TokenShelf(run_directory(store))
    found = shelf.find(webhook)
    if found is None:
        raise NotFound(f"no sender has handed over a secret to {webhook}")
    if forget:
        shelf.forget(webhook)
        if output is Output.JSON:
            print_json({"webhook": webhook, "forgotten": True})
        else:
            console.print(
                f"forgotten; the next secret that is handed over to {escape(webhook)} is taken"
            )
        return
    if output is Output.JSON:
        print_json({"webhook": webhook, "file": str(shelf.path(webhook)), "token": found})
        return
    console.print(escape(found))
    hint(f"the webhook can refer to it: file:{shelf.path(webhook)}")
