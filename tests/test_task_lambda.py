"""Lambda functions as tasks: which function an ARN or a name means, what comes back, what fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.errors import Permanent, Retryable
from holdfast.message import Event
from holdfast.workflow import lambda_invoke
from holdfast.workflow.limits import measure
from task_kit import LAMBDA, document, failure, mistakes, run, said
from workflow_kit import a_lease, a_webhook

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:charge"


def charge(input: Any) -> Any:
    return {"charged": input}


def a_charging(resource: str, parameters: Any = None, **fields: Any) -> Any:
    workflow = document(resource, parameters, **fields)
    return a_webhook(charge, takes="input", workflow=workflow)


@pytest.mark.parametrize(
    "resource",
    [
        ARN,
        f"{ARN}:live",
        f"{ARN}:$LATEST",
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:charge:7",
        "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:charge",
        "${charge}",
    ],
)
def test_the_arn_of_a_function_is_the_task_of_its_name(resource: str) -> None:
    """In every partition, with any qualifier; its result comes unwrapped."""
    result = run(a_charging(resource, {"a.$": "$.body.n"}), a_lease(b'{"n": 1}'))

    assert mistakes(resource) == []
    assert (result.status, result.output) == ("SUCCEEDED", {"charged": {"a": 1}})


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("charge", "$LATEST"),
        ("charge:live", "$LATEST"),
        ("charge:7", "7"),
        ("function:charge", "$LATEST"),
        ("123456789012:function:charge", "$LATEST"),
        ("123456789012:charge:7", "7"),
        (ARN, "$LATEST"),
        (f"{ARN}:7", "7"),
        ("${charge}", "$LATEST"),
        ("${charge}:7", "7"),
    ],
)
def test_lambda_invoke_wraps_the_result_as_aws_does(name: str, version: str) -> None:
    """Every form of a FunctionName; Payload, StatusCode, version and metadata stand around it."""
    parameters = {"FunctionName": name, "Payload": {"a.$": "$.body.n"}}
    result = run(a_charging(LAMBDA, parameters), a_lease(b'{"n": 1}'))
    output = result.output
    headers = output["SdkHttpMetadata"]["HttpHeaders"]

    assert mistakes(LAMBDA, parameters) == []
    assert sorted(output) == [
        *("ExecutedVersion", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode")
    ]
    assert (output["ExecutedVersion"], output["StatusCode"]) == (version, 200)
    assert output["Payload"] == {"charged": {"a": 1}}
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    assert headers["Content-Length"] == str(len('{"charged":{"a":1}}'))
    assert headers["X-Amz-Executed-Version"] == version
    assert headers["x-amzn-RequestId"] == output["SdkResponseMetadata"]["RequestId"]
    assert output["SdkHttpMetadata"]["AllHttpHeaders"]["Content-Type"] == ["application/json"]


def test_a_qualifier_of_its_own() -> None:
    """`Qualifier` says which version, as the end of a name does."""
    parameters = {"FunctionName": "charge", "Qualifier": "12", "Payload": 1}

    assert run(a_charging(LAMBDA, parameters)).output["ExecutedVersion"] == "12"


@pytest.mark.parametrize(
    ("given", "seen"),
    [({}, {}), ({"Payload": None}, {}), ({"Payload": "x"}, "x"), ({"Payload": [1]}, [1])],
)
def test_what_a_function_is_called_with(given: dict[str, Any], seen: Any) -> None:
    """The payload, and an empty object where there is none or null."""
    result = run(a_charging(LAMBDA, {"FunctionName": "charge", **given}))

    assert result.output["Payload"] == {"charged": seen}


def test_the_size_of_a_result_is_known() -> None:
    """What the machine holds its limit against is not less than the bytes of the result."""
    function = lambda_invoke.Function("charge", None, ARN)
    output, size = lambda_invoke.result(function, {"a": "é" * 100}, 211, "r")

    assert size >= measure(output)


def test_a_function_that_takes_the_event_gets_it() -> None:
    """Whatever the payload is, as with `${name}`."""

    async def handle(event: Event[Any]) -> Any:
        return event.body

    parameters = {"FunctionName": "handle", "Payload": {"a": 1}}
    webhook = a_webhook(handle, workflow=document(LAMBDA, parameters))

    assert run(webhook, a_lease(b'{"n": 1}')).output["Payload"] == {"n": 1}


@pytest.mark.parametrize("resource", [LAMBDA, ARN.replace("charge", "handle"), "${handle}"])
@pytest.mark.parametrize(
    ("error", "quarantine", "after"),
    [
        (ValueError("why"), None, None),
        (Permanent("never"), "permanent", None),
        (Retryable("later", after_seconds=9), None, 9),
    ],
)
def test_what_a_function_raises_is_the_error(
    resource: str, error: Exception, quarantine: str | None, after: float | None
) -> None:
    """Its class is the name, Lambda's JSON the cause, and the queue is steered in every form."""

    def handle() -> None:
        raise error

    parameters = {"FunctionName": "handle"} if resource == LAMBDA else None
    webhook = a_webhook(handle, takes="nothing", workflow=document(resource, parameters))
    result = run(webhook)

    assert result.error == type(error).__name__
    assert said(result)["errorType"] == type(error).__name__
    assert said(result)["errorMessage"] == str(error)
    assert (result.quarantine, result.retry_after_seconds) == (quarantine, after)


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("other", "arn:aws:lambda:local:000000000000:function:other:$LATEST"),
        ("other:live", "arn:aws:lambda:local:000000000000:function:other:live"),
        ("210987654321:function:other", "arn:aws:lambda:local:210987654321:function:other:$LATEST"),
        (ARN.replace("charge", "other"), f"{ARN.replace('charge', 'other')}:$LATEST"),
        ("${other}", "arn:aws:lambda:local:000000000000:function:other:$LATEST"),
    ],
)
def test_a_function_that_the_data_names_and_that_is_not_there(name: str, arn: str) -> None:
    """Named and worded as AWS does, the whole ARN told."""
    parameters = {"FunctionName.$": "$.body"}
    result = run(a_charging(LAMBDA, parameters), a_lease(json.dumps(name).encode()))

    assert failure(result) == (
        "Lambda.ResourceNotFoundException",
        (
            f"Function not found: {arn} (Service: AWSLambda; Status Code: 404; "
            "Error Code: ResourceNotFoundException; Request ID: ...; Proxy: null)"
        ),
    )


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        ({}, "States.Runtime", "[The field 'FunctionName' is required but was missing]"),
        ({"FunctionName": 7}, "States.Runtime", "'FunctionName' must be a STRING]"),
        ({"FunctionName": "a b"}, "Lambda.AWSLambdaException", "validation error detected"),
        (
            {"FunctionName": "charge", "InvocationType": "Event"},
            "States.Runtime",
            "The InvocationType 'Event' is not supported here",
        ),
        ("charge", "States.Runtime", "it must be an object"),
    ],
)
def test_what_the_data_gets_wrong(given: Any, error: str, why: str) -> None:
    """Parameters of the wrong shape cannot start the task; a name that is none is Lambda's own."""
    workflow = document(LAMBDA, "{% $states.input.body %}", QueryLanguage="JSONata")
    webhook = a_webhook(charge, takes="input", workflow=workflow)
    result = run(webhook, a_lease(json.dumps(given).encode()))

    assert result.error == error
    assert why in (result.cause or "")


