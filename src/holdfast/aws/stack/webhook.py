"""One webhook: from its path in the API to its alarms."""

from __future__ import annotations

from typing import Any, Final

from aws_cdk import CfnOutput, Duration, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_pipes as pipes
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from holdfast.aws.contract import SENDERS
from holdfast.aws.deployed import PARTS
from holdfast.aws.plan import WebhookPlan
from holdfast.aws.resources import Alarm, Connection, DeadLetters, Function, Queue
from holdfast.aws.stack.door import add_methods
from holdfast.aws.stack.reasons import acknowledge
from holdfast.aws.stack.references import Part, References, tagged
from holdfast.aws.stack.shared import SharedParts, instance, retention

HANDLER: Final = "holdfast.aws.worker.entry.handle"

OPEN: Final = "none"
"""What a connection sends to an API that asks for nothing."""

_XRAY: Final = (
    *("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    *("xray:GetSamplingRules", "xray:GetSamplingTargets"),
)


class ResilientWebhook(Construct):
    """Receives events at one path, and never loses one.

        planned = plan(compiled)
        shared = SharedParts(stack, "webhooks", plan=planned, bundle=...)
        ResilientWebhook(stack, "orders", webhook=planned.webhooks[0], shared=shared)

    webhook: one of the plan that `shared` was made with.
    """

    def __init__(
        self, scope: Construct, id: str, *, webhook: WebhookPlan, shared: SharedParts
    ) -> None:
        super().__init__(scope, id)
        self.webhook = webhook
        self._shared = shared
        self._refer = shared.references(webhook)
        self.dead_letters = self._queue("dead_letters", webhook.dead_letters)
        self.queue = self._queue("queue", webhook.queue, self.dead_letters)
        self._groups = {each.part: self._log_group(each.part) for each in webhook.log_groups}
        self._roles = {role.part: role for role in webhook.roles}
        self.functions = {each.task: self._function(each) for each in webhook.functions}
        for each in webhook.connections:
            self._connection(each)
        self.state_machine = self._machine()
        self.pipe = self._pipe()
        door = self._role("role:api") if "role:api" in self._roles else None
        add_methods(self, shared, self._refer, webhook, door, self.functions)
        self.alarms = [add_alarm(self, shared, self._refer, each) for each in webhook.alarms]
        self._tell()
        tagged(self, shared.plan.name, webhook.name)
        acknowledge(self)

    def _queue(
        self, part: str, planned: Queue | DeadLetters, dead: sqs.Queue | None = None
    ) -> sqs.Queue:
        more: dict[str, Any] = {}
        if isinstance(planned, Queue):
            more = {
                "visibility_timeout": Duration.seconds(planned.visibility_timeout_seconds),
                "receive_message_wait_time": Duration.seconds(planned.receive_wait_seconds),
                "dead_letter_queue": sqs.DeadLetterQueue(
                    max_receive_count=planned.max_receive_count, queue=dead
                ),
            }
        queue = sqs.Queue(
            self,
            part,
            retention_period=Duration.seconds(planned.retention_seconds),
            max_message_size_bytes=planned.maximum_message_bytes,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN,
            **more,
        )
        self._refer.add(part, Part(queue.queue_name, queue.queue_arn, queue.queue_url))
        return queue

    def _log_group(self, part: str) -> logs.LogGroup:
        (planned,) = (each for each in self.webhook.log_groups if each.part == part)
        group = logs.LogGroup(
            self,
            part.replace(":", "-"),
            log_group_name=planned.name.replace("{stack}", instance()),
            retention=retention(planned.retention_days),
            removal_policy=RemovalPolicy.RETAIN,
        )
        self._refer.add(part, Part(group.log_group_name, group.log_group_arn))
        return group

    def _role(self, part: str) -> iam.Role:
        return self._refer.role(self, self._roles[part])

    def _function(self, planned: Function) -> lambda_.Function:
        environment = self._refer.values(planned.environment)
        made = lambda_.Function(
            self,
            planned.part.replace(":", "-"),
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=HANDLER,
            code=self._shared.code,
            timeout=Duration.seconds(planned.timeout_seconds),
            memory_size=planned.memory_mb,
            environment={**environment, "HOLDFAST_DEFINITION": self._shared.definition},
            role=self._role(f"role:{planned.part}"),
            log_group=self._groups[f"log:{planned.part}"],
            tracing=lambda_.Tracing.ACTIVE if self._shared.tracing else lambda_.Tracing.DISABLED,
            description=f"{planned.task} of {self.webhook.path}",
        )
        self._refer.add(planned.part, Part(made.function_name, made.function_arn))
        return made

    def _connection(self, planned: Connection) -> None:
        """Its secret is read from Secrets Manager when it is deployed; no template holds it."""
        if planned.secret is None:
            value = SecretValue.unsafe_plain_text(OPEN)
        else:
            value = SecretValue.secrets_manager(planned.secret.name)
        if planned.header is None:
            proof = events.Authorization.basic(planned.user or "", value)
        elif planned.prefix:
            prefixed = SecretValue.unsafe_plain_text(planned.prefix + value.unsafe_unwrap())
            proof = events.Authorization.api_key(planned.header, prefixed)
        else:
            proof = events.Authorization.api_key(planned.header, value)
        made = events.Connection(self, planned.part.replace(":", "-"), authorization=proof)
        self._refer.add(planned.part, Part(made.connection_name, made.connection_arn))

    def _machine(self) -> stepfunctions.CfnStateMachine:
        planned = self.webhook.state_machine
        role = self._role("role:state_machine")
        if self._shared.tracing:
            role.add_to_policy(iam.PolicyStatement(actions=[*_XRAY], resources=["*"]))
        group = self._groups["log:state_machine"].log_group_arn
        destination = stepfunctions.CfnStateMachine.LogDestinationProperty(
            cloud_watch_logs_log_group=stepfunctions.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                log_group_arn=group
            )
        )
        made = stepfunctions.CfnStateMachine(
            self,
            "state_machine",
            role_arn=role.role_arn,
            state_machine_type="EXPRESS",
            definition_string=planned.definition,
            definition_substitutions=self._refer.values(planned.substitutions),
            logging_configuration=stepfunctions.CfnStateMachine.LoggingConfigurationProperty(
                level=planned.log_level,
                include_execution_data=planned.include_execution_data,
                destinations=[destination],
            ),
            tracing_configuration=stepfunctions.CfnStateMachine.TracingConfigurationProperty(
                enabled=self._shared.tracing
            ),
        )
        # Its rights may stand below the role, and are to be there before it runs.
        made.node.add_dependency(role)
        self._refer.add("state_machine", Part(made.attr_name, made.attr_arn))
        return made

    def _pipe(self) -> pipes.CfnPipe:
        planned = self.webhook.pipe
        role = self._role("role:pipe")
        log: Any = None
        if planned.log_level != "OFF":
            log = pipes.CfnPipe.PipeLogConfigurationProperty(
                level=planned.log_level,
                cloudwatch_logs_log_destination=pipes.CfnPipe.CloudwatchLogsLogDestinationProperty(
                    log_group_arn=self._groups["log:pipe"].log_group_arn
                ),
            )
        made = pipes.CfnPipe(
            self,
            "pipe",
            role_arn=role.role_arn,
            source=self.queue.queue_arn,
            source_parameters=pipes.CfnPipe.PipeSourceParametersProperty(
                sqs_queue_parameters=pipes.CfnPipe.PipeSourceSqsQueueParametersProperty(
                    batch_size=planned.batch,
                    maximum_batching_window_in_seconds=planned.window_seconds,
                )
            ),
            target=self.state_machine.attr_arn,
            target_parameters=pipes.CfnPipe.PipeTargetParametersProperty(
                step_function_state_machine_parameters=pipes.CfnPipe.PipeTargetStateMachineParametersProperty(
                    invocation_type=planned.invocation
                )
            ),
            desired_state=planned.desired_state,
            log_configuration=log,
        )
        self._refer.add("pipe", Part(made.ref, made.attr_arn))
        return made

    def _tell(self) -> None:
        """For people, where to send; for the operator verbs, one output with everything."""
        stack, path = Stack.of(self), self.webhook.path
        url = self._shared.url(path)
        CfnOutput(self, "url", value=url, description=f"{path}: where senders reach it")
        senders = self.webhook.state_machine.substitutions.get(SENDERS, "")
        parts = {
            "webhook": self.webhook.name,
            "url": url,
            "queue": self.queue.queue_url,
            "dead": self.dead_letters.queue_url,
            "pipe": self.pipe.ref,
            "machine": self.state_machine.attr_arn,
            "senders": self._refer.value(senders),
        }
        told = stack.to_json_string(parts)
        CfnOutput(self, "parts", value=told, description=PARTS)


def add_alarm(
    scope: Construct, shared: SharedParts, refer: References, planned: Alarm
) -> cloudwatch.Alarm:
    """An alarm of the plan, to the stack's topic."""
    metric = cloudwatch.Metric(
        namespace=planned.namespace,
        metric_name=planned.metric,
        dimensions_map=refer.values(planned.dimensions),
        statistic=planned.statistic,
        period=Duration.seconds(planned.period_seconds),
    )
    made = cloudwatch.Alarm(
        scope,
        f"alarm-{planned.name}",
        alarm_description=planned.why,
        metric=metric,
        threshold=planned.threshold,
        evaluation_periods=planned.periods,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    made.add_alarm_action(actions.SnsAction(shared.topic))
    return made
