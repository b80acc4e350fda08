"""Kill -9 at random moments under load, for as long as you like, and see whether anything is lost.

    python -m bench.crash --minutes N [--seed S] [--workers 2]

A real `holdfast run` receives real, signed requests over many connections while its gateway, its
workers and its supervisor are killed, and while some messages kill the worker that works them. Then
the load ends, what is left is worked off, and three books are compared: what the senders were told,
what the handlers wrote down, and what the store says. The seed fixes what is sent and which is
killed; the moments are the machine's.

  lost          answered with success, and yet neither worked by a handler (or settled as the
                duplicate of one that was) nor a dead letter. Must be 0.
  worked twice  one delivery id, worked and settled under two messages. Must be 0.
  duplicates    a handler ran more than once for a message. Allowed: at least once is the promise.

Exit code: 0 nothing lost; 1 otherwise, or where the run itself came to nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.senders import Mix, Senders
from bench.verdict import Verdict, judge, read_books
from bench.victims import KINDS, Victims
from holdfast.clock import SYSTEM_CLOCK
from holdfast.errors import HoldfastError
from holdfast.message import Message
from holdfast.queue.contract import Entry, Filter
from holdfast.queue.engines.sqlite import SQLiteEngine

CONNECTIONS: Final = 32
BETWEEN_KILLS_SECONDS: Final = 1.5
BETWEEN_DEADLY_SECONDS: Final = 4.0
PROGRESS_SECONDS: Final = 1.0
# What does not move for so long is not work but a defect: the longest wait of any message is a
# second, and nobody is killed any more.
DRAIN_SECONDS: Final = 60.0
PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. Every kind of process is killed at least once, even if that takes longer."""

    seconds: float
    seed: int
    workers: int = 2
    accepted: int = 0
    """Go on sending, without further kills, until so many were answered with success."""
    between_kills_seconds: float = BETWEEN_KILLS_SECONDS
    between_deadly_seconds: float = BETWEEN_DEADLY_SECONDS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    verdict: Verdict
    kills: Counter[str]
    deadly: int
    refused: Counter[int]
    unanswered: int
    drain_seconds: float
    left: int
    """What had not ended when patience did. Must be 0."""

    @property
    def good(self) -> bool:
        return self.verdict.good and not self.left


@dataclass(slots=True)
class _Tally:
    kills: Counter[str] = field(default_factory=Counter)
    deadly: int = 0


async def run(plan: Plan, directory: Path, say: Callable[[str], None]) -> Outcome:
    """Load and kill, drain, compare. `directory`: an empty one, for the store and the books."""
    source = random.Random(plan.seed)
    tally = _Tally()
    async with Victims(directory, workers=plan.workers) as victims:
        senders = Senders(victims.port, victims.secret, Mix(plan.seed), connections=CONNECTIONS)
        sending = asyncio.ensure_future(senders.run())
        beside = [
            asyncio.ensure_future(_send_deadly(senders, plan, source, tally)),
            asyncio.ensure_future(_tell(senders, tally, plan, say)),
        ]
        try:
            await _kill(victims, plan, source, tally)
            await _send_on(senders, plan)
        finally:
            for task in beside:
                task.cancel()
            senders.stop()
            await asyncio.gather(*beside, return_exceptions=True)
            await sending
        say("the load has ended; waiting for what is left to be worked")
        began = SYSTEM_CLOCK.monotonic()
        left = await _drain(victims.store)
        drained_seconds = SYSTEM_CLOCK.monotonic() - began
        await victims.end()
    sent = senders.sent
    verdict = judge(sent.accepted, entries(victims.store), read_books(victims.books))
    return Outcome(
        verdict,
        tally.kills,
        tally.deadly,
        sent.refused,
        sent.unanswered,
        drained_seconds,
        left,
    )


async def _kill(victims: Victims, plan: Plan, source: random.Random, tally: _Tally) -> None:
    until = SYSTEM_CLOCK.monotonic() + plan.seconds
    bag: list[str] = []
    while SYSTEM_CLOCK.monotonic() < until or len(tally.kills) < len(KINDS):
        await asyncio.sleep(source.uniform(0.2, 2.0) * plan.between_kills_seconds)
        if not bag:
            # Workers are killed most: they are who has something in hand.
            bag = [*KINDS, "worker", "gateway", "worker"]
            source.shuffle(bag)
        kind = bag.pop()
        if await victims.kill(kind, source):
            tally.kills[kind] += 1


