"""One request after the other through both homes, and what differs.

Here: the gateway's decision, the message that it keeps, the workflow as a dry run, the pipe's
settlement. There: the plan's API with its templates and models, the envelope that SQS keeps, and the
plan's state machine over the records of Pipes, in batches as large as the plan's. Nothing is kept,
sent or called on either side, but for the definition's own verification function.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from holdfast.aws.contract import GREETING
from holdfast.aws.parity import shapes
from holdfast.aws.parity.finding import Finding, Report
from holdfast.aws.parity.foretold import Foretold
from holdfast.aws.parity.machine import Ended, Item, Machine, Worked
from holdfast.aws.parity.records import without_event
from holdfast.aws.parity.rest import Answered, RestApi
from holdfast.aws.plan import StackPlan, WebhookPlan
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.envelope import decode
from holdfast.errors import EnvelopeInvalid
from holdfast.gateway.answers import Accept, Greeting, Refused
from holdfast.message import Message
from holdfast.operate import past as pasts
from holdfast.operate.casting import Cast, Mock, recorded
from holdfast.operate.past import Past
from holdfast.operate.rehearsal import Rehearsal
from holdfast.operate.rehearsal import Stage as Local
from holdfast.pipe.disposition import Bury, Outcome, Retry, dispose
from holdfast.queue.contract import Archive, State
from holdfast.secrets import Secrets
from holdfast.verify.source import redact
from holdfast.workflow.asl import VERIFY
from holdfast.workflow.result import Result

VERIFIED: Final = "verified"
EXHAUSTED: Final = "dead letter, exhausted"
BY_SQS: Final = f"{EXHAUSTED}, moved by SQS without its error"
"""What is kept after its last receive."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """One event in both queues."""

    past: Past
    here: Message
    there: Message
    went: Rehearsal
    item: Item


class _Home:
    """One webhook, at home here and there."""

    def __init__(self, webhook: CompiledWebhook, planned: WebhookPlan, secrets: Secrets) -> None:
        self.webhook = webhook
        self.planned = planned
        self.local = Local(webhook, secrets)
        self.machine = Machine(planned, self.local)
        self.foretold = Foretold(webhook, planned)
        self.waiting: list[_Pair] = []

    def rehearsed(self, message: Message, item: Item) -> Rehearsal:
        """How this message ends here, as that item's attempt."""
        return self.local.rehearse(
            message, item.at_ms, item.cast, attempt=item.receives, history=False
        )


