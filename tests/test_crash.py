"""Kill -9 under load loses nothing; and where something was lost, the check would say so."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench.crash import Outcome, Plan, run, table
from bench.senders import Delivery
from bench.verdict import judge
from bench.victims import KINDS

from holdfast.message import Headers, Message, Request
from holdfast.queue.contract import Entry, State

PLAIN = Delivery("plain", b"{}")


def entry(id: str, state: State, **known: str) -> Entry:
    """What the store says of one message."""
    headers = Headers.of({"x-delivery-id": known.pop("name")} if "name" in known else {})
    message = Message(id, "plain", 0, Request("POST", "/plain", "", headers, b"{}"))
    return Entry(message, state, **known)  # type: ignore[arg-type] # all that is left is text


def test_nothing_is_lost_to_kill_9(tmp_path: Path) -> None:
    """Gateway, workers and supervisor are killed under load; every promise is kept all the same."""
    said: list[str] = []
    plan = Plan(5, seed=1, accepted=500, between_kills_seconds=0.8, between_deadly_seconds=3)
    outcome: Outcome = asyncio.run(run(plan, tmp_path, said.append))

    assert outcome.good, table(outcome)
    assert set(outcome.kills) == set(KINDS)
    assert outcome.verdict.accepted >= plan.accepted
    assert outcome.verdict.processed > 100
    assert any("accepted" in line for line in said)


def test_a_promise_that_the_store_knows_nothing_of_is_lost() -> None:
    """An id that was answered with success and exists nowhere."""
    verdict = judge({"a": PLAIN, "b": PLAIN}, [entry("a", State.DONE)], {"a": 1})

    assert dict(verdict.lost) == {"b": "nowhere in the store"}
    assert not verdict.good


def test_done_is_believed_to_the_handlers_books_only() -> None:
    """What the ledger calls done, and no handler ever finished, is lost."""
    entries = [
        entry("a", State.DONE),
        entry("b", State.WAITING),
        entry("c", State.DONE, duplicate_of="a"),
    ]
    verdict = judge(dict.fromkeys("abc", PLAIN), entries, {"b": 1})

    assert dict(verdict.lost) == {
        "a": "done in the store, worked 0 times",
        "b": "waiting in the store, worked 1 times",
        "c": "done in the store, worked 0 times",
    }


def test_what_became_of_each_is_counted() -> None:
    """Worked, settled as a duplicate, dead, worked more than once, and kept without a promise."""
    entries = [
        entry("a", State.DONE),
        entry("b", State.DONE, duplicate_of="a"),
        entry("c", State.DEAD, reason="exhausted"),
        entry("d", State.DONE),
    ]
    verdict = judge(dict.fromkeys("abc", PLAIN), entries, {"a": 3, "d": 1})

    assert verdict.good
    assert (verdict.processed, verdict.settled, verdict.dead) == (1, 1, 1)
    assert (verdict.duplicates, verdict.unpromised) == (2, 1)
    assert verdict.reasons == {"exhausted": 1}


def test_one_delivery_worked_under_two_messages_is_told() -> None:
    """A delivery id that two messages were settled under is no good run."""
    entries = [entry("a", State.DONE, name="order-1"), entry("b", State.DONE, name="order-1")]
    verdict = judge(dict.fromkeys("ab", PLAIN), entries, {"a": 1, "b": 1})

    assert verdict.twice == ("order-1",)
    assert not verdict.good
