"""plan."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from rich.markup import escape

from holdfast.aws.cost import stack_usd_per_month
from holdfast.aws.differences import Difference
from holdfast.aws.plan import RESOURCES_MAX, StackPlan, WebhookPlan, stack_resource_count
from holdfast.aws.plan import plan as planned
from holdfast.aws.resources import Alarm, Integration, Method, Throttle
from holdfast.cli import exits
from holdfast.cli.definitions import DefinitionArgument
from holdfast.cli.options import Output, OutputOption, WebhookOption
from holdfast.cli.output import console, count, errors, print_json, print_rows
from holdfast.clock import format_duration
from holdfast.compile import compile_app, load
from holdfast.errors import NotFound

Told = TypeVar("Told")

_TOPIC_WIDTH: Final = 22
_PROSE_MIN: Final = 40
_STORES: Final = {"secretsmanager": "Secrets Manager", "ssm": "Parameter Store"}


def plan(
    definition: DefinitionArgument,
    webhook: WebhookOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Print what each webhook becomes on AWS, and what differs.

    First whether it can be deployed, what may become of an event otherwise, and what it costs. Nothing is deployed, and no account, credentials or secret is looked at. Exit code 1 where
    something cannot be on AWS as it is defined.
    """
    stack = planned(compile_app(load(definition)))
    if webhook is not None and not any(each.name == webhook for each in stack.webhooks):
        raise NotFound(f"there is no webhook {webhook!r} in {definition}")
    shown = [each for each in stack.webhooks if webhook in {None, each.name}]
    if output is Output.JSON:
        print_json(_whole(stack, shown))
    else:
        _print(stack, shown)
    if not stack.ready:
        sys.exit(exits.FAILED)


def _verdict(stack: StackPlan, shown: Sequence[WebhookPlan]) -> dict[str, Any]:
    """What somebody wants to know first."""
    found = _of_whom({each.name: each.differences for each in shown})
    topics = Counter(each.topic for each in found if each.changes_events)
    usd = [each.cost.usd_per_million for each in shown]
    month = sum(each.cost.usd_per_month for each in shown)
    if len(shown) == len(stack.webhooks):
        month += stack_usd_per_month(len(stack.alarms))
    return {
        "ready": stack.ready,
        "obstacles": len(stack.every_obstacle),
        "differences": len(found),
        "differences_for_events": sum(topics.values()),
        "topics_for_events": topics,
        "usd_per_million_min": min(usd, default=0.0),
        "usd_per_million_max": max(usd, default=0.0),
        "usd_per_month": month,
    }


def _whole(stack: StackPlan, shown: list[WebhookPlan]) -> dict[str, Any]:
    return {
        "name": stack.name,
        "ready": stack.ready,
        "verdict": _verdict(stack, shown),
        "api": stack.api,
        "table": stack.table,
        "alarms": stack.alarms,
        "obstacles": stack.obstacles,
        "webhooks": shown,
    }


def _of_whom(several: Mapping[str, Iterable[Told]]) -> dict[Told, list[str]]:
    """Everything that is told of several webhooks, once, with the names of those that it is told of."""
    found: dict[Told, list[str]] = {}
    for name, told in several.items():
        for each in dict.fromkeys(told):
            found.setdefault(each, []).append(name)
    return found


def _print(stack: StackPlan, shown: list[WebhookPlan]) -> None:
    """The verdict, then every detail; what holds for several webhooks is told once."""
    _print_verdict(stack, shown)
    rows = _of_whom({each.name: _rows(each) for each in shown})
    if len(shown) == len(stack.webhooks):
        _print_resources("the stack", "beside its webhooks", _rows_of_stack(stack))
    several = len(shown) > 1
    shared = [row for row, names in rows.items() if several and len(names) == len(shown)]
    if shared:
        _print_resources("every webhook", "", shared)
    for each in shown:
        own = (row for row in _rows(each) if row not in shared)
        _print_resources(each.name, each.path, own)
    _print_cost(shown)
    found = _of_whom({each.name: each.differences for each in shown})
    for changing, title in (
        (True, "differs from local, and can change what happens to an event"),
        (False, "differs from local otherwise"),
    ):
        _print_differences(
            title,
            {each: names for each, names in found.items() if each.changes_events is changing},
            len(shown),
        )


