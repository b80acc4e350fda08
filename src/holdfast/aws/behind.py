"""Everything from the queue on for one webhook: queues, pipe, state machine, functions, secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from holdfast.aws.calls import states as all_states
from holdfast.aws.carried import task_of
from holdfast.aws.contract import DEAD_LETTERS, DOOR, SENDERS, SETTLE
from holdfast.aws.door import doors
from holdfast.aws.limits import (
    QUEUE_MESSAGE_MAX_BYTES,
    RECEIVE_WAIT_SECONDS,
    Limits,
)
from holdfast.aws.resources import (
    Connection,
    DeadLetters,
    Function,
    Joined,
    Pipe,
    PipeLevel,
    Queue,
    Ref,
    Secret,
    StateMachine,
    Value,
)
from holdfast.aws.state_machine import TASK_SECONDS, state_machine
from holdfast.compiled import Compiled, CompiledWebhook, Forward
from holdfast.definition import LogLevel, Verification
from holdfast.gateway.handshakes import handshakes_of
from holdfast.secrets import SecretRef
from holdfast.verify.credentials import Credentials
from holdfast.workflow.asl import VERIFY
from holdfast.workflow.references import NAMED, queue_name

OPEN_HEADER: Final = "X-Holdfast-Connection"
"""Sent to an API that asks for nothing, by a connection that must send something."""


def queue(webhook: CompiledWebhook, limits: Limits) -> Queue:
    return Queue(
        retention_seconds=limits.retention_seconds,
        visibility_timeout_seconds=limits.visibility_timeout_seconds,
        max_receive_count=webhook.queue.max_receive_count,
        maximum_message_bytes=limits.message_bytes,
        receive_wait_seconds=RECEIVE_WAIT_SECONDS,
    )


def dead_letters(limits: Limits) -> DeadLetters:
    return DeadLetters(limits.dead_retention_seconds, QUEUE_MESSAGE_MAX_BYTES)


def pipe(webhook: CompiledWebhook, limits: Limits) -> Pipe:
    levels: Mapping[LogLevel, PipeLevel] = {"ALL": "INFO", "OFF": "OFF"}
    level = levels.get(webhook.log_level, "ERROR")
    return Pipe(limits.batch, limits.window_seconds, level)


def machine(webhook: CompiledWebhook, compiled: Compiled, limits: Limits) -> StateMachine:
    text = state_machine(
        webhook.workflow,
        timeout_seconds=limits.execution_seconds,
        concurrency=limits.concurrency,
        max_receive_count=webhook.queue.max_receive_count,
        settles=bool(webhook.delivery_id),
        sent_to=bool(senders(webhook, compiled)),
    )
    found = dict.fromkeys(_placeholders(json.loads(text)))
    substitutions = {name: _meant(name, webhook, compiled) for name in found}
    known = {name: value for name, value in substitutions.items() if value is not None}
    return StateMachine(text, known, limits.execution_seconds, webhook.log_level)


def _placeholders(node: Any) -> Iterator[str]:
    """Every name in `${...}`, in any text of the document."""
    if isinstance(node, str):
        whole = queue_name(node)
        if whole is not None:
            yield f"queue:{whole}"
        else:
            yield from NAMED.findall(node)
    elif isinstance(node, Mapping):
        for each in node.values():
            yield from _placeholders(each)
    elif isinstance(node, list):
        for each in node:
            yield from _placeholders(each)


def _meant(name: str, webhook: CompiledWebhook, compiled: Compiled) -> Value | None:
    """What a placeholder stands for; None: nothing of ours."""
    if name == DEAD_LETTERS:
        return Ref("dead_letters", "url")
    if name == SENDERS:
        return _roles(senders(webhook, compiled))
    if name in (VERIFY, SETTLE) or name in webhook.tasks:
        return Ref(f"function:{name}", "arn")
    other = compiled.webhook(name.removeprefix("queue:")) if name.startswith("queue:") else None
    if other is not None:
        return Ref("queue", "url", other.name)
    return Ref(f"connection:{name}", "arn") if name in webhook.connections else None


def senders(webhook: CompiledWebhook, compiled: Compiled) -> tuple[str, ...]:
    """The webhooks whose workflows send to this one's queue, itself perhaps among them."""

    def sends_here(document: Mapping[str, Any]) -> bool:
        named = (each for each in _placeholders(document) if each.startswith("queue:"))
        return any(compiled.webhook(each.removeprefix("queue:")) is webhook for each in named)

    return tuple(each.name for each in compiled.webhooks if sends_here(each.workflow))


def _roles(senders: tuple[str, ...]) -> Joined:
    """`orders=ID mails=ID`: each with the id of the role in which its state machine sends."""
    told = ((f"{name}=", Ref("role:state_machine", "id", name), " ") for name in senders)
    return Joined(tuple(part for each in told for part in each)[:-1])


