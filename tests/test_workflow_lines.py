"""The runner with several lines of control: real tasks beside each other, cancelled, in time."""

from __future__ import annotations

import asyncio
from typing import Any

from holdfast.errors import Permanent
from workflow_kit import JumpingLoop, a_lease, a_webhook, an_express, run_one


def task(name: str, **fields: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": f"${{{name}}}", "End": True, **fields}
    return {"StartAt": name, "States": {name: state}}


def beside(*branches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    state = {"Type": "Parallel", "Branches": list(branches), "End": True, **fields}
    return {"StartAt": "Beside", "States": {"Beside": state}, "TimeoutSeconds": 60}


def run(webhook: Any) -> Any:
    with an_express(webhook) as express, asyncio.Runner(loop_factory=JumpingLoop) as runner:
        result = runner.run(express.run(a_lease()))
        left = runner.run(_others())
    assert left == set(), "something outlived the execution"
    return result


async def _others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


def test_branches_run_at_the_same_time() -> None:
    """Two tasks that wait for each other both come to their end."""
    met = asyncio.Barrier(2)

    async def left() -> str:
        await met.wait()
        return "left"

    async def right() -> str:
        await met.wait()
        return "right"

    document = beside(task("left"), task("right"))
    result = run(a_webhook(left, right, takes="nothing", workflow=document))

    assert (result.status, result.output) == ("SUCCEEDED", ["left", "right"])


def test_a_failure_cancels_what_runs_beside_it() -> None:
    """The other branch's task sees its cancellation, and the failure steers the queue."""
    ended: list[str] = []
    begun = asyncio.Event()

    async def slow() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def bad() -> None:
        await begun.wait()
        raise Permanent("no use")

    document = beside(task("slow"), task("bad"))
    result = run(a_webhook(slow, bad, takes="nothing", workflow=document))

    assert (result.status, result.error, result.quarantine) == ("FAILED", "Permanent", "permanent")
    assert result.state == "bad"
    assert ended == ["cancelled"]


def test_a_caught_failure_leaves_nothing_behind() -> None:
    """Once the Parallel has failed and was caught, its other tasks are gone as well."""
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def bad() -> None:
        raise ValueError

    catch = [{"ErrorEquals": ["ValueError"], "Next": "After", "ResultPath": None}]
    document = beside(task("slow"), task("bad"), Catch=catch)
    document["States"]["After"] = {"Type": "Wait", "Seconds": 30, "End": True}
    result = run(a_webhook(slow, bad, takes="nothing", workflow=document))

    assert (result.status, ended) == ("SUCCEEDED", ["cancelled"])


def test_each_line_has_its_own_time() -> None:
    """A task's TimeoutSeconds is its own, and so is a Wait; the slower one decides the whole."""

    async def hangs() -> None:
        await asyncio.Event().wait()

    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]
    branch = task("hangs", TimeoutSeconds=10, Catch=catch)
    branch["States"]["Late"] = {"Type": "Pass", "Result": "late", "End": True}
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 20, "End": True}}}
    result = run(a_webhook(hangs, takes="nothing", workflow=beside(branch, wait)))

    assert result.status == "SUCCEEDED"
    assert result.output[0] == "late"


def test_the_execution_times_out_as_a_whole() -> None:
    """Its limit ends every line, and names a state that was still at work."""

    async def hangs() -> None:
        await asyncio.Event().wait()

    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 90, "End": True}}}
    result = run(a_webhook(hangs, takes="nothing", workflow=beside(task("hangs"), wait)))

    assert (result.status, result.state) == ("TIMED_OUT", "hangs")


def test_every_item_of_a_map_runs_a_function() -> None:
    """Plain functions on threads, each with its own item, come back in order."""

    def square(input: int) -> int:
        return input * input

    inner = task("square")
    state = {"Type": "Map", "ItemsPath": "$.l", "ItemProcessor": inner, "End": True}
    begin = {"Type": "Pass", "Result": {"l": list(range(50))}, "Next": "M"}
    document = {"StartAt": "B", "States": {"B": begin, "M": state}}
    result = run_one(a_webhook(square, takes="input", workflow=document))

    assert result.output == [number * number for number in range(50)]
