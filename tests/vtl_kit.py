"""API Gateway's templates, filled in by a real interpreter of Velocity as API Gateway would.

What it makes of a request is AWS's documentation and recordings in code: a body is text in UTF-8 or,
where its type is listed as binary, base64; nothing at all is `{}`; of several values of a header or
parameter the last is known; parameters arrive decoded.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus, unquote

import airspeed
from airspeed import operators

from holdfast import envelope
from holdfast.message import Message, Request

# Methods of Java's String that airspeed leaves to whoever embeds it.
operators.__additional_methods__[str]["toLowerCase"] = str.lower

EXTENDED_ID: Final = "c7R0wHbeoAMFXgg="
NOW_MS: Final = 1_700_000_000_000


class Params:
    """`$input.params()`."""

    def __init__(self, request: Request, params: dict[str, str]) -> None:
        self.header = _last(request.headers.lines)
        query = parse_qsl(request.query, keep_blank_values=True, encoding="utf-8", errors="replace")
        self.querystring = dict(query)
        self.path = params


def _last(lines: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """By name in the spelling of its last line, whatever the case of letters in the others."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in lines:
        found[name.lower()] = (name, value)
    return dict(found.values())


class Input:
    """`$input`, of a request or of the back end's answer."""

    def __init__(self, body: str, params: Params) -> None:
        self.body = body
        self._params = params

    def params(self) -> Params:
        return self._params

    def path(self, path: str) -> Any:
        """A JSONPath of plain names; empty where there is no such thing."""
        value: Any = json.loads(self.body)
        for name in path.removeprefix("$.").split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return "" if value is None else value


class Encoders:
    """`$util`, as Java does it."""

    @staticmethod
    def urlEncode(text: str) -> str:  # noqa: N802 - AWS's name
        return quote_plus(text, safe="*-._").replace("~", "%7E")

    @staticmethod
    def base64Encode(text: str) -> str:  # noqa: N802 - AWS's name
        return base64.b64encode(text.encode()).decode()

    @staticmethod
    def base64Decode(text: str) -> str:  # noqa: N802 - AWS's name
        return base64.b64decode(text).decode()


@dataclass
class Door:
    """One request at API Gateway."""

    request: Request
    params: dict[str, str] = field(default_factory=dict)
    binary: bool = False
    """Whether its content type is listed as binary."""
    override: dict[str, Any] = field(default_factory=dict)
    """What a response's template sets."""

    def fill(self, template: str, answer: str | None = None) -> str:
        """Fill in a request's template, or that of a response to the back end's `answer`."""
        body = self.request.body
        text = base64.b64encode(body).decode() if self.binary else body.decode("utf-8", "replace")
        given = answer if answer is not None else text or "{}"
        context = {
            "extendedRequestId": EXTENDED_ID,
            "requestId": '","verdict":"verified',  # a sender may choose it
            "requestTimeEpoch": NOW_MS,
            "identity": {"sourceIp": self.request.remote},
            "httpMethod": self.request.method,
            "domainName": self.request.origin.partition("://")[2],
            "path": self.request.path,
            "responseOverride": self.override,
        }
        names = {
            "input": Input(given, Params(self.request, self.params)),
            "util": Encoders,
            "context": context,
        }
        return str(_parsed(template).merge(names))

    def envelope(self, template: str) -> dict[str, Any]:
        """What SQS would be asked to keep. The form has two fields, each once."""
        form = parse_qsl(self.fill(template), keep_blank_values=True, strict_parsing=True)
        assert [name for name, _ in form] == ["Action", "MessageBody"]
        assert form[0][1] == "SendMessage"
        document = json.loads(form[1][1], object_pairs_hook=_once)
        assert isinstance(document, dict)
        return document


@cache
def _parsed(template: str) -> Any:
    return airspeed.Template(template)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), names
    return dict(pairs)


def decode(document: dict[str, Any], webhook: str) -> Message:
    """The message in an envelope of API Gateway."""
    return envelope.decode(json.dumps(document), webhook)


def decoded(params: str) -> str:
    """A parameter of the path as API Gateway hands it on."""
    return unquote(params, errors="replace")
