"""What `plan` says of alert rules: which alarm of the stack stands for each, if any does."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from alert_kit import a_rule, a_slack
from holdfast.alerts import Subject
from holdfast.aws.differences import Difference
from holdfast.aws.plan import plan
from holdfast.compiled import Compiled
from plan_kit import one


def told(*rules: Any, targets: Any = ()) -> list[Difference]:
    webhook = one(name="users")
    (planned,) = plan(Compiled("shop", (webhook,), rules, targets)).webhooks
    return [each for each in planned.differences if each.topic == "alerts"]


@pytest.mark.parametrize("watches", get_args(Subject))
def test_every_rule_is_named(watches: str) -> None:
    """With what it watches here, and what does there."""
    (found,) = told(a_rule(watches, window_seconds=300.0))

    assert found.here.startswith(f"{watches}: ")
    assert found.aws


@pytest.mark.parametrize("watches", get_args(Subject))
def test_an_alarm_that_is_named_is_one_of_the_stack(watches: str) -> None:
    """Nothing is promised that no alarm keeps."""
    rule = a_rule(watches, window_seconds=300.0)
    stack = plan(Compiled("shop", (one(name="users"),), (rule,)))
    known = {alarm.name for alarm in (*stack.alarms, *stack.webhooks[0].alarms)}
    (found,) = told(rule)
    words = {word.strip(",;:") for word in found.aws.split() if "-" in word}

    assert words <= known
    assert bool(words) != ("no alarm of the stack" in found.aws)


def test_a_threshold_that_is_another_one_is_said() -> None:
    """Half of the retention (here a minute) instead of ten minutes; the first dead letter instead of
    the eleventh."""
    (oldest,) = told(a_rule("oldest", over=600))
    (dead,) = told(a_rule("dead", over=10))

    assert oldest.aws.endswith("at half of the retention: 30s")
    assert "with the first one" in dead.aws


def test_who_is_told_is_said_once() -> None:
    """The stack has a topic, and neither Slack nor mail of its own; alarms have no action at their end."""
    found = told(a_rule("dead"), a_rule("depth"), targets=(a_slack(),))

    (slack,) = (each for each in found if "slack" in each.here)

    assert slack.here == "messages go to slack, grouped, and repeated after their quiet time"
    assert "one message each when it begins, and none when it ends" in slack.aws


def test_a_webhook_that_no_rule_watches_is_not_told_of_any() -> None:
    """Rules of others are no difference of its own."""
    assert told(a_rule("dead", webhooks=("orders",)), targets=(a_slack(),)) == []
