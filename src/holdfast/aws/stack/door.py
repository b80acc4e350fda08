"""What stands in front of a webhook's queue: its path in the API, methods, model, answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Aws, Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from holdfast.aws.answers import IntegrationResponse
from holdfast.aws.contract import DOOR
from holdfast.aws.plan import WebhookPlan
from holdfast.aws.resources import Integration, Method, Ref
from holdfast.aws.stack.references import References
from holdfast.aws.stack.shared import SharedParts

OVERRIDDEN: Final = (413, 500)
"""Set by the template of an integration response in the place of its own status."""


def add_methods(
    scope: Construct,
    shared: SharedParts,
    refer: References,
    webhook: WebhookPlan,
    role: iam.Role | None,
    functions: Mapping[str, lambda_.Function],
) -> None:
    """role: with which API Gateway sends to the queue."""
    api = shared.api
    resource = api.root.resource_for_path(webhook.path) if webhook.path != "/" else api.root
    model = _model(scope, shared, webhook)
    for method in webhook.methods:
        integration = _integration(method.integration, refer, role, functions)
        more: dict[str, Any] = {}
        if method.models:
            more = {
                "request_models": dict.fromkeys(method.models, model),
                "request_validator": shared.validator,
            }
        resource.add_method(
            method.verb,
            integration,
            authorization_type=apigateway.AuthorizationType.NONE,
            method_responses=_method_responses(method),
            **more,
        )


def _model(scope: Construct, shared: SharedParts, webhook: WebhookPlan) -> apigateway.IModel | None:
    """Raw, because the CDK's own model knows fewer words of draft-04 than API Gateway."""
    if webhook.model is None:
        return None
    made = apigateway.CfnModel(
        scope,
        "model",
        rest_api_id=shared.api.rest_api_id,
        content_type="application/json",
        schema=dict(webhook.model.schema),
    )
    deployment = shared.api.latest_deployment
    if deployment is not None:
        # The stage would go on with the old schema otherwise.
        deployment.add_to_logical_id(json.dumps(webhook.model.schema, sort_keys=True))
        deployment.node.add_dependency(made)
    return apigateway.Model.from_model_name(scope, "model-name", made.ref)


def _integration(
    planned: Integration,
    refer: References,
    role: iam.Role | None,
    functions: Mapping[str, lambda_.Function],
) -> apigateway.Integration:
    timeout = Duration.millis(planned.timeout_ms)
    if planned.kind == "lambda":
        return apigateway.LambdaIntegration(
            functions[DOOR], proxy=True, timeout=timeout, allow_test_invoke=False
        )
    options: dict[str, Any] = {
        "passthrough_behavior": apigateway.PassthroughBehavior.NEVER,
        "request_templates": dict(planned.templates),
        "integration_responses": [_response(each) for each in planned.responses],
    }
    if planned.kind == "mock":
        return apigateway.MockIntegration(**options)
    headers = {
        f"integration.request.header.{name}": value
        for name, value in planned.request_headers.items()
    }
    handling = apigateway.ContentHandling.CONVERT_TO_TEXT if planned.content_handling else None
    options |= {
        "credentials_role": role,
        "request_parameters": headers,
        "content_handling": handling,
        "timeout": timeout,
    }
    return apigateway.AwsIntegration(
        service="sqs",
        path=f"{Aws.ACCOUNT_ID}/{refer.value(Ref('queue', 'name'))}",
        integration_http_method="POST",
        options=apigateway.IntegrationOptions(**options),
    )


def _response(planned: IntegrationResponse) -> apigateway.IntegrationResponse:
    return apigateway.IntegrationResponse(
        status_code=str(planned.status),
        selection_pattern=planned.pattern,
        response_parameters={
            f"method.response.header.{name}": value for name, value in planned.headers.items()
        },
        response_templates={"application/json": planned.template},
    )


def _method_responses(method: Method) -> list[apigateway.MethodResponse]:
    """Every status that may be answered, with the headers that any answer of it has."""
    found: dict[int, dict[str, bool]] = {}
    for each in method.integration.responses:
        headers = found.setdefault(each.status, {})
        headers |= {f"method.response.header.{name}": True for name in each.headers}
    if method.integration.kind == "sqs":
        retry = {"method.response.header.Retry-After": True}
        for status in OVERRIDDEN:
            found.setdefault(status, retry)
    return [
        apigateway.MethodResponse(status_code=str(status), response_parameters=headers or None)
        for status, headers in found.items()
    ]