def _print_verdict(stack: StackPlan, shown: list[WebhookPlan]) -> None:
    told, obstacles = _verdict(stack, shown), stack.every_obstacle
    name = escape(stack.name)
    if obstacles:
        console.print(f"[bold]{name} is not ready for AWS[/bold]")
    else:
        console.print(f"[bold]{name} is ready for AWS[/bold]")
    for one in obstacles:
        console.print(f"[bold]{escape(one.place)}[/bold] {escape(one.message)}")
    topics = (
        f"{topic} ({number})" if number > 1 else topic
        for topic, number in told["topics_for_events"].items()
    )
    _line(
        "differences",
        f"{told['differences']} from local; {told['differences_for_events']} of them can change what "
        f"happens to an event: {', '.join(topics)}",
    )
    low, high = (f"{told[f'usd_per_million_{end}']:.2f}" for end in ("min", "max"))
    usd = low if low == high else f"{low} to {high}"
    _line("cost", f"about {usd} USD per million webhooks, and {told['usd_per_month']:.2f} a month")
    console.print()
    if obstacles:
        errors.print(f"[red]{count(len(obstacles), 'obstacle')}[/red]: not ready for AWS")


def _print_resources(name: str, what: str, rows: Iterable[tuple[str, str]]) -> None:
    console.print(f"[bold]{escape(name)}[/bold]  {escape(what)}".rstrip())
    print_rows([{"resource": part, "numbers": numbers} for part, numbers in rows], "")
    console.print()


def _print_cost(shown: list[WebhookPlan]) -> None:
    """Of one record per batch, the dear end; then what full batches make of it."""
    lines = _of_whom({each.name: each.cost.lines for each in shown})
    several = len(shown) > 1
    console.print("estimated cost (us-east-1, list prices; a body of 2 KB, functions of 50 ms)")
    print_rows(
        [
            {
                "per webhook": line.what,
                "count": f"{line.count:g}",
                "USD per million": f"{line.usd:.2f}",
                **({"of": _whose(names, len(shown))} if several else {}),
            }
            for line, names in lines.items()
        ],
        "",
    )
    for each in shown:
        usd, batch = each.cost, each.pipe.batch
        full = (
            f", {usd.usd_per_million_batched:.2f} in full batches of {batch}" if batch > 1 else ""
        )
        lead = f"{escape(each.name)}: " if several else ""
        console.print(
            f"{lead}about {usd.usd_per_million:.2f} USD per million webhooks{full}, "
            f"and {usd.usd_per_month:.2f} a month for alarms, secrets and polling"
        )
    console.print()


def _whose(names: list[str], shown: int) -> str:
    return "every webhook" if len(names) == shown else ", ".join(names)


def _rows_of_stack(stack: StackPlan) -> Iterator[tuple[str, str]]:
    api = stack.api
    yield f"REST API {api.name}", f"Regional, stage {api.stage}, {_held_back(api.throttle)}"
    yield "access log", f"{api.access_log_days} days, without bodies and headers"
    yield "DynamoDB table", f"on demand, TTL {stack.table.ttl_attribute}, point-in-time recovery"
    yield "SNS topic", "where alarms go; subscribe to it, nobody hears them otherwise"
    yield "dashboard", "every alarm, and a row for each webhook"
    for alarm in stack.alarms:
        yield f"alarm {alarm.name}", _alarming(alarm)
    made = stack_resource_count(api, stack.webhooks)
    yield "resources", f"about {made} of the {RESOURCES_MAX} that a stack has"
    usd = stack_usd_per_month(len(stack.alarms))
    yield "cost", f"about {usd:.2f} USD a month for the dashboard and alarms"


