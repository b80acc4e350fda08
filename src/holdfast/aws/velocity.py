"""API Gateway's templates, filled in by a real interpreter of Velocity as API Gateway would.

What it makes of a request is AWS's documentation and recordings in code: a body is text in UTF-8 or,
where its type is listed as binary, base64; nothing at all is `{}`; of several values of a header or
parameter the last is known; parameters arrive decoded. The interpreter is airspeed, of the extra
`parity`; nothing that runs in production needs it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus

from holdfast.errors import ExtraMissing
from holdfast.message import Request

EXTRA: Final = "parity"

_VARIABLE: Final = re.compile(r"\$context\.([A-Za-z.]+[A-Za-z])")


class NotRendered(ValueError):
    """The template cannot be filled in: API Gateway would answer 500, its configuration being wrong."""


class Params:
    """`$input.params()`."""

    def __init__(self, request: Request, params: Mapping[str, str]) -> None:
        self.header = _last(request.headers.lines)
        query = parse_qsl(request.query, keep_blank_values=True, encoding="utf-8", errors="replace")
        self.querystring = dict(query)
        self.path = dict(params)


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
class Rendering:
    """One request at API Gateway, in whose light templates are filled in."""

    request: Request
    params: Mapping[str, str] = field(default_factory=dict)
    """Of the path, decoded."""
    binary: bool = False
    """Whether its content type is listed as binary."""
    id: str = ""
    """What API Gateway calls it."""
    at_ms: int = 0
    sender_id: str = ""
    """What the sender calls it, as `$context.requestId` repeats."""
    override: dict[str, Any] = field(default_factory=dict)
    """What a response's template sets."""

    def fill(self, template: str, answer: str | None = None) -> str:
        """Fill in a request's template, or that of a response to the back end's `answer`.

        Raises NotRendered, and ExtraMissing where there is no interpreter.
        """
        body = self.request.body
        text = base64.b64encode(body).decode() if self.binary else body.decode("utf-8", "replace")
        given = answer if answer is not None else text or "{}"
        names = {
            "input": Input(given, Params(self.request, self.params)),
            "util": Encoders,
            "context": self._context(),
        }
        try:
            return str(_parsed(template).merge(names))
        except ExtraMissing:
            raise
        except Exception as error:
            raise NotRendered(f"{type(error).__name__}: {error}") from None

    def say(self, template: str, said: Mapping[str, str]) -> str:
        """Fill in a gateway response: JSON in which variables are put in, and nothing else happens.

        said: variables beyond those of the request, such as `error.message`.
        """
        known = {"extendedRequestId": self.id, **said}

        def value(found: re.Match[str]) -> str:
            return json.dumps(known.get(found[1], ""))[1:-1]

        return _VARIABLE.sub(value, template)

    def _context(self) -> dict[str, Any]:
        request = self.request
        return {
            "extendedRequestId": self.id,
            "requestId": self.sender_id,
            "requestTimeEpoch": self.at_ms,
            "identity": {"sourceIp": request.remote},
            "httpMethod": request.method,
            "domainName": request.origin.partition("://")[2],
            "path": request.path,
            "responseOverride": self.override,
        }


def message_body(form: str) -> str:
    """What a filled template asks SQS to keep. Raises ValueError where it asks for anything else."""
    fields = parse_qsl(form, keep_blank_values=True, strict_parsing=True)
    if [name for name, _ in fields] != ["Action", "MessageBody"] or fields[0][1] != "SendMessage":
        raise ValueError("the form is no SendMessage with one MessageBody")
    return fields[1][1]


@cache
def _parsed(template: str) -> Any:
    try:
        airspeed = import_module("airspeed")
        operators = import_module("airspeed.operators")
    except ImportError:
        raise ExtraMissing("filling in API Gateway's templates", EXTRA) from None
    # Methods of Java's String that airspeed leaves to whoever embeds it.
    operators.__additional_methods__[str]["toLowerCase"] = str.lower
    return airspeed.Template(template)
