"""HTTP tasks written wrong: told when the document is loaded, or when the data is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from holdfast.verify import bearer
from holdfast.workflow.http_invoke import FORBIDDEN, is_forbidden
from task_kit import HTTP, document, failure, mistakes, run
from workflow_kit import a_lease, a_webhook

GOOD: Mapping[str, Any] = {
    "ApiEndpoint": "https://api.example/x",
    "Method": "GET",
    "Authentication": {"ConnectionArn": "${payments}"},
}


def decided(**given: Any) -> str | None:
    """What a request that the data decides fails with."""
    parameters = {**GOOD, **given}
    parameters = {name: value for name, value in parameters.items() if value is not ...}
    workflow = document(HTTP, "{% $states.input.body %}", QueryLanguage="JSONata")
    webhook = a_webhook(workflow=workflow, connections={"payments": None})
    result = run(webhook, a_lease(json.dumps(parameters).encode()))
    assert result.error == "States.Runtime"
    return result.cause


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"ApiEndpoint": ...}, "The field 'ApiEndpoint' is required but was missing"),
        ({"ApiEndpoint": 7}, "The value for the field 'ApiEndpoint' must be a STRING"),
        ({"ApiEndpoint": "/x"}, "'ApiEndpoint' must be an http or https URL"),
        ({"Method": "FETCH"}, "'Method' must be one of GET, POST"),
        ({"Authentication": ...}, "One of the fields 'InvocationConfig' and 'Authentication'"),
        ({"InvocationConfig": {"ConnectionArn": "${a}"}}, "One of the fields"),
        ({"Authentication": {"ConnectionArn": "payments"}}, "'ConnectionArn' must be an ARN"),
        ({"Headers": {"a b": "x"}}, "The header 'a b' cannot be sent"),
        ({"Headers": {"a": 1}}, "The value for the field 'a' must be a STRING"),
        ({"Headers": {"a": "x\r\nEvil: 1"}}, "The value of the header 'a' cannot be sent"),
        ({"Headers": "a"}, "The value for the field 'Headers' must be an OBJECT"),
        ({"QueryParameters": {"a": {"b": 1}}}, "The value for the field 'a' must be a STRING"),
        ({"QueryParameters": [1]}, "'QueryParameters' must be an OBJECT"),
        ({"Transform": {"RequestBodyEncoding": "XML"}}, "'RequestBodyEncoding' must be one of"),
        (
            {"Transform": {"RequestEncodingOptions": {"ArrayFormat": "NONE"}}},
            "'ArrayFormat' must be one of INDICES, REPEAT, COMMAS, BRACKETS",
        ),
        (
            {"Transform": {"RequestBodyEncoding": "URL_ENCODED"}, "RequestBody": [1]},
            "'RequestBody' must be an OBJECT",
        ),
    ],
)
def test_what_the_data_gets_wrong_is_a_runtime_error(given: dict[str, Any], why: str) -> None:
    """Worded as AWS words it, with the parameters and what is wrong with them."""
    cause = decided(**given) or ""

    assert cause.startswith("The Parameters '{")
    assert "could not be used to start the Task: [" in cause
    assert why in cause


def test_a_url_with_a_password_is_not_repeated() -> None:
    """Neither on its own nor among the parameters that a failure shows."""
    cause = decided(ApiEndpoint="https://ada:s3cret@api.example/x")

    assert "s3cret" not in (cause or "")


def test_a_header_that_is_refused_is_not_repeated() -> None:
    """Its value may be the secret that belongs to a connection."""
    cause = decided(Headers={"Authorization": "Bearer s3cret"})

    assert cause == "The header 'Authorization' is not supported by an HTTP Task."


@pytest.mark.parametrize(
    ("arn", "error"),
    [
        ("${other}", "Events.ConnectionResource.ResourceNotFound"),
        ("${unset}", "Events.ConnectionResource.InvalidConnectionState"),
    ],
)
def test_a_connection_that_cannot_be_used(arn: str, error: str) -> None:
    """Unknown ones, and those whose secret is missing, have AWS's names; the reference is told."""
    parameters = {**GOOD, "Authentication": {"ConnectionArn.$": "$.body"}}
    webhook = a_webhook(
        workflow=document(HTTP, parameters),
        connections={"unset": bearer("env:HOLDFAST_TEST_UNSET")},
    )
    result = run(webhook, a_lease(json.dumps(arn).encode()))

    assert failure(result)[0] == error
    assert ("env:HOLDFAST_TEST_UNSET" in (result.cause or "")) is (arn == "${unset}")


