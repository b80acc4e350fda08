"""A changed definition over what came in: what would now be refused, be accepted, or end differently.

    door       schema, content type, size, method, address; a source that is checked there
    Verify     the source, judged at the time at which it came in, and the body's model
    workflow   a dry run: tasks come to what was said, to what they came to then, or to null

What was done then and would not be done now is worse; what rests or was refused and would now be done
is better. Where a task's result is not known it is taken for null: what is better for that is told as
assumed, what would be worse for that is not counted. So a definition that did not change finds nothing,
whatever its history.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

import orjson

from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.gateway.answers import Greeting, Refused
from holdfast.message import Message
from holdfast.operate import past as pasts
from holdfast.operate.casting import Cast, Mock, recorded
from holdfast.operate.past import Past
from holdfast.operate.rehearsal import Rehearsal, Safe, Stage
from holdfast.queue.contract import Archive, Entry, Execution, State
from holdfast.queue.fingerprint import failure_message, normalised
from holdfast.secrets import Secrets
from holdfast.verify.reasons import REASONS
from holdfast.workflow.retained import LEFT_OUT

Kind = Literal["refused", "accepted", "ended-differently"]


class FailOn(StrEnum):
    """Which changes are a failure."""

    WORSE = "worse"
    REFUSED = "refused"
    ENDED_DIFFERENTLY = "ended-differently"
    ANY = "any"


EXHAUSTED: Final = "exhausted"

_HANGS: Final = "die only if a task of unknown result comes to null: not counted"

_PLACE: Final = re.compile(r"/\d+(?=/|$)")
_MESSAGE_MAX: Final = 160


class End(NamedTuple):
    """What becomes of a request. `word`: `done`, `dead`, `purged`, `refused`, `greeted` (it was taken
    for a handshake) or `under way`.

    `message` is what the end says of all that end so; two ends are the same without it.
    """

    word: str
    reason: str = ""
    error: str = ""
    state: str = ""
    message: str = ""

    @property
    def same(self) -> tuple[str, ...]:
        return self[:-1]

    def __str__(self) -> str:
        where = f" in {self.state}" if self.state else ""
        told = f": {self.error}{where}" if self.error else where
        said = f": {self.message}" if self.message else ""
        return f"{self.word} {self.reason}".rstrip() + told + said


DONE: Final = End("done")
UNDER_WAY: Final = End("under way")
PURGED: Final = End("purged")

LIVE: Final = (DONE.word, UNDER_WAY.word)
"""What can become worse."""


@dataclass(frozen=True, slots=True)
class Change:
    """What changes for one request. `assumed`: only if a task of unknown result comes to null."""

    kind: Kind
    webhook: str
    event: str
    before: str
    after: str
    worse: bool
    assumed: bool = False


@dataclass(slots=True)
class ChangeGroup:
    """Requests for which the same changes; `example` is the first that was looked at."""

    kind: Kind
    webhook: str
    before: str
    after: str
    worse: bool
    assumed: bool
    count: int
    example: str


@dataclass(slots=True)
class Report:
    """`events` and `refusals`: how many were looked at. `skipped`: why others were not, or not in
    all, and how many. `unchecked`: webhooks whose secret is not here, so that no source was checked.
    `assumed`: tasks whose result was not known, and how often."""

    groups: list[ChangeGroup] = field(default_factory=list)
    events: int = 0
    refusals: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unchecked: dict[str, str] = field(default_factory=dict)
    assumed: Counter[str] = field(default_factory=Counter)

    def fails(self, on: FailOn) -> bool:
        """Whether there is a change of that kind. What only is so if a result is as it was assumed
        counts for `ANY` alone."""
        if on is FailOn.ANY:
            return bool(self.groups)
        certain = [group for group in self.groups if not group.assumed]
        if on is FailOn.WORSE:
            return any(group.worse for group in certain)
        return any(group.kind == on.value for group in certain)


class Backtest:
    """A definition that looks at the past. `safe`: which tasks may be called for real.

    Raises DefinitionError where a workflow cannot be loaded.
    """

    def __init__(
        self,
        compiled: Compiled,
        secrets: Secrets,
        archive: Archive,
        *,
        mocks: Mapping[str, Mock] | None = None,
        safe: Safe = lambda _name: False,
    ) -> None:
        self.report = Report()
        checked, self.report.unchecked = pasts.checkable(compiled, secrets)
        self._secrets = secrets
        self._archive = archive
        self._mocks = mocks or {}
        self._entrance = pasts.Entrance(checked, secrets)
        self._stages = {each.name: Stage(each, secrets, safe=safe) for each in checked.webhooks}
        self._groups: dict[tuple[Any, ...], ChangeGroup] = {}

    def run(self, traffic: Iterable[Past]) -> Report:
        """All of it."""
        for past in traffic:
            if not past.whole:
                self.report.skipped[pasts.CUT] += 1
            elif (change := self.look(past)) is not None:
                self._count(change)
        self.report.groups = sorted(
            self._groups.values(), key=lambda each: (not each.worse, each.assumed, -each.count)
        )
        return self.report

    def look(self, past: Past) -> Change | None:
        """What changes for one request; None: nothing."""
        if past.refusal is not None:
            self.report.refusals += 1
        else:
            self.report.events += 1
        webhook, route = self._entrance.find(past)
        if past.sent_inside:
            # It came to no door, and goes by name.
            webhook = self._entrance.compiled.webhook(past.webhook)
            if webhook is None or past.entry is None:
                return _changed(past, _then(past), End("refused", "no webhook of that name"))
            return self._worked(past, webhook, past.entry.message)
        if webhook is not None:
            past = pasts.restored(past, webhook, self._secrets)
        decision = self._entrance.judge(past, route)
        if isinstance(decision, Refused):
            return _refused(past, decision)
        if isinstance(decision, Greeting):
            return _changed(past, _then(past), End("greeted", decision.handshake))
        name = decision.message.webhook
        return self._worked(past, self._stages[name].webhook, decision.message)

    def _worked(self, past: Past, webhook: CompiledWebhook, message: Message) -> Change | None:
        """What becomes of it once it is accepted."""
        then = _then(past)
        why = _beyond(past.entry, webhook.name in self.report.unchecked)
        if why is not None:
            self.report.skipped[why] += 1
            return None
        runs = self._archive.executions(past.id) if past.entry is not None else []
        told = _told(runs)
        failures = then.word == "dead"
        cast = Cast(self._mocks, recorded(runs, failures=failures, last=past.last), past.last)
        went = self._stages[webhook.name].rehearse(message, past.at_ms, cast, history=bool(told))
        for call in went.calls:
            if call.source == "assumed":
                self.report.assumed[call.resource] += 1
        now = _now(went)
        if past.refusal is not None:
            return Change(
                "accepted",
                webhook.name,
                past.id,
                str(then),
                f"accepted, {now}",
                False,
                went.assumed,
            )
        if then.same == now.same and told and not went.assumed:
            return _another_way(past, told, _told_by(went.history))
        if went.assumed and now.word == "dead":
            if then.same != now.same:
                self.report.skipped[_HANGS] += 1
            return None
        return _changed(past, then, now, assumed=went.assumed)

    def _count(self, change: Change) -> None:
        key = (
            *(change.kind, change.webhook, change.before, change.after),
            *(change.worse, change.assumed),
        )
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = ChangeGroup(*key, count=0, example=change.event)
        group.count += 1


def _then(past: Past) -> End:
    if past.refusal is not None:
        return End("refused", f"{past.refusal.status} {past.refusal.reason}")
    entry = past.entry
    if entry is None or entry.state is State.DONE:
        return DONE
    if entry.state is not State.DEAD:
        return PURGED if entry.state is State.PURGED else UNDER_WAY
    last = entry.attempts[-1] if entry.attempts else None
    return End("dead", entry.reason or "", last.error if last else "", last.state if last else "")


def _now(went: Rehearsal) -> End:
    if went.status == "SUCCEEDED":
        return DONE
    error = went.error or ("States.Timeout" if went.status == "TIMED_OUT" else "States.TaskFailed")
    message = normalised(failure_message(went.cause or ""))[:_MESSAGE_MAX]
    return End("dead", went.quarantine or EXHAUSTED, error, went.state or "", message)


def _beyond(entry: Entry | None, unchecked: bool) -> str | None:
    """Why the end of an event says nothing about the definition."""
    if entry is None:
        return None
    if entry.duplicate_of is not None:
        return "duplicates: only the door was tried"
    if entry.state is State.PURGED:
        return "purged: only the door was tried"
    if entry.state is State.DEAD and entry.reason == "expired":
        return "expired before they were worked: only the door was tried"
    if entry.state is State.DEAD and not (entry.attempts and entry.attempts[-1].state):
        return "died with no state begun: only the door was tried"
    if unchecked and entry.reason in REASONS:
        return "their source cannot be checked here: only the door was tried"
    return None


def _refused(past: Past, decision: Refused) -> Change | None:
    then, refusal = _then(past), decision.refusal
    now = End("refused", f"{refusal.status} {refusal.reason}", message=_violations(decision))
    if past.refusal is None:
        live = then.word in LIVE
        return Change("refused", past.webhook, past.id, str(then), str(now), live)
    return None if then.same == now.same else _changed(past, then, now)


def _violations(decision: Refused) -> str:
    """Of a body that does not fit, the first rule that it breaks, wherever in a list."""
    if decision.refusal.reason != "invalid_body":
        return ""
    first = orjson.loads(decision.answer.body)["errors"][0]
    return f"{_PLACE.sub('/*', first['path']) or '/'} {first['keyword']}"


def _changed(past: Past, then: End, now: End, *, assumed: bool = False) -> Change | None:
    if then.same == now.same:
        return None
    if then is UNDER_WAY and (now.word == "done" or now.reason == EXHAUSTED):
        return None  # nobody knows how it will end
    better = now.word == "done" and then.word == "dead"
    kind: Kind = "accepted" if better else "ended-differently"
    worse = then.word in LIVE and now.word != DONE.word and not assumed
    return Change(kind, past.webhook, past.id, str(then), str(now), worse, assumed)


def _told(runs: Sequence[Execution]) -> tuple[str, ...]:
    """The way of the run that succeeded, where all of it was kept."""
    done = [run for run in runs if run.status == "SUCCEEDED" and run.history]
    if not done or any(event.get("type") == LEFT_OUT for event in done[-1].history):
        return ()
    return _told_by(done[-1].history)


def _told_by(history: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    entered = (event for event in history if str(event.get("type")).endswith("StateEntered"))
    return tuple(str((event.get("details") or {}).get("name", "")) for event in entered)


def _another_way(past: Past, then: tuple[str, ...], now: tuple[str, ...]) -> Change | None:
    """Both done, through other states."""
    if sorted(then) == sorted(now):
        return None
    old, new = (f"done by {' > '.join(way)}"[:_MESSAGE_MAX] for way in (then, now))
    return Change("ended-differently", past.webhook, past.id, old, new, worse=False)
