"""What the door on AWS says, rendered: success only for success, and the shapes of the local door."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holdfast.aws.answers import (
    IntegrationResponse,
    gateway_responses,
    kept,
    not_kept,
    unsayable,
)
from holdfast.aws.media import USUAL, families, spellings
from holdfast.aws.mock import greeting, only_echoes, refusal_of_method
from holdfast.compiled import Answer, CompiledWebhook
from holdfast.definition import Provider
from holdfast.gateway.gate import Success
from holdfast.gateway.handshakes import HANDSHAKES, handshakes_of
from holdfast.message import Headers, Request
from holdfast.verify import hmac_sha256
from holdfast.workflow.input import _BINARY as BINARY
from vtl_kit import EXTENDED_ID, Door
from workflow_kit import a_webhook

KEPT: Final = json.dumps({"SendMessageResponse": {"SendMessageResult": {"MessageId": "1"}}})


def refused(message: str, code: str = "InvalidParameterValue") -> str:
    return json.dumps(
        {"Error": {"Code": code, "Message": message, "Type": "Sender"}, "RequestId": "1"}
    )


def a_door(query: str = "") -> Door:
    return Door(
        Request("POST", "/users", query, Headers(), b"{}", "203.0.113.7", "https://x.example")
    )


def chosen(responses: tuple[IntegrationResponse, ...], status: int) -> IntegrationResponse:
    """The response that API Gateway takes for a status of the back end: by pattern, or the default."""
    for response in responses:
        if response.pattern is not None and re.fullmatch(response.pattern, str(status)):
            return response
    return next(response for response in responses if response.pattern is None)


def answered(webhook: CompiledWebhook, status: int, body: str) -> tuple[int, dict[str, str], str]:
    """What a sender hears after SQS has said this."""
    door = a_door()
    response = chosen((kept(webhook), *not_kept()), status)
    text = door.fill(response.template, body)
    headers = {name.lower(): sent(value) for name, value in response.headers.items()}
    return door.override.get("status", response.status), headers, text


def sent(mapped: str) -> str:
    """A header's value as API Gateway maps it."""
    if mapped == "context.extendedRequestId":
        return EXTENDED_ID
    assert re.fullmatch("'[^']*'", mapped)
    return mapped[1:-1]


@settings(max_examples=200, deadline=None)
@given(
    st.integers(200, 299),
    st.none() | st.text(max_size=20) | st.text("$#\\{id}'\"!() set.context", max_size=30),
    st.dictionaries(
        st.sampled_from(("X-Shop", "Content-Type", "X-Request-Id")), st.just("a/b; c=1")
    ),
)
@example(200, "\0{id}\ue000{id}", {})
def test_success_sounds_as_at_the_local_door(
    status: int, body: str | None, headers: dict[str, str]
) -> None:
    """Status, headers and body of the webhook's own answer, whatever stands in it."""
    webhook = a_webhook(answer=Answer(status, body, tuple(headers.items())))
    local = Success(webhook).of(EXTENDED_ID)

    assert answered(webhook, 200, KEPT) == (status, dict(local.headers), local.body.decode())


@pytest.mark.parametrize(
    ("status", "body", "heard", "error"),
    [
        (
            400,
            refused("Reason: Message must be shorter than 245760 bytes."),
            413,
            "payload_too_large",
        ),
        (400, refused("The specified queue does not exist.", "NonExistentQueue"), 500, "not_kept"),
        (400, refused(""), 500, "not_kept"),
        (400, "{}", 500, "not_kept"),
        (403, refused("Access denied", "AccessDenied"), 500, "not_kept"),
        (404, "{}", 500, "not_kept"),
        (500, "{}", 500, "not_kept"),
        (503, refused("must be shorter than"), 500, "not_kept"),
        (301, "", 500, "not_kept"),
        (2000, KEPT, 500, "not_kept"),
    ],
)
def test_whatever_is_not_success_fails_closed(
    status: int, body: str, heard: int, error: str
) -> None:
    """Too large is 413, and everything else a 500 that says when to come back."""
    code, headers, text = answered(a_webhook(), status, body)

    assert code == heard
    assert json.loads(text)["error"] == error
    assert json.loads(text)["requestId"] == EXTENDED_ID
    assert headers["retry-after"] == "5"


def test_no_two_answers_have_one_status() -> None:
    """API Gateway keeps one response per status, so that a second would take the first one's place."""
    responses = (kept(a_webhook()), *not_kept())

    assert len({each.status for each in responses}) == len(responses)


def test_a_header_with_a_quote_cannot_be_said() -> None:
    """API Gateway writes texts in single quotes and knows no escape; `plan` names the header."""
    webhook = a_webhook(answer=Answer(200, None, (("X-A", "it's"), ("X-B", "fine"))))

    assert unsayable(webhook) == ["X-A"]