@pytest.mark.parametrize(
    ("resource", "parameters", "expected"),
    [
        (ARN.replace("charge", "x"), None, ['Resource: no task "x"; there are: charge']),
        (LAMBDA, None, ["Parameters: is missing"]),
        (LAMBDA, {}, ["Parameters.FunctionName: is missing"]),
        (LAMBDA, {"FunctionName.$": "$.name"}, []),
        (
            LAMBDA,
            {"FunctionName": "x"},
            ['Parameters.FunctionName: no task "x"; there are: charge'],
        ),
        (
            LAMBDA,
            {"FunctionName": "${holdfast:verify}"},
            ['Parameters.FunctionName: no task "holdfast"; there are: charge'],
        ),
        (
            LAMBDA,
            {"FunctionName": "a b"},
            ["Parameters.FunctionName: 'a b' is not the name or ARN of a function"],
        ),
        (LAMBDA, {"FunctionName": 7}, ["Parameters.FunctionName: must be a string"]),
        (
            LAMBDA,
            {"FunctionName": "charge:live", "Qualifier": "7"},
            ["Parameters.Qualifier: stands in FunctionName already"],
        ),
        (
            LAMBDA,
            {"FunctionName": "charge", "InvocationType": "Event"},
            ["Parameters.InvocationType: only RequestResponse is here; what nobody waits for "],
        ),
        (
            LAMBDA,
            {"FunctionName": "charge", "LogType": "Loud"},
            ["Parameters.LogType: must be one of None, Tail"],
        ),
        (
            LAMBDA,
            {"FunctionName": "charge", "Input": {}},
            ["Parameters.Input: is not understood here; there are: ClientContext, FunctionName, "],
        ),
    ],
)
def test_what_is_written_wrong_is_told_when_it_is_loaded(
    resource: str, parameters: Any, expected: list[str]
) -> None:
    """An unknown function is a mistake of the document where it is written down."""
    found = mistakes(resource, parameters)

    assert len(found) == len(expected), found
    for told, wanted in zip(found, expected, strict=True):
        assert told.startswith(wanted)


def test_in_jsonata_the_field_is_arguments() -> None:
    """The same checks, by the name that JSONata has for it."""
    found = mistakes(LAMBDA, {"FunctionName": "x"}, QueryLanguage="JSONata")

    assert found == ['Arguments.FunctionName: no task "x"; there are: charge']
    assert mistakes(LAMBDA, "{% $states.input %}", QueryLanguage="JSONata") == []
    assert mistakes(LAMBDA, {"FunctionName": "{% $x %}"}, QueryLanguage="JSONata") == []