async def _send_on(senders: Senders, plan: Plan) -> None:
    """A slow machine may spend the time of the kills on starting what was killed."""
    accepted = senders.sent.accepted
    most, until = len(accepted), SYSTEM_CLOCK.monotonic() + DRAIN_SECONDS
    while len(accepted) < plan.accepted:
        await asyncio.sleep(0.1)
        if len(accepted) > most:
            most, until = len(accepted), SYSTEM_CLOCK.monotonic() + DRAIN_SECONDS
        elif SYSTEM_CLOCK.monotonic() > until:
            raise HoldfastError(f"nothing was accepted for {DRAIN_SECONDS:.0f} s")


async def _send_deadly(senders: Senders, plan: Plan, source: random.Random, tally: _Tally) -> None:
    while True:
        await asyncio.sleep(source.uniform(0.2, 1.8) * plan.between_deadly_seconds)
        senders.send_deadly()
        tally.deadly += 1


async def _tell(senders: Senders, tally: _Tally, plan: Plan, say: Callable[[str], None]) -> None:
    began = SYSTEM_CLOCK.monotonic()
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        passed, sent = SYSTEM_CLOCK.monotonic() - began, senders.sent
        kills = ", ".join(f"{tally.kills[kind]} {kind}" for kind in KINDS)
        say(
            f"{passed:5.0f} of {plan.seconds:.0f} s   {len(sent.accepted):,} accepted, "
            f"{sent.refused.total():,} refused, {sent.unanswered:,} unanswered   killed: {kills}"
        )


async def _drain(store: Path) -> int:
    """Wait until nothing waits and nothing is leased; what is left when it stops becoming less."""
    engine = SQLiteEngine(store)
    least, until = sys.maxsize, 0.0
    try:
        while True:
            left = sum(row.waiting + row.leased for row in await asyncio.to_thread(engine.depth))
            if left < least:
                least, until = left, SYSTEM_CLOCK.monotonic() + DRAIN_SECONDS
            if not left or SYSTEM_CLOCK.monotonic() > until:
                return left
            await asyncio.sleep(0.1)
    finally:
        engine.close()


def entries(store: Path) -> Iterator[Entry]:
    """Everything that the store knows, through the engine's public verbs."""
    engine = SQLiteEngine(store)
    after: str | None = None
    try:
        while page := engine.events(Filter(newest_first=False), after, PAGE):
            yield from page
            last: Message = page[-1].message
            after = last.id
    finally:
        engine.close()


def table(outcome: Outcome) -> str:
    """The whole outcome, for people."""
    verdict = outcome.verdict
    rows: list[tuple[str, str]] = [
        ("accepted", f"{verdict.accepted:,}   answered with success"),
        ("processed", f"{verdict.processed:,}   of those, worked by a handler"),
        ("settled", f"{verdict.settled:,}   of those, repeated deliveries of one that was worked"),
        ("dead", f"{verdict.dead:,}   of those, dead letters: {_list(verdict.reasons)}"),
        ("lost", f"{len(verdict.lost):,}   must be 0"),
        ("worked twice", f"{len(verdict.twice):,}   delivery ids; must be 0"),
        ("unfinished", f"{outcome.left:,}   must be 0; drained in {outcome.drain_seconds:.1f} s"),
        ("duplicates", f"{verdict.duplicates:,}   runs of a handler beyond the first; allowed"),
        ("unpromised", f"{verdict.unpromised:,}   kept, but the sender never heard of it"),
        ("refused", f"{outcome.refused.total():,}   {_list(outcome.refused)}".rstrip()),
        ("unanswered", f"{outcome.unanswered:,}   connections that broke first"),
        ("kills", f"{outcome.kills.total():,}   {_list(outcome.kills)}"),
        ("deadly", f"{outcome.deadly:,}   messages that kill the worker that works them"),
    ]
    lines = [f"{name:>14}  {text}" for name, text in rows]
    lines += [f"          lost: {id} ({why})" for id, why in list(verdict.lost.items())[:20]]
    return "\n".join(lines)


def _list(counts: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=str))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to load and kill")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a new directory for store, books and log")
    return parser.parse_args(arguments)


def _directory(keep: Path | None) -> AbstractContextManager[str]:
    if keep is None:
        return tempfile.TemporaryDirectory(prefix="holdfast-crash-")
    keep.mkdir(parents=True)
    return nullcontext(str(keep))


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    print(f"seed {options.seed}, {options.workers} workers, {CONNECTIONS} connections")
    live = sys.stdout.isatty()

    def say(line: str) -> None:
        print(f"\r\x1b[K{line}" if live else line, end="" if live else "\n", flush=True)

    with _directory(options.keep) as directory:
        plan = Plan(options.minutes * 60, options.seed, options.workers)
        try:
            outcome = asyncio.run(run(plan, Path(directory), say))
        except HoldfastError as error:
            print(f"\nthe run came to nothing: {error}")
            return 1
    print("\n" + table(outcome))
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