def _rows(each: WebhookPlan) -> Iterator[tuple[str, str]]:
    """One line per resource, with what somebody would look for first."""
    for method in each.methods:
        yield f"API method {method.verb}", _behind(method)
    if each.model is not None:
        lost = len(each.model.widenings)
        yield (
            "model",
            f"draft-04, {count(lost, 'keyword')} widened" if lost else "draft-04, as strict",
        )
    yield "throttle", _held_back(each.throttle)
    queue, dead = each.queue, each.dead_letters
    said = (
        f"{format_duration(queue.retention_seconds)}, messages of {queue.maximum_message_bytes:,} "
        f"bytes, visibility {format_duration(queue.visibility_timeout_seconds)}, "
        f"{count(queue.max_receive_count, 'receive')}"
    )
    yield "SQS queue", said
    yield "SQS dead letters", format_duration(dead.retention_seconds)
    pipe = each.pipe
    said = (
        f"batches of {pipe.batch}, window {pipe.window_seconds} s, {pipe.invocation}, "
        f"{pipe.desired_state}, log {pipe.log_level}"
    )
    yield "pipe", said
    machine = each.state_machine
    size = len(machine.definition.encode())
    yield (
        "state machine",
        f"EXPRESS, {machine.timeout_seconds} s, {size:,} bytes of text, log {machine.log_level}",
    )
    for function in each.functions:
        yield (
            f"function {function.task}",
            f"{function.architecture}, {function.memory_mb} MB, {function.timeout_seconds} s",
        )
    for connection in each.connections:
        yield f"connection {connection.part.partition(':')[2]}", connection.header or "HTTP Basic"
    for secret in each.secrets:
        yield f"secret {secret.name}", f"{_STORES[secret.store]}, for {secret.reference}"
    told = [(_short(alarm), _alarming(alarm)) for alarm in each.alarms]
    yield from dict.fromkeys(told)
    days = ", ".join(sorted({f"{group.retention_days} days" for group in each.log_groups}))
    yield count(len(each.log_groups), "log group"), days
    yield count(len(each.roles), "role"), "with the rights that they need"


def _held_back(throttle: Throttle) -> str:
    return f"{throttle.per_second:,g}/s, {throttle.burst:,} at once"


def _short(alarm: Alarm) -> str:
    """Those of the functions are one line: each function has its own."""
    of_function = "FunctionName" in alarm.dimensions
    return "alarms throttled-FUNCTION" if of_function else f"alarm {alarm.name}"


def _alarming(alarm: Alarm) -> str:
    return f"{alarm.why} ({alarm.metric} >= {alarm.threshold:,})"


def _behind(method: Method) -> str:
    integration: Integration = method.integration
    if integration.kind == "sqs":
        return f"to the queue, {count(len(integration.templates), 'content type')}, {integration.timeout_ms / 1000:g} s"
    if integration.kind == "lambda":
        return "to the function at the door"
    return "answered by API Gateway: " + ("405" if method.verb == "ANY" else "handshake")


def _print_differences(title: str, found: Mapping[Difference, list[str]], shown: int) -> None:
    if not found:
        return
    console.print(title)
    for one, names in found.items():
        lines = [one.here, f"AWS: {one.aws}"] + ([f"do: {one.todo}"] if one.todo else [])
        if len(names) < shown:
            lines.append(f"of: {', '.join(names)}")
        for at, line in enumerate(lines):
            _line(one.topic if at == 0 else "", line)
    console.print()


def _line(topic: str, prose: str) -> None:
    """A topic and its prose, folded under itself at a terminal."""
    lead = f"  {topic:<{_TOPIC_WIDTH}}"
    room = console.width - len(lead)
    folded = textwrap.wrap(prose, room) if console.is_terminal and room >= _PROSE_MIN else [prose]
    for at, part in enumerate(folded):
        console.print(escape((lead if at == 0 else " " * len(lead)) + part))
