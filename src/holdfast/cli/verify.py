"""verify."""

from __future__ import annotations

import sys
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from dotenv import load_dotenv
from rich.markup import escape

from holdfast.cli import exits
from holdfast.cli.options import Output, OutputOption, WrongUsage, WrongValue, parse_time
from holdfast.cli.output import console, print_json
from holdfast.cli.senders import ConfigOption, VariantOption, preset_of, settings_of
from holdfast.clock import SYSTEM_CLOCK
from holdfast.definition import Provider
from holdfast.keyring import KeyRing
from holdfast.operate.captured import captured_request
from holdfast.operate.explain import Explanation, explain
from holdfast.secrets import SecretRef, Secrets
from holdfast.terminal.text import printable
from holdfast.verify import REASONS

_COMPARE: Final = "compare the secret with the sender's, character by character"
_CHANGED: Final = (
    "nothing that commonly happens on the way explains it: another secret, or a",
    f"body that was changed; {_COMPARE}",
)
_UNEXPLAINED: Final = {
    "signature_mismatch": _CHANGED,
    "body_altered_or_wrong_secret": _CHANGED,
    "credentials_mismatch": (f"another user or password; {_COMPARE}",),
    "token_mismatch": (f"another secret; {_COMPARE}",),
    "url_missing": ("give the whole address that was called: --url URL",),
}
"""What is left to say where no change fits. Other reasons say by themselves what is wrong."""


def verify(
    provider: Annotated[
        str,
        typer.Option(metavar="NAME", help="The sender: stripe, or the file of one of your own."),
    ],
    headers: Annotated[
        Path,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="The headers as they came: lines, or JSON; a request line may stand first.",
        ),
    ],
    body: Annotated[
        Path,
        typer.Option(exists=True, dir_okay=False, metavar="FILE", help="The body, byte for byte."),
    ],
    secret_from: Annotated[
        list[str] | None,
        typer.Option(
            "--secret-from",
            metavar="REFERENCE",
            help="Where the secret is: env:NAME, file:PATH, never the secret itself; repeatable.",
        ),
    ] = None,
    variant: VariantOption = None,
    config: ConfigOption = None,
    method: Annotated[
        str | None, typer.Option(metavar="METHOD", help="Default: as captured, or POST.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The whole URL, where that is signed.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it came: a time, an age, or seconds since 1970."),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Judge a captured request, and explain why it fails.

    Tries what commonly happens on the way: a body that was parsed and written anew, a line break
    too many, a secret that is decoded wrongly, another header, another URL, a clock that is off.
    Never prints a secret. Code 0: verified.
    """
    request = captured_request(headers.read_bytes(), body.read_bytes(), method=method, url=url)
    source, secrets = _source(provider, variant, settings_of(config), secret_from or [], url)
    found = explain(source, request, secrets, _seconds(at), keys=KeyRing())
    if output is Output.JSON:
        print_json(_fields(source, found))
    else:
        _print(source, found)
    if not found.verified:
        sys.exit(exits.FAILED)


def _source(
    name: str, variant: str | None, config: dict[str, str], references: list[str], url: str | None
) -> tuple[Provider, list[str]]:
    """The sender, and the values of its secrets."""
    load_dotenv(Path.cwd() / ".env", override=False)
    preset = preset_of(name)
    way = preset.way(variant)
    if way.needs_secret and not references:
        raise WrongUsage(f"{name} signs with a secret: give --secret-from env:NAME")
    made = preset(
        (references or None) if way.takes_secret else None,
        variant=variant,
        url=url if way.signs_url else None,
        **config,
    )
    if mistakes := made.verification.mistakes():
        raise WrongUsage(f"{name}: {'; '.join(mistakes)}")
    refs = [SecretRef.parse(text) for text in references] if way.takes_secret else []
    # As it stands in the file, line break and all: that may be what is wrong with it.
    return made, Secrets().values(refs)


def _seconds(at: str | None) -> float:
    if at is None:
        return SYSTEM_CLOCK.now_ms() / 1000
    try:
        seconds = float(at)
    except ValueError:
        return (parse_time(at, "--at") or 0) / 1000
    if not isfinite(seconds):
        raise WrongValue("--at", f"{at!r} is no time")
    return seconds


def _fields(provider: Provider, found: Explanation) -> dict[str, Any]:
    return {
        "provider": provider.name,
        "variant": provider.variant,
        "verified": found.verified,
        "reason": found.reason or None,
        "detail": found.detail or None,
        "skew_seconds": found.skew_seconds,
        "fits": [{"changes": list(fit.changes), "advice": fit.advice} for fit in found.fits],
    }


def _print(provider: Provider, found: Explanation) -> None:
    if found.verified:
        console.print(f"[green]verified[/green]: {escape(provider.title)} sent it")
        return
    why = REASONS.get(found.reason, "")
    detail = f" ({found.detail})" if found.detail else ""
    console.print(f"[red]{found.reason}[/red]: {escape(why)}{escape(printable(detail))}")
    for fit in found.fits:
        console.print(f"  it would fit: {escape(printable(fit.advice))}")
    if not found.fits:
        for line in _UNEXPLAINED.get(found.reason, ()):
            console.print(f"  {line}")
