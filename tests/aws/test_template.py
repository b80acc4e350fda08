"""The written template against the plan, number by number."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from conftest import EXAMPLES

from holdfast.aws.plan import StackPlan, WebhookPlan, resource_count, text_bytes

SNAPSHOT: Final = Path(__file__).parent / "hooks.template.json"
_HASHES: Final = re.compile(r"(?<=[A-Za-z])[0-9A-F]{8}(?![0-9A-Fa-f])|[0-9a-f]{64}|[0-9a-f]{32}")


def of_type(template: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    found = template["Resources"].items()
    return {id: each["Properties"] for id, each in found if each["Type"] == f"AWS::{name}"}


def one_of(template: Mapping[str, Any], name: str, start: str) -> dict[str, Any]:
    """The only resource of a type whose logical id begins so."""
    (found,) = (each for id, each in of_type(template, name).items() if id.startswith(start))
    return found


@pytest.fixture(params=["users", "slack", "orders"])
def webhook(request: pytest.FixtureRequest, hooks: StackPlan) -> WebhookPlan:
    (found,) = (each for each in hooks.webhooks if each.name == request.param)
    return found


def test_queues_have_the_planned_numbers(template: dict[str, Any], webhook: WebhookPlan) -> None:
    """Retention, visibility, size, receives; encrypted, over TLS only, and kept without the stack."""
    queue = one_of(template, "SQS::Queue", f"{webhook.name}queue")
    dead = one_of(template, "SQS::Queue", f"{webhook.name}deadletters")
    planned = webhook.queue

    assert queue.pop("RedrivePolicy")["maxReceiveCount"] == planned.max_receive_count
    assert {name: queue[name] for name in sorted(queue) if name != "Tags"} == {
        "MaximumMessageSize": planned.maximum_message_bytes,
        "MessageRetentionPeriod": planned.retention_seconds,
        "ReceiveMessageWaitTimeSeconds": planned.receive_wait_seconds,
        "SqsManagedSseEnabled": True,
        "VisibilityTimeout": planned.visibility_timeout_seconds,
    }
    assert dead["MessageRetentionPeriod"] == webhook.dead_letters.retention_seconds
    assert dead["MaximumMessageSize"] == webhook.dead_letters.maximum_message_bytes
    kept = [each for each in template["Resources"].values() if each["Type"] == "AWS::SQS::Queue"]
    assert {each["DeletionPolicy"] for each in kept} == {"Retain"}
    policies = of_type(template, "SQS::QueuePolicy").values()
    statements = [one for each in policies for one in each["PolicyDocument"]["Statement"]]
    assert len(statements) == len(kept)
    assert all(one["Effect"] == "Deny" for one in statements)
    assert {str(one["Condition"]) for one in statements} == {
        "{'Bool': {'aws:SecureTransport': 'false'}}"
    }


def test_the_pipe_waits_for_the_answer(template: dict[str, Any], webhook: WebhookPlan) -> None:
    """Batch, window, invocation, state and level are the plan's, and its role is its account's."""
    pipe = one_of(template, "Pipes::Pipe", webhook.name)
    planned = webhook.pipe

    assert pipe["SourceParameters"]["SqsQueueParameters"] == {
        "BatchSize": planned.batch,
        "MaximumBatchingWindowInSeconds": planned.window_seconds,
    }
    assert pipe["TargetParameters"] == {
        "StepFunctionStateMachineParameters": {"InvocationType": "REQUEST_RESPONSE"}
    }
    assert (pipe["DesiredState"], pipe["LogConfiguration"]["Level"]) == ("RUNNING", "ERROR")
    role = one_of(template, "IAM::Role", f"{webhook.name}rolepipe")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_state_machine_is_the_planned_text(
    template: dict[str, Any], webhook: WebhookPlan
) -> None:
    """Express, word for word, each placeholder with a value, its log without data."""
    machine = one_of(template, "StepFunctions::StateMachine", webhook.name)
    planned = webhook.state_machine

    assert machine["DefinitionString"] == planned.definition
    assert set(machine["DefinitionSubstitutions"]) == set(planned.substitutions)
    assert machine["StateMachineType"] == "EXPRESS"
    assert machine["LoggingConfiguration"]["Level"] == planned.log_level
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False


def test_functions_are_the_planned_ones(template: dict[str, Any], webhook: WebhookPlan) -> None:
    """One per task, all of one asset, each with its time, and its name in the environment."""
    made = {
        each["Environment"]["Variables"]["HOLDFAST_TASK"]: each
        for id, each in of_type(template, "Lambda::Function").items()
        if id.startswith(webhook.name)
    }

    assert set(made) == {each.task for each in webhook.functions}
    for planned in webhook.functions:
        each = made[planned.task]
        assert (each["Timeout"], each["MemorySize"], each["Architectures"], each["Runtime"]) == (
            planned.timeout_seconds,
            planned.memory_mb,
            ["arm64"],
            "python3.13",
        )
        variables = each["Environment"]["Variables"]
        assert set(variables) == {*planned.environment, "HOLDFAST_DEFINITION"}
        assert "it is a secret" not in json.dumps(each)
    code = {str(each["Code"]["S3Key"]) for each in of_type(template, "Lambda::Function").values()}
    assert len(code) == 1


def test_roles_have_the_planned_rights_and_no_others(
    template: dict[str, Any], webhook: WebhookPlan
) -> None:
    """Every action of every role stands in the plan, and `*` only where the plan has it."""
    made = {
        id: rights(template, id, each)
        for id, each in of_type(template, "IAM::Role").items()
        if id.startswith(f"{webhook.name}role")
    }

    def actions(statements: list[dict[str, Any]]) -> list[list[str]]:
        found = [one["Action"] for one in statements]
        return sorted(sorted([one] if isinstance(one, str) else one) for one in found)

    planned = sorted(
        sorted(sorted(one.actions) for one in role.statements) for role in webhook.roles
    )
    assert sorted(map(actions, made.values())) == planned
    whole = [
        statement["Action"]
        for statements in made.values()
        for statement in statements
        if statement["Resource"] == "*"
    ]
    wanted = [
        list(one.actions)
        for role in webhook.roles
        for one in role.statements
        if "*" in one.resources
    ]
    assert whole == wanted


def rights(template: Mapping[str, Any], id: str, role: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements of a role: in it, or in a policy of their own."""
    apart = of_type(template, "IAM::Policy").values()
    (policy,) = role.get("Policies") or [each for each in apart if each["Roles"] == [{"Ref": id}]]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def test_rights_are_bound_to_what_they_are_for(template: dict[str, Any], calling: Path) -> None:
    """To the secret's own name, to a webhook's own claims, to the addresses that states call."""
    calls = json.loads(calling.read_text())
    found = [
        one
        for template in (template, calls)
        for id, role in of_type(template, "IAM::Role").items()
        if "role" in id and not id.startswith("shared")
        for one in rights(template, id, role)
    ]

    def of(action: str) -> list[dict[str, Any]]:
        return [one for one in found if action in one["Action"]]

    parameters = [json.dumps(one["Resource"]) for one in of("ssm:GetParameter")]
    names = ["hooks", "calling"]
    assert [
        f":parameter/{each}/ORDERS_SECRET" in parameters[at] for at, each in enumerate(names)
    ] == [True, True]
    secrets = [json.dumps(one["Resource"]) for one in of("secretsmanager:GetSecretValue")]
    named = (":secret:hooks/", ":secret:calling/", ":secret:events!connection/")
    assert all(any(each in one for each in named) for one in secrets)
    claims = [json.dumps(one["Condition"]) for one in of("dynamodb:PutItem")]
    assert claims
    assert all("dynamodb:LeadingKeys" in each and "/claim/" in each for each in claims)
    (called,) = of("states:InvokeHTTPEndpoint")
    assert called["Condition"] == {
        "StringEquals": {"states:HTTPMethod": ["POST"]},
        "StringLike": {
            "states:HTTPEndpoint": [
                *("https://shop.example/orders", "https://shop.example/orders${?}*"),
                *("https://crm.example/notes", "https://crm.example/notes${?}*"),
            ]
        },
    }
    assert not of("dynamodb:GetItem")


