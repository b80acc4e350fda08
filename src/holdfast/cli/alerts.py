"""alerts, alerts test."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.markup import escape

from holdfast.cli import exits
from holdfast.cli.definitions import DefinitionOption, definition_path, load_definition
from holdfast.cli.options import Output, OutputOption, StoreOption, book_on, command, engine_on
from holdfast.cli.output import age, console, count, hint, print_json, print_rows
from holdfast.clock import SYSTEM_CLOCK, format_duration
from holdfast.errors import StoreError
from holdfast.operate.alerts.fields import alerts_fields
from holdfast.operate.alerts.notes import Notes, read_notes
from holdfast.operate.alerts.standing import Key
from holdfast.operate.alerts.trying import chosen, tried
from holdfast.operate.running import find_running
from holdfast.runtime.store import DEFAULT_STORE, run_directory
from holdfast.secrets import Secrets
from holdfast.terminal.text import printable

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.callback(invoke_without_command=True)
def list_alerts(
    context: typer.Context,
    definition: DefinitionOption = None,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Alert rules, which of them stand, and who is told."""
    if context.invoked_subcommand is not None:
        return
    compiled = load_definition(definition_path(store, definition))
    directory = run_directory(store)
    watching = find_running(directory) is not None
    notes = read_notes(directory)
    told = alerts_fields(compiled, notes, watching=watching)
    if output is Output.JSON:
        print_json(told)
        return
    print_rows(
        [_row(one, notes) for one in told["alerts"]],
        "no alert is defined; App(alerts=[Alert.dead(), ...], notify=[...]) does",
    )
    if told["alerts"]:
        console.print()
        print_rows([_target_row(one, notes) for one in told["targets"]], "nobody is told")
    if not watching:
        console.print("nothing runs here, so nobody looks")
    elif told["targets"]:
        hint(f"see whether messages arrive: {command('alerts test', store)}")


def _row(one: Any, notes: Notes) -> dict[str, Any]:
    key = Key(one["rule"], one["webhook"])
    known = notes.standing.get(key)
    return {
        "rule": one["rule"],
        "webhook": one["webhook"],
        "state": one["state"],
        "severity": one["severity"],
        "since": age(known.since_ms) if known else None,
        "told": age(notes.sent_ms.get(key)),
        "detail": one["detail"] or one["condition"],
    }


def _target_row(one: Any, notes: Notes) -> dict[str, Any]:
    box = notes.outboxes.get(one["name"])
    failing = box.failing_since_ms if box else None
    return {
        "target": one["name"],
        "at least": one["at_least"],
        "where": one["where"],
        "last sent": age(box.sent_ms) if box else None,
        "untold": one["untold"],
        "failing": age(failing),
        "error": one["error"],
    }


@app.command("test")
def send_tests(
    target: Annotated[
        list[str] | None,
        typer.Option("--target", metavar="NAME", help="Only this target; may be repeated."),
    ] = None,
    definition: DefinitionOption = None,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send a test message to every target, and say what became of it.

    Exit code 1 where one did not arrive.
    """
    compiled = load_definition(definition_path(store, definition))
    targets = chosen(compiled, target or ())
    with suppress(StoreError), engine_on(store) as engine:  # without a store there is no book
        book_on(engine).note("alerts.test", target=", ".join(one.name for one in targets))
    running = find_running(run_directory(store))
    url, secrets = running.console_url if running else None, Secrets()
    results = [tried(one, compiled.name, url, secrets, SYSTEM_CLOCK) for one in targets]
    if output is Output.JSON:
        print_json(results)
    elif not results:
        console.print("nobody is told of alerts; App(notify=[...]) says who is")
    for one in results if output is Output.TEXT else ():
        said = "[green]sent[/green]" if one["sent"] else "[red]not sent[/red]"
        why = one["error"] or one["remark"] or f"in {format_duration(one['seconds'])}"
        told = f"{one['target']} ({one['where']}): {why}"
        console.print(f"{said} {escape(printable(told))}")
    failed = [one for one in results if not one["sent"]]
    if failed:
        hint(f"{count(len(failed), 'message')} did not arrive")
        sys.exit(exits.FAILED)