class Comparison:
    """Both homes of a definition, ready. `archive`: where earlier results are; None: nowhere.

    Every secret that checks a source has to be there (`holdfast.operate.past.checkable`). Raises
    DefinitionError.
    """

    def __init__(
        self,
        compiled: Compiled,
        stack: StackPlan,
        secrets: Secrets,
        *,
        archive: Archive | None = None,
        mocks: Mapping[str, Mock] | None = None,
    ) -> None:
        self.report = Report()
        self._secrets = secrets
        self._archive = archive
        self._mocks = mocks or {}
        self._entrance = pasts.Entrance(compiled, secrets)
        self._api = RestApi(stack, compiled, secrets)
        planned = {each.name: each for each in stack.webhooks}
        self._homes = {
            each.name: _Home(each, planned[each.name], secrets) for each in compiled.webhooks
        }

    def close(self) -> None:
        self._api.close()

    def run(self, traffic: Iterable[Past]) -> Report:
        """All of it, batches that are not full included."""
        for past in traffic:
            self.take(past)
        for home in self._homes.values():
            self._work(home)
        return self.report

    def take(self, past: Past) -> None:
        """One request. What comes of its work is known once its batch is full.

        Raises ExtraMissing where templates cannot be filled in.
        """
        if not past.whole:
            self.report.skip(pasts.CUT)
            return
        if past.sent_inside:
            self.report.skip("sent by another workflow: it came to no door")
            return
        webhook, route = self._entrance.find(past)
        if webhook is not None:
            past = pasts.restored(past, webhook, self._secrets)
        name = webhook.name if webhook is not None else past.webhook
        self.report.events[name] = self.report.events.get(name, 0) + 1
        here = self._entrance.judge(past, route)
        there = self._api.answer(past, route)
        home = self._homes.get(name)
        self._answers(past, home, here, there)
        if isinstance(here, Accept) and home is not None:
            if there.kept is not None:
                self._keep(home, past, here.message, there.kept)
            elif there.status // 100 == 2:
                said = f"nothing, and {there.status} is answered"
                self._found(Finding(name, past.id, "body", "a message", said))
        elif isinstance(here, Refused):
            self.report.end(f"refused {here.answer.status}")
            if home is not None and there.kept is not None:
                self._let_in(home, past, here, there.kept)
        else:
            self.report.end("handshake")
            if home is not None and there.kept is not None:
                self._greeted(home, past, there.kept)

    def _answers(
        self, past: Past, home: _Home | None, here: Accept | Greeting | Refused, there: Answered
    ) -> None:
        told = shapes.compare(here.answer, there)
        if told is None:
            return
        reason = here.refusal.reason if isinstance(here, Refused) else ""
        by = home and home.foretold.answer(
            past.request, here.answer.status, there.status, reason, there.message_bytes
        )
        name = home.webhook.name if home is not None else past.webhook
        self._found(Finding(name, past.id, "answer", *told).foretold(by or None))

    def _found(self, finding: Finding) -> None:
        self.report.findings.append(finding)

    def _keep(self, home: _Home, past: Past, here: Message, envelope: str) -> None:
        """Accepted in both: the messages are compared, and wait for their batch."""
        name = home.webhook.name
        try:
            there = decode(envelope, name, path=home.webhook.path)
        except EnvelopeInvalid as error:
            by = home.foretold.consequence(past.request, past.request.query)
            said = f"no envelope: {error}"
            self._found(Finding(name, past.id, "body", "a message", said).foretold(by))
            return
        for stage, own, other, by in shapes.messages(
            home.webhook, home.foretold, past, here, there
        ):
            self._found(Finding(name, past.id, stage, own, other).foretold(by))
        cast = Cast(self._mocks, self._recorded(past), past.last)
        receives = _receives(home.webhook, past)
        item = Item(past.id, envelope, receives, past.at_ms, cast)
        went = home.rehearsed(here, item)
        self.report.end(_settled(home.webhook, item, went).partition(":")[0])
        home.waiting.append(_Pair(past, here, there, went, item))
        if len(home.waiting) >= home.planned.pipe.batch:
            self._work(home)

    def _recorded(self, past: Past) -> Mapping[tuple[str, bytes], Mock]:
        if self._archive is None or past.entry is None:
            return {}
        failures = past.entry.state is State.DEAD
        return recorded(self._archive.executions(past.id), failures=failures, last=past.last)

    def _let_in(self, home: _Home, past: Past, here: Refused, envelope: str) -> None:
        """Refused here and let through there: then the first state has to refuse it."""
        reason = here.refusal.reason
        if reason == "invalid_body":
            reason = "schema_invalid"
        elif here.answer.status != 401:
            return  # where it should have gone no further, the answers have told
        letter = self._alone(home, past, envelope).letter
        if letter is None or letter[0] != reason:
            own = f"{here.answer.status} {here.refusal.reason}"
            other = letter[0] if letter else "not quarantined"
            found = Finding(home.webhook.name, past.id, "verdict", own, other)
            self._found(found.foretold(home.foretold.of_bytes(past.request)))

    def _greeted(self, home: _Home, past: Past, envelope: str) -> None:
        """No event here, and in the queue there: then the first state has to end it."""
        ended = self._alone(home, past, envelope)
        if ended.failed is None or ended.failed[0] != GREETING or ended.letter or ended.kept:
            other = ended.failed[0] if ended.failed else "worked as an event"
            self._found(Finding(home.webhook.name, past.id, "verdict", "a handshake", other))

    def _alone(self, home: _Home, past: Past, envelope: str) -> Ended:
        item = Item(past.id, envelope, 1, past.at_ms, Cast(self._mocks, {}))
        return home.machine.work([item]).ended[past.id]

    def _work(self, home: _Home) -> None:
        """The batch that waits. Where it does not end as it does here, each record by itself tells
        which one differs, and how."""
        pairs, home.waiting = home.waiting, []
        if not pairs:
            return
        worked = home.machine.work([each.item for each in pairs])
        found = self._all_ends(home, pairs, worked)
        if found and len(pairs) > 1:
            alone = [
                one
                for each in pairs
                for one in self._all_ends(home, [each], home.machine.work([each.item]))
            ]
            told = {each.event for each in alone}
            by = home.foretold.topic("batch", "takes its batch along") if worked.fell else None
            found = alone + [each.foretold(by) for each in found if each.event not in told]
        self.report.findings += found

    def _all_ends(self, home: _Home, pairs: Sequence[_Pair], worked: Worked) -> list[Finding]:
        return [one for each in pairs for one in _ends(home, each, worked)]


def _ends(home: _Home, pair: _Pair, worked: Worked) -> list[Finding]:
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


def _as_kept_here(webhook: CompiledWebhook, pair: _Pair) -> Message:
    """What SQS keeps, with what the door here finds out of a secret in a header, and takes out."""
    request = pair.there.request
    redacted = replace(request, headers=redact(webhook, request.headers))
    return replace(pair.there, verdict=pair.here.verdict, request=redacted)


def _differing(
    home: _Home, pair: _Pair, went: Rehearsal, ended: Ended, *, fell: bool
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
    here, there = _settled(home.webhook, pair.item, went), _settled_there(ended, last=last)
    if here != there and not (fell and there == BY_SQS and here.startswith(EXHAUSTED)):
        yield Finding(name, id, "settle", here, there).foretold(by)


def _receives(webhook: CompiledWebhook, past: Past) -> int:
    """The receive that decided: of what was exhausted the last one, of all else the first."""
    entry = past.entry
    exhausted = entry is not None and entry.state is State.DEAD and entry.reason == "exhausted"
    return webhook.queue.max_receive_count if exhausted else 1


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


def _settled(webhook: CompiledWebhook, item: Item, went: Rehearsal) -> str:
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
