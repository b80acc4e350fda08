"""What becomes of alert rules on AWS: the stack has alarms of its own, on one topic. Pure.

Nobody looks there as the supervisor does here. For some rules an alarm of the stack stands in; for
others there is none, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast.aws.differences import Difference
from holdfast.aws.resources import Alarm
from holdfast.clock import format_duration
from holdfast.compiled import AlertRule, Compiled, CompiledWebhook

TOPIC: Final = "alerts"


def alert_differences(
    webhook: CompiledWebhook, compiled: Compiled, alarms: tuple[Alarm, ...]
) -> Iterator[Difference]:
    """One for each rule that watches this webhook, then one of who is told."""
    by_name = {alarm.name: alarm for alarm in alarms}
    watching = [rule for rule in compiled.alerts if webhook.name in rule.webhooks]
    for rule in watching:
        yield _of(rule, by_name)
    if watching and compiled.notify:
        names = ", ".join(target.name for target in compiled.notify)
        yield Difference(
            TOPIC,
            f"messages go to {names}, grouped, and repeated after their quiet time",
            "alarms go to the stack's topic, one message each when it begins, and none when it ends",
            "subscribe to the topic: an e-mail address, a URL, or AWS Chatbot for Slack",
        )


def _of(rule: AlertRule, alarms: dict[str, Alarm]) -> Difference:
    here = f"{rule.name}: {rule.condition}"
    match rule.watches:
        case "oldest":
            half = format_duration(alarms["waits-too-long"].threshold)
            return Difference(
                TOPIC, here, f"the alarm waits-too-long, but at half of the retention: {half}"
            )
        case "dead":
            more = "" if not rule.over else ", and with the first one"
            return Difference(
                TOPIC, here, f"the alarm dead-letters{more}; those that were put aside count too"
            )
        case "new_dead":
            return Difference(
                TOPIC,
                here,
                "the alarm dead-letters, which stands while any rest, not while new ones come",
            )
        case "failure_rate":
            return Difference(
                TOPIC,
                here,
                "no alarm on a share; workflow-failed, workflow-timed-out and pipe-failed tell of whole "
                "batches, dead-letters of what failed for good",
            )
        case "depth":
            return Difference(
                TOPIC,
                here,
                "no alarm of the stack",
                "an alarm of your own on ApproximateNumberOfMessagesVisible of the queue",
            )
        case "silence":
            return Difference(
                TOPIC,
                here,
                "no alarm of the stack",
                "an alarm of your own on NumberOfMessagesSent of the queue, missing data breaching",
            )
        case "provider":
            return Difference(
                TOPIC, here, "no guard; the alarm api-5xx tells that senders are told to come back"
            )
