"""What is written down, and what somebody is woken for: log groups and alarms of one webhook."""

from __future__ import annotations

from typing import Final

from holdfast.aws.resources import Alarm, Function, LogGroup, Queue, Ref
from holdfast.compiled import CompiledWebhook

STILL_SECONDS: Final = 3_600
"""How old the oldest event is at least before somebody is asked whether the pipe is stopped."""

LOG_DAYS: Final = 30
"""Longer than an event waits and then lies dead, on most settings: the trail outlives it."""


def log_groups(webhook: CompiledWebhook, functions: tuple[Function, ...]) -> tuple[LogGroup, ...]:
    """`{stack}` is the stack's own name, so that two stacks of one definition have their own."""
    groups = [
        LogGroup("log:state_machine", f"/aws/vendedlogs/states/{{stack}}-{webhook.name}", LOG_DAYS),
        LogGroup("log:pipe", f"/aws/vendedlogs/pipes/{{stack}}-{webhook.name}", LOG_DAYS),
    ]
    for each in functions:
        task = each.task.replace(":", "-")
        name = f"/aws/lambda/{{stack}}-{webhook.name}-{task}"
        groups.append(LogGroup(f"log:{each.part}", name, LOG_DAYS))
    return tuple(groups)


def alarms(queue: Queue, functions: tuple[Function, ...]) -> tuple[Alarm, ...]:
    """What somebody should be woken for. To one topic, which the stack makes."""
    half = queue.retention_seconds // 2
    waiting, dead = {"QueueName": Ref("queue", "name")}, {"QueueName": Ref("dead_letters", "name")}
    piped = {"PipeName": Ref("pipe", "name")}
    run = {"StateMachineArn": Ref("state_machine", "arn")}
    pipes = "AWS/EventBridge/Pipes"
    found = [
        Alarm(
            "dead-letters", "an event could not be worked, and rests", "AWS/SQS",
            "ApproximateNumberOfMessagesVisible", dead, "Maximum", 1,
        ),
        Alarm(
            "waits-too-long", "half of the retention has passed; SQS deletes what expires", "AWS/SQS",
            "ApproximateAgeOfOldestMessage", waiting, "Maximum", half, 300,
        ),
        Alarm("pipe-failed", "a batch came back whole", pipes, "ExecutionFailed", piped, "Sum", 1, 300),
        Alarm("pipe-timeout", "a batch took too long", pipes, "ExecutionTimeout", piped, "Sum", 1, 300),
        Alarm(
            "pipe-throttled", "the pipe is held back, or about to stop", pipes,
            "ExecutionThrottled", piped, "Sum", 1, 300, 3,
        ),
        Alarm(
            "workflow-failed", "an error that nothing may catch took a batch along", "AWS/States",
            "ExecutionsFailed", run, "Sum", 1,
        ),
        Alarm(
            "workflow-timed-out", "an execution took its whole time, and its batch along", "AWS/States",
            "ExecutionsTimedOut", run, "Sum", 1,
        ),
    ]  # fmt: skip
    # No metric says that a pipe is stopped, which AWS does by itself where it lacks a right.
    tries = queue.max_receive_count * queue.visibility_timeout_seconds
    still = max(STILL_SECONDS, 2 * tries)
    if still < half:
        found.append(
            Alarm(
                "stands-still", "nothing has been worked for long: is the pipe stopped?", "AWS/SQS",
                "ApproximateAgeOfOldestMessage", waiting, "Maximum", still, 300,
            )
        )  # fmt: skip
    for each in functions:
        called = {"FunctionName": Ref(each.part, "name")}
        name = f"throttled-{each.task.replace(':', '-')}"
        why = "Lambda ran out of concurrency"
        found.append(Alarm(name, why, "AWS/Lambda", "Throttles", called, "Sum", 1, 300))
    return tuple(found)