def functions(
    webhook: CompiledWebhook,
    compiled: Compiled,
    machine: StateMachine,
    limits: Limits,
    *,
    door: bool,
) -> tuple[Function, ...]:
    """Verify and the tasks that the text names; settle and the door where there is one."""
    app = compiled.name
    own: dict[str, Value] = {}
    if webhook.delivery_id:
        own["HOLDFAST_TABLE"] = Ref("table", "name")
        own["HOLDFAST_STACK"] = Ref("stack", "name")
        own["HOLDFAST_EXECUTION_SECONDS"] = str(limits.execution_seconds)
    if SENDERS in machine.substitutions:
        own["HOLDFAST_SENDERS"] = machine.substitutions[SENDERS]
    source = _secrets(webhook.verification, app)
    secrets: dict[str, tuple[Secret, ...]] = {VERIFY: source}
    for name, task in webhook.tasks.items():
        secrets[name] = _secrets(task.sign, app) if isinstance(task, Forward) else ()
    document, most = json.loads(machine.definition), int(webhook.workflow["TimeoutSeconds"])
    called = [name for name in (VERIFY, *webhook.tasks, SETTLE) if name in machine.substitutions]
    made = [
        _function(
            webhook,
            name,
            _seconds(document, name, most),
            own if name in (VERIFY, SETTLE) else {},
            secrets.get(name, ()),
        )
        for name in called
    ]
    if door:
        made.append(_door(webhook, app, source))
    return tuple(made)


def _door(webhook: CompiledWebhook, app: str, source: tuple[Secret, ...]) -> Function:
    """It knows the tokens of handshakes too, and where one is to be kept that is handed over."""
    place: dict[str, Value] = {"HOLDFAST_QUEUE": Ref("queue", "url")}
    tokens = tuple(secret(ref, app) for each in handshakes_of(webhook) for ref in each.secrets)
    known = dict.fromkeys((*(source if _looks_at_source(webhook) else ()), *tokens))
    keeps = source[0] if source and hands_over(webhook) else None
    if keeps is not None:
        place["HOLDFAST_KEEPS"] = keeps.reference
    made = _function(webhook, DOOR, TASK_SECONDS, place, tuple(known))
    return replace(made, keeps=keeps)


def _looks_at_source(webhook: CompiledWebhook) -> bool:
    """Whether the function at the door needs the secret with which events are signed."""
    events = any(
        door == "lambda" and verb in webhook.methods for verb, door in doors(webhook).items()
    )
    return events or any(
        each.signed or (each.needs_secrets and not each.secrets) for each in handshakes_of(webhook)
    )


def hands_over(webhook: CompiledWebhook) -> bool:
    """Whether its sender hands over the secret with which it is going to sign."""
    return any(each.hands_over for each in handshakes_of(webhook))


def _function(
    webhook: CompiledWebhook,
    task: str,
    seconds: int,
    more: Mapping[str, Value],
    secrets: tuple[Secret, ...],
) -> Function:
    names = json.dumps({each.reference: each.name for each in secrets})
    environment = {
        "HOLDFAST_WEBHOOK": webhook.name,
        "HOLDFAST_TASK": task,
        "HOLDFAST_SECRETS": names,
        **more,
    }
    return Function(f"function:{task}", task, seconds, environment, secrets)


def _seconds(document: Mapping[str, Any], task: str, most: int) -> int:
    """A second more than its states allow it: what ends it is the state, under the state's error.

    `most`: where one of them has no limit of its own.
    """
    states = (state for _, state in all_states(document) if task_of(state) == task)
    told = [state.get("TimeoutSeconds") for state in states]
    return max((each if isinstance(each, int) else most for each in told), default=most) + 1


def secret(reference: SecretRef, app: str) -> Secret:
    """Where a secret lies on AWS: under the name it has there already, or beside the app's others."""
    if reference.kind == "aws-secret":
        return Secret(str(reference), reference.name)
    if reference.kind == "aws-ssm":
        return Secret(str(reference), reference.name, "ssm")
    return Secret(str(reference), f"{app}/{reference.name.rpartition('/')[2]}")


def _secrets(scheme: Verification | None, app: str) -> tuple[Secret, ...]:
    return tuple(secret(each, app) for each in scheme.secrets) if scheme is not None else ()


def connections(webhook: CompiledWebhook, app: str) -> tuple[Connection, ...]:
    """Those that EventBridge knows the kind of."""
    made = []
    for name, scheme in webhook.connections.items():
        part = f"connection:{name}"
        if scheme is None:
            made.append(Connection(part, OPEN_HEADER, None, "", None))
        elif isinstance(scheme, Credentials) and _is_known(scheme):
            own = secret(scheme.secrets[0], app)
            prefix = f"{scheme.word} " if scheme.word and scheme.user is None else ""
            header = None if scheme.user is not None else scheme.place.name
            made.append(Connection(part, header, scheme.user, prefix, own))
    return tuple(made)


def _is_known(scheme: Credentials) -> bool:
    """Whether EventBridge can show the secret: in a header, and not put together with the user's."""
    whole = scheme.word != "Basic" or scheme.user is not None
    return whole and scheme.place.kind == "header"
