"""backtest."""

from __future__ import annotations

import fnmatch
import sys
from itertools import islice
from typing import Annotated, Any

import typer

from holdfast.cli import exits
from holdfast.cli.definitions import DefinitionArgument, load_definition
from holdfast.cli.mocks import MockOption, parse_mocks
from holdfast.cli.options import (
    Output,
    OutputOption,
    SinceOption,
    StoreOption,
    UntilOption,
    WebhookOption,
    WrongValue,
    command,
    engine_on,
    parse_time,
)
from holdfast.cli.output import console, count, hint, print_json, print_rows, warn
from holdfast.cli.progress import counted
from holdfast.compiled import Compiled
from holdfast.operate import lookup
from holdfast.operate import past as pasts
from holdfast.operate.abilities import need_archive
from holdfast.operate.backtest import Backtest, ChangeGroup, FailOn, Report
from holdfast.queue.contract import Filter
from holdfast.runtime.store import DEFAULT_STORE
from holdfast.secrets import Secrets


def backtest(
    definition: DefinitionArgument,
    since: SinceOption = "7d",
    until: UntilOption = None,
    webhook: WebhookOption = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", min=1, metavar="COUNT", help="At most so many, the newest first."
        ),
    ] = None,
    mock: MockOption = None,
    safe: Annotated[
        list[str] | None,
        typer.Option(
            "--safe",
            metavar="TASK",
            help="Call this task for real: it has no side effects. * for any; may be repeated.",
        ),
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Which changes are a failure.")
    ] = FailOn.WORSE,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Run a changed definition over what came in: what changes.

    What would now be refused, now be accepted, or end differently. Nothing is sent, and no task is
    called unless it is declared safe. Exit code 0 if nothing changes for the worse, otherwise 5.
    """
    compiled, patterns = load_definition(definition), tuple(safe or ())
    mocks = parse_mocks(mock, compiled)
    _known(compiled, patterns)
    filter = Filter(
        webhook=webhook, since_ms=parse_time(since), until_ms=parse_time(until, "--until")
    )
    with engine_on(store) as engine:
        archive = need_archive(engine)
        lookup.known_webhook(engine, webhook)
        test = Backtest(
            compiled,
            Secrets(),
            archive,
            mocks=mocks,
            safe=lambda name: any(fnmatch.fnmatchcase(name, each) for each in patterns),
        )
        with counted(islice(pasts.walk(archive, filter), limit), "events") as traffic:
            report = test.run(traffic)
    if output is Output.JSON:
        print_json(_fields(report, fail_on))
    else:
        _print(report, store)
    if report.fails(fail_on):
        sys.exit(exits.DIFFERENT)


def _known(compiled: Compiled, patterns: tuple[str, ...]) -> None:
    """A task that is misspelt would be assumed, and nobody would notice."""
    names = {name for webhook in compiled.webhooks for name in webhook.tasks}
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            there = ", ".join(sorted(names)) or "none"
            raise WrongValue("--safe", f"no task {pattern!r}; there are {there}")


def _print(report: Report, store: str) -> None:
    for name, why in report.unchecked.items():
        warn(f"{name}: sources were not checked: {why}")
    told = f"{count(report.events, 'event')} and {count(report.refusals, 'refusal')}"
    print_rows([_row(group) for group in report.groups], f"{told}: nothing changes")
    if report.groups:
        console.print(f"of {told}")
    for why, number in report.skipped.items():
        console.print(f"not all looked at: {number:,} {why}")
    if report.assumed:
        names = ", ".join(f"{name} ({number:,})" for name, number in report.assumed.most_common(5))
        warn(f"assumed to come to null: {names}; --mock TASK=JSON or --safe TASK says better")
    if report.groups:
        hint(f"one in full: {command('events show ID', store)}")


def _row(group: ChangeGroup) -> dict[str, Any]:
    return {
        "events": group.count,
        "webhook": group.webhook,
        "change": f"{group.kind}{', worse' if group.worse else ''}{', assumed' if group.assumed else ''}",
        "then": group.before,
        "now": group.after,
        "such_as": group.example,
    }


def _fields(report: Report, fail_on: FailOn) -> dict[str, Any]:
    return {
        "failed": report.fails(fail_on),
        "fail_on": fail_on.value,
        "events": report.events,
        "refusals": report.refusals,
        "changes": [
            {
                "kind": group.kind,
                "webhook": group.webhook,
                "then": group.before,
                "now": group.after,
                "worse": group.worse,
                "assumed": group.assumed,
                "count": group.count,
                "example": group.example,
            }
            for group in report.groups
        ],
        "skipped": dict(report.skipped),
        "unchecked": report.unchecked,
        "assumed": dict(report.assumed),
    }
