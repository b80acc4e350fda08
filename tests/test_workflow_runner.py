"""The runner: limits, waits, batches, histories, and the crew of threads beneath it."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import threading
from collections.abc import Mapping
from typing import Any

from holdfast import App, Event
from holdfast.compile import compile_app
from holdfast.errors import Permanent
from holdfast.message import Lease, Receipt
from holdfast.telemetry import Kind, Telemetry
from holdfast.workflow.crew import Crew
from holdfast.workflow.result import Result
from process_kit import PATIENCE_SECONDS
from workflow_kit import VERIFY_HANDLE, JumpingLoop, a_lease, a_webhook, an_express, run_one


def with_handle(**fields: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(VERIFY_HANDLE))
    document["States"]["Handle"] |= fields
    return document


def test_a_task_that_takes_too_long_is_cancelled() -> None:
    """TimeoutSeconds ends an async task as States.Timeout; the task sees its cancellation."""
    ended: list[str] = []

    async def handle() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    webhook = a_webhook(handle, takes="nothing", workflow=with_handle(TimeoutSeconds=7))
    with an_express(webhook) as express, asyncio.Runner(loop_factory=JumpingLoop) as runner:
        result = runner.run(express.run(a_lease()))

    assert (result.status, result.error, result.state) == ("FAILED", "States.Timeout", "Handle")
    assert "7 seconds" in (result.cause or "")
    assert ended == ["cancelled"]


def test_an_execution_that_takes_too_long_times_out() -> None:
    """The document's own limit ends everything, past any Catch, as TIMED_OUT."""

    async def handle() -> None:
        await asyncio.Event().wait()

    document = with_handle(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}])
    document["States"]["Caught"] = {"Type": "Succeed"}
    webhook = a_webhook(handle, takes="nothing", workflow={**document, "TimeoutSeconds": 60})
    with an_express(webhook) as express, asyncio.Runner(loop_factory=JumpingLoop) as runner:
        result = runner.run(express.run(a_lease()))

    assert (result.status, result.error, result.state) == ("TIMED_OUT", "States.Timeout", "Handle")
    assert result.history[-1]["type"] == "ExecutionTimedOut"


def test_a_sync_task_that_hangs_is_counted_until_it_returns() -> None:
    """A thread cannot be stopped: the crew counts it as stuck, and others take its place."""
    hang, begun = threading.Event(), threading.Event()

    def handle() -> None:
        begun.set()
        hang.wait()

    crew = Crew(1)

    async def scene() -> None:
        hanging = asyncio.ensure_future(crew.run(handle))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        hanging.cancel()
        await asyncio.wait([hanging])
        assert crew.stuck == 1
        assert await crew.run(lambda: "still served") == "still served"
        hang.set()
        while crew.stuck:
            await crew.run(int)
        crew.close()

    asyncio.run(scene())


def test_a_crew_never_begins_what_nobody_waits_for() -> None:
    """A call that is cancelled while it waits for a thread is not made."""
    hold, begun, called = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        hold.wait()

    crew = Crew(1)

    async def scene() -> None:
        holding = asyncio.ensure_future(crew.run(first))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        waiting = asyncio.ensure_future(crew.run(called.set))
        asyncio.get_running_loop().call_soon(waiting.cancel)
        await asyncio.wait([waiting])
        hold.set()
        await holding
        await crew.run(int)
        assert (called.is_set(), crew.stuck) == (False, 0)
        crew.close()

    asyncio.run(scene())


def test_a_crew_that_goes_home_answers_what_was_just_asked() -> None:
    """A call of the same turn of the loop, which no thread has heard of yet, is made all the same."""
    crew = Crew(1)

    async def main() -> str:
        asked = asyncio.ensure_future(crew.run(lambda: "answered"))
        asyncio.get_running_loop().call_soon(crew.close)  # after the call, before it is handed over
        return await asyncio.wait_for(asked, PATIENCE_SECONDS)

    assert asyncio.run(main()) == "answered"


def test_a_crew_answers_every_call() -> None:
    """Hundreds of calls at once come back each with its own answer, over few threads."""
    crew = Crew(3)
    names: set[str] = set()

    def square(number: int) -> int:
        names.add(threading.current_thread().name)
        return number * number

    async def scene() -> list[int]:
        answers = await asyncio.gather(*(crew.run(square, number) for number in range(500)))
        crew.close()
        return answers

    assert asyncio.run(scene()) == [number * number for number in range(500)]
    assert len(names) <= 3


def test_waits_between_retries_are_the_machines() -> None:
    """The runner waits as long as the machine says, and draws the jitter itself."""
    calls, waited, drawn = [], list[float](), list[tuple[float, float]]()

    async def handle() -> None:
        calls.append(1)
        if len(calls) < 4:
            raise ValueError

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    def half(low: float, high: float) -> float:
        drawn.append((low, high))
        return high / 2

    retry = [{"ErrorEquals": ["ValueError"], "JitterStrategy": "FULL"}]
    webhook = a_webhook(handle, takes="nothing", workflow=with_handle(Retry=retry))
    result = run_one(webhook, wait=wait, uniform=half)

    assert result.status == "SUCCEEDED"
    assert drawn == [(0.0, 1.0), (0.0, 2.0), (0.0, 4.0)]
    assert waited == [0.5, 1.0, 2.0]


