"""Secrets and rights on AWS: where each secret lies, who may read it, and what cannot be."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import pytest

from holdfast import compiled as data
from holdfast import providers
from holdfast.aws.contract import DOOR, SENDERS, SETTLE
from holdfast.aws.plan import plan
from holdfast.aws.resources import Function, Joined, Ref, Role, Statement
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.definition import Handshake, Provider
from holdfast.verify import bearer, hmac_sha256
from holdfast.verify.networks import Unsigned
from holdfast.workflow.asl import VERIFY
from plan_kit import DOCUMENT, one, planned


def by(provider: Provider, **fields: Any) -> CompiledWebhook:
    return one(provider=provider, verification=provider.verification, **fields)


def function(webhook: CompiledWebhook, task: str) -> Function:
    (found,) = (each for each in planned(webhook).functions if each.task == task)
    return found


def rights(webhook: CompiledWebhook, part: str) -> dict[str, Statement]:
    """By action."""
    (role,) = (each for each in planned(webhook).roles if each.part == part)
    return {action: each for each in role.statements for action in each.actions}


def said(webhook: CompiledWebhook) -> list[str]:
    return [each.message for each in planned(webhook).obstacles]


def test_a_parameter_is_read_from_parameter_store() -> None:
    """By its own name, with its own right, and it costs nothing by the month."""
    webhook = one(verification=hmac_sha256("aws-ssm:/shop/users", header="X-Sig"))
    there = planned(webhook)

    assert [(each.name, each.store) for each in there.secrets] == [("/shop/users", "ssm")]
    may = rights(webhook, f"role:function:{VERIFY}")
    assert may["ssm:GetParameter"].resources == ("parameter:/shop/users",)
    assert "secretsmanager:GetSecretValue" not in may
    assert not any(line.what == "secrets" for line in there.cost.monthly)


def test_the_door_may_read_the_tokens_of_handshakes() -> None:
    """They are listed too; Verify, which shakes no hands, may not, nor the door the secret of events
    that do not come to it."""
    webhook = by(providers.meta("env:APP_SECRET", verify_token="env:VERIFY_TOKEN"))

    assert [each.reference for each in planned(webhook).secrets] == [
        "env:APP_SECRET",
        "env:VERIFY_TOKEN",
    ]
    door = rights(webhook, f"role:function:{DOOR}")["secretsmanager:GetSecretValue"]
    assert door.resources == ("secret:shop/VERIFY_TOKEN",)
    verify = rights(webhook, f"role:function:{VERIFY}")["secretsmanager:GetSecretValue"]
    assert verify.resources == ("secret:shop/APP_SECRET",)
    alone = by(providers.meta("env:APP_SECRET"))
    (allowed,) = function(alone, DOOR).secrets
    assert allowed.reference == "env:APP_SECRET"


@pytest.mark.parametrize(
    ("reference", "action", "resources"),
    [
        (
            "file:.holdfast/tokens/notion",
            "secretsmanager:CreateSecret",
            ("new-secret:shop/notion", "secret:shop/notion"),
        ),
        ("aws-ssm:/shop/notion", "ssm:PutParameter", ("parameter:/shop/notion",)),
    ],
)
def test_what_is_handed_over_may_be_made_and_nothing_else(
    reference: str, action: str, resources: tuple[str, ...]
) -> None:
    """By the function at the door alone, under the name where Verify looks for it."""
    webhook = by(providers.notion(reference))
    door = function(webhook, DOOR)

    assert door.keeps is not None
    assert door.environment["HOLDFAST_KEEPS"] == reference
    assert rights(webhook, f"role:function:{DOOR}")[action].resources == resources
    assert action not in rights(webhook, f"role:function:{VERIFY}")
    assert {each.topic for each in planned(webhook).differences} >= {
        "handed over",
        "function at the door",
    }


GIVES: Final = Handshake(
    "store-token", where=(("header:X-New", True),), settings={"token": "header:X-New"}
)


def test_what_is_handed_over_needs_a_place() -> None:
    """A definition that never refers to it is no definition for AWS."""
    unsigned = Provider("p", "P", Unsigned(), handshakes=(GIVES,))
    webhook = one(provider=unsigned, verification=unsigned.verification)

    assert said(webhook) == [
        "its sender hands over its secret, and there is no reference under which to keep it"
    ]


def test_a_connection_has_no_parameter() -> None:
    """CloudFormation fills it in, and reads no SecureString."""
    webhook = one(connections={"pay": bearer("aws-ssm:/shop/pay")})

    assert ["SecureString" in each for each in said(webhook)] == [True]
    assert said(one(connections={"pay": bearer("aws-secret:shop/pay")})) == []


def test_two_secrets_are_not_one() -> None:
    """Two references that would lie under one name are told, those that are the same are not."""
    file, environment = (hmac_sha256(each, header="X") for each in ("file:/run/KEY", "env:KEY"))
    first, second = one(name="a", path="/a", verification=file), one(name="b", path="/b")

    def obstacles(verification: Any) -> list[str]:
        webhooks = (first, dataclasses.replace(second, verification=verification))
        return [each.message for each in plan(Compiled("shop", webhooks)).obstacles]

    assert obstacles(environment) == [
        "file:/run/KEY and env:KEY are both shop/KEY on AWS; give one another name"
    ]
    assert obstacles(file) == []


def test_the_table_is_for_those_who_know_deliveries() -> None:
    """Each webhook's functions reach its own claims and no others; without delivery ids, none."""
    known = one(delivery_id=("json:id",))
    claims = rights(known, f"role:function:{SETTLE}")["dynamodb:PutItem"]

    assert claims.resources == (Ref("table", "arn"),)
    keys = Joined((Ref("stack", "name"), "/claim/users/*"))
    assert claims.conditions == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": (keys,)}}
    assert "dynamodb:PutItem" not in rights(one(), f"role:function:{VERIFY}")
    assert "HOLDFAST_TABLE" not in function(one(), VERIFY).environment


