"""A console elsewhere: the options that name it, and what they turn into."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer
from dotenv import load_dotenv

from holdfast.cli.options import WrongUsage, value_of
from holdfast.cli.output import warn
from holdfast.errors import NotSupported
from holdfast.operate.running import find_running
from holdfast.runtime.store import describe_store, is_deployed, run_directory
from holdfast.secrets import SecretRef, Secrets
from holdfast.terminal.api import ConsoleApi

TOKEN_VARIABLE: Final = "HOLDFAST_CONSOLE_TOKEN"  # noqa: S105 - a name, as `holdfast run` has it

ConsoleUrlOption = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="A console, here or on another machine."),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="REFERENCE",
        help="Where that console's token is: env:NAME or file:PATH, never the token itself.",
    ),
]


def console_at(url: str | None, token: str | None, store: str) -> ConsoleApi:
    """The console at `url`, or the one that runs on the store here. Raises BadParameter."""
    load_dotenv(Path.cwd() / ".env", override=False)
    ref = None if token is None else _reference(token)
    if url is None and is_deployed(store):
        raise NotSupported(
            f"{describe_store(store)} has no console of Holdfast and keeps no history; name the "
            "console of a running Holdfast with --url"
        )
    if url is None:
        running = find_running(run_directory(store))
        url = running.console_url if running is not None else None
        if url is None:
            raise WrongUsage(
                f"no console runs on {describe_store(store)} here; name one with --url"
            )
        # Ours, on this machine: it was started with this token, if with any.
        if ref is None and os.environ.get(TOKEN_VARIABLE):
            ref = SecretRef("env", TOKEN_VARIABLE)
    api = ConsoleApi(url, ref, Secrets())
    if api.exposes_token:
        warn(f"the token goes to {api.url} unencrypted; use https, or a tunnel")
    return api


def _reference(text: str) -> SecretRef:
    with value_of("--token"):
        return SecretRef.parse(text)
