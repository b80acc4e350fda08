"""What stands where on AWS: doors, rights, alarms, and what cannot be there as it is defined."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any, Final

import pytest

from holdfast import providers
from holdfast.aws.calls import said_by_data
from holdfast.aws.contract import DOOR
from holdfast.aws.door import doors
from holdfast.aws.mapping import request_template
from holdfast.aws.plan import WebhookPlan, plan
from holdfast.aws.resources import Ref
from holdfast.compile import compile_app, load
from holdfast.compiled import Answer, Compiled
from holdfast.definition import Provider
from holdfast.gateway.handshakes import HANDSHAKES
from holdfast.verify import basic, bearer, hmac_sha256
from plan_kit import DOCUMENT, example, one, planned


def roles_of(there: WebhookPlan) -> dict[str, dict[str, tuple[Any, ...]]]:
    return {
        role.part: {action: each.resources for each in role.statements for action in each.actions}
        for role in there.roles
    }


def test_nobody_may_do_more_than_needed() -> None:
    """API Gateway sends to one queue, the pipe takes from it and starts one machine, which calls its
    functions and sends to dead letters; only who must know a secret may read it."""
    _, stack = example("shop.py")
    there = next(each for each in stack.webhooks if each.name == "stripe")
    may = roles_of(there)

    assert may["role:api"] == {"sqs:SendMessage": (Ref("queue", "arn"),)}
    assert set(may["role:pipe"]) == {
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        *("states:StartSyncExecution", "logs:CreateLogStream", "logs:PutLogEvents"),
    }
    assert may["role:state_machine"]["sqs:SendMessage"] == (Ref("dead_letters", "arn"),)
    assert may["role:state_machine"]["lambda:InvokeFunction"] == tuple(
        Ref(each.part, "arn") for each in there.functions
    )
    secret = ("secret:shop/STRIPE_WEBHOOK_SECRET",)
    assert may["role:function:holdfast:verify"]["secretsmanager:GetSecretValue"] == secret
    assert "secretsmanager:GetSecretValue" not in may["role:function:mark_paid"]
    assert "dynamodb:PutItem" not in may["role:function:mark_paid"]
    assert all(
        set(actions) <= {"logs:CreateLogStream", "logs:PutLogEvents"} or "*" not in resources
        for role, found in may.items()
        for actions, resources in ((action.split("+"), each) for action, each in found.items())
        if role != "role:state_machine"
    )


HANDSHAKE: Final = {
    name: Provider("p", "P", hmac_sha256("env:X"), handshakes=(name,)) for name in HANDSHAKES
}


@pytest.mark.parametrize(
    ("fields", "behind"),
    [
        ({}, {"POST": "sqs"}),
        ({"methods": ("POST", "PUT")}, {"POST": "sqs", "PUT": "sqs"}),
        ({"provider": HANDSHAKE["slack_url_verification"]}, {"POST": "lambda"}),
        ({"provider": HANDSHAKE["microsoft_validation_token"]}, {"POST": "lambda"}),
        ({"provider": HANDSHAKE["dropbox_challenge"]}, {"POST": "sqs", "GET": "mock"}),
        ({"provider": HANDSHAKE["meta_hub_challenge"]}, {"POST": "sqs", "GET": "lambda"}),
        ({"provider": HANDSHAKE["dropbox_challenge"], "methods": ("GET",)}, {"GET": "lambda"}),
        ({"provider": HANDSHAKE["microsoft_validation_token"], "methods": ("PUT",)}, {"PUT": "sqs", "POST": "mock"}),
        ({"verify_at": "gateway", "verification": bearer("env:X")}, {"POST": "lambda"}),
        ({"provider": providers.github("env:X")}, {"POST": "lambda"}),
        ({"provider": providers.github("env:X"), "schema": None}, {"POST": "sqs"}),
        (
            {"provider": providers.github("env:X"), "schema": None, "answer": Answer(202, None, ())},
            {"POST": "lambda"},
        ),
    ],
)  # fmt: skip
def test_a_function_stands_at_the_door_only_where_it_must_think(
    fields: dict[str, Any], behind: dict[str, str]
) -> None:
    """Events go straight into the queue, a plain echo needs nothing, and every other method is 405."""
    webhook = one(**{"schema": {"type": "object"}, **fields})
    there = planned(webhook)

    assert doors(webhook) == behind
    found = {each.verb: each.integration.kind for each in there.methods}
    assert found == {**behind, "ANY": "mock"}
    assert ("role:api" in roles_of(there)) == ("sqs" in behind.values())
    assert (DOOR in {each.task for each in there.functions}) == ("lambda" in behind.values())
    schema = webhook.schema is not None
    assert (there.model is not None) == (schema and "sqs" in behind.values())


def test_the_door_keeps_to_the_templates() -> None:
    """NEVER passes anything through; each spelling has its template and, as JSON, the model; what is
    no text is handed over as base64."""
    webhook = one(schema={"type": "object"}, content_types=("application/json", "application/pdf"))
    there = planned(webhook)
    post = next(each for each in there.methods if each.verb == "POST")
    integration = post.integration

    assert integration.passthrough == "NEVER"
    assert integration.timeout_ms == 5_000
    assert integration.content_handling == "CONVERT_TO_TEXT"
    assert integration.request_headers == {"Content-Type": "'application/x-www-form-urlencoded'"}
    assert integration.templates["application/pdf"] == request_template("/users", binary=True)
    assert integration.templates["application/json; charset=utf-8"] == request_template("/users")
    assert set(post.models) == set(integration.templates) - {"application/pdf"}
    assert [each.pattern for each in integration.responses] == [r"2\d{2}", "400", None]
    assert all(each.integration.passthrough == "NEVER" for each in there.methods)
    assert plan(Compiled("shop", (webhook,))).api.binary_types == ("application/pdf",)


def test_somebody_is_woken_before_anything_is_lost() -> None:
    """Dead letters, half of the retention, a pipe or a machine that fails, functions held back, 5XX."""
    _, stack = example("users.py")
    (users,) = stack.webhooks
    alarms = {each.metric: each for each in (*users.alarms, *stack.alarms)}

    assert alarms["ApproximateNumberOfMessagesVisible"].threshold == 1
    assert alarms["ApproximateNumberOfMessagesVisible"].dimensions == {
        "QueueName": Ref("dead_letters", "name")
    }
    named = {each.name: each for each in users.alarms}
    assert named["waits-too-long"].threshold == users.queue.retention_seconds / 2
    assert named["waits-too-long"].metric == "ApproximateAgeOfOldestMessage"
    assert {"ExecutionFailed", "ExecutionTimeout", "ExecutionThrottled"} <= set(alarms)
    assert {"ExecutionsFailed", "ExecutionsTimedOut", "Throttles", "5XXError"} <= set(alarms)
    assert all(each.why for each in alarms.values())


CHARGED: Final = """
app.webhook("/a", tasks={"charge": charge, "handle": handle}, workflow={"StartAt": "C", "States": {
    "C": {"Type": "Task", "Resource": "${charge}", "Next": "H"},
    "H": {"Type": "Task", "Resource": "${handle}", "End": True}}})