CONFIG = {"InvocationConfig": {"ConnectionArn": "${payments}"}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"ApiEndpoint": ..., "ApiEndpoint.$": "$.url"}, []),
        ({"Authentication": ..., **CONFIG}, []),
        (
            {"Authentication": {"ConnectionArn": "arn:aws-cn:events:r:1:connection/payments/x"}},
            [],
        ),
        ({"ApiEndpoint": ...}, ["Parameters.ApiEndpoint: is missing"]),
        (
            {"ApiEndpoint": "/x"},
            ["Parameters.ApiEndpoint: '/x' is not an http or https URL"],
        ),
        (
            {"ApiEndpoint": "https://a:s3cret@b/"},
            ["Parameters.ApiEndpoint: carries credentials; they belong to a connection"],
        ),
        (
            {"Method": "FETCH"},
            ["Parameters.Method: must be one of GET, POST, PUT, DELETE, PATCH, OPTIONS, HEAD"],
        ),
        (CONFIG, ["Parameters: Authentication and InvocationConfig cannot stand together"]),
        (
            {"Authentication": ...},
            ['Parameters: needs "InvocationConfig": {"ConnectionArn": "${NAME}"}, as AWS does; '],
        ),
        (
            {"Authentication": {"ConnectionArn": "${other}"}},
            ['Parameters.Authentication.ConnectionArn: no connection "other"; there are: payments'],
        ),
        (
            {"Authentication": {"ConnectionArn": "s3cret"}},
            ['Parameters.Authentication.ConnectionArn: is no connection; write "${NAME}"'],
        ),
        (
            {"Headers": {"Authorization": "s3cret", "Via": "x", "a b": "x", "n": 1}},
            [
                "Parameters.Headers.Authorization: cannot be set: a connection carries it",
                "Parameters.Headers.Via: cannot be set: AWS refuses it",
                "Parameters.Headers['a b']: is not a header name",
                "Parameters.Headers.n: must be a string, or a list of strings",
            ],
        ),
        (
            {"Transform": {"RequestBodyEncoding": "URL_ENCODED"}},
            ["Parameters.Headers: needs content-type: application/x-www-form-urlencoded"],
        ),
        (
            {"Transform": {"RequestEncodingOptions": {"ArrayFormat": "NONE"}}},
            ["Parameters.Transform.RequestEncodingOptions.ArrayFormat: must be one of INDICES, "],
        ),
        ({"Body": {}}, ["Parameters.Body: is not understood here; there are: ApiEndpoint, "]),
        (
            {"QueryParameters": {"a": {"b": 1}}},
            ["Parameters.QueryParameters: a must be a value, or a list of values"],
        ),
    ],
)
def test_what_is_written_wrong_is_told_when_it_is_loaded(
    changes: dict[str, Any], expected: list[str]
) -> None:
    """Each field with its path; secrets that slipped in are not repeated."""
    parameters = {k: v for k, v in {**GOOD, **changes}.items() if v is not ...}
    found = mistakes(HTTP, parameters)

    assert len(found) == len(expected), found
    for told, wanted in zip(found, expected, strict=True):
        assert told.startswith(wanted)
        assert "s3cret" not in told


def test_headers_that_a_state_may_not_set() -> None:
    """AWS's list, in any case of letters, with its three families."""
    assert len(FORBIDDEN) == 32
    assert all(map(is_forbidden, ("HOST", "X-Amz-Date", "x-amzn-x", "X-Forwarded-For")))
    assert not any(map(is_forbidden, ("Accept", "Content-Type", "User-Agent", "Range", "X-A")))