def greeting_of(name: str) -> Any:
    provider = Provider("p", "P", hmac_sha256("env:X"), handshakes=(name,))
    webhook = a_webhook(provider=provider)
    (handshake,) = handshakes_of(webhook)
    return greeting(webhook, handshake)


def test_only_a_plain_echo_needs_nothing_behind_the_door() -> None:
    """Not what is signed, asks for a secret, or stands in a body."""
    assert {name for name, each in HANDSHAKES.items() if only_echoes(each)} == {
        "dropbox_challenge",
        "microsoft_validation_token",
    }
    assert handshakes_of(a_webhook()) == ()


@pytest.mark.parametrize("challenge", ["abc", "<script>alert(1)</script>", "a&b=c", "é😀"])
def test_a_challenge_is_echoed_as_plain_text(challenge: str) -> None:
    """With the local door's headers, so that no browser takes it for a page."""
    mock = greeting_of("dropbox_challenge")
    door = a_door(f"challenge={quote(challenge)}")

    status = json.loads(door.fill(mock.request_template))["statusCode"]
    response = chosen(mock.responses, status)

    assert (status, response.status) == (200, 200)
    assert door.fill(response.template) == challenge
    assert sent(response.headers["Content-Type"]) == "text/plain; charset=utf-8"
    assert sent(response.headers["X-Content-Type-Options"]) == "nosniff"


def test_without_a_challenge_the_method_is_wrong() -> None:
    """405 with what is allowed, as at the local door; and so for any method not taken."""
    webhook = a_webhook(methods=("POST", "PUT"))
    for mock in (greeting_of("dropbox_challenge"), refusal_of_method(webhook)):
        door = a_door("other=1")
        status = json.loads(door.fill(mock.request_template))["statusCode"]
        response = next(each for each in mock.responses if each.pattern == str(status))

        assert (status, response.status) == (405, 405)
        assert json.loads(door.fill(response.template))["error"] == "method_not_allowed"
    assert sent(response.headers["Allow"]) == "POST, PUT"


def test_what_api_gateway_says_itself_has_our_shape() -> None:
    """Errors, details and request id for a body that does not fit; a named reason otherwise; and
    when to come back wherever that helps."""
    responses = {each.type: each for each in gateway_responses()}
    said = {
        "$context.error.validationErrorString": '[object has missing required properties (["age"])]',
        "$context.error.message": "Invalid request body",
        "$context.extendedRequestId": EXTENDED_ID,
    }

    for response in responses.values():
        text = response.template
        for name, value in said.items():
            text = text.replace(name, json.dumps(value)[1:-1])
        fields = json.loads(text)
        assert "$" not in text
        assert fields["requestId"] == EXTENDED_ID
        if response.type == "BAD_REQUEST_BODY":
            assert fields["details"] == "Invalid request body"
            assert fields["errors"][0]["message"].startswith("[object has missing")
        else:
            assert {"error", "message"} <= set(fields)
        late = response.status is not None and (response.status == 429 or response.status >= 500)
        assert ("Retry-After" in response.headers) == (late or response.type == "DEFAULT_5XX")
    statuses = {each.type: each.status for each in responses.values()}
    assert statuses["MISSING_AUTHENTICATION_TOKEN"] == 404
    assert statuses["UNSUPPORTED_MEDIA_TYPE"] == 415
    assert statuses["DEFAULT_4XX"] is None


def test_json_is_spelt_in_every_way_that_senders_use() -> None:
    """By itself first; with the charset, spaced and not, in either case of letters."""
    assert [each.content_type for each in spellings(("application/json",))] == [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        "application/json;charset=UTF-8",
    ]


def test_a_family_stands_for_the_types_that_senders_use() -> None:
    """Any type becomes the usual ones, text those that are text; one's own are kept beside them."""
    anything = {each.content_type for each in spellings(("*/*",))}
    text = {each.content_type for each in spellings(("text/*", "application/x-own", "image/png"))}

    assert set(USUAL) <= anything
    assert {
        "text/plain",
        "text/csv",
        "text/plain;charset=UTF-8",
        "application/x-own",
        "application/x-own; charset=utf-8",
        "image/png",
    } <= text
    assert not any(each.startswith("application/json") for each in text)
    spelt = {each.partition(";")[0] for each in anything if ";" in each}
    assert "application/json" in spelt
    assert "application/octet-stream" not in spelt
    assert len(anything) < 40
    assert families(("text/*", "a/b", "*/*")) == ("text/*", "*/*")


def test_binary_types_are_those_of_the_workflow() -> None:
    """What the workflow hands on as base64 is what API Gateway must not read as text."""
    binary = [name.rstrip("/") + ("/x" if name.endswith("/") else "") for name in BINARY]
    found = spellings(binary)

    assert [each.content_type for each in found] == binary
    assert all(each.binary for each in found)
    assert not any(each.binary for each in spellings(("application/json", "text/*")))
