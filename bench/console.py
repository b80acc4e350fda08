"""What looking costs those who are looked at: `python -m bench.console [--smoke]`.

Reception with ten live viewers of the console's pages against reception without, and with indexing against
without; what is compared takes turns in one run. Then search over a store of so many events, and
groups over so many dead letters. Needs a few minutes and two gigabytes for a million events.
"""

from __future__ import annotations

import argparse
import random
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw
import orjson

from bench import machine, processes
from bench.http_load import drive, tool
from bench.scene import BODY
from bench.table import Row, lines, show
from bench.viewers import watching
from holdfast.clock import SYSTEM_CLOCK
from holdfast.message import Headers, Message, Request, new_message_id
from holdfast.queue.contract import Filter, QueueLimits
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.queue.fingerprint import VERSION
from holdfast.queue.views import Query

CONNECTIONS: Final = 256
GROUP: Final = 10_000
GROUPS: Final = 50

_TYPES: Final = ("invoice.paid", "invoice.created", "charge.succeeded", "charge.failed")
_NAMES: Final = ("Ada", "Grace", "Linus", "Barbara", "Edsger", "Donald", "Margaret", "Alan")


@dataclass
class Scene:
    """`events` in the store that is searched, `letters` in the one that is grouped."""

    directory: Path
    seconds: float
    rounds: int
    events: int
    letters: int

    def store(self) -> Path:
        return self.directory / f"store-{secrets.token_hex(4)}"

    def load(self, url: str) -> float:
        """Accepted events a second."""
        load = drive(url, BODY, connections=CONNECTIONS, seconds=self.seconds)
        if load.failed or not load.answered:
            raise RuntimeError(f"{load.failed} of {load.failed + load.answered} requests failed")
        return load.rate


def viewers(scene: Scene) -> list[Row]:
    """Reception while ten people watch the console, and while nobody does."""
    watched, alone = [], []
    store = scene.store()
    with (
        processes.upkeep(str(store), index=True),
        processes.gateway(str(store)) as gateway,
        processes.console(store) as console,
    ):
        url = gateway.url("/users")
        for turn in range(scene.rounds):
            # Who goes first takes turns too.
            if turn % 2:
                alone.append(scene.load(url))
            with watching(console) as seen:
                watched.append(scene.load(url))
            if not all(one.heard and (one.fetched or not one.parts) for one in seen):
                raise RuntimeError(f"a viewer was told nothing: {seen}")
            if not turn % 2:
                alone.append(scene.load(url))
    return _ratio("ingest with ten live viewers / without", watched, alone)


def indexing(scene: Scene) -> list[Row]:
    """Reception while what comes in is indexed, and while it is not."""
    indexed: list[float] = []
    plain: list[float] = []
    with_index, without = scene.store(), scene.store()
    with (
        processes.upkeep(str(with_index), index=True),
        processes.upkeep(str(without)),
        processes.gateway(str(with_index)) as one,
        processes.gateway(str(without)) as other,
    ):
        sides = [(indexed, one), (plain, other)]
        for _ in range(scene.rounds):
            for rates, gateway in sides:
                rates.append(scene.load(gateway.url("/users")))
            sides.reverse()
    return _ratio("ingest with indexing / without", indexed, plain)


def _ratio(what: str, those: list[float], these: list[float]) -> list[Row]:
    ratios = [a / b for a, b in zip(those, these, strict=True)]
    ratio = statistics.median(ratios)
    return [
        Row(
            f"{what}, {CONNECTIONS} connections",
            f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            ">= 0.95",
            ratio >= 0.95,
        ),
        Row(
            "  with, without",
            f"{statistics.median(those):,.0f}/s, {statistics.median(these):,.0f}/s",
        ),
    ]


def search(scene: Scene) -> list[Row]:
    """How long an operator waits for what they look for, and what the index costs."""
    store = scene.store()
    engine = SQLiteEngine(store)
    middle = _fill(engine, scene.events)
    began, processor = time.perf_counter(), time.process_time()
    while engine.index():
        pass
    took, busy = time.perf_counter() - began, time.process_time() - processor
    inbox = sum(path.stat().st_size for path in store.glob("inbox.db*"))
    index = engine.index_state().bytes
    rows = [
        Row(
            f"index of {scene.events:,} events / their store",
            f"{index / inbox:.2f} ({index / 2**20:,.0f} MiB / {inbox / 2**20:,.0f} MiB)",
        ),
        Row(
            "  an event into the index: processor, in all",
            f"{busy / scene.events * 1e6:.0f} us, {took / scene.events * 1e6:.0f} us",
        ),
    ]
    customer = middle["data"]["object"]["customer"]
    asked = {
        "a customer's id": Query((customer,)),
        "an e-mail address": Query((middle["data"]["object"]["email"],)),
        "a common word": Query(("Grace",)),
        "the beginning of a word": Query(("gra",)),
        "the value at a path": Query(paths=(("data.object.customer", customer),)),
        "a common value at a path": Query(paths=(("data.object.currency", "eur"),)),
        "what is nowhere": Query(("nothing-like-this",)),
    }
    for what, query in asked.items():
        times = [_search_ms(engine, query) for _ in range(5)]
        p50 = statistics.median(times)
        rows.append(
            Row(f"search for {what}", f"{p50:.1f} ms ({max(times):.1f})", "<= 200 ms", p50 <= 200)
        )
    engine.close()
    return rows


