"""The API of a plan, answering requests in this process as AWS's documentation says it would.

    route > method > addresses > model > content type > size > template > SQS > response

SQS keeps what it is asked to keep, unless that is larger than the queue takes. Where a function
stands at the door, the function itself is run. Throttling is left out.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Never, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema_rs

from holdfast.aws.answers import IntegrationResponse
from holdfast.aws.plan import StackPlan, WebhookPlan
from holdfast.aws.resources import Integration, Method
from holdfast.aws.velocity import NotRendered, Rendering, message_body
from holdfast.aws.worker.door import DoorFunction
from holdfast.clock import ManualClock
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.envelope import decode, encode
from holdfast.gateway.routes import Router
from holdfast.operate.past import Past
from holdfast.queue.engines.sqs.api import Api
from holdfast.secrets import Secrets

PAYLOAD_MAX: Final = 10 * 1024 * 1024
"""What API Gateway takes (REST APIs, payload size)."""

_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Answered:
    """What the sender hears. `kept`: the envelope in the queue; None: there is none.

    `message_bytes`: the size of the envelope, kept or not.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    kept: str | None = None
    message_bytes: int = 0


class RestApi:
    """All webhooks of a stack. `compiled`: the definition, for the functions at the door."""

    def __init__(self, stack: StackPlan, compiled: Compiled, secrets: Secrets) -> None:
        self._stack = stack
        self._router = Router((each.path, each) for each in stack.webhooks)
        self._responses = {each.type: each for each in stack.api.responses}
        self._models = {
            each.name: jsonschema_rs.Draft4Validator(dict(each.model.schema), mask="value")
            for each in stack.webhooks
            if each.model is not None
        }
        self._doors = {
            webhook.name: _DoorFunction(compiled, webhook, secrets)
            for webhook in compiled.webhooks
            if any(
                method.integration.kind == "lambda"
                for planned in stack.webhooks
                if planned.name == webhook.name
                for method in planned.methods
            )
        }

    def close(self) -> None:
        for door in self._doors.values():
            door.close()

    def answer(self, past: Past, route: str) -> Answered:
        """The answer to one request. Raises ExtraMissing where templates cannot be filled in."""
        found = self._router.find(route)
        rendering = Rendering(past.request, found[1] if found else {}, False, past.id, past.at_ms)
        if found is None:
            return self._said(rendering, "MISSING_AUTHENTICATION_TOKEN")
        planned, _ = found
        method = _method(planned, past.request.method)
        if method is None:
            return self._said(rendering, "MISSING_AUTHENTICATION_TOKEN")
        if not self._allowed(planned, past.request.remote):
            return self._said(rendering, "ACCESS_DENIED")
        if method.integration.kind == "lambda":
            content_type = past.request.headers.last_values().get("content-type")
            binary = content_type in self._stack.api.binary_types
            return self._doors[planned.name].answer(past, route, binary=binary)
        return self._integrated(rendering, planned, method)

    def _integrated(self, rendering: Rendering, planned: WebhookPlan, method: Method) -> Answered:
        """Through the templates of SQS or of a mock."""
        request = rendering.request
        if len(request.body) > PAYLOAD_MAX:
            return self._said(rendering, "REQUEST_TOO_LARGE")
        content_type = request.headers.last_values().get("content-type") or _JSON
        rendering.binary = (
            content_type in self._stack.api.binary_types
            and method.integration.content_handling == "CONVERT_TO_TEXT"
        )
        if content_type in method.models:
            wrong = self._misfit(planned, request.body)
            if wrong is not None:
                said = {"error.validationErrorString": wrong}
                return self._said(rendering, "BAD_REQUEST_BODY", said)
        template = method.integration.templates.get(content_type)
        if template is None:
            return self._said(rendering, "UNSUPPORTED_MEDIA_TYPE")
        try:
            asked = rendering.fill(template)
            if method.integration.kind == "mock":
                status, text, kept = int(json.loads(asked)["statusCode"]), "{}", None
            else:
                status, text, kept = _queued(asked, planned.queue.maximum_message_bytes)
            answered = _answered(rendering, method.integration, status, text)
        except (NotRendered, ValueError, KeyError, TypeError):
            return self._said(rendering, "API_CONFIGURATION_ERROR")
        size = _asked_bytes(asked) if method.integration.kind == "sqs" else 0
        return replace(answered, kept=kept, message_bytes=size)

    def _misfit(self, planned: WebhookPlan, body: bytes) -> str | None:
        """What the validator says of a body; None: it fits. No body at all is read as `{}`."""
        validator = self._models.get(planned.name)
        if validator is None:
            return None
        try:
            value = json.loads(body.decode("utf-8", "replace") or "{}", parse_constant=_refuse)
        except (ValueError, RecursionError):
            return "[the body is not JSON]"
        if validator.is_valid(value):
            return None
        return json.dumps([error.message for error in validator.iter_errors(value)][:20])

    def _allowed(self, planned: WebhookPlan, remote: str) -> bool:
        rule = next((each for each in self._stack.api.allow if each.path == planned.path), None)
        if rule is None:
            return True
        try:
            address = ipaddress.ip_address(remote.partition("%")[0])
        except ValueError:
            return False
        return any(address in ipaddress.ip_network(network) for network in rule.networks)

    def _said(
        self, rendering: Rendering, type: str, said: Mapping[str, str] | None = None
    ) -> Answered:
        """What API Gateway says by itself."""
        response = self._responses[type]
        headers = {name.lower(): _value(text, rendering) for name, text in response.headers.items()}
        body = rendering.say(response.template, said or {})
        return Answered(response.status or 400, headers, body.encode())


