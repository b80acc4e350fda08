"""How long a task may take, and what its failures tell the queue, wherever in a workflow it is."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from holdfast.clock import ManualClock
from holdfast.compiled import CompiledWebhook, Forward
from holdfast.errors import Permanent, Retryable
from holdfast.message import Message
from holdfast.workflow.queues import Queues
from holdfast.workflow.result import Result
from http_target import Target, a_target
from task_kit import HTTP, LAMBDA, SQS, document, run, said
from workflow_kit import a_lease, a_webhook


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with a_target() as server:
        server.headers = [("Retry-After", "30")]
        server.status = 503
        yield server


@pytest.mark.parametrize(
    ("limits", "error", "seconds"),
    [
        ({"HeartbeatSeconds": 5}, "States.HeartbeatTimeout", 5),
        ({"HeartbeatSeconds": 5, "TimeoutSeconds": 9}, "States.HeartbeatTimeout", 5),
        ({"TimeoutSeconds": 9}, "States.Timeout", 9),
        ({"HeartbeatSecondsPath": "$.body.n"}, "States.HeartbeatTimeout", 3),
        ({"TimeoutSecondsPath": "$.body.n", "HeartbeatSeconds": 7}, "States.Timeout", 3),
        ({"TimeoutSecondsPath": "$.body.n", "HeartbeatSeconds": 3}, "States.Timeout", 3),
    ],
)
def test_whichever_limit_comes_first_ends_a_task(
    limits: dict[str, Any], error: str, seconds: int
) -> None:
    """A task here sends no heartbeats, so the first that is due is missed."""
    ended: list[str] = []

    async def handle() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    workflow = document("${handle}", **limits)
    webhook = a_webhook(handle, takes="nothing", workflow=workflow)
    result = run(webhook, a_lease(b'{"n": 3}'), jump=True)

    assert (result.status, result.error, result.state) == ("FAILED", error, "Call")
    assert said(result)["errorMessage"] == f"The task took longer than {seconds} seconds."
    assert ended == ["cancelled"]


@pytest.mark.parametrize("caught", ["States.HeartbeatTimeout", "States.Timeout", "States.ALL"])
def test_a_missed_heartbeat_can_be_caught(caught: str) -> None:
    """By its own name, by that of the timeout which it is one of, and by States.ALL."""

    async def handle() -> None:
        await asyncio.Event().wait()

    catch = [{"ErrorEquals": [caught], "Next": "Caught"}]
    workflow = document("${handle}", HeartbeatSeconds=2, Catch=catch)
    workflow["States"]["Caught"] = {"Type": "Succeed"}
    webhook = a_webhook(handle, takes="nothing", workflow=workflow)
    result = run(webhook, jump=True)

    assert (result.status, result.output["Error"]) == ("SUCCEEDED", "States.HeartbeatTimeout")


@pytest.mark.parametrize("resource", [LAMBDA, HTTP])
def test_services_have_the_same_limits(resource: str, target: Target) -> None:
    """A call that takes too long is ended by the state's own limit, before the service's."""
    target.let_go.clear()

    async def handle() -> None:
        await asyncio.Event().wait()

    given = {
        LAMBDA: {"FunctionName": "handle"},
        HTTP: {
            "ApiEndpoint": target.url,
            "Method": "GET",
            "InvocationConfig": {"ConnectionArn": "${api}"},
        },
    }
    workflow = document(resource, given[resource], HeartbeatSeconds=2, TimeoutSeconds=9)
    webhook = a_webhook(handle, takes="nothing", workflow=workflow, connections={"api": None})

    assert run(webhook, jump=True).error == "States.HeartbeatTimeout"


def within(shape: str, call: Mapping[str, Any]) -> dict[str, Any]:
    """The task on its own, in a branch beside another, or for each of two items."""
    state = {name: value for name, value in call.items() if name != "Next"} | {"End": True}
    branch = {"StartAt": "Call", "States": {"Call": state}}
    other = {"StartAt": "Other", "States": {"Other": {"Type": "Pass", "End": True}}}
    fork: dict[str, Any] = {
        "alone": state,
        "branch": {"Type": "Parallel", "Branches": [other, branch], "End": True},
        "item": {"Type": "Map", "ItemsPath": "$.body", "ItemProcessor": branch, "End": True},
    }
    workflow = document("${handle}")
    del workflow["States"]["Call"]
    name = "Call" if shape == "alone" else "Fork"
    workflow["States"]["Verify"]["Next"] = name
    workflow["States"][name] = fork[shape]
    return workflow


SHAPES = ("alone", "branch", "item")


def worked(webhook: CompiledWebhook, shape: str, call: Mapping[str, Any], **given: Any) -> Result:
    webhook = dataclasses.replace(webhook, workflow=within(shape, call))
    return run(webhook, a_lease(json.dumps([1, 2]).encode()), **given)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize(
    ("error", "quarantine", "after"),
    [
        (Permanent("never"), "permanent", None),
        (Retryable("later", after_seconds=9), None, 9),
        (ValueError("why"), None, None),
    ],
)
@pytest.mark.parametrize("resource", ["${handle}", LAMBDA])
def test_what_a_function_raises_steers_the_queue(
    resource: str,
    error: Exception,
    quarantine: str | None,
    after: float | None,
    shape: str,
    *,
    is_async: bool,
) -> None:
    """From a branch or an item as from the top, whether it is called by name or invoked."""

    def plain() -> None:
        raise error

    async def awaited() -> None:
        raise error

    handle = awaited if is_async else plain
    handle.__name__ = "handle"
    call = {"Type": "Task", "Resource": resource, "Parameters": {"FunctionName": "handle"}}
    result = worked(a_webhook(handle, takes="nothing"), shape, call)

    assert result.error == type(error).__name__
    assert (result.quarantine, result.retry_after_seconds) == (quarantine, after)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["forward", "http"])
def test_a_busy_target_steers_the_queue(kind: str, shape: str, target: Target) -> None:
    """Retry-After reaches the queue from wherever the call was made."""
    webhook = a_webhook(
        tasks={"notify": Forward("notify", target.url, None, (), 5.0)}, connections={"api": None}
    )
    call: dict[str, Any] = {"Type": "Task", "Resource": "${notify}"}
    if kind == "http":
        call["Resource"] = HTTP
        call["Parameters"] = {
            "ApiEndpoint": target.url,
            "Method": "POST",
            "Authentication": {"ConnectionArn": "${api}"},
        }
    result = worked(webhook, shape, call)

    assert (result.error or "").endswith("Http.StatusCode.503")
    assert result.retry_after_seconds == 30


@pytest.mark.parametrize("shape", SHAPES)
def test_a_full_store_is_a_failure_like_any(shape: str) -> None:
    """What could not be sent is tried again by the queue, with its backoff."""
    call = {
        "Type": "Task",
        "Resource": SQS,
        "Parameters": {"QueueUrl": "${queue:users}", "MessageBody": "x"},
    }
    queues = Queues((a_webhook(),), ManualClock())
    result = worked(a_webhook(), shape, call, queues=queues)

    assert result.error == "SQS.SdkClientException"
    assert (result.quarantine, result.retry_after_seconds) == (None, None)


def test_a_failure_that_was_caught_steers_nothing() -> None:
    """Only the one that ended the execution has a say."""

    def handle() -> None:
        raise Permanent("never")

    def after() -> None:
        raise ValueError("why")

    workflow = document("${handle}", Catch=[{"ErrorEquals": ["Permanent"], "Next": "After"}])
    workflow["States"]["After"] = {"Type": "Task", "Resource": "${after}", "End": True}
    result = run(a_webhook(handle, after, takes="nothing", workflow=workflow))

    assert (result.error, result.quarantine) == ("ValueError", None)


def test_tasks_of_every_kind_run_beside_each_other(target: Target) -> None:
    """Branches that call, send, forward and compute give their results in order."""
    target.status = 200
    kept: list[Message] = []

    async def keep(message: Message, _delay_seconds: float) -> None:
        kept.append(message)

    def handle() -> int:
        return 7

    calls: list[dict[str, Any]] = [
        {"Resource": "${handle}"},
        {"Resource": LAMBDA, "Parameters": {"FunctionName": "handle"}},
        {"Resource": "${notify}"},
        {
            "Resource": HTTP,
            "Parameters": {
                "ApiEndpoint": target.url,
                "Method": "GET",
                "Authentication": {"ConnectionArn": "${api}"},
            },
        },
        {"Resource": SQS, "Parameters": {"QueueUrl": "${queue:users}", "MessageBody": "x"}},
    ]
    branches = [
        {"StartAt": f"C{n}", "States": {f"C{n}": {"Type": "Task", "End": True, **call}}}
        for n, call in enumerate(calls)
    ]
    workflow = within("branch", {})
    workflow["States"]["Fork"]["Branches"] = branches
    webhook = a_webhook(handle, takes="nothing", workflow=workflow, connections={"api": None})
    notify = Forward("notify", target.url, None, (), 5.0)
    webhook = dataclasses.replace(webhook, tasks={**webhook.tasks, "notify": notify})
    result = run(webhook, queues=Queues((webhook,), ManualClock(), keep))
    plain, invoked, forwarded, called, sent = result.output

    assert (plain, invoked["Payload"], forwarded) == (7, 7, None)
    assert called["StatusCode"] == 200
    assert sent["MessageId"] == kept[0].id
