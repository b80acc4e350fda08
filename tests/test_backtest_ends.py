"""Backtests over events that ended in ways which no traffic brings about in a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_scene import Called
from holdfast.clock import ManualClock
from holdfast.compile import compile_app, load
from holdfast.compiled import CompiledWebhook
from holdfast.message import Failure, Headers, Message, Request, new_message_id
from holdfast.queue.contract import Execution, Filter
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.workflow.input import Delivery
from recorded_kit import ADA, HOOKS, NOW_MS, Recorded, Sent, backtest, user


class Crafted:
    """Events that ended in ways which no traffic brings about here."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "hooks.py").write_text(HOOKS)
        self.clock = ManualClock(NOW_MS)
        self.engine = SQLiteEngine(folder / "store", clock=self.clock, holder="test")
        self.past = Recorded(folder, [], [])

    def kept(self, sent: Sent, origin: str = "http://here") -> str:
        body, headers = sent.lines()
        request = Request("POST", sent.path, "", Headers.of(headers), body, "192.0.2.1", origin)
        id = new_message_id(self.clock.now_ms())
        verdict = "verified" if origin.startswith("queue") else None
        self.engine.send([Message(id, "users", NOW_MS, request, {}, verdict)])
        return id

    def fail(self, error: str, reason: str = "", state: str = "Handle") -> None:
        (lease,) = self.engine.receive("users", 1, 60)
        failure = Failure(error, "no", state, NOW_MS, 1, reason)
        if reason:
            self.engine.bury(lease.receipt, failure)
        else:
            self.engine.extend([lease.receipt], 0, failure)

    def tell(self, id: str, error: str) -> None:
        """The history of a first attempt that failed."""
        (entry,) = self.engine.events(Filter(id=id))
        asked = dict(Delivery(self._webhook(), entry.message, 1, None).input()[0])
        history = (
            {"id": 1, "type": "LambdaFunctionScheduled", "previousEventId": 0,
             "details": {"resource": "welcome", "input": asked}},
            {"id": 2, "type": "LambdaFunctionFailed", "previousEventId": 1,
             "details": {"error": error, "cause": "no"}},
        )  # fmt: skip
        run = Execution(id, "users", 1, NOW_MS, 1.0, "FAILED", error, "no", "Handle", history)
        self.engine.record([run])

    def _webhook(self) -> CompiledWebhook:
        (webhook,) = (
            each
            for each in compile_app(load(Path(self.past.hooks))).webhooks
            if each.name == "users"
        )
        return webhook

    def done(self, duplicate_of: str | None = None) -> None:
        (lease,) = self.engine.receive("users", 1, 60)
        self.engine.settle([lease.receipt], duplicate_of)

    def backtest(self, *changed: tuple[str, str]) -> Called:
        return backtest(self.past, *changed)


@pytest.fixture
def crafted(tmp_path: Path) -> Iterator[Crafted]:
    made = Crafted(tmp_path)
    yield made
    made.engine.close()


def test_what_failed_once_and_was_done_is_done(crafted: Crafted) -> None:
    """Only what rests is played with the failure that it rests for."""
    crafted.kept(user())
    crafted.fail("KeyError")
    crafted.done()

    assert crafted.backtest().json["changes"] == []


def test_a_failure_that_was_told_and_healed_is_not_played(crafted: Crafted) -> None:
    """The history of the first attempt is there, that of the one that succeeded is not."""
    id = crafted.kept(user())
    crafted.fail("KeyError")
    crafted.tell(id, "KeyError")
    crafted.done()

    assert crafted.backtest().json["changes"] == []


def test_the_letters_own_failure_stands_in_for_a_history(crafted: Crafted) -> None:
    """Where no execution was kept; under its reason, in the state where it happened."""
    crafted.kept(user())
    crafted.fail("OutOfStock", "out_of_stock")

    assert crafted.backtest().json["changes"] == []


def test_some_ends_say_nothing(crafted: Crafted) -> None:
    """A duplicate, a purged one, one that died with its worker: only the door is tried, which still
    may refuse them."""
    first = crafted.kept(user())
    crafted.done()
    crafted.kept(user(delivery="ada"))
    crafted.done(duplicate_of=first)
    crafted.kept(user("killer"))
    crafted.fail("WorkerDied", "exhausted", state="")
    gone = crafted.kept(user("gone"))
    crafted.fail("KeyError", "exhausted")
    crafted.engine.purge([gone])

    told = crafted.backtest()

    assert told.json["changes"] == []
    assert told.json["skipped"] == {
        "duplicates: only the door was tried": 1,
        "purged: only the door was tried": 1,
        "died with no state begun: only the door was tried": 1,
    }
    refused = crafted.backtest(("ge=18", "ge=40")).json["changes"]
    assert sum(one["count"] for one in refused) == 4
    assert {one["then"] for one in refused if one["worse"]} == {"done"}


def test_what_waits_may_only_be_refused_or_quarantined(crafted: Crafted) -> None:
    """Nobody knows how it will end; but a schema, a signature that no longer fits is worse."""
    crafted.kept(user())

    assert crafted.backtest().json["changes"] == []
    refused = crafted.backtest(("ge=18", "ge=40"))
    assert (refused.code, refused.json["changes"][0]["then"]) == (5, "under way")
    other = crafted.backtest(("env:USERS_SECRET", "env:BASIC_SECRET"))
    assert (other.code, other.json["changes"][0]["kind"]) == (5, "ended-differently")


def test_what_another_workflow_sent_comes_to_no_door(crafted: Crafted) -> None:
    """It is held against the schema by the first state, and would rest."""
    crafted.kept(Sent("/users", ADA), origin="queue://orders")
    crafted.done()

    assert crafted.backtest().json["changes"] == []
    (found,) = crafted.backtest(("ge=18", "ge=40")).json["changes"]
    assert found["now"].startswith("dead schema_invalid: SchemaInvalid in Verify")


def test_what_another_workflow_sent_goes_by_name(crafted: Crafted) -> None:
    """Where the name is gone, nobody takes it."""
    crafted.kept(Sent("/users", ADA), origin="queue://orders")
    crafted.done()

    told = crafted.backtest(('@app.webhook("/users"', '@app.webhook("/users", name="people"'))

    assert told.code == 5
    assert told.json["changes"][0]["now"] == "refused no webhook of that name"


def test_what_another_workflow_sent_is_read_as_strictly_as_at_the_door(crafted: Crafted) -> None:
    """Also where the model alone would let it through: a key that is given twice."""
    twice = b'{"name":"ada","name":"eve","age":36,"email":"ada@example.com"}'
    crafted.kept(Sent("/users", twice), origin="queue://orders")
    crafted.done()

    (found,) = crafted.backtest().json["changes"]
    assert found["now"].startswith("dead schema_invalid")


def test_a_gateway_that_was_mounted_below_a_path_is_found(crafted: Crafted) -> None:
    """Its events' paths are longer than the webhook's own."""
    body, headers = user().lines()
    request = Request("POST", "/hooks/v1/users", "", Headers.of(headers), body)
    crafted.engine.send([Message("c" * 32, "users", NOW_MS, request)])
    crafted.done()

    assert crafted.backtest().json["changes"] == []
    assert crafted.backtest(('"/users"', '"/people"')).code == 5
