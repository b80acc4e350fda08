"""One request after the other through both homes, and what differs.

Here: the gateway's decision, the message that it keeps, the workflow as a dry run, the pipe's
settlement. There: the plan's API with its templates and models, the envelope that SQS keeps, and the
plan's state machine over the records of Pipes, in batches as large as the plan's. Nothing is kept,
sent or called on either side, but for the definition's own verification function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from holdfast.aws.contract import GREETING
from holdfast.aws.parity import shapes
from holdfast.aws.parity.ends import Home, Pair, ends, settled
from holdfast.aws.parity.finding import Finding, Report
from holdfast.aws.parity.machine import Ended, Item, Worked
from holdfast.aws.parity.rest import Answered, RestApi
from holdfast.aws.plan import StackPlan
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.envelope import decode
from holdfast.errors import EnvelopeInvalid
from holdfast.gateway.answers import Accept, Greeting, Refused
from holdfast.message import Message
from holdfast.operate import past as pasts
from holdfast.operate.casting import Cast, Mock, recorded
from holdfast.operate.past import Past
from holdfast.queue.contract import Archive, State
from holdfast.secrets import Secrets


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
            each.name: Home(each, planned[each.name], secrets) for each in compiled.webhooks
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
        self, past: Past, home: Home | None, here: Accept | Greeting | Refused, there: Answered
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

    def _keep(self, home: Home, past: Past, here: Message, envelope: str) -> None:
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
        self.report.end(settled(home.webhook, item, went).partition(":")[0])
        home.waiting.append(Pair(past, here, there, went, item))
        if len(home.waiting) >= home.planned.pipe.batch:
            self._work(home)

    def _recorded(self, past: Past) -> Mapping[tuple[str, bytes], Mock]:
        if self._archive is None or past.entry is None:
            return {}
        failures = past.entry.state is State.DEAD
        return recorded(self._archive.executions(past.id), failures=failures, last=past.last)

    def _let_in(self, home: Home, past: Past, here: Refused, envelope: str) -> None:
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

    def _greeted(self, home: Home, past: Past, envelope: str) -> None:
        """No event here, and in the queue there: then the first state has to end it."""
        ended = self._alone(home, past, envelope)
        if ended.failed is None or ended.failed[0] != GREETING or ended.letter or ended.kept:
            other = ended.failed[0] if ended.failed else "worked as an event"
            self._found(Finding(home.webhook.name, past.id, "verdict", "a handshake", other))

    def _alone(self, home: Home, past: Past, envelope: str) -> Ended:
        item = Item(past.id, envelope, 1, past.at_ms, Cast(self._mocks, {}))
        return home.machine.work([item]).ended[past.id]

    def _work(self, home: Home) -> None:
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

    def _all_ends(self, home: Home, pairs: Sequence[Pair], worked: Worked) -> list[Finding]:
        return [one for each in pairs for one in ends(home, each, worked)]


def _receives(webhook: CompiledWebhook, past: Past) -> int:
    """The receive that decided: of what was exhausted the last one, of all else the first."""
    entry = past.entry
    exhausted = entry is not None and entry.state is State.DEAD and entry.reason == "exhausted"
    return webhook.queue.max_receive_count if exhausted else 1