def test_a_function_knows_who_sends_to_its_queue(template: dict[str, Any]) -> None:
    """By the id of the role in which the other's state machine does so."""
    made = of_type(template, "Lambda::Function")
    told = {
        id: each["Environment"]["Variables"]["HOLDFAST_SENDERS"]
        for id, each in made.items()
        if "HOLDFAST_SENDERS" in each["Environment"]["Variables"]
    }

    assert {id[:5] for id in told} == {"users"}
    assert len(told) == 2
    for each in told.values():
        name, role = each["Fn::Join"][1]
        assert name == "orders="
        assert role["Fn::GetAtt"][0].startswith("ordersrolestatemachine")
        assert role["Fn::GetAtt"][1] == "RoleId"


def test_alarms_are_the_planned_ones(template: dict[str, Any], hooks: StackPlan) -> None:
    """Metric, threshold, period and reason of each, all of them to the topic, silence no alarm; and
    nobody is told that one is over."""
    planned = [*hooks.alarms, *(alarm for each in hooks.webhooks for alarm in each.alarms)]
    made = of_type(template, "CloudWatch::Alarm").values()

    told = sorted(
        (each["AlarmDescription"], each["MetricName"], each["Threshold"], each["Period"])
        for each in made
    )
    assert told == sorted(
        (each.why, each.metric, each.threshold, each.period_seconds) for each in planned
    )
    assert all(len(each["AlarmActions"]) == 1 for each in made)
    assert not any("OKActions" in each for each in made)
    assert {each["TreatMissingData"] for each in made} == {"notBreaching"}


def test_cloudwatch_may_publish_to_the_topic(template: dict[str, Any]) -> None:
    """The topic has a policy of its own, which shuts out everybody whom it does not name."""
    (policy,) = of_type(template, "SNS::TopicPolicy").values()
    allowed = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]

    assert [one["Principal"] for one in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]


