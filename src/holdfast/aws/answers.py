"""What the door on AWS says: to what SQS kept, to what it did not, and to what never got that far.

It fails closed. Success is said to the one thing that is success, an answer of SQS in the two
hundreds; whatever else SQS says, and whatever nobody thought of, is a 500 with which every sender
tries again. The texts are those of the local door, as far as API Gateway's simple substitution goes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.aws.mapping import ID
from holdfast.compiled import CompiledWebhook
from holdfast.gateway.answers import RETRY_SECONDS
from holdfast.gateway.gate import Success
from holdfast.gateway.handshakes.hand import ECHO_HEADERS

_MEANING: Final = frozenset("$#\\")
"""Characters that mean something to Velocity."""

_OWN_ID: Final = ID.removeprefix("$")
"""As a header is mapped from it."""

RETRY: Final = {"Retry-After": f"'{RETRY_SECONDS}'"}


@dataclass(frozen=True, slots=True)
class IntegrationResponse:
    """What an answer of the back end becomes, whatever the sender would like to read.

    `pattern`: of the back end's status; None: every other one. `headers`: as API Gateway maps them,
    `context.NAME` or a text in single quotes. `template`: Velocity, under `application/json`.
    """

    pattern: str | None
    status: int
    headers: Mapping[str, str]
    template: str


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """What API Gateway says by itself, under its own name for the case.

    `status` None: as it is. `template`: JSON in which variables are put in; no Velocity.
    """

    type: str
    status: int | None
    template: str
    headers: Mapping[str, str] = field(default_factory=dict)


def kept(webhook: CompiledWebhook) -> IntegrationResponse:
    """What a sender hears once SQS has its event: the webhook's own answer."""
    # What stands for the id until it is one: a character that the answer does not have.
    written = webhook.answer.body or ""
    mark = next(each for each in map(chr, range(0xE000, 0xF900)) if each not in written)
    answer = Success(webhook).of(mark)
    headers = {_title(name): _mapped(value, mark) for name, value in answer.headers}
    template = ID.join(map(said, answer.body.decode().split(mark)))
    return IntegrationResponse(r"2\d{2}", answer.status, headers, template)


def not_kept() -> tuple[IntegrationResponse, ...]:
    """What a sender hears otherwise: the event is too large, or was not kept.

    API Gateway knows one response per status: of two under one, the later takes the other's place.
    So what SQS calls a bad request is under 503, which tells the sender to come back should its
    template ever not be followed, and the template says which it is, 413 or 500.
    """
    lost = refusal("not_kept", "the event was not kept; send it again")
    large = refusal("payload_too_large", "this webhook takes smaller bodies")
    # In a wrapping of its own or not: recordings differ, and a 500 would have it sent for ever.
    judged = (
        "#set($why=$input.path('$.Error.Message'))"
        "#set($also=$input.path('$.ErrorResponse.Error.Message'))"
        "#if(($why && $why.contains('must be shorter than'))"
        " || ($also && $also.contains('must be shorter than')))"
        f"#set($context.responseOverride.status=413){large}"
        f"#else#set($context.responseOverride.status=500){lost}#end"
    )
    return (
        IntegrationResponse("400", 503, RETRY, judged),
        IntegrationResponse(None, 500, RETRY, lost),
    )


def echoed(value: str) -> IntegrationResponse:
    """A handshake's answer: what a stranger sent, as plain text that no browser takes for more."""
    headers = {_title(name): _mapped(text) for name, text in ECHO_HEADERS}
    headers["X-Request-Id"] = _OWN_ID
    return IntegrationResponse("200", 200, headers, value)


def wrong_method(webhook: CompiledWebhook) -> IntegrationResponse:
    """A method that the webhook does not take, with those that it does."""
    methods = ", ".join(webhook.methods)
    body = refusal("method_not_allowed", f"this webhook takes {methods}")
    headers = {"Allow": f"'{methods}'", "X-Request-Id": _OWN_ID}
    return IntegrationResponse("405", 405, headers, body)


def said(text: str) -> str:
    """A template that says this text, whatever stands in it."""
    if _MEANING.isdisjoint(text):
        return text
    return f"$util.base64Decode('{base64.b64encode(text.encode()).decode()}')"


def unsayable(webhook: CompiledWebhook) -> list[str]:
    """Headers of the answer that API Gateway cannot send: it writes their values in single quotes."""
    return [name for name, value in webhook.answer.headers if "'" in value]


def refusal(reason: str, message: str, **facts: Any) -> str:
    """As the local door refuses, with the id that the sender may quote."""
    return json.dumps({"error": reason, "message": message, **facts, "requestId": ID})


def gateway_responses() -> tuple[GatewayResponse, ...]:
    """Everything that API Gateway may answer before or instead of SQS."""
    invalid = {
        "errors": [
            {"path": "", "message": "$context.error.validationErrorString", "keyword": "schema"}
        ],
        "details": "Invalid request body",
        "requestId": ID,
    }
    limited = refusal("rate_limited", "too many requests", retryAfter=RETRY_SECONDS)
    address = refusal("address_not_allowed", "this address is not on the webhook's allow-list")
    nothing = refusal("not_found", "no webhook has this path")
    media = refusal("unsupported_media_type", "this webhook takes other content types")
    large = refusal("payload_too_large", "this webhook takes smaller bodies")
    other = refusal("refused", "$context.error.message")
    lost = refusal("not_kept", "the event was not kept; send it again")
    return (
        GatewayResponse("BAD_REQUEST_BODY", 400, json.dumps(invalid)),
        GatewayResponse("BAD_REQUEST_PARAMETERS", 400, other),
        GatewayResponse("ACCESS_DENIED", 403, address),
        GatewayResponse("WAF_FILTERED", 403, address),
        GatewayResponse("MISSING_AUTHENTICATION_TOKEN", 404, nothing),
        GatewayResponse("RESOURCE_NOT_FOUND", 404, nothing),
        GatewayResponse("REQUEST_TOO_LARGE", 413, large),
        GatewayResponse("UNSUPPORTED_MEDIA_TYPE", 415, media),
        GatewayResponse("THROTTLED", 429, limited, RETRY),
        GatewayResponse("QUOTA_EXCEEDED", 429, limited, RETRY),
        GatewayResponse("API_CONFIGURATION_ERROR", 500, lost, RETRY),
        GatewayResponse("INTEGRATION_FAILURE", 504, lost, RETRY),
        GatewayResponse("INTEGRATION_TIMEOUT", 504, lost, RETRY),
        GatewayResponse("DEFAULT_4XX", None, other),
        GatewayResponse("DEFAULT_5XX", None, lost, RETRY),
    )


def _mapped(value: str, mark: str = "") -> str:
    return _OWN_ID if value == mark else f"'{value}'"


def _title(name: str) -> str:
    """`x-holdfast-id` as it is usually written."""
    return "-".join(part.capitalize() for part in name.split("-"))
