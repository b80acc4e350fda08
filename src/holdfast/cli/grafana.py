"""grafana."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Final

import typer

from holdfast.cli.options import Output, OutputOption
from holdfast.cli.output import print_json, print_text

DASHBOARD: Final = "holdfast.json"
RULES: Final = "rules.yml"


def grafana(
    rules: Annotated[
        bool, typer.Option("--rules", help="Alerting rules for Prometheus, instead.")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Print a dashboard over the metrics, for Grafana.

    Or rules that Prometheus itself evaluates.
    """
    name = RULES if rules else DASHBOARD
    text = files("holdfast").joinpath("grafana", name).read_text("utf-8")
    if output is Output.JSON:
        print_json({"file": name, "text": text})
        return
    print_text(text)