def _search_ms(engine: SQLiteEngine, query: Query) -> float:
    began = time.perf_counter()
    found = engine.search(query, Filter(), limit=50)
    if not found.complete:
        raise RuntimeError(f"{query} took too long")
    return (time.perf_counter() - began) * 1000


def _fill(engine: SQLiteEngine, count: int) -> dict[str, Any]:
    """So many events of a payment provider; the body of the one in the middle."""
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghiklmnoprstuwz", k=6)) for _ in range(5_000)]
    middle: dict[str, Any] = {}
    for at in range(0, count, GROUP):
        now_ms = SYSTEM_CLOCK.now_ms()
        messages = []
        for number in range(at, min(count, at + GROUP)):
            told = _body(chance, words, number)
            if number == count // 2:
                middle = told
            headers = Headers.of({"content-type": "application/json", "user-agent": "bench"})
            request = Request("POST", "/users", "", headers, orjson.dumps(told), "203.0.113.7")
            messages.append(Message(new_message_id(now_ms), "users", now_ms, request))
        engine.send(messages)
    return middle


def _body(chance: random.Random, words: list[str], number: int) -> dict[str, Any]:
    name = chance.choice(_NAMES)
    return {
        "id": f"evt_{secrets.token_hex(12)}",
        "type": chance.choice(_TYPES),
        "created": 1_700_000_000 + number,
        "data": {
            "object": {
                "id": f"in_{secrets.token_hex(12)}",
                "customer": f"cus_{chance.randint(0, 200_000):08d}",
                "amount": chance.randint(100, 99_999),
                "currency": chance.choice(("usd", "eur", "gbp")),
                "name": f"{name} {chance.choice(words).title()}",
                "email": f"{name.lower()}.{chance.choice(words)}@example.com",
                "lines": [
                    {
                        "sku": f"SKU-{chance.randint(0, 99_999):05d}",
                        "quantity": chance.randint(1, 9),
                        "description": " ".join(chance.choices(words, k=4)),
                    }
                    for _ in range(2)
                ],
            }
        },
        "request": {"id": f"req_{secrets.token_hex(7)}", "key": secrets.token_hex(16)},
    }


def groups(scene: Scene) -> list[Row]:
    """So many dead letters as the few problems that they are."""
    store = scene.store()
    engine = SQLiteEngine(store)
    # What waited too long dies in large steps; the groups are made up afterwards.
    engine.configure({"users": QueueLimits(retention_seconds=0.0)})
    _fill(engine, scene.letters)
    while engine.maintain():
        pass
    ledger = apsw.Connection(str(store / "ledger.db"))
    named = "UPDATE dead SET fingerprint = printf('%s%015d', ?, n % ?)"
    ledger.execute(named, (VERSION, GROUPS))
    ledger.close()
    took = []
    for _ in range(10):
        began = time.perf_counter()
        found = engine.groups(Filter(parked=False))
        took.append((time.perf_counter() - began) * 1000)
        assert sum(one.count for one in found) == scene.letters
    p50 = statistics.median(took)
    pages = []
    for group in (found[0].fingerprint, None):
        began = time.perf_counter()
        assert engine.browse(Filter(group=group, parked=False, by_death=True), None, 50)
        pages.append((time.perf_counter() - began) * 1000)
    engine.close()
    return [
        Row(
            f"{scene.letters:,} dead letters in {GROUPS} groups",
            f"{p50:.1f} ms ({max(took):.1f})",
            "<= 250 ms",
            p50 <= 250,
        ),
        Row("  a page of one group's letters, and of all", f"{pages[0]:.1f} ms, {pages[1]:.1f} ms"),
    ]


MEASURES: Final[Mapping[str, Callable[[Scene], list[Row]]]] = {
    measure.__name__: measure for measure in (viewers, indexing, search, groups)
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.console", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="short, and judges nothing")
    parser.add_argument("--seconds", type=float, help="of load at a time")
    parser.add_argument("--rounds", type=int, help="how often each comparison is repeated")
    parser.add_argument("--events", type=int, help="in the store that is searched")
    parser.add_argument("--letters", type=int, help="in the store that is grouped")
    parser.add_argument("--only", action="append", choices=MEASURES, help="may be repeated")
    parser.add_argument("--directory", type=Path, default=Path("bench/out"), help="for the stores")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="console-", dir=options.directory)).absolute()
    smoke = options.smoke
    scene = Scene(
        directory=directory,
        seconds=options.seconds or (1 if smoke else 5),
        rounds=options.rounds or (1 if smoke else 7),
        events=options.events or (5_000 if smoke else 1_000_000),
        letters=options.letters or (2_000 if smoke else 100_000),
    )
    print(lines(("machine", ""), [*machine.describe(directory), ("load from", tool())]), "\n")
    try:
        rows: list[Row] = []
        for name in options.only or MEASURES:
            print(f"measuring: {name}", file=sys.stderr)
            measured = MEASURES[name](scene)
            for row in measured:
                print(f"  {row.what.strip()}: {row.measured}", file=sys.stderr)
            rows += measured
    finally:
        shutil.rmtree(directory)
    print(show(rows, judge=not smoke))


if __name__ == "__main__":
    main()
