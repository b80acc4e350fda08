"""HTTP tasks: what is sent, what comes back, and what never shows, over a real socket."""

from __future__ import annotations

import base64
import email.utils
import json
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.compiled import CompiledWebhook
from holdfast.message import Headers, Request
from holdfast.verify import basic, bearer, hmac_sha256, standard_webhooks, token
from holdfast.workflow.result import Result
from http_target import Target, a_target
from task_kit import HTTP, document, run
from workflow_kit import a_lease, a_webhook

SECRET = 'top "secret"/\\value'


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("API_SECRET", SECRET)
    with a_target() as server:
        yield server


def a_caller(
    target: Target, connection: Any = None, *, path: str = "/in", **given: Any
) -> CompiledWebhook:
    """A webhook whose one task calls the target."""
    parameters = {
        "ApiEndpoint": target.root + path,
        "Method": "POST",
        "InvocationConfig": {"ConnectionArn": "${api}"},
        **given,
    }
    fields = {"QueryLanguage": "JSONata"} if given.pop("QueryLanguage", None) else {}
    workflow = document(HTTP, parameters, **fields)
    return a_webhook(workflow=workflow, connections={"api": connection}, log_level="ALL")


def call(target: Target, connection: Any = None, **given: Any) -> Result:
    return run(a_caller(target, connection, **given))


def test_the_answer_is_the_result(target: Target) -> None:
    """Headers in lists by lower-case name, a parsed body, status and its words."""
    target.body = b'{"id": 7}'
    target.headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("X-A", "1"),
        ("X-A", "2"),
    ]
    result = call(target, RequestBody={"a": 1})

    assert result.status == "SUCCEEDED"
    assert (result.output["StatusCode"], result.output["StatusText"]) == (200, "OK")
    assert result.output["ResponseBody"] == {"id": 7}
    assert result.output["Headers"]["x-a"] == ["1", "2"]


def test_a_proxy_of_the_environment_is_used(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY says through whom a call goes, NO_PROXY to whom it goes straight."""
    monkeypatch.setenv("HTTP_PROXY", target.root)
    asked = {"ApiEndpoint": "http://api.invalid/orders"}

    assert call(target, **asked).status == "SUCCEEDED"
    assert target.received[0].path == "http://api.invalid/orders"
    assert call(target).status == "SUCCEEDED"
    assert target.received[1].path == "/in"
    monkeypatch.setenv("NO_PROXY", "api.invalid")
    assert call(target, **asked).error == "States.Http.Socket"


def test_the_request_is_the_one_that_aws_would_send(target: Target) -> None:
    """JSON body and type, the fixed headers, and nothing of the client's own."""
    result = call(target, RequestBody={"a": [1, "é"]}, Headers={"X-Mine": ["1", "2"], "Range": "x"})
    (received,) = target.received

    assert result.status == "SUCCEEDED"
    assert (received.method, received.path) == ("POST", "/in")
    assert received.body == '{"a":[1,"é"]}'.encode()
    assert sorted((name.lower(), value) for name, value in received.lines) == [
        ("content-length", "14"),
        ("content-type", "application/json; charset=UTF-8"),
        ("host", target.root.removeprefix("http://")),
        ("range", "bytes=0-262144"),
        ("user-agent", "Holdfast|HttpInvoke|local"),
        ("x-mine", "1"),
        ("x-mine", "2"),
    ]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_every_method_without_a_body(target: Target, method: str) -> None:
    """A request without RequestBody carries no body and no content type."""
    result = call(target, Method=method)
    (received,) = target.received

    assert result.status == "SUCCEEDED"
    assert (received.method, received.body) == (method, b"")
    assert "content-type" not in received.headers
    assert ("ResponseBody" in result.output) is (method != "HEAD")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "a b&c", "n": 1, "yes": True, "none": None}, "q=a%20b%26c&n=1&yes=true&none="),
        ({"ids": ["x", "y"]}, "ids=x&ids=y"),
        ("?a=1&b=x y", "a=1&b=x%20y"),
        ({}, ""),
    ],
)
def test_query_parameters_are_encoded(target: Target, query: Any, expected: str) -> None:
    """An object of values or lists, or a text; behind what the URL has already."""
    call(target, path="/in?z=0", QueryParameters=query)

    assert target.received[0].path == "/in?z=0" + (f"&{expected}" if expected else "")


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        (None, "a%5B0%5D=x&a%5B1%5D=y&o%5Bk%5D=1%20%26"),
        ("INDICES", "a%5B0%5D=x&a%5B1%5D=y&o%5Bk%5D=1%20%26"),
        ("REPEAT", "a=x&a=y&o%5Bk%5D=1%20%26"),
        ("COMMAS", "a=x,y&o%5Bk%5D=1%20%26"),
        ("BRACKETS", "a%5B%5D=x&a%5B%5D=y&o%5Bk%5D=1%20%26"),
    ],
)
def test_a_body_can_be_a_form(target: Target, arrays: str | None, expected: str) -> None:
    """URL_ENCODED writes nested objects in brackets, and arrays in one of four ways."""
    transform: dict[str, Any] = {"RequestBodyEncoding": "URL_ENCODED"}
    if arrays is not None:
        transform["RequestEncodingOptions"] = {"ArrayFormat": arrays}
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = {"a": ["x", "y"], "o": {"k": "1 &"}}
    call(target, RequestBody=body, Transform=transform, Headers=headers)
    (received,) = target.received

    assert received.body.decode() == expected
    assert received.headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_text_is_a_body_as_it_is(target: Target) -> None:
    """Whoever needs XML writes it, and says so."""
    call(target, RequestBody="<a>é</a>", Headers={"Content-Type": "text/xml"})
    (received,) = target.received

    assert (received.body, received.headers["content-type"]) == ("<a>é</a>".encode(), "text/xml")


