"""Alerts at work: facts in, messages out, a note in the store.

`look` is called about once a second, in a thread, from the supervisor's upkeep. It decides and hands
over; whoever is slow to take a message holds up his own courier and nothing else.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from holdfast.clock import Clock
from holdfast.compiled import AlertRule, AlertTarget, Compiled
from holdfast.errors import HoldfastError, StoreError
from holdfast.operate.abilities import Able, desk_of, watch_of
from holdfast.operate.alerts import outbox as boxes
from holdfast.operate.alerts.facts import Ends, Seen, seen
from holdfast.operate.alerts.failing import failing
from holdfast.operate.alerts.letters import Letter, write
from holdfast.operate.alerts.notes import Notes, read_notes, write_notes
from holdfast.operate.alerts.outbox import Outbox
from holdfast.operate.alerts.rules import read
from holdfast.operate.alerts.standing import Key, News, Standing, look
from holdfast.operate.alerts.targets import Undelivered, deliver
from holdfast.operate.alerts.windows import Window
from holdfast.operate.overview import Warned
from holdfast.queue.contract import Depth, Operator
from holdfast.runtime.couriers import Couriers, Report
from holdfast.runtime.metrics import Key as CountKey
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry

NOTE_SECONDS: Final = 60.0
SHOWN_SECONDS: Final = 10.0
"""How old the numbers of what stands may be where commands and the console show them."""
BREAK_SECONDS: Final = 300.0
"""A restart within it is no break: what was silent before is silent since then."""
RECEIVED_SECONDS: Final = 10.0
"""How often the store is asked when something last came in."""


class Store(Operator, Able, Protocol):
    """What alerts ask of an engine, beside what they are told."""


class Alerting:
    """One per supervisor."""

    def __init__(
        self,
        compiled: Compiled,
        path: Path,
        telemetry: Telemetry,
        clock: Clock,
        *,
        console_url: Callable[[], str | None] = lambda: None,
        couriers: Couriers | None = None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`path`: the directory for the note. `console_url`: where operators look further."""
        self._rules, self._app = compiled.alerts, compiled.name
        self._targets = {target.name: target for target in compiled.notify}
        self._path = path
        self._telemetry = telemetry
        self._clock = clock
        self._console_url = console_url
        self._uniform = uniform
        secrets = Secrets()

        def carry(target: AlertTarget, letter: Letter) -> str:
            return deliver(target, letter, secrets, clock.now_ms() / 1000)

        self._couriers = couriers or Couriers(carry)
        self._under_way: dict[str, Mapping[Key, News]] = {}
        """By target: what the message tells that is under way."""
        self._webhooks = tuple(
            dict.fromkeys(name for rule in self._rules for name in rule.webhooks)
        )
        self._windows = {
            (rule.name, name): Window(rule.window_seconds or BREAK_SECONDS)
            for rule in self._rules
            for name in rule.webhooks
        }
        self._received: Mapping[str, int] = {}
        self._received_at: float | None = None
        self._counted: Mapping[str, int] = {}
        self._noted: tuple[float, Notes] | None = None
        self._notes = self._resumed(read_notes(path))

    @property
    def standing(self) -> Mapping[Key, Standing]:
        return self._notes.standing

    @property
    def rules(self) -> Sequence[AlertRule]:
        return self._rules

    def look(
        self,
        store: Store,
        sums: Mapping[CountKey, float],
        depths: Sequence[Depth],
        warnings: Sequence[Warned],
    ) -> None:
        """Decide what is news, and see to it that it is told. Raises StoreError."""
        now_ms = self._clock.now_ms()
        for report in self._couriers.reports():
            self._heard(report, now_ms)
        facts = self._facts(store, sums, depths, warnings)
        readings = {}
        for rule in self._rules:
            for name in rule.webhooks:
                window = self._windows[rule.name, name]
                window.take(facts[name].ends, now_ms)
                reading = read(
                    rule,
                    facts[name],
                    window.ends,
                    now_ms,
                    watched_since_ms=self._notes.watched_since_ms,
                    full=window.full(now_ms),
                )
                if reading is not None:
                    readings[Key(rule.name, name)] = reading
        standing, news = look(self._rules, self._notes.standing, readings, now_ms)
        self._notes = replace(self._notes, looked_ms=now_ms, standing=standing)
        if news:
            self._tell(store, news, now_ms)
        self._carry(now_ms)
        self._note_if_due()

    def close(self) -> None:
        """What arrived meanwhile need not be told again; what is under way is, under the same id."""
        for report in self._couriers.reports():
            self._heard(report, self._clock.now_ms())
        self.note()

    def note(self) -> None:
        """For commands and the console, and for the next run."""
        self._noted = self._clock.monotonic(), self._notes
        with suppress(OSError):  # the store's own troubles are told by the store
            write_notes(self._path, self._notes)

    def _resumed(self, notes: Notes) -> Notes:
        """What is remembered of what is still defined; nothing is under way any more."""
        now_ms = self._clock.now_ms()
        watched = {(rule.name, name) for rule in self._rules for name in rule.webhooks}
        since_ms = notes.watched_since_ms
        if not since_ms or not 0 <= now_ms - notes.looked_ms < BREAK_SECONDS * 1000:
            since_ms = now_ms

        def known(box: Outbox) -> Outbox:
            kept = {key: one for key, one in box.entries.items() if key in watched}
            return replace(box, entries=kept, next_ms=min(box.next_ms, now_ms))

        return Notes(
            now_ms,
            since_ms,
            {key: one for key, one in notes.standing.items() if key in watched},
            {key: at for key, at in notes.sent_ms.items() if key in watched},
            {name: known(notes.outboxes.get(name, Outbox())) for name in self._targets},
        )

    def _facts(
        self,
        store: Store,
        sums: Mapping[CountKey, float],
        depths: Sequence[Depth],
        warnings: Sequence[Warned],
    ) -> dict[str, Seen]:
        desk = desk_of(store)
        counting = any(rule.watches == "dead" for rule in self._rules)
        resting = counting and any(depth.dead for depth in depths)
        parked = desk.parked() if desk is not None and resting else {}
        return seen(
            self._webhooks, depths, parked, self._last_received(store, sums), ends(sums), warnings
        )

    def _last_received(self, store: Store, sums: Mapping[CountKey, float]) -> Mapping[str, int]:
        """By webhook: as the store knows it, or where it does not, as it was counted here."""
        if not any(rule.watches == "silence" and rule.over is not None for rule in self._rules):
            return {}
        now = self._clock.monotonic()
        watch = watch_of(store)
        if watch is not None:
            if self._received_at is None or now - self._received_at >= RECEIVED_SECONDS:
                self._received, self._received_at = watch.last_seen(), now
            return self._received
        return self._counted_received(sums)

    def _counted_received(self, sums: Mapping[CountKey, float]) -> Mapping[str, int]:
        now_ms = self._clock.now_ms()
        counted = {name: int(sums.get(("requests_accepted", name), 0)) for name in self._webhooks}
        before, self._counted = self._counted, counted
        self._received = {
            name: now_ms if count != before.get(name, 0) else self._received.get(name, 0)
            for name, count in counted.items()
        }
        return self._received

    def _tell(self, store: Store, news: Sequence[News], now_ms: int) -> None:
        by_name = {rule.name: rule for rule in self._rules}
        told = [self._with_groups(store, by_name[one.key.rule], one) for one in news]
        for one in told:
            self._emit(by_name[one.key.rule], one)
        outboxes = dict(self._notes.outboxes)
        for name, target in self._targets.items():
            outboxes[name] = boxes.put(outboxes[name], told, target.at_least, now_ms, _new_id)
        sent = {key: at for key, at in self._notes.sent_ms.items() if key in self._notes.standing}
        self._notes = replace(self._notes, outboxes=outboxes, sent_ms=sent)
        self.note()

    def _with_groups(self, store: Store, rule: AlertRule, one: News) -> News:
        if one.turn == "ended" or rule.watches not in ("dead", "new_dead", "failure_rate"):
            return one
        if desk_of(store) is None:
            return one  # they would have to be walked one by one
        try:
            found = failing(store, one.key.webhook)
        except StoreError:
            return one
        return replace(one, groups=found.groups, group=found.group)

    def _carry(self, now_ms: int) -> None:
        for name, target in self._targets.items():
            box = self._notes.outboxes[name]
            if self._couriers.busy(name) or not boxes.due(box, now_ms):
                continue
            self._under_way[name] = dict(box.entries)
            letter = write(
                self._rules,
                box.entries,
                id=box.id,
                app=self._app,
                console_url=self._console_url(),
                now_ms=now_ms,
            )
            self._couriers.carry(target, letter)

    def _heard(self, report: Report, now_ms: int) -> None:
        name, error = report.target, report.error
        told = self._under_way.pop(name, {})
        box = self._notes.outboxes[name]
        sent = dict(self._notes.sent_ms)
        if error is None:
            after = boxes.sent(box, told, now_ms)
            sent |= {key: now_ms for key in told if key in self._notes.standing}
            self._telemetry.emit(
                "alert.sent",
                target=name,
                message=report.letter.id,
                title=report.letter.title,
                remark=report.remark,
            )
        else:
            asked = error.after_seconds if isinstance(error, Undelivered) else None
            after = boxes.failed(box, str(error), asked, now_ms, self._uniform)
            self._tell_failure(name, report.letter, error, after, now_ms)
        outboxes = {**self._notes.outboxes, name: after}
        self._notes = replace(self._notes, outboxes=outboxes, sent_ms=sent)
        self.note()

    def _tell_failure(
        self, name: str, letter: Letter, error: HoldfastError, after: Outbox, now_ms: int
    ) -> None:
        if not after.entries:
            self._telemetry.emit("alert.dropped", target=name, message=letter.id, error=str(error))
            return
        self._telemetry.emit(
            "alert.unsent",
            target=name,
            message=letter.id,
            error=str(error),
            tries=after.tries,
            retry_seconds=(after.next_ms - now_ms) / 1000,
        )

    def _emit(self, rule: AlertRule, one: News) -> None:
        lasted = max(0, one.at_ms - one.since_ms) / 1000
        if one.turn == "ended":
            self._telemetry.emit(
                "alert.ended",
                rule=rule.name,
                webhook=one.key.webhook,
                detail=one.detail,
                lasted_seconds=lasted,
            )
            return
        self._telemetry.emit(
            "alert.firing",
            rule=rule.name,
            webhook=one.key.webhook,
            turn=one.turn,
            severity=one.severity,
            detail=one.detail,
            lasted_seconds=lasted,
        )

    def _note_if_due(self) -> None:
        since, before = self._noted or (float("-inf"), Notes())
        age, standing = self._clock.monotonic() - since, self._notes.standing
        news = before.standing.keys() != standing.keys()
        shown = before.standing != standing and age >= SHOWN_SECONDS
        if news or shown or age >= NOTE_SECONDS:
            self.note()


def _new_id() -> str:
    """As Standard Webhooks writes one."""
    return f"msg_{os.urandom(16).hex()}"


def ends(sums: Mapping[CountKey, float]) -> dict[str, Ends]:
    """How attempts ended, by webhook: what alerts look at."""
    numbers: dict[str, list[int]] = {}
    places = {"messages_done": 0, "messages_retried": 1, "messages_dead": 2}
    for (name, *labels), value in sums.items():
        if name in places:
            found = numbers.setdefault(labels[0], [0, 0, 0, 0])
            found[places[name]] += int(value)
            if labels[1:] == ["expired"]:
                found[3] += int(value)
    return {webhook: Ends(*found) for webhook, found in numbers.items()}
