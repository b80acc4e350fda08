"""A compiled definition as a stack: every resource with its numbers, what it costs, what differs. Pure.

    API ──> queue ──> pipe ──> state machine ──> functions
              └─ dead letters <──────┘

One REST API, one table and one topic for the whole definition; everything else for each webhook by
itself. What cannot be on AWS as it is defined is an obstacle, and nothing is deployed with one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from holdfast.aws import behind
from holdfast.aws.alerting import alert_differences
from holdfast.aws.answers import gateway_responses, unsayable
from holdfast.aws.calls import functions_on_the_dearest_way, plain_http, said_by_data
from holdfast.aws.carried import missing
from holdfast.aws.contract import SETTLE
from holdfast.aws.cost import Cost, cost
from holdfast.aws.differences import Difference, differences
from holdfast.aws.door import (
    DEFAULT_THROTTLE,
    STAGE,
    allowed,
    binary_types,
    doors,
    methods,
    throttle,
)
from holdfast.aws.limits import limits
from holdfast.aws.models import Model, model_of
from holdfast.aws.resources import (
    Alarm,
    Api,
    Connection,
    DeadLetters,
    Function,
    LogGroup,
    Method,
    Pipe,
    Queue,
    Ref,
    Role,
    Secret,
    StateMachine,
    Table,
    Throttle,
)
from holdfast.aws.roles import roles
from holdfast.aws.watching import LOG_DAYS, alarms, log_groups
from holdfast.compiled import Compiled, CompiledWebhook, Forward
from holdfast.errors import Mistake

DEFINITION_MAX_BYTES: Final = 1024 * 1024
POLICY_MAX_BYTES: Final = 8_192
RESOURCES_MAX: Final = 500
TEXT_MAX_BYTES: Final = 1_000_000
"""Of a template, as CloudFormation takes it."""

_PATH_PART: Final = re.compile(r"[A-Za-z0-9._:-]+|\{[^{}]+\}")

ACCESS_LOG: Final[Mapping[str, str]] = {
    "id": "$context.extendedRequestId",
    "time": "$context.requestTimeEpoch",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.resourcePath",
    "status": "$context.status",
    "queue": "$context.integration.status",
    "error": "$context.error.responseType",
    "validation": "$context.error.validationErrorString",
    "bytes": "$context.responseLength",
    "ms": "$context.responseLatency",
}
"""Of every request, refused ones too; neither bodies nor headers."""


@dataclass(frozen=True, slots=True)
class WebhookPlan:
    """One webhook on AWS."""

    name: str
    path: str
    methods: tuple[Method, ...]
    model: Model | None
    """None: no schema, or a function stands at the door, which knows the full one."""
    throttle: Throttle
    queue: Queue
    dead_letters: DeadLetters
    pipe: Pipe
    state_machine: StateMachine
    functions: tuple[Function, ...]
    connections: tuple[Connection, ...]
    secrets: tuple[Secret, ...]
    roles: tuple[Role, ...]
    log_groups: tuple[LogGroup, ...]
    alarms: tuple[Alarm, ...]
    cost: Cost
    differences: tuple[Difference, ...]
    obstacles: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True)
class StackPlan:
    """A whole definition on AWS."""

    name: str
    api: Api
    table: Table
    webhooks: tuple[WebhookPlan, ...]
    alarms: tuple[Alarm, ...]
    obstacles: tuple[Mistake, ...]
    """Of the stack as a whole; those of a webhook stand with it."""

    @property
    def every_obstacle(self) -> list[Mistake]:
        """Those of the stack, then those of its webhooks."""
        return [*self.obstacles, *(one for each in self.webhooks for one in each.obstacles)]

    @property
    def ready(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.every_obstacle


def plan(compiled: Compiled) -> StackPlan:
    """The stack of a definition. Reads no secret, no environment and no account."""
    planned = tuple(plan_webhook(webhook, compiled) for webhook in compiled.webhooks)
    binary = dict.fromkeys(each for webhook in compiled.webhooks for each in binary_types(webhook))
    allow = tuple(each for webhook in compiled.webhooks if (each := allowed(webhook)))
    api = Api(
        name=compiled.name,
        stage=STAGE,
        binary_types=tuple(binary),
        responses=gateway_responses(),
        allow=allow,
        throttle=DEFAULT_THROTTLE,
        access_log=ACCESS_LOG,
        access_log_days=LOG_DAYS,
    )
    failing = Alarm(
        "api-5xx", "senders are told to come back", "AWS/ApiGateway", "5XXError",
        {"ApiName": Ref("api", "name"), "Stage": STAGE}, "Sum", 1, 300,
    )  # fmt: skip
    found = tuple(_of_the_whole(compiled, api, planned))
    return StackPlan(compiled.name, api, Table(), planned, (failing,), found)


def plan_webhook(webhook: CompiledWebhook, compiled: Compiled) -> WebhookPlan:
    """One webhook of a definition."""
    numbers = limits(webhook, sent_to=bool(behind.senders(webhook, compiled)))
    behind_door = doors(webhook).values()
    direct = "sqs" in behind_door
    door = "lambda" in behind_door
    model = model_of(webhook.schema) if webhook.schema is not None and direct else None
    queue = behind.queue(webhook, numbers)
    machine = behind.machine(webhook, compiled, numbers)
    functions = behind.functions(webhook, compiled, machine, numbers, door=door)
    connections = behind.connections(webhook, compiled.name)
    watched = alarms(queue, functions)
    held = [each for function in functions for each in function.secrets]
    held += [each.secret for each in connections if each.secret is not None]
    secrets = tuple(dict.fromkeys(held))
    settles = SETTLE in machine.substitutions
    return WebhookPlan(
        name=webhook.name,
        path=webhook.path,
        methods=methods(webhook, model.schema if model is not None else None),
        model=model,
        throttle=throttle(webhook),
        queue=queue,
        dead_letters=behind.dead_letters(numbers),
        pipe=behind.pipe(webhook, numbers),
        state_machine=machine,
        functions=functions,
        connections=connections,
        secrets=secrets,
        roles=roles(webhook.name, machine, functions, direct=direct),
        log_groups=log_groups(webhook, functions),
        alarms=watched,
        cost=cost(
            batch=numbers.batch,
            functions=functions_on_the_dearest_way(webhook.workflow) + settles,
            door=door,
            table_writes=2 * settles,
            logs_all=webhook.log_level == "ALL",
            alarms=len(watched),
            secrets=sum(each.store == "secretsmanager" for each in secrets),
        ),
        differences=(
            *alert_differences(webhook, compiled, watched),
            *differences(webhook, numbers, model.widenings if model is not None else ()),
        ),
        obstacles=tuple(_obstacles(webhook, machine, connections)),
    )


def _obstacles(
    webhook: CompiledWebhook, machine: StateMachine, connections: tuple[Connection, ...]
) -> Iterator[Mistake]:
    place = f"{webhook.place} {webhook.path}"
    for part in webhook.path[1:].split("/"):
        if part and not _PATH_PART.fullmatch(part):
            said = f"{part!r}: API Gateway takes letters, digits, . _ - and : in a path"
            yield Mistake(place, said)
    for header in unsayable(webhook):
        said = f"answer.headers: API Gateway cannot send the quote in the value of {header}"
        yield Mistake(place, said)
    takers = {
        name
        for name, task in webhook.tasks.items()
        if isinstance(task, Forward) or task.takes == "event"
    }
    for each in missing(webhook.workflow, takers):
        yield Mistake(
            place,
            f"state {each.state}: its task {each.task} takes the event, but on AWS a function has its "
            f"state's input alone, and {each.left_by} puts something else in its place; keep it with "
            f'ResultPath, hand it on as "holdfast.$": "$.holdfast", or let the task take `input`',
        )
    for name in set(webhook.connections) - {each.part.partition(":")[2] for each in connections}:
        said = f"connection {name}: EventBridge knows basic, bearer and token; call it from a task"
        yield Mistake(place, said)
    for connection in connections:
        if connection.secret is not None and connection.secret.store == "ssm":
            said = (
                f"{connection.part.replace(':', ' ')}: CloudFormation reads no SecureString into it; put its "
                "secret into Secrets Manager, aws-secret:NAME"
            )
            yield Mistake(place, said)
    source = webhook.verification
    if behind.hands_over(webhook) and not (source and source.secrets):
        said = "its sender hands over its secret, and there is no reference under which to keep it"
        yield Mistake(place, said)
    for state in plain_http(webhook.workflow):
        yield Mistake(place, f"state {state}: AWS calls https only")
    for state in said_by_data(webhook.workflow):
        yield Mistake(
            place,
            f"state {state}: takes both its error and its cause from data, and whoever writes that data "
            "could have the event put away as a duplicate; write one of them out",
        )
    if len(machine.definition.encode()) > DEFINITION_MAX_BYTES:
        yield Mistake(place, "the workflow is larger than the 1 MiB that Step Functions takes")


def _of_the_whole(
    compiled: Compiled, api: Api, planned: tuple[WebhookPlan, ...]
) -> Iterator[Mistake]:
    place = f"the app {compiled.name}"
    named: dict[str, str] = {}
    for webhook in compiled.webhooks:
        parts = webhook.path.split("/")
        for depth, part in enumerate(parts):
            above = "/".join(parts[:depth])
            if part.startswith("{") and named.setdefault(above, part) != part:
                said = f"API Gateway has one parameter below {above or '/'}: {named[above]}, not {part} too"
                yield Mistake(f"{webhook.place} {webhook.path}", said)
    yield from _over_allowed(compiled)
    networks = sum(len(each) + 3 for allow in api.allow for each in allow.networks)
    if networks + 400 * len(api.allow) > POLICY_MAX_BYTES:
        said = f"the allow-lists need more than the {POLICY_MAX_BYTES:,} bytes of a resource policy"
        yield Mistake(place, said)
    yield from _same_secrets(place, planned)
    size = text_bytes(api, planned)
    if size > TEXT_MAX_BYTES:
        said = f"about {size:,} bytes of text, and a template has {TEXT_MAX_BYTES:,}; write several apps"
        yield Mistake(place, said)
    count = stack_resource_count(api, planned)
    if count > RESOURCES_MAX:
        said = f"about {count} resources, and a stack has {RESOURCES_MAX}; write several apps"
        yield Mistake(place, said)


def _over_allowed(compiled: Compiled) -> Iterator[Mistake]:
    """Paths that an allow-list with a parameter would be held over too: its `*` knows no slash."""
    for webhook in compiled.webhooks:
        if not webhook.allow or "{" not in webhook.path:
            continue
        parts = re.split(r"\{[^{}]+\}", webhook.path)
        covered = re.compile(".+".join(map(re.escape, parts)))
        for other in compiled.webhooks:
            if (
                other is not webhook
                and other.allow != webhook.allow
                and covered.fullmatch(other.path)
            ):
                said = (
                    f"a resource policy would hold its allow-list over {other.path} too; give both the "
                    "same one, or the other a path of its own"
                )
                yield Mistake(f"{webhook.place} {webhook.path}", said)


def _same_secrets(place: str, planned: tuple[WebhookPlan, ...]) -> Iterator[Mistake]:
    """References that are two here would be one secret there."""
    found: dict[tuple[str, str], str] = {}
    for each in dict.fromkeys(one for webhook in planned for one in webhook.secrets):
        first = found.setdefault((each.store, each.name), each.reference)
        if first != each.reference:
            said = (
                f"{first} and {each.reference} are both {each.name} on AWS; give one another name"
            )
            yield Mistake(place, said)


def text_bytes(api: Api, planned: tuple[WebhookPlan, ...]) -> int:
    """About how long the template is: the texts in it as JSON writes them, and what is around them."""
    written = 0
    for webhook in planned:
        for method in webhook.methods:
            answers = method.integration.responses
            texts = (*method.integration.templates.values(), *(each.template for each in answers))
            written += _written(texts)
        written += _written(webhook.model.schema if webhook.model is not None else ())
        written += _written(webhook.state_machine.definition)
        written += _RESOURCE_BYTES * resource_count(webhook)
    written += _written([each.template for each in api.responses])
    return written + _RESOURCE_BYTES * (_SHARED + len(api.responses))


_SHARED: Final = 13
"""Resources of the stack beside its webhooks: API, stage, deployment, log, table, topic, dashboard."""

_RESOURCE_BYTES: Final = 1_100
"""Of a resource without the texts above, and of what the outputs and the dashboard say of it."""


def _written(value: Any) -> int:
    return len(json.dumps(value, indent=1, ensure_ascii=False).encode())


def stack_resource_count(api: Api, planned: tuple[WebhookPlan, ...]) -> int:
    """About how many resources of CloudFormation a whole stack has, `RESOURCES_MAX` at most."""
    return sum(map(resource_count, planned)) + _SHARED + len(api.responses)


def resource_count(planned: WebhookPlan) -> int:
    """About how many resources of CloudFormation one webhook becomes."""
    lists: tuple[tuple[Any, ...], ...] = (
        *(planned.methods, planned.functions, planned.connections),
        *(planned.log_groups, planned.alarms, planned.roles),
    )
    alone = 8  # path, model, two queues and their policies, pipe, state machine
    apart = sum(each.apart for each in planned.roles)
    permissions = sum(each.integration.kind == "lambda" for each in planned.methods)
    return alone + apart + permissions + sum(map(len, lists))