def test_fields_may_be_decided_by_the_data(target: Target) -> None:
    """JSONPath and JSONata fill in any field of the request, the connection included."""
    paths = document(
        HTTP,
        {
            "ApiEndpoint.$": "States.Format('{}/users/{}', $.body.root, $.body.id)",
            "Method.$": "$.body.method",
            "Headers.$": "$.body.headers",
            "Authentication": {"ConnectionArn.$": "$.body.connection"},
        },
    )
    queries = document(
        HTTP,
        {
            "ApiEndpoint": "{% $states.input.body.root & '/users/' & $states.input.body.id %}",
            "Method": "{% $states.input.body.method %}",
            "Headers": "{% $states.input.body.headers %}",
            "Authentication": {"ConnectionArn": "{% $states.input.body.connection %}"},
        },
        QueryLanguage="JSONata",
    )
    body = {
        "root": target.root,
        "id": "7",
        "method": "PUT",
        "headers": {"x-a": "1"},
        "connection": "arn:aws:events:eu-west-1:123456789012:connection/api/81210c42",
    }
    for workflow in (paths, queries):
        webhook = a_webhook(workflow=workflow, connections={"api": None})
        assert run(webhook, a_lease(json.dumps(body).encode())).status == "SUCCEEDED"

    told = [(each.method, each.path, each.headers["x-a"]) for each in target.received]
    assert told == [("PUT", "/users/7", "1")] * 2


def basic_header(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("connection", "header", "value"),
    [
        (bearer("env:API_SECRET"), "authorization", f"Bearer {SECRET}"),
        (basic("ada", "env:API_SECRET"), "authorization", basic_header("ada", SECRET)),
        (token("env:API_SECRET", header="X-Api-Key"), "x-api-key", SECRET),
    ],
)
def test_a_connection_proves_who_calls_and_its_secret_stays_hidden(
    target: Target, connection: Any, header: str, value: str
) -> None:
    """The header arrives, wins over the state's own, and is redacted from what a target repeats."""
    target.echoes = True
    target.headers = [("X-Echo", value), ("Content-Type", "application/json")]
    own = {"x-api-key": "mine"} if header == "x-api-key" else {}
    succeeded = call(target, connection, Headers=own)
    target.status = 403
    failed = call(target, connection)

    assert target.received[0].headers[header] == value
    assert failed.error == "States.Http.StatusCode.403"
    for result in (succeeded, failed):
        told = json.dumps([result.output, result.cause, result.history])
        assert "[redacted]" in told
        for secret in (SECRET, json.dumps(SECRET)[1:-1], value, value.removeprefix("Basic ")):
            assert secret not in told
            assert json.dumps(secret)[1:-1] not in told


