"""dead groups, dead dry-run, dead park, dead unpark."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from rich.markup import escape

from holdfast.cli import exits
from holdfast.cli.choosing import ChosenLetters, LetterOptions, noted
from holdfast.cli.definitions import DefinitionOption, definition_path, load_definition
from holdfast.cli.mocks import MockOption, parse_mocks
from holdfast.cli.options import (
    GroupOption,
    IdOption,
    ListLimitOption,
    Output,
    OutputOption,
    ParkedOption,
    StoreOption,
    WrongUsage,
    command,
    engine_on,
    with_options,
)
from holdfast.cli.output import age, console, hint, print_json, print_rows
from holdfast.cli.progress import end, tell, work_through
from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import CompiledWebhook, Task
from holdfast.errors import NotFound
from holdfast.message import Message
from holdfast.operate import groups as grouping
from holdfast.operate import lookup
from holdfast.operate.abilities import archive_of, desk_of, need_desk
from holdfast.operate.fields import instant
from holdfast.operate.rehearsal import Called, Rehearsal, rehearse
from holdfast.operate.selection import dead_ids
from holdfast.queue.contract import Engine, Filter
from holdfast.runtime.store import DEFAULT_STORE
from holdfast.secrets import Secrets
from holdfast.terminal.text import printable
from holdfast.workflow.failures import as_json


@with_options
def groups(
    filters: LetterOptions,
    parked: ParkedOption = False,
    sort: Annotated[
        grouping.Order,
        typer.Option("--sort", help="First: what failed last, the most letters, or the longest."),
    ] = grouping.Order.RECENT,
    limit: ListLimitOption = 20,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Dead letters as the few problems that they are.

    By the state that failed, and the error.
    """
    wanted = filters.filter(parked=parked)
    with engine_on(store) as engine:
        lookup.known_webhook(engine, wanted.webhook)
        found = grouping.groups(engine, wanted, limit, sort)
        aside = 0 if found.shown or parked else count_parked(engine, wanted.webhook)
    if output is Output.JSON:
        print_json([_group_fields(group) for group in found.shown])
        return
    print_rows([_group_row(group) for group in found.shown], none_told(aside, such=filters.given))
    if found.groups > len(found.shown):
        hint(f"these are {len(found.shown)} of {found.groups} groups; more with --limit")
    if found.shown:
        hint(f"what would happen:  {command('dead dry-run --group ID', store)}")
        hint(f"a few, then all:    {command('dead redrive --group ID --try 5', store)}")
        hint(f"out of the way:     {command('dead park --group ID', store)}")


def count_parked(engine: Engine, webhook: str | None) -> int:
    """How many dead letters are put aside, where the engine can do that."""
    desk = desk_of(engine)
    parked = desk.parked() if desk is not None else {}
    return sum(parked.values()) if webhook is None else parked.get(webhook, 0)


def none_told(aside: int, *, such: bool) -> str:
    """That there are none, or none `such`; and that some are where a list leaves them out."""
    none = f"no {'such ' if such else ''}dead letters"
    return f"{none}; {aside:,} put aside" if aside else none


def _group_fields(group: grouping.Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "webhook": group.webhook,
        "reason": group.reason,
        "state": group.state,
        "error": group.error,
        "message": group.message,
        "count": group.count,
        "first_at": instant(group.first_ms),
        "last_at": instant(group.last_ms),
        "example": group.example.message.id,
    }


def _group_row(group: grouping.Group) -> dict[str, Any]:
    where = f" in {group.state}" if group.state else ""
    return {
        "group": group.id,
        "letters": group.count,
        "first": age(group.first_ms),
        "last": age(group.last_ms),
        "webhook": group.webhook,
        "reason": group.reason,
        "error": f"{group.error}{where}: {group.message}".lstrip(": "),
    }


DAY_MS: Final = 86_400_000
BACKTEST_DAYS: Final = 7
"""So far `holdfast backtest` goes back by itself."""

PARKING: Final = "put dead letters aside"


@with_options
def park(
    chosen: ChosenLetters, store: StoreOption = DEFAULT_STORE, output: OutputOption = Output.TEXT
) -> None:
    """Put dead letters aside.

    They are out of the groups then, and kept without limit.
    """
    with engine_on(store) as engine:
        _move(engine, "park", need_desk(engine, PARKING).park, chosen, output)


@with_options
def unpark(
    chosen: ChosenLetters, store: StoreOption = DEFAULT_STORE, output: OutputOption = Output.TEXT
) -> None:
    """Take dead letters out of the parking again.

    Their retention begins anew.
    """
    with engine_on(store) as engine:
        _move(engine, "unpark", need_desk(engine, PARKING).unpark, chosen, output)