def calling(resource: str, **given: Any) -> CompiledWebhook:
    state = {"Type": "Task", "Resource": resource, "Parameters": given, "End": True}
    verify = {**DOCUMENT["States"]["Verify"], "Next": "Call"}
    document = {**DOCUMENT, "States": {"Verify": verify, "Call": state}}
    return one(workflow=document, connections={"pay": None})


@pytest.mark.parametrize(
    ("given", "conditions"),
    [
        (
            {"ApiEndpoint": "https://pay.example/v1", "Method": "POST"},
            {
                "StringEquals": {"states:HTTPMethod": ("POST",)},
                "StringLike": {
                    "states:HTTPEndpoint": ("https://pay.example/v1", "https://pay.example/v1${?}*")
                },
            },
        ),
        ({"ApiEndpoint.$": "$.body.url", "Method": "POST"}, {}),
    ],
)
def test_an_api_is_called_where_the_state_says(given: dict[str, Any], conditions: Any) -> None:
    """With its method, at its address; where only the data tells, there is nothing to hold it to."""
    invocation = {"InvocationConfig": {"ConnectionArn": "${pay}"}}
    webhook = calling("arn:aws:states:::http:invoke", **given, **invocation)

    may = rights(webhook, "role:state_machine")["states:InvokeHTTPEndpoint"]

    assert (may.resources, may.conditions) == (("states:*",), conditions)


@pytest.mark.parametrize(
    ("named", "resource"),
    [
        ("legacy", "function:legacy"),
        ("legacy:live", "function:legacy:live"),
        (
            "arn:aws:lambda:eu-west-1:1:function:legacy",
            "arn:aws:lambda:eu-west-1:1:function:legacy",
        ),
        ("123456789012:function:legacy", "function:legacy"),
    ],
)
def test_a_function_of_the_account_may_be_called_that_is_named(named: str, resource: str) -> None:
    """Beside the stack's own; one that only the data names may not."""
    webhook = calling("arn:aws:states:::lambda:invoke", FunctionName=named)
    unknown = calling("arn:aws:states:::lambda:invoke", **{"FunctionName.$": "$.body.f"})

    own = (Ref(f"function:{VERIFY}", "arn"),)
    assert rights(webhook, "role:state_machine")["lambda:InvokeFunction"].resources == (
        *own,
        resource,
    )
    assert rights(unknown, "role:state_machine")["lambda:InvokeFunction"].resources == own


SENDING: Final = {"QueueUrl": "${queue:mails}", "MessageBody": "x"}


def test_who_is_sent_to_knows_the_senders_by_their_roles() -> None:
    """A sender's rights stand apart, because a function in them is told the id of the role."""
    sender = calling("arn:aws:states:::sqs:sendMessage", **SENDING)
    mails = one(name="mails", path="/mails", delivery_id=("json:id",), body_limit_bytes=2_048)
    there = {each.name: each for each in plan(Compiled("shop", (sender, mails))).webhooks}

    def machine(name: str) -> Role:
        return next(each for each in there[name].roles if each.part == "role:state_machine")

    told = Joined(("users=", Ref("role:state_machine", "id", "users")))
    knowing = [
        each.task for each in there["mails"].functions if "HOLDFAST_SENDERS" in each.environment
    ]
    assert knowing == [VERIFY, SETTLE]
    assert there["mails"].functions[0].environment["HOLDFAST_SENDERS"] == told
    assert there["mails"].state_machine.substitutions[SENDERS] == told
    assert SENDERS not in there["users"].state_machine.substitutions
    assert not any("HOLDFAST_SENDERS" in each.environment for each in there["users"].functions)
    assert there["mails"].pipe.batch == 5
    assert planned(one(body_limit_bytes=2_048)).pipe.batch == 8
    assert (machine("users").apart, machine("mails").apart) == (True, False)


def test_a_standstill_is_told_before_half_of_the_retention() -> None:
    """No metric says that a pipe is stopped; what waits for longer than its receives take, does."""
    week = planned(one(queue=data.Queue(604_800, 1_209_600, 3, 60.0)))
    alarms = {each.name: each for each in week.alarms}

    assert alarms["stands-still"].threshold == 3_600
    assert alarms["stands-still"].metric == alarms["waits-too-long"].metric
    hour = planned(one(queue=data.Queue(3_600, 3_600, 3, 60.0)))
    assert "stands-still" not in {each.name for each in hour.alarms}


def test_text_that_no_stack_takes_is_told() -> None:
    """Every spelling of a content type is a template of its own, so `*/*` is long."""
    long = "x" * 400_000
    text = {**DOCUMENT, "Comment": long}
    many = Compiled(
        "shop", tuple(one(name=f"w{n}", path=f"/w{n}", workflow=text) for n in range(3))
    )

    assert ["bytes of text" in each.message for each in plan(many).obstacles] == [True]
