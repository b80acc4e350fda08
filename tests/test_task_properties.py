"""Whatever the data brings, a service is asked properly or fails its state; nothing else happens."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workflow import http_answer, http_invoke, lambda_invoke, sqs_send
from holdfast.workflow.failures import StateFailure
from holdfast.workflow.form_encoding import form_encoded
from task_kit import HTTP, LAMBDA, SQS, mistakes

TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXT, below, max_size=3),
    max_leaves=8,
)


def near(fields: tuple[str, ...], likely: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these fields, each as it should be, or anything."""
    values = {
        name: st.just(likely[name]) | JSON if name in likely else JSON for name in sorted(fields)
    }
    return st.fixed_dictionaries({}, optional=values)


HTTP_GIVEN = near(
    http_invoke.FIELDS,
    {
        "ApiEndpoint": "https://api.example/x",
        "Method": "POST",
        "InvocationConfig": {"ConnectionArn": "${payments}"},
        "Transform": {"RequestBodyEncoding": "URL_ENCODED"},
        "Headers": {"X-A": "1"},
    },
)
LAMBDA_GIVEN = near(lambda_invoke.FIELDS, {"FunctionName": "charge", "Qualifier": "7"})
SQS_GIVEN = near(
    sqs_send.FIELDS,
    {
        "QueueUrl": "${queue:orders}",
        "MessageBody": "x",
        "DelaySeconds": 5,
        "MessageAttributes": {"a": {"DataType": "String", "StringValue": "x"}},
    },
)


def read(reader: Callable[[], Any]) -> Any:
    """What is asked for; None where the state fails instead, with a name and a reason in words."""
    try:
        return reader()
    except StateFailure as error:
        failure = error
    assert failure.error.partition(".")[0] in ("States", "Lambda", "SQS", "Events")
    assert failure.cause
    return None


@given(HTTP_GIVEN | JSON)
def test_any_parameters_of_an_http_task(value: Any) -> None:
    """They give a request that can be written down, or fail the state."""
    call = read(lambda: http_invoke.read(value))
    if call is not None:
        request = call.request
        for name, text in request.headers:
            assert name.isascii()
            assert not set("\r\n\0") & set(text)
            text.encode("latin-1")
        assert request.query.isascii()


@given(LAMBDA_GIVEN | JSON)
def test_any_parameters_of_lambda_invoke(value: Any) -> None:
    """They name a function, or fail the state."""
    invocation = read(lambda: lambda_invoke.read(value, "r"))

    assert invocation is None or invocation.function.name


@given(SQS_GIVEN | JSON)
def test_any_parameters_of_send_message(value: Any) -> None:
    """They give a message with a delay within bounds, or fail the state."""
    sending = read(lambda: sqs_send.read(value, "r"))
    if sending is not None:
        assert 0 <= sending.delay_seconds <= 900
        assert sending.body
        output, size = sqs_send.result(sending, "m", "r")
        assert len(json.dumps(output, separators=(",", ":"))) == size


@pytest.mark.parametrize("resource", [HTTP, LAMBDA, SQS])
@given(value=HTTP_GIVEN | LAMBDA_GIVEN | SQS_GIVEN | JSON, queries=st.booleans())
def test_any_parameters_that_are_written(resource: str, value: Any, *, queries: bool) -> None:
    """Loading tells what is wrong with them, and never raises."""
    language = "JSONata" if queries else "JSONPath"

    assert all(":" in told for told in mistakes(resource, value, QueryLanguage=language))


SIMPLE = st.dictionaries(
    st.text(string.ascii_letters, min_size=1), st.text(), min_size=1, max_size=4
)


@given(SIMPLE)
def test_a_form_is_read_as_it_was_written(value: dict[str, str]) -> None:
    """Any other reader of forms finds the same names and texts, in the same order."""
    written = form_encoded(value, "INDICES")

    assert written.isascii()
    assert parse_qsl(written, keep_blank_values=True) == list(value.items())


@given(SIMPLE)
def test_a_query_is_read_as_it_was_written(value: dict[str, str]) -> None:
    """Behind a question mark too."""
    given_all = {
        "ApiEndpoint": "https://api.example/x",
        "Method": "GET",
        "Authentication": {"ConnectionArn": "${a}"},
        "QueryParameters": value,
    }
    url = http_invoke.read(given_all).request.url

    assert parse_qsl(urlsplit(url).query, keep_blank_values=True) == list(value.items())


@given(TEXT, st.sampled_from([429, 503]), st.floats(0, 4e9))
def test_any_retry_after_is_within_bounds(text: str, status: int, now_seconds: float) -> None:
    """Nonsense is nothing, and nobody is parked for more than an hour."""
    answer = http_answer.Answer(status, "", [("retry-after", text)], b"")
    seconds = http_answer.retry_after_seconds(answer, now_seconds)

    assert seconds is None or 0 < seconds <= 3_600


@given(st.text("ab", min_size=1, max_size=3), JSON)
def test_what_is_hidden_is_nowhere_in_a_result(secret: str, body: Any) -> None:
    """In no text, name or header of it, at any depth."""
    lines = [("content-type", "application/json"), ("x-a", f"{secret} and {secret}")]
    answer = http_answer.Answer(200, "OK", lines, json.dumps([body, secret]).encode())
    seen = http_answer.result(answer, (secret,))
    told = texts([seen["Headers"]["x-a"], seen["ResponseBody"]])

    assert not any(secret in text.replace("[redacted]", "-") for text in told)


def texts(value: Any) -> list[str]:
    """Every text and name in it."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, dict):
        return [text for name, below in value.items() for text in (name, *texts(below))]
    return []
