"""How one record ended in both homes, and whether that follows from what was handed on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from holdfast.aws.parity import shapes
from holdfast.aws.parity.finding import Finding
from holdfast.aws.parity.foretold import Foretold
from holdfast.aws.parity.machine import Ended, Item, Machine, Worked
from holdfast.aws.parity.records import without_event
from holdfast.aws.plan import WebhookPlan
from holdfast.compiled import CompiledWebhook
from holdfast.message import Message
from holdfast.operate.past import Past
from holdfast.operate.rehearsal import Rehearsal
from holdfast.operate.rehearsal import Stage as Local
from holdfast.pipe.disposition import Bury, Outcome, Retry, dispose
from holdfast.secrets import Secrets
from holdfast.verify.source import redact
from holdfast.workflow.asl import VERIFY
from holdfast.workflow.result import Result

VERIFIED: Final = "verified"
EXHAUSTED: Final = "dead letter, exhausted"
BY_SQS: Final = f"{EXHAUSTED}, moved by SQS without its error"
"""What is kept after its last receive."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One event in both queues."""

    past: Past
    here: Message
    there: Message
    went: Rehearsal
    item: Item


class Home:
    """One webhook, at home here and there."""

    def __init__(self, webhook: CompiledWebhook, planned: WebhookPlan, secrets: Secrets) -> None:
        self.webhook = webhook
        self.planned = planned
        self.local = Local(webhook, secrets)
        self.machine = Machine(planned, self.local)
        self.foretold = Foretold(webhook, planned)
        self.waiting: list[Pair] = []

    def rehearsed(self, message: Message, item: Item) -> Rehearsal:
        """How this message ends here, as that item's attempt."""
        return self.local.rehearse(
            message, item.at_ms, item.cast, attempt=item.receives, history=False
        )


def ends(home: Home, pair: Pair, worked: Worked) -> list[Finding]:
    """How one record ended, here and there.

    Where the two messages differ in what the plan foretells, the one that SQS keeps is worked here
    too: what is alike then comes of that, and what is not has a cause of its own.
    """
    ended = worked.ended[pair.past.id]
    found = list(_differing(home, pair, pair.went, ended, fell=worked.fell))
    cause = home.foretold.consequence(pair.past.request, pair.there.request.query)
    if not found or cause is None:
        return found
    went = home.rehearsed(_as_kept_here(home.webhook, pair), pair.item)
    left = {each.stage for each in _differing(home, pair, went, ended, fell=worked.fell)}
    return [each if each.stage in left else each.foretold(cause) for each in found]


def _as_kept_here(webhook: CompiledWebhook, pair: Pair) -> Message:
    """What SQS keeps, with what the door here finds out of a secret in a header, and takes out."""
    request = pair.there.request
    redacted = replace(request, headers=redact(webhook, request.headers))
    return replace(pair.there, verdict=pair.here.verdict, request=redacted)


def _differing(
    home: Home, pair: Pair, went: Rehearsal, ended: Ended, *, fell: bool
) -> Iterator[Finding]:
    """One dry run against one record. `fell`: the whole execution ended, which nothing could catch."""
    name, id = home.webhook.name, pair.past.id
    own, other = _verdicts(went, ended)
    if own != other:
        yield Finding(name, id, "verdict", own, other)
    elif own == VERIFIED:
        told = shapes.fields(went.input, without_event(ended.input))
        if told is not None:
            yield Finding(name, id, "input", *told)
    by = home.foretold.end(_refused_there(went, ended))
    calls = shapes.calls(went, ended)
    if calls is not None and own == other:
        yield Finding(name, id, "tasks", *calls).foretold(by)
    last = pair.item.receives >= home.planned.queue.max_receive_count
    here, there = settled(home.webhook, pair.item, went), _settled_there(ended, last=last)
    if fell and there == BY_SQS and here.startswith(EXHAUSTED):
        by = home.foretold.topic("attempt history")
    if here != there:
        yield Finding(name, id, "settle", here, there).foretold(by)


def _verdicts(went: Rehearsal, ended: Ended) -> tuple[str, str]:
    verify = next((call for call in went.calls if call.resource == VERIFY), None)
    here = VERIFIED
    if verify is not None and verify.error is not None:
        here = f"{verify.error} ({went.quarantine})" if went.quarantine else verify.error
    if ended.failed is None:
        return here, VERIFIED if ended.input is not None else "not asked"
    reason = ended.letter[0] if ended.letter else ""
    quarantined = reason and reason != "exhausted"
    return here, f"{ended.failed[0]} ({reason})" if quarantined else ended.failed[0]


def _refused_there(went: Rehearsal, ended: Ended) -> str | None:
    """A task whose model took its input here, and does not there."""
    refused = {call.resource for call in went.calls if call.source == "refused"}
    return min(ended.refused - refused, default=None)


def settled(webhook: CompiledWebhook, item: Item, went: Rehearsal) -> str:
    """What becomes of it here after such a dry run."""
    result = Result(
        went.status,
        item.at_ms,
        0.0,
        error=went.error,
        cause=went.cause,
        state=went.state,
        quarantine=went.quarantine,
    )
    outcome: Outcome = dispose(
        result, item.receives, webhook.queue, webhook.pipe, lambda _low, high: high
    )
    if isinstance(outcome, Bury):
        return f"dead letter, {outcome.failure.reason}: {outcome.failure.error}"
    return "kept: it comes back" if isinstance(outcome, Retry) else "done"


def _settled_there(ended: Ended, *, last: bool) -> str:
    if ended.kept:
        return BY_SQS if last else "kept: it comes back"
    return f"dead letter, {ended.letter[0]}: {ended.letter[1]}" if ended.letter else "done"
