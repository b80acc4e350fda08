"""The state machine of a plan, run in this process over batches of Pipes records.

Verify is our function itself; the other tasks come to what the local dry run let them come to, or
would have (`holdfast.operate.casting`). What goes to dead letters is written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.aws.contract import DEAD_LETTERS, SETTLE, message_in
from holdfast.aws.parity.records import raised, record, told, without_event
from holdfast.aws.plan import WebhookPlan
from holdfast.aws.worker.records import Records
from holdfast.aws.worker.tasks import LEFT_BEHIND
from holdfast.aws.worker.verify import Verify
from holdfast.compile.workflows import read_document
from holdfast.compiled import Forward, Task
from holdfast.operate.casting import Cast, Mock
from holdfast.operate.rehearsal import Stage, played
from holdfast.pipe.batch import judge
from holdfast.testing.workflow import play
from holdfast.workflow import asl
from holdfast.workflow.asl import VERIFY
from holdfast.workflow.events import RunTask, Snapshot
from holdfast.workflow.failures import RUNTIME
from holdfast.workflow.input import Delivery
from holdfast.workflow.outcome import Failed

_SEND: Final = "arn:aws:states:::sqs:sendMessage"


@dataclass(frozen=True, slots=True)
class Item:
    """One message in the queue: the envelope's id, its text, how often it was received."""

    id: str
    envelope: str
    receives: int
    at_ms: int
    cast: Cast


@dataclass(slots=True)
class Ended:
    """How one item ended. `letter`: reason and error of its dead letter. `input`: what Verify made
    of it; `failed`: what Verify raised instead."""

    kept: bool = False
    letter: tuple[str, str] | None = None
    input: Any = None
    failed: tuple[str, str] | None = None
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    """State, resource and input of every task, in order."""
    refused: set[str] = field(default_factory=set)
    """Tasks whose own model does not take what they are given."""


@dataclass(frozen=True, slots=True)
class Worked:
    """A batch. `fell`: the execution ended of what no state may catch, and the batch with it."""

    ended: Mapping[str, Ended]
    fell: bool


class Machine:
    """One webhook's state machine. `stage`: the local one, whose models and secrets it shares.

    Raises DefinitionError where the text of the plan cannot be run.
    """

    def __init__(self, planned: WebhookPlan, stage: Stage) -> None:
        self._stage = stage
        self._program = asl.load(read_document(planned.state_machine.definition), foreign=True)
        records = Records(stage.webhook, {})
        self._verify = Verify(stage.webhook, records, stage.secrets, stage.keys, None, 0.0)

    def work(self, items: Sequence[Item]) -> Worked:
        """One batch, as Pipes would hand it over and settle it."""
        batch = _Batch(self._stage, self._verify, items)
        records = [record(_name(each), each.envelope, each.receives, each.at_ms) for each in items]
        run = play(self._program, records, batch.player, history=False)
        names = {_name(each): each.id for each in items}
        verdict = judge(list(names), run.output if run.status == "SUCCEEDED" else "failed")
        for name in verdict.kept:
            batch.ended[names[name]].kept = True
        return Worked(batch.ended, fell=run.status == "TIMED_OUT" or run.error == RUNTIME)


def _name(item: Item) -> str:
    """SQS names a message itself; the envelope's id is another."""
    return f"sqs-{item.id}"


class _Batch:
    """Who plays what in one batch."""

    def __init__(self, stage: Stage, verify: Verify, items: Sequence[Item]) -> None:
        self._stage = stage
        self._verify = verify
        self._items = items
        self._texts = {each.envelope: each.id for each in items}
        self.ended = {each.id: Ended() for each in items}

    def player(self, command: RunTask, snapshot: Snapshot) -> Mapping[str, Any]:
        """What a task of the state machine comes to."""
        given = command.input
        if command.resource == VERIFY:
            return self._verified(given)
        if command.resource == SETTLE:
            return {"result": None}
        if command.resource == _SEND and given.get("QueueUrl") == f"${{{DEAD_LETTERS}}}":
            return self._letter(given)
        return self._called(command, self._items[_place(snapshot, command)])

    def _verified(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        ended = self.ended[str(given["messageId"]).removeprefix("sqs-")]
        try:
            ended.input = self._verify(given)
        except Exception as error:
            said = raised(error)
            ended.failed = said["error"], str(error)
            return said
        return {"result": ended.input}

    def _letter(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        told = {key: one["StringValue"] for key, one in given["MessageAttributes"].items()}
        id = self._texts.get(given["MessageBody"])
        if id is not None:
            self.ended[id].letter = told.get("reason", ""), told.get("error", "")
        return {"result": {}}

    def _called(self, command: RunTask, item: Item) -> Mapping[str, Any]:
        shown = without_event(command.input)
        self.ended[item.id].calls.append((command.state, command.resource, shown))
        mock = self._arriving(command, item)
        if mock is None:
            _, mock = item.cast.play(command.state, command.resource, command.input)
        outcome = played(mock)
        if not isinstance(outcome, Failed):
            return {"result": outcome.output}
        known = command.resource in self._stage.webhook.tasks
        return told(outcome) if known else {"error": outcome.error, "cause": outcome.cause}

    def _arriving(self, command: RunTask, item: Item) -> Mock | None:
        """What the task fails with before its own code runs; None: it runs."""
        webhook = self._stage.webhook
        task = webhook.tasks.get(command.resource)
        message = message_in(command.input)
        if (isinstance(task, Task) and task.takes == "event") or isinstance(task, Forward):
            if message is None:
                return Mock(error=LEFT_BEHIND, cause="the event was left behind")
            delivery = Delivery(webhook, message, item.receives, self._stage.body_model)
        elif isinstance(task, Task) and task.takes == "input":
            delivery = _NOTHING
        else:
            return None
        misfit = self._stage.misfit(command.resource, delivery, command.input)
        if misfit is not None:
            self.ended[item.id].refused.add(command.resource)
        return misfit


_NOTHING: Any = None


def _place(snapshot: Snapshot, command: RunTask) -> int:
    """Which record of the batch a task is called for: the item of the outermost Map."""
    scope, place = snapshot["threads"][command.ticket]["scope"], 0
    while scope["fork"]:
        place = scope["index"]
        scope = snapshot["forks"][scope["fork"]]["thread"]["scope"]
    return place
