"""What is otherwise from the queue on: time, dead letters, batches, functions, tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from holdfast.aws.calls import foreign_functions, queues_sent_to
from holdfast.aws.differences.kind import Difference
from holdfast.aws.limits import Limits
from holdfast.aws.state_machine import TASK_SECONDS
from holdfast.aws.watching import LOG_DAYS
from holdfast.clock import format_duration
from holdfast.compiled import CompiledWebhook, Forward
from holdfast.workflow.asl import EXPRESS_SECONDS

BEYOND_REACH: Final = ("//localhost", "//127.", "//[::1]", "//0.0.0.0", "//host.docker.internal")


def queue(webhook: CompiledWebhook, limits: Limits) -> Iterator[Difference]:
    visible = format_duration(limits.visibility_timeout_seconds)
    first, most = (
        format_duration(each)
        for each in (webhook.pipe.backoff_seconds, webhook.pipe.max_backoff_seconds)
    )
    yield Difference(
        "backoff",
        f"the wait after a failure grows from {first} to {most}, drawn anew each time; "
        "Retryable(after_seconds=...) sets it",
        f"the wait is always the visibility timeout, {visible}; after_seconds is not heard",
        "let a Retry in the workflow wait out what passes quickly",
    )
    rest = limits.dead_retention_seconds - limits.retention_seconds
    left, tight = (f"as little as {format_duration(rest)}" if rest else "nothing"), rest < 86_400
    if limits.visibility_timeout_seconds != webhook.queue.visibility_timeout_seconds:
        yield Difference(
            "visibility timeout",
            f"{format_duration(webhook.queue.visibility_timeout_seconds)}, renewed while work runs",
            f"{visible}, six times the limit of an execution, and not renewed",
        )
    yield Difference(
        "expiry",
        f"what waits longer than {format_duration(limits.retention_seconds)} becomes a dead letter, expired",
        "SQS deletes it; an alarm tells at half of that time",
        "watch the alarm waits-too-long",
    )
    yield Difference(
        "dead letters",
        f"one rests for {format_duration(limits.dead_retention_seconds)} from its death",
        f"for one that SQS moves by itself, that time counts from its arrival: {left} may be left",
        *(("a shorter retention leaves more",) if tight else ()),
    )
    yield Difference(
        "attempt history",
        "a dead letter has every attempt, and the state that failed",
        "it has the last error with the beginning of its cause, and none where the whole execution fell; "
        f"earlier ones stand in the execution log, for {LOG_DAYS} days",
    )
    if webhook.delivery_id:
        yield Difference(
            "duplicates",
            "one that comes while the first is in progress waits a second, then for longer each time, and "
            "that is not counted",
            "it waits for the visibility timeout, and that is counted as a receive; so it is where the "
            "table does not answer whose the delivery is",
        )
    else:
        yield Difference(
            "duplicates",
            "a message comes again only where its worker died before it was done",
            "SQS now and then hands out one again that was worked, and its handler sees it twice",
            "a delivery_id lets the first state know it",
        )


def work(webhook: CompiledWebhook, limits: Limits) -> Iterator[Difference]:
    pipe = webhook.pipe
    several = f"batches of {limits.batch}, worked {limits.concurrency} at a time"
    together = several if limits.batch > 1 else "batches of one"
    yield Difference(
        "concurrency",
        f"{pipe.concurrency} messages at once in each worker process",
        f"{together}; the pipe runs as many batches as there is backlog for",
        "a reserved concurrency of the functions protects what cannot bear that",
    )
    if limits.batch < pipe.batch:
        yield Difference(
            "batch",
            f"up to {pipe.batch:,} messages start together",
            f"{limits.batch}: a whole batch fits into 262,144 bytes and {EXPRESS_SECONDS} seconds",
            "a smaller body_limit allows larger batches",
        )
    if limits.batch > 1:
        yield Difference(
            "batch",
            "a record that fails, however it does, fails alone",
            f"one that takes the whole {limits.execution_seconds} s, or ends in States.Runtime, which nothing "
            "may catch, takes its batch along: all of it comes back",
            "Pipe(batch=1) keeps every record alone",
        )
    if webhook.timeout_seconds > EXPRESS_SECONDS - 15:
        yield Difference(
            "timeout",
            f"an attempt may take {format_duration(webhook.timeout_seconds)}",
            f"AWS ends an execution after {EXPRESS_SECONDS} s, start-up of functions included",
        )
    yield Difference(
        "timeout",
        "Verify, where it has no limit of its own, may take as long as the whole workflow",
        f"it may take {TASK_SECONDS} s, start-up included; then it is States.Timeout as here, and is tried again",
    )
    yield Difference(
        "functions",
        "handlers run in worker processes that stay",
        "each task is a function in Lambda of its own: nothing is shared in memory, a first call takes "
        "seconds, the disk is /tmp, and what is left running when a handler returns is frozen",
    )
    yield Difference(
        "environment",
        "handlers read the environment and .env files",
        "they find what the stack sets and no .env; secrets that the definition names come from "
        "Secrets Manager and Parameter Store",
    )
    if any(
        not isinstance(each, Forward) and each.takes == "event" for each in webhook.tasks.values()
    ):
        yield Difference(
            "input",
            "an execution's input is what the contract says",
            "it has one member more, holdfast, in which the event travels to the tasks that take it",
        )


def tasks(webhook: CompiledWebhook) -> Iterator[Difference]:
    for task in webhook.tasks.values():
        if isinstance(task, Forward) and any(each in task.url.lower() for each in BEYOND_REACH):
            yield Difference(
                "forward",
                f"{task.name} goes to {task.url}",
                "that is the function's own machine in Lambda, where nothing listens",
                "forward to an address that is reached from AWS",
            )
    if webhook.log_level == "ALL":
        yield Difference(
            "execution log",
            "every step is kept with its input and output",
            "every step is logged, without: the log would hold what senders sent",
        )
    text = json.dumps(webhook.workflow)
    if "$$." in text or "$states.context" in text:
        yield Difference(
            "context object",
            "it is that of one event's execution",
            "an execution works a batch: Execution.Input is the array of records, and Map.Item the record",
        )
    for name, scheme in webhook.connections.items():
        if scheme is not None:
            yield Difference(
                "connection",
                f"the secret of {name} is read when it is needed",
                "it is read when the stack is deployed; EventBridge goes on with the old one until a "
                "deployment that changes the connection, or an update of it by hand",
            )
    for state in queues_sent_to(webhook.workflow):
        yield Difference(
            "sending",
            f"what state {state} sends is judged by the other webhook's body_limit",
            "SQS judges it, by the queue's limit, and takes the text as it is; one that grows beyond what "
            "Step Functions takes, quotes counting twice, rests as exhausted",
        )
    for state, function in foreign_functions(webhook.workflow).items():
        yield Difference(
            "foreign function",
            f"state {state} calls the task of that name",
            f"it calls {function}, as it is written: a function of the account, not of this stack",
            "write ${NAME} to have the task deployed; where only the data names it, the state machine's "
            "role needs a right that you give it",
        )