def _refuse(_name: str) -> Never:
    raise ValueError("no JSON")


def _method(planned: WebhookPlan, verb: str) -> Method | None:
    verbs = {each.verb: each for each in planned.methods}
    return verbs.get(verb, verbs.get("ANY"))


def _queued(form: str, bytes_max: int) -> tuple[int, str, str | None]:
    """What SQS answers to the form: status, body, and what it keeps."""
    try:
        text = message_body(form)
    except ValueError as error:
        return 400, _refusal(str(error)), None
    if len(text.encode()) > bytes_max:
        return 400, _refusal(f"Reason: Message must be shorter than {bytes_max} bytes."), None
    sent = {"SendMessageResponse": {"SendMessageResult": {"MessageId": "1"}}}
    return 200, json.dumps(sent), text


def _asked_bytes(form: str) -> int:
    try:
        return len(message_body(form).encode())
    except ValueError:
        return 0


def _refusal(message: str) -> str:
    error = {"Code": "InvalidParameterValue", "Message": message, "Type": "Sender"}
    return json.dumps({"Error": error, "RequestId": "1"})


def chosen(responses: tuple[IntegrationResponse, ...], status: int) -> IntegrationResponse | None:
    """The response that API Gateway takes for a status of the back end: by pattern, or the default."""
    for response in responses:
        if response.pattern is not None and re.fullmatch(response.pattern, str(status)):
            return response
    return next((response for response in responses if response.pattern is None), None)


def _answered(rendering: Rendering, integration: Integration, status: int, text: str) -> Answered:
    response = chosen(integration.responses, status)
    if response is None:
        raise NotRendered(f"no response for {status}")
    body = rendering.fill(response.template, text)
    headers = {name.lower(): _value(mapped, rendering) for name, mapped in response.headers.items()}
    code = rendering.override.get("status", response.status)
    return Answered(int(code), headers, body.encode())


def _value(mapped: str, rendering: Rendering) -> str:
    """A header's value as API Gateway maps it."""
    if mapped == "context.extendedRequestId":
        return rendering.id
    return mapped[1:-1] if re.fullmatch("'[^']*'", mapped) else ""


class _DoorFunction:
    """The function at the door of one webhook, before a queue that keeps in memory."""

    def __init__(self, compiled: Compiled, webhook: CompiledWebhook, secrets: Secrets) -> None:
        self._webhook = webhook
        self._clock = ManualClock()
        self._sent: list[str] = []
        alone = replace(webhook, rate_limit=None)
        # The one call that the function makes.
        api = cast(Api, self)
        self._function = DoorFunction(
            Compiled(compiled.name, (alone,)),
            alone,
            secrets,
            self._clock,
            api,
            "queue",
            tokens=self,
            visit=lambda _url: None,
            log=lambda _kind, _fields: None,
        )

    def close(self) -> None:
        self._function.close()

    def path(self, webhook: str) -> str:
        """Where a secret that is handed over would be kept."""
        return webhook

    def keep(self, webhook: str, token: str) -> bool:
        """Nothing is kept, and nobody hears of it."""
        return True

    def sqs(self, _operation: str, **asked: Any) -> Mapping[str, Any]:
        self._sent.append(asked["MessageBody"])
        return {"MessageId": "1"}

    def answer(self, past: Past, route: str, *, binary: bool) -> Answered:
        """The function names messages itself; here they have the name that they had."""
        self._clock.jump((past.at_ms - self._clock.now_ms()) / 1000)
        self._sent.clear()
        told = self._function(_proxied(past, route, binary=binary))
        headers = {name: values[-1] for name, values in told["multiValueHeaders"].items()}
        own = headers.get("x-request-id", "")
        headers = {name: past.id if value == own else value for name, value in headers.items()}
        body = str(told["body"])
        text = self._sent[-1] if self._sent else None
        if text is not None:
            message = decode(text, self._webhook.name, path=self._webhook.path)
            text = encode(replace(message, id=past.id))
        answered = body.replace(own, past.id) if own else body
        size = len(text) if text is not None else 0
        return Answered(int(told["statusCode"]), headers, answered.encode(), text, size)


def _proxied(past: Past, route: str, *, binary: bool) -> dict[str, Any]:
    """As API Gateway hands a request to a function."""
    request = past.request
    encoded = base64.b64encode(request.body).decode()
    body = encoded if binary else request.body.decode("utf-8", "replace")
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name, []).append(value)
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    return {
        "httpMethod": request.method,
        "path": unquote(route),
        "multiValueHeaders": headers,
        "multiValueQueryStringParameters": query or None,
        "requestContext": {
            "path": request.path,
            "domainName": urlsplit(request.origin).netloc,
            "identity": {"sourceIp": request.remote},
        },
        "body": body,
        "isBase64Encoded": binary,
    }