def _move(
    engine: Engine,
    action: Literal["park", "unpark"],
    act: Callable[[Sequence[str]], list[bool]],
    chosen: ChosenLetters,
    output: Output,
) -> None:
    if not chosen.given:
        raise WrongUsage("say which: --id, --group or a filter")
    selection = chosen.selection(engine, parked=action == "unpark")
    selected = dead_ids(engine, selection, SYSTEM_CLOCK.now_ms())
    noted(engine, action, selection, selected)
    word = f"{action}ed"
    outcome = work_through(selected, lambda chunk: sum(act(chunk)), what=word)
    if output is Output.JSON:
        print_json({"selected": selected, word: outcome.done, "stopped": outcome.cancelled})
    else:
        console.print(tell(outcome, word))
    end(outcome)


def dry_run(
    id: IdOption = None,
    group: GroupOption = None,
    limit: ListLimitOption = 1,
    mock: MockOption = None,
    definition: DefinitionOption = None,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TEXT,
) -> None:
    """What today's code would do with dead letters.

    None of it is done. Succeeds if all of them would be done. Past events may be named too.
    """
    if bool(id) == (group is not None):
        raise WrongUsage("say which: --id or --group")
    path = definition_path(store, definition)
    compiled = load_definition(path)
    mocks = parse_mocks(mock, compiled)
    with engine_on(store) as engine:
        archive = archive_of(engine)
        messages = _messages(engine, id or [], group, limit)
        went = []
        for message in messages:
            webhook = compiled.webhook(message.webhook)
            if webhook is None:
                raise NotFound(f"the definition has no webhook {message.webhook}")
            earlier = archive.executions(message.id) if archive else []
            now = SYSTEM_CLOCK.now_ms()
            told = rehearse(webhook, message, Secrets(), now, mocks=mocks, earlier=earlier)
            went.append((webhook, message, told))
    if output is Output.JSON:
        print_json([_rehearsal_fields(message.id, told) for _, message, told in went])
    else:
        for _, message, told in went:
            _print_rehearsal(message.id, told)
        _print_way_to_call(went, path, store)
    if any(told.status != "SUCCEEDED" for _, _, told in went):
        sys.exit(exits.FAILED)


def _messages(engine: Engine, ids: Sequence[str], group: str | None, limit: int) -> list[Message]:
    if group is None:
        archive = archive_of(engine)
        if archive is None:
            # Without a history, the letters themselves have the events.
            return [lookup.dead_letter(engine, id).message for id in ids]
        return [lookup.event(archive, id).message for id in ids]
    filter = Filter(group=grouping.group(engine, group).id, parked=False, by_death=True)
    return [letter.message for letter in grouping.letters(engine, filter, None, limit)]


def would(went: Rehearsal) -> str:
    """What would become of the event, in a few words."""
    if went.status == "SUCCEEDED":
        return "would be done"
    where = f" in {went.state}" if went.state else ""
    if went.quarantine:
        return f"would rest again, {went.quarantine}{where}"
    return f"would fail with {went.error}{where}, and be tried again"


def _print_rehearsal(id: str, went: Rehearsal) -> None:
    told = would(went)
    if went.assumed:
        told += ", if every task whose result is assumed may come to null"
    console.print(f"{id} {escape(printable(told))}")
    for call in went.calls:
        console.print(f"  {escape(printable(_called(call)))}")


def _print_way_to_call(
    went: Sequence[tuple[CompiledWebhook, Message, Rehearsal]], definition: Path, store: str
) -> None:
    """A task that was mended comes to what it came to then, unless it is called."""
    for webhook, message, told in went:
        played = [one.resource for one in told.calls if one.source in ("recorded", "assumed")]
        tasks = [name for name in played if isinstance(webhook.tasks.get(name), Task)]
        if not tasks:
            continue
        days = math.ceil((SYSTEM_CLOCK.now_ms() - message.received_at_ms) / DAY_MS)
        words = ["backtest", str(definition), "--webhook", webhook.name, "--safe", tasks[0]]
        words += ["--since", f"{days}d"] if days > BACKTEST_DAYS else []
        console.print("no task was called; one that has no side effects can be, over what came in:")
        console.print(f"  {escape(command(shlex.join(words), store))}")
        return


def _called(call: Called) -> str:
    given = as_json(call.input)
    shown = given if len(given) <= 200 else f"{given[:200]}..."
    outcome = call.error or as_json(call.result)
    return f"{call.state}: {call.resource}({shown}) -> {outcome[:100]} ({call.source})"


def _rehearsal_fields(id: str, went: Rehearsal) -> dict[str, Any]:
    return {
        "event": id,
        "status": went.status,
        "error": went.error,
        "cause": went.cause,
        "state": went.state,
        "reason": went.quarantine,
        "output": went.output,
        "assumed": went.assumed,
        "calls": [
            {
                "state": call.state,
                "resource": call.resource,
                "input": call.input,
                "takes": call.takes,
                "source": call.source,
                "result": call.result,
                "error": call.error,
                "cause": call.cause,
            }
            for call in went.calls
        ],
        "waits": list(went.waits),
    }
