"""Which function this is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast.aws.contract import DOOR, SETTLE
from holdfast.aws.worker.records import Records
from holdfast.aws.worker.secrets import KeptToken, StackSecrets
from holdfast.aws.worker.setting import Setting
from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.compile import compile_app, load
from holdfast.compiled import Compiled, CompiledWebhook, Forward
from holdfast.errors import NotFound
from holdfast.keyring import KeyRing
from holdfast.queue.engines.sqs.api import Api
from holdfast.queue.engines.sqs.ledger import Ledger
from holdfast.queue.engines.sqs.location import Location
from holdfast.secrets import SecretRef
from holdfast.workflow.asl import VERIFY

Function = Callable[[Any, Any], Any]


def function_of(setting: Setting, clock: Clock = SYSTEM_CLOCK) -> Function:
    """The handler, ready. Raises DefinitionError, or NotFound where the definition has no such task."""
    compiled = compile_app(load(setting.definition))
    webhook = compiled.webhook(setting.webhook)
    if webhook is None:
        raise NotFound(f"the definition has no webhook {setting.webhook!r}")
    secrets = StackSecrets(setting.secrets, clock)
    if setting.task == DOOR:
        return _door(setting, compiled, webhook, secrets, clock)
    if setting.task in (VERIFY, SETTLE):
        return _around(setting, webhook, secrets, clock)
    task = webhook.tasks.get(setting.task)
    if task is None:
        raise NotFound(f"{webhook.path} has no task {setting.task!r}")
    # Each kind imports its own: a task needs no table, and most need no HTTP.
    from holdfast.aws.worker import tasks  # noqa: PLC0415 - for the sake of a faster start

    if isinstance(task, Forward):
        return tasks.ForwardFunction(task, secrets, clock)
    return tasks.TaskFunction(webhook, task)


def _around(
    setting: Setting, webhook: CompiledWebhook, secrets: StackSecrets, clock: Clock
) -> Function:
    from holdfast.aws.worker import verify  # noqa: PLC0415 - for the sake of a faster start

    location = Location(setting.stack, table=setting.table)
    ledger = Ledger(Api(location), location, clock) if webhook.delivery_id else None
    records = Records(webhook, setting.senders)
    if setting.task == SETTLE:
        return verify.Settle(webhook, records, ledger)
    keys = KeyRing(clock)
    return verify.Verify(webhook, records, secrets, keys, ledger, setting.execution_seconds)


def _door(
    setting: Setting,
    compiled: Compiled,
    webhook: CompiledWebhook,
    secrets: StackSecrets,
    clock: Clock,
) -> Function:
    from holdfast.aws.worker import door  # noqa: PLC0415 - for the sake of a faster start

    api = Api(Location(setting.stack))
    tokens = None
    if setting.keeps:
        tokens = KeptToken(SecretRef.parse(setting.keeps), setting.secrets[setting.keeps])
    return door.DoorFunction(compiled, webhook, secrets, clock, api, setting.queue, tokens=tokens)
