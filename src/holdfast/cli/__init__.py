"""The command line: verbs only. What they do is in `holdfast.operate` and `holdfast.runtime`.

Exit codes:
    0    it worked
    1    it did not: refused, mistakes found, nothing answered, dead
    2    wrong usage
    3    the store cannot be used
    4    there is no such thing
    5    something differs that must not: parity, backtest
    130  interrupted; what was done by then stays done
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated, Final

import typer

from holdfast.cli import exits
from holdfast.cli.lazy import LazyGroup
from holdfast.cli.output import complain
from holdfast.errors import HoldfastError, NotFound, StoreError, UnknownProvider

STORE_VARIABLE: Final = "HOLDFAST_STORE"
"""Where every command looks for its store, if it is not told."""

app = typer.Typer(
    name="holdfast",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\n" + __doc__.partition("\n\n")[2].rstrip(),
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from holdfast.runtime.version import installed_version  # noqa: PLC0415 - for its users only

        typer.echo(f"holdfast {installed_version()}")
        raise typer.Exit


@app.callback()
def holdfast(
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="aws:STACK", help="A stack on AWS, instead of a store."),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Say which version this is."
        ),
    ] = False,
) -> None:
    """Receives webhooks and never loses one."""
    if target is not None:
        os.environ[STORE_VARIABLE] = target


def main(arguments: Sequence[str] | None = None) -> None:
    """The `holdfast` command. Ends in SystemExit with one of the codes above."""
    if isinstance(sys.stdout, TextIOWrapper):
        # Senders write what some terminals have no letters for.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(arguments, prog_name="holdfast")
    except KeyboardInterrupt:
        sys.exit(exits.INTERRUPTED)
    except HoldfastError as error:
        complain(str(error))
        sys.exit(_code(error))
    except OSError as error:
        # A file that the user named, or the disk; not for a traceback.
        named = f"{error.filename}: " if error.filename else ""
        complain(f"{named}{error.strerror or error}")
        sys.exit(exits.FAILED)


def _code(error: HoldfastError) -> int:
    if isinstance(error, StoreError):
        return exits.STORE
    return exits.NOT_FOUND if isinstance(error, NotFound | UnknownProvider) else exits.FAILED