"""
SIGNED: Final = """
app.webhook("/a", connections={"pay": hmac_sha256("env:X")}, workflow={"StartAt": "C", "States": {
    "C": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": True, "Parameters": {
        "ApiEndpoint": "http://x.example/", "Method": "GET",
        "InvocationConfig": {"ConnectionArn": "${pay}"}}}}})
"""


def test_a_fail_state_may_take_its_error_from_data() -> None:
    """Or its cause: with the other written out, it cannot be taken for what a function says."""
    for part in ({"ErrorPath": "$.a", "Cause": "c"}, {"Error": "E", "CausePath": "$.a"}):
        assert said_by_data({"StartAt": "F", "States": {"F": {"Type": "Fail", **part}}}) == []


SPOKEN: Final = """
app.webhook("/a", workflow={"StartAt": "F", "States": {"F": {
    "Type": "Fail", "ErrorPath": "$.body.error", "CausePath": "$.body.cause"}}})
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('app.webhook("/a~b")(handle)', "'a~b': API Gateway takes letters"),
        (
            """app.webhook("/a", answer=Answer(headers={"X-A": "it's"}))(handle)""",
            "the quote in the value of X-A",
        ),
        (CHARGED.strip(), "state H: its task handle takes the event"),
        (SIGNED.strip(), "connection pay: EventBridge knows"),
        (SIGNED.strip(), "state C: AWS calls https only"),
        (SPOKEN.strip(), "state F: takes both its error and its cause from data"),
    ],
)
def test_what_cannot_be_on_aws_is_named_with_its_place(
    text: str, said: str, tmp_path: Path
) -> None:
    """And the stack is not ready; the definition itself is sound."""
    path = tmp_path / "hooks.py"
    path.write_text(
        "from holdfast import Answer, App, Event, hmac_sha256\napp = App()\n"
        "def handle(event: Event) -> None: ...\ndef charge(input: dict) -> dict: ...\n" + text
    )

    stack = plan(compile_app(load(path)))

    assert not stack.ready
    found = [str(each) for webhook in stack.webhooks for each in webhook.obstacles]
    assert any(said in each for each in found)
    assert all(each.startswith(f"{path}:5 /a") for each in found)


