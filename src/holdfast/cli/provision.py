"""provision."""

from __future__ import annotations

from rich.markup import escape

from holdfast.cli.definitions import DefinitionArgument, load_definition
from holdfast.cli.options import Output, OutputOption, StoreOption, command
from holdfast.cli.output import console, hint, print_json
from holdfast.runtime.assembly import limits_of
from holdfast.runtime.store import DEFAULT_STORE, provision_store


def provision(
    definition: DefinitionArgument,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make the queues and the table that a definition needs in SQS.

    What is there already is kept, and given the definition's numbers. `holdfast run` makes
    nothing, so that it needs no right to, and so that a mistyped prefix is noticed.
    """
    compiled = load_definition(definition)
    visibility = {
        webhook.name: webhook.queue.visibility_timeout_seconds for webhook in compiled.webhooks
    }
    made = provision_store(store, limits_of(compiled), visibility)
    if output is Output.JSON:
        print_json({"store": store, "created": made})
        return
    for name in made:
        console.print(f"created {escape(name)}")
    if not made:
        console.print("everything was there already")
    hint(f"run it with: {command(f'run {definition}', store)}")
