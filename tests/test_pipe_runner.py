"""Carrying messages: what runs when, what is settled, what waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.compiled import CompiledWebhook
from holdfast.message import Lease
from holdfast.pipe import endings
from holdfast.pipe.runner import IDLE_SECONDS, PAUSED_SECONDS, PipeRunner, Report
from holdfast.queue.contract import Filter, State
from holdfast.workflow.result import Result
from pipe_rig import Rig, broken, message, webhook, worked

DONE, WAITING, DEAD, LEASED = State.DONE, State.WAITING, State.DEAD, State.LEASED


@asynccontextmanager
async def running(
    *ids: str, settings: CompiledWebhook | None = None, target: Any = None
) -> AsyncIterator[tuple[Rig, PipeRunner]]:
    """A pipe at work on these messages; the rig cancels it at the end."""
    async with Rig(*ids) as rig:
        pipe = rig.pipe(settings, target)
        rig.start(pipe)
        yield rig, pipe


def test_messages_are_worked_and_settled() -> None:
    """What the target reports as succeeded is done, and told with its duration."""

    async def test() -> None:
        async with running("a", "b", "c") as (rig, _):
            rig.bench.automatic = lambda _lease: worked()
            await rig.done(3)

            assert set(rig.states().values()) == {DONE}
            assert rig.ids("message.received") == ["a", "b", "c"]
            assert rig.told("message.done")[0] == {
                "id": "a",
                "webhook": "users",
                "attempt": 1,
                "duration_ms": 2.0,
            }

    asyncio.run(test())


def test_no_more_run_than_the_concurrency_allows() -> None:
    """Of nine messages two run; each end makes room for one more."""

    async def test() -> None:
        ids = [f"m{i}" for i in range(9)]
        async with running(*ids, settings=webhook(concurrency=2)) as (rig, _):
            for done in range(9):
                await rig.until(lambda: rig.bench.running)
                rig.bench.end(min(rig.bench.running))
                await rig.done(done + 1)

            assert rig.bench.most_running == 2

    asyncio.run(test())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 9)), min_size=2, max_size=8))
def test_alone_means_alone(rows: list[tuple[bool, bool, int]]) -> None:
    """Over two pipes of one process: a message marked `alone` never runs beside another one."""

    async def test() -> None:
        async with Rig() as rig:
            suspects = set()
            for number, (orders, alone, _) in enumerate(rows):
                one = message(f"m{number}", "orders" if orders else "users")
                rig.engine.send([one])
                rig.engine.world.records[one.id].alone = alone
                suspects |= {one.id} if alone else set()
            pipes = [rig.pipe(webhook(name=name, concurrency=3)) for name in ("users", "orders")]
            tasks = [rig.start(pipe) for pipe in pipes]
            for ended, (_, _, pick) in enumerate(rows):
                await rig.until(lambda: rig.bench.running)
                beside = sorted(rig.bench.running)
                assert len(beside) == 1 or not suspects & set(beside)
                rig.bench.end(beside[pick % len(beside)])
                await rig.done(ended + 1)
            rig.stop.set()
            await asyncio.gather(*tasks)

            assert set(rig.states().values()) == {DONE}

    asyncio.run(test())


def test_one_failing_record_does_not_disturb_its_batch() -> None:
    """Of a batch of three the failed one waits for its retry, the other two are done."""

    async def test() -> None:
        batches_of_three = webhook(batch=3, concurrency=3)
        async with running("a", "b", "c", settings=batches_of_three) as (rig, _):
            rig.bench.automatic = lambda one: broken() if one.message.id == "b" else worked()
            await rig.until(
                lambda: rig.told("message.retry") and len(rig.told("message.done")) == 2
            )

            assert rig.bench.batches == [["a", "b", "c"]]
            assert rig.states() == {"a": DONE, "b": LEASED, "c": DONE}
            assert rig.told("message.retry") == [
                {
                    "id": "b",
                    "webhook": "users",
                    "attempt": 1,
                    "error": "ValueError",
                    "cause": "no such user",
                    "state": "Handle",
                    "retry_seconds": 2.0,
                }
            ]

    asyncio.run(test())


def test_a_failure_is_retried_later_and_dead_in_the_end() -> None:
    """Three attempts, 2 and 4 seconds apart; then a dead letter with the whole history."""

    async def test() -> None:
        async with running("a") as (rig, _):
            rig.bench.automatic = lambda _lease: broken()
            await rig.pass_time(IDLE_SECONDS, until=lambda: rig.told("message.dead"))

            [letter] = rig.engine.browse(Filter())
            assert letter.reason == "exhausted"
            assert [failure.attempt for failure in letter.attempts] == [1, 2, 3]
            assert rig.told("message.dead")[0]["state"] == "Handle"

    asyncio.run(test())


def test_what_retrying_cannot_help_is_buried_at_once() -> None:
    """A quarantined message is a dead letter after one attempt, under its own reason."""

    async def test() -> None:
        async with running("a") as (rig, _):
            rig.bench.automatic = lambda _lease: broken(quarantine="signature_mismatch")
            await rig.until(lambda: rig.told("message.dead"))

            assert rig.states() == {"a": DEAD}
            assert rig.told("message.dead")[0]["reason"] == "signature_mismatch"

    asyncio.run(test())


def test_a_duplicate_is_settled_and_one_that_is_held_comes_back() -> None:
    """A duplicate is done and names its original; what another holds returns uncounted."""

    async def test() -> None:
        async with running("a", "b") as (rig, _):
            held = Result("SUCCEEDED", 1, 1.0, unworked="held by x")
            duplicate = Result("SUCCEEDED", 1, 1.0, duplicate_of="y")
            rig.bench.automatic = lambda one: held if one.message.id == "a" else duplicate
            await rig.until(lambda: rig.told("message.released") and rig.told("message.duplicate"))

            assert rig.told("message.duplicate")[0]["duplicate_of"] == "y"
            assert rig.engine.world.records["b"].duplicate_of == "y"
            assert rig.receives("a") == 0
            assert rig.states() == {"a": WAITING, "b": DONE}

    asyncio.run(test())


def test_a_message_that_is_given_back_again_and_again_is_asked_about_less_often() -> None:
    """A claim that nobody can answer comes back after 1, 2 and 4 seconds, costs no receive, and
    after an attempt that was one it starts at a second again."""

    async def test() -> None:
        async with running("a") as (rig, _):
            unclaimed = Result("FAILED", 1, 1.0, unworked="not claimed")
            ends = iter([*[unclaimed] * 3, broken(), unclaimed])
            rig.bench.automatic = lambda _lease: next(ends)
            record, waits = rig.engine.world.records["a"], list[float]()
            while len(waits) < 5:
                await rig.pass_time(IDLE_SECONDS, lambda: len(rig.bench.started) > len(waits))
                await rig.until(lambda: _ended(rig) > len(waits))
                waits.append(((record.visible_at_ms or 0) - rig.clock.now_ms()) / 1000)

            assert waits == [1.0, 2.0, 4.0, 2.0, 1.0]
            assert rig.receives("a") == 1

    asyncio.run(test())


def test_how_often_messages_were_given_back_is_not_remembered_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Past the bound the one that was given back first is forgotten, and starts at a second again."""
    monkeypatch.setattr(endings, "GIVEN_BACK_MAX", 1)

    async def test() -> None:
        async with running("a", "b", settings=webhook(concurrency=1)) as (rig, pipe):
            rig.bench.automatic = lambda _lease: Result("FAILED", 1, 1.0, unworked="not claimed")
            await rig.until(lambda: _ended(rig) == 2)

            assert pipe._endings._given_back == {"b": 1}

    asyncio.run(test())


