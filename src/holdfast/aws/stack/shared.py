"""What all webhooks of a definition have together: the API, the table, the topic, the code."""

from __future__ import annotations

import json
from typing import Final

from aws_cdk import AssetHashType, Aws, CfnOutput, Fn, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from holdfast.aws.bundle import Bundle
from holdfast.aws.deployed import TABLE
from holdfast.aws.plan import StackPlan, WebhookPlan
from holdfast.aws.resources import Allow, Api
from holdfast.aws.stack.reasons import acknowledge
from holdfast.aws.stack.references import Part, References, tagged
from holdfast.errors import DefinitionError


class SharedParts(Construct):
    """Made once in a stack; every `ResilientWebhook` of the same plan is put beside it.

    account_role: let API Gateway write logs in this account. It is a setting of the whole account
    and Region: False where somebody has made it already. Raises DefinitionError where the plan has
    obstacles.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        plan: StackPlan,
        bundle: Bundle,
        tracing: bool = False,
        account_role: bool = True,
    ) -> None:
        super().__init__(scope, id)
        refuse_obstacles(plan)
        self.plan = plan
        self.tracing = tracing
        self.definition = bundle.definition
        self.code = lambda_.Code.from_asset(
            str(bundle.path), asset_hash=bundle.digest, asset_hash_type=AssetHashType.CUSTOM
        )
        self._webhooks: dict[str, References] = {}
        self.table = _table(self, plan)
        self.topic = _topic(self)
        self.api = _api(self, plan, tracing=tracing, account_role=account_role)
        self.validator = self.api.add_request_validator("body", validate_request_body=True)
        for answer in plan.api.responses:
            self.api.add_gateway_response(
                answer.type,
                type=apigateway.ResponseType.of(answer.type),
                status_code=None if answer.status is None else str(answer.status),
                response_headers=dict(answer.headers) or None,
                templates={"application/json": answer.template},
            )
        # Without it the operator verbs take the stack for somebody else's.
        CfnOutput(self, "ledger", value=self.table.table_name, description=TABLE)
        tagged(self, plan.name)
        acknowledge(self)

    def references(self, webhook: WebhookPlan) -> References:
        """An empty set of parts for a webhook, beside which those of the stack stand."""
        found = self._webhooks[webhook.name] = self.everywhere()
        return found

    def everywhere(self) -> References:
        """The parts of the stack alone."""
        shared = {
            "stack": Part(name=Aws.STACK_NAME, arn=Aws.STACK_ID),
            "api": Part(name=self.api.rest_api_name),
            "table": Part(name=self.table.table_name, arn=self.table.table_arn),
            "topic": Part(name=self.topic.topic_name, arn=self.topic.topic_arn),
        }
        return References(shared, self._webhooks.__getitem__)

    def url(self, path: str) -> str:
        """Where senders reach a webhook."""
        return str(self.api.url_for_path(path))


def refuse_obstacles(planned: StackPlan) -> None:
    """Raises DefinitionError with all of them."""
    if planned.every_obstacle:
        raise DefinitionError(planned.every_obstacle)


def instance() -> str:
    """The stack's name and a mark of its own, so that a second one of that name, after the first
    was deleted and left its logs behind, has logs of its own."""
    mark = Fn.select(0, Fn.split("-", Fn.select(2, Fn.split("/", Aws.STACK_ID))))
    return f"{Aws.STACK_NAME}-{mark}"


def _table(scope: Construct, plan: StackPlan) -> dynamodb.Table:
    return dynamodb.Table(
        scope,
        "table",
        partition_key=dynamodb.Attribute(
            name=plan.table.partition_key, type=dynamodb.AttributeType.STRING
        ),
        time_to_live_attribute=plan.table.ttl_attribute,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        removal_policy=RemovalPolicy.RETAIN,
    )


def _topic(scope: Construct) -> sns.Topic:
    topic = sns.Topic(scope, "alarms", enforce_ssl=True)
    # A policy of its own takes the place of the one by which the account may publish.
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AlarmsMayPublish",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )
    return topic


def _api(
    scope: Construct, plan: StackPlan, *, tracing: bool, account_role: bool
) -> apigateway.RestApi:
    planned = plan.api
    group = logs.LogGroup(
        scope,
        "access-log",
        log_group_name=f"/aws/vendedlogs/apigateway/{instance()}",
        retention=retention(planned.access_log_days),
        removal_policy=RemovalPolicy.RETAIN,
    )
    stage = apigateway.StageOptions(
        stage_name=planned.stage,
        throttling_rate_limit=planned.throttle.per_second,
        throttling_burst_limit=planned.throttle.burst,
        method_options={
            f"{each.path.rstrip('/')}/{method.verb}": apigateway.MethodDeploymentOptions(
                throttling_rate_limit=each.throttle.per_second,
                throttling_burst_limit=each.throttle.burst,
                # A method with settings of its own has none of the stage's.
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,
            )
            for each in plan.webhooks
            for method in each.methods
            if method.verb != "ANY"
        },
        access_log_destination=apigateway.LogGroupLogDestination(group),
        access_log_format=apigateway.AccessLogFormat.custom(json.dumps(dict(planned.access_log))),
        logging_level=apigateway.MethodLoggingLevel.ERROR,
        data_trace_enabled=False,
        tracing_enabled=tracing,
    )
    return apigateway.RestApi(
        scope,
        "api",
        rest_api_name=f"{Aws.STACK_NAME}-{planned.name}",
        endpoint_types=[apigateway.EndpointType.REGIONAL],
        binary_media_types=list(planned.binary_types) or None,
        cloud_watch_role=account_role,
        deploy_options=stage,
        policy=_policy(planned),
    )


def _policy(api: Api) -> iam.PolicyDocument | None:
    """Everybody may send, but to a path with an allow-list only those who are on it."""
    if not api.allow:
        return None

    def statement(effect: iam.Effect, *resources: str, **more: object) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            effect=effect,
            principals=[iam.AnyPrincipal()],
            actions=["execute-api:Invoke"],
            resources=[f"execute-api:/{each}" for each in resources],
            **more,
        )

    def refused(allow: Allow) -> iam.PolicyStatement:
        conditions = {"NotIpAddress": {"aws:SourceIp": list(allow.networks)}}
        return statement(iam.Effect.DENY, *allow.resources, conditions=conditions)

    return iam.PolicyDocument(
        statements=[statement(iam.Effect.ALLOW, "*"), *map(refused, api.allow)]
    )


def retention(days: int) -> logs.RetentionDays:
    """The CDK's word for a number of days."""
    return _DAYS[days]


_DAYS: Final = {
    1: logs.RetentionDays.ONE_DAY,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}
