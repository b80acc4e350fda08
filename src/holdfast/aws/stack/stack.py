"""A whole definition as one stack, and its dashboard."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from holdfast.aws.bundle import BUNDLES, LAMBDA, Bundle, bundle, ingredients
from holdfast.aws.plan import plan
from holdfast.aws.stack.shared import SharedParts, refuse_obstacles
from holdfast.aws.stack.webhook import ResilientWebhook, add_alarm
from holdfast.compile import compile_app, load

STATUS_MAX: Final = 100
"""Alarms that one widget of a dashboard can show; of one with more, CloudWatch refuses the whole."""


class WebhookStack(Stack):
    """Every webhook of a definition.

        WebhookStack(app, "Hooks", definition="hooks.py")

    definition: the file, or the path of one. bundle: what was put together before, instead of
    putting it together now, below `.holdfast`. tracing: X-Ray. account_role: see `SharedParts`.
    Raises DefinitionError, also where the definition cannot be on AWS as it is, and BundleFailed.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        definition: str | Path,
        bundle: Bundle | None = None,
        tracing: bool = False,
        account_role: bool = True,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id, **stack)
        path = Path(definition)
        compiled = compile_app(load(path))
        self.plan = plan(compiled)
        refuse_obstacles(self.plan)
        made = bundle or bundled(path)
        shared = self.shared = SharedParts(
            self,
            "shared",
            plan=self.plan,
            bundle=made,
            tracing=tracing,
            account_role=account_role,
        )
        self.webhooks = {
            each.name: ResilientWebhook(self, each.name, webhook=each, shared=shared)
            for each in self.plan.webhooks
        }
        everywhere = shared.everywhere()
        alarms = [add_alarm(self, shared, everywhere, each) for each in self.plan.alarms]
        _dashboard(self, alarms, self.webhooks.values())
        CfnOutput(self, "topic", value=shared.topic.topic_arn, description="where alarms go")


def bundled(definition: Path, folder: Path = BUNDLES) -> Bundle:
    """What the functions of a definition run, put together for Lambda."""
    return bundle(ingredients(compile_app(load(definition)), definition, LAMBDA), folder)


def _dashboard(
    stack: Stack, alarms: list[cloudwatch.Alarm], webhooks: Iterable[ResilientWebhook]
) -> None:
    """The alarms first, then a row for each webhook: what waits, how old, how it goes."""
    every = [*alarms, *(alarm for each in webhooks for alarm in each.alarms)]
    board = cloudwatch.Dashboard(stack, "dashboard", default_interval=Duration.hours(12))
    for start in range(0, len(every), STATUS_MAX):
        shown = every[start : start + STATUS_MAX]
        board.add_widgets(cloudwatch.AlarmStatusWidget(title="alarms", alarms=shown, width=24))
    for each in webhooks:
        board.add_widgets(*_row(each))


def _row(webhook: ResilientWebhook) -> list[cloudwatch.GraphWidget]:
    name = webhook.webhook.path
    queue, dead = webhook.queue, webhook.dead_letters
    machine = {"StateMachineArn": webhook.state_machine.attr_arn}

    def runs(metric: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/States", metric_name=metric, dimensions_map=machine, statistic="Sum"
        )

    def graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(title=f"{name}: {title}", left=[*metrics], width=6)

    return [
        graph(
            "waiting, in work",
            queue.metric_approximate_number_of_messages_visible(),
            queue.metric_approximate_number_of_messages_not_visible(),
        ),
        graph("age of the oldest", queue.metric_approximate_age_of_oldest_message()),
        graph("batches", runs("ExecutionsSucceeded"), runs("ExecutionsFailed")),
        graph("dead letters", dead.metric_approximate_number_of_messages_visible()),
    ]
