"""The command line: verbs only. What they do is in `holdfast.operate` and `holdfast.runtime`.

Exit codes: 0 it worked; 1 it did not (refused, mistakes found, nothing answered); 2 wrong usage;
3 the store cannot be used; 4 there is no such thing; 130 interrupted.
"""

from __future__ import annotations

import sys

import typer

from holdfast.cli import dead, events, run, send, status, store
from holdfast.cli.output import complain
from holdfast.errors import DefinitionError, HoldfastError, NotFound, StoreError

app = typer.Typer(
    name="holdfast",
    help="Receives webhooks and never loses one.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("check")(run.check)
app.command("init")(run.init)
app.command("send")(send.send)
app.add_typer(events.app, name="events")
app.add_typer(dead.app, name="dead")
app.command("replay")(events.replay)
app.command("pause")(status.pause)
app.command("resume")(status.resume)
app.command("status")(status.status)
app.command("recover")(store.recover)


def main() -> None:
    """The `holdfast` command."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except DefinitionError as error:
        complain(str(error))
        sys.exit(1)
    except StoreError as error:
        complain(str(error))
        sys.exit(3)
    except NotFound as error:
        complain(str(error))
        sys.exit(4)
    except HoldfastError as error:
        complain(str(error))
        sys.exit(1)