def test_parameters_of_one_place_have_one_name() -> None:
    """API Gateway has one parameter below a path; locally two names are fine."""
    webhooks = (one(name="a", path="/t/{x}/a"), one(name="b", path="/t/{y}/b"))

    (found,) = plan(Compiled("shop", webhooks)).obstacles

    assert found.message == "API Gateway has one parameter below /t: {x}, not {y} too"


LISTED: Final = (ipaddress.ip_network("10.0.0.0/8"),)


def test_an_allow_list_is_held_over_its_own_path_alone() -> None:
    """IAM's `*` knows no slash: one for the method would be held over /v2/users too."""
    webhooks = (one(allow=LISTED), one(name="v2", path="/v2/users", methods=("POST", "PUT")))
    made = plan(Compiled("shop", webhooks))
    (allowed,) = made.api.allow

    assert (allowed.resources, made.obstacles) == (("live/POST/users",), ())
    tenants = one(path="/t/{tenant}/o", allow=LISTED, methods=("POST", "PUT"))
    (parameter,) = plan(Compiled("shop", (tenants,))).api.allow
    assert parameter.resources == ("live/POST/t/*/o", "live/PUT/t/*/o")


@pytest.mark.parametrize(
    ("path", "allow", "told"),
    [("/t/{t}/x/o", (), True), ("/t/{t}/x/o", LISTED, False), ("/t/{t}/p", (), False)],
)
def test_an_allow_list_with_a_parameter_may_reach_too_far(
    path: str, allow: Any, told: bool
) -> None:
    """What it would be held over beside its own is told, and nothing is deployed with that."""
    tenants = one(path="/t/{t}/o", allow=LISTED)
    found = plan(Compiled("shop", (tenants, one(name="x", path=path, allow=allow)))).obstacles

    assert any(f"over {path} too" in each.message for each in found) is told


def test_what_grows_beyond_a_stack_is_told() -> None:
    """Too many webhooks for one stack, too many networks for one policy."""
    many = Compiled("shop", tuple(one(name=f"w{n}", path=f"/w{n}") for n in range(36)))
    networks = tuple(ipaddress.ip_network(f"10.{n}.0.0/16") for n in range(256))
    wide = Compiled("shop", (one(allow=networks * 3),))

    assert any("resources, and a stack has 500" in each.message for each in plan(many).obstacles)
    assert ["allow-lists" in each.message for each in plan(wide).obstacles] == [True]
    assert plan(wide).api.allow[0].networks[:2] == ("10.0.0.0/16", "10.1.0.0/16")


def test_tasks_of_other_kinds_find_what_they_name() -> None:
    """Another webhook's queue and its rights, connections by their kind, a function of the account."""
    calling: dict[str, Any] = {
        "StartAt": "Verify",
        "TimeoutSeconds": 30,
        "States": {
            "Verify": {**DOCUMENT["States"]["Verify"], "Next": "Pay"},
            "Pay": {
                "Type": "Task",
                "Resource": "arn:aws:states:::http:invoke",
                "Parameters": {
                    "ApiEndpoint": "https://pay.example/", "Method": "POST",
                    "InvocationConfig": {"ConnectionArn": "${pay}"},
                },
                "ResultPath": None,
                "Next": "Mail",
            },
            "Mail": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage",
                "Parameters": {"QueueUrl": "${queue:/t/{x}}", "MessageBody.$": "$.body"},
                "ResultPath": None,
                "Next": "Foreign",
            },
            "Foreign": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": "legacy", "Payload.$": "$"},
                "End": True,
            },
        },
    }  # fmt: skip
    known = {"pay": bearer("env:PAY"), "crm": basic("ada", "env:CRM"), "open": None}
    webhooks = (one(workflow=calling, connections=known), one(name="mails", path="/t/{x}"))
    there = plan(Compiled("shop", webhooks)).webhooks[0]

    assert there.state_machine.substitutions["queue:/t/{x}"] == Ref("queue", "url", "mails")
    assert there.state_machine.substitutions["pay"] == Ref("connection:pay", "arn")
    may = roles_of(there)["role:state_machine"]
    assert may["sqs:SendMessage"] == (Ref("dead_letters", "arn"), Ref("queue", "arn", "mails"))
    assert may["events:RetrieveConnectionCredentials"] == (Ref("connection:pay", "arn"),)
    kinds = {each.part: (each.header, each.user, each.prefix) for each in there.connections}
    assert kinds == {
        "connection:pay": ("Authorization", None, "Bearer "),
        "connection:crm": (None, "ada", ""),
        "connection:open": ("X-Holdfast-Connection", None, ""),
    }
    assert any(
        each.topic == "foreign function" and "legacy" in each.aws for each in there.differences
    )
    assert there.obstacles == ()
