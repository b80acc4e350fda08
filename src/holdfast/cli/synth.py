"""synth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from holdfast.cli.definitions import DefinitionArgument
from holdfast.cli.options import Output, OutputOption, value_of
from holdfast.cli.output import console, print_json
from holdfast.compile import compile_app, load


def synth(
    definition: DefinitionArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where it is written.")] = (
        Path("cdk.out")
    ),
    name: Annotated[
        str | None, typer.Option("--stack", metavar="NAME", help="The stack; default: the app's.")
    ] = None,
    tracing: Annotated[bool, typer.Option("--tracing", help="Trace with X-Ray.")] = False,
    account_role: Annotated[
        bool,
        typer.Option(
            "--account-role/--no-account-role",
            help="Let API Gateway write logs; once per account and Region.",
        ),
    ] = True,
    output: OutputOption = Output.TEXT,
) -> None:
    """Write the definition as a CDK cloud assembly.

    `cdk deploy --app FOLDER` deploys it. Needs the extra `cdk` and Node.js, and no account. Exit
    code 1 where something cannot be on AWS as it is defined; `holdfast plan` says what.
    """
    from holdfast.aws.stack.assembly import stack_name, synth  # noqa: PLC0415 - needs an extra

    chosen = name or stack_name(compile_app(load(definition)).name)
    with value_of("--stack"):
        template = synth(definition, out, chosen, tracing=tracing, account_role=account_role)
    if output is Output.JSON:
        print_json({"stack": chosen, "template": str(template), "assembly": str(out)})
        return
    console.print(f"stack [bold]{escape(chosen)}[/bold] in {escape(str(template))}")
    console.print(f"deploy it with: cdk deploy --app {escape(str(out))}")