def _ended(rig: Rig) -> int:
    """How many attempts the queue has heard of."""
    return len(rig.told("message.released")) + len(rig.told("message.retry"))


class Answering:
    """A target that reports nothing and leaves it to its answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def invoke(self, leases: Sequence[Lease], report: Report) -> object:
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer


def test_what_was_not_reported_is_judged_by_the_answer() -> None:
    """The ids that the answer names are kept, the others are settled."""

    async def test() -> None:
        target = Answering({"batchItemFailures": [{"itemIdentifier": "b"}]})
        async with running("a", "b", settings=webhook(batch=2), target=target) as (rig, _):
            await rig.until(lambda: rig.told("message.retry") and rig.told("message.done"))

            assert rig.states() == {"a": DONE, "b": LEASED}

    asyncio.run(test())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (ConnectionError("refused"), "ConnectionError"),
        (SystemExit(3), "SystemExit"),
        (asyncio.CancelledError("the handler's own"), "CancelledError"),
        ({"batchItemFailures": [{"itemIdentifier": "z"}]}, "InvalidBatchAnswer"),
    ],
    ids=repr,
)
def test_a_raising_target_keeps_the_whole_batch(answer: Any, error: str) -> None:
    """Whatever the target raises or garbles, nothing is settled and the pipe goes on."""

    async def test() -> None:
        settings = webhook(batch=2)
        async with running("a", "b", settings=settings, target=Answering(answer)) as (rig, _):
            await rig.until(lambda: len(rig.told("message.retry")) == 2)

            assert {fields["error"] for fields in rig.told("message.retry")} == {error}
            assert not rig.told("pipe.failed")

    asyncio.run(test())


def test_a_window_gathers_a_batch() -> None:
    """Two messages wait for a third for five seconds, then they go together."""

    async def test() -> None:
        settings = webhook(batch=3, window_seconds=5.0, concurrency=3)
        async with running("a", "b", settings=settings) as (rig, _):
            rig.bench.automatic = lambda _lease: worked()
            await rig.until(lambda: rig.timer.waits(5.0))
            rig.timer.advance(4.9)
            assert not rig.bench.batches
            rig.timer.advance(0.2)
            await rig.until(lambda: rig.bench.batches)

            assert rig.bench.batches == [["a", "b"]]

    asyncio.run(test())


def test_new_mail_is_fetched_when_the_bell_rings() -> None:
    """An idle pipe receives again on `wake`, without any time passing."""

    async def test() -> None:
        async with running() as (rig, pipe):
            rig.bench.automatic = lambda _lease: worked()
            await rig.until(lambda: rig.engine.count("receive") == 1)
            rig.engine.send([message("late")])
            pipe.wake()
            await rig.until(lambda: rig.told("message.done"))

            assert rig.bench.started == ["late"]

    asyncio.run(test())


def test_executions_are_kept_for_failures_and_for_all_at_level_all() -> None:
    """A success is recorded at log level ALL only, a failure always."""

    async def test(log_level: str) -> list[str]:
        async with running("a", "b", settings=webhook(log_level=log_level)) as (rig, _):
            rig.bench.automatic = lambda one: broken() if one.message.id == "b" else worked()
            await rig.until(lambda: rig.told("message.retry") and rig.told("message.done"))
            rig.receiver.close()
            return [run.status for id in ("a", "b") for run in rig.engine.executions(id)]

    assert asyncio.run(test("ERROR")) == ["FAILED"]
    assert asyncio.run(test("ALL")) == ["SUCCEEDED", "FAILED"]


def test_a_success_with_something_to_tell_is_kept() -> None:
    """What the log level kept of a success, a failure that was caught, is recorded with it."""

    async def test() -> list[str]:
        async with running("a", settings=webhook(log_level="ERROR")) as (rig, _):
            told = {"id": 5, "type": "LambdaFunctionFailed"}
            result = worked()._replace(history=(told,))
            rig.bench.automatic = lambda _one: result
            await rig.until(lambda: rig.told("message.done"))
            rig.receiver.close()
            return [run.status for run in rig.engine.executions("a")]

    assert asyncio.run(test()) == ["SUCCEEDED"]


def test_pause_stops_handing_out_and_resume_starts_again() -> None:
    """While paused nothing starts and nothing is kept from others; resumed, it goes on."""

    async def test() -> None:
        async with running("a", "b", "c", settings=webhook(concurrency=1)) as (rig, _):
            await rig.until(lambda: "a" in rig.bench.running)
            rig.engine.pause("users")
            await rig.pass_time(PAUSED_SECONDS, lambda: rig.told("pipe.paused"))
            rig.bench.end("a")
            await rig.until(lambda: rig.told("message.done"))
            asks = rig.engine.count("paused")
            await rig.pass_time(PAUSED_SECONDS, lambda: rig.engine.count("paused") > asks)
            assert rig.states() == {"a": DONE, "b": WAITING, "c": WAITING}
            assert rig.receives("b") == 0

            rig.engine.resume("users")
            rig.bench.automatic = lambda _lease: worked()
            await rig.pass_time(PAUSED_SECONDS, lambda: rig.told("pipe.resumed"))
            await rig.done(3)

    asyncio.run(test())