def test_methods_have_the_planned_templates_and_answers(
    template: dict[str, Any], webhook: WebhookPlan
) -> None:
    """Every method, what stands behind it, each template and each answer; every status is declared."""
    made = {
        each["HttpMethod"]: each
        for id, each in of_type(template, "ApiGateway::Method").items()
        if id.startswith(f"sharedapi{webhook.name}")
    }

    assert set(made) == {each.verb for each in webhook.methods}
    for method in webhook.methods:
        integration = made[method.verb]["Integration"]
        planned = method.integration
        if planned.kind == "lambda":
            assert integration["Type"] == "AWS_PROXY"
            continue
        assert integration["RequestTemplates"] == dict(planned.templates)
        assert integration["PassthroughBehavior"] == "NEVER"
        answers = [
            (
                each.get("SelectionPattern"),
                int(each["StatusCode"]),
                each["ResponseTemplates"]["application/json"],
            )
            for each in integration["IntegrationResponses"]
        ]
        assert answers == [(one.pattern, one.status, one.template) for one in planned.responses]
        declared = {each["StatusCode"] for each in made[method.verb]["MethodResponses"]}
        assert {str(one.status) for one in planned.responses} <= declared
        assert set(made[method.verb].get("RequestModels", {})) == set(method.models)
        # API Gateway keeps one response per status: a second one would take its place.
        assert len({code for _, code, _ in answers}) == len(answers)
        if planned.kind == "sqs":
            assert {"413", "500"} <= declared
            assert integration["TimeoutInMillis"] == planned.timeout_ms
            assert answers[-1][:2] == (None, 500)


def test_refusals_of_the_api_are_the_planned_ones(
    template: dict[str, Any], hooks: StackPlan
) -> None:
    """Type, status, text and Retry-After of each answer that API Gateway gives by itself."""
    made = {
        each["ResponseType"]: each
        for each in of_type(template, "ApiGateway::GatewayResponse").values()
    }

    assert set(made) == {each.type for each in hooks.api.responses}
    for planned in hooks.api.responses:
        each = made[planned.type]
        assert each.get("StatusCode") == (None if planned.status is None else str(planned.status))
        assert each["ResponseTemplates"] == {"application/json": planned.template}
        assert each.get("ResponseParameters", {}) == {
            f"gatewayresponse.header.{name}": value for name, value in planned.headers.items()
        }


def test_the_stage_holds_every_webhook_back(template: dict[str, Any], hooks: StackPlan) -> None:
    """Its own rate for each method, errors in the log of each, the access log without bodies, and no
    trace of data."""
    (stage,) = of_type(template, "ApiGateway::Stage").values()
    rates = {
        each["ResourcePath"]: (each["ThrottlingRateLimit"], each["ThrottlingBurstLimit"])
        for each in stage["MethodSettings"]
    }

    for each in hooks.webhooks:
        path = each.path.replace("/", "/~1", 1)
        assert rates[path] == (each.throttle.per_second, each.throttle.burst)
    assert not any(each["DataTraceEnabled"] for each in stage["MethodSettings"])
    assert {each["LoggingLevel"] for each in stage["MethodSettings"]} == {"ERROR"}
    assert json.loads(stage["AccessLogSetting"]["Format"]) == dict(hooks.api.access_log)


def test_logs_are_kept_as_long_as_planned(template: dict[str, Any], hooks: StackPlan) -> None:
    """Thirty days, also without the stack."""
    groups = of_type(template, "Logs::LogGroup").values()
    planned = sum(len(each.log_groups) for each in hooks.webhooks) + 1

    assert [each["RetentionInDays"] for each in groups] == [30] * planned


def test_the_table_forgets_by_itself(template: dict[str, Any], hooks: StackPlan) -> None:
    """Key, TTL, recovery to a point in time."""
    (table,) = of_type(template, "DynamoDB::Table").values()

    assert table["KeySchema"] == [{"AttributeName": hooks.table.partition_key, "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_the_plan_knows_about_how_large_it_is(assembly: Path, hooks: StackPlan) -> None:
    """Text and resources, within a tenth: what CloudFormation would not take is told before."""
    written, count = assembly.stat().st_size, len(json.loads(assembly.read_text())["Resources"])

    assert text_bytes(hooks.api, hooks.webhooks) == pytest.approx(written, rel=0.1)
    planned = sum(map(resource_count, hooks.webhooks)) + len(hooks.api.responses)
    assert planned + 13 == pytest.approx(count, rel=0.1)


def test_nothing_depends_on_an_account(template: dict[str, Any]) -> None:
    """No Region, no account, no path of the machine that wrote it."""
    text = json.dumps(template)

    assert not re.search(r"\b(us|eu|ap)-[a-z]+-\d\b", text)
    assert str(EXAMPLES.parent) not in text


def test_the_template_is_the_one_that_was_read(template: dict[str, Any]) -> None:
    """What changes in it is seen by whoever reviews the change; hashes are left out.

    Written anew by removing the file and running the test, which then fails once.
    """
    text = _HASHES.sub("#", json.dumps(template, indent=1, sort_keys=True)) + "\n"
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(text)
        pytest.fail(f"{SNAPSHOT.name} was not there, and is now: read it")

    assert text == SNAPSHOT.read_text()
