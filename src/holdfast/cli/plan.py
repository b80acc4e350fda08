"""plan."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, Final

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
from holdfast.errors import Mistake, NotFound

_TOPIC_WIDTH: Final = 22
_PROSE_MIN: Final = 40
_STORES: Final = {"secretsmanager": "Secrets Manager", "ssm": "Parameter Store"}


def plan(
    definition: DefinitionArgument,
    webhook: WebhookOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Print what each webhook becomes on AWS, and what differs.

    Nothing is deployed, and no account, credentials or secret is looked at. Exit code 1 where
    something cannot be on AWS as it is defined.
    """
    stack = planned(compile_app(load(definition)))
    if webhook is not None and not any(each.name == webhook for each in stack.webhooks):
        raise NotFound(f"there is no webhook {webhook!r} in {definition}")
    shown = [each for each in stack.webhooks if webhook in {None, each.name}]
    if output is Output.JSON:
        print_json({**_whole(stack), "webhooks": shown})
    else:
        _print(stack, shown)
    if not stack.ready:
        sys.exit(exits.FAILED)


def _whole(stack: StackPlan) -> dict[str, Any]:
    return {
        "name": stack.name,
        "ready": stack.ready,
        "api": stack.api,
        "table": stack.table,
        "alarms": stack.alarms,
        "obstacles": stack.obstacles,
    }


def _print(stack: StackPlan, shown: list[WebhookPlan]) -> None:
    everywhere = _everywhere(stack.webhooks)
    for each in shown:
        usd = each.cost
        console.print(f"[bold]{escape(each.name)}[/bold]  {escape(each.path)}")
        print_rows([{"resource": what, "numbers": numbers} for what, numbers in _rows(each)], "")
        console.print()
        console.print("estimated cost (us-east-1, list prices; a body of 2 KB, functions of 50 ms)")
        print_rows(
            [
                {
                    "per webhook": line.what,
                    "count": f"{line.count:g}",
                    "USD per million": f"{line.usd:.2f}",
                }
                for line in usd.lines
            ],
            "",
        )
        batch = each.pipe.batch
        full = (
            f", {usd.usd_per_million_batched:.2f} in full batches of {batch}" if batch > 1 else ""
        )
        console.print(
            f"[bold]about {usd.usd_per_million:.2f} USD per million webhooks[/bold]{full}, "
            f"and {usd.usd_per_month:.2f} a month for alarms, secrets and polling"
        )
        console.print()
        _differences(
            "differs from local", [one for one in each.differences if one not in everywhere]
        )
    if everywhere:
        _differences("differs from local, for every webhook", everywhere)
    if len(shown) == len(stack.webhooks):
        _print_stack(stack)
    _obstacles([*stack.obstacles, *(one for each in stack.webhooks for one in each.obstacles)])


def _print_stack(stack: StackPlan) -> None:
    """What there is once, however many webhooks there are."""
    console.print("[bold]the stack[/bold]  beside its webhooks")
    rows = _rows_of_stack(stack)
    print_rows([{"resource": what, "numbers": numbers} for what, numbers in rows], "")
    usd = stack_usd_per_month(len(stack.alarms))
    console.print(f"about {usd:.2f} USD a month for the dashboard and alarms")
    console.print()


def _rows_of_stack(stack: StackPlan) -> Iterator[tuple[str, str]]:
    api = stack.api
    yield f"REST API {api.name}", f"Regional, stage {api.stage}, {_held_back(api.throttle)}"
    yield "access log", f"{api.access_log_days} days, without bodies and headers"
    yield "DynamoDB table", f"on demand, TTL {stack.table.ttl_attribute}, point-in-time recovery"
    yield "SNS topic", "where alarms go; subscribe to it, nobody hears them otherwise"
    yield "dashboard", "every alarm, and a row for each webhook"
    for alarm in stack.alarms:
        yield f"alarm {alarm.name}", _alarming(alarm)
    count = stack_resource_count(api, stack.webhooks)
    yield "resources", f"about {count} of the {RESOURCES_MAX} that a stack has"


def _everywhere(webhooks: Iterable[WebhookPlan]) -> list[Difference]:
    """What holds for all of several webhooks is told once."""
    several = [each.differences for each in webhooks]
    if len(several) < 2:
        return []
    return [one for one in several[0] if all(one in each for each in several)]


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
    for alarm in each.alarms:
        yield f"alarm {alarm.name}", _alarming(alarm)
    days = ", ".join(sorted({f"{group.retention_days} days" for group in each.log_groups}))
    yield count(len(each.log_groups), "log group"), days
    yield count(len(each.roles), "role"), "with the rights that they need"


def _held_back(throttle: Throttle) -> str:
    return f"{throttle.per_second:,g}/s, {throttle.burst:,} at once"


def _alarming(alarm: Alarm) -> str:
    return f"{alarm.why} ({alarm.metric} >= {alarm.threshold:,})"


def _behind(method: Method) -> str:
    integration: Integration = method.integration
    if integration.kind == "sqs":
        return f"to the queue, {count(len(integration.templates), 'content type')}, {integration.timeout_ms / 1000:g} s"
    if integration.kind == "lambda":
        return "to the function at the door"
    return "answered by API Gateway: " + ("405" if method.verb == "ANY" else "handshake")


def _differences(title: str, found: Iterable[Difference]) -> None:
    console.print(title)
    for one in found:
        lines = [one.here, f"AWS: {one.aws}"] + ([f"do: {one.todo}"] if one.todo else [])
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


def _obstacles(found: list[Mistake]) -> None:
    for one in found:
        console.print(f"[bold]{escape(one.place)}[/bold] {escape(one.message)}")
    if found:
        errors.print(f"[red]{count(len(found), 'obstacle')}[/red]: not ready for AWS")