@pytest.mark.parametrize(
    "scheme", [hmac_sha256("env:SIGNING_SECRET"), standard_webhooks("env:SIGNING_SECRET")]
)
def test_a_connection_can_sign(
    target: Target, scheme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent passes the scheme's own check of it."""
    monkeypatch.setenv("SIGNING_SECRET", "c2VjcmV0LXNlY3JldA==")
    webhook = a_caller(target, scheme, RequestBody={"a": 1})
    result = run(webhook)
    (received,) = target.received
    request = Request("POST", "/in", "", Headers.of(received.lines), received.body)

    assert result.status == "SUCCEEDED"
    scheme.check(request, ["c2VjcmV0LXNlY3JldA=="], 1_700_000_000)


@pytest.mark.parametrize("status", [301, 304, 400, 404, 418, 500])
def test_anything_but_2xx_is_a_failure_of_that_name(target: Target, status: int) -> None:
    """The answer's beginning is the cause, and no redirect is followed."""
    target.status = status
    result = call(target)

    assert result.error == f"States.Http.StatusCode.{status}"
    assert result.cause in ("because of this", "Not Modified")
    assert (result.retry_after_seconds, result.quarantine) == (None, None)
    assert len(target.received) == 1


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "7", 7.0),
        (503, "7", 7.0),
        (503, "86400", 3600.0),
        (503, email.utils.formatdate(1_700_000_090, usegmt=True), 90.0),
        (503, email.utils.formatdate(1_600_000_000, usegmt=True), None),
        (503, "0", None),
        (503, "-1", None),
        (503, "soon", None),
        (503, "9" * 400, 3600.0),
        (500, "7", None),
    ],
)
def test_a_busy_target_says_when_to_come_back(
    target: Target, status: int, header: str, seconds: float | None
) -> None:
    """Retry-After of 429 and 503, in seconds or as a date, is the queue's delay: an hour at most."""
    target.status, target.headers = status, [("Retry-After", header)]
    result = call(target)

    assert (result.error, result.retry_after_seconds) == (
        f"States.Http.StatusCode.{status}",
        seconds,
    )


def test_a_target_that_does_not_answer_in_a_minute(target: Target) -> None:
    """The whole exchange has AWS's limit, and AWS's name for it."""
    target.let_go.clear()
    result = run(a_caller(target), jump=True)

    assert result.error == "States.Http.Socket"
    assert "60 seconds" in (result.cause or "")


def test_a_target_that_is_not_there(target: Target) -> None:
    """A refused connection is a socket's error too, and names the host alone."""
    target.server_close()
    result = call(target, path="/in?key=s3cret")

    assert result.error == "States.Http.Socket"
    assert "127.0.0.1" in (result.cause or "")
    assert "s3cret" not in (result.cause or "")


@pytest.mark.parametrize(
    ("content_type", "body", "error"),
    [
        ("image/png", b"abc", "States.Runtime"),
        ("application/octet-stream", b"abc", "States.Runtime"),
        ("video/mp4", b"abc", "States.Runtime"),
        ("audio/ogg", b"abc", "States.Runtime"),
        ("text/plain", b"\xff\xfe", "States.Runtime"),
        ("text/plain", b"x" * 262_145, "States.DataLimitExceeded"),
        ("text/plain", b"x" * 262_100, "States.DataLimitExceeded"),
    ],
)
def test_an_answer_that_no_state_can_take(
    target: Target, content_type: str, body: bytes, error: str
) -> None:
    """Bytes that are no text, and more than 262,144 of them, fail by AWS's names."""
    target.headers, target.body = [("content-type", content_type)], body

    assert call(target).error == error


def test_an_answer_without_end_is_left(target: Target) -> None:
    """Once it is more than a state can take, nobody listens any longer."""
    target.endless, target.headers = True, [("content-type", "text/plain")]

    assert call(target).error == "States.DataLimitExceeded"


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", b"{oops", "{oops"),
        ("application/problem+json", b"[1]", [1]),
        ("text/html", b"<p>\xc3\xa9</p>", "<p>é</p>"),
        ("", b'{"a": 1}', '{"a": 1}'),
    ],
)
def test_a_body_is_json_where_it_says_so(
    target: Target, content_type: str, body: bytes, expected: Any
) -> None:
    """Otherwise, or where it is not, it is text."""
    target.headers, target.body = [("content-type", content_type)], body

    assert call(target).output["ResponseBody"] == expected


def test_no_content_has_no_body(target: Target) -> None:
    """204 gives a result without ResponseBody."""
    target.status, target.headers = 204, []
    output = call(target).output

    assert "ResponseBody" not in output
    assert (output["StatusCode"], output["StatusText"]) == (204, "No Content")
