"""Steps that reach beyond the process: the states they become, and their way through a definition."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast import App, DefinitionError, Event, Forward, bearer, standard_webhooks
from holdfast.compile import compile_app
from holdfast.compiled import CompiledWebhook
from holdfast.compiled import Forward as CompiledForward
from holdfast.steps import Step, call, expr, field, intrinsic, send, task
from steps_kit import state

HTTP = {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "ResultPath": None}
SQS = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "ResultPath": None}
PAYMENTS = {"ConnectionArn": "${payments}"}

STATES: list[tuple[Step, dict[str, Any]]] = [
    (
        call("https://pay.example/v1", connection="payments"),
        HTTP
        | {
            "Parameters": {
                "ApiEndpoint": "https://pay.example/v1",
                "Method": "POST",
                "InvocationConfig": PAYMENTS,
            }
        },
    ),
    (
        call(
            intrinsic("States.Format", "https://pay.example/{}", field("body.id")),
            connection="payments",
            method="PUT",
            body={"amount": field("body.total")},
            headers={"x-kind": "order"},
            query={"page": 1},
            result="answer",
        ),
        {
            "Type": "Task",
            "Resource": "arn:aws:states:::http:invoke",
            "Parameters": {
                "ApiEndpoint.$": "States.Format('https://pay.example/{}', $.body.id)",
                "Method": "PUT",
                "InvocationConfig": PAYMENTS,
                "Headers": {"x-kind": "order"},
                "QueryParameters": {"page": 1},
                "RequestBody": {"amount.$": "$.body.total"},
            },
            "ResultPath": "$.answer",
        },
    ),
    (
        call("https://pay.example/", connection="payments", body={"a": [1, 2]}, form="REPEAT"),
        HTTP
        | {
            "Parameters": {
                "ApiEndpoint": "https://pay.example/",
                "Method": "POST",
                "InvocationConfig": PAYMENTS,
                "Transform": {
                    "RequestBodyEncoding": "URL_ENCODED",
                    "RequestEncodingOptions": {"ArrayFormat": "REPEAT"},
                },
                "Headers": {"content-type": "application/x-www-form-urlencoded"},
                "RequestBody": {"a": [1, 2]},
            }
        },
    ),
    (
        call("https://a.example/", connection="payments", body=field("body"), query=field("q")),
        HTTP
        | {
            "Parameters": {
                "ApiEndpoint": "https://a.example/",
                "Method": "POST",
                "InvocationConfig": PAYMENTS,
                "QueryParameters.$": "$.q",
                "RequestBody.$": "$.body",
            }
        },
    ),
    (
        call("https://a.example/", connection="payments", body={}, headers=field("h")),
        HTTP
        | {
            "Parameters": {
                "ApiEndpoint": "https://a.example/",
                "Method": "POST",
                "InvocationConfig": PAYMENTS,
                "Headers.$": "$.h",
                "RequestBody": {},
            }
        },
    ),
    (
        send("/mails", {"to": field("body.email")}, delay_seconds=60, attributes={"kind": "new"}),
        SQS
        | {
            "Parameters": {
                "QueueUrl": "${queue:/mails}",
                "MessageBody": {"to.$": "$.body.email"},
                "DelaySeconds": 60,
                "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "new"}},
            }
        },
    ),
    (
        send("mails", expr("$states.input.body")),
        {
            "Type": "Task",
            "QueryLanguage": "JSONata",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Arguments": {
                "QueueUrl": "${queue:mails}",
                "MessageBody": "{% $states.input.body %}",
            },
            "Output": "{% $states.input %}",
        },
    ),
]


@pytest.mark.parametrize(("step", "expected"), STATES)
def test_a_call_or_a_sending_becomes_one_state(step: Step, expected: dict[str, Any]) -> None:
    """Every setting of `call` and `send` stands in the field of AWS's integration that it means."""
    assert state(step) == expected


def compiled(workflow: Step, **settings: Any) -> CompiledWebhook:
    app = App("shop")
    app.webhook("/orders", workflow=workflow, **settings)

    @app.webhook("/mails")
    def mail(event: Event) -> None: ...

    return compile_app(app).webhooks[0]


def test_services_are_steps_among_others() -> None:
    """A call, a sending and another program stand in one workflow, under names that can be read."""
    there = Forward("https://warehouse.example/in", sign=standard_webhooks("env:WAREHOUSE"))
    flow = (
        call("https://pay.example/", connection="payments")
        >> send("mails", {"a": 1})
        >> task(there, name="Warehouse")
    )

    webhook = compiled(flow, connections={"payments": bearer("env:TOKEN")})

    assert list(webhook.workflow["States"]) == [
        "Verify",
        "Call payments",
        "Send to mails",
        "Warehouse",
    ]
    assert webhook.workflow["States"]["Warehouse"]["Resource"] == "${Warehouse}"
    made = webhook.tasks["Warehouse"]
    assert isinstance(made, CompiledForward)
    assert made.url == "https://warehouse.example/in"


def test_what_is_not_there_is_told_at_the_step() -> None:
    """An unknown connection, an unknown queue and a URL that is none are mistakes with a line."""
    flow = (
        call("https://pay.example/", connection="payments")
        >> send("nowhere", {"a": 1})
        >> task(Forward("warehouse"), name="Warehouse")
    )

    with pytest.raises(DefinitionError) as caught:
        compiled(flow)

    told = [(each.place, each.message) for each in caught.value.mistakes]
    assert all("test_steps_services.py:" in place for place, _ in told)
    assert sorted(message.split(";")[0] for _, message in told) == [
        '"warehouse" is not a URL',
        'no connection "payments"',
        'no webhook "nowhere"',
    ]