def test_a_batch_is_answered_as_aws_wants_it() -> None:
    """Each record is its own execution: those that failed are named, the others are not."""

    async def handle(event: Any) -> None:
        if event.body == 2:
            raise ValueError

    reports: dict[str, str] = {}

    def report(lease: Lease, result: Result) -> None:
        reports[lease.message.id] = result.status

    leases = []
    for number in (1, 2, 3):
        lease = a_lease(str(number).encode())
        message = dataclasses.replace(lease.message, id=f"m{number}")
        leases.append(Lease(message, Receipt(str(number)), 1))
    with an_express(a_webhook(handle)) as express:
        answer = asyncio.run(express.invoke(leases, report))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    assert reports == {"m1": "SUCCEEDED", "m2": "FAILED", "m3": "SUCCEEDED"}


def histories(log_level: str) -> list[list[str]]:
    """What is kept of a success, of a failure that is caught, and of a failure."""

    async def handle(event: Any) -> None:
        if event.body:
            raise ValueError

    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    caught = copy.deepcopy(dict(VERIFY_HANDLE))
    caught["States"] |= {
        "Handle": {**caught["States"]["Handle"], "Catch": catch},
        "Caught": {"Type": "Pass", "End": True},
    }
    plain, catching = (
        a_webhook(handle, log_level=log_level, workflow=workflow)
        for workflow in (VERIFY_HANDLE, caught)
    )
    results = [
        run_one(webhook, a_lease(body))
        for webhook, body in ((plain, b"0"), (catching, b"1"), (plain, b"1"))
    ]
    return [[event["type"] for event in result.history] for result in results]


def test_history_is_kept_as_the_log_level_says() -> None:
    """ALL keeps every step; ERROR those of a failure, and what was caught; FATAL the end; OFF none."""
    fine, caught, bad = histories("ALL")

    assert (fine[0], fine[-1]) == ("ExecutionStarted", "ExecutionSucceeded")
    assert (bad[0], bad[-1]) == ("ExecutionStarted", "ExecutionFailed")
    assert "LambdaFunctionFailed" in caught
    assert histories("ERROR") == [[], ["LambdaFunctionFailed"], bad]
    assert histories("FATAL") == [[], [], ["ExecutionFailed"]]
    assert histories("OFF") == [[], [], []]


def test_every_step_is_told_at_level_all() -> None:
    """At level ALL each history event is emitted, with its state where it has one."""
    told: list[tuple[str, Any]] = []

    def subscriber(_kind: Kind, fields: Mapping[str, Any]) -> None:
        told.append((fields["event"], fields["state"]))

    telemetry = Telemetry()
    telemetry.subscribe(subscriber)

    async def handle() -> None: ...

    run_one(a_webhook(handle, takes="nothing", log_level="ALL"), telemetry=telemetry)

    assert ("TaskStateEntered", "Handle") in told
    assert told[-1] == ("ExecutionSucceeded", None)


def test_a_store_that_cannot_answer_a_claim_fails_the_run() -> None:
    """What is ours to fail comes back as a result, never as an exception in the pipe."""

    async def claim(_lease: Lease, _delivery_id: str) -> Any:
        raise OSError("disk")

    webhook = a_webhook(delivery_id=("header:x-id",))
    result = run_one(webhook, a_lease(headers={"x-id": "d"}), claim=claim)

    assert (result.status, result.error, result.quarantine) == ("FAILED", "OSError", None)


def test_a_cancelled_run_is_not_a_failure() -> None:
    """When the worker stops, the cancellation passes through instead of becoming a result."""
    begun = asyncio.Event()

    async def handle() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def scene() -> bool:
        with an_express(a_webhook(handle, takes="nothing")) as express:
            run = asyncio.ensure_future(express.run(a_lease()))
            await begun.wait()
            run.cancel()
            await asyncio.wait([run])
            return run.cancelled()

    assert asyncio.run(scene())


def test_a_caught_failure_steers_nothing() -> None:
    """What the workflow caught and answered with an end of its own is no longer quarantined."""

    async def handle() -> None:
        raise Permanent("no")

    document = with_handle(Catch=[{"ErrorEquals": ["Permanent"], "Next": "Other"}])
    document["States"]["Other"] = {"Type": "Fail", "Error": "Other"}
    result = run_one(a_webhook(handle, takes="nothing", workflow=document))

    assert (result.error, result.state, result.quarantine) == ("Other", "Other", None)


def test_an_event_that_no_function_asks_for_is_told() -> None:
    """It is done, and would otherwise look like one that was worked: a pattern may be misspelt."""
    app, told = App(), list[Any]()

    @app.webhook("/users", event_type="json:type").on("invoice.paid")
    async def paid(event: Event) -> None: ...

    (webhook,) = compile_app(app).webhooks
    telemetry = Telemetry()
    telemetry.subscribe(
        lambda kind, fields: told.append(fields["type"]) if kind.name == "message.ignored" else None
    )

    for body in (b'{"type": "invoice.piad"}', b'{"type": "invoice.paid"}', b"{}"):
        assert run_one(webhook, a_lease(body), telemetry=telemetry).status == "SUCCEEDED"

    assert told == ["invoice.piad", None]
