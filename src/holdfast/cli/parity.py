"""parity."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from holdfast.aws.parity.compare import Comparison
from holdfast.aws.parity.finding import Finding, Report
from holdfast.aws.parity.samples import SampleSecrets, samples
from holdfast.aws.plan import plan
from holdfast.cli import exits
from holdfast.cli.definitions import DefinitionArgument, load_definition
from holdfast.cli.mocks import MockOption, parse_mocks
from holdfast.cli.options import (
    ListLimitOption,
    Output,
    OutputOption,
    SinceOption,
    StoreOption,
    WebhookOption,
    engine_on,
    parse_time,
)
from holdfast.cli.output import complain, console, count, print_json, print_rows, warn
from holdfast.cli.progress import counted
from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import Compiled
from holdfast.errors import DefinitionError, HoldfastError, NotFound
from holdfast.operate import past as pasts
from holdfast.operate.abilities import need_archive
from holdfast.operate.casting import Mock
from holdfast.operate.past import Past
from holdfast.queue.contract import Archive, Filter
from holdfast.runtime.store import DEFAULT_STORE
from holdfast.secrets import Secrets

SHOWN: Final = 50
"""Differences in the table; JSON has all of them."""


def parity(
    definition: DefinitionArgument,
    made_up: Annotated[
        bool,
        typer.Option("--samples", help="Made-up traffic, signed, instead of what was recorded."),
    ] = False,
    webhook: WebhookOption = None,
    since: SinceOption = None,
    limit: ListLimitOption = 1_000,
    mock: MockOption = None,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Run what came in here and as on AWS: what differs.

    What `plan` foretells is shown as declared. Exit code 0 if nothing else differs, 5 if something
    does. Nothing is sent, kept or called. Needs the extra `parity`.
    """
    compiled = _only(load_definition(definition), webhook, definition)
    mocks = parse_mocks(mock, compiled)
    if made_up:
        report = _compare(compiled, _made_up(compiled), SampleSecrets(), None, mocks, {})
    else:
        since_ms = parse_time(since)
        compiled, missing = pasts.checkable(compiled, Secrets())
        filter = Filter(webhook=webhook, since_ms=since_ms)
        with engine_on(store) as engine:
            archive = need_archive(engine)
            traffic = islice(pasts.walk(archive, filter), limit)
            report = _compare(compiled, traffic, Secrets(), archive, mocks, missing)
        if not report.events:
            raise HoldfastError(
                f"nothing that can be run was recorded in {store}; --samples makes up traffic"
            )
    _print(report, output)
    if not report.alike:
        sys.exit(exits.DIFFERENT)


def _only(compiled: Compiled, name: str | None, path: Path) -> Compiled:
    if name is None:
        return compiled
    found = compiled.webhook(name)
    if found is None:
        raise NotFound(f"there is no webhook {name!r} in {path}")
    return Compiled(compiled.name, (found,))


def _made_up(compiled: Compiled) -> Iterator[Past]:
    return samples(compiled, SampleSecrets(), SYSTEM_CLOCK)


def _compare(
    compiled: Compiled,
    traffic: Iterable[Past],
    secrets: Secrets,
    archive: Archive | None,
    mocks: dict[str, Mock],
    missing: dict[str, str],
) -> Report:
    stack = plan(compiled)
    if stack.every_obstacle:
        raise DefinitionError(stack.every_obstacle)
    comparison = Comparison(compiled, stack, secrets, archive=archive, mocks=mocks)
    comparison.report.unchecked.update(missing)
    try:
        with counted(traffic, "events") as each:
            return comparison.run(each)
    finally:
        comparison.close()


def _print(report: Report, output: Output) -> None:
    for name, why in report.unchecked.items():
        warn(f"{name}: sources were not checked, on either side: {why}")
    if output is Output.JSON:
        print_json(_fields(report))
        return
    found, declared = report.undeclared, [each for each in report.findings if each.declared]
    if found:
        print_rows([_row(each) for each in found[:SHOWN]], "")
    if len(found) > SHOWN:
        console.print(f"... and {count(len(found) - SHOWN, 'more difference')}; JSON has them all")
    if declared:
        console.print("\ndeclared by plan" if found else "declared by plan")
        print_rows(_grouped(declared), "")
    for why, number in report.skipped.items():
        console.print(f"left out: {number:,} {why}")
    ends = sorted(report.ends.items(), key=lambda each: -each[1])
    console.print(f"here: {'; '.join(f'{number:,} {how}' for how, number in ends)}")
    told = count(sum(report.events.values()), "event")
    if found:
        complain(f"{count(len(found), 'difference')} in {told} that plan does not declare")
    else:
        but = ", but for what plan declares" if declared else ""
        console.print(f"{told}: the same in both homes{but}")


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "webhook": finding.webhook,
        "event": finding.event,
        "stage": finding.stage,
        "here": finding.here,
        "on_AWS": finding.aws,
    }


def _grouped(findings: list[Finding]) -> list[dict[str, Any]]:
    """Alike ones as one row, with one of the events."""
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for each in findings:
        key = (each.webhook, each.stage, each.topic, each.declared)
        groups.setdefault(key, []).append(each)
    return [
        {
            "webhook": webhook,
            "events": len({each.event for each in found}),
            "such_as": found[0].event,
            "stage": stage,
            "topic": topic,
            "why": declared,
        }
        for (webhook, stage, topic, declared), found in groups.items()
    ]


def _fields(report: Report) -> dict[str, Any]:
    return {
        "alike": report.alike,
        "events": report.events,
        "ends": report.ends,
        "differences": [
            {
                "webhook": each.webhook,
                "event": each.event,
                "stage": each.stage,
                "here": each.here,
                "aws": each.aws,
                "topic": each.topic or None,
                "declared": each.declared or None,
            }
            for each in report.findings
        ],
        "skipped": report.skipped,
        "unchecked": report.unchecked,
    }
